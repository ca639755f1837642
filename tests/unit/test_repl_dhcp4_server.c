/* SPDX-License-Identifier: Apache-2.0 */
/* Punted frame in, reply on the underlay out. */
#include <config.h>
#include "replication/services/dhcp4-server.h"

#include <stdlib.h>

#include "dhcp4_fixture.h"
#include "fake_speaker.h"
#include "replication/forwarder/forwarder.h"
#include "replication/forwarder/table.h"
#include "replication/tree/networks.h"
#include "util.h"
#include "tests/unit/ip.h"
#include "xmpp/view.h"

#define VNI 100

/* The forwarder, as far as the server needs it. */
struct fwd {
    int error;
    int n_sent;
    uint32_t vni;
    struct fwd_member dst;
    uint8_t frame[DHCP4_MAX_FRAME];
    size_t size;
};

int
fwd_send(struct fwd *fwd, const struct fwd_net *net,
         const struct fwd_member *dst, const void *frame, size_t size)
{
    if (fwd->error) {
        return fwd->error;
    }
    fwd->n_sent++;
    fwd->vni = net->vni;
    fwd->dst = *dst;
    fwd->size = size;
    assert_in_range(size, 1, sizeof fwd->frame);
    memcpy(fwd->frame, frame, size);
    return 0;
}

struct rig {
    struct xmpp_speaker sp;
    struct fwd fwd;
    struct xmpp_subnet subnet;
    struct xmpp_network network;
    struct xmpp_vmi vmi;
    const struct xmpp_network *network_pointer;
    const struct xmpp_vmi *vmi_pointer;
    struct xmpp_view view;
    struct repl_networks *networks;
    struct repl_dhcp4_server server;
    struct fwd_punted punted;
};

static void
publish(struct fwd *fwd OVS_UNUSED, struct fwd_table *table)
{
    fwd_table_destroy(table);
}

static int
setup(void **state)
{
    const struct repl_identity self = {
        .address = ip("10.0.0.11"), .service_mac = SERVICE,
    };
    struct rig *rig = xzalloc(sizeof *rig);
    struct message m;

    rig->subnet = (struct xmpp_subnet) {
        .prefix = ip("192.0.2.0"), .plen = 24, .gateway = ip("192.0.2.1"),
        .dns_server = ip("192.0.2.2"), .enable_dhcp = true,
        .dns_method = CONST_CAST(char *, ""),
    };
    rig->network = (struct xmpp_network) {
        .instance = CONST_CAST(char *, "blue"), .id = 1, .vni = VNI,
        .subnets = &rig->subnet, .n_subnets = 1,
    };
    rig->vmi = (struct xmpp_vmi) {
        .name = CONST_CAST(char *, "port"),
        .display_name = CONST_CAST(char *, "bms1"), .mac = B1,
        .ip4 = ip("192.0.2.10"), .network = &rig->network,
    };
    rig->view = (struct xmpp_view) {
        .networks = &rig->network_pointer, .n_networks = 1,
        .vmis = &rig->vmi_pointer, .n_vmis = 1,
    };
    rig->network_pointer = &rig->network;
    rig->vmi_pointer = &rig->vmi;
    fake_speaker_init(&rig->sp);
    rig->networks = repl_networks_create(&self, &rig->sp, &rig->fwd, publish);
    repl_networks_set_view(rig->networks, &rig->view);
    repl_networks_run(rig->networks, 0);
    rig->server = (struct repl_dhcp4_server) {
        .networks = rig->networks, .fwd = &rig->fwd, .service_mac = SERVICE,
    };

    message_init(&m, 1);
    message_end(&m);
    rig->punted = (struct fwd_punted) {
        .reason = FWD_PUNT_DHCP4, .net.vni = VNI,
        .reply.ip = fwd_ip_from_v4(inet_addr("10.0.1.1")), .size = m.size,
    };
    memcpy(rig->punted.frame, m.frame, m.size);
    *state = rig;
    return 0;
}

static int
teardown(void **state)
{
    struct rig *rig = *state;

    repl_networks_destroy(rig->networks);
    fake_speaker_fini(&rig->sp);
    free(rig);
    return 0;
}

static void
server__discover__offer_to_its_source(void **state)
{
    struct rig *rig = *state;

    repl_dhcp4_serve(&rig->server, &rig->punted);
    assert_int_equal(rig->fwd.n_sent, 1);
    assert_int_equal(rig->fwd.vni, VNI);
    assert_true(fwd_ip_equals(&rig->fwd.dst.ip, &rig->punted.reply.ip));
    assert_memory_equal(rig->fwd.frame + MESSAGE_BOOTP + 16,
                        "\xc0\x00\x02\x0a", 4);
    assert_int_equal(rig->server.results[DHCP4_OFFERED], 1);
    assert_int_equal(rig->server.n_unknown, 0);
}

static void
server__not_sound__counted_only(void **state)
{
    struct rig *rig = *state;

    for (size_t size = 0; size < rig->punted.size; size++) {
        struct fwd_punted cut = rig->punted;

        cut.size = size;
        repl_dhcp4_serve(&rig->server, &cut);
    }
    assert_int_equal(rig->fwd.n_sent, 0);
    assert_int_equal(rig->server.results[DHCP4_MALFORMED]
                     + rig->server.n_unknown, rig->punted.size);
}

/* What the pipeline still knew may be gone. */
static void
server__client_network_or_dhcp_gone__unknown(void **state)
{
    struct rig *rig = *state;

    rig->punted.net.vni = VNI + 1;
    repl_dhcp4_serve(&rig->server, &rig->punted);
    assert_int_equal(rig->server.n_unknown, 1);

    rig->punted.net.vni = VNI;
    rig->punted.frame[11]++;
    repl_dhcp4_serve(&rig->server, &rig->punted);
    assert_int_equal(rig->server.n_unknown, 2);

    rig->punted.frame[11]--;
    rig->subnet.enable_dhcp = false;
    repl_dhcp4_serve(&rig->server, &rig->punted);
    assert_int_equal(rig->server.n_unknown, 3);
    assert_int_equal(rig->fwd.n_sent, 0);
}

static void
server__reply_refused_by_host__counted(void **state)
{
    struct rig *rig = *state;

    rig->fwd.error = -ENETUNREACH;
    repl_dhcp4_serve(&rig->server, &rig->punted);
    assert_int_equal(rig->server.n_unsent, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
        TEST(server__discover__offer_to_its_source),
        TEST(server__not_sound__counted_only),
        TEST(server__client_network_or_dhcp_gone__unknown),
        TEST(server__reply_refused_by_host__counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
