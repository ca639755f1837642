/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of XDP programs in generic mode, in which some kernels have the
 * copies of a frame share its data: there the engine is refused, which
 * test_fwd_bpf_shared.c is about, and they have nothing to test. */
#ifndef TESTS_GENERIC_XDP_H
#define TESTS_GENERIC_XDP_H 1

#include <stdbool.h>

#include "replication/forwarder/forwarder.h"
#include "replication/forwarder/xdp-copies.h"
#include "tsn/error.h"

/* Whether an engine must be skipped on this kernel; prints why. */
static inline bool
skip_generic_xdp(enum fwd_engine engine)
{
    struct tsn_err err;

    if (engine != FWD_ENGINE_EBPF_GENERIC || !fwd_xdp_check_copies(&err)) {
        return false;
    }
    print_message("SKIP: %s\n", tsn_err_format(&err));
    return true;
}

#endif /* tests/unit/generic_xdp.h */
