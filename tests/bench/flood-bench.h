/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of flood-bench: each command runs with its arguments and returns
 * the exit status. */
#ifndef TESTS_BENCH_FLOOD_BENCH_H
#define TESTS_BENCH_FLOOD_BENCH_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of the networks the first. */
#define FLOOD_BENCH_VNI 100
/* For the neighbours to answer. */
#define FLOOD_BENCH_RESOLVE_MS 10000

struct fwd;
struct fwd_network;
struct fwd_table;
struct tsn_loop;

/* Tells whoever started us, and waits for a line from there: false at the
 * end. */
void flood_bench_ready(void);
bool flood_bench_read_line(void);

/* A network of FROM and 'n' endpoints from 'first' on, all of them switches;
 * and a table of it alone.  The caller owns what is returned. */
struct fwd_network *flood_bench_network(uint32_t vni, const char *from,
                                        uint32_t first, size_t n);
struct fwd_table *flood_bench_table(const char *from, const char *first,
                                    size_t n);

/* A forwarder with an engine of that name. */
struct fwd *flood_bench_forwarder(struct tsn_loop *, const char *engine,
                                  const char *address);
/* Turns until there is a way to all endpoints. */
void flood_bench_resolve(struct tsn_loop *, struct fwd *);

/* flood-bench-ask.c. */
int flood_bench_ask(char *argv[]);
int flood_bench_answer(char *argv[]);

/* flood-bench-cost.c. */
int flood_bench_change(char *argv[]);
int flood_bench_load(char *argv[]);

/* flood-bench-xdp.c. */
int flood_bench_send(char *argv[]);
int flood_bench_count(char *argv[]);

#endif /* tests/bench/flood-bench.h */
