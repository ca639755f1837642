/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tsnctl/print.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "tsnctl/client.h"
#include "tsnctl/render.h"

void
tsnctl_print_json(const struct json *json)
{
    char *s = json_to_string(json, JSSF_PRETTY | JSSF_SORT);

    puts(s);
    free(s);
}

void
tsnctl_print_text(const struct tsnctl_reply *reply, int indent)
{
    struct ds out = DS_EMPTY_INITIALIZER;
    /* The reply's own keys have no place among those of the result. */
    const char *result = strstr(reply->text, "\"result\":");

    tsnctl_render(&out, reply->result,
                  result ? result + strlen("\"result\":") : reply->text,
                  indent);
    fputs(ds_cstr(&out), stdout);
    ds_destroy(&out);
}
