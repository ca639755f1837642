/* SPDX-License-Identifier: Apache-2.0 */
/* What two agents send, up to the tables of the controller, and all that the
 * controller sends back.
 *
 * A NUL ends a read.  The byte before it chooses what comes next: the other
 * agent, the other configuration, time, the loss of the session, its end, or
 * the end of its reading. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "controller/config.h"
#include "controller/core.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "tsn/error.h"
#include "util.h"
#include "xmpp/conn.h"
#include "xmpp/route.h"
#include "xmpp/stanza.h"
#include "xmpp/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const yaml[] = {
    "project: admin\n"
    "networks:\n"
    "- {name: vn1, vni: 5005, id: 5, subnets: [{prefix: 10.0.0.0/8}]}\n"
    "switches:\n"
    "- {name: tor1, vtep: 127.0.2.1, agent: a, ports:\n"
    "   [{name: p, network: vn1, servers: [{mac: '02:00:00:00:00:01'}]}]}\n"
    "tsns:\n"
    "- {name: b, address: 127.0.1.3}\n",

    "project: admin\n"
    "graceful-restart: {restart-time: 2, long-lived-restart-time: 3}\n"
    "networks:\n"
    "- {name: vn1, vni: 5, id: 5}\n"
    "- {name: vn2, vni: 5006, id: 6}\n"
    "switches:\n"
    "- {name: tor1, vtep: 127.0.2.1, agent: a, ports:\n"
    "   [{name: p, network: vn2}, {name: q, network: vn1}]}\n"
    "hosts:\n"
    "- {name: h, vtep: 127.0.1.4, networks: [vn1, vn2], machines:\n"
    "   [{network: vn1, mac: '02:00:00:00:04:01'}]}\n",
};
static struct ctrl_config *configs[2];

struct agent {
    struct ctrl_core *core;
    struct xmpp_conn *conn;
    struct ctrl_peer *peer;
    const char *name;
    struct in6_addr ip;
    bool blocked;               /* Does not read. */
};
static uint64_t now_ms;

/* The controller's way out. */

static void
check_route(const struct xmpp_node *entry, const char *id)
{
    struct xmpp_evpn route, key;
    struct tsn_err err;

    ovs_assert(!xmpp_evpn_decode(entry, &route, &err));
    ovs_assert(!xmpp_evpn_parse_item_id(id, &key));
    ovs_assert(xmpp_evpn_key_equals(&route, &key));
    xmpp_evpn_fini(&key);
    xmpp_evpn_fini(&route);
}

/* There are at most the two agents in a tree. */
static void
check_tree(const struct xmpp_node *entry, const char *id)
{
    struct xmpp_mcast_id mid;
    struct xmpp_mcast tree;
    struct tsn_err err;

    ovs_assert(!xmpp_mcast_decode(entry, &tree, &err));
    ovs_assert(xmpp_mcast_is_broadcast(&tree));
    ovs_assert(!xmpp_mcast_parse_item_id(id, &mid));
    ovs_assert(tsn_ip_is_v4(&mid.agent));
    ovs_assert(tree.source_label && tree.n_olist <= 1);
    ovs_assert(!tree.n_olist || tree.olist[0].label);
    xmpp_mcast_fini(&tree);
}

static void
check_items(const struct xmpp_stanza *st)
{
    const struct xmpp_node *item;

    XMPP_NODE_FOR_EACH (item, st->body, "item") {
        const struct xmpp_node *entry = xmpp_node_child(item, "entry");
        const char *id = xmpp_node_attr(item, "id");

        ovs_assert(id);
        if (st->family == XMPP_FAMILY_MCAST) {
            check_tree(entry, id);
        } else {
            check_route(entry, id);
        }
    }
}

static void
peer_send(void *agent_, const char *data, size_t size)
{
    struct agent *agent = agent_;
    struct xmpp_stanza st;
    struct tsn_err err;

    ovs_assert(!xmpp_stanza_parse(data, size, &st, &err));
    ovs_assert(st.type == XMPP_EVENT || st.type == XMPP_CONFIG);
    if (st.type == XMPP_EVENT) {
        check_items(&st);
    }
    xmpp_stanza_fini(&st);
    xmpp_conn_send(agent->conn, data, size);
}

static bool
peer_is_ready(void *agent_)
{
    struct agent *agent = agent_;

    return !agent->blocked;
}

static void
peer_close(void *agent_, enum xmpp_close_reason reason)
{
    struct agent *agent = agent_;

    xmpp_conn_close(agent->conn, reason);
}

static const struct ctrl_peer_ops peer_ops = {
    .send = peer_send,
    .is_ready = peer_is_ready,
    .close = peer_close,
};

/* The session under it. */

static void
conn_send(void *agent OVS_UNUSED, const void *data OVS_UNUSED,
          size_t size OVS_UNUSED)
{
}

static bool
conn_opened(void *agent_, const char *name OVS_UNUSED)
{
    struct agent *agent = agent_;

    agent->peer = ctrl_peer_create(agent->core, agent->name, &peer_ops,
                                   agent, now_ms);
    ctrl_peer_set_address(agent->peer, &agent->ip);
    return true;
}

static void
conn_stanza(void *agent_, const struct xmpp_stanza *st)
{
    struct agent *agent = agent_;

    ctrl_peer_stanza(agent->peer, st, now_ms);
}

static void
conn_closed(void *agent OVS_UNUSED, enum xmpp_close_reason reason OVS_UNUSED)
{
}

static void
agent_open(struct agent *agent)
{
    static const struct xmpp_conn_ops ops = {
        .send = conn_send,
        .opened = conn_opened,
        .stanza = conn_stanza,
        .closed = conn_closed,
    };
    static const char header[] = "<stream:stream from=\"x\" xmlns:stream="
                                 "\"http://etherx.jabber.org/streams\" >";

    agent->conn = xmpp_conn_create(XMPP_SERVER, "ctrl1", XMPP_HOLD_MS, &ops,
                                   agent, now_ms);
    xmpp_conn_start(agent->conn, now_ms);
    xmpp_conn_feed(agent->conn, header, strlen(header), now_ms);
    ovs_assert(agent->peer);
}

static void
agent_end(struct agent *agent)
{
    ctrl_peer_destroy(agent->peer);
    xmpp_conn_destroy(agent->conn);
    agent->peer = NULL;
}

/* Its session ends, and it may come back. */
static void
agent_lose(struct agent *agent)
{
    ctrl_peer_lost(agent->peer, &in6addr_any, now_ms);
    xmpp_conn_destroy(agent->conn);
    agent->peer = NULL;
}

static void
load_configs(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(yaml); i++) {
        int fd = memfd_create("controller.yaml", MFD_CLOEXEC);
        ssize_t size = strlen(yaml[i]);
        struct tsn_err err;
        char path[64];

        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        if (write(fd, yaml[i], size) != size
            || ctrl_config_load(path, &configs[i], &err)) {
            abort();
        }
        close(fd);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!configs[0]) {
        vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
        load_configs();
    }
    now_ms = 0;

    size_t config = 0, i = 0;
    struct ctrl_core *core = ctrl_core_create(configs[config]);
    struct agent agents[2] = {
        { .core = core, .name = "a" }, { .core = core, .name = "b" },
    };
    /* The other one has none that a tree could know it by. */
    in6_addr_set_mapped_ipv4(&agents[0].ip, htonl(0x7f000103));
    agent_open(&agents[0]);
    agent_open(&agents[1]);
    while (size) {
        const uint8_t *end = memchr(data, '\0', size);
        size_t n = end ? (size_t) (end - data) : size;

        xmpp_conn_feed(agents[i].conn, data, n, now_ms);
        if (!xmpp_conn_is_open(agents[i].conn)) {
            agent_lose(&agents[i]);
            agent_open(&agents[i]);
        }
        switch (n ? data[n - 1] : 0) {
        case 1:
            config = !config;
            ctrl_core_configure(core, configs[config]);
            break;
        case 2:
            now_ms += 2500;
            break;
        case 4:
            agents[i].blocked = !agents[i].blocked;
            break;
        case 3:
            agent_lose(&agents[i]);
            agent_open(&agents[i]);
            break;
        case 5:
            agent_end(&agents[i]);
            agent_open(&agents[i]);
            break;
        default:
            i = !i;
            break;
        }
        ctrl_core_run(core, now_ms);
        n += end != NULL;
        data += n;
        size -= n;
    }
    agent_end(&agents[0]);
    agent_end(&agents[1]);
    ctrl_core_destroy(core);
    return 0;
}
