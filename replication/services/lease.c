/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/services/lease.h"

#include <errno.h>
#include <string.h>

#include "openvswitch/vlog.h"
#include "packets.h"
#include "replication/services/dhcp4.h"
#include "tsn/model.h"
#include "util.h"
#include "xmpp/view.h"

VLOG_DEFINE_THIS_MODULE(repl_lease);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);

static ovs_be32
mask_of(const struct xmpp_subnet *subnet)
{
    return be32_prefix_mask(subnet->plen);
}

const struct xmpp_subnet *
repl_subnet4(const struct xmpp_vmi *vmi)
{
    if (!vmi->network || !tsn_ip_is_set(&vmi->ip4)
        || !tsn_ip_is_v4(&vmi->ip4)) {
        return NULL;
    }
    ovs_be32 ip = in6_addr_get_mapped_ipv4(&vmi->ip4);
    for (size_t i = 0; i < vmi->network->n_subnets; i++) {
        const struct xmpp_subnet *s = &vmi->network->subnets[i];

        if (tsn_ip_is_v4(&s->prefix)
            && !((in6_addr_get_mapped_ipv4(&s->prefix) ^ ip) & mask_of(s))) {
            return s;
        }
    }
    return NULL;
}

const struct in6_addr *
repl_service_ip(const struct xmpp_subnet *subnet)
{
    return tsn_ip_is_set(&subnet->dns_server) ? &subnet->dns_server
           : &subnet->gateway;
}

bool
repl_serves_dhcp4(const struct xmpp_vmi *vmi)
{
    const struct xmpp_subnet *subnet = repl_subnet4(vmi);

    return subnet && subnet->enable_dhcp && !eth_addr_is_zero(vmi->mac)
           && tsn_ip_is_v4(repl_service_ip(subnet))
           && tsn_ip_is_set(repl_service_ip(subnet));
}

static unsigned int
add_options(struct dhcp_options *options, const struct xmpp_vmi *vmi,
            const struct xmpp_dhcp_option *configured, size_t n)
{
    unsigned int n_refused = 0;

    for (size_t i = 0; i < n; i++) {
        const struct xmpp_dhcp_option *o = &configured[i];
        int error = dhcp_options_add(options, o->name, o->value,
                                     o->value_bytes);

        if (error && error != -EEXIST) {
            n_refused++;
            VLOG_WARN_RL(&rl, "DHCP option left out option=%s value=\"%s\" "
                         "interface=%s: %s", o->name, o->value, vmi->name,
                         ovs_strerror(-error));
        }
    }
    return n_refused;
}

static void
add_dns(struct dhcp4_lease *lease, const struct in6_addr *ip)
{
    if (tsn_ip_is_set(ip) && tsn_ip_is_v4(ip)
        && lease->n_dns < ARRAY_SIZE(lease->dns)) {
        lease->dns[lease->n_dns++] = in6_addr_get_mapped_ipv4(ip);
    }
}

/* Names of interfaces need not be such. */
static bool
is_host_name(const char *s)
{
    static const char chars[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
    size_t len = strlen(s);

    return len && len <= 255 && strspn(s, chars) == len;
}

unsigned int
repl_lease4(const struct xmpp_vmi *vmi, const struct eth_addr *service_mac,
            struct dhcp4_lease *lease)
{
    const struct xmpp_subnet *subnet = repl_subnet4(vmi);

    memset(lease, 0, sizeof *lease);
    lease->client = vmi->mac;
    lease->ip = in6_addr_get_mapped_ipv4(&vmi->ip4);
    lease->mask = mask_of(subnet);
    if (tsn_ip_is_v4(&subnet->gateway)) {
        lease->router = in6_addr_get_mapped_ipv4(&subnet->gateway);
    }
    lease->host_name = is_host_name(vmi->display_name)
                       ? vmi->display_name : "";
    lease->server_mac = *service_mac;
    lease->server = in6_addr_get_mapped_ipv4(repl_service_ip(subnet));

    if (!strcmp(subnet->dns_method, "tenant-dns-server")) {
        for (size_t i = 0; i < subnet->n_tenant_dns; i++) {
            add_dns(lease, &subnet->tenant_dns[i]);
        }
    } else {
        add_dns(lease, repl_service_ip(subnet));
    }

    /* The interface's own options go before those of the subnet. */
    return add_options(&lease->options, vmi, vmi->options, vmi->n_options)
           + add_options(&lease->options, vmi, subnet->options,
                         subnet->n_options);
}
