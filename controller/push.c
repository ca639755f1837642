/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "controller/push.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/hmap.h"
#include "sha1.h"
#include "util.h"

#include "controller/model.h"
#include "xmpp/stanza.h"
#include "xmpp/xml.h"

/* An object that the client has. */
struct sent {
    struct hmap_node hmap_node;     /* In struct ctrl_push, by 'ref'. */
    char *ref;                      /* What names it in a <delete>. */
    uint8_t digest[SHA1_DIGEST_SIZE];   /* Of its <update>. */
    bool is_link;
    bool wanted;                    /* By the model at hand. */
};

struct ctrl_push {
    char *name;
    struct hmap sent;
};

enum block { BLOCK_NONE, BLOCK_UPDATE, BLOCK_DELETE };
static const char *const block_names[] = { "", "update", "delete" };

/* Collects objects into stanzas. */
struct writer {
    struct ctrl_push *push;
    ctrl_push_send_fn *send;
    void *aux;
    struct ds ds;
    struct ds ref, text;            /* Of the object at hand. */
    enum block block;
    size_t n;                       /* Objects in this stanza. */
    size_t total;                   /* Nodes and links in all. */
};

struct ctrl_push *
ctrl_push_create(const char *name)
{
    struct ctrl_push *push = xmalloc(sizeof *push);

    push->name = xstrdup(name);
    hmap_init(&push->sent);
    return push;
}

static void
sent_destroy(struct ctrl_push *push, struct sent *sent)
{
    hmap_remove(&push->sent, &sent->hmap_node);
    free(sent->ref);
    free(sent);
}

void
ctrl_push_destroy(struct ctrl_push *push)
{
    if (push) {
        struct sent *sent;

        HMAP_FOR_EACH_SAFE (sent, hmap_node, &push->sent) {
            sent_destroy(push, sent);
        }
        hmap_destroy(&push->sent);
        free(push->name);
        free(push);
    }
}

const char *
ctrl_push_name(const struct ctrl_push *push)
{
    return push->name;
}

size_t
ctrl_push_n_objects(const struct ctrl_push *push)
{
    return hmap_count(&push->sent);
}

static void
put_block(struct writer *w, enum block block)
{
    if (w->block == block) {
        return;
    }
    if (w->block != BLOCK_NONE) {
        ds_put_format(&w->ds, "\t\t</%s>\n", block_names[w->block]);
    }
    if (block != BLOCK_NONE) {
        ds_put_format(&w->ds, "\t\t<%s>\n", block_names[block]);
    }
    w->block = block;
}

static void
end_stanza(struct writer *w)
{
    if (!w->n) {
        return;
    }
    put_block(w, BLOCK_NONE);
    ds_put_cstr(&w->ds, "\t</config>\n</iq>\n");
    w->send(w->aux, w->ds.string, w->ds.length);
    ds_clear(&w->ds);
    w->n = 0;
}

static void
put_object(struct writer *w, enum block block, const char *text, bool is_link)
{
    if (!w->n) {
        ds_put_cstr(&w->ds, "<?xml version=\"1.0\"?>\n"
                    "<iq type=\"set\" from=\"" XMPP_CONTROL_JID "\" to=\"");
        xmpp_xml_escape(&w->ds, w->push->name);
        ds_put_cstr(&w->ds, "/config\">\n\t<config>\n");
    }
    put_block(w, block);
    ds_put_cstr(&w->ds, text);
    w->total++;
    w->n += is_link ? 2 : 1;
    if (w->n >= CTRL_PUSH_MAX_OBJECTS) {
        end_stanza(w);
    }
}

static void
put_id_perms(struct ds *ds, const struct uuid *uuid)
{
    uint64_t ms = (uint64_t) uuid->parts[0] << 32 | uuid->parts[1];
    uint64_t ls = (uint64_t) uuid->parts[2] << 32 | uuid->parts[3];

    ds_put_format(ds,
                  "\t\t\t\t<id-perms>\n"
                  "\t\t\t\t\t<permissions>\n"
                  "\t\t\t\t\t\t<owner>cloud-admin</owner>\n"
                  "\t\t\t\t\t\t<owner-access>7</owner-access>\n"
                  "\t\t\t\t\t\t<group>cloud-admin-group</group>\n"
                  "\t\t\t\t\t\t<group-access>7</group-access>\n"
                  "\t\t\t\t\t\t<other-access>7</other-access>\n"
                  "\t\t\t\t\t</permissions>\n"
                  "\t\t\t\t\t<uuid>\n"
                  "\t\t\t\t\t\t<uuid-mslong>%"PRIu64"</uuid-mslong>\n"
                  "\t\t\t\t\t\t<uuid-lslong>%"PRIu64"</uuid-lslong>\n"
                  "\t\t\t\t\t</uuid>\n"
                  "\t\t\t\t\t<enable>true</enable>\n"
                  "\t\t\t\t\t<created>2026-01-01T00:00:00</created>\n"
                  "\t\t\t\t\t<last-modified>2026-01-01T00:00:00"
                  "</last-modified>\n"
                  "\t\t\t\t\t<description></description>\n"
                  "\t\t\t\t\t<user-visible>true</user-visible>\n"
                  "\t\t\t\t\t<creator></creator>\n"
                  "\t\t\t\t</id-perms>\n", ms, ls);
}

/* The two forms of a node differ only in its properties. */
static void
format_node(const struct ctrl_node *node, bool full, struct ds *ds)
{
    ds_clear(ds);
    ds_put_format(ds, "\t\t\t<node type=\"%s\">\n\t\t\t\t<name>",
                  node->type);
    xmpp_xml_escape(ds, node->name);
    ds_put_cstr(ds, "</name>\n");
    if (full) {
        ds_put_cstr(ds, node->properties ? node->properties : "");
        if (node->display_name) {
            put_id_perms(ds, &node->uuid);
            ds_put_cstr(ds, "\t\t\t\t<display-name>");
            xmpp_xml_escape(ds, node->display_name);
            ds_put_cstr(ds, "</display-name>\n");
        }
    }
    ds_put_cstr(ds, "\t\t\t</node>\n");
}

static void
format_link(const struct ctrl_link *link, struct ds *ds)
{
    ds_clear(ds);
    ds_put_cstr(ds, "\t\t\t<link>\n");
    for (int i = 0; i < 2; i++) {
        ds_put_format(ds, "\t\t\t\t<node type=\"%s\">\n\t\t\t\t\t<name>",
                      link->ends[i]->type);
        xmpp_xml_escape(ds, link->ends[i]->name);
        ds_put_cstr(ds, "</name>\n\t\t\t\t</node>\n");
    }
    ds_put_format(ds, "\t\t\t\t<metadata type=\"%s\" />\n\t\t\t</link>\n",
                  link->type);
}

static struct sent *
sent_find(const struct ctrl_push *push, const char *ref, uint32_t hash)
{
    struct sent *sent;

    HMAP_FOR_EACH_WITH_HASH (sent, hmap_node, hash, &push->sent) {
        if (!strcmp(sent->ref, ref)) {
            return sent;
        }
    }
    return NULL;
}

static void
mark_wanted(const struct ctrl_node *node, const struct ctrl_link *link,
            void *w_)
{
    struct writer *w = w_;

    if (node) {
        format_node(node, false, &w->ref);
    } else {
        format_link(link, &w->ref);
    }
    struct sent *sent = sent_find(w->push, ds_cstr(&w->ref),
                                  hash_string(ds_cstr(&w->ref), 0));
    if (sent) {
        sent->wanted = true;
    }
}

static int
compare_sent(const void *a_, const void *b_)
{
    const struct sent *const *a = a_, *const *b = b_;

    return (*a)->is_link != (*b)->is_link
           ? (*b)->is_link - (*a)->is_link
           : strcmp((*a)->ref, (*b)->ref);
}

static void
send_deletes(struct writer *w, const struct ctrl_model *model)
{
    struct hmap *all = &w->push->sent;
    struct sent *sent;

    HMAP_FOR_EACH (sent, hmap_node, all) {
        sent->wanted = false;
    }
    ctrl_model_walk(model, w->push->name, mark_wanted, w);

    struct sent **gone = xmalloc(hmap_count(all) * sizeof *gone);
    size_t n = 0;
    HMAP_FOR_EACH (sent, hmap_node, all) {
        if (!sent->wanted) {
            gone[n++] = sent;
        }
    }
    if (n) {
        qsort(gone, n, sizeof *gone, compare_sent);
    }
    for (size_t i = 0; i < n; i++) {
        put_object(w, BLOCK_DELETE, gone[i]->ref, gone[i]->is_link);
        sent_destroy(w->push, gone[i]);
    }
    free(gone);
}

static void
send_update(const struct ctrl_node *node, const struct ctrl_link *link,
            void *w_)
{
    struct writer *w = w_;
    uint8_t digest[SHA1_DIGEST_SIZE];

    if (node) {
        format_node(node, false, &w->ref);
        format_node(node, true, &w->text);
    } else {
        format_link(link, &w->ref);
        format_link(link, &w->text);
    }
    sha1_bytes(w->text.string, w->text.length, digest);

    uint32_t hash = hash_string(ds_cstr(&w->ref), 0);
    struct sent *sent = sent_find(w->push, ds_cstr(&w->ref), hash);
    if (sent && !memcmp(sent->digest, digest, sizeof digest)) {
        return;
    }
    if (!sent) {
        sent = xzalloc(sizeof *sent);
        sent->ref = xstrdup(ds_cstr(&w->ref));
        sent->is_link = link != NULL;
        hmap_insert(&w->push->sent, &sent->hmap_node, hash);
    }
    memcpy(sent->digest, digest, sizeof digest);
    put_object(w, BLOCK_UPDATE, ds_cstr(&w->text), sent->is_link);
}

size_t
ctrl_push_update(struct ctrl_push *push, const struct ctrl_model *model,
                 ctrl_push_send_fn *send, void *aux)
{
    struct writer w = {
        .push = push, .send = send, .aux = aux,
        .ds = DS_EMPTY_INITIALIZER,
        .ref = DS_EMPTY_INITIALIZER,
        .text = DS_EMPTY_INITIALIZER,
    };

    send_deletes(&w, model);
    ctrl_model_walk(model, push->name, send_update, &w);
    end_stanza(&w);
    ds_destroy(&w.ds);
    ds_destroy(&w.ref);
    ds_destroy(&w.text);
    return w.total;
}
