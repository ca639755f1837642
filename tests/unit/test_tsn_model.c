/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tsn/model.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "util.h"

static void
ip__text__parsed_and_formatted_back(void **state)
{
    static const char *const texts[] = {
        "0.0.0.0", "10.0.0.1", "255.255.255.255", "::", "::1",
        "2001:db8::ff", "fe80::1",
    };

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        char buf[TSN_IP_STRLEN];
        struct in6_addr ip;

        assert_int_equal(tsn_ip_parse(texts[i], &ip), 0);
        assert_string_equal(tsn_ip_format(&ip, buf), texts[i]);
        assert_int_equal(tsn_ip_is_v4(&ip), strchr(texts[i], '.') != NULL);
    }
}

static void
ip__mapped_text__is_v4(void **state)
{
    char buf[TSN_IP_STRLEN];
    struct in6_addr mapped, plain;

    assert_int_equal(tsn_ip_parse("::ffff:10.0.0.1", &mapped), 0);
    assert_int_equal(tsn_ip_parse("10.0.0.1", &plain), 0);
    assert_true(tsn_ip_equals(&mapped, &plain));
    assert_string_equal(tsn_ip_format(&mapped, buf), "10.0.0.1");
}

static void
ip__wrong_text__refused(void **state)
{
    static const char *const texts[] = {
        "", "10.0.0", "10.0.0.256", "10.0.0.1 ", " 10.0.0.1", "10.0.0.1/8",
        "fe80::1%eth0", "::g", "host", "1:2:3:4:5:6:7:8:9", "010.0.0.1",
    };

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct in6_addr ip;
        assert_int_equal(tsn_ip_parse(texts[i], &ip), -EINVAL);
    }
}

static void
ip__zeros_of_either_family__not_set(void **state)
{
    struct in6_addr ip;

    assert_int_equal(tsn_ip_parse("0.0.0.0", &ip), 0);
    assert_false(tsn_ip_is_set(&ip));
    assert_int_equal(tsn_ip_parse("::", &ip), 0);
    assert_false(tsn_ip_is_set(&ip));
    assert_int_equal(tsn_ip_parse("0.0.0.1", &ip), 0);
    assert_true(tsn_ip_is_set(&ip));
}

static void
ip__host__unicast_only(void **state)
{
    static const struct {
        const char *text;
        bool is_host;
    } cases[] = {
        { "10.0.0.1", true }, { "127.0.0.1", true }, { "0.0.0.0", false },
        { "224.0.0.1", false }, { "239.255.255.255", false },
        { "255.255.255.255", false }, { "::1", true }, { "::", false },
        { "2001:db8::1", true }, { "ff02::1", false },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct in6_addr ip;

        assert_int_equal(tsn_ip_parse(cases[i].text, &ip), 0);
        assert_int_equal(tsn_ip_is_host(&ip), cases[i].is_host);
    }
}

static void
prefix__text__address_and_length(void **state)
{
    static const struct {
        const char *text;
        const char *ip;
        uint8_t plen;
    } cases[] = {
        { "192.0.2.0/24", "192.0.2.0", 24 },
        { "192.0.2.5/24", "192.0.2.5", 24 },
        { "0.0.0.0/0", "0.0.0.0", 0 },
        { "10.1.2.3/32", "10.1.2.3", 32 },
        { "2001:db8::/64", "2001:db8::", 64 },
        { "::1/128", "::1", 128 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char buf[TSN_IP_STRLEN];
        struct in6_addr ip;
        uint8_t plen;

        assert_int_equal(tsn_prefix_parse(cases[i].text, &ip, &plen), 0);
        assert_string_equal(tsn_ip_format(&ip, buf), cases[i].ip);
        assert_int_equal(plen, cases[i].plen);
    }
}

static void
prefix__wrong_text__refused_and_untouched(void **state)
{
    static const char *const texts[] = {
        "", "/", "192.0.2.0", "192.0.2.0/", "192.0.2.0/33", "192.0.2.0/-1",
        "192.0.2.0/+1", "192.0.2.0/ 1", "192.0.2.0/24 ", "192.0.2.0/0x8",
        "2001:db8::/129", "192.0.2.0/24/24", "/24",
        "1111:1111:1111:1111:1111:1111:1111:1111:1111:1111/8",
        "192.0.2.0/99999999999999999999",
    };

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct in6_addr ip = IN6ADDR_LOOPBACK_INIT;
        uint8_t plen = 77;

        assert_int_equal(tsn_prefix_parse(texts[i], &ip, &plen), -EINVAL);
        assert_true(IN6_IS_ADDR_LOOPBACK(&ip));
        assert_int_equal(plen, 77);
    }
}

static void
sockaddr__text__address_and_port(void **state)
{
    static const struct {
        const char *text;
        const char *ip;
        uint16_t port;
        int family;
    } cases[] = {
        { "10.0.0.5", "10.0.0.5", 5269, AF_INET },
        { "10.0.0.5:1", "10.0.0.5", 1, AF_INET },
        { "10.0.0.5:65535", "10.0.0.5", 65535, AF_INET },
        { "[2001:db8::1]", "2001:db8::1", 5269, AF_INET6 },
        { "[2001:db8::1]:80", "2001:db8::1", 80, AF_INET6 },
        { "2001:db8::1", "2001:db8::1", 5269, AF_INET6 },
        { "::1", "::1", 5269, AF_INET6 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char buf[TSN_IP_STRLEN];
        struct sockaddr_storage ss;
        struct in6_addr ip;
        uint16_t port;

        assert_int_equal(tsn_sockaddr_parse(cases[i].text, 5269, &ss), 0);
        assert_int_equal(ss.ss_family, cases[i].family);
        if (ss.ss_family == AF_INET) {
            struct sockaddr_in *sin = (struct sockaddr_in *) &ss;
            assert_int_equal(tsn_ip_parse(cases[i].ip, &ip), 0);
            assert_int_equal(sin->sin_addr.s_addr, ip.s6_addr32[3]);
            port = ntohs(sin->sin_port);
        } else {
            struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *) &ss;
            assert_string_equal(tsn_ip_format(&sin6->sin6_addr, buf),
                                cases[i].ip);
            port = ntohs(sin6->sin6_port);
        }
        assert_int_equal(port, cases[i].port);
    }
}

static void
sockaddr__wrong_text__refused_and_untouched(void **state)
{
    static const char *const texts[] = {
        "", ":", ":80", "10.0.0.5:", "10.0.0.5:0", "10.0.0.5:65536",
        "10.0.0.5:-1", "10.0.0.5:80x", "10.0.0.5:80:80", "[", "[]", "[]:80",
        "[::1", "[::1]80", "[::1]:", "[::1]:0", "[10.0.0.5]:80", "host:80",
        "10.0.0.5 :80",
        "11111111111111111111111111111111111111111111111111111111111111",
    };

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct sockaddr_storage ss, before;

        memset(&ss, 0x5a, sizeof ss);
        memcpy(&before, &ss, sizeof ss);
        if (tsn_sockaddr_parse(texts[i], 5269, &ss) != -EINVAL) {
            fail_msg("'%s' is accepted", texts[i]);
        }
        assert_memory_equal(&ss, &before, sizeof ss);
    }
}

static void
ip__in_an_array__is_found(void **state OVS_UNUSED)
{
    struct in6_addr ips[3], other;

    assert_int_equal(tsn_ip_parse("10.0.0.1", &ips[0]), 0);
    assert_int_equal(tsn_ip_parse("2001:db8::1", &ips[1]), 0);
    assert_int_equal(tsn_ip_parse("10.0.0.3", &ips[2]), 0);
    assert_int_equal(tsn_ip_parse("10.0.0.4", &other), 0);
    assert_true(tsn_ip_is_in(ips, 3, &ips[0]));
    assert_true(tsn_ip_is_in(ips, 3, &ips[2]));
    assert_false(tsn_ip_is_in(ips, 2, &ips[2]));
    assert_false(tsn_ip_is_in(ips, 3, &other));
    assert_false(tsn_ip_is_in(NULL, 0, &other));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ip__text__parsed_and_formatted_back),
        cmocka_unit_test(ip__mapped_text__is_v4),
        cmocka_unit_test(ip__wrong_text__refused),
        cmocka_unit_test(ip__zeros_of_either_family__not_set),
        cmocka_unit_test(ip__host__unicast_only),
        cmocka_unit_test(ip__in_an_array__is_found),
        cmocka_unit_test(prefix__text__address_and_length),
        cmocka_unit_test(prefix__wrong_text__refused_and_untouched),
        cmocka_unit_test(sockaddr__text__address_and_port),
        cmocka_unit_test(sockaddr__wrong_text__refused_and_untouched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
