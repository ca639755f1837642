/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "xmpp/repair.h"

#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "util.h"
#include "xmpp/xml.h"

/* Finds the value of the attribute.  It has quotes, ">" and blanks of its own,
 * but no line end, while the tag is alone on the rest of its line: what ends
 * the line ends the value. */
static const char *
find_value(const char *data, size_t size, size_t *length)
{
    static const char message[] = "<message";
    static const char start[] = "<items node=\"";
    static const char end[] = "\">";

    if (size < strlen(message) || memcmp(data, message, strlen(message))) {
        return NULL;
    }
    const char *items = memmem(data, MIN(size, XMPP_REPAIR_MAX_BEFORE), start,
                               strlen(start));
    if (!items) {
        return NULL;
    }
    const char *value = items + strlen(start);
    const char *eol = memchr(value, '\n', MIN((size_t) (data + size - value),
                                              XMPP_REPAIR_MAX_NODE));
    if (!eol) {
        return NULL;
    }
    size_t n = eol - value;
    while (n && (value[n - 1] == ' ' || value[n - 1] == '\t'
                 || value[n - 1] == '\r')) {
        n--;
    }
    if (n < strlen(end)
        || memcmp(value + n - strlen(end), end, strlen(end))) {
        return NULL;
    }
    *length = n - strlen(end);
    return value;
}

bool
xmpp_repair_items_node(const char *data, size_t size, struct ds *out)
{
    size_t length;
    const char *value = find_value(data, size, &length);

    if (!value || memchr(value, '\0', length)) {
        return false;
    }
    char *name = xmemdup0(value, length);
    bool wrong = name[strcspn(name, "&<\"")] != '\0';
    if (wrong) {
        ds_put_buffer(out, data, value - data);
        xmpp_xml_escape(out, name);
        ds_put_buffer(out, value + length, data + size - value - length);
    }
    free(name);
    return wrong;
}
