/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tsn/config.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "socket-util.h"
#include "tsn/error.h"
#include "tsn/yaml-check.h"
#include "util.h"

static char dir[] = "/tmp/tsn-config.XXXXXX";
static char *path;

static int
setup(void **state)
{
    if (!mkdtemp(dir)) {
        return -1;
    }
    path = xasprintf("%s/f.yaml", dir);
    return 0;
}

static int
teardown(void **state)
{
    unlink(path);
    rmdir(dir);
    free(path);
    return 0;
}

static void
write_file(const char *text, size_t size)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static struct tsn_config *
load_ok(const char *text)
{
    struct tsn_config *config = NULL;
    struct tsn_err err;

    write_file(text, strlen(text));
    if (tsn_config_load(path, &config, &err)) {
        fail_msg("%s\nis refused: %s", text, tsn_err_format(&err));
    }
    return config;
}

/* 'where' is "LINE:COLUMN", or "" when only the file is named. */
static void
assert_refused_size(const char *text, size_t size, const char *where,
                    const char *what)
{
    struct tsn_config *config = (struct tsn_config *) 1;
    struct tsn_err err = { .text = "" };

    write_file(text, size);
    int retval = tsn_config_load(path, &config, &err);
    if (!retval) {
        tsn_config_destroy(config);
        fail_msg("%s\nis accepted", text);
    }
    assert_ptr_equal(config, (struct tsn_config *) 1);
    assert_int_equal(retval, -EINVAL);

    char *expected = xasprintf("%s%s%s", path, *where ? ":" : "", where);
    if (strcmp(err.where, expected) || !strstr(err.text, what)) {
        fail_msg("%s\ngives '%s'\ninstead of '%s: ...%s...'", text,
                 tsn_err_format(&err), expected, what);
    }
    assert_null(strchr(err.text, '\n'));
    free(expected);

    /* The reason is optional. */
    assert_int_equal(tsn_config_load(path, &config, NULL), -EINVAL);
}

static void
assert_refused(const char *text, const char *where, const char *what)
{
    assert_refused_size(text, strlen(text), where, what);
}

static void
assert_controller(const struct tsn_config *c, size_t i, const char *expected)
{
    struct sockaddr_storage ss;

    assert_int_equal(tsn_sockaddr_parse(expected, 0, &ss), 0);
    assert_memory_equal(&c->controllers[i], &ss, sizeof ss);
}

static void
assert_ip(const struct in6_addr *ip, const char *expected)
{
    char buf[TSN_IP_STRLEN];

    assert_string_equal(tsn_ip_format(ip, buf), expected);
}

static void
config__every_key__all_values(void **state)
{
    struct tsn_config *c = load_ok(
        "controllers: [10.0.0.5, \"10.0.0.6:5270\", \"[2001:db8::1]:1\"]\n"
        "subcluster: edge\n"
        "hold-time: 30\n"
        "stale-hold: 0\n"
        "frozen-hold: 3600\n"
        "tor-agent:\n"
        "  tsn: 10.0.0.100\n"
        "  mac-move-limit: 0\n"
        "  mac-move-window: 10\n"
        "  mac-freeze: 20\n"
        "  copy-hold: 60\n"
        "  mac-ip: true\n"
        "  workers: 3\n"
        "  tors:\n"
        "  - name: tor1\n"
        "    agent-name: tor1-agent\n"
        "    ovsdb: tcp:10.0.0.1:6640\n"
        "    tsn: 127.0.0.1\n"
        "    probe-interval: 0\n"
        "    switches: [leaf1, leaf2]\n"
        "    max-backoff: 2000\n"
        "    cleanup-wait: 0\n"
        "    ownership: shared\n"
        "  - {name: tor2, ovsdb: \"unix:/run/x.sock\"}\n"
        "  - {name: tor3, ovsdb: \"ptcp:6640:[::1]\"}\n"
        "  - {name: tor4, ovsdb: \"ptcp:6641:10.0.0.1\"}\n"
        "  - {name: tor5, ovsdb: \"punix:/run/y.sock\"}\n"
        "  - {name: tor6, ovsdb: \"tcp:[::1]:1\"}\n"
        "  - {name: tor7, ovsdb: \"ptcp:6642\", probe-interval: 1000}\n"
        "replicator:\n"
        "  name: tsn1\n"
        "  address: 10.0.0.100\n"
        "  address6: \"2001:db8::100\"\n"
        "  service-mac: 02:00:00:00:00:01\n"
        "  engine: socket\n"
        "  storm-control: {network: 1000, tor: 2000, burst: 100}\n");
    const struct eth_addr mac = ETH_ADDR_C(02,00,00,00,00,01);

    assert_int_equal(c->n_controllers, 3);
    assert_controller(c, 0, "10.0.0.5:5269");
    assert_controller(c, 1, "10.0.0.6:5270");
    assert_controller(c, 2, "[2001:db8::1]:1");
    assert_string_equal(c->subcluster, "edge");
    assert_int_equal(c->hold_s, 30);
    assert_int_equal(c->stale_hold_s, 0);
    assert_int_equal(c->frozen_hold_s, 3600);
    assert_int_equal(c->bridge.move_limit, 0);
    assert_int_equal(c->bridge.move_window_ms, 10000);
    assert_int_equal(c->bridge.freeze_ms, 20000);
    assert_int_equal(c->bridge.copy_hold_ms, 60000);
    assert_true(c->bridge.ipaddr);
    assert_int_equal(c->n_tors, 7);
    assert_string_equal(c->tors[0].name, "tor1");
    assert_string_equal(c->tors[0].agent_name, "tor1-agent");
    assert_string_equal(c->tors[0].ovsdb, "tcp:10.0.0.1:6640");
    assert_ip(&c->tors[0].tsns[0], "127.0.0.1");
    assert_int_equal(c->tors[0].probe_ms, 0);
    assert_int_equal(c->n_workers, 3);
    assert_int_equal(c->tors[0].n_switches, 2);
    assert_string_equal(c->tors[0].switches[0], "leaf1");
    assert_string_equal(c->tors[0].switches[1], "leaf2");
    assert_int_equal(c->tors[0].max_backoff_ms, 2000);
    assert_int_equal(c->tors[0].cleanup_ms, 0);
    assert_true(c->tors[0].shared);
    assert_string_equal(c->tors[1].agent_name, "tor2");
    assert_int_equal(c->tors[1].n_switches, 1);
    assert_string_equal(c->tors[1].switches[0], "tor2");
    assert_int_equal(c->tors[1].max_backoff_ms, 8000);
    assert_int_equal(c->tors[1].cleanup_ms, 30000);
    assert_false(c->tors[1].shared);
    assert_ip(&c->tors[1].tsns[0], "10.0.0.100");
    assert_int_equal(c->tors[1].probe_ms, 10000);
    assert_int_equal(c->tors[6].probe_ms, 1000);
    assert_true(c->has_replicator);
    assert_string_equal(c->replicator.name, "tsn1");
    assert_ip(&c->replicator.address, "10.0.0.100");
    assert_ip(&c->replicator.address6, "2001:db8::100");
    assert_true(eth_addr_equals(c->replicator.service_mac, mac));
    assert_int_equal(c->replicator.engine, TSN_FORWARDER_SOCKET);
    assert_int_equal(c->replicator.storm.network, 1000);
    assert_int_equal(c->replicator.storm.tor, 2000);
    assert_int_equal(c->replicator.storm.burst, 100);
    tsn_config_destroy(c);
}

static void
config__kind_of_switch__own_keys_or_those_for_all(void **state)
{
    struct tsn_config *c = load_ok(
        "controllers: [10.0.0.5]\n"
        "tor-agent:\n"
        "  profile: qfx5k\n"
        "  tsns: [10.0.0.100, 10.0.0.99]\n"
        "  bfd: {min-tx: 100}\n"
        "  tors:\n"
        "  - {name: t1, ovsdb: \"tcp:10.0.0.1:1\"}\n"
        "  - name: t2\n"
        "    ovsdb: tcp:10.0.0.2:1\n"
        "    profile: ovs-vtep\n"
        "    tsn: 10.0.0.98\n"
        "    bfd: {enable: false}\n"
        "  - name: t3\n"
        "    ovsdb: tcp:10.0.0.3:1\n"
        "    tsns: [10.0.0.99, 10.0.0.98, 10.0.0.97]\n"
        "    bfd: {min-rx: 500}\n");
    const struct tsn_config_tor *t = c->tors;

    assert_string_equal(t[0].profile, "qfx5k");
    assert_int_equal(t[0].n_tsns, 2);
    assert_ip(&t[0].tsns[0], "10.0.0.100");
    assert_ip(&t[0].tsns[1], "10.0.0.99");
    assert_int_equal(t[0].bfd_min_rx_ms, 300);
    assert_int_equal(t[0].bfd_min_tx_ms, 100);
    assert_string_equal(t[1].profile, "ovs-vtep");
    assert_int_equal(t[1].n_tsns, 1);
    assert_ip(&t[1].tsns[0], "10.0.0.98");
    assert_int_equal(t[1].bfd_min_rx_ms, 0);
    assert_string_equal(t[2].profile, "qfx5k");
    assert_int_equal(t[2].n_tsns, 3);
    assert_ip(&t[2].tsns[2], "10.0.0.97");
    assert_int_equal(t[2].bfd_min_rx_ms, 500);
    assert_int_equal(t[2].bfd_min_tx_ms, 300);
    tsn_config_destroy(c);

    c = load_ok("controllers: [10.0.0.5]\n"
                "tor-agent: {tsn: 1.2.3.4, tors: [{name: t, "
                "ovsdb: \"tcp:10.0.0.1:1\"}]}\n");
    assert_string_equal(c->tors[0].profile, "generic");
    assert_int_equal(c->tors[0].bfd_min_rx_ms, 0);
    tsn_config_destroy(c);
}

static void
config__replicator_only__defaults(void **state)
{
    struct tsn_config *c = load_ok(
        "controllers: [10.0.0.5]\n"
        "replicator: {name: tsn1, address: 10.0.0.100}\n");
    const struct eth_addr mac = ETH_ADDR_C(00,00,5e,00,01,00);

    assert_string_equal(c->subcluster, "");
    assert_int_equal(c->hold_s, 90);
    assert_int_equal(c->stale_hold_s, 300);
    assert_int_equal(c->frozen_hold_s, 0);
    assert_int_equal(c->n_tors, 0);
    assert_true(eth_addr_equals(c->replicator.service_mac, mac));
    assert_false(c->replicator.no_forwarding);
    assert_int_equal(c->replicator.n_tsns, 0);
    assert_int_equal(c->replicator.first_label, 1024);
    assert_int_equal(c->replicator.last_label, 1048574);
    assert_int_equal(c->replicator.engine, TSN_FORWARDER_AUTO);
    assert_int_equal(c->replicator.storm.network, 0);
    assert_int_equal(c->replicator.storm.tor, 0);
    tsn_config_destroy(c);
}

/* Spec A.8, with the election's order by number: 9 comes before 10. */
static void
config__no_forwarding__labels_and_tsns_in_order(void **state)
{
    struct tsn_config *c = load_ok(
        "controllers: [10.0.0.5]\n"
        "replicator:\n"
        "  {name: tsn1, address: 10.0.0.10, mode: tsn-no-forwarding,\n"
        "   labels: 16-18, tsns: [10.0.0.11, 10.0.0.10, 10.0.0.9]}\n");

    assert_true(c->replicator.no_forwarding);
    assert_int_equal(c->replicator.first_label, 16);
    assert_int_equal(c->replicator.last_label, 18);
    assert_int_equal(c->replicator.n_tsns, 3);
    assert_ip(&c->replicator.tsns[0], "10.0.0.9");
    assert_ip(&c->replicator.tsns[1], "10.0.0.10");
    assert_ip(&c->replicator.tsns[2], "10.0.0.11");
    tsn_config_destroy(c);

    c = load_ok("controllers: [10.0.0.5]\n"
                "replicator: {name: tsn1, address: 10.0.0.10, mode: tsn,\n"
                "  labels: 1000000-1048575}\n");
    assert_false(c->replicator.no_forwarding);
    assert_int_equal(c->replicator.last_label, 1048575);
    tsn_config_destroy(c);
}

static void
config__dscp__number_or_copy(void **state)
{
    static const struct {
        const char *text;
        uint8_t tos;
        bool copy;
    } cases[] = {
        { "", 0, false }, { ", dscp: 0", 0, false },
        { ", dscp: 46", 0xb8, false }, { ", dscp: 63", 0xfc, false },
        { ", dscp: copy", 0, true },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char *text = xasprintf("controllers: [10.0.0.5]\n"
                               "replicator: {name: tsn1, address: 1.2.3.4%s}",
                               cases[i].text);
        struct tsn_config *c = load_ok(text);

        assert_int_equal(c->replicator.tos, cases[i].tos);
        assert_int_equal(c->replicator.copy_dscp, cases[i].copy);
        tsn_config_destroy(c);
        free(text);
    }
}

static void
config__tor_agent_only__no_replicator(void **state)
{
    struct tsn_config *c = load_ok(
        "controllers: [10.0.0.5]\n"
        "tor-agent:\n"
        "  tors: [{name: t, ovsdb: \"tcp:1.2.3.4:1\", tsn: 1.2.3.5}]\n");

    assert_false(c->has_replicator);
    assert_int_equal(c->n_tors, 1);
    assert_int_equal(c->bridge.move_limit, 5);
    assert_int_equal(c->bridge.move_window_ms, 180000);
    assert_int_equal(c->bridge.freeze_ms, 0);
    assert_int_equal(c->bridge.copy_hold_ms, 300000);
    assert_false(c->bridge.ipaddr);
    tsn_config_destroy(c);
}

static void
config__shipped_sample__loads(void **state)
{
    char *sample = xasprintf("%s/etc/tsn.yaml", getenv("srcdir"));
    struct tsn_config *c = NULL;
    struct tsn_err err;

    if (tsn_config_load(sample, &c, &err)) {
        fail_msg("%s", tsn_err_format(&err));
    }
    assert_int_equal(c->n_tors, 2);
    assert_true(c->has_replicator);
    tsn_config_destroy(c);
    free(sample);
}

static void
config__destroy_null__nothing(void **state)
{
    tsn_config_destroy(NULL);
}

/* What every text of the table below needs to be complete. */
#define C "controllers: [10.0.0.5]\n"
#define REPL "replicator: {name: a, address: 1.2.3.4, "
#define CSN "mode: tsn-no-forwarding, "
#define R "replicator: {name: tsn1, address: 10.0.0.100}\n"
#define T "tor-agent:\n  tsn: 10.0.0.100\n  tors:\n  - name: t1\n"

static void
yaml__malformed__position_and_reason(void **state)
{
    static const struct {
        const char *text;
        const char *where;
        const char *what;
    } cases[] = {
        { "", "1:1", "the file is empty" },
        { "# nothing\n\n", "1:1", "the file is empty" },
        { "---\n", "2:1", "has no value" },
        { "controllers: [10.0.0.5\n", "2:1", "not valid YAML: did not find" },
        { "a: b: c\n", "1:5", "not valid YAML: mapping values are not" },
        { C "\thold-time: 90\n", "2:1", "indented with a tab" },
        { "a: \"\x01\"\n", "1:5", "not a YAML text: control characters" },
        { C "b: \"\xff\"\n", "2:5", "not a YAML text: invalid" },
        { "a: \"b\\0c\"\n", "1:4", "control character (0x00)" },
        { "a: |\n  b\n  c\n", "1:4", "control character (0x0a)" },
        { C R "---\n" C R, "3:1", "a second document" },
        { "a: &x 1\n", "1:4", "anchors (&x) are not supported" },
        { "a: *x\n", "1:4", "aliases (*x) are not supported" },
        { "a: !!int 1\n", "1:4", "tags (tag:yaml.org,2002:int) are not" },
        { "[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]\n", "1:17",
          "nested deeper than 16 levels" },
        { "{{{{{{{{{{{{{{{{{{{{1}}}}}}}}}}}}}}}}}}}}\n", "1:17",
          "nested deeper than 16 levels" },
        { "hello\n", "1:1", "expects a mapping" },
        { "- a\n", "1:1", "expects a mapping" },
        { "? [a]\n: b\n", "1:3", "a key must be a plain word" },
        { "%YAML 3.0\n---\na: b\n", "1:1", "not valid YAML" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_refused(cases[i].text, cases[i].where, cases[i].what);
    }
    assert_refused_size("a: b\0c", 6, "1:5", "control characters are not");
}

static void
schema__violated__position_and_reason(void **state)
{
    static const struct {
        const char *text;
        const char *where;
        const char *what;
    } cases[] = {
        { R, "1:1", "key \"controllers\" is missing" },
        { C R "contrllers: x\n", "3:1", "unknown key \"contrllers\"; known "
          "here: controllers, subcluster, hold-time, stale-hold, frozen-hold, "
          "tls, "
          "controllers-tls, tor-agent, replicator" },
        { C R "hold-time: 1\nhold-time: 2\n", "4:1",
          "key \"hold-time\" is given twice, first in line 3" },
        { "controllers: 10.0.0.5\n", "1:14",
          "controllers: expects a list" },
        { "controllers:\n", "1:13", "controllers: has no value" },
        { "controllers: ~\n", "1:14", "controllers: has no value" },
        { "controllers: []\n", "1:14", "controllers: expects at least 1 "
          "entries, has 0" },
        { "controllers: [1.0.0.1,1.0.0.2,1.0.0.3,1.0.0.4,1.0.0.5,1.0.0.6,\n"
          "1.0.0.7,1.0.0.8,1.0.0.9,1.0.0.10,1.0.0.11,1.0.0.12,1.0.0.13,\n"
          "1.0.0.14,1.0.0.15,1.0.0.16,1.0.0.17]\n" R, "3:28",
          "controllers: has more than 16 entries" },
        { "controllers: [[a]]\n", "1:15",
          "controllers[0]: expects a single value, not a list" },
        { "controllers: [{a: b}]\n", "1:15",
          "controllers[0]: expects a single value, not a mapping" },
        { "controllers: [\"\"]\n", "1:15",
          "controllers[0]: must not be empty" },
        { C "hold-time: x\n" R, "2:12",
          "hold-time: expects a whole number, not \"x\"" },
        { C "hold-time: 90s\n" R, "2:12", "not \"90s\"" },
        { C "hold-time: 0x10\n" R, "2:12", "not \"0x10\"" },
        { C "hold-time: -1\n" R, "2:12", "not \"-1\"" },
        { C "hold-time: 010\n" R, "2:12", "without leading zeros" },
        { C "hold-time: 4294967296\n" R, "2:12", "is too large a number" },
        { C "hold-time: 99999999999999999999999\n" R, "2:12",
          "is too large a number" },
        { C "hold-time: \"\"\n" R, "2:12", "not \"\"" },
        { C "replicator: 5\n", "2:13",
          "replicator: expects a mapping" },
        { C "replicator:\n", "2:12", "replicator: has no value" },
        { C "replicator: {name: x}\n", "2:13",
          "replicator: key \"address\" is missing" },
        { C T, "5:5", "tor-agent.tors[0].ovsdb: is missing" },
        { C T "    ovsdb: [x]\n", "6:12",
          "tor-agent.tors[0].ovsdb: expects a single value" },
        { C T "    ovsdb: tcp:1.2.3.4:1\n  - name: t2\n    vsdb: x\n",
          "8:5", "tor-agent.tors[1]: unknown key \"vsdb\"" },
        { C "tor-agent: {tsn: 1.2.3.4}\n", "2:12",
          "tor-agent: key \"tors\" is missing" },
        { C "tor-agent: {tsn: 1.2.3.4, tors: []}\n", "2:33",
          "tor-agent.tors: expects at least 1 entries" },
        { C "tor-agent: {tors: [a]}\n", "2:20",
          "tor-agent.tors[0]: expects a mapping" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_refused(cases[i].text, cases[i].where, cases[i].what);
    }
}

#define ONE_TOR "{name: t, ovsdb: \"tcp:1.2.3.4:1\", tsn: 1.2.3.5}"

static void
config__wrong_values__position_and_reason(void **state)
{
    static const struct {
        const char *text;
        const char *where;
        const char *what;
    } cases[] = {
        { C, "1:1", "neither \"tor-agent\" nor \"replicator\"" },
        { "controllers: [10.0.0.1, host]\n" R, "1:25",
          "controllers[1]: expects IP, IP:PORT or [IP6]:PORT, not \"host\"" },
        { "controllers: [\"10.0.0.1:0\"]\n" R, "1:15", "controllers[0]: " },
        { "controllers: [10.0.0.1, 10.0.0.2, \"10.0.0.1:5269\"]\n" R, "1:35",
          "controllers[2]: 10.0.0.1:5269 is listed twice" },
        { "controllers: [0.0.0.0]\n" R, "1:15",
          "controllers[0]: 0.0.0.0 is not the address of a host" },
        { "controllers: [224.0.0.1]\n" R, "1:15", "is not the address" },
        { "controllers: [\"::\"]\n" R, "1:15", "is not the address" },
        { "controllers: [\"ff02::1\"]\n" R, "1:15", "is not the address" },
        { C "subcluster: a b\n" R, "2:13",
          "subcluster: a name has no ' ': \"a b\"" },
        { C "hold-time: 0\n" R, "2:12", "hold-time: expects 1..90, not 0" },
        { C "hold-time: 91\n" R, "2:12", "hold-time: expects 1..90, not 91" },
        { C "stale-hold: 86401\n" R, "2:13", "stale-hold: expects 0..86400" },
        { C "frozen-hold: 2592001\n" R, "2:14",
          "frozen-hold: expects 0..2592000" },
        { C "tor-agent: {mac-move-limit: 1001, tors: [" ONE_TOR "]}\n", "2:29",
          "tor-agent.mac-move-limit: expects 0..1000, not 1001" },
        { C "tor-agent: {mac-move-window: 0, tors: [" ONE_TOR "]}\n", "2:30",
          "tor-agent.mac-move-window: expects 1..3600, not 0" },
        { C "tor-agent: {mac-freeze: 86401, tors: [" ONE_TOR "]}\n", "2:25",
          "tor-agent.mac-freeze: expects 0..86400, not 86401" },
        { C "tor-agent: {copy-hold: 59, tors: [" ONE_TOR "]}\n", "2:24",
          "tor-agent.copy-hold: expects 60..86400, not 59" },
        { C "tor-agent: {workers: 0, tors: [" ONE_TOR "]}\n", "2:22",
          "tor-agent.workers: expects 1..64, not 0" },
        { C "replicator: {name: a b, address: 1.2.3.4}\n", "2:20",
          "replicator.name: a name has no ' ': \"a b\"" },
        { C "replicator: {name: \"a:b\", address: 1.2.3.4}\n", "2:20",
          "a name has no ':'" },
        { C "replicator: {name: a/b, address: 1.2.3.4}\n", "2:20",
          "a name has no '/'" },
        { C "replicator: {name: a, address: x}\n", "2:32",
          "replicator.address: expects an IPv4 address, not \"x\"" },
        { C "replicator: {name: a, address: \"::1\"}\n", "2:32",
          "expects an IPv4 address" },
        { C "replicator: {name: a, address: 0.0.0.0}\n", "2:32",
          "0.0.0.0 is not the address of a host" },
        { C "replicator: {name: a, address: 224.0.0.1}\n", "2:32",
          "224.0.0.1 is not the address of a host" },
        { C "replicator: {name: a, address: 255.255.255.255}\n", "2:32",
          "is not the address of a host" },
        { C "replicator: {name: a, address: 1.2.3.4, address6: 1.2.3.5}\n",
          "2:51", "replicator.address6: expects an IPv6 address, not "
          "\"1.2.3.5\"" },
        { C "replicator: {name: a, address: 1.2.3.4, address6: "
          "\"::ffff:1.2.3.5\"}\n", "2:51", "expects an IPv6 address" },
        { C "replicator: {name: a, address: 1.2.3.4, address6: "
          "\"fe80::1\"}\n", "2:51", "replicator.address6: fe80::1 is not an "
          "address that others can send to" },
        { C "replicator: {name: a, address: 1.2.3.4, address6: "
          "\"::1\"}\n", "2:51", "::1 is not an address that" },
        { C "replicator: {name: a, address: 1.2.3.4, address6: "
          "\"::\"}\n", "2:51", ":: is not an address that" },
        { C "replicator: {name: a, address: 1.2.3.4, address6: "
          "\"ff02::1\"}\n", "2:51", "ff02::1 is not an address that" },
        { C "replicator: {name: a, address: 1.2.3.4, engine: dpdk}\n",
          "2:49", "replicator.engine: expects auto, ebpf, ebpf-generic or "
          "socket, not \"dpdk\"" },
        { C "replicator: {name: a, address: 1.2.3.4, service-mac: x}\n",
          "2:54", "replicator.service-mac: expects a MAC address" },
        { C "replicator: {name: a, address: 1.2.3.4, service-mac: "
          "01:00:5e:00:00:01}\n", "2:54", "a unicast MAC address, not 01:" },
        { C "replicator: {name: a, address: 1.2.3.4, service-mac: "
          "00:00:00:00:00:00}\n", "2:54", "a unicast MAC address, not 00:" },
        { C REPL "storm-control: {network: 0}}\n", "2:66",
          "replicator.storm-control.network: expects 1..100000000, not 0" },
        { C REPL "storm-control: {tor: 100000001}}\n", "2:62",
          "replicator.storm-control.tor: expects 1..100000000" },
        { C REPL "storm-control: {network: 9, burst: 0}}\n", "2:76",
          "replicator.storm-control.burst: expects 1..100000000, not 0" },
        { C REPL "storm-control: {burst: 5}}\n", "2:64",
          "replicator.storm-control.burst: needs a limit, \"network\" or "
          "\"tor\"" },
        { C REPL "storm-control: {tor: -1}}\n", "2:62",
          "replicator.storm-control.tor" },
        { C REPL "storm-control: {tors: 1}}\n", "2:57",
          "storm-control" },
        { C REPL "storm-control: 1000}\n", "2:56", "storm-control" },
        { C REPL "mode: x}\n", "2:47",
          "replicator.mode: expects \"tsn\" or \"tsn-no-forwarding\", not "
          "\"x\"" },
        { C REPL "mode: tsn-no-forwarding}\n", "2:47",
          "replicator.mode: needs \"tsns\"" },
        { C REPL "tsns: [1.2.3.4]}\n", "2:47",
          "replicator.tsns: is for mode \"tsn-no-forwarding\"" },
        { C REPL CSN "tsns: [1.2.3.5]}\n", "2:72",
          "replicator.tsns: does not have our own address, 1.2.3.4" },
        { C REPL CSN "tsns: [1.2.3.4, x]}\n", "2:82",
          "replicator.tsns[1]: expects an IPv4 address, not \"x\"" },
        { C REPL CSN "tsns: [1.2.3.4, 1.2.3.4]}\n", "2:82",
          "replicator.tsns[1]: 1.2.3.4 is listed twice" },
        { C REPL CSN "tsns: []}\n", "2:72", "replicator.tsns" },
        { C REPL "dscp: 64}\n", "2:47",
          "replicator.dscp: expects \"copy\" or 0..63, not \"64\"" },
        { C REPL "dscp: -1}\n", "2:47", "expects \"copy\" or 0..63" },
        { C REPL "dscp: 4x}\n", "2:47", "expects \"copy\" or 0..63" },
        { C REPL "dscp: 100}\n", "2:47", "expects \"copy\" or 0..63" },
        { C REPL "dscp: \"\"}\n", "2:47", "must not be empty" },
        { C REPL "labels: 5}\n", "2:49",
          "replicator.labels: expects FIRST-LAST, not \"5\"" },
        { C REPL "labels: 100-200x}\n", "2:49", "expects FIRST-LAST" },
        { C REPL "labels: -5-200}\n", "2:49", "expects FIRST-LAST" },
        { C REPL "labels: \"100-+200\"}\n", "2:49", "expects FIRST-LAST" },
        { C REPL "labels: \"100 -200\"}\n", "2:49", "expects FIRST-LAST" },
        { C REPL "labels: 15-200}\n", "2:49",
          "replicator.labels: expects labels of 16..1048575, not 15-200" },
        { C REPL "labels: 100-1048576}\n", "2:49",
          "expects labels of 16..1048575" },
        { C REPL "labels: 100-99999999999}\n", "2:49",
          "expects FIRST-LAST" },
        { C REPL "labels: 200-100}\n", "2:49", "at least 3 labels" },
        { C REPL "labels: 100-101}\n", "2:49",
          "replicator.labels: expects at least 3 labels, not 100-101" },
        { C T "    ovsdb: tcp:1.2.3.4:1\n    probe-interval: 999\n", "7:21",
          "tor-agent.tors[0].probe-interval: expects 1000..3600000" },
        { C T "    ovsdb: tcp:1.2.3.4:1\n    max-backoff: 999\n", "7:18",
          "tor-agent.tors[0].max-backoff: expects 1000..3600000" },
        { C T "    ovsdb: tcp:1.2.3.4:1\n    cleanup-wait: 3600001\n", "7:19",
          "tor-agent.tors[0].cleanup-wait: expects 0..3600000" },
        { C T "    ovsdb: tcp:1.2.3.4:1\n    ownership: mine\n", "7:16",
          "tor-agent.tors[0].ownership: expects \"exclusive\" or" },
        { C T "    ovsdb: tcp:1.2.3.4:1\n    switches: [a, b, a]\n", "7:22",
          "tors[0].switches[2]: \"a\" is already a switch of tors[0]" },
        { C T "    ovsdb: tcp:1.2.3.4:1\n"
          "  - {name: t2, ovsdb: \"tcp:1.2.3.5:1\", switches: [t1]}\n",
          "7:51", "tors[1].switches[0]: \"t1\" is already a switch of" },
        { C T "    ovsdb: tcp:1.2.3.4:1\n    tsn: 239.0.0.1\n", "7:10",
          "tor-agent.tors[0].tsn: 239.0.0.1 is not" },
        { C "tor-agent:\n  tsn: x\n  tors: [{name: a, ovsdb: "
          "\"tcp:1.2.3.4:1\"}]\n", "3:8",
          "tor-agent.tsn: expects an IPv4 address" },
        { C "tor-agent:\n  tsn: x\n  tors: [{name: a, tsn: 1.2.3.4, ovsdb: "
          "\"tcp:1.2.3.4:1\"}]\n", "3:8",
          "tor-agent.tsn: expects an IPv4 address" },
        { C T "    ovsdb: tcp:1.2.3.4:1\n    profile: qfx\n", "7:14",
          "tor-agent.tors[0].profile: expects one of generic, qfx5k, " },
        { C T "    ovsdb: tcp:1.2.3.4:1\n    tsns: [1.2.3.4, 1.2.3.4]\n",
          "7:21", "tor-agent.tors[0].tsns[1]: 1.2.3.4 is already that of "
          "tsns[0]" },
        { C T "    ovsdb: tcp:1.2.3.4:1\n    tsn: 1.2.3.4\n"
          "    tsns: [1.2.3.5]\n", "7:10", "tor-agent.tors[0].tsn: is the "
          "same as \"tsns\"" },
        { C T "    ovsdb: tcp:1.2.3.4:1\n    bfd: {min-rx: 49}\n", "7:19",
          "tor-agent.tors[0].bfd.min-rx: expects 50..10000" },
        { C "tor-agent:\n  tors:\n  - name: a\n    ovsdb: tcp:1.2.3.4:1\n",
          "4:11", "tor-agent.tors[0].name: \"a\" has no TSN" },
        { C T "    ovsdb: tcp:1.2.3.4:1\n"
          "  - {name: t1, ovsdb: \"tcp:1.2.3.5:1\"}\n", "7:12",
          "tor-agent.tors[1].name: \"t1\" is already that of tors[0]" },
        { C T "    ovsdb: tcp:1.2.3.4:1\n"
          "  - {name: t2, agent-name: t1, ovsdb: \"tcp:1.2.3.5:1\"}\n",
          "7:28", "tors[1].agent-name: \"t1\" is already that of tors[0]" },
        { C T "    ovsdb: ptcp:6640\n"
          "  - {name: t2, ovsdb: \"ptcp:6640\"}\n", "7:23",
          "tors[1].ovsdb: \"ptcp:6640\" is already that of tors[0]" },
        { C T "    ovsdb: tcp:1.2.3.4:1\n"
          "replicator: {name: t1, address: 1.2.3.4}\n", "7:20",
          "replicator.name: \"t1\" is already the agent-name of tors[0]" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_refused(cases[i].text, cases[i].where, cases[i].what);
    }
}

static void
config__wrong_ovsdb_remotes__form_is_told(void **state)
{
    static const struct {
        const char *remote;
        const char *what;
    } cases[] = {
        { "tcp", "expects tcp:IP:PORT, ssl:IP:PORT, ptcp:PORT[:IP]" },
        { "tcp:", "expects tcp:IP:PORT, not \"tcp:\"" },
        { "tcp:10.0.0.1", "expects tcp:IP:PORT, not" },
        { "tcp:10.0.0.1:", "expects tcp:IP:PORT, not" },
        { "tcp:10.0.0.1:0", "expects tcp:IP:PORT, not" },
        { "tcp:10.0.0.1:65536", "expects tcp:IP:PORT, not" },
        { "tcp:switch:6640", "expects tcp:IP:PORT, not" },
        { "tcp:::1:6640", "expects tcp:IP:PORT, not" },
        { "tcp:[::1]", "expects tcp:IP:PORT, not" },
        { "udp:10.0.0.1:6640", "expects tcp:IP:PORT, ssl:IP:PORT" },
        { "ssl:10.0.0.1:6640", "TLS (\"ssl:10.0.0.1:6640\") needs a" },
        { "pssl:6640", "TLS (\"pssl:6640\") needs a section \"tls\"" },
        { "ptcp:", "expects ptcp:PORT or ptcp:PORT:IP" },
        { "ptcp:0", "expects ptcp:PORT or ptcp:PORT:IP" },
        { "ptcp:65536", "expects ptcp:PORT or ptcp:PORT:IP" },
        { "ptcp:99999999999999999999", "expects ptcp:PORT" },
        { "ptcp:+6640", "expects ptcp:PORT or ptcp:PORT:IP" },
        { "ptcp:6640x", "expects ptcp:PORT or ptcp:PORT:IP" },
        { "ptcp:6640:", "expects ptcp:PORT or ptcp:PORT:IP" },
        { "ptcp:6640:x", "expects ptcp:PORT or ptcp:PORT:IP" },
        { "ptcp:6640:1.2.3.4:5", "expects ptcp:PORT or ptcp:PORT:IP" },
        { "ptcp:6640:::1", "expects ptcp:PORT or ptcp:PORT:IP" },
        { "unix:", "expects unix:/PATH or punix:/PATH" },
        { "unix:relative", "expects unix:/PATH or punix:/PATH" },
        { "punix:relative", "expects unix:/PATH or punix:/PATH" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char *text = xasprintf(C T "    ovsdb: \"%s\"\n", cases[i].remote);
        char *what = xasprintf("tor-agent.tors[0].ovsdb: %s", cases[i].what);

        assert_refused(text, "6:12", what);
        free(what);
        free(text);
    }
}

#define CERTS "tls: {certificate: c.pem, private-key: c.key, ca: ca.pem}\n"

static void
config__listeners__are_read_with_their_defaults(void **state)
{
    struct tsn_config *c = load_ok(
        C CERTS
        "tor-agent:\n"
        "  tsn: 10.0.0.100\n"
        "  tls: {certificate: s.pem, private-key: s.key, ca: /sw/ca.pem}\n"
        "  listen:\n"
        "  - {address: 0.0.0.0}\n"
        "  - {address: \"[::]:6641\", tls: false, proxy-protocol: true,\n"
        "     proxies: [10.0.0.8, \"fd00::8\"]}\n"
        "  tors:\n"
        "  - {name: t1, certificate: t1.example.net}\n"
        "  - {name: t2, address: \"fd00::2\"}\n"
        "  - {name: t3, ovsdb: \"ssl:10.0.0.3:6640\", certificate: t3}\n"
        "  - {name: t4, ovsdb: \"pssl:6642\", address: 10.0.0.4}\n");

    assert_int_equal(c->n_listeners, 2);
    assert_string_equal(c->listeners[0].name, "0.0.0.0");
    assert_int_equal(ss_get_port(&c->listeners[0].address), 6640);
    assert_true(c->listeners[0].tls);
    assert_false(c->listeners[0].proxy_protocol);
    assert_int_equal(ss_get_port(&c->listeners[1].address), 6641);
    assert_int_equal(c->listeners[1].address.ss_family, AF_INET6);
    assert_false(c->listeners[1].tls);
    assert_true(c->listeners[1].proxy_protocol);
    assert_int_equal(c->listeners[1].n_proxies, 2);
    assert_ip(&c->listeners[1].proxies[0], "10.0.0.8");
    assert_ip(&c->listeners[1].proxies[1], "fd00::8");

    assert_true(c->has_switch_tls);
    assert_string_equal(c->switch_tls.ca, "/sw/ca.pem");
    assert_true(c->switch_tls.require_peer_certificate);
    assert_null(c->tors[0].ovsdb);
    assert_string_equal(c->tors[0].certificate, "t1.example.net");
    assert_false(tsn_ip_is_set(&c->tors[0].address));
    assert_ip(&c->tors[1].address, "fd00::2");
    assert_null(c->tors[1].certificate);
    assert_string_equal(c->tors[2].ovsdb, "ssl:10.0.0.3:6640");
    tsn_config_destroy(c);

    /* Without a section of their own switches get the certificate that the
     * control nodes do; without any there is no TLS. */
    c = load_ok(C CERTS T "    ovsdb: pssl:6640\n");
    assert_string_equal(c->switch_tls.ca, c->tls.ca);
    assert_true(c->switch_tls.require_peer_certificate);
    tsn_config_destroy(c);
    c = load_ok(C "tor-agent:\n  tsn: 10.0.0.100\n"
                "  listen: [{address: 1.2.3.4}]\n  tors: [{name: t1}]\n");
    assert_false(c->has_switch_tls);
    assert_false(c->listeners[0].tls);
    tsn_config_destroy(c);
}

static void
config__wrong_listeners__position_and_reason(void **state)
{
#define L "tor-agent:\n  tsn: 10.0.0.100\n  tors: [{name: t1}]\n  listen:\n"
    static const struct {
        const char *text, *where, *what;
    } cases[] = {
        { C L "  - {address: x}\n", "6:15",
          "tor-agent.listen[0].address: expects IP, IP:PORT or" },
        { C L "  - {address: \"1.2.3.4:0\"}\n", "6:15",
          "tor-agent.listen[0].address: expects IP, IP:PORT or" },
        { C L "  - {address: 1.2.3.4}\n  - {address: \"1.2.3.4:6640\"}\n",
          "7:15", "tor-agent.listen[1].address: 1.2.3.4:6640 is listed" },
        { C L "  - {address: 1.2.3.4, tls: true}\n", "6:29",
          "tor-agent.listen[0].tls: needs a section \"tls\"" },
        { C L "  - {address: 1.2.3.4, proxies: [1.2.3.5]}\n", "6:33",
          "tor-agent.listen[0].proxies: is of use only with" },
        { C L "  - {address: 1.2.3.4, proxy-protocol: true,\n"
          "     proxies: [x]}\n", "7:16",
          "tor-agent.listen[0].proxies[0]: expects the address of a host" },
        { C T "    ovsdb: \"tcp:1.2.3.4:1\"\n    certificate: x\n", "7:18",
          "tor-agent.tors[0].certificate: needs a session with TLS" },
        { C T "    ovsdb: \"tcp:1.2.3.4:1\"\n    address: 1.2.3.4\n", "7:14",
          "tor-agent.tors[0].address: is for a switch that connects" },
        { C T "    ovsdb: \"ptcp:1\"\n    address: 224.0.0.1\n", "7:14",
          "tor-agent.tors[0].address: expects the address of a host" },
    };
#undef L

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_refused(cases[i].text, cases[i].where, cases[i].what);
    }
}

static void
config__long_values__quoted_in_part(void **state)
{
    char name[1001];

    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    char *text = xasprintf(C "replicator: {name: %s, address: 1.2.3.4}\n",
                           name);
    assert_refused(text, "2:20",
                   "replicator.name: is longer than 255 characters");
    free(text);
    text = xasprintf(C R "%s: x\n", name);
    assert_refused(text, "3:1", "unknown key \"aaaa");
    free(text);
    text = xasprintf(C R "hold-time: %s\n", name);
    assert_refused(text, "3:12", "hold-time: expects a whole number");
    free(text);
}

static void
file__cannot_be_read__named(void **state)
{
    struct tsn_config *config = NULL;
    struct tsn_err err;

    assert_int_equal(tsn_config_load("/nonexistent/tsn.yaml", &config, &err),
                     -ENOENT);
    assert_string_equal(tsn_err_format(&err), "/nonexistent/tsn.yaml: cannot "
                        "be opened: No such file or directory");
    assert_int_equal(tsn_config_load(dir, &config, &err), -EINVAL);
    assert_string_equal(err.text, "is not a file");

    /* Which would block an open() that waits. */
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(tsn_config_load(path, &config, &err), -EINVAL);
    assert_string_equal(err.text, "is not a file");
    unlink(path);
    assert_null(config);
}

static void
file__enormous__refused_unread(void **state)
{
    struct tsn_config *config = NULL;
    struct tsn_err err;

    write_file(C, strlen(C));
    assert_int_equal(truncate(path, TSN_YAML_MAX_SIZE + 1), 0);
    assert_int_equal(tsn_config_load(path, &config, &err), -EFBIG);
    assert_string_equal(err.text, "is larger than 16 MiB");
}

static void
file__too_many_values__refused(void **state)
{
    struct ds text = DS_EMPTY_INITIALIZER;

    ds_put_cstr(&text, "controllers: [a");
    for (int i = 0; i < TSN_YAML_MAX_NODES; i++) {
        ds_put_cstr(&text, ",a");
    }
    ds_put_cstr(&text, "]\n");

    struct tsn_config *config = NULL;
    struct tsn_err err;
    write_file(text.string, text.length);
    assert_int_equal(tsn_config_load(path, &config, &err), -EINVAL);
    assert_non_null(strstr(err.text, "more than 2097152 values"));
    ds_destroy(&text);
}

static void
tls__paths__are_relative_to_the_file(void **state)
{
    struct tsn_config *c = load_ok(
        C R "tls: {certificate: a.pem, private-key: sub/b.key, ca: /c.pem}\n");
    char *expected = xasprintf("%s/a.pem", dir);

    assert_true(c->has_tls);
    assert_true(c->controllers_tls);
    assert_string_equal(c->tls.certificate, expected);
    free(expected);
    expected = xasprintf("%s/sub/b.key", dir);
    assert_string_equal(c->tls.private_key, expected);
    free(expected);
    assert_string_equal(c->tls.ca, "/c.pem");
    assert_false(c->tls.require_peer_certificate);
    tsn_config_destroy(c);
}

static void
tls__switch__is_on_by_the_section_unless_told(void **state)
{
    struct tsn_config *c = load_ok(C R);

    assert_false(c->has_tls || c->controllers_tls);
    tsn_config_destroy(c);
    c = load_ok(C R "tls: {certificate: a, private-key: b, ca: c}\n"
                "controllers-tls: no\n");
    assert_true(c->has_tls);
    assert_false(c->controllers_tls);
    tsn_config_destroy(c);
    c = load_ok(C R "controllers-tls: false\n");
    assert_false(c->has_tls || c->controllers_tls);
    tsn_config_destroy(c);
}

static void
tls__incomplete__is_refused(void **state)
{
    static const struct { const char *text, *where, *what; } cases[] = {
        { C R "controllers-tls: true\n", "3:18",
          "controllers-tls: needs a section \"tls\"" },
        { C R "controllers-tls: maybe\n", "3:18",
          "controllers-tls: expects true or false" },
        { C R "tls: {certificate: a, private-key: b}\n", "3:6",
          "tls: key \"ca\" is missing" },
        { C R "tls: {certificate: a, private-key: b, ca: \"\"}\n", "3:43",
          "tls.ca: must not be empty" },
        { C R "tls: on\n", "3:6", "tls: expects a mapping" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_refused(cases[i].text, cases[i].where, cases[i].what);
    }
}

static void
load_tls__files__are_loaded_if_used(void **state)
{
    struct tsn_tls_store *tls = (struct tsn_tls_store *) 1;
    struct tsn_config *c = load_ok(
        C R "tls: {certificate: a.pem, private-key: b, ca: c}\n"
        "controllers-tls: false\n");
    struct tsn_err err;

    assert_int_equal(tsn_config_load_tls(c, &tls, &err), 0);
    assert_null(tls);
    tsn_config_destroy(c);
    c = load_ok(C R "tls: {certificate: a.pem, private-key: b, ca: c}\n");
    assert_int_equal(tsn_config_load_tls(c, &tls, &err), -ENOENT);
    assert_string_equal(err.where, c->tls.certificate);
    tsn_config_destroy(c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls__paths__are_relative_to_the_file),
        cmocka_unit_test(tls__switch__is_on_by_the_section_unless_told),
        cmocka_unit_test(tls__incomplete__is_refused),
        cmocka_unit_test(load_tls__files__are_loaded_if_used),
        cmocka_unit_test(config__every_key__all_values),
        cmocka_unit_test(config__kind_of_switch__own_keys_or_those_for_all),
        cmocka_unit_test(config__replicator_only__defaults),
        cmocka_unit_test(config__no_forwarding__labels_and_tsns_in_order),
        cmocka_unit_test(config__dscp__number_or_copy),
        cmocka_unit_test(config__tor_agent_only__no_replicator),
        cmocka_unit_test(config__shipped_sample__loads),
        cmocka_unit_test(config__destroy_null__nothing),
        cmocka_unit_test(yaml__malformed__position_and_reason),
        cmocka_unit_test(schema__violated__position_and_reason),
        cmocka_unit_test(config__wrong_values__position_and_reason),
        cmocka_unit_test(config__wrong_ovsdb_remotes__form_is_told),
        cmocka_unit_test(config__listeners__are_read_with_their_defaults),
        cmocka_unit_test(config__wrong_listeners__position_and_reason),
        cmocka_unit_test(config__long_values__quoted_in_part),
        cmocka_unit_test(file__cannot_be_read__named),
        cmocka_unit_test(file__enormous__refused_unread),
        cmocka_unit_test(file__too_many_values__refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
