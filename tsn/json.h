/* SPDX-License-Identifier: Apache-2.0 */
/* A streaming JSON writer: values go to the text as they come, nothing is
 * held, so a table of 100 000 rows costs its text and no more.  Used by one
 * thread at a time. */
#ifndef TSN_JSON_H
#define TSN_JSON_H 1

#include <stdbool.h>
#include <stdint.h>

struct ds;
struct eth_addr;
struct in6_addr;

#define TSN_JSON_DEPTH 16

struct tsn_json {
    struct ds *out;
    int depth;
    bool comma[TSN_JSON_DEPTH];
};

/* Writes to the end of 'out', which stays the caller's. */
void tsn_json_init(struct tsn_json *, struct ds *out);

/* For elements of an array that is written elsewhere, by another thread, say;
 * they go there by tsn_json_elements(). */
void tsn_json_init_elements(struct tsn_json *, struct ds *out);
void tsn_json_elements(struct tsn_json *, const struct ds *elements);

/* 'key' is NULL inside an array and at the top. */
void tsn_json_object_begin(struct tsn_json *, const char *key);
void tsn_json_object_end(struct tsn_json *);
void tsn_json_array_begin(struct tsn_json *, const char *key);
void tsn_json_array_end(struct tsn_json *);
/* A NULL 'value' becomes null.  Bytes that are not UTF-8 become U+FFFD. */
void tsn_json_string(struct tsn_json *, const char *key, const char *value);
void tsn_json_stringf(struct tsn_json *, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void tsn_json_uint(struct tsn_json *, const char *key, uint64_t value);
void tsn_json_int(struct tsn_json *, const char *key, int64_t value);
void tsn_json_bool(struct tsn_json *, const char *key, bool value);
void tsn_json_mac(struct tsn_json *, const char *key, const struct eth_addr *);
/* An address that is not set becomes null. */
void tsn_json_ip(struct tsn_json *, const char *key, const struct in6_addr *);

#endif /* tsn/json.h */
