/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "controller/model.h"
#include "controller/push.h"
#include "ctrl_fixture.h"
#include "openvswitch/shash.h"
#include "xmpp/graph.h"
#include "xmpp/view.h"

#define GSC "default-global-system-config"

/* What a client has got. */
struct sink {
    struct ds stanzas[64];
    size_t n;
};

static struct ds *
sink_next(struct sink *sink)
{
    assert_true(sink->n < ARRAY_SIZE(sink->stanzas));
    return &sink->stanzas[sink->n++];
}

static void
sink_clear(struct sink *sink)
{
    for (size_t i = 0; i < sink->n; i++) {
        ds_destroy(&sink->stanzas[i]);
    }
    memset(sink, 0, sizeof *sink);
}

static size_t
push_to(struct ctrl_push *push, const char *yaml, struct sink *sink)
{
    struct ctrl_config *config = ctrl_fixture_config(yaml);
    struct ctrl_model *model = ctrl_model_create(config);
    struct ds ds = DS_EMPTY_INITIALIZER;
    size_t total = 0;

    ctrl_push_start(push, model);
    while (!ctrl_push_is_done(push)) {
        size_t n = ctrl_push_next(push, &ds);

        assert_int_equal(n > 0, ds.length > 0);
        if (n) {
            ds_swap(sink_next(sink), &ds);
            total += n;
        }
    }
    ds_destroy(&ds);
    ctrl_model_destroy(model);
    ctrl_config_destroy(config);
    return total;
}

/* Drops the lines in which we may differ: numbers of UUIDs, and properties
 * that our file has not. */
static char *
comparable(const char *text)
{
    static const char *const differ[] = {
        "<uuid-mslong>", "<uuid-lslong>", "<physical-router-management-ip>",
        "<physical-router-vendor-name>", "<physical-router-product-name>",
        "<virtual-router-ip-address>", "<forwarding-mode>",
    };
    struct ds ds = DS_EMPTY_INITIALIZER;

    while (*text) {
        size_t len = strcspn(text, "\n") + 1;
        char *line = xmemdup0(text, len);
        bool keep = true;

        for (size_t i = 0; i < ARRAY_SIZE(differ); i++) {
            keep = keep && !strstr(line, differ[i]);
        }
        if (keep) {
            ds_put_cstr(&ds, line);
        }
        free(line);
        text += len;
    }
    return ds_steal_cstr(&ds);
}

static char *
replace(char *s, const char *from, const char *to)
{
    struct ds ds = DS_EMPTY_INITIALIZER;
    const char *p = s, *found;

    while ((found = strstr(p, from))) {
        ds_put_buffer(&ds, p, found - p);
        ds_put_cstr(&ds, to);
        p = found + strlen(from);
    }
    ds_put_cstr(&ds, p);
    free(s);
    return ds_steal_cstr(&ds);
}

/* Our names for what the recorded cloud has. */
static char *
rename_interfaces(char *s)
{
    s = replace(s, "vmi-tor1-100", "tor1-eth0-100-020000000101");
    s = replace(s, "vmi-tor1-200", "tor1-eth0-200-020000000102");
    return replace(s, "vmi-tor2-100", "tor2-eth0-100-020000000201");
}

static char *
read_recording(const char *name)
{
    const char *srcdir = getenv("srcdir");
    char *path = xasprintf("%s/tests/wire/recordings/%s",
                           srcdir ? srcdir : ".", name);
    struct ds ds = DS_EMPTY_INITIALIZER;
    FILE *f = fopen(path, "r");
    char buf[4096];
    size_t n;

    if (!f) {
        fail_msg("cannot open %s", path);
    }
    while ((n = fread(buf, 1, sizeof buf, f)) > 0) {
        ds_put_buffer(&ds, buf, n);
    }
    fclose(f);
    free(path);
    return ds_steal_cstr(&ds);
}

/* Keeps the objects as a client does: key to content. */
static char *
object_key(const struct xmpp_node *object)
{
    struct ds ds = DS_EMPTY_INITIALIZER;
    const struct xmpp_node *node;

    if (!strcmp(object->name, "node")) {
        ds_put_format(&ds, "%s %s", xmpp_node_attr(object, "type"),
                      xmpp_node_text(object, "name"));
        return ds_steal_cstr(&ds);
    }
    assert_string_equal(object->name, "link");
    ds_put_format(&ds, "%s", xmpp_node_attr(xmpp_node_child(object,
                                                            "metadata"),
                                            "type"));
    XMPP_NODE_FOR_EACH (node, object, "node") {
        ds_put_format(&ds, " | %s %s", xmpp_node_attr(node, "type"),
                      xmpp_node_text(node, "name"));
    }
    return ds_steal_cstr(&ds);
}

static void
flatten(const struct xmpp_node *node, struct ds *ds)
{
    ds_put_format(ds, "<%s>%s", node->name, node->children ? "" : node->text);
    for (const struct xmpp_node *c = node->children; c; c = c->next) {
        flatten(c, ds);
    }
}

/* A node is there before its links and goes after them. */
static void
check_ends(const struct shash *objects, const char *key, bool update,
           const struct xmpp_node *object)
{
    const struct xmpp_node *node;
    const struct shash_node *sn;

    XMPP_NODE_FOR_EACH (node, object, "node") {
        char *end = object_key(node);
        assert_non_null(shash_find(objects, end));
        free(end);
    }
    if (!update && !strcmp(object->name, "node")) {
        char *end = xasprintf(" | %s", key);
        SHASH_FOR_EACH (sn, objects) {
            const char *found = strstr(sn->name, end);
            assert_true(!found || found[strlen(end)] == ':'
                        || found[strlen(end)] == '-');
        }
        free(end);
    }
}

static void
apply(struct shash *objects, const struct sink *sink)
{
    for (size_t i = 0; i < sink->n; i++) {
        struct xmpp_stanza st;
        struct tsn_err err;

        assert_int_equal(xmpp_stanza_parse(ds_cstr_ro(&sink->stanzas[i]),
                                           sink->stanzas[i].length, &st,
                                           &err), 0);
        assert_int_equal(st.type, XMPP_CONFIG);
        for (const struct xmpp_node *block = st.body->children; block;
             block = block->next) {
            bool update = !strcmp(block->name, "update");

            for (const struct xmpp_node *object = block->children; object;
                 object = object->next) {
                char *key = object_key(object);

                check_ends(objects, key, update, object);
                if (update) {
                    struct ds ds = DS_EMPTY_INITIALIZER;
                    flatten(object, &ds);
                    free(shash_replace(objects, key, ds_steal_cstr(&ds)));
                } else {
                    char *old = shash_find_and_delete(objects, key);
                    assert_non_null(old);
                    free(old);
                }
                free(key);
            }
        }
        xmpp_stanza_fini(&st);
    }
}

static void
assert_same_objects(const struct shash *a, const struct shash *b)
{
    const struct shash_node *node;

    assert_int_equal(shash_count(a), shash_count(b));
    SHASH_FOR_EACH (node, a) {
        const char *other = shash_find_data(b, node->name);

        assert_non_null(other);
        assert_string_equal(node->data, other);
    }
}

/* Against the recorded cloud. */

static const char recorded_cloud[] =
    "project: admin\n"
    "graceful-restart: {enable: false}\n"
    "networks:\n"
    "- {name: vn1, vni: 5005, id: 5, flood-unknown-unicast: false}\n"
    "- {name: vn2, vni: 5006, id: 6, flood-unknown-unicast: false}\n"
    "switches:\n"
    "- name: tor1\n"
    "  vtep: 127.0.2.1\n"
    "  agent: tor-agent-1\n"
    "  ports:\n"
    "  - {name: eth0, vlan: 100, network: vn1, servers:\n"
    "     [{mac: '02:00:00:00:01:01'}]}\n"
    "  - {name: eth0, vlan: 200, network: vn2, servers:\n"
    "     [{mac: '02:00:00:00:01:02'}]}\n"
    "- name: tor2\n"
    "  vtep: 127.0.2.2\n"
    "  agent: tor-agent-2\n"
    "  ports:\n"
    "  - {name: eth0, vlan: 100, network: vn1, servers:\n"
    "     [{mac: '02:00:00:00:02:01'}]}\n"
    "tsns:\n"
    "- {name: tsn1, address: 127.0.1.3}\n";

/* Fills 'sink' with the first 'n' stanzas of configuration that the client of
 * the virtual router 'name' got, in their comparable form. */
static void
get_recorded(const char *name, size_t n, struct sink *sink)
{
    char *recording = read_recording("10-config-push.xml");
    char *start = xasprintf("<?xml version=\"1.0\"?>\n<iq type=\"set\" "
                            "from=\"" XMPP_CONTROL_JID "\" "
                            "to=\"%s/config\">", name);
    const char *p = recording;

    for (size_t i = 0; i < n; i++) {
        p = strstr(p, start);
        assert_non_null(p);
        const char *end = strstr(p, "</iq>\n") + strlen("</iq>\n");
        char *stanza = rename_interfaces(xmemdup0(p, end - p));
        char *text = comparable(stanza);

        ds_put_cstr(sink_next(sink), text);
        free(text);
        free(stanza);
        p = end;
    }
    free(start);
    free(recording);
}

static void
get_ours(const char *name, struct sink *sink)
{
    struct ctrl_push *push = ctrl_push_create(name);

    push_to(push, recorded_cloud, sink);
    for (size_t i = 0; i < sink->n; i++) {
        char *text = comparable(ds_cstr(&sink->stanzas[i]));

        ds_destroy(&sink->stanzas[i]);
        ds_init(&sink->stanzas[i]);
        ds_put_cstr(&sink->stanzas[i], text);
        free(text);
    }
    ctrl_push_destroy(push);
}

static void
push__recorded_tor_agent__same_bytes(void **state)
{
    struct sink recorded = { .n = 0 }, ours = { .n = 0 };

    get_ours(GSC ":tor-agent-1", &ours);
    assert_int_equal(ours.n, 4);
    get_recorded(GSC ":tor-agent-1", ours.n, &recorded);
    for (size_t i = 0; i < ours.n; i++) {
        assert_string_equal(ds_cstr(&ours.stanzas[i]),
                            ds_cstr(&recorded.stanzas[i]));
    }
    sink_clear(&recorded);
    sink_clear(&ours);
}

/* The control node went down to the first switch's interfaces before it took
 * the second one's. */
static void
push__recorded_tsn__same_objects(void **state)
{
    struct shash a = SHASH_INITIALIZER(&a), b = SHASH_INITIALIZER(&b);
    struct sink recorded = { .n = 0 }, ours = { .n = 0 };

    get_ours(GSC ":tsn1", &ours);
    assert_int_equal(ours.n, 5);
    get_recorded(GSC ":tsn1", ours.n, &recorded);
    apply(&a, &ours);
    apply(&b, &recorded);
    assert_same_objects(&a, &b);
    shash_destroy_free_data(&a);
    shash_destroy_free_data(&b);
    sink_clear(&recorded);
    sink_clear(&ours);
}

/* Changes. */

#define NETWORKS(VNI) \
    "networks:\n" \
    "- {name: blue, vni: " VNI ", subnets: [{prefix: 192.0.2.0/24}]}\n" \
    "- {name: red, vni: 200}\n"
#define SWITCH(NAME, N, PORTS) \
    "- {name: " NAME ", vtep: 10.0.1." N ", ports: [" PORTS "]}\n"
#define PORT(NAME, NETWORK, N) \
    "{name: " NAME ", network: " NETWORK ", servers: " \
    "[{mac: '02:bb:00:00:00:0" N "'}]}"
#define TSN "tsns: [{name: tsn1, address: 10.0.0.100}]\n"

static const char two_switches[] = NETWORKS("100") "switches:\n"
    SWITCH("t1", "1", PORT("p1", "blue", "1"))
    SWITCH("t2", "2", PORT("p1", "blue", "2") "," PORT("p2", "red", "3"))
    TSN;

static void
push__any_change__client_gets_there(void **state)
{
    static const char *const steps[] = {
        two_switches,
        /* Nothing. */
        two_switches,
        /* A property. */
        NETWORKS("101") "switches:\n"
        SWITCH("t1", "1", PORT("p1", "blue", "1"))
        SWITCH("t2", "2", PORT("p1", "blue", "2") "," PORT("p2", "red", "3"))
        TSN,
        /* A port to another network. */
        NETWORKS("100") "switches:\n"
        SWITCH("t1", "1", PORT("p1", "red", "1"))
        SWITCH("t2", "2", PORT("p1", "blue", "2") "," PORT("p2", "red", "3"))
        TSN,
        /* A switch gone. */
        NETWORKS("100") "switches:\n"
        SWITCH("t2", "2", PORT("p1", "blue", "2") "," PORT("p2", "red", "3"))
        TSN,
        /* All switches gone. */
        NETWORKS("100") TSN,
        /* The client itself gone. */
        NETWORKS("100"),
        two_switches,
    };
    struct shash objects = SHASH_INITIALIZER(&objects);
    struct ctrl_push *push = ctrl_push_create(GSC ":tsn1");

    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        struct shash fresh = SHASH_INITIALIZER(&fresh);
        struct ctrl_push *other = ctrl_push_create(GSC ":tsn1");
        struct sink sink = { .n = 0 };

        size_t n = push_to(push, steps[i], &sink);
        assert_int_equal(n > 0, i != 1);
        apply(&objects, &sink);
        sink_clear(&sink);

        push_to(other, steps[i], &sink);
        apply(&fresh, &sink);
        sink_clear(&sink);
        assert_same_objects(&objects, &fresh);
        assert_int_equal(ctrl_push_n_objects(push), shash_count(&fresh));
        shash_destroy_free_data(&fresh);
        ctrl_push_destroy(other);
    }
    assert_string_equal(ctrl_push_name(push), GSC ":tsn1");
    shash_destroy_free_data(&objects);
    ctrl_push_destroy(push);
}

static void
push__one_property__one_node(void **state)
{
    static const char changed[] = NETWORKS("101") "switches:\n"
        SWITCH("t1", "1", PORT("p1", "blue", "1"))
        SWITCH("t2", "2", PORT("p1", "blue", "2") "," PORT("p2", "red", "3"))
        TSN;
    struct ctrl_push *push = ctrl_push_create(GSC ":t1");
    struct sink sink = { .n = 0 };

    push_to(push, two_switches, &sink);
    sink_clear(&sink);
    assert_int_equal(push_to(push, changed, &sink), 1);
    assert_int_equal(sink.n, 1);
    assert_non_null(strstr(ds_cstr(&sink.stanzas[0]),
                           "<vxlan-network-identifier>101<"));
    sink_clear(&sink);
    ctrl_push_destroy(push);
}

static void
push__another_change_half_way__client_gets_there(void **state)
{
    struct ctrl_config *config = ctrl_fixture_config(two_switches);
    struct ctrl_model *model = ctrl_model_create(config);

    for (size_t n = 0; n < 5; n++) {
        struct shash objects = SHASH_INITIALIZER(&objects);
        struct shash fresh = SHASH_INITIALIZER(&fresh);
        struct ctrl_push *push = ctrl_push_create(GSC ":tsn1");
        struct ctrl_push *other = ctrl_push_create(GSC ":tsn1");
        struct sink sink = { .n = 0 };

        ctrl_push_start(push, model);
        for (size_t i = 0; i < n; i++) {
            assert_true(ctrl_push_next(push, sink_next(&sink)) > 0);
        }
        push_to(push, NETWORKS("101") "switches:\n"
                SWITCH("t2", "2", PORT("p1", "red", "2")) TSN, &sink);
        apply(&objects, &sink);
        sink_clear(&sink);
        push_to(other, NETWORKS("101") "switches:\n"
                SWITCH("t2", "2", PORT("p1", "red", "2")) TSN, &sink);
        apply(&fresh, &sink);
        sink_clear(&sink);
        assert_same_objects(&objects, &fresh);
        shash_destroy_free_data(&objects);
        shash_destroy_free_data(&fresh);
        ctrl_push_destroy(push);
        ctrl_push_destroy(other);
    }
    ctrl_model_destroy(model);
    ctrl_config_destroy(config);
}

static void
push__odd_names__escaped(void **state)
{
    static const char yaml[] =
        "networks:\n"
        "- {name: 'a&b <c> \"d\" ''e'' é', vni: 1}\n"
        "switches:\n"
        "- {name: 't&1', vtep: 10.0.1.1, ports: [\n"
        "    {name: 'p<1', network: 'a&b <c> \"d\" ''e'' é'}]}\n";
    struct shash objects = SHASH_INITIALIZER(&objects);
    struct ctrl_push *push = ctrl_push_create(GSC ":t&1");
    struct sink sink = { .n = 0 };

    push_to(push, yaml, &sink);
    apply(&objects, &sink);
    assert_non_null(shash_find(&objects, "physical-router " GSC ":t&1"));
    assert_non_null(shash_find(&objects, "virtual-network "
                               "default-domain:default-project:"
                               "a&b <c> \"d\" 'e' é"));
    assert_non_null(shash_find(&objects, "physical-interface " GSC
                               ":t&1:p<1"));
    sink_clear(&sink);
    shash_destroy_free_data(&objects);
    ctrl_push_destroy(push);
}

/* What our own clients make of it. */

static struct xmpp_view *
view_of(const char *name, const char *yaml)
{
    struct xmpp_graph *graph = xmpp_graph_create();
    struct ctrl_push *push = ctrl_push_create(name);
    struct sink sink = { .n = 0 };

    push_to(push, yaml, &sink);
    for (size_t i = 0; i < sink.n; i++) {
        struct xmpp_stanza st;
        struct tsn_err err;

        assert_int_equal(xmpp_stanza_parse(ds_cstr(&sink.stanzas[i]),
                                           sink.stanzas[i].length, &st,
                                           &err), 0);
        xmpp_graph_apply(graph, st.body);
        xmpp_stanza_fini(&st);
    }
    assert_int_equal(xmpp_graph_n_malformed(graph), 0);
    struct xmpp_view *view = xmpp_view_build(graph, name);
    sink_clear(&sink);
    ctrl_push_destroy(push);
    xmpp_graph_destroy(graph);
    return view;
}

static void
assert_ip(const struct in6_addr *ip, const char *expected)
{
    char text[TSN_IP_STRLEN];

    assert_string_equal(tsn_ip_is_set(ip) ? tsn_ip_format(ip, text) : "",
                        expected);
}

static void
push__our_client__sees_what_is_configured(void **state)
{
    static const char yaml[] =
        "hold-time: 30\n"
        "networks:\n"
        "- {name: blue, vni: 100, id: 7, flood-unknown-unicast: false,\n"
        "   mtu: 9000,\n"
        "   subnets: [{prefix: 192.0.2.0/24, gateway: 192.0.2.1,\n"
        "              dns: 192.0.2.2, dhcp: false,\n"
        "              options: [{name: '66', value: 'a&b <c>'},\n"
        "                        {name: domain-name, value: x.test}],\n"
        "              routes: [{prefix: 10.0.0.0/8, via: 192.0.2.9}]},\n"
        "             {prefix: '2001:db8::/64'}]}\n"
        "- {name: red, vni: 200}\n"
        "switches:\n"
        "- name: tor1\n"
        "  vtep: 10.0.1.1\n"
        "  ports:\n"
        "  - name: p1\n"
        "    vlan: 12\n"
        "    network: blue\n"
        "    servers:\n"
        "    - {name: bms1, mac: '02:bb:00:00:00:01', ip: 192.0.2.10,\n"
        "       options: [{name: '67', value: pxe.0}],\n"
        "       routes: [{prefix: 198.51.100.0/24, via: 192.0.2.8}]}\n"
        "    - {mac: '02:bb:00:00:00:02', ip: '2001:db8::2'}\n"
        "  - {name: p2, network: red}\n"
        "tsns:\n"
        "- {name: tsn1, address: 10.0.0.100}\n";

    for (int i = 0; i < 2; i++) {
        struct xmpp_view *view = view_of(i ? GSC ":tsn1" : GSC ":tor1",
                                         yaml);

        assert_int_equal(view->hold_s, 30);
        assert_true(view->graceful_restart);
        assert_int_equal(view->n_networks, 2);
        const struct xmpp_network *blue = view->networks[0];
        assert_string_equal(blue->instance,
                            "default-domain:default-project:blue:blue");
        assert_string_equal(blue->name,
                            "default-domain:default-project:blue");
        assert_int_equal(blue->id, 7);
        assert_int_equal(blue->vni, 100);
        assert_false(blue->flood_unknown_unicast);
        assert_int_equal(blue->n_subnets, 2);
        assert_ip(&blue->subnets[0].prefix, "192.0.2.0");
        assert_int_equal(blue->subnets[0].plen, 24);
        assert_ip(&blue->subnets[0].gateway, "192.0.2.1");
        assert_ip(&blue->subnets[0].dns_server, "192.0.2.2");
        assert_false(blue->subnets[0].enable_dhcp);
        assert_int_equal(blue->mtu, 9000);
        assert_int_equal(blue->subnets[0].n_options, 2);
        assert_string_equal(blue->subnets[0].options[0].name, "66");
        assert_string_equal(blue->subnets[0].options[0].value, "a&b <c>");
        assert_int_equal(blue->subnets[0].n_host_routes, 1);
        assert_ip(&blue->subnets[0].host_routes[0].prefix.ip, "10.0.0.0");
        assert_int_equal(blue->subnets[0].host_routes[0].prefix.plen, 8);
        assert_ip(&blue->subnets[0].host_routes[0].next_hop, "192.0.2.9");
        assert_int_equal(view->n_bad, 0);
        assert_ip(&blue->subnets[1].prefix, "2001:db8::");
        assert_ip(&blue->subnets[1].gateway, "");
        assert_true(blue->subnets[1].enable_dhcp);
        assert_true(view->networks[1]->flood_unknown_unicast);

        assert_int_equal(view->n_switches, 1);
        assert_string_equal(view->switches[0]->name, "tor1");
        assert_ip(&view->switches[0]->vtep, "10.0.1.1");

        assert_int_equal(view->n_ports, 3);
        assert_string_equal(view->ports[0]->port, "p1");
        assert_int_equal(view->ports[0]->vlan, 12);
        assert_string_equal(view->ports[0]->vmi->display_name, "bms1");
        assert_int_equal(eth_addr_to_uint64(view->ports[0]->vmi->mac),
                         0x02bb00000001);
        assert_ip(&view->ports[0]->vmi->ip4, "192.0.2.10");
        assert_ptr_equal(view->ports[0]->vmi->network, blue);
        assert_int_equal(view->ports[0]->vmi->n_options, 1);
        assert_string_equal(view->ports[0]->vmi->options[0].value, "pxe.0");
        assert_int_equal(view->ports[0]->vmi->n_host_routes, 1);
        assert_ip(&view->ports[0]->vmi->host_routes[0].next_hop, "192.0.2.8");
        assert_int_equal(view->ports[1]->vmi->n_options, 0);
        assert_ip(&view->ports[1]->vmi->ip6, "2001:db8::2");
        assert_string_equal(view->ports[2]->port, "p2");
        assert_int_equal(view->ports[2]->vlan, 0);
        assert_ptr_equal(view->ports[2]->vmi->network, view->networks[1]);
        xmpp_view_destroy(view);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(push__recorded_tor_agent__same_bytes),
        cmocka_unit_test(push__recorded_tsn__same_objects),
        cmocka_unit_test(push__any_change__client_gets_there),
        cmocka_unit_test(push__one_property__one_node),
        cmocka_unit_test(push__another_change_half_way__client_gets_there),
        cmocka_unit_test(push__odd_names__escaped),
        cmocka_unit_test(push__our_client__sees_what_is_configured),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
