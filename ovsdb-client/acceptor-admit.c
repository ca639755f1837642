/* SPDX-License-Identifier: Apache-2.0 */
/* Which ToR a peer is, and whether it may have the ToR's session. */
#include <config.h>
#include "ovsdb-client/acceptor-private.h"

#include <stdlib.h>
#include <string.h>

#include "openvswitch/vlog.h"
#include "ovsdb-client/identify.h"
#include "ovsdb-client/text.h"
#include "sset.h"
#include "tsn/loop.h"
#include "tsn/model.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(ovc_acceptor);

/* What anybody can cause by connecting. */
static struct vlog_rate_limit noise_rl = VLOG_RATE_LIMIT_INIT(5, 20);
/* What an operator looks into. */
static struct vlog_rate_limit refusal_rl = VLOG_RATE_LIMIT_INIT(10, 20);
static struct vlog_rate_limit session_rl = VLOG_RATE_LIMIT_INIT(60, 600);

/* The ToR's session listens from its first turn on, and again within one after
 * a connection has ended. */
#define KNOCK_MS 50
#define KNOCK_MAX_MS 5000

/* Switches' names in a text. */
#define MAX_NAMES_SHOWN 4

static bool
has_rules(const struct acc_tor *tor)
{
    return tor->certificate || tsn_ip_is_set(&tor->address);
}

static bool
fulfils_rules(const struct acc_conn *c, const struct acc_tor *tor)
{
    if (tor->certificate
        && !(c->tls && tsn_tls_session_peer_is(c->tls, tor->certificate))) {
        return false;
    }
    return !tsn_ip_is_set(&tor->address)
           || tsn_ip_equals(&tor->address, &c->ip);
}

struct acc_tor *
acc_find_by_rules(const struct acc_conn *c)
{
    struct acc_tor *found = NULL;
    struct shash_node *node;

    SHASH_FOR_EACH (node, &c->acceptor->tors) {
        struct acc_tor *tor = node->data;

        if (!tor->own_listener && has_rules(tor) && fulfils_rules(c, tor)) {
            if (found) {
                return NULL;    /* Then by name, too. */
            }
            found = tor;
        }
    }
    return found;
}

/* "\"a\", \"b\"", of what the peer's database holds. */
static char *
format_names(const struct sset *names)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    const char **sorted = sset_sort(names);
    size_t n = sset_count(names);

    for (size_t i = 0; i < MIN(n, MAX_NAMES_SHOWN); i++) {
        ds_put_format(&s, "%s\"%.64s\"", i ? ", " : "", sorted[i]);
    }
    if (n > MAX_NAMES_SHOWN) {
        ds_put_format(&s, " and %"PRIuSIZE" more", n - MAX_NAMES_SHOWN);
    }
    free(sorted);
    return ds_steal_cstr(&s);
}

static bool
has_switch(const struct acc_tor *tor, const struct sset *names)
{
    for (size_t i = 0; i < tor->n_switches; i++) {
        if (sset_contains(names, tor->switches[i])) {
            return true;
        }
    }
    return false;
}

/* Returns the ToR, or NULL and has closed 'c'. */
static struct acc_tor *
find_by_names(struct acc_conn *c)
{
    const struct sset *names = ovc_identify_names(c->identify);
    struct acc_tor *found = NULL;
    struct shash_node *node;
    bool several = false;

    SHASH_FOR_EACH (node, &c->acceptor->tors) {
        struct acc_tor *tor = node->data;

        if (!tor->own_listener && has_switch(tor, names)) {
            several = several || found;
            found = tor;
        }
    }
    if (found && !several) {
        return found;
    }
    char *text = format_names(names);
    if (sset_is_empty(names)) {
        acc_conn_close(c, ACC_UNKNOWN_SWITCH, "its database has no "
                       "Physical_Switch");
    } else if (several) {
        acc_conn_close(c, ACC_AMBIGUOUS, "several tors have switches of its "
                       "database: %s", text);
    } else {
        acc_conn_close(c, ACC_UNKNOWN_SWITCH, "no tor has its switch %s",
                       text);
    }
    free(text);
    return NULL;
}

/* A certificate is renewed, but a subject may be empty, and of two that are
 * cut the rest may differ. */
static bool
tells_apart(const char *subject)
{
    return subject[0] && strlen(subject) < TSN_TLS_SUBJECT_STRLEN - 1;
}

/* Whether 'a' and 'b' are shown to be one and the same switch. */
static bool
is_same_identity(const struct acc_conn *a, const struct acc_conn *b)
{
    if (!a->tls != !b->tls) {
        return false;
    }
    if (!a->tls) {
        return tsn_ip_is_set(&a->ip) && tsn_ip_equals(&a->ip, &b->ip);
    }
    return a->info.has_peer && b->info.has_peer
           && (tells_apart(a->info.subject)
               ? !strcmp(a->info.subject, b->info.subject)
               : !strcmp(a->info.fingerprint, b->info.fingerprint));
}

static void
replace_text(char **textp, uint64_t *whenp, char *text)
{
    free(*textp);
    *textp = text;
    *whenp = tsn_now_ms();
}

/* Takes 'text'. */
static void
set_alarm(struct acc_tor *tor, uint32_t for_ms, char *text)
{
    replace_text(&tor->alarm, &tor->alarm_ms, text);
    tor->alarm_until_ms = MAX(tor->alarm_until_ms, tor->alarm_ms + for_ms);
}

static void
refuse_duplicate(struct acc_conn *c, const struct acc_conn *session)
{
    struct acc_tor *tor = c->tor;
    char *newcomer = xstrdup(acc_conn_peer(c));
    char *text = xasprintf("%s was refused, as %s is connected and answers",
                           newcomer, acc_conn_peer(session));

    set_alarm(tor, OVC_ACCEPTOR_ALARM_MS, text);
    acc_conn_close(c, ACC_DUPLICATE, "\"%s\" is connected and answers, from "
                   "%s", tor->name, acc_conn_peer(session));
    free(newcomer);
}

/* The ToR's session does not listen yet: again in a moment. */
static void
knock_again(struct acc_conn *c)
{
    if (c->state != ACC_KNOCKING) {
        c->state = ACC_KNOCKING;
        acc_set_waiting(c);
        c->deadline_ms = tsn_now_ms() + KNOCK_MAX_MS;
        uv_read_stop((uv_stream_t *) &c->tcp);
    }
    acc_conn_set_timer(c, KNOCK_MS);
}

/* 'c' takes the place of 'old', and shows the same.  Is it another switch, or
 * the same one elsewhere? */
static void
watch_for_fight(struct acc_conn *c, const struct acc_conn *old)
{
    uint64_t age_ms = tsn_now_ms() - old->since_ms;

    if (old->state != ACC_SPLICED || age_ms >= OVC_ACCEPTOR_FIGHT_MS
        || tsn_ip_equals(&c->ip, &old->ip)) {
        return;
    }
    char *newcomer = xstrdup(acc_conn_peer(c));
    set_alarm(c->tor, OVC_ACCEPTOR_FIGHT_ALARM_MS,
              xasprintf("%s has replaced %s after %"PRIu64" s: do two "
                        "switches have the same certificate?", newcomer,
                        acc_conn_peer(old), age_ms / 1000));
    free(newcomer);
}

/* The tor's session was 'old', or none, and is 'c'. */
static void
take_place(struct acc_tor *tor, struct acc_conn *c, struct acc_conn *old)
{
    struct acc_conn *challenger = tor->challenger;

    tor->session = c;
    tor->dialing = NULL;
    tor->challenger = NULL;
    tor->n_sessions++;
    if (old) {
        tor->n_replaced++;
        watch_for_fight(c, old);
        acc_conn_close(old, ACC_REPLACED, NULL);
    }
    if (challenger) {
        refuse_duplicate(challenger, c);
    }
}

static void
connect_to_tor(struct acc_conn *c)
{
    struct acc_tor *tor = c->tor;
    struct acc_conn *old = tor->session;

    if (!acc_splice(c)) {
        if (c->state != ACC_CLOSING) {
            knock_again(c);
        }
        return;
    }
    uv_timer_stop(&c->timer);
    if (c->listener) {
        c->listener->n_identified++;
    }
    acc_remove_pending(c);
    ovs_list_push_back(&c->acceptor->sessions, &c->node);
    c->since_ms = tsn_now_ms();
    take_place(tor, c, old);
    VLOG_INFO_RL(&session_rl, "the switch is connected tor=%s peer=%s%s%s",
                 tor->name, acc_conn_peer(c), c->tls ? " tls=" : "",
                 c->tls ? c->info.version : "");
    ovc_identify_destroy(c->identify);
    c->identify = NULL;
    acc_conn_read(c);
    if (c->early.length) {
        acc_splice_from_switch(c, c->early.string, c->early.length);
        ds_destroy(&c->early);
        ds_init(&c->early);
    }
}

void
acc_admit(struct acc_conn *c)
{
    struct acc_tor *tor = c->tor ? c->tor : find_by_names(c);

    if (!tor) {
        return;
    }
    c->tor = tor;
    if (!fulfils_rules(c, tor)) {
        acc_conn_close(c, ACC_WRONG_IDENTITY, "it is not what \"%s\" is "
                       "configured to be", tor->name);
        return;
    }
    acc_contend(c);
}

void
acc_contend(struct acc_conn *c)
{
    struct acc_tor *tor = c->tor;
    struct acc_conn *old = tor->session;

    if (!old || old->state == ACC_DRAINING || is_same_identity(c, old)) {
        connect_to_tor(c);
    } else if (tor->challenger) {
        refuse_duplicate(c, old);
    } else {
        tor->challenger = c;
        c->state = ACC_CHALLENGE;
        acc_set_waiting(c);
        uv_timer_stop(&c->timer);
        uv_read_stop((uv_stream_t *) &c->tcp);
        acc_challenge(old);
    }
}

void
acc_challenge_answered(struct acc_tor *tor)
{
    struct acc_conn *c = tor->challenger;

    if (c) {
        tor->challenger = NULL;
        refuse_duplicate(c, tor->session);
    }
}

void
acc_challenge_failed(struct acc_tor *tor)
{
    /* The challenger gets the place as the session goes. */
    acc_conn_close(tor->session, ACC_SILENT, NULL);
}

/* Ends. */

static bool
is_noise(enum acc_reason reason)
{
    switch (reason) {
    case ACC_HUNG_UP:
    case ACC_CHECK:
    case ACC_NOT_FROM_PROXY:
    case ACC_BAD_PROXY_HEADER:
    case ACC_NOT_TLS:
    case ACC_NOT_OVSDB:
    case ACC_TOO_MUCH:
    case ACC_TOO_SLOW:
    case ACC_PUSHED_OUT:
    case ACC_NOT_READING:
        return true;
    default:
        return false;
    }
}

static void
count_refusal(struct acc_conn *c, enum acc_reason reason, const char *text)
{
    struct acc_listener *l = c->listener;

    if (!l || reason >= ACC_N_REFUSALS) {
        return;
    }
    l->n_refused[reason]++;
    if (c->tor) {
        c->tor->n_refused++;
    }
    if (is_noise(reason)) {
        VLOG_DBG_RL(&noise_rl, "connection dropped peer=%s listener=%s: %s",
                    acc_conn_peer(c), l->name, text);
        return;
    }
    VLOG_WARN_RL(&refusal_rl, "connection refused peer=%s listener=%s: %s",
                 acc_conn_peer(c), l->name, text);
    replace_text(&l->last_refusal, &l->last_refusal_ms,
                 xasprintf("%s: %s", acc_conn_peer(c), text));
}

static void
session_ended(struct acc_conn *c, const char *text)
{
    struct acc_tor *tor = c->tor;

    ovs_list_remove(&c->node);
    replace_text(&tor->last_close, &tor->last_close_ms,
                 xasprintf("%s: %s", acc_conn_peer(c), text));
    VLOG_INFO_RL(&session_rl, "the switch's connection has ended tor=%s "
                 "peer=%s: %s", tor->name, acc_conn_peer(c), text);
    if (tor->session == c) {
        struct acc_conn *challenger = tor->challenger;

        tor->session = NULL;
        tor->challenger = NULL;
        if (challenger) {
            connect_to_tor(challenger);
        } else if (tor->dials) {
            acc_dial_again(tor, tsn_now_ms() - c->since_ms);
        }
    }
    acc_check_finished(c->acceptor);
}

static void
dial_failed(struct acc_tor *tor, const char *text)
{
    tor->dialing = NULL;
    if (!tor->last_close || strcmp(tor->last_close, text)) {
        VLOG_WARN_RL(&refusal_rl, "cannot connect to the switch tor=%s: %s",
                     tor->name, text);
    }
    replace_text(&tor->last_close, &tor->last_close_ms, xstrdup(text));
    acc_dial_again(tor, 0);
}

void
acc_forget(struct acc_conn *c, enum acc_reason reason, const char *text)
{
    struct acc_tor *tor = c->tor;

    count_refusal(c, reason, text);
    if (c->since_ms) {
        session_ended(c, text);
        return;
    }
    acc_remove_pending(c);
    if (tor && tor->challenger == c) {
        /* The session's answer is of no interest any more. */
        tor->challenger = NULL;
        tor->session->is_challenged = tor->session->echo_wanted = false;
        uv_timer_stop(&tor->session->timer);
    } else if (tor && tor->dialing == c) {
        dial_failed(tor, text);
    }
}
