/* SPDX-License-Identifier: Apache-2.0 */
/* Section "tor-agent" of tsn.yaml: where switches connect to us, and how they
 * are told apart. */
#include <config.h>
#include "tsn/config-private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "socket-util.h"
#include "util.h"

/* Of OVSDB (RFC 7047 6). */
#define OVSDB_PORT 6640

#define MAX_PROXIES 16

static const cyaml_schema_value_t proxy_value = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, TEXT_MAX_LEN),
};

static const cyaml_schema_field_t listener_fields[] = {
    STRING("address", 0, struct file_listener, address),
    CYAML_FIELD_BOOL_PTR("tls", CYAML_FLAG_POINTER | OPTIONAL,
                         struct file_listener, tls),
    CYAML_FIELD_BOOL_PTR("proxy-protocol", CYAML_FLAG_POINTER | OPTIONAL,
                         struct file_listener, proxy_protocol),
    CYAML_FIELD_SEQUENCE_COUNT("proxies", CYAML_FLAG_POINTER | OPTIONAL,
                               struct file_listener, proxies, n_proxies,
                               &proxy_value, 1, MAX_PROXIES),
    CYAML_FIELD_END
};

const cyaml_schema_value_t tsn_cfg_listener_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct file_listener,
                        listener_fields),
};

/* "tor-agent.listen[2].KEY", valid until the next call. */
static const char *
listener_key(size_t i, const char *key)
{
    static char buf[80];

    snprintf(buf, sizeof buf, "tor-agent.listen[%zu].%s", i, key);
    return buf;
}

static int
read_proxies(struct tsn_cfg_reader *r, const struct file_listener *src,
             size_t i, struct tsn_config_listener *dst)
{
    if (src->n_proxies && !dst->proxy_protocol) {
        return refuse(r, listener_key(i, "proxies"), "is of use only with "
                      "\"proxy-protocol: true\"");
    }
    dst->proxies = xcalloc(src->n_proxies, sizeof *dst->proxies);
    for (size_t j = 0; j < src->n_proxies; j++) {
        struct in6_addr *ip = &dst->proxies[dst->n_proxies++];

        if (tsn_ip_parse(src->proxies[j], ip) || !tsn_ip_is_host(ip)) {
            char key[32];

            snprintf(key, sizeof key, "proxies[%zu]", j);
            return refuse(r, listener_key(i, key), "expects the address of "
                          "a host, not \"%s\"", src->proxies[j]);
        }
    }
    return 0;
}

static int
read_listener(struct tsn_cfg_reader *r, const struct file_listener *src,
              size_t i)
{
    struct tsn_config *c = r->config;
    struct tsn_config_listener *dst = &c->listeners[c->n_listeners++];

    dst->name = xstrdup(src->address);
    dst->tls = src->tls ? *src->tls : c->has_switch_tls;
    dst->proxy_protocol = src->proxy_protocol && *src->proxy_protocol;
    if (tsn_sockaddr_parse(src->address, OVSDB_PORT, &dst->address)
        || !ss_get_port(&dst->address)) {
        return refuse(r, listener_key(i, "address"), "expects IP, IP:PORT or "
                      "[IP6]:PORT, not \"%s\"", src->address);
    }
    if (dst->tls && !c->has_switch_tls) {
        return refuse(r, listener_key(i, "tls"), "needs a section \"tls\", "
                      "which names the certificates");
    }
    for (size_t j = 0; j < i; j++) {
        if (!memcmp(&dst->address, &c->listeners[j].address,
                    sizeof dst->address)) {
            return refuse(r, listener_key(i, "address"), "%s is listed "
                          "twice", src->address);
        }
    }
    return read_proxies(r, src, i, dst);
}

int
tsn_cfg_read_listeners(struct tsn_cfg_reader *r,
                       const struct file_tor_agent *section)
{
    struct tsn_config *c = r->config;
    int error = 0;

    /* Those of switches may be signed by another CA than the cloud's. */
    c->has_switch_tls = section->tls || c->has_tls;
    if (section->tls) {
        tsn_cfg_read_tls_files(r, section->tls, &c->switch_tls);
    } else if (c->has_tls) {
        tsn_tls_files_clone(&c->switch_tls, &c->tls);
    }
    c->switch_tls.require_peer_certificate = true;

    c->listeners = xcalloc(section->n_listeners, sizeof *c->listeners);
    for (size_t i = 0; i < section->n_listeners && !error; i++) {
        error = read_listener(r, &section->listeners[i], i);
    }
    return error;
}

void
tsn_cfg_free_listeners(struct tsn_config *c)
{
    for (size_t i = 0; i < c->n_listeners; i++) {
        free(c->listeners[i].name);
        free(c->listeners[i].proxies);
    }
    free(c->listeners);
}
