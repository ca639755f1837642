/* SPDX-License-Identifier: Apache-2.0 */
/* The table of cases against the BPF programs alone, which the kernel runs on
 * each of the packets: what they return, what they make of the packet and what
 * they count.  Then all of them cut at every octet, against what the pipeline
 * in user space says. */
#include <config.h>

#include <linux/bpf.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <cmocka.h>

#include "bpf_run.h"
#include "fwd_cases.h"
#include "netns_rig.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "replication/forwarder/encap.h"

#define MTU 1500
#define OTHERS_MAC "02:00:00:00:00:99"
static const uint8_t others_mac[6] = { 2, 0, 0, 0, 0, 0x99 };
/* The last octet is the number of the interface. */
static const uint8_t our_mac[6] = { 2, 0, 0, 0, 1, 0 };

/* What came of a packet. */
struct check {
    struct bpf_run *run;
    const struct fwd_expected *e;
    bool seen[FWD_CASE_MAX_COPIES];
    unsigned int n_seen;
    struct ds errors;
};

/* The case is of network SIX, some of whose copies need UDP checksums. */
static bool is_six;

/* Where its inner frame begins. */
static size_t inner_at;

/* The packet has padding that a program could not tell from it. */
static bool is_short_and_padded;

/* What the programs leave to the host's stack: see bpf/abi.h. */
static bool
is_for_host(const struct fwd_expected *e)
{
    bool too_long = e->lost[FWD_DROP_JUMBO_DF], checksum = false;

    for (size_t i = 0; i < e->n_copies; i++) {
        const struct frame *f = &e->copies[i].packet;

        too_long = too_long || f->size > MTU;
        checksum = checksum || (f->data[0] >> 4 == 6
                                && f->data[6] == FWD_IP_PROTO_UDP);
    }
    return e->action == FWD_PASS || e->punt >= 0 || checksum
           || is_short_and_padded
           || (e->action == FWD_FLOOD && (too_long || is_six));
}

static bool
find_padding(const struct frame *packet)
{
    const struct fwd_host host = fwd_case_host();
    struct fwd_arrival a;
    size_t size = fwd_parse_outer(&host, packet->data,
                                  packet->data + packet->size, &a);

    return size && size < packet->size
           && size < inner_at + FWD_INNER_LOOKED_AT;
}

static void
start_case(const struct fwd_case *c)
{
    is_six = c->label == SIX || (c->label >= 4400 && c->label <= 4410);
    inner_at = fwd_case_inner(c);
}

static bool
reaches_somebody(const struct fwd_expected *e)
{
    unsigned int n = e->n_copies;

    for (int drop = 0; drop < FWD_N_DROPS; drop++) {
        n += e->lost[drop];
    }
    return n;
}

static uint32_t
expected_action(const struct fwd_expected *e)
{
    return is_for_host(e) ? XDP_PASS
           : e->action == FWD_DROP || !reaches_somebody(e) ? XDP_DROP
           : XDP_REDIRECT;
}

static void
take_copy(struct check *k, const struct frame *f, int interface)
{
    const char *difference = "too many";
    struct frame ether = { .size = 0 };
    uint8_t src[6];

    memcpy(src, our_mac, sizeof src);
    src[5] = interface;
    put_mac_header(&ether, others_mac, src, -1,
                   f->data[14] >> 4 == 6 ? 0x86dd : 0x0800);
    if (f->size < ether.size || memcmp(f->data, ether.data, ether.size)) {
        ds_put_cstr(&k->errors, " a copy: Ethernet header;");
        return;
    }
    for (size_t i = 0; i < k->e->n_copies; i++) {
        if (!k->seen[i]) {
            difference = fwd_case_compare(&k->e->copies[i],
                                          f->data + ether.size,
                                          f->size - ether.size);
            if (!difference) {
                k->seen[i] = true;
                k->n_seen++;
                return;
            }
        }
    }
    ds_put_format(&k->errors, " a copy: %s;", difference);
}

/* "u2" is 2. */
static int
interface_of(const struct bpf_run *run, unsigned int dev)
{
    char name[IF_NAMESIZE];

    assert_non_null(if_indextoname(bpf_run_ifindex(run, dev), name));
    return name[1] - '0';
}

/* Does what the kernel does with a frame that is redirected; of one to flood
 * one copy too many for each interface must end there. */
static void
check_copies(struct check *k, const struct frame *redirected)
{
    bool single = bpf_run_is_single(redirected);
    struct frame out;

    if (single != (k->e->action != FWD_FLOOD)) {
        ds_put_format(&k->errors, " %s;", single ? "not flooded" : "flooded");
        return;
    }
    for (unsigned int dev = 0; dev < FWD_BPF_MAX_DEVS; dev++) {
        if (!bpf_run_ifindex(k->run, dev)) {
            continue;
        }
        uint32_t n = bpf_run_n_copies(k->run, redirected, dev);
        for (uint32_t i = 0; i < n + !single; i++) {
            uint32_t action = bpf_run_egress(k->run, dev, redirected, &out);

            if (action == XDP_PASS) {
                take_copy(k, &out, interface_of(k->run, dev));
            }
            if (action != XDP_DROP && (action != XDP_PASS || i == n)) {
                ds_put_format(&k->errors, " egress %u says %u of copy %u;",
                              dev, (unsigned int) action, (unsigned int) i);
            }
        }
    }
}

/* What must have been counted. */
static void
expected_counters(const struct fwd_expected *e, struct fwd_counters *c)
{
    memset(c, 0, sizeof *c);
    if (is_for_host(e)) {
        return;
    }
    c->frames = 1;
    c->copies = e->n_copies;
    c->flooded = e->action == FWD_FLOOD && reaches_somebody(e);
    c->answered = e->action == FWD_ANSWER;
    c->relayed = e->action == FWD_RELAY;
    for (int drop = 0; drop < FWD_N_DROPS; drop++) {
        c->drops[drop] = e->lost[drop];
    }
    if (e->action == FWD_DROP) {
        c->drops[e->drop]++;
    } else if (!reaches_somebody(e)) {
        c->drops[FWD_DROP_NO_MEMBER]++;
    }
}

static void
check_counter(struct check *k, const char *name, uint64_t n, uint64_t wanted)
{
    if (n != wanted) {
        ds_put_format(&k->errors, " %"PRIu64" %s instead of %"PRIu64";", n,
                      name, wanted);
    }
}

static void
check_counters(struct check *k)
{
    struct fwd_counters c, want;

    bpf_run_count(k->run, &c);
    expected_counters(k->e, &want);
    check_counter(k, "frames", c.frames, want.frames);
    check_counter(k, "flooded", c.flooded, want.flooded);
    check_counter(k, "answered", c.answered, want.answered);
    check_counter(k, "relayed", c.relayed, want.relayed);
    check_counter(k, "punted", c.punted, want.punted);
    check_counter(k, "copies counted", c.copies, want.copies);
    for (int drop = 0; drop < FWD_N_DROPS; drop++) {
        check_counter(k, fwd_drop_name(drop), c.drops[drop],
                      want.drops[drop]);
    }
}

/* Runs the programs on an IP packet that 'e' must become of.  Returns what is
 * wrong, for the caller to destroy. */
static struct ds
run_packet(struct bpf_run *run, const struct frame *packet,
           const struct fwd_expected *e)
{
    struct check k = { .run = run, .e = e, .errors = DS_EMPTY_INITIALIZER };
    struct frame in = { .size = 0 }, out;

    is_short_and_padded = find_padding(packet);
    put_mac_header(&in, our_mac, others_mac, -1,
                   packet->size && packet->data[0] >> 4 == 6 ? 0x86dd
                   : 0x0800);
    put(&in, packet->data, packet->size);
    uint32_t action = bpf_run_ingress(run, &in, &out);
    if (action != expected_action(e)) {
        ds_put_format(&k.errors, " ingress says %u instead of %u;",
                      (unsigned int) action,
                      (unsigned int) expected_action(e));
    } else if (action == XDP_REDIRECT) {
        check_copies(&k, &out);
    }
    check_counter(&k, "copies seen", k.n_seen,
                  action == XDP_REDIRECT ? e->n_copies : 0);
    check_counters(&k);
    return k.errors;
}

static void
check_cases(struct bpf_run *run)
{
    int failed = 0;

    if (!run) {
        skip();
    }
    for (size_t i = 0; i < fwd_n_cases; i++) {
        const struct fwd_case *c = &fwd_cases[i];
        struct fwd_expected *e = fwd_case_expect(c, c->fate);
        struct frame packet;

        start_case(c);
        fwd_case_packet(c, &packet);
        struct ds errors = run_packet(run, &packet, e);
        if (errors.length) {
            print_error("%s: want \"%s\", got%s\n", c->name, c->fate,
                        ds_cstr(&errors));
            failed++;
        }
        ds_destroy(&errors);
        free(e);
    }
    assert_int_equal(failed, 0);
}

static void
programs__case__fate_copies_and_counters(void **state)
{
    check_cases(*state);
}

static void
programs__case_by_three_interfaces__fate_copies_and_counters(void **state)
{
    check_cases(*state);
}

static void
expect_copy(struct fwd_expected *e, const struct fwd_host *host,
            const struct fwd_verdict *v, const struct fwd_member *m,
            const uint8_t *end)
{
    struct frame *f = &e->copies[e->n_copies].packet;
    const uint8_t *limit = f->data + sizeof f->data;
    struct fwd_copy copy;

    enum fwd_drop drop = fwd_copy_init(&copy, host, v, m, end - v->inner);
    if (drop) {
        e->lost[drop]++;
        return;
    }
    assert_true(e->n_copies++ < FWD_CASE_MAX_COPIES);
    uint8_t *p = fwd_put_transport(fwd_put_ip(f->data, limit, &copy), limit,
                                   &copy);
    p = fwd_put_tunnel(p, limit, &copy);
    f->size = p - f->data;
    put(f, fwd_copy_payload(v, m->class), copy.size);
}

/* Whether copies would fit the underlay for all members of the network, if a
 * switch had sent the frame: to those who would not get it, too. */
static bool
fits_all(const struct fwd_host *host, const struct fwd_verdict *v,
         uint32_t inner_size)
{
    const struct fwd_network *network = fwd_network_of(v->net);
    const struct fwd_verdict from_switch = {
        .net = v->net, .class = FWD_TOR,
    };
    struct fwd_copy copy;

    for (int class = 0; class < FWD_N_CLASSES; class++) {
        for (uint32_t i = 0; i < network->n_members[class]; i++) {
            fwd_copy_init(&copy, host, &from_switch,
                          &network->members[network->first[class] + i],
                          inner_size);
            if (fwd_copy_len(&copy) > MTU) {
                return false;
            }
        }
    }
    return true;
}

/* What must become of a packet: what the pipeline says, and of one to flood
 * that does not fit all members the host. */
static void
expect(const struct bpf_run *run, const struct frame *packet,
       struct fwd_expected *e)
{
    const struct fwd_host host = fwd_case_host();
    struct frame f = *packet;
    struct fwd_copies copies;
    struct fwd_arrival a;
    struct fwd_verdict v;
    const struct fwd_member *m;

    e->n_copies = 0;
    memset(e->lost, 0, sizeof e->lost);
    e->punt = -1;
    e->action = FWD_PASS;
    uint32_t size = fwd_parse_outer(&host, f.data, f.data + f.size, &a);
    if (!size) {
        return;
    }
    a.end = f.data + size;
    fwd_decide(bpf_run_table(run), &host, &a, &v);
    e->action = v.action;
    e->drop = v.drop;
    e->punt = v.action == FWD_PUNT || v.punt_too ? (int) v.punt : -1;
    if (v.action == FWD_FLOOD && !fits_all(&host, &v, a.end - v.inner)) {
        e->action = FWD_PASS;
    } else if (v.action == FWD_FLOOD) {
        fwd_copies_init(&copies, &v, &a.source);
        while ((m = fwd_copies_next(&copies))) {
            expect_copy(e, &host, &v, m, a.end);
        }
    } else if (v.action == FWD_ANSWER || v.action == FWD_RELAY) {
        if (v.action == FWD_ANSWER) {
            arp_answer(f.data + (v.inner - f.data), v.mac);
        }
        expect_copy(e, &host, &v, &v.dest, a.end);
    }
}

/* Ends the packet after 'size' octets, as if its sender had, so with right
 * lengths. */
static void
end_packet(struct frame *f, size_t size)
{
    bool v6 = f->data[0] >> 4 == 6;
    size_t header = v6 ? FWD_IPV6_LEN : (f->data[0] & 0x0f) * 4u;

    f->size = size;
    if (size < header) {
        return;
    }
    if (v6) {
        fwd_put16(f->data + 4, size - header);
    } else {
        fwd_put16(f->data + 2, size);
        fwd_put16(f->data + 10, 0);
        if (header == FWD_IPV4_LEN) {
            fwd_put16(f->data + 10, fwd_ipv4_checksum(f->data));
        }
    }
    if (size >= header + FWD_UDP_LEN
        && f->data[v6 ? 6 : 9] == FWD_IP_PROTO_UDP) {
        fwd_put16(f->data + header + 4, size - header);
    }
}

static void
check_cut(struct bpf_run *run, const char *name, const struct frame *packet)
{
    static struct fwd_expected e;

    expect(run, packet, &e);
    struct ds errors = run_packet(run, packet, &e);
    if (errors.length) {
        fail_msg("%s cut to %zu: pipeline says %s, got%s", name,
                 packet->size, fwd_action_name(e.action), ds_cstr(&errors));
    }
    ds_destroy(&errors);
}

/* By who sent the packet, and on the way. */
static void
programs__cut_anywhere__what_the_pipeline_says(void **state)
{
    if (!*state) {
        skip();
    }
    for (size_t i = 0; i < fwd_n_cases; i++) {
        struct frame whole, f;

        start_case(&fwd_cases[i]);
        fwd_case_packet(&fwd_cases[i], &whole);
        for (size_t size = 0; size <= whole.size; size++) {
            f = whole;
            f.size = size;
            check_cut(*state, fwd_cases[i].name, &f);
            end_packet(&f, size);
            check_cut(*state, fwd_cases[i].name, &f);
        }
    }
}

static void
add_interface(int number)
{
    sh("ip link add name u%d type veth peer name p%d netns %d", number,
       number, (int) netns_peer);
    sh("ip link set u%d address 02:00:00:00:01:%02x mtu %d up", number,
       number, MTU);
    peer_sh("ip link set p%d up", number);
}

/* Has everybody whose address begins with 'prefix' behind an interface. */
static void
add_neighbours(const char *prefix, int interface)
{
    static const char *const all[] = {
        TSN2, C1, C2, T1, T2, T3, Q, Q2, Q6, C6,
    };

    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        if (!strncmp(all[i], prefix, strlen(prefix))) {
            sh("ip neighbour replace %s lladdr " OTHERS_MAC " dev u%d nud "
               "permanent", all[i], interface);
        }
    }
}

static bool
enter(void)
{
    struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };

    if (!netns_enter()) {
        print_message("SKIP: no permission for network namespaces\n");
        return false;
    }
    setrlimit(RLIMIT_MEMLOCK, &unlimited);
    add_interface(0);
    sh("ip address add " TSN1_6 "/32 dev u0 nodad");
    return true;
}

static int
setup_programs(void **state)
{
    const struct fwd_host host = fwd_case_host();

    *state = bpf_run_create(&host, fwd_case_table());
    return 0;
}

static int
setup(void **state)
{
    *state = NULL;
    if (!enter()) {
        return 0;
    }
    sh("ip address add " TSN1 "/8 dev u0");
    add_neighbours("", 0);
    return setup_programs(state);
}

/* Switches, peers and the tree each behind an interface of their own. */
static int
setup_three(void **state)
{
    *state = NULL;
    if (!enter()) {
        return 0;
    }
    sh("ip address add " TSN1 "/24 dev u0");
    add_neighbours("10.0.0.", 0);
    add_neighbours("2001:", 0);
    for (int i = 1; i <= 2; i++) {
        char prefix[16];

        add_interface(i);
        sh("ip route add 10.0.%d.0/24 dev u%d", i, i);
        snprintf(prefix, sizeof prefix, "10.0.%d.", i);
        add_neighbours(prefix, i);
    }
    return setup_programs(state);
}

static int
teardown(void **state)
{
    bpf_run_destroy(*state);
    netns_leave();
    return 0;
}

int
main(void)
{
#define TEST(NAME, SETUP) \
    cmocka_unit_test_setup_teardown(NAME, SETUP, teardown)
    const struct CMUnitTest tests[] = {
        TEST(programs__case__fate_copies_and_counters, setup),
        TEST(programs__case_by_three_interfaces__fate_copies_and_counters,
             setup_three),
        TEST(programs__cut_anywhere__what_the_pipeline_says, setup),
    };

    if (!getenv("TSN_TEST_VERBOSE")) {
        vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
