/* SPDX-License-Identifier: Apache-2.0 */
/* The BPF programs, for the kernel to run on frames out of memory
 * (BPF_PROG_TEST_RUN): no interface takes part.  The maps are filled by the
 * engine's own code.
 *
 * The kernel runs no program this way that is for device maps, so the egress
 * programs are there twice: for the device maps, and on the same maps, but
 * loaded as if they were for interfaces. */
#ifndef TESTS_BPF_RUN_H
#define TESTS_BPF_RUN_H 1

#include "fwd_fixture.h"
#include "replication/forwarder/bpf-maps.h"
#include "replication/forwarder/counters.h"

struct bpf_run;

/* Programs that forward by 'table', which is taken.  The interfaces that it
 * takes must be there, with permanent neighbours.  NULL after print_message()
 * if the kernel does not take programs. */
struct bpf_run *bpf_run_create(const struct fwd_host *, struct fwd_table *);
/* The same, where that many endpoints cannot be sent to. */
struct bpf_run *bpf_run_create_with(const struct fwd_host *,
                                    struct fwd_table *, size_t n_unresolved);
void bpf_run_destroy(struct bpf_run *);                 /* NULL is fine. */

const struct fwd_table *bpf_run_table(const struct bpf_run *);

/* Runs a program on 'in', an Ethernet frame.  Returns what it returns, an
 * XDP_*, with the frame as it left it in '*out'. */
uint32_t bpf_run_ingress(struct bpf_run *, const struct frame *in,
                         struct frame *out);
uint32_t bpf_run_egress(struct bpf_run *, unsigned int dev,
                        const struct frame *in, struct frame *out);

/* How many copies of a frame that the ingress program has redirected are made
 * for interface 'dev'. */
uint32_t bpf_run_n_copies(const struct bpf_run *,
                          const struct frame *redirected, unsigned int dev);
/* Whether it is for one destination alone. */
bool bpf_run_is_single(const struct frame *redirected);
/* The interface of that number; 0 if it is not used. */
int bpf_run_ifindex(const struct bpf_run *, unsigned int dev);

/* Waits until that many endpoints cannot be sent to, and programs know. */
void bpf_run_wait(struct bpf_run *, size_t n_unresolved);

/* Waits until some ways have changed, of more than are looked up in one turn,
 * and has networks settle as if they had all been written just now.  Returns
 * whether it is still known that endpoints have moved. */
bool bpf_run_settle_amid(struct bpf_run *);

/* What the programs have counted since this was called last. */
void bpf_run_count(struct bpf_run *, struct fwd_counters *);

#endif /* tests/unit/bpf_run.h */
