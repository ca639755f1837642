/* SPDX-License-Identifier: Apache-2.0 */
/* Section "replicator" of tsn.yaml. */
#include <config.h>
#include "tsn/config-private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packets.h"
#include "util.h"

/* What is ours unless configured: all but what the reference's service nodes
 * take for labels of unicast (spec/tsn-dataplane.md B.1.1), and the one that
 * they skip in front of another. */
#define LABELS_DEFAULT_FIRST 1024
#define LABELS_DEFAULT_LAST (TSN_MPLS_LABEL_MAX - 1)

/* One for the trees of each of two control nodes, and one for EVPN. */
#define LABELS_MIN 3

/* Frames per second, and at once: more than fit the links of a host. */
#define STORM_MAX 100000000

/* A DSCP has six bits (RFC 2474, 3). */
#define DSCP_MAX 63

static const cyaml_schema_value_t tsn_value = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, TEXT_MAX_LEN),
};

static const cyaml_schema_field_t storm_fields[] = {
    OPTIONAL_UINT("network", struct file_storm, network),
    OPTIONAL_UINT("tor", struct file_storm, tor),
    OPTIONAL_UINT("burst", struct file_storm, burst),
    CYAML_FIELD_END
};

const cyaml_schema_field_t tsn_cfg_replicator_fields[] = {
    STRING("name", 0, struct file_replicator, name),
    STRING("address", 0, struct file_replicator, address),
    STRING("address6", OPTIONAL, struct file_replicator, address6),
    STRING("service-mac", OPTIONAL, struct file_replicator, service_mac),
    STRING("mode", OPTIONAL, struct file_replicator, mode),
    STRING("labels", OPTIONAL, struct file_replicator, labels),
    STRING("dscp", OPTIONAL, struct file_replicator, dscp),
    STRING("engine", OPTIONAL, struct file_replicator, engine),
    CYAML_FIELD_MAPPING_PTR("storm-control", CYAML_FLAG_POINTER | OPTIONAL,
                            struct file_replicator, storm, storm_fields),
    CYAML_FIELD_SEQUENCE_COUNT("tsns", CYAML_FLAG_POINTER | OPTIONAL,
                               struct file_replicator, tsns, n_tsns,
                               &tsn_value, 1, TSN_MAX_ELECTED),
    CYAML_FIELD_END
};

/* Under one name two sessions would throw each other out. */
static int
check_name_is_own(struct tsn_cfg_reader *r, const char *name)
{
    for (size_t i = 0; i < r->config->n_tors; i++) {
        if (!strcmp(name, r->config->tors[i].agent_name)) {
            return refuse(r, "replicator.name", "\"%s\" is already the "
                          "agent-name of tors[%zu]", name, i);
        }
    }
    return 0;
}

/* Tunnels need an address that means the same on all links. */
static int
read_address6(struct tsn_cfg_reader *r, const char *s, struct in6_addr *dst)
{
    struct in6_addr ip;

    if (!s) {
        return 0;
    }
    if (tsn_ip_parse(s, &ip) || tsn_ip_is_v4(&ip)) {
        return refuse(r, "replicator.address6", "expects an IPv6 address, not "
                      "\"%s\"", s);
    }
    if (!tsn_ip_is_host(&ip) || IN6_IS_ADDR_LOOPBACK(&ip)
        || IN6_IS_ADDR_LINKLOCAL(&ip)) {
        return refuse(r, "replicator.address6", "%s is not an address that "
                      "others can send to", s);
    }
    *dst = ip;
    return 0;
}

static int
read_engine(struct tsn_cfg_reader *r, const char *s,
            enum tsn_forwarder *engine)
{
    static const char *const names[] = {
        [TSN_FORWARDER_AUTO] = "auto",
        [TSN_FORWARDER_EBPF] = "ebpf",
        [TSN_FORWARDER_EBPF_GENERIC] = "ebpf-generic",
        [TSN_FORWARDER_SOCKET] = "socket",
    };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (!strcmp(s ? s : "auto", names[i])) {
            *engine = i;
            return 0;
        }
    }
    return refuse(r, "replicator.engine", "expects auto, ebpf, ebpf-generic "
                  "or socket, not \"%s\"", s);
}

static int
read_storm(struct tsn_cfg_reader *r, const struct file_storm *src,
           struct tsn_config_storm *dst)
{
    int error;

    if (!src) {
        return 0;
    }
    if ((error = tsn_cfg_read_range(r, "replicator.storm-control.network",
                                    src->network, 1, STORM_MAX,
                                    &dst->network))
        || (error = tsn_cfg_read_range(r, "replicator.storm-control.tor",
                                       src->tor, 1, STORM_MAX, &dst->tor))
        || (error = tsn_cfg_read_range(r, "replicator.storm-control.burst",
                                       src->burst, 1, STORM_MAX,
                                       &dst->burst))) {
        return error;
    }
    if (dst->burst && !dst->network && !dst->tor) {
        return refuse(r, "replicator.storm-control.burst", "needs a limit, "
                      "\"network\" or \"tor\"");
    }
    return 0;
}

static int
read_service_mac(struct tsn_cfg_reader *r, const char *s,
                 struct eth_addr *dst)
{
    const char *mac = s ? s : TSN_SERVICE_MAC;

    if (!eth_addr_from_string(mac, dst)) {
        return refuse(r, "replicator.service-mac", "expects a MAC address, "
                      "not \"%s\"", mac);
    }
    if (eth_addr_is_zero(*dst) || eth_addr_is_multicast(*dst)) {
        return refuse(r, "replicator.service-mac", "expects a unicast MAC "
                      "address, not %s", mac);
    }
    return 0;
}

static int
read_mode(struct tsn_cfg_reader *r, const char *s, bool *no_forwarding)
{
    if (!s || !strcmp(s, "tsn")) {
        *no_forwarding = false;
    } else if (!strcmp(s, "tsn-no-forwarding")) {
        *no_forwarding = true;
    } else {
        return refuse(r, "replicator.mode", "expects \"tsn\" or "
                      "\"tsn-no-forwarding\", not \"%s\"", s);
    }
    return 0;
}

static int
read_labels(struct tsn_cfg_reader *r, const char *s, uint32_t *first,
            uint32_t *last)
{
    unsigned int a = LABELS_DEFAULT_FIRST, b = LABELS_DEFAULT_LAST;
    int n = 0;

    if (s && (sscanf(s, "%7u-%7u%n", &a, &b, &n) != 2 || s[n]
              || s[0] < '0' || s[0] > '9' || strpbrk(s, " \t+"))) {
        return refuse(r, "replicator.labels", "expects FIRST-LAST, not "
                      "\"%s\"", s);
    }
    if (a < TSN_MPLS_LABEL_MIN || b > TSN_MPLS_LABEL_MAX) {
        return refuse(r, "replicator.labels", "expects labels of %d..%d, not "
                      "%s", TSN_MPLS_LABEL_MIN, TSN_MPLS_LABEL_MAX, s);
    }
    if (b < a || b - a < LABELS_MIN - 1) {
        return refuse(r, "replicator.labels", "expects at least %d labels, "
                      "not %s", LABELS_MIN, s);
    }
    *first = a;
    *last = b;
    return 0;
}

/* "copy", or a number: 0 if there is none. */
static int
read_dscp(struct tsn_cfg_reader *r, const char *s,
          struct tsn_config_replicator *dst)
{
    unsigned int dscp = 0;
    int n = 0;

    dst->copy_dscp = s && !strcmp(s, "copy");
    if (s && !dst->copy_dscp
        && (strspn(s, "0123456789") != strlen(s)
            || sscanf(s, "%2u%n", &dscp, &n) != 1 || s[n]
            || dscp > DSCP_MAX)) {
        return refuse(r, "replicator.dscp", "expects \"copy\" or 0..%d, not "
                      "\"%s\"", DSCP_MAX, s);
    }
    dst->tos = dscp << 2;
    return 0;
}

static int
compare_ips(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct in6_addr));
}

/* One more TSN; 'key' is its place. */
static int
read_tsn(struct tsn_cfg_reader *r, const char *key, const char *s,
         struct tsn_config_replicator *dst)
{
    struct in6_addr ip;
    int error = tsn_cfg_read_vtep(r, key, s, &ip);

    if (error) {
        return error;
    }
    if (tsn_ip_is_in(dst->tsns, dst->n_tsns, &ip)) {
        return refuse(r, key, "%s is listed twice", s);
    }
    dst->tsns[dst->n_tsns++] = ip;
    return 0;
}

static int
read_tsns(struct tsn_cfg_reader *r, const struct file_replicator *src,
          struct tsn_config_replicator *dst)
{
    bool found = false;

    if (!dst->no_forwarding) {
        return src->n_tsns
               ? refuse(r, "replicator.tsns", "is for mode "
                        "\"tsn-no-forwarding\": others need no election")
               : 0;
    }
    if (!src->n_tsns) {
        return refuse(r, "replicator.mode", "needs \"tsns\", the addresses "
                      "of which one is elected");
    }
    for (size_t i = 0; i < src->n_tsns; i++) {
        char key[40];

        snprintf(key, sizeof key, "replicator.tsns[%zu]", i);
        int error = read_tsn(r, key, src->tsns[i], dst);
        if (error) {
            return error;
        }
        found |= tsn_ip_equals(&dst->tsns[i], &dst->address);
    }
    if (!found) {
        return refuse(r, "replicator.tsns", "does not have our own address, "
                      "%s", src->address);
    }
    /* Numerically, unlike the reference. */
    qsort(dst->tsns, dst->n_tsns, sizeof *dst->tsns, compare_ips);
    return 0;
}

int
tsn_cfg_read_replicator(struct tsn_cfg_reader *r,
                        const struct file_replicator *src)
{
    struct tsn_config_replicator *dst = &r->config->replicator;
    int error;

    if (!src) {
        return 0;
    }
    r->config->has_replicator = true;
    dst->name = xstrdup(src->name);
    if ((error = tsn_cfg_check_name(r, "replicator.name", src->name))
        || (error = tsn_cfg_read_vtep(r, "replicator.address", src->address,
                                      &dst->address))
        || (error = read_address6(r, src->address6, &dst->address6))
        || (error = check_name_is_own(r, src->name))
        || (error = read_service_mac(r, src->service_mac, &dst->service_mac))
        || (error = read_dscp(r, src->dscp, dst))
        || (error = read_engine(r, src->engine, &dst->engine))
        || (error = read_storm(r, src->storm, &dst->storm))
        || (error = read_mode(r, src->mode, &dst->no_forwarding))
        || (error = read_labels(r, src->labels, &dst->first_label,
                                &dst->last_label))) {
        return error;
    }
    return read_tsns(r, src, dst);
}
