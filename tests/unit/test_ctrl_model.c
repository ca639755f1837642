/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "controller/model.h"
#include "ctrl_fixture.h"
#include "uuid.h"

#define GSC "default-global-system-config"

static const char yaml[] =
    "networks:\n"
    "- {name: blue, vni: 100, subnets: [{prefix: 192.0.2.0/24}]}\n"
    "- {name: red, vni: 200}\n"
    "- {name: green, vni: 300}\n"
    "switches:\n"
    "- name: tor1\n"
    "  vtep: 10.0.1.1\n"
    "  agent: tor1-agent\n"
    "  standby-agent: tor1-b\n"
    "  ports:\n"
    "  - name: p1\n"
    "    network: blue\n"
    "    servers:\n"
    "    - {name: bms1, mac: '02:bb:00:00:00:01', ip: 192.0.2.10}\n"
    "    - {mac: '02:bb:00:00:00:02'}\n"
    "- name: tor2\n"
    "  vtep: 10.0.1.2\n"
    "  ports:\n"
    "  - {name: 'p:1', vlan: 7, network: red}\n"
    "hosts:\n"
    "- {name: h, vtep: 10.0.0.1, networks: [green]}\n"
    "tsns:\n"
    "- {name: tsn1, address: 10.0.0.100}\n"
    "- {name: tsn2, address: 10.0.0.101, switches: [tor2]}\n";

static struct ctrl_config *config;
static struct ctrl_model *model;

static int
setup(void **state)
{
    config = ctrl_fixture_config(yaml);
    model = ctrl_model_create(config);
    return 0;
}

static int
teardown(void **state)
{
    ctrl_model_destroy(model);
    ctrl_config_destroy(config);
    return 0;
}

/* Counts what a walk meets, and checks its order. */
struct walk {
    struct ds nodes;            /* "TYPE NAME\n" for each. */
    size_t n_links;
};

static void
walk_cb(const struct ctrl_node *node, const struct ctrl_link *link,
        void *walk_)
{
    struct walk *walk = walk_;

    assert_true(!node != !link);
    for (int i = 0; i < 2; i++) {
        const struct ctrl_node *n = node ? node : link->ends[i];
        char *line = xasprintf("%s %s\n", n->type, n->name);

        /* A node once, a link after both its ends. */
        assert_int_equal(!strstr(ds_cstr(&walk->nodes), line), node != NULL);
        if (node) {
            ds_put_cstr(&walk->nodes, line);
        }
        free(line);
        if (node) {
            return;
        }
    }
    walk->n_links++;
}

static char *
walk(const char *name, size_t *n_links)
{
    struct walk walk = { .nodes = DS_EMPTY_INITIALIZER };

    ctrl_model_walk(model, name, walk_cb, &walk);
    *n_links = walk.n_links;
    return ds_steal_cstr(&walk.nodes);
}

static bool
has_edge(const char *type, const char *name, const char *link,
         const char *other)
{
    const struct ctrl_node *node = ctrl_model_find(model, type, name);

    assert_non_null(node);
    for (size_t i = 0; i < node->n_edges; i++) {
        if (!strcmp(node->edges[i].link->type, link)
            && !strcmp(node->edges[i].other->name, other)) {
            return true;
        }
    }
    return false;
}

static void
model__tor_agent__its_own_switch(void **state)
{
    size_t n_links;
    char *nodes = walk(GSC ":tor1-agent", &n_links);

    /* The start is in the middle of nothing: breadth first. */
    static const char begin[] =
        "virtual-router " GSC ":tor1-agent\n"
        "global-system-config " GSC "\n"
        "physical-router " GSC ":tor1\n"
        "global-vrouter-config " GSC ":default-global-vrouter-config\n"
        "physical-interface " GSC ":tor1:p1\n"
        "logical-interface " GSC ":tor1:p1:p1.0\n"
        "virtual-machine-interface "
        "default-domain:default-project:tor1-p1-0-02bb00000001\n"
        "virtual-machine-interface "
        "default-domain:default-project:tor1-p1-0-02bb00000002\n"
        "instance-ip ";
    assert_memory_equal(nodes, begin, strlen(begin));
    assert_non_null(strstr(nodes, "virtual-network "
                           "default-domain:default-project:blue\n"));
    assert_non_null(strstr(nodes, "routing-instance "
                           "default-domain:default-project:blue:blue\n"));
    assert_non_null(strstr(nodes, "network-ipam "
                           "default-domain:default-project:"
                           "default-network-ipam\n"));
    assert_non_null(strstr(nodes, "virtual-network-network-ipam "
                           "attr(default-domain:default-project:blue,"
                           "default-domain:default-project:"
                           "default-network-ipam)\n"));
    assert_non_null(strstr(nodes, "virtual-machine-interface-routing-instance "
                           "attr(default-domain:default-project:blue:blue,"
                           "default-domain:default-project:"
                           "tor1-p1-0-02bb00000001)\n"));
    assert_null(strstr(nodes, "tor2"));
    assert_null(strstr(nodes, "tsn"));
    assert_null(strstr(nodes, "red"));
    /* 5 down to the LI, 2 to VMIs, 2 to IP, 1 project, 4 attr, 2 VN; VN: RI,
     * project, 2 to IPAM. */
    assert_int_equal(n_links, 21);
    free(nodes);
}

static void
model__standby_agent__the_same_as_the_other(void **state)
{
    size_t n_links, n_standby_links;
    char *nodes = walk(GSC ":tor1-agent", &n_links);
    char *standby = walk(GSC ":tor1-b", &n_standby_links);

    assert_non_null(strstr(standby, "physical-router " GSC ":tor1\n"));
    assert_non_null(strstr(standby, "virtual-router " GSC ":tor1-b\n"));
    assert_null(strstr(standby, "tor1-agent"));
    assert_null(strstr(nodes, "tor1-b"));
    assert_int_equal(n_links, n_standby_links);
    free(nodes);
    free(standby);
}

static void
model__agent_of_two_switches__both(void **state)
{
    struct ctrl_config *c = ctrl_fixture_config(
        "networks:\n"
        "- {name: blue, vni: 100}\n"
        "switches:\n"
        "- {name: leaf1, vtep: 10.0.1.1, agent: cvx, standby-agent: cvx-b,\n"
        "   ports: [{name: p1, network: blue}]}\n"
        "- {name: leaf2, vtep: 10.0.1.2, agent: cvx, standby-agent: cvx-b}\n");
    struct ctrl_model *m = ctrl_model_create(c);
    static const char *const agents[] = { GSC ":cvx", GSC ":cvx-b" };

    for (size_t i = 0; i < ARRAY_SIZE(agents); i++) {
        struct walk walk = { .nodes = DS_EMPTY_INITIALIZER };
        ctrl_model_walk(m, agents[i], walk_cb, &walk);
        const char *nodes = ds_cstr(&walk.nodes);
        assert_non_null(strstr(nodes, "physical-router " GSC ":leaf1\n"));
        assert_non_null(strstr(nodes, "physical-router " GSC ":leaf2\n"));
        assert_non_null(strstr(nodes, ":blue:blue\n"));
        ds_destroy(&walk.nodes);
    }
    ctrl_model_destroy(m);
    ctrl_config_destroy(c);
}

static void
model__tsn__the_switches_that_it_serves(void **state)
{
    size_t n_links;

    char *nodes = walk(GSC ":tsn1", &n_links);
    assert_non_null(strstr(nodes, "physical-router " GSC ":tor1\n"));
    assert_non_null(strstr(nodes, "physical-router " GSC ":tor2\n"));
    assert_non_null(strstr(nodes, ":blue:blue\n"));
    assert_non_null(strstr(nodes, ":red:red\n"));
    assert_null(strstr(nodes, "agent"));
    assert_null(strstr(nodes, "virtual-router " GSC ":tor2\n"));
    /* Nothing bare-metal is in it. */
    assert_null(strstr(nodes, "green"));
    free(nodes);

    nodes = walk(GSC ":tsn2", &n_links);
    assert_null(strstr(nodes, "tor1"));
    assert_null(strstr(nodes, "blue"));
    assert_non_null(strstr(nodes, "logical-interface " GSC
                           ":tor2:p:1:p:1.7\n"));
    assert_non_null(strstr(nodes, ":red:red\n"));
    free(nodes);
}

static void
model__unknown_name__nothing(void **state)
{
    size_t n_links;
    char *nodes = walk(GSC ":h", &n_links);

    assert_string_equal(nodes, "");
    assert_int_equal(n_links, 0);
    free(nodes);
}

static void
model__port_without_server__binds_its_network(void **state)
{
    static const char vmi[] = "default-domain:default-project:tor2-p:1-7";
    const struct ctrl_node *node
        = ctrl_model_find(model, "virtual-machine-interface", vmi);

    assert_non_null(node);
    assert_string_equal(node->display_name, "tor2-p:1-7");
    assert_null(strstr(node->properties, "mac-address"));
    assert_true(has_edge("virtual-machine-interface", vmi,
                         "virtual-machine-interface-virtual-network",
                         "default-domain:default-project:red"));
}

static void
model__server__its_name_mac_and_address(void **state)
{
    static const char vmi[]
        = "default-domain:default-project:tor1-p1-0-02bb00000001";
    const struct ctrl_node *node
        = ctrl_model_find(model, "virtual-machine-interface", vmi);

    assert_string_equal(node->display_name, "bms1");
    assert_non_null(strstr(node->properties,
                           "<mac-address>02:bb:00:00:00:01</mac-address>"));
    for (size_t i = 0; i < node->n_edges; i++) {
        if (!strcmp(node->edges[i].other->type, "instance-ip")) {
            assert_non_null(strstr(node->edges[i].other->properties,
                                   "<instance-ip-address>192.0.2.10<"));
            return;
        }
    }
    fail_msg("no instance-ip");
}

static void
model__properties__as_configured(void **state)
{
    const struct ctrl_node *node;

    node = ctrl_model_find(model, "virtual-network",
                           "default-domain:default-project:blue");
    assert_non_null(strstr(node->properties,
                           "<vxlan-network-identifier>100<"));
    assert_non_null(strstr(node->properties,
                           "<virtual-network-network-id>100<"));
    assert_non_null(strstr(node->properties, "<flood-unknown-unicast>true<"));

    node = ctrl_model_find(model, "physical-router", GSC ":tor1");
    assert_string_equal(node->display_name, "tor1");
    assert_non_null(strstr(node->properties,
                           "<physical-router-dataplane-ip>10.0.1.1<"));

    node = ctrl_model_find(model, "virtual-router", GSC ":tsn2");
    assert_non_null(strstr(node->properties, ">tor-service-node<"));
    assert_non_null(strstr(node->properties, ">10.0.0.101<"));
    node = ctrl_model_find(model, "virtual-router", GSC ":tor1-agent");
    assert_non_null(strstr(node->properties, ">tor-agent<"));

    node = ctrl_model_find(model, "logical-interface",
                           GSC ":tor1:p1:p1.0");
    assert_string_equal(node->display_name, "p1.0");
    assert_non_null(strstr(node->properties,
                           "<logical-interface-vlan-tag>0<"));

    node = ctrl_model_find(model, "global-system-config", GSC);
    assert_null(strstr(node->properties, "fast-convergence"));
}

static void
model__graceful_restart__told_to_the_clients(void **state)
{
    static const struct { const char *yaml, *expected; } cases[] = {
        { "graceful-restart: {enable: false}\n", "" },
        { "graceful-restart: {xmpp-helper: false, restart-time: 1,\n"
          "  long-lived-restart-time: 2, end-of-rib-timeout: 3}\n",
          "<graceful-restart-parameters><enable>true</enable>"
          "<restart-time>1</restart-time>"
          "<long-lived-restart-time>2</long-lived-restart-time>"
          "<end-of-rib-timeout>3</end-of-rib-timeout>"
          "<bgp-helper-enable>false</bgp-helper-enable>"
          "<xmpp-helper-enable>false</xmpp-helper-enable>"
          "</graceful-restart-parameters>" },
        { "networks: []\n",
          "<graceful-restart-parameters><enable>true</enable>"
          "<restart-time>300</restart-time>"
          "<long-lived-restart-time>300</long-lived-restart-time>"
          "<end-of-rib-timeout>300</end-of-rib-timeout>"
          "<bgp-helper-enable>false</bgp-helper-enable>"
          "<xmpp-helper-enable>true</xmpp-helper-enable>"
          "</graceful-restart-parameters>" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct ctrl_config *c = ctrl_fixture_config(cases[i].yaml);
        struct ctrl_model *m = ctrl_model_create(c);
        const struct ctrl_node *gsc
            = ctrl_model_find(m, "global-system-config", GSC);
        struct ds text = DS_EMPTY_INITIALIZER;

        for (const char *p = gsc->properties; *p; p++) {
            if (!strchr("\t\n", *p)) {
                ds_put_char(&text, *p);
            }
        }
        char *expected = xasprintf("<autonomous-system>64512"
                                   "</autonomous-system>%s",
                                   cases[i].expected);
        assert_string_equal(ds_cstr(&text), expected);
        free(expected);
        ds_destroy(&text);
        ctrl_model_destroy(m);
        ctrl_config_destroy(c);
    }
}

static void
model__hold_time__told_to_the_clients(void **state)
{
    struct ctrl_config *c = ctrl_fixture_config("hold-time: 9\n");
    struct ctrl_model *m = ctrl_model_create(c);
    const struct ctrl_node *gsc = ctrl_model_find(m, "global-system-config",
                                                  GSC);

    assert_non_null(strstr(gsc->properties, "<enable>true</enable>"));
    assert_non_null(strstr(gsc->properties,
                           "<xmpp-hold-time>9</xmpp-hold-time>"));
    ctrl_model_destroy(m);
    ctrl_config_destroy(c);
}

static void
model__uuid__stable_and_of_version_5(void **state)
{
    struct uuid a, b;

    ctrl_object_uuid("virtual-network", "x", &a);
    ctrl_object_uuid("virtual-network", "x", &b);
    assert_true(uuid_equals(&a, &b));
    assert_int_equal(a.parts[1] >> 12 & 0xf, 5);
    assert_int_equal(a.parts[2] >> 30, 2);
    /* Of this very value: another one renames every Logical_Switch. */
    char text[UUID_LEN + 1];
    snprintf(text, sizeof text, UUID_FMT, UUID_ARGS(&a));
    assert_string_equal(text, "b9ffe75c-2c50-5498-a67c-bdb83bc98358");

    ctrl_object_uuid("virtual-network", "y", &b);
    assert_false(uuid_equals(&a, &b));
    ctrl_object_uuid("virtual-networkx", "", &b);
    assert_false(uuid_equals(&a, &b));
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(model__tor_agent__its_own_switch),
        TEST(model__standby_agent__the_same_as_the_other),
        TEST(model__agent_of_two_switches__both),
        TEST(model__tsn__the_switches_that_it_serves),
        TEST(model__unknown_name__nothing),
        TEST(model__port_without_server__binds_its_network),
        TEST(model__server__its_name_mac_and_address),
        TEST(model__properties__as_configured),
        TEST(model__hold_time__told_to_the_clients),
        TEST(model__graceful_restart__told_to_the_clients),
        TEST(model__uuid__stable_and_of_version_5),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
