/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "xmpp/graph.h"

#include "tests/unit/xmpp-config.h"
#include "xmpp/graph-private.h"

#define VMI100 "default-domain:admin:vmi-tor1-100"
#define VMI300 "default-domain:admin:vmi-tor1-300"
#define VN1 "default-domain:admin:vn1"
#define VMI "virtual-machine-interface"
#define VN "virtual-network"
#define VMI_VN "virtual-machine-interface-virtual-network"

static int
setup(void **state)
{
    *state = xmpp_graph_create();
    return 0;
}

static int
teardown(void **state)
{
    xmpp_graph_destroy(*state);
    return 0;
}

static void
add_name(const struct xmpp_gnode *node, void *s)
{
    ds_put_format(s, "%s ", xmpp_gnode_name(node));
}

static void
assert_neighbours(const struct xmpp_graph *g, const char *type,
                  const char *name, const char *link,
                  const char *neighbour_type, const char *want)
{
    const struct xmpp_gnode *node = xmpp_graph_find(g, type, name);
    struct ds s = DS_EMPTY_INITIALIZER;

    assert_non_null(node);
    xmpp_gnode_for_each_neighbour(node, link, neighbour_type, add_name, &s);
    assert_string_equal(ds_cstr(&s), want);

    const struct xmpp_gnode *first = xmpp_gnode_neighbour(node, link,
                                                          neighbour_type);
    assert_int_equal(!*want, !first);
    if (first) {
        assert_ptr_equal(strstr(want, xmpp_gnode_name(first)), want);
    }
    ds_destroy(&s);
}

static void
assert_nodes(const struct xmpp_graph *g, const char *type, const char *want)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    xmpp_graph_for_each(g, type, add_name, &s);
    assert_string_equal(ds_cstr(&s), want);
    ds_destroy(&s);
}

static void
graph__recorded__nodes_and_links(void **state)
{
    struct xmpp_graph *g = *state;
    char uuid[XMPP_UUID_STRLEN];

    assert_true(apply_file(g, "config-tor.xml") > 20);
    assert_int_equal(xmpp_graph_n_malformed(g), 0);
    assert_nodes(g, VN, VN1 " default-domain:admin:vn2 ");
    assert_nodes(g, "logical-interface",
                 "default-global-system-config:tor1:eth0:eth0.100 "
                 "default-global-system-config:tor1:eth0:eth0.200 ");
    assert_nodes(g, "nothing", "");

    const struct xmpp_gnode *vn = xmpp_graph_find(g, VN, VN1);
    assert_string_equal(xmpp_gnode_type(vn), VN);
    assert_string_equal(xmpp_node_text(xmpp_gnode_xml(vn),
                                       "virtual-network-network-id"), "5");
    assert_true(xmpp_gnode_uuid(vn, uuid));
    /* 7099650978657490720, 12691342119511562335 */
    assert_string_equal(uuid, "628706f3-1422-5720-b020-b46a8470985f");

    assert_neighbours(g, VMI, VMI100, VMI_VN, NULL, VN1 " ");
    assert_neighbours(g, VMI, VMI100, VMI_VN, "project", "");
    assert_neighbours(g, VN, VN1, "virtual-network-routing-instance", NULL,
                      VN1 ":vn1 ");
    assert_neighbours(g, VMI, VMI100,
                      "virtual-machine-interface-routing-instance", NULL,
                      "attr(" VMI100 "," VN1 ":vn1) ");
}

static void
graph__recorded_twice__unchanged(void **state)
{
    struct xmpp_graph *g = *state;

    apply_file(g, "config-tor.xml");
    size_t n_nodes = xmpp_graph_n_nodes(g);
    uint64_t seqno = xmpp_graph_seqno(g);
    assert_int_equal(apply_file(g, "config-tor.xml"), 0);
    assert_int_equal(xmpp_graph_seqno(g), seqno);
    assert_int_equal(xmpp_graph_n_nodes(g), n_nodes);
}

static void
graph__recorded_changes__followed(void **state)
{
    struct xmpp_graph *g = *state;

    apply_file(g, "config-tor.xml");
    size_t n_nodes = xmpp_graph_n_nodes(g);

    apply_file(g, "config-add.xml");
    assert_int_equal(xmpp_graph_n_nodes(g), n_nodes + 3);
    assert_neighbours(g, VMI, VMI300, VMI_VN, VN, VN1 " ");
    assert_neighbours(g, VN, VN1, VMI_VN, VMI, VMI100 " " VMI300 " ");

    assert_int_equal(apply_file(g, "config-vni.xml"), 1);
    assert_string_equal(
        xmpp_node_text(xmpp_node_child(
            xmpp_gnode_xml(xmpp_graph_find(g, VN, VN1)),
            "virtual-network-properties"), "vxlan-network-identifier"),
        "5055");

    apply_file(g, "config-remove.xml");
    assert_int_equal(xmpp_graph_n_nodes(g), n_nodes);
    assert_null(xmpp_graph_find(g, VMI, VMI300));
    assert_neighbours(g, VN, VN1, VMI_VN, VMI, VMI100 " ");
}

static void
graph__recorded_vm__all_gone_again(void **state)
{
    struct xmpp_graph *g = *state;

    apply_file(g, "config-vm.xml");
    assert_non_null(xmpp_graph_find(g, VMI,
                                    "default-domain:admin:vmi-compute1"));
    apply_file(g, "config-vm-gone.xml");
    assert_nodes(g, VMI, "");
    assert_nodes(g, VN, "");
    assert_nodes(g, "project", "");
    assert_int_equal(xmpp_graph_n_nodes(g), 3);
}

static void
graph__recorded_names__unescaped(void **state)
{
    struct xmpp_graph *g = *state;

    apply_file(g, "config-names.xml");
    assert_non_null(xmpp_graph_find(
        g, VN, "default-domain:admin:a&b <c> \"d\" 'e' \xc3\xa9"));
}

static void
graph__update__replaces_all_properties(void **state)
{
    struct xmpp_graph *g = *state;

    assert_int_equal(apply_objects(g, "update",
                                   NODE("t", "a", "<x>1</x><y>2</y>")), 1);
    assert_int_equal(apply_objects(g, "update",
                                   NODE("t", "a", "<y>3</y>")), 1);
    const struct xmpp_node *xml = xmpp_gnode_xml(xmpp_graph_find(g, "t",
                                                                 "a"));
    assert_null(xmpp_node_child(xml, "x"));
    assert_string_equal(xmpp_node_text(xml, "y"), "3");
    assert_string_equal(xmpp_node_attr(xml, "type"), "t");
    assert_int_equal(xmpp_graph_n_nodes(g), 1);
}

static void
graph__similar_properties__change(void **state)
{
    /* Each differs from the one before it in one respect. */
    static const char *const variants[] = {
        "<x><y/><z/></x>",
        "<x><y><z/></y></x>",
        "<x><y/></x><z/>",
        "<x><y/></x><w/>",
        "<x><y/></x><w>1</w>",
        "<x><y/></x><w a='1'/>",
        "<x><y/></x><w b='1'/>",
        "<x><y/></x><w b='2'/>",
        "<x><y/></x><w b='2' c='3'/>",
    };
    struct xmpp_graph *g = *state;

    for (size_t i = 0; i < ARRAY_SIZE(variants); i++) {
        char *s = xasprintf(NODE("t", "a", "%s"), variants[i]);

        assert_int_equal(apply_objects(g, "update", s), 1);
        assert_int_equal(apply_objects(g, "update", s), 0);
        free(s);
    }
}

static void
graph__properties_of_no_use__not_kept(void **state)
{
    struct xmpp_graph *g = *state;

    assert_int_equal(apply_objects(
        g, "update",
        NODE("t", "a", "<perms2><owner>x</owner></perms2><annotations/>"
             "<id-perms><enable>true</enable><uuid>"
             "<uuid-mslong>1</uuid-mslong><uuid-lslong>2</uuid-lslong>"
             "</uuid><last-modified>2026</last-modified></id-perms>"
             "<uuid>3</uuid><perms>4</perms>")), 1);
    /* A change in them is none. */
    assert_int_equal(apply_objects(
        g, "update",
        NODE("t", "a", "<id-perms><uuid>"
             "<uuid-mslong>1</uuid-mslong><uuid-lslong>2</uuid-lslong>"
             "</uuid><last-modified>2027</last-modified></id-perms>"
             "<uuid>3</uuid><perms>4</perms>")), 0);

    const struct xmpp_gnode *node = xmpp_graph_find(g, "t", "a");
    char uuid[XMPP_UUID_STRLEN];
    assert_true(xmpp_gnode_uuid(node, uuid));
    assert_string_equal(uuid, "00000000-0000-0001-0000-000000000002");
    assert_string_equal(xmpp_node_text(xmpp_gnode_xml(node), "uuid"), "3");
    assert_string_equal(xmpp_node_text(xmpp_gnode_xml(node), "perms"), "4");
}

static void
graph__uuid__only_a_good_one(void **state)
{
    static const struct {
        const char *ms, *ls, *want;
    } cases[] = {
        { "18446744073709551615", "0",
          "ffffffff-ffff-ffff-0000-000000000000" },
        { "81985529216486895", "1311768467463790320",
          "01234567-89ab-cdef-1234-56789abcdef0" },
        { "0", "0", NULL },
        { "", "", NULL },
        { "x", "1", NULL },
        { "1", "-1", NULL },
        { "1", "18446744073709551616", NULL },
    };
    struct xmpp_graph *g = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char *s = xasprintf(
            NODE("t", "a", "<id-perms><uuid><uuid-mslong>%s</uuid-mslong>"
                 "<uuid-lslong>%s</uuid-lslong></uuid></id-perms>"),
            cases[i].ms, cases[i].ls);
        char uuid[XMPP_UUID_STRLEN];

        apply_objects(g, "update", s);
        const struct xmpp_gnode *node = xmpp_graph_find(g, "t", "a");
        if (cases[i].want) {
            assert_true(xmpp_gnode_uuid(node, uuid));
            assert_string_equal(uuid, cases[i].want);
        } else {
            assert_false(xmpp_gnode_uuid(node, uuid));
        }
        free(s);
    }
}

static void
graph__link_before_nodes__waits(void **state)
{
    struct xmpp_graph *g = *state;

    assert_int_equal(apply_objects(g, "update",
                                   LINK("l", "t", "a", "u", "b")), 1);
    assert_int_equal(xmpp_graph_n_nodes(g), 0);
    assert_null(xmpp_graph_find(g, "t", "a"));
    assert_nodes(g, "t", "");

    apply_objects(g, "update", NODE("t", "a", ""));
    assert_neighbours(g, "t", "a", "l", NULL, "");
    apply_objects(g, "update", NODE("u", "b", ""));
    assert_neighbours(g, "t", "a", "l", NULL, "b ");
    assert_neighbours(g, "u", "b", "l", NULL, "a ");
}

static void
graph__link_either_way_round__same(void **state)
{
    struct xmpp_graph *g = *state;

    apply_objects(g, "update", NODE("t", "a", "") NODE("u", "b", ""));
    assert_int_equal(apply_objects(g, "update",
                                   LINK("l", "t", "a", "u", "b")), 1);
    assert_int_equal(apply_objects(g, "update",
                                   LINK("l", "u", "b", "t", "a")), 0);
    /* Another type is another link. */
    assert_int_equal(apply_objects(g, "update",
                                   LINK("m", "u", "b", "t", "a")), 1);
    assert_int_equal(apply_objects(g, "delete",
                                   LINK("l", "u", "b", "t", "a")), 1);
    assert_neighbours(g, "t", "a", "l", NULL, "");
    assert_neighbours(g, "t", "a", "m", NULL, "b ");
}

static void
graph__same_name_of_two_types__two_nodes(void **state)
{
    struct xmpp_graph *g = *state;

    apply_objects(g, "update", NODE("t", "a", "<x>1</x>")
                  NODE("u", "a", "<x>2</x>") LINK("l", "t", "a", "u", "a"));
    assert_int_equal(xmpp_graph_n_nodes(g), 2);
    assert_neighbours(g, "t", "a", "l", "u", "a ");
    assert_neighbours(g, "t", "a", "l", "t", "");
}

static void
graph__node_deleted_before_link__link_waits_again(void **state)
{
    struct xmpp_graph *g = *state;

    apply_objects(g, "update", NODE("t", "a", "") NODE("u", "b", "")
                  LINK("l", "t", "a", "u", "b"));
    assert_int_equal(apply_objects(g, "delete", NODE("u", "b", "")), 1);
    assert_int_equal(apply_objects(g, "delete", NODE("u", "b", "")), 0);
    assert_neighbours(g, "t", "a", "l", NULL, "");
    apply_objects(g, "update", NODE("u", "b", ""));
    assert_neighbours(g, "t", "a", "l", NULL, "b ");
}

static void
graph__delete_of_unknown__ignored(void **state)
{
    struct xmpp_graph *g = *state;

    assert_int_equal(apply_objects(g, "delete", NODE("t", "a", "")
                                   LINK("l", "t", "a", "u", "b")), 0);
    assert_int_equal(xmpp_graph_seqno(g), 0);
    assert_int_equal(xmpp_graph_n_malformed(g), 0);
}

static void
graph__several_blocks__in_order(void **state)
{
    static const char s[] =
        "<config><update>" NODE("t", "a", "<x>1</x>") "</update>"
        "<delete>" NODE("t", "a", "") "</delete>"
        "<other>" NODE("t", "b", "") "</other>"
        "<update><other/>" NODE("t", "a", "<x>2</x>") "</update></config>";
    struct xmpp_graph *g = *state;

    assert_int_equal(apply(g, s, sizeof s - 1), 3);
    assert_nodes(g, "t", "a ");
    assert_string_equal(xmpp_node_text(xmpp_gnode_xml(
        xmpp_graph_find(g, "t", "a")), "x"), "2");
}

static void
graph__malformed__skipped_and_counted(void **state)
{
    static const char *const bad[] = {
        "<node/>",
        "<node type='t'/>",
        "<node type='t'><name/></node>",
        "<node type=''><name>a</name></node>",
        "<node><name>a</name></node>",
        "<link/>",
        "<link>" NODE("t", "a", "") "<metadata type='l'/></link>",
        "<link>" NODE("t", "a", "") NODE("t", "b", "") "</link>",
        "<link>" NODE("t", "a", "") NODE("t", "b", "") "<metadata/></link>",
        "<link>" NODE("t", "a", "") "<node/><metadata type='l'/></link>",
        "<link>" NODE("t", "a", "") NODE("t", "b", "") NODE("t", "c", "")
        "<metadata type='l'/></link>",
        LINK("l", "t", "a", "t", "a"),
    };
    struct xmpp_graph *g = *state;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        char *s = xasprintf("%s" NODE("t", "good%"PRIuSIZE, ""), bad[i], i);

        assert_int_equal(apply_objects(g, "update", s), 1);
        assert_int_equal(xmpp_graph_n_malformed(g), i + 1);
        free(s);
    }
    assert_int_equal(xmpp_graph_n_nodes(g), ARRAY_SIZE(bad));
    assert_int_equal(xmpp_graph_apply(g, NULL), 0);
}

static void
graph__sweep__removes_what_was_not_sent_again(void **state)
{
    struct xmpp_graph *g = *state;

    apply_objects(g, "update",
                  NODE("t", "a", "") NODE("t", "b", "") NODE("t", "c", "")
                  LINK("l", "t", "a", "t", "b") LINK("l", "t", "b", "t", "c")
                  LINK("l", "t", "c", "t", "gone"));
    uint64_t seqno = xmpp_graph_seqno(g);
    assert_int_equal(xmpp_graph_sweep(g), 0);

    xmpp_graph_mark_stale(g);
    assert_int_equal(xmpp_graph_seqno(g), seqno);
    assert_int_equal(xmpp_graph_n_nodes(g), 3);
    apply_objects(g, "update", NODE("t", "a", "") NODE("t", "b", "")
                  LINK("l", "t", "b", "t", "a"));
    assert_int_equal(xmpp_graph_seqno(g), seqno);

    assert_int_equal(xmpp_graph_sweep(g), 3);
    assert_true(xmpp_graph_seqno(g) > seqno);
    assert_nodes(g, "t", "a b ");
    assert_neighbours(g, "t", "b", "l", NULL, "a ");
    assert_int_equal(xmpp_graph_sweep(g), 0);

    xmpp_graph_mark_stale(g);
    assert_int_equal(xmpp_graph_sweep(g), 3);
    assert_int_equal(xmpp_graph_n_nodes(g), 0);
}

static void
graph__many_neighbours__in_name_order(void **state)
{
    struct xmpp_graph *g = *state;
    struct ds want = DS_EMPTY_INITIALIZER;

    apply_objects(g, "update", NODE("t", "hub", ""));
    for (int i = 99; i >= 0; i--) {
        char *s = xasprintf(NODE("u", "n%02d", "")
                            LINK("l", "t", "hub", "u", "n%02d"), i, i);

        apply_objects(g, "update", s);
        free(s);
    }
    for (int i = 0; i < 100; i++) {
        ds_put_format(&want, "n%02d ", i);
    }
    assert_neighbours(g, "t", "hub", "l", "u", ds_cstr(&want));
    assert_nodes(g, "u", ds_cstr(&want));
    ds_destroy(&want);
}

/* A name that many share is kept once, and each may be long. */
static void
graph__long_names_of_types__within_limit(void **state)
{
    struct xmpp_graph *g = *state;
    char *type = xmalloc(10001);

    memset(type, 'a', 10000);
    type[10000] = '\0';
    char *node = xasprintf("<node type=\"%s\"><name>n</name></node>", type);
    char *link = xasprintf(LINK("%s", "t", "a", "t", "b"), type);

    g->n_bytes = XMPP_GRAPH_MAX_BYTES - 10000;
    apply_objects(g, "update", link);
    apply_objects(g, "update", node);
    assert_int_equal(xmpp_graph_n_malformed(g), 1);
    assert_int_equal(xmpp_graph_n_nodes(g), 0);

    apply_objects(g, "delete", link);
    g->n_bytes -= XMPP_GRAPH_MAX_BYTES - 20000;
    apply_objects(g, "update", node);
    assert_int_equal(xmpp_graph_n_nodes(g), 1);
    assert_true(g->n_bytes + g->names.n_bytes > 20000);
    apply_objects(g, "delete", node);
    assert_int_equal(g->n_bytes, 10000);
    free(link);
    free(node);
    free(type);
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(graph__recorded__nodes_and_links),
        TEST(graph__recorded_twice__unchanged),
        TEST(graph__recorded_changes__followed),
        TEST(graph__recorded_vm__all_gone_again),
        TEST(graph__recorded_names__unescaped),
        TEST(graph__update__replaces_all_properties),
        TEST(graph__similar_properties__change),
        TEST(graph__properties_of_no_use__not_kept),
        TEST(graph__uuid__only_a_good_one),
        TEST(graph__link_before_nodes__waits),
        TEST(graph__link_either_way_round__same),
        TEST(graph__same_name_of_two_types__two_nodes),
        TEST(graph__node_deleted_before_link__link_waits_again),
        TEST(graph__delete_of_unknown__ignored),
        TEST(graph__several_blocks__in_order),
        TEST(graph__malformed__skipped_and_counted),
        TEST(graph__sweep__removes_what_was_not_sent_again),
        TEST(graph__many_neighbours__in_name_order),
        TEST(graph__long_names_of_types__within_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
