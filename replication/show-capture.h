/* SPDX-License-Identifier: Apache-2.0 */
/* Captures on the control socket, as "tsnctl capture" asks for them:
 *
 *   capture start [network=NETWORK] [from=VTEP] [drops=REASON|any]
 *                 [snaplen=OCTETS]
 *     {"session": 7, "snaplen": 16383,
 *      "interfaces": [{"name": "ebpf", "description": "..."}, ...]}
 *   capture read 7
 *     {"frames": [{"interface": 0, "time_ns": 1790000000000000000,
 *                  "size": 92, "out": false, "comment": "blue vni=100 ...",
 *                  "inner": "02:bb:... > ff:ff:... type=0806 size=42",
 *                  "data": "02bb..."}, ...],
 *      "lost": [0, 0], "more": false, "ended": false}
 *   capture stop 7
 *     {}
 *
 * "data" are the octets from the outer Ethernet header on, of "size" that
 * there were; "lost" is how many frames there was no room for, by interface.
 * After a stop what was captured is still read; "ended" comes with the last of
 * it.  Who does not read for some seconds has no capture any more. */
#ifndef REPL_SHOW_CAPTURE_H
#define REPL_SHOW_CAPTURE_H 1

struct repl_show;
struct tsn_ctl;

/* Serves these commands, for as long as 'ctl' serves. */
void repl_show_capture_register(struct tsn_ctl *ctl, struct repl_show *);

#endif /* replication/show-capture.h */
