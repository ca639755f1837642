/* SPDX-License-Identifier: Apache-2.0 */
/* What a stanza means, and how to write one (spec/xmpp-protocol.md 1.10, 2, 3,
 * 4).  Both roles use both directions.  No I/O, any thread. */
#ifndef XMPP_STANZA_H
#define XMPP_STANZA_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ds;
struct tsn_err;
struct xmpp_node;
struct xmpp_xml;

#define XMPP_CONTROL_JID "network-control@contrailsystems.com"
#define XMPP_VR_PREFIX "default-global-system-config:"
#define XMPP_PORT 5269

enum xmpp_stanza_type {
    XMPP_SUBSCRIBE,             /* bgp: instance; config: virtual-router. */
    XMPP_UNSUBSCRIBE,
    XMPP_PUBLISH,
    XMPP_COLLECTION,
    XMPP_EVENT,                 /* <message>: items or retracts. */
    XMPP_CONFIG,                /* <iq><config>. */
    XMPP_IGNORED,               /* Legal XML that nobody acts on. */
};

enum xmpp_resource {
    XMPP_RESOURCE_NONE, XMPP_RESOURCE_BGP, XMPP_RESOURCE_CONFIG,
};

/* Address families (AFI * 65536 + SAFI). */
#define XMPP_FAMILY(AFI, SAFI) (((uint32_t) (AFI) << 16) | (SAFI))
#define XMPP_FAMILY_INET XMPP_FAMILY(1, 1)
#define XMPP_FAMILY_LABELED XMPP_FAMILY(1, 4)
#define XMPP_FAMILY_MVPN XMPP_FAMILY(1, 5)
#define XMPP_FAMILY_INET6 XMPP_FAMILY(2, 1)
#define XMPP_FAMILY_MCAST XMPP_FAMILY(1, 241)
#define XMPP_FAMILY_EVPN XMPP_FAMILY(25, 242)

struct xmpp_stanza {
    enum xmpp_stanza_type type;
    enum xmpp_resource resource;    /* From 'to'. */
    const char *from, *to;          /* "" if absent. */
    const char *why;                /* XMPP_IGNORED: what is wrong with it. */

    /* Of subscribe, unsubscribe, publish, collection, event: the attribute;
     * for an event the part behind "AFI/SAFI/", the routing instance. */
    const char *node;
    uint32_t family;                /* Publish and event; 0 if unreadable. */

    int64_t instance_id;            /* Subscribe; -1 if absent. */
    bool no_ribout;

    const char *item_node;          /* Collection: of the associate or
                                     * dissociate. */
    bool associate;
    bool end_of_rib;                /* Event "0/0/EndOfRib"; an empty publish
                                     * and collection. */
    bool repaired;                  /* See xmpp_repair_items_node(). */

    const struct xmpp_node *body;   /* Publish: its first <item> or NULL;
                                     * event: <items>; config: <config>. */

    struct xmpp_xml *xml;           /* Owns all of the above. */
};

/* Parses one stanza.  Returns 0 and fills '*st', to be given to
 * xmpp_stanza_fini(); or fills '*err' and returns -EBADMSG when it is not
 * well-formed, -E2BIG when it is over a limit of xmpp_xml_parse().  A stanza
 * of unknown kind is XMPP_IGNORED, not an error. */
int xmpp_stanza_parse(const char *data, size_t size, struct xmpp_stanza *st,
                      struct tsn_err *err);
void xmpp_stanza_fini(struct xmpp_stanza *st);

/* What the stream headers say.  'from' is copied, cut at 'size' - 1.  Returns
 * 0 or -EBADMSG. */
int xmpp_header_parse(const char *data, size_t size, char *from,
                      size_t from_size, struct tsn_err *err);

/* Writers append one complete stanza to 'out'.  'name' is the client's,
 * 'subcluster' NULL for none. */
void xmpp_put_client_header(struct ds *out, const char *name,
                            const char *subcluster);
void xmpp_put_server_header(struct ds *out, const char *host,
                            const char *client);
void xmpp_put_keepalive(struct ds *out);
/* Of the TLS negotiation (1.7). */
void xmpp_put_features(struct ds *out);
void xmpp_put_starttls(struct ds *out);
void xmpp_put_proceed(struct ds *out);
bool xmpp_features_have_tls(const char *text, size_t size);
void xmpp_put_subscribe(struct ds *out, const char *name, bool subscribe,
                        const char *instance, uint32_t instance_id,
                        unsigned int id);
void xmpp_put_config_subscribe(struct ds *out, const char *name);
/* The client's End-of-RIB: an empty publish and collection (2.2). */
void xmpp_put_client_end_of_rib(struct ds *out, const char *name,
                                unsigned int id);
/* The pair of 3.1.  'entry' is the XML of the <entry> element, 'item_node' the
 * NODE-ID.  'kind' goes into the ids: "l2" for EVPN, "b" for multicast. */
void xmpp_put_publish(struct ds *out, const char *name, const char *kind,
                      unsigned int id, const char *item_node,
                      const char *entry, const char *instance, bool associate);

/* A server's <message>: begin, then xmpp_put_item() or xmpp_put_retract() for
 * each, never both (3.7: 1..32 items or 1..256 retracts), then end. */
#define XMPP_MAX_ITEMS 32
#define XMPP_MAX_RETRACTS 256
void xmpp_put_event_begin(struct ds *out, const char *client,
                          uint32_t family, const char *instance);
void xmpp_put_item(struct ds *out, const char *item_id, const char *entry);
void xmpp_put_retract(struct ds *out, const char *item_id);
void xmpp_put_event_end(struct ds *out);
void xmpp_put_server_end_of_rib(struct ds *out, const char *client);

#endif /* xmpp/stanza.h */
