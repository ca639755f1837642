/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "ovsdb-client/acceptor-private.h"

#include <stdlib.h>

#include "openvswitch/shash.h"
#include "tsn/json.h"
#include "tsn/loop.h"
#include "tsn/model.h"
#include "tsn/tls-show.h"
#include "util.h"

/* Keys of the status, and text where there is no better one. */
static const struct {
    const char *key, *text;
} reasons[ACC_N_REASONS] = {
    [ACC_HUNG_UP] = { "hung_up", "hung up before it was identified" },
    [ACC_CHECK] = { "proxy_check", "a check of the proxy" },
    [ACC_NOT_FROM_PROXY] = { "not_from_proxy", "it is not one of our "
                             "proxies" },
    [ACC_BAD_PROXY_HEADER] = { "bad_proxy_header", "bad PROXY header" },
    [ACC_NOT_TLS] = { "not_tls", "what it sends is not TLS" },
    [ACC_TLS] = { "tls", "TLS has failed" },
    [ACC_NOT_OVSDB] = { "not_ovsdb", "it is no OVSDB server" },
    [ACC_TOO_MUCH] = { "too_much", "sent too much before it was "
                       "identified" },
    [ACC_TOO_SLOW] = { "too_slow", "not identified in time" },
    [ACC_PUSHED_OUT] = { "pushed_out", "too many connections are not "
                         "identified" },
    [ACC_NOT_READING] = { "not_reading", "it does not read what it is "
                          "answered" },
    [ACC_NO_DATABASE] = { "no_database", "no database hardware_vtep" },
    [ACC_UNKNOWN_SWITCH] = { "unknown_switch", "unknown switch" },
    [ACC_AMBIGUOUS] = { "ambiguous", "switches of several tors" },
    [ACC_WRONG_IDENTITY] = { "wrong_identity", "wrong certificate or "
                             "address" },
    [ACC_DUPLICATE] = { "duplicate", "the switch is connected already" },
    [ACC_NOT_READY] = { "not_ready", "the agent does not listen for it" },
    [ACC_ENDED] = { "ended", "ended" },
    [ACC_REPLACED] = { "replaced", "a newer connection of the switch has "
                       "replaced it" },
    [ACC_SILENT] = { "silent", "did not answer when another connection "
                     "wanted its place" },
    [ACC_STOPPED] = { "stopped", "stopped by the agent" },
    [ACC_UNREACHABLE] = { "unreachable", "cannot be reached" },
};

const char *
acc_reason_name(enum acc_reason reason)
{
    return reasons[reason].text;
}

static void
show_ago(struct tsn_json *json, const char *text_key, const char *ago_key,
         const char *text, uint64_t when_ms)
{
    tsn_json_string(json, text_key, text);
    if (text) {
        tsn_json_uint(json, ago_key, (tsn_now_ms() - when_ms) / 1000);
    }
}

static void
show_listener(const struct acc_listener *l, struct tsn_json *json)
{
    tsn_json_object_begin(json, NULL);
    tsn_json_string(json, "listener", l->name);
    tsn_json_string(json, "tor", l->tor);
    tsn_json_bool(json, "tls", l->tls);
    tsn_json_bool(json, "proxy_protocol", l->proxy_protocol);
    tsn_json_uint(json, "accepted", l->n_accepted);
    tsn_json_uint(json, "identified", l->n_identified);
    tsn_json_uint(json, "pending", l->n_pending);
    tsn_json_uint(json, "accept_errors", l->n_errors);
    tsn_json_object_begin(json, "refused");
    for (size_t i = 0; i < ACC_N_REFUSALS; i++) {
        if (l->n_refused[i]) {
            tsn_json_uint(json, reasons[i].key, l->n_refused[i]);
        }
    }
    tsn_json_object_end(json);
    show_ago(json, "last_refusal", "last_refusal_ago_s", l->last_refusal,
             l->last_refusal_ms);
    tsn_json_object_end(json);
}

static const char *
tor_state(const struct acc_tor *tor)
{
    return tor->session ? "connected"
           : !tor->dials ? "waiting for the switch to connect"
           : tor->dialing ? "connecting" : "waiting to connect again";
}

static void
show_session(const struct acc_conn *c, struct tsn_json *json)
{
    const char *certificate = c && c->info.has_peer ? c->info.subject : NULL;

    tsn_json_ip(json, "peer", c ? &c->ip : &in6addr_any);
    tsn_json_string(json, "certificate", certificate);
    if (!c) {
        return;
    }
    tsn_json_uint(json, "port", c->port);
    tsn_json_string(json, "listener", c->listener ? c->listener->name : NULL);
    tsn_json_uint(json, "up_s", (tsn_now_ms() - c->since_ms) / 1000);
    tsn_json_uint(json, "received_bytes", c->n_in);
    tsn_json_uint(json, "sent_bytes", c->n_out);
    tsn_tls_show(c->tls, json);
}

static void
show_tor(const struct acc_tor *tor, struct tsn_json *json)
{
    tsn_json_object_begin(json, NULL);
    tsn_json_string(json, "tor", tor->name);
    tsn_json_string(json, "state", tor_state(tor));
    show_session(tor->session, json);
    tsn_json_uint(json, "waiting", tor->n_waiting);
    tsn_json_uint(json, "sessions", tor->n_sessions);
    tsn_json_uint(json, "replaced", tor->n_replaced);
    tsn_json_uint(json, "refused", tor->n_refused);
    show_ago(json, "last_close", "last_close_ago_s", tor->last_close,
             tor->last_close_ms);
    show_ago(json, "alarm", "alarm_ago_s", tor->alarm, tor->alarm_ms);
    tsn_json_object_end(json);
}

void
ovc_acceptor_show(const struct ovc_acceptor *a, struct tsn_json *json)
{
    const struct shash_node **nodes = shash_sort(&a->tors);
    const struct acc_listener *l;

    tsn_json_array_begin(json, "listeners");
    LIST_FOR_EACH (l, node, &a->listeners) {
        show_listener(l, json);
    }
    tsn_json_array_end(json);
    tsn_json_array_begin(json, "sessions");
    for (size_t i = 0; i < shash_count(&a->tors); i++) {
        show_tor(nodes[i]->data, json);
    }
    tsn_json_array_end(json);
    free(nodes);
}

static bool
is_recent(const char *text, uint64_t when_ms, uint64_t now_ms)
{
    return text && now_ms - when_ms < OVC_ACCEPTOR_ALARM_MS;
}

static void
tor_alarms(const struct acc_tor *tor, uint64_t now_ms, int64_t wall_s,
           ovc_acceptor_alarm_fn *fn, void *aux)
{
    const struct acc_conn *c = tor->session;
    char *object = xasprintf("switch=%s", tor->name);

    if (tor->alarm && now_ms < tor->alarm_until_ms) {
        fn("duplicate-device", object, tor->alarm, aux);
    }
    if (c && c->info.has_peer
        && c->info.peer_not_after - wall_s < OVC_ACCEPTOR_EXPIRY_S) {
        char *text = xasprintf("the switch's certificate expires in %"PRId64
                               " days: %s",
                               (c->info.peer_not_after - wall_s)
                               / (24 * 3600), c->info.subject);
        fn("certificate-expiry", object, text, aux);
        free(text);
    }
    free(object);
}

void
ovc_acceptor_for_each_alarm(const struct ovc_acceptor *a, uint64_t now_ms,
                            int64_t wall_s, ovc_acceptor_alarm_fn *fn,
                            void *aux)
{
    const struct acc_listener *l;
    const struct shash_node *node;

    LIST_FOR_EACH (l, node, &a->listeners) {
        if (is_recent(l->last_refusal, l->last_refusal_ms, now_ms)) {
            char *object = xasprintf("listener=%s", l->name);

            fn("switch-refused", object, l->last_refusal, aux);
            free(object);
        }
    }
    SHASH_FOR_EACH (node, &a->tors) {
        tor_alarms(node->data, now_ms, wall_s, fn, aux);
    }
}
