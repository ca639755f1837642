/* SPDX-License-Identifier: Apache-2.0 */
/* What a tunnel endpoint leaves in a BPF file system: see bpf-attach.h for
 * what that is.  Any layout is taken over: a process uses nothing of a program
 * before its own but to replace it. */
#ifndef FWD_BPF_PINS_H
#define FWD_BPF_PINS_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fwd_bpf_pins;
struct fwd_ip;
struct tsn_err;

/* Opens 'dir' for this process alone, and makes it if it is not there.  Links
 * of interfaces that are gone are removed.  Returns NULL after a line in the
 * log if nothing can be pinned there. */
struct fwd_bpf_pins *fwd_bpf_pins_open(const char *dir);
void fwd_bpf_pins_close(struct fwd_bpf_pins *);         /* NULL is fine. */

/* Whether there was anything when it was opened; whether there were links. */
bool fwd_bpf_pins_has_any(const struct fwd_bpf_pins *);
bool fwd_bpf_pins_has_links(const struct fwd_bpf_pins *);

/* The link of an interface.  Returns a descriptor owned by the caller, or
 * -errno. */
int fwd_bpf_pins_get_link(const struct fwd_bpf_pins *, const char *interface);
void fwd_bpf_pins_put_link(const struct fwd_bpf_pins *, const char *interface,
                           int fd);
/* Returns 0 or -errno. */
int fwd_bpf_pins_remove_link(const struct fwd_bpf_pins *,
                             const char *interface);
/* Removes the links of interfaces for which 'keep' is false. */
void fwd_bpf_pins_keep_links(const struct fwd_bpf_pins *,
                             bool (*keep)(const char *interface, void *aux),
                             void *aux);

/* What a process pins once. */
enum fwd_bpf_pin {
    FWD_BPF_PIN_PROGRAM,
    FWD_BPF_PIN_HEIR,
    FWD_BPF_N_PINS
};

/* Pins it for this process, which 'instance' tells from others.  Returns 0 or
 * -errno. */
int fwd_bpf_pins_put(const struct fwd_bpf_pins *, enum fwd_bpf_pin,
                     uint32_t instance, int fd);
/* Those of processes before this one: returns their number, and descriptors
 * that are borrowed until fwd_bpf_pins_forget_olds(). */
size_t fwd_bpf_pins_get_olds(const struct fwd_bpf_pins *, enum fwd_bpf_pin,
                             const int **fdsp);
/* Removes those. */
void fwd_bpf_pins_forget_olds(struct fwd_bpf_pins *, enum fwd_bpf_pin);

/* The directory of 'address' in this network namespace; NULL if there is no
 * BPF file system.  Owned by the caller. */
char *fwd_bpf_pins_dir(const struct fwd_ip *address);

/* Takes the programs of 'dir' off the interfaces of this network namespace,
 * removes the links, wherever they are, and the directory.  Calls 'said' for
 * each with a line about it.  Returns 0, also if there was nothing; or -errno
 * with '*err', -EBUSY while a process uses the directory. */
int fwd_bpf_pins_remove(const char *dir,
                        void (*said)(const char *line, void *aux), void *aux,
                        struct tsn_err *err);

/* The same for all directories of this network namespace, or, with 'address',
 * for that of it.  -ENOENT without a BPF file system. */
int fwd_bpf_pins_remove_all(const struct fwd_ip *address,
                            void (*said)(const char *line, void *aux),
                            void *aux, struct tsn_err *err);

#endif /* replication/forwarder/bpf-pins.h */
