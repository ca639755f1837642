/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/services/dhcp4-server.h"

#include <inttypes.h>
#include <string.h>

#include "openvswitch/vlog.h"
#include "packets.h"
#include "replication/forwarder/forwarder.h"
#include "replication/services/lease.h"
#include "replication/tree/networks.h"
#include "tsn/json.h"
#include "util.h"
#include "xmpp/view.h"

VLOG_DEFINE_THIS_MODULE(repl_dhcp4);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

static void
log_result(enum dhcp4_result result, const struct repl_network *network,
           const struct dhcp4_lease *lease)
{
    /* An address that is in use already needs somebody's attention. */
    enum vlog_level level = result == DHCP4_DECLINED ? VLL_WARN : VLL_DBG;

    VLOG_RL(&rl, level, "DHCP %s network=%s mac="ETH_ADDR_FMT" ip="IP_FMT,
            dhcp4_result_name(result), network->instance,
            ETH_ADDR_ARGS(lease->client), IP_ARGS(lease->ip));
}

static void
send_reply(struct repl_dhcp4_server *server, const struct fwd_punted *p,
           const struct repl_network *network,
           const struct dhcp4_reply *reply)
{
    if (reply->n_omitted) {
        VLOG_WARN_RL(&rl, "DHCP reply has no room for some configured "
                     "options network=%s options=%u", network->instance,
                     reply->n_omitted);
    }
    int error = fwd_send(server->fwd, &p->net, &p->reply, reply->frame,
                         reply->size);
    if (error) {
        server->n_unsent++;
        VLOG_WARN_RL(&rl, "could not send a DHCP reply network=%s: %s",
                     network->instance, ovs_strerror(-error));
    }
}

void
repl_dhcp4_serve(struct repl_dhcp4_server *server,
                 const struct fwd_punted *p)
{
    const struct repl_network *network
        = repl_networks_find(server->networks, p->net.vni);
    const struct xmpp_vmi *vmi = NULL;
    struct dhcp4_lease lease;
    struct dhcp4_reply reply;
    struct eth_header eth;

    /* The pipeline looked at an older table than ours may be. */
    if (network && p->size >= sizeof eth) {
        memcpy(&eth, p->frame, sizeof eth);
        vmi = repl_network_find_vmi(network, eth.eth_src);
    }
    if (!vmi || !repl_serves_dhcp4(vmi)) {
        server->n_unknown++;
        return;
    }

    repl_lease4(vmi, &server->service_mac, &lease);
    enum dhcp4_result result = dhcp4_serve(&lease, p->frame, p->size, &reply);
    server->results[result]++;
    log_result(result, network, &lease);
    if (result <= DHCP4_NAKED) {
        send_reply(server, p, network, &reply);
    }
}

void
repl_dhcp4_status(const struct repl_dhcp4_server *server,
                  struct tsn_json *json)
{
    for (int i = 0; i < DHCP4_N_RESULTS; i++) {
        tsn_json_uint(json, dhcp4_result_name(i), server->results[i]);
    }
    tsn_json_uint(json, "unknown_client", server->n_unknown);
    tsn_json_uint(json, "unsent", server->n_unsent);
}
