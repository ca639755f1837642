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

/* Objects that one step looks at, most of which may be as they were. */
#define STEP_BUDGET 256

/* An object that the client has. */
struct sent {
    struct hmap_node hmap_node;     /* In struct ctrl_push, by 'ref'. */
    char *ref;                      /* What names it in a <delete>. */
    uint8_t digest[SHA1_DIGEST_SIZE];   /* Of its <update>. */
    bool is_link;
    bool wanted;                    /* By the model at hand. */
};

/* What is to be looked at on the way to the model. */
struct todo {
    struct sent *gone;              /* To delete; else one of: */
    const struct ctrl_node *node;
    const struct ctrl_link *link;
};

struct ctrl_push {
    char *name;
    struct hmap sent;
    struct todo *todo;
    size_t n_todo, allocated_todo;
    size_t done;                    /* Of 'todo'. */
    struct ds ref, text;            /* Of the object at hand. */
};

enum block { BLOCK_NONE, BLOCK_UPDATE, BLOCK_DELETE };
static const char *const block_names[] = { "", "update", "delete" };

/* A stanza in the making. */
struct stanza {
    const struct ctrl_push *push;
    struct ds *out;
    enum block block;
    size_t weight;                  /* A link counts two. */
    size_t n;
};

struct ctrl_push *
ctrl_push_create(const char *name)
{
    struct ctrl_push *push = xzalloc(sizeof *push);

    push->name = xstrdup(name);
    hmap_init(&push->sent);
    ds_init(&push->ref);
    ds_init(&push->text);
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
        free(push->todo);
        ds_destroy(&push->ref);
        ds_destroy(&push->text);
        free(push->name);
        free(push);
    }
}

const char *
ctrl_push_name(const struct ctrl_push *push)
{
    return push->name;
}

bool
ctrl_push_is_done(const struct ctrl_push *push)
{
    return push->done == push->n_todo;
}

size_t
ctrl_push_n_objects(const struct ctrl_push *push)
{
    return hmap_count(&push->sent);
}

static void
put_block(struct stanza *stanza, enum block block)
{
    if (stanza->block == block) {
        return;
    }
    if (stanza->block != BLOCK_NONE) {
        ds_put_format(stanza->out, "\t\t</%s>\n",
                      block_names[stanza->block]);
    }
    if (block != BLOCK_NONE) {
        ds_put_format(stanza->out, "\t\t<%s>\n", block_names[block]);
    }
    stanza->block = block;
}

static void
put_object(struct stanza *stanza, enum block block, const char *text,
           bool is_link)
{
    if (!stanza->n) {
        ds_put_cstr(stanza->out, "<?xml version=\"1.0\"?>\n"
                    "<iq type=\"set\" from=\"" XMPP_CONTROL_JID "\" to=\"");
        xmpp_xml_escape(stanza->out, stanza->push->name);
        ds_put_cstr(stanza->out, "/config\">\n\t<config>\n");
    }
    put_block(stanza, block);
    ds_put_cstr(stanza->out, text);
    stanza->n++;
    stanza->weight += is_link ? 2 : 1;
}

static void
put_end(struct stanza *stanza)
{
    if (stanza->n) {
        put_block(stanza, BLOCK_NONE);
        ds_put_cstr(stanza->out, "\t</config>\n</iq>\n");
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
add_todo(struct ctrl_push *push, const struct todo *todo)
{
    if (push->n_todo == push->allocated_todo) {
        push->todo = x2nrealloc(push->todo, &push->allocated_todo,
                                sizeof *push->todo);
    }
    push->todo[push->n_todo++] = *todo;
}

static void
format_ref(const struct ctrl_node *node, const struct ctrl_link *link,
           struct ds *ref)
{
    if (node) {
        format_node(node, false, ref);
    } else {
        format_link(link, ref);
    }
}

static void
mark_wanted(const struct ctrl_node *node, const struct ctrl_link *link,
            void *push_)
{
    struct ctrl_push *push = push_;

    format_ref(node, link, &push->ref);
    struct sent *sent = sent_find(push, ds_cstr(&push->ref),
                                  hash_string(ds_cstr(&push->ref), 0));
    if (sent) {
        sent->wanted = true;
    }
}

static void
add_object(const struct ctrl_node *node, const struct ctrl_link *link,
           void *push)
{
    add_todo(push, &(struct todo) { .node = node, .link = link });
}

static int
compare_gone(const void *a_, const void *b_)
{
    const struct sent *a = ((const struct todo *) a_)->gone;
    const struct sent *b = ((const struct todo *) b_)->gone;

    return a->is_link != b->is_link ? b->is_link - a->is_link
                                    : strcmp(a->ref, b->ref);
}

void
ctrl_push_start(struct ctrl_push *push, const struct ctrl_model *model)
{
    struct sent *sent;

    push->n_todo = push->done = 0;
    HMAP_FOR_EACH (sent, hmap_node, &push->sent) {
        sent->wanted = false;
    }
    if (!hmap_is_empty(&push->sent)) {
        ctrl_model_walk(model, push->name, mark_wanted, push);
    }
    HMAP_FOR_EACH (sent, hmap_node, &push->sent) {
        if (!sent->wanted) {
            add_todo(push, &(struct todo) { .gone = sent });
        }
    }
    if (push->n_todo) {
        qsort(push->todo, push->n_todo, sizeof *push->todo, compare_gone);
    }
    ctrl_model_walk(model, push->name, add_object, push);
}

static void
put_update(struct ctrl_push *push, const struct todo *todo,
           struct stanza *stanza)
{
    uint8_t digest[SHA1_DIGEST_SIZE];

    format_ref(todo->node, todo->link, &push->ref);
    if (todo->node) {
        format_node(todo->node, true, &push->text);
    } else {
        format_link(todo->link, &push->text);
    }
    sha1_bytes(push->text.string, push->text.length, digest);

    uint32_t hash = hash_string(ds_cstr(&push->ref), 0);
    struct sent *sent = sent_find(push, ds_cstr(&push->ref), hash);
    if (sent && !memcmp(sent->digest, digest, sizeof digest)) {
        return;
    }
    if (!sent) {
        sent = xzalloc(sizeof *sent);
        sent->ref = xstrdup(ds_cstr(&push->ref));
        sent->is_link = todo->link != NULL;
        hmap_insert(&push->sent, &sent->hmap_node, hash);
    }
    memcpy(sent->digest, digest, sizeof digest);
    put_object(stanza, BLOCK_UPDATE, ds_cstr(&push->text), sent->is_link);
}

size_t
ctrl_push_next(struct ctrl_push *push, struct ds *out)
{
    struct stanza stanza = { .push = push, .out = out };

    for (int i = 0; i < STEP_BUDGET && push->done < push->n_todo
         && stanza.weight < CTRL_PUSH_MAX_OBJECTS; i++) {
        const struct todo *todo = &push->todo[push->done++];

        if (todo->gone) {
            put_object(&stanza, BLOCK_DELETE, todo->gone->ref,
                       todo->gone->is_link);
            sent_destroy(push, todo->gone);
        } else {
            put_update(push, todo, &stanza);
        }
    }
    put_end(&stanza);
    if (push->done == push->n_todo) {
        free(push->todo);
        push->todo = NULL;
        push->n_todo = push->allocated_todo = push->done = 0;
    }
    return stanza.n;
}
