/* SPDX-License-Identifier: Apache-2.0 */
/* Has interfaces run the ingress program, and go on with it when this process
 * is gone.
 *
 * Through a dispatcher (bpf-dispatch.h) if the host has that, next to the
 * programs of others; else by a link of its own, which leaves no room for any.
 * With a BPF file system both outlive the process, and so do program and maps.
 * The next process puts its own program, with maps that it has filled, in
 * place of the old one: into the link at once, or into the dispatcher before
 * it takes the old one out, where the first to run has the frame.  No frame
 * meets neither, and none both.
 *
 * A link that is there stays one, as no frame must be lost between link and
 * dispatcher: fwd_bpf_remove() makes room for a dispatcher.
 *
 * What is pinned, in the directory:
 *
 *     ingress-INTERFACE  the link
 *     program-INSTANCE   the program of a dispatcher, to be known as ours
 *     heir-INSTANCE      where the next process puts its program "heir": see
 *                        bpf/abi.h */
#ifndef FWD_BPF_ATTACH_H
#define FWD_BPF_ATTACH_H 1

#include <stdbool.h>

struct fwd_bpf_attach;
struct fwd_bpf_grace;
struct fwd_bpf_maps;

enum fwd_bpf_mode {
    FWD_BPF_NATIVE,             /* In the driver. */
    FWD_BPF_GENERIC             /* In the stack: any interface can. */
};

/* 'dir' is where to pin, below a BPF file system; NULL: nowhere.  The
 * directory is this process's until fwd_bpf_attach_destroy(). */
struct fwd_bpf_attach *fwd_bpf_attach_create(const char *dir);

/* Pinned links and programs stay. */
void fwd_bpf_attach_destroy(struct fwd_bpf_attach *);   /* NULL is fine. */

/* Why there should be no dispatcher, even if there could; NULL if nothing
 * speaks against it.  On an underlay of jumbo frames libxdp's (1.3.1) has no
 * place in the driver, as it does not ask programs that are loaded whether they
 * know frames in several pieces of memory. */
const char *fwd_bpf_attach_why_link(const struct fwd_bpf_attach *);

/* The program to run: through a dispatcher, if it is one for that.  Before
 * those below; 'maps' are borrowed until fwd_bpf_attach_destroy(). */
void fwd_bpf_attach_use(struct fwd_bpf_attach *, const struct fwd_bpf_maps *,
                        bool dispatcher);

/* Whether another process has left something behind. */
bool fwd_bpf_attach_has_old(const struct fwd_bpf_attach *);

/* Runs the program on 'ifindex', if it does not do so already.  Returns 0 or
 * -errno, -EBUSY for an interface with a program of somebody else that came
 * without a dispatcher. */
int fwd_bpf_attach_to(struct fwd_bpf_attach *, int ifindex,
                      enum fwd_bpf_mode);

/* Forgets an interface that is not used any more, if it ran the program. */
void fwd_bpf_detach_from(struct fwd_bpf_attach *, int ifindex);

/* Forgets interfaces that are gone, and looks whether somebody took the program
 * out of the dispatcher of one, which is then to be attached to anew. */
void fwd_bpf_attach_check(struct fwd_bpf_attach *);

/* Removes what is left of processes before this one, but for what programs that
 * are still running could need: that after a grace period, and if another
 * process comes before, in that one. */
void fwd_bpf_attach_clean(struct fwd_bpf_attach *, struct fwd_bpf_grace *);

/* Interface 'i' of those that run the program: its name, NULL if there are not
 * so many, and in '*othersp' the names of the programs that share a dispatcher
 * with ours; NULL without a dispatcher. */
const char *fwd_bpf_attach_get(const struct fwd_bpf_attach *, int i,
                               const char **othersp);

/* Whether programs go on when this process ends. */
bool fwd_bpf_attach_is_pinning(const struct fwd_bpf_attach *);

/* Whether the interface has our program. */
bool fwd_bpf_attach_has(const struct fwd_bpf_attach *, int ifindex);

#endif /* replication/forwarder/bpf-attach.h */
