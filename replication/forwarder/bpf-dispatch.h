/* SPDX-License-Identifier: Apache-2.0 */
/* libxdp's dispatcher: several XDP programs at one interface, each run if the
 * one before lets the frame pass.  The only file that knows libxdp.
 *
 * Ours has libxdp's default priority, FWD_BPF_PRIORITY: a filter that should
 * see frames first has a lower one.  The dispatcher is pinned by libxdp, so it
 * outlives the process.  All this needs CAP_SYS_ADMIN, as programs are looked
 * up by number, and some 10 to 100 ms: for the control thread, and only when
 * something changes. */
#ifndef FWD_BPF_DISPATCH_H
#define FWD_BPF_DISPATCH_H 1

#include <stdbool.h>
#include <stdint.h>

#include "replication/forwarder/bpf-attach.h"

struct bpf_program;
struct ds;
struct tsn_err;
struct xdp_program;

#define FWD_BPF_PRIORITY 50

/* Makes 'program', opened and not loaded yet, one for a dispatcher.  Returns 0
 * with '*targetp' owned by the caller, who gives it back after loading; or
 * -errno with '*err' saying why this host has no dispatcher. */
int fwd_bpf_dispatch_prepare(struct bpf_program *program,
                             struct xdp_program **targetp,
                             struct tsn_err *err);
void fwd_bpf_dispatch_release(struct xdp_program *target);  /* NULL is fine. */

/* Adds a loaded program to those of an interface, if it is not among them.
 * Returns 0 or -errno: -EBUSY for an interface with a program that came
 * without a dispatcher, or with programs in the driver while 'mode' is not
 * that; -EOPNOTSUPP for one with programs in the stack while 'mode' is the
 * driver. */
int fwd_bpf_dispatch_attach(int program, int ifindex, enum fwd_bpf_mode mode);

/* Takes a program away again; the others stay.  Returns 0, -ENOENT if it was
 * not there, or another -errno. */
int fwd_bpf_dispatch_detach(int program, int ifindex);

/* Whether an interface has the program in a dispatcher.  Adds the names of the
 * other ones there to '*others', if not NULL, separated by blanks. */
bool fwd_bpf_dispatch_has(int program, int ifindex, struct ds *others);

#endif /* replication/forwarder/bpf-dispatch.h */
