/* SPDX-License-Identifier: Apache-2.0 */
/* Subnets of a network, out of the links between it and its IPAMs. */
#include <config.h>
#include "xmpp/view-private.h"

#include <stdlib.h>
#include <string.h>

#include "util.h"

#include "xmpp/value.h"
#include "xmpp/xml.h"

#define VN_IPAM "virtual-network-network-ipam"

struct in6_addr
view_ip(const struct xmpp_node *node, const char *name)
{
    struct in6_addr ip;

    if (tsn_ip_parse(xmpp_node_text(node, name), &ip)
        || !tsn_ip_is_set(&ip)) {
        return in6addr_any;
    }
    return ip;
}

void
view_add_options(struct xmpp_dhcp_option **options, size_t *n,
                 const struct xmpp_node *list)
{
    size_t n_before = *n;
    const struct xmpp_node *option;

    XMPP_NODE_FOR_EACH (option, list, "dhcp-option") {
        const char *name = xmpp_node_text(option, "dhcp-option-name");
        bool known = false;

        if (*n >= VIEW_MAX_OPTIONS) {
            break;
        }

        /* What was there before takes precedence.  In one list an option may
         * stand several times. */
        for (size_t i = 0; i < n_before && !known; i++) {
            known = !strcmp((*options)[i].name, name);
        }
        if (known || !*name) {
            continue;
        }
        VIEW_GROW(*options, *n);
        (*options)[(*n)++] = (struct xmpp_dhcp_option) {
            .name = xstrdup(name),
            .value = xstrdup(xmpp_node_text(option, "dhcp-option-value")),
            .value_bytes = xstrdup(
                xmpp_node_text(option, "dhcp-option-value-bytes")),
        };
    }
}

void
view_free_options(struct xmpp_dhcp_option *options, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(options[i].name);
        free(options[i].value);
        free(options[i].value_bytes);
    }
    free(options);
}

/* Reads <subnet><ip-prefix/><ip-prefix-len/></subnet>. */
static bool
get_prefix(const struct xmpp_node *element, struct xmpp_subnet *subnet)
{
    const struct xmpp_node *prefix = xmpp_node_child(element, "subnet");
    uint64_t plen;

    if (tsn_ip_parse(xmpp_node_text(prefix, "ip-prefix"), &subnet->prefix)
        || xmpp_value_uint(xmpp_node_text(prefix, "ip-prefix-len"),
                           tsn_ip_is_v4(&subnet->prefix) ? 32 : 128, &plen)) {
        return false;
    }
    subnet->plen = plen;
    return true;
}

/* Adds one IpamSubnetType.  'mgmt' is the network-ipam-mgmt that it is under,
 * or NULL. */
static void
add_subnet(struct xmpp_network *network, const struct xmpp_node *element,
           const struct xmpp_node *mgmt)
{
    const char *enable_dhcp = xmpp_node_text(element, "enable-dhcp");
    struct xmpp_subnet subnet = {
        .gateway = view_ip(element, "default-gateway"),
        .dns_server = view_ip(element, "dns-server-address"),
        .enable_dhcp = !*enable_dhcp || xmpp_value_bool(enable_dhcp),
    };

    if (!get_prefix(element, &subnet)) {
        return;
    }
    view_add_options(&subnet.options, &subnet.n_options,
                     xmpp_node_child(element, "dhcp-option-list"));
    view_add_options(&subnet.options, &subnet.n_options,
                     xmpp_node_child(mgmt, "dhcp-option-list"));

    subnet.dns_method = xstrdup(xmpp_node_text(mgmt, "ipam-dns-method"));
    const struct xmpp_node *servers = xmpp_node_child(
        xmpp_node_child(mgmt, "ipam-dns-server"), "tenant-dns-server-address");
    const struct xmpp_node *server;
    XMPP_NODE_FOR_EACH (server, servers, "ip-address") {
        struct in6_addr ip;

        if (!tsn_ip_parse(server->text, &ip) && tsn_ip_is_set(&ip)) {
            VIEW_GROW(subnet.tenant_dns, subnet.n_tenant_dns);
            subnet.tenant_dns[subnet.n_tenant_dns++] = ip;
        }
    }

    VIEW_GROW(network->subnets, network->n_subnets);
    network->subnets[network->n_subnets++] = subnet;
}

/* Adds what one link between network and IPAM stands for: the subnets in its
 * own value, or with a flat subnet those of the IPAM. */
static void
add_link_subnets(const struct xmpp_gnode *middle, void *network_)
{
    struct xmpp_network *network = network_;
    const struct xmpp_gnode *ipam = xmpp_gnode_neighbour(middle, VN_IPAM,
                                                         "network-ipam");
    const struct xmpp_node *ipam_xml = ipam ? xmpp_gnode_xml(ipam) : NULL;
    const struct xmpp_node *mgmt = xmpp_node_child(ipam_xml,
                                                   "network-ipam-mgmt");
    const struct xmpp_node *list, *element;
    const char *name;

    if (!strcmp(xmpp_node_text(ipam_xml, "ipam-subnet-method"),
                "flat-subnet")) {
        list = xmpp_node_child(ipam_xml, "ipam-subnets");
        name = "subnets";
    } else {
        list = xmpp_node_child(xmpp_gnode_xml(middle), "value");
        name = "ipam-subnets";
    }
    XMPP_NODE_FOR_EACH (element, list, name) {
        add_subnet(network, element, mgmt);
    }
}

static int
compare_subnets(const void *a_, const void *b_)
{
    const struct xmpp_subnet *a = a_, *b = b_;
    int cmp = memcmp(&a->prefix, &b->prefix, sizeof a->prefix);

    return cmp ? cmp : (int) a->plen - (int) b->plen;
}

void
view_add_subnets(struct xmpp_network *network, const struct xmpp_gnode *vn)
{
    xmpp_gnode_for_each_neighbour(vn, VN_IPAM, VN_IPAM, add_link_subnets,
                                  network);
    if (network->n_subnets > 1) {
        qsort(network->subnets, network->n_subnets, sizeof *network->subnets,
              compare_subnets);
    }
}

void
view_free_subnets(struct xmpp_network *network)
{
    for (size_t i = 0; i < network->n_subnets; i++) {
        struct xmpp_subnet *subnet = &network->subnets[i];

        view_free_options(subnet->options, subnet->n_options);
        free(subnet->dns_method);
        free(subnet->tenant_dns);
    }
    free(network->subnets);
}
