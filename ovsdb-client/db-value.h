/* SPDX-License-Identifier: Apache-2.0 */
/* Values of columns in the notation of RFC 7047 section 5.1. */
#ifndef OVSDB_CLIENT_DB_VALUE_H
#define OVSDB_CLIENT_DB_VALUE_H 1

#include <stdbool.h>

struct json;

enum vtep_type {
    VTEP_STRING,                /* char *, never NULL. */
    VTEP_TEXT,                  /* struct vtep_text. */
    VTEP_STRINGS,               /* struct vtep_strings. */
    VTEP_INTEGER,               /* struct vtep_integer. */
    VTEP_UUID,                  /* struct uuid; all zeros: none. */
    VTEP_UUIDS,                 /* struct vtep_uuids. */
    VTEP_BINDINGS,              /* struct vtep_bindings. */
    VTEP_MAP,                   /* struct smap. */
};

/* Makes '*value' empty.  What it had is not freed. */
void ovc_value_init(void *value, enum vtep_type);
void ovc_value_fini(void *value, enum vtep_type);

/* '*value' becomes what 'json' says.  '*changed' gets whether that is
 * something else than before.  Returns false, and makes it empty, if 'json'
 * has another form. */
bool ovc_value_set(void *value, enum vtep_type, const struct json *,
                   bool *changed);

#endif /* ovsdb-client/db-value.h */
