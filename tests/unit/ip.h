/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses in tests. */
#ifndef TESTS_UNIT_IP_H
#define TESTS_UNIT_IP_H 1

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tsn/model.h"

static inline struct in6_addr
ip(const char *s)
{
    struct in6_addr addr;

    assert_int_equal(tsn_ip_parse(s, &addr), 0);
    return addr;
}

#endif /* tests/unit/ip.h */
