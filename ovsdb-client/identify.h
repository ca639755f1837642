/* SPDX-License-Identifier: Apache-2.0 */
/* Asks a peer that has connected to us whether it is an OVSDB server, and
 * which switches it has: "list_dbs", then a "select" of the names in
 * Physical_Switch (RFC 7047 4.1.1, 5.2.2; spec/tor-agent.md A.9).
 *
 * Text in, text out, no I/O.  Whatever the peer sends is an answer, -EAGAIN or
 * an error.  One thread. */
#ifndef OVSDB_CLIENT_IDENTIFY_H
#define OVSDB_CLIENT_IDENTIFY_H 1

#include <stdbool.h>
#include <stddef.h>

struct ds;
struct ovc_identify;
struct sset;
struct tsn_err;

/* Switches whose names are read of one database: four times the largest that
 * is known behind one controller. */
#define OVC_IDENTIFY_MAX_NAMES 1024

/* With 'want_names' the second question is put, too.  There is output at
 * once. */
struct ovc_identify *ovc_identify_create(bool want_names);
void ovc_identify_destroy(struct ovc_identify *);       /* NULL is fine. */

/* What is to be sent; the caller clears it when that is done. */
struct ds *ovc_identify_output(struct ovc_identify *);

/* Reads what was received.  Returns 0 when all is known, with '*used', how
 * much of 'data' that took: what follows is not ours.  -EAGAIN when more is
 * needed; or -EPROTO (this is no OVSDB server) or -ENOENT (one without
 * hardware_vtep) with '*err'.  In any case there may be output. */
int ovc_identify_push(struct ovc_identify *, const char *data, size_t size,
                      size_t *used, struct tsn_err *err);

/* Of the switches in the database; borrowed. */
const struct sset *ovc_identify_names(const struct ovc_identify *);

#endif /* ovsdb-client/identify.h */
