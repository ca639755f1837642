/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/services/dhcp4.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "csum.h"
#include "dhcp4_fixture.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "unaligned.h"

enum { DISCOVER = 1, REQUEST = 3, DECLINE = 4, RELEASE = 7, INFORM = 8 };

#define LEASE_OPTIONS " 1=255.255.255.0 28=192.0.2.255"
#define TAIL " 3=192.0.2.1 12=bms1 6=192.0.2.2"
#define FULL LEASE_OPTIONS " 51=-1" TAIL
#define TO_B1 "192.0.2.10 02:bb:00:00:00:01"
#define TO_ALL "255.255.255.255 ff:ff:ff:ff:ff:ff"

struct test_case {
    const char *name;           /* With the row of spec G. */
    uint8_t type;
    bool broadcast;             /* The flag. */
    const char *ciaddr, *requested, *server, *giaddr;
    const char *client_id;
    uint16_t max_size;
    const struct configured *options;
    /* The result; and for a reply where it goes, yiaddr, siaddr, options. */
    const char *want;
};

#define OPTIONS(...) \
    (const struct configured[]) { __VA_ARGS__, { .name = NULL } }

static const struct test_case cases[] = {
    { "56 DISCOVER, broadcast flag", DISCOVER, .broadcast = true,
      .want = "offered " TO_ALL " .10 192.0.2.2 53=2 54=192.0.2.2" FULL },
    { "57 DISCOVER", DISCOVER,
      .want = "offered " TO_B1 " .10 192.0.2.2 53=2 54=192.0.2.2" FULL },
    { "DISCOVER for another address", DISCOVER, .requested = "192.0.2.99",
      .want = "offered " TO_B1 " .10 192.0.2.2 53=2 54=192.0.2.2" FULL },
    { "58 REQUEST", REQUEST, .requested = "192.0.2.10",
      .server = "192.0.2.2",
      .want = "acked " TO_B1 " .10 192.0.2.2 53=5 54=192.0.2.2" FULL },
    { "59 REQUEST for another address", REQUEST, .requested = "192.0.2.99",
      .want = "naked " TO_ALL " .0 0.0.0.0 53=6 54=192.0.2.2 56=..." },
    { "59, with the flag", REQUEST, .requested = "192.0.2.99",
      .broadcast = true,
      .want = "naked " TO_ALL " .0 0.0.0.0 53=6 54=192.0.2.2 56=..." },
    { "60 REQUEST to another server", REQUEST, .requested = "192.0.2.10",
      .server = "192.0.2.3", .want = "other_server" },
    { "60, for another address", REQUEST, .requested = "192.0.2.99",
      .server = "192.0.2.3", .want = "other_server" },
    { "61 RENEW", REQUEST, .ciaddr = "192.0.2.10",
      .want = "acked " TO_B1 " .10 192.0.2.2 53=5 54=192.0.2.2" FULL },
    { "61 RENEW, broadcast flag", REQUEST, .ciaddr = "192.0.2.10",
      .broadcast = true,
      .want = "acked " TO_B1 " .10 192.0.2.2 53=5 54=192.0.2.2" FULL },
    { "RENEW of another address", REQUEST, .ciaddr = "192.0.2.99",
      .want = "naked " TO_ALL " .0 0.0.0.0 53=6 54=192.0.2.2 56=..." },
    { "62 INFORM", INFORM, .ciaddr = "192.0.2.77",
      .want = "acked 192.0.2.77 02:bb:00:00:00:01 .0 192.0.2.2 53=5 "
              "54=192.0.2.2" LEASE_OPTIONS TAIL },
    { "INFORM without ciaddr", INFORM,
      .want = "acked " TO_B1 " .0 192.0.2.2 53=5 54=192.0.2.2"
              LEASE_OPTIONS TAIL },
    { "INFORM, lease time configured", INFORM,
      .options = OPTIONS({ "51", "3600", "" }),
      .want = "acked " TO_B1 " .0 192.0.2.2 53=5 54=192.0.2.2"
              LEASE_OPTIONS TAIL },
    { "63 DECLINE", DECLINE, .requested = "192.0.2.10",
      .server = "192.0.2.2", .want = "declined" },
    { "63 RELEASE", RELEASE, .ciaddr = "192.0.2.10", .server = "192.0.2.2",
      .want = "released" },
    { "RELEASE to another server", RELEASE, .server = "192.0.2.3",
      .want = "other_server" },
    { "relayed", DISCOVER, .giaddr = "192.0.2.3", .want = "from_relay" },
    { "76 no type", 0, .want = "other_type" },
    { "server's type", 2, .want = "other_type" },
    { "lease query", 10, .want = "other_type" },
    { "client identifier", DISCOVER, .client_id = "abc",
      .want = "offered " TO_B1 " .10 192.0.2.2 53=2 54=192.0.2.2" FULL
              " 61=abc" },
    { "client identifier in a NAK", REQUEST, .requested = "192.0.2.99",
      .client_id = "abc",
      .want = "naked " TO_ALL " .0 0.0.0.0 53=6 54=192.0.2.2 56=... "
              "61=abc" },

    /* Configured options. */
    { "69 boot from", DISCOVER,
      .options = OPTIONS({ "66", "192.0.2.50", "" },
                         { "bootfile-name", "pxe.0", "" }),
      .want = "offered " TO_B1 " .10 192.0.2.50 53=2 54=192.0.2.2"
              LEASE_OPTIONS " 66=192.0.2.50 67=pxe.0 51=-1" TAIL
              " file=pxe.0" },
    { "boot from a name", DISCOVER,
      .options = OPTIONS({ "tftp-server-name", "boot", "" }),
      .want = "offered " TO_B1 " .10 192.0.2.2 53=2 54=192.0.2.2"
              LEASE_OPTIONS " 66=boot 51=-1" TAIL " sname=boot" },
    { "70 tagged option", DISCOVER,
      .options = OPTIONS({ "tag:!ipxe,67", "pxe.0", "" }),
      .want = "offered " TO_B1 " .10 192.0.2.2 53=2 54=192.0.2.2"
              LEASE_OPTIONS " 67=pxe.0 51=-1" TAIL " file=pxe.0" },
    { "73 no DNS", DISCOVER, .options = OPTIONS({ "6", "0.0.0.0", "" }),
      .want = "offered " TO_B1 " .10 192.0.2.2 53=2 54=192.0.2.2"
              LEASE_OPTIONS " 51=-1 3=192.0.2.1 12=bms1" },
    { "DNS, domain, MTU, NTP, name, time", DISCOVER,
      .options = OPTIONS({ "domain-name-servers", "192.0.2.7 192.0.2.8", "" },
                         { "15", "example.net", "" },
                         { "interface-mtu", "9000", "" },
                         { "42", "192.0.2.9", "" }, { "12", "other", "" },
                         { "dhcp-lease-time", "3600", "" }),
      .want = "offered " TO_B1 " .10 192.0.2.2 53=2 54=192.0.2.2"
              LEASE_OPTIONS " 6=192.0.2.7,192.0.2.8 15=example.net 26=9000 "
              "42=192.0.2.9 12=other 51=3600 3=192.0.2.1" },
    { "more routers", DISCOVER,
      .options = OPTIONS({ "routers", "192.0.2.3", "" }),
      .want = "offered " TO_B1 " .10 192.0.2.2 53=2 54=192.0.2.2"
              LEASE_OPTIONS " 51=-1 3=192.0.2.3,192.0.2.1 12=bms1 "
              "6=192.0.2.2" },
    { "the same router", DISCOVER,
      .options = OPTIONS({ "routers", "192.0.2.1", "" }),
      .want = "offered " TO_B1 " .10 192.0.2.2 53=2 54=192.0.2.2" FULL },
    { "unknown code as text, and as bytes", DISCOVER,
      .options = OPTIONS({ "224", "site", "" }, { "43", "", "1 4 192 0 2 5" }),
      .want = "offered " TO_B1 " .10 192.0.2.2 53=2 54=192.0.2.2"
              LEASE_OPTIONS " 224=site 43=\\01\\04\\c0\\00\\02\\05 51=-1"
              TAIL },
};

static void
put_ip_option(struct message *m, uint8_t code, const char *s)
{
    if (s) {
        uint32_t addr = inet_addr(s);
        message_option(m, code, &addr, sizeof addr);
    }
}

static void
put_field(struct message *m, size_t offset, const char *s)
{
    if (s) {
        uint32_t addr = inet_addr(s);
        memcpy(m->frame + MESSAGE_BOOTP + offset, &addr, sizeof addr);
    }
}

static void
build(const struct test_case *c, struct message *m)
{
    message_init(m, c->type);
    if (c->broadcast) {
        m->frame[MESSAGE_BOOTP + 10] = 0x80;
    }
    put_field(m, 12, c->ciaddr);
    put_field(m, 24, c->giaddr);
    put_ip_option(m, 50, c->requested);
    put_ip_option(m, 54, c->server);
    if (c->client_id) {
        message_option(m, 61, c->client_id, strlen(c->client_id));
    }
    if (c->max_size) {
        uint16_t be = htons(c->max_size);
        message_option(m, 57, &be, sizeof be);
    }
    message_end(m);
}

static void
put_ips(struct ds *s, const uint8_t *data, uint8_t len)
{
    for (int i = 0; i < len; i += 4) {
        ds_put_format(s, "%s%d.%d.%d.%d", i ? "," : "", data[i], data[i + 1],
                      data[i + 2], data[i + 3]);
    }
}

static void
put_value(struct ds *s, uint8_t code, const uint8_t *data, uint8_t len)
{
    ds_put_format(s, " %u=", code);
    switch (code) {
    case 1: case 3: case 6: case 28: case 42: case 54:
        put_ips(s, data, len);
        break;
    case 51:
        assert_int_equal(len, 4);
        ds_put_format(s, "%d", (int) ntohl(get_unaligned_be32(
                                               (const void *) data)));
        break;
    case 26:
        ds_put_format(s, "%d", data[0] << 8 | data[1]);
        break;
    case 53:
        ds_put_format(s, "%d", data[0]);
        break;
    case 56:
        ds_put_cstr(s, "...");
        break;
    default:
        for (int i = 0; i < len; i++) {
            ds_put_format(s, data[i] >= ' ' ? "%c" : "\\%02x", data[i]);
            if (data[i] >= 0x7f) {
                ds_truncate(s, s->length - 1);
                ds_put_format(s, "\\%02x", data[i]);
            }
        }
        break;
    }
}

static void
describe(const struct dhcp4_reply *reply, struct ds *s)
{
    const uint8_t *f = reply->frame, *bootp = f + MESSAGE_BOOTP;
    size_t i;

    ds_put_format(s, " %d.%d.%d.%d ", f[30], f[31], f[32], f[33]);
    ds_put_format(s, "%02x:%02x:%02x:%02x:%02x:%02x", f[0], f[1], f[2], f[3],
                  f[4], f[5]);
    ds_put_format(s, " .%d %d.%d.%d.%d", bootp[19], bootp[20], bootp[21],
                  bootp[22], bootp[23]);
    for (i = MESSAGE_OPTIONS + 4; f[i] != 255; i += 2 + f[i + 1]) {
        put_value(s, f[i], &f[i + 2], f[i + 1]);
    }
    assert_true(i < reply->size);
    if (bootp[44]) {
        ds_put_format(s, " sname=%s", &bootp[44]);
    }
    if (bootp[108]) {
        ds_put_format(s, " file=%s", &bootp[108]);
    }
}

/* What every reply has. */
static void
check_headers(const struct dhcp4_reply *reply, const struct message *m)
{
    const struct eth_addr service = SERVICE;
    const uint8_t *f = reply->frame, *bootp = f + MESSAGE_BOOTP;
    const uint8_t *asked = m->frame + MESSAGE_BOOTP;
    struct ip_header ip;
    uint16_t len = reply->size - 14;

    assert_memory_equal(f + 6, &service, 6);
    assert_memory_equal(f + 12, "\x08\x00\x45", 3);
    assert_int_equal(f[16] << 8 | f[17], len);
    assert_int_equal(csum(f + 14, 20), 0);
    assert_int_equal(f[22], 64);
    assert_memory_equal(f + 26, "\xc0\x00\x02\x02", 4);
    assert_memory_equal(f + 34, "\0\x43\0\x44", 4);
    assert_int_equal(f[38] << 8 | f[39], len - 20);
    memcpy(&ip, f + 14, sizeof ip);
    assert_int_equal(csum_finish(csum_continue(packet_csum_pseudoheader(&ip),
                                               f + 34, len - 20)), 0);
    assert_memory_equal(bootp, "\2\1\6\0", 4);
    assert_memory_equal(bootp + 4, asked + 4, 4);       /* xid */
    assert_memory_equal(bootp + 8, "\0\0", 2);          /* secs */
    assert_memory_equal(bootp + 10, asked + 10, 2);     /* flags */
    assert_memory_equal(bootp + 12, "\0\0\0\0", 4);     /* ciaddr */
    assert_memory_equal(bootp + 28, asked + 28, 16);    /* chaddr */
    assert_memory_equal(f + MESSAGE_OPTIONS, "\x63\x82\x53\x63", 4);
    assert_in_range(reply->size, MESSAGE_BOOTP + 300, DHCP4_MAX_FRAME);
}

static void
dhcp4__case__reply(void **state)
{
    int failed = 0;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct test_case *c = &cases[i];
        struct dhcp4_lease lease = fixture_lease(c->options);
        struct ds got = DS_EMPTY_INITIALIZER;
        struct dhcp4_reply reply;
        struct message m;

        build(c, &m);
        enum dhcp4_result result = dhcp4_serve(&lease, m.frame, m.size,
                                               &reply);
        ds_put_cstr(&got, dhcp4_result_name(result));
        if (result <= DHCP4_NAKED) {
            check_headers(&reply, &m);
            describe(&reply, &got);
        }
        if (strcmp(ds_cstr(&got), c->want)) {
            print_error("%s:\n got \"%s\"\nwant \"%s\"\n", c->name,
                        ds_cstr(&got), c->want);
            failed++;
        }
        ds_destroy(&got);
    }
    assert_int_equal(failed, 0);
}

static enum dhcp4_result
serve(const struct message *m, size_t size)
{
    struct dhcp4_lease lease = fixture_lease(NULL);
    struct dhcp4_reply reply;
    uint8_t *copy = xmemdup(m->frame, size);

    enum dhcp4_result result = dhcp4_serve(&lease, copy, size, &reply);
    free(copy);
    return result;
}

/* A cut packet is not answered; one whose IP packet is whole but cut options
 * is taken as far as they go. */
static void
dhcp4__truncated_anywhere__not_answered(void **state OVS_UNUSED)
{
    struct message m;

    message_init(&m, DISCOVER);
    message_end(&m);
    assert_int_equal(serve(&m, m.size), DHCP4_OFFERED);
    for (size_t size = 0; size < m.size; size++) {
        assert_int_equal(serve(&m, size), DHCP4_MALFORMED);
    }

    size_t whole = m.size;
    for (size_t size = MESSAGE_BOOTP; size < whole; size++) {
        m.size = size;
        message_seal(&m);
        assert_int_equal(serve(&m, size),
                         size < MESSAGE_OPTIONS + 4 ? DHCP4_MALFORMED
                         : size < MESSAGE_OPTIONS + 7 ? DHCP4_OTHER_TYPE
                         : DHCP4_OFFERED);
    }
}

static void
dhcp4__bad_header__malformed(void **state OVS_UNUSED)
{
    static const struct {
        size_t offset;
        uint8_t value;
    } changes[] = {
        { MESSAGE_IP, 0x65 },           /* Version. */
        { MESSAGE_IP, 0x44 },           /* Header length. */
        { MESSAGE_IP + 6, 0x20 },       /* A fragment (row 77). */
        { MESSAGE_IP + 7, 1 },          /* Likewise. */
        { MESSAGE_IP + 9, 6 },          /* Not UDP. */
        { MESSAGE_IP + 21, 67 },        /* Ports. */
        { MESSAGE_IP + 23, 68 },
        { MESSAGE_BOOTP, 2 },           /* Not a request. */
        { MESSAGE_BOOTP + 1, 6 },       /* Not Ethernet. */
        { MESSAGE_BOOTP + 2, 16 },
        { MESSAGE_OPTIONS, 0 },         /* Row 76: no cookie. */
    };
    struct message m;

    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        message_init(&m, DISCOVER);
        m.frame[changes[i].offset] = changes[i].value;
        message_end(&m);
        assert_int_equal(serve(&m, m.size), DHCP4_MALFORMED);
    }

    message_init(&m, DISCOVER);
    message_end(&m);
    m.frame[MESSAGE_IP + 11] ^= 1;      /* Checksum. */
    assert_int_equal(serve(&m, m.size), DHCP4_MALFORMED);
    m.frame[MESSAGE_IP + 11] ^= 1;
    m.frame[MESSAGE_IP + 25]++;         /* Longer than the packet. */
    assert_int_equal(serve(&m, m.size), DHCP4_MALFORMED);
}

/* Row 64. */
static void
dhcp4__other_chaddr__wrong_mac(void **state OVS_UNUSED)
{
    struct message m;

    message_init(&m, DISCOVER);
    m.frame[MESSAGE_BOOTP + 33] = 2;
    message_end(&m);
    assert_int_equal(serve(&m, m.size), DHCP4_WRONG_MAC);
}

static void
dhcp4__option_cut_by_end__ignored(void **state OVS_UNUSED)
{
    struct message m;

    message_init(&m, DISCOVER);
    m.frame[m.size++] = 0;              /* Padding. */
    m.frame[m.size++] = 61;
    m.frame[m.size++] = 200;
    message_seal(&m);
    assert_int_equal(serve(&m, m.size), DHCP4_OFFERED);
}

/* A reply keeps to what the client takes: what is configured is left out for
 * what it cannot do without. */
static void
dhcp4__too_many_options__omitted_and_size_kept(void **state OVS_UNUSED)
{
    static const uint16_t sizes[] = { 0, 100, 576, 800, 1500, 9000 };
    char text[201];

    memset(text, 'x', 200);
    text[200] = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        const struct configured options[] = {
            { "224", text, "" }, { "225", text, "" },
            { "226", text, "" }, { "227", text, "" },
            { "228", text, "" }, { 0 },
        };
        struct test_case c = { .type = REQUEST, .max_size = sizes[i],
                               .ciaddr = "192.0.2.10", .client_id = "abc" };
        struct dhcp4_lease lease = fixture_lease(options);
        struct ds s = DS_EMPTY_INITIALIZER;
        struct dhcp4_reply reply;
        struct message m;

        build(&c, &m);
        assert_int_equal(dhcp4_serve(&lease, m.frame, m.size, &reply),
                         DHCP4_ACKED);
        check_headers(&reply, &m);
        assert_true(reply.size <= 14u + MIN(MAX(sizes[i], 576), 1500));
        assert_int_equal(reply.n_omitted, sizes[i] >= 1500 ? 0
                                          : sizes[i] == 800 ? 3 : 4);
        describe(&reply, &s);
        assert_non_null(strstr(ds_cstr(&s), " 51=-1 3=192.0.2.1"));
        assert_non_null(strstr(ds_cstr(&s), " 6=192.0.2.2 61=abc"));
        ds_destroy(&s);
    }
}

static void
options__refused__by_reason(void **state OVS_UNUSED)
{
    static const struct {
        const char *name, *value, *bytes;
        int error;
    } refused[] = {
        { "1", "255.0.0.0", "", -EPERM },
        { "28", "192.0.2.255", "", -EPERM },
        { "53", "1", "", -EPERM },
        { "54", "192.0.2.2", "", -EPERM },
        { "81", "x", "", -EPERM },
        { "82", "x", "", -EPERM },
        { "0", "x", "", -EPERM },
        { "255", "x", "", -EPERM },
        { "256", "x", "", -EINVAL },
        { "", "x", "", -EINVAL },
        { "no-such-option", "x", "", -EINVAL },
        { "tag:x", "x", "", -EINVAL },
        { "6", "192.0.2", "", -EINVAL },
        { "6", "", "", -EINVAL },
        { "6", "192.0.2.1 x", "", -EINVAL },
        { "16", "192.0.2.1 192.0.2.2", "", -EINVAL },
        { "26", "70000", "", -EINVAL },
        { "26", "-1", "", -EINVAL },
        { "26", "1 2", "", -EINVAL },
        { "51", "4294967296", "", -EINVAL },
        { "51", "1h", "", -EINVAL },
        { "23", "256", "", -EINVAL },
        { "43", "", "1 2 256", -EINVAL },
        { "43", "x", "a", -EINVAL },
        { "12", "", "", -EINVAL },
        { "119", "example.net", "", -EINVAL },
        { "121", "10.0.0.0/8 192.0.2.1", "", -EINVAL },
    };
    struct dhcp_options options = { .size = 0 };

    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        if (dhcp_options_add(&options, refused[i].name, refused[i].value,
                             refused[i].bytes) != refused[i].error) {
            fail_msg("%s \"%s\"", refused[i].name, refused[i].value);
        }
        assert_int_equal(options.size, 0);
    }
}

static void
options__repeated__first_counts(void **state OVS_UNUSED)
{
    struct dhcp_options options = { .size = 0 };
    uint8_t len;

    assert_int_equal(dhcp_options_add(&options, "67", "a", ""), 0);
    assert_int_equal(dhcp_options_add(&options, "bootfile-name", "b", ""),
                     -EEXIST);
    assert_memory_equal(dhcp_options_find(&options, 67, &len), "a", 1);
    assert_int_equal(len, 1);
    assert_null(dhcp_options_find(&options, 66, &len));
}

static void
options__long__refused_not_overrun(void **state OVS_UNUSED)
{
    struct dhcp_options options = { .size = 0 };
    char text[300], name[4];
    int n = 0;

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(dhcp_options_add(&options, "224", text, ""), -EINVAL);
    text[255] = '\0';
    for (int code = 224; code < 254; code++) {
        snprintf(name, sizeof name, "%d", code);
        int error = dhcp_options_add(&options, name, text, "");
        assert_true(!error || error == -ENOSPC);
        n += !error;
    }
    assert_int_equal(n, DHCP_OPTIONS_MAX / 257);
}

static void
options__typed__encoded(void **state OVS_UNUSED)
{
    static const struct {
        const char *name, *value, *bytes;
        uint8_t code, want[8], len;
    } encoded[] = {
        { "time-offset", "-3600", "", 2, { 0xff, 0xff, 0xf1, 0xf0 }, 4 },
        { "25", "68,296 508", "", 25, { 0, 68, 1, 40, 1, 252 }, 6 },
        { "23", "64", "", 23, { 64 }, 1 },
        { "80", "", "", 80, { 0 }, 0 },
        { "77", "1 2 3", "", 77, { 1, 2, 3 }, 3 },
        { "121", "", "8 10 192 0 2 1", 121, { 8, 10, 192, 0, 2, 1 }, 6 },
        { "16", "192.0.2.1", "", 16, { 192, 0, 2, 1 }, 4 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(encoded); i++) {
        struct dhcp_options options = { .size = 0 };
        uint8_t len = 0;

        assert_int_equal(dhcp_options_add(&options, encoded[i].name,
                                          encoded[i].value, encoded[i].bytes),
                         0);
        const uint8_t *data = dhcp_options_find(&options, encoded[i].code,
                                                &len);
        assert_int_equal(len, encoded[i].len);
        assert_memory_equal(data, encoded[i].want, len);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dhcp4__case__reply),
        cmocka_unit_test(dhcp4__truncated_anywhere__not_answered),
        cmocka_unit_test(dhcp4__bad_header__malformed),
        cmocka_unit_test(dhcp4__other_chaddr__wrong_mac),
        cmocka_unit_test(dhcp4__option_cut_by_end__ignored),
        cmocka_unit_test(dhcp4__too_many_options__omitted_and_size_kept),
        cmocka_unit_test(options__refused__by_reason),
        cmocka_unit_test(options__repeated__first_counts),
        cmocka_unit_test(options__long__refused_not_overrun),
        cmocka_unit_test(options__typed__encoded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
