/* SPDX-License-Identifier: Apache-2.0 */
/* What happened: the last transactions, the last sessions, and what for the
 * switch refused. */
#include <config.h>
#include "ovsdb-client/private.h"

#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "ovsdb-client/operator.h"
#include "timeval.h"
#include "tsn/json.h"
#include "util.h"

void
ovc_history_init(struct ovc_history *h)
{
    memset(h, 0, sizeof *h);
    simap_init(&h->refusals);
}

void
ovc_history_fini(struct ovc_history *h)
{
    for (size_t i = 0; i < OVC_HISTORY_TXNS; i++) {
        free(h->txns[i].error);
    }
    for (size_t i = 0; i < OVC_HISTORY_CLOSES; i++) {
        free(h->closes[i].reason);
    }
    simap_destroy(&h->refusals);
}

void
ovc_history_add_txn(struct ovc_session *s, enum ovc_result result,
                    const char *error)
{
    const struct ovc_flight *flight = &s->flights[0];
    struct ovc_history *h = &s->history;
    struct ovc_history_txn *txn = &h->txns[h->n_txns++ % OVC_HISTORY_TXNS];

    free(txn->error);
    *txn = (struct ovc_history_txn) {
        .wall_ms = time_wall_msec(),
        .duration_ms = s->now_ms - flight->sent_ms,
        .result = result,
        .error = nullable_xstrdup(error),
    };
    memcpy(txn->n_rows, flight->n_rows, sizeof txn->n_rows);
}

void
ovc_history_add_close(struct ovc_session *s)
{
    struct ovc_history *h = &s->history;
    struct ovc_history_close *c = &h->closes[h->n_closes++
                                             % OVC_HISTORY_CLOSES];

    free(c->reason);
    c->wall_ms = time_wall_msec();
    c->up_ms = s->now_ms - s->up_ms;
    c->reason = nullable_xstrdup(s->reason);
}

void
ovc_history_add_refusal(struct ovc_session *s, const char *text)
{
    struct simap *refusals = &s->history.refusals;
    char *tag = xmemdup0(text, strcspn(text, ":"));

    if (simap_count(refusals) >= OVC_MAX_TAGS
        && !simap_contains(refusals, tag)) {
        free(tag);
        tag = xstrdup("other");
    }
    simap_increase(refusals, tag, 1);
    free(tag);
}

static const char *
result_name(enum ovc_result result)
{
    switch (result) {
    case OVC_TXN_DONE:
        return "done";
    case OVC_TXN_REFUSED:
        return "refused";
    case OVC_TXN_LOST:
        return "lost";
    default:
        OVS_NOT_REACHED();
    }
}

static const char *
table_name(size_t table)
{
    static const char *const names[] = {
        [OVC_T_LOCATOR] = "Physical_Locator",
        [OVC_T_LS] = "Logical_Switch",
        [OVC_T_FLOOD] = "Mcast_Macs_Remote",
        [OVC_T_MAC] = "Ucast_Macs_Remote",
        [OVC_T_LOCAL_FLOOD] = "Mcast_Macs_Local",
        [OVC_T_LOCAL_MAC] = "Ucast_Macs_Local",
        [OVC_T_TUNNEL] = "Tunnel",
        [OVC_T_PORT] = "Physical_Port",
        [OVC_T_LOCATOR_SET] = "Physical_Locator_Set",
    };

    return names[table];
}

static void
put_time(struct tsn_json *json, long long wall_ms)
{
    char *time = xastrftime_msec("%Y-%m-%dT%H:%M:%S.###Z", wall_ms, true);

    tsn_json_string(json, "time", time);
    free(time);
}

static void
put_txn(const struct ovc_history_txn *txn, struct tsn_json *json)
{
    tsn_json_object_begin(json, NULL);
    put_time(json, txn->wall_ms);
    tsn_json_uint(json, "duration_ms", txn->duration_ms);
    tsn_json_object_begin(json, "rows");
    for (size_t i = 0; i < OVC_N_WRITTEN_TABLES; i++) {
        if (txn->n_rows[i]) {
            tsn_json_uint(json, table_name(i), txn->n_rows[i]);
        }
    }
    tsn_json_object_end(json);
    tsn_json_string(json, "result", result_name(txn->result));
    tsn_json_string(json, "error", txn->error);
    tsn_json_object_end(json);
}

void
ovc_session_history(const struct ovc_session *s, struct tsn_json *json)
{
    const struct ovc_history *h = &s->history;

    tsn_json_array_begin(json, "transactions");
    for (uint64_t i = h->n_txns - MIN(h->n_txns, OVC_HISTORY_TXNS);
         i < h->n_txns; i++) {
        put_txn(&h->txns[i % OVC_HISTORY_TXNS], json);
    }
    tsn_json_array_end(json);

    tsn_json_array_begin(json, "closes");
    for (uint64_t i = h->n_closes - MIN(h->n_closes, OVC_HISTORY_CLOSES);
         i < h->n_closes; i++) {
        const struct ovc_history_close *c = &h->closes[i % OVC_HISTORY_CLOSES];
        tsn_json_object_begin(json, NULL);
        put_time(json, c->wall_ms);
        tsn_json_uint(json, "up_s", c->up_ms / 1000);
        tsn_json_string(json, "reason", c->reason);
        tsn_json_object_end(json);
    }
    tsn_json_array_end(json);
}

void
ovc_history_status(const struct ovc_session *s, struct tsn_json *json)
{
    const struct simap_node *node;

    tsn_json_object_begin(json, "refusals");
    SIMAP_FOR_EACH (node, &s->history.refusals) {
        tsn_json_uint(json, node->name, node->data);
    }
    tsn_json_object_end(json);
}
