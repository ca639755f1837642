/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tsn/error.h"

#include <stdarg.h>
#include <stdio.h>

void
tsn_err_set(struct tsn_err *err, const char *where, const char *fmt, ...)
{
    if (!err) {
        return;
    }
    snprintf(err->where, sizeof err->where, "%s", where ? where : "");

    va_list args;
    va_start(args, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
}

const char *
tsn_err_format(const struct tsn_err *err)
{
    static __thread char buf[sizeof err->where + sizeof err->text + 2];

    snprintf(buf, sizeof buf, "%s%s%s", err->where, err->where[0] ? ": " : "",
             err->text);
    return buf;
}
