/* SPDX-License-Identifier: Apache-2.0 */
/* The multicast trees of a live control node, as recorded: our control node
 * against what the clients sent, our client against what the control node
 * sent.
 *
 * Not compared is how often a place is told: the recorded one often says it
 * twice.  What is left out of the recording of two control nodes is the link
 * between their trees, which takes BGP between them. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/ctrl_fixture.h"
#include "tests/unit/tree_rig.h"
#include "tests/wire/recording.h"

#define RI "default-domain:admin:vn1:vn1"

/* The agents of the recordings. */
static const struct agent {
    const char *name, *ip;
    uint32_t label;             /* First of a thousand that it offers. */
} agents[] = {
    { "tor-agent-1", "127.0.1.1", 0 },
    { "tor-agent-2", "127.0.1.2", 0 },
    { "tsn1", "127.0.1.3", 20000 },
    { "compute1", "127.0.1.4", 30000 },
};
#define N_AGENTS ARRAY_SIZE(agents)

/* Whether 't' is of that agent, "NAME" or "NAME@NODE". */
static bool
is_of(const struct transfer *t, const char *name, const char *node)
{
    char *full = node ? xasprintf("%s@%s", name, node) : xstrdup(name);
    bool is = !strcmp(t->agent, full);

    free(full);
    return is;
}

static bool
has(const struct transfer *t, const char *s)
{
    return memmem(t->data, t->size, s, strlen(s)) != NULL;
}

static bool
is_place(const struct transfer *t)
{
    return !t->from_agent && has(t, "<items node=\"1/241/");
}

/* Our control node. */

/* What we and the recorded one tell an agent. */
struct sides {
    struct client ours, recorded;
};

struct replay {
    struct recording r;
    const char *node;           /* Control node, or NULL if there is one. */
    struct ctrl_config *config;
    struct ctrl_core *core;
    struct sides sides[N_AGENTS];
};

static void
replay_start(struct replay *replay, const char *recording, const char *node)
{
    memset(replay, 0, sizeof *replay);
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    recording_read(&replay->r, recording);
    replay->node = node;
    replay->config = ctrl_fixture_config("project: admin\n"
                                         "networks:\n"
                                         "- {name: vn1, vni: 5005, id: 5}\n");
    replay->core = ctrl_core_create(replay->config);
    for (size_t i = 0; i < N_AGENTS; i++) {
        struct client *c = &replay->sides[i].ours;
        struct in6_addr ip;

        client_open(c, replay->core, agents[i].name);
        assert_int_equal(tsn_ip_parse(agents[i].ip, &ip), 0);
        ctrl_peer_set_address(c->peer, &ip);
    }
}

static void
replay_stop(struct replay *replay)
{
    for (size_t i = 0; i < N_AGENTS; i++) {
        client_quit(&replay->sides[i].ours);
        ds_destroy(&replay->sides[i].recorded.told);
    }
    ctrl_core_destroy(replay->core);
    ctrl_config_destroy(replay->config);
    recording_fini(&replay->r);
}

static void
replay_step(struct replay *replay, const struct transfer *t)
{
    for (size_t i = 0; i < N_AGENTS; i++) {
        struct sides *sides = &replay->sides[i];

        if (!is_of(t, agents[i].name, replay->node)) {
            continue;
        }
        if (is_place(t)) {
            client_send_cb(&sides->recorded, t->data, t->size);
        } else if (t->from_agent && !strncmp(t->data, "<iq", 3)) {
            char *text = xmemdup0(t->data, t->size);

            client_stanzas(&sides->ours, text, 0);
            while (!ctrl_core_run(replay->core, 0)) {
                continue;
            }
            free(text);
        }
    }
}

/* The lines of 'told' that are about the tree, without repetitions. */
static char *
tree_lines(const struct ds *told)
{
    char *copy = xstrdup(told->string ? told->string : ""), *save;
    struct ds out = DS_EMPTY_INITIALIZER;
    const char *last = "";

    for (char *line = strtok_r(copy, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        if (strstr(line, ":255.255.255.255,0.0.0.0") && strcmp(line, last)) {
            ds_put_format(&out, "%s\n", line);
            last = line;
        }
    }
    free(copy);
    return ds_steal_cstr(&out);
}

static void
server__one_control_node__tells_what_was_recorded(void **state)
{
    struct replay replay;
    size_t n = 0;

    replay_start(&replay, "03-evpn-bum.xml", NULL);
    for (size_t i = 0; i < replay.r.n_transfers; i++) {
        replay_step(&replay, &replay.r.transfers[i]);
    }
    for (size_t i = 0; i < N_AGENTS; i++) {
        char *ours = tree_lines(&replay.sides[i].ours.told);
        char *recorded = tree_lines(&replay.sides[i].recorded.told);

        assert_string_equal(ours, recorded);
        n += strlen(recorded) > 0;
        free(ours);
        free(recorded);
    }
    assert_int_equal(n, 2);
    replay_stop(&replay);
}

struct place {
    uint32_t label;             /* 0: none. */
    size_t n;
    struct {
        char ip[16];
        uint32_t label;
    } neighbours[8];
};

/* What 'client' was told last. */
static struct place
last_place(const struct client *client)
{
    struct place place = { .label = 0 };
    char *lines = tree_lines(&client->told), *save;
    char *last = NULL;

    for (char *line = strtok_r(lines, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        last = line;
    }
    if (last && *last == '+') {
        char *out = strstr(last, " out=");

        place.label = atoi(strstr(last, " in=") + 4);
        for (char *word = out ? strtok_r(out + 5, ",", &save) : NULL; word;
             word = strtok_r(NULL, ",", &save)) {
            assert_true(place.n < ARRAY_SIZE(place.neighbours));
            assert_int_equal(sscanf(word, "%15[^/]/%"SCNu32,
                                    place.neighbours[place.n].ip,
                                    &place.neighbours[place.n].label), 2);
            place.n++;
        }
    }
    free(lines);
    return place;
}

/* Checks that the places of one side make a tree, and formats who is linked to
 * whom. */
static char *
check_places(const struct place places[N_AGENTS])
{
    struct ds ds = DS_EMPTY_INITIALIZER;

    for (size_t i = 0; i < N_AGENTS; i++) {
        const struct place *p = &places[i];

        if (!p->label) {
            continue;
        }
        assert_in_range(p->label, agents[i].label, agents[i].label + 999);
        ds_put_format(&ds, "%s:", agents[i].name);
        for (size_t k = 0; k < p->n; k++) {
            size_t j = 0;
            while (j < N_AGENTS && strcmp(agents[j].ip, p->neighbours[k].ip)) {
                j++;
            }
            assert_true(j < N_AGENTS);
            /* Else it is at the other control node. */
            if (places[j].label) {
                assert_int_equal(p->neighbours[k].label, places[j].label);
                ds_put_format(&ds, " %s", agents[j].name);
            }
        }
        ds_put_char(&ds, '\n');
    }
    return ds_steal_cstr(&ds);
}

static void
compare_places(struct replay *replay, const struct transfer *t, size_t *n)
{
    struct place ours[N_AGENTS], recorded[N_AGENTS];

    for (size_t i = 0; i < N_AGENTS; i++) {
        ours[i] = last_place(&replay->sides[i].ours);
        recorded[i] = last_place(&replay->sides[i].recorded);
        *n += recorded[i].label != 0;
    }
    char *a = check_places(ours), *b = check_places(recorded);
    if (strcmp(a, b)) {
        fail_msg("at %.3f we have\n%sinstead of\n%s", t->time_s, a, b);
    }
    free(a);
    free(b);
}

/* Times differ, and with them the labels: compared are the trees whenever all
 * was quiet. */
static void
replay_two(const char *node, size_t n_expected)
{
    struct replay replay;
    size_t n = 0;

    replay_start(&replay, "13-two-control-nodes.xml", node);
    for (size_t i = 0; i < replay.r.n_transfers; i++) {
        const struct transfer *t = &replay.r.transfers[i];

        replay_step(&replay, t);
        if (i + 1 < replay.r.n_transfers && t[1].time_s > t->time_s + 0.4) {
            compare_places(&replay, t, &n);
        }
    }
    assert_int_equal(n, n_expected);
    replay_stop(&replay);
}

static void
server__first_of_two__builds_what_was_recorded(void **state)
{
    replay_two("ctrl1", 7);
}

static void
server__second_of_two__builds_what_was_recorded(void **state)
{
    replay_two("ctrl2", 4);
}

/* Our client. */

static void
drop_ids(struct ds *ds)
{
    struct ds out = DS_EMPTY_INITIALIZER;
    const char *s = ds_cstr(ds), *id;

    while ((id = strstr(s, " id=\""))) {
        ds_put_buffer(&out, s, id - s);
        s = strchr(id + 5, '"') + 1;
    }
    ds_put_cstr(&out, s);
    ds_destroy(ds);
    *ds = out;
}

/* The publish and the collection, one after the other. */
static void
client__what_it_sends__is_what_was_recorded(void **state)
{
    for (int associate = 0; associate < 2; associate++) {
        struct ds ours = DS_EMPTY_INITIALIZER;
        struct ds recorded = DS_EMPTY_INITIALIZER;
        struct ds entry = DS_EMPTY_INITIALIZER;
        struct xmpp_mcast route = {
            .label_first = 20000, .label_last = 20999,
        };
        char node_id[XMPP_ID_STRLEN];
        struct recording r;

        assert_int_equal(tsn_ip_parse("127.0.1.3", &route.next_hop), 0);
        xmpp_mcast_encode_publish(&entry, &route);
        xmpp_put_publish(&ours, "tsn1", "b", 7,
                         xmpp_mcast_node_id(RI, node_id), ds_cstr(&entry), RI,
                         associate);
        /* The names of the ids are a real agent's (README.md 19), not those
         * of the scripted one that was recorded. */
        assert_non_null(strstr(ds_cstr(&ours), " id=\"pubsub_b7\""));
        assert_non_null(strstr(ds_cstr(&ours), " id=\"collection7\""));

        recording_read(&r, "03-evpn-bum.xml");
        for (size_t i = 0; i + 1 < r.n_transfers; i++) {
            const struct transfer *t = &r.transfers[i];

            if (is_of(t, "tsn1", NULL) && has(t, "<publish node=\"1/241/")
                && has(&t[1], associate ? "<associate" : "<dissociate")) {
                ds_put_buffer(&recorded, t->data, t->size);
                ds_put_buffer(&recorded, t[1].data, t[1].size);
            }
        }
        recording_fini(&r);
        drop_ids(&ours);
        drop_ids(&recorded);
        assert_string_equal(ds_cstr(&ours), ds_cstr(&recorded));
        ds_destroy(&ours);
        ds_destroy(&recorded);
        ds_destroy(&entry);
    }
}

struct client_replay {
    struct rig *rig;
    struct recording r;
    size_t at;                  /* The next transfer. */
    const char *name;
    uint32_t first;             /* Of its labels. */
    const char *next_hop;
    struct control_node *builder, *other;
};

static void
client_replay_start(struct client_replay *replay, const char *recording,
                    size_t agent)
{
    const struct agent *a = &agents[agent];

    *replay = (struct client_replay) {
        .rig = rig_create(a->name), .name = a->name, .first = a->label,
        .next_hop = a->ip,
    };
    recording_read(&replay->r, recording);
    rig_run_until(replay->rig, rig_both_up, replay->rig);
    size_t slot = replay->rig->speaker->tree_builder->slot;
    replay->builder = &replay->rig->nodes[slot];
    replay->other = &replay->rig->nodes[!slot];
    xmpp_speaker_subscribe(replay->rig->speaker, RI, 5);
    rig_expect(replay->builder, "open\nsubscribe " RI " 5\n");
    rig_expect(replay->other, "open\nsubscribe " RI " 5\n");
}

static void
client_replay_stop(struct client_replay *replay)
{
    recording_fini(&replay->r);
    rig_destroy(replay->rig);
}

/* The same labels for both control nodes would not do: those of the other are
 * the next thousand. */
static void
client_replay_join(struct client_replay *replay, const char *before)
{
    struct xmpp_tree_offer offer;
    size_t slot = replay->builder - replay->rig->nodes;

    assert_int_equal(tsn_ip_parse(replay->next_hop, &offer.next_hop), 0);
    offer.labels[slot].first = replay->first;
    offer.labels[slot].last = replay->first + 999;
    offer.labels[!slot].first = replay->first + 1000;
    offer.labels[!slot].last = replay->first + 1999;
    assert_int_equal(xmpp_speaker_join_tree(replay->rig->speaker, RI, &offer),
                     0);
    char *told = xasprintf("%sjoin " RI " %s %u-%u\n", before,
                           replay->next_hop, replay->first,
                           replay->first + 999);
    rig_expect(replay->builder, told);
    free(told);
}

static bool
is_quiet(void *replay_)
{
    struct client_replay *replay = replay_;
    struct control_node *node = replay->builder;
    const struct peer *peer
        = &replay->rig->speaker->peers[node - replay->rig->nodes];

    return peer->n_items + peer->n_retracts == replay->at
           && ovs_list_is_empty(&replay->rig->speaker->trees_changed);
}

/* Sends the places recorded from one time to another. */
static void
client_replay_places(struct client_replay *replay, const char *node,
                     double from_s, double to_s, const char *expected)
{
    size_t slot = replay->builder - replay->rig->nodes;
    const struct peer *peer = &replay->rig->speaker->peers[slot];

    replay->at = peer->n_items + peer->n_retracts;
    size_t before = replay->at;
    for (size_t i = 0; i < replay->r.n_transfers; i++) {
        const struct transfer *t = &replay->r.transfers[i];

        if (is_of(t, replay->name, node) && is_place(t)
            && t->time_s >= from_s && t->time_s < to_s) {
            xmpp_session_send(replay->builder->session, t->data, t->size);
            replay->at++;
        }
    }
    assert_true(replay->at > before);
    rig_run_until(replay->rig, is_quiet, replay);
    assert_int_equal(peer->n_bad_items, 0);
    char *place = rig_place(replay->rig, RI);
    assert_string_equal(place, expected);
    free(place);
}

static void
client__one_control_node__learns_its_places(void **state)
{
    struct client_replay replay;

    client_replay_start(&replay, "03-evpn-bum.xml", 2);
    client_replay_join(&replay, "");
    client_replay_places(&replay, NULL, 0, 8, "label=20000 previous=0 1:");
    client_replay_places(&replay, NULL, 8, 9, "label=20001 previous=20000 1: "
                         "127.0.1.4/30000/gre/udp");
    /* The retract, as it comes after a session's own leave. */
    client_replay_places(&replay, NULL, 33, 34,
                         "label=0 previous=20001 1:");
    client_replay_stop(&replay);

    client_replay_start(&replay, "03-evpn-bum.xml", 3);
    client_replay_join(&replay, "");
    client_replay_places(&replay, NULL, 0, 9, "label=30000 previous=0 1: "
                         "127.0.1.3/20001/gre/udp");
    client_replay_places(&replay, NULL, 33, 34,
                         "label=30001 previous=30000 1:");
    client_replay_stop(&replay);
}

static bool
other_is_builder(void *replay_)
{
    struct client_replay *replay = replay_;
    struct xmpp_speaker *sp = replay->rig->speaker;

    return sp->tree_builder
           == &sp->peers[replay->other - replay->rig->nodes];
}

static void
client__two_control_nodes__goes_over_to_the_second(void **state)
{
    struct client_replay replay;

    client_replay_start(&replay, "13-two-control-nodes.xml", 3);
    client_replay_join(&replay, "");
    client_replay_places(&replay, "ctrl1", 7, 9,
                         "label=30001 previous=30000 1: "
                         "127.0.1.3/20000/gre/udp");
    client_replay_places(&replay, "ctrl1", 9, 9.1,
                         "label=0 previous=30001 1:");

    /* The first one dies.  In the recording the second one got the same
     * labels, so for it the offer is turned round. */
    rig_node_kill(replay.builder);
    rig_run_until(replay.rig, other_is_builder, &replay);
    struct control_node *dead = replay.builder;
    replay.builder = replay.other;
    replay.other = dead;
    rig_expect(replay.builder, "join " RI " 127.0.1.4 31000-31999\n");
    client_replay_join(&replay, "leave " RI " 127.0.1.4 31000-31999\n");
    client_replay_places(&replay, "ctrl2", 9.5, 10,
                         "label=30000 previous=30001 2: "
                         "127.0.1.3/20001/gre/udp");
    client_replay_places(&replay, "ctrl2", 11.5, 12,
                         "label=30000 previous=30001 2:");
    client_replay_stop(&replay);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(server__one_control_node__tells_what_was_recorded),
        cmocka_unit_test(server__first_of_two__builds_what_was_recorded),
        cmocka_unit_test(server__second_of_two__builds_what_was_recorded),
        cmocka_unit_test(client__what_it_sends__is_what_was_recorded),
        cmocka_unit_test(client__one_control_node__learns_its_places),
        cmocka_unit_test(client__two_control_nodes__goes_over_to_the_second),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
