/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "controller/labels.h"

#include <stdlib.h>

#include "hash.h"
#include "util.h"

/* The labels in use are bits.  A page has one word of them for each bit of
 * 'full', so that the next free label of a page is found in two steps, and a
 * client's few thousand labels are a few pages, however its blocks lie. */
#define WORD_BITS 64
#define PAGE_LABELS (WORD_BITS * WORD_BITS)

struct label_page {
    struct hmap_node node;      /* In struct ctrl_labels, by 'base'. */
    uint32_t base;              /* First label. */
    size_t n_used;
    uint64_t full;              /* Words without a free label. */
    uint64_t used[WORD_BITS];
};

void
ctrl_labels_init(struct ctrl_labels *labels)
{
    hmap_init(&labels->blocks);
    hmap_init(&labels->pages);
    labels->given = 0;
    labels->n_steps = 0;
    ovs_list_init(&labels->exhausted);
    ovs_list_init(&labels->retry);
}

void
ctrl_labels_fini(struct ctrl_labels *labels)
{
    hmap_destroy(&labels->blocks);
    hmap_destroy(&labels->pages);
}

struct ctrl_label_block *
ctrl_label_block_ref(struct ctrl_labels *labels, uint32_t first,
                     uint32_t last)
{
    uint32_t hash = hash_2words(first, last);
    struct ctrl_label_block *block;

    HMAP_FOR_EACH_WITH_HASH (block, node, hash, &labels->blocks) {
        if (block->first == first && block->last == last) {
            block->n_refs++;
            return block;
        }
    }
    block = xzalloc(sizeof *block);
    block->labels = labels;
    block->first = first;
    block->last = last;
    /* Where one of the same labels stopped that nobody needed any more. */
    block->given = labels->given;
    block->n_refs = 1;
    ovs_list_init(&block->starved);
    ovs_list_init(&block->wait_node);
    hmap_insert(&labels->blocks, &block->node, hash);
    return block;
}

void
ctrl_label_block_unref(struct ctrl_label_block *block)
{
    if (block && !--block->n_refs) {
        hmap_remove(&block->labels->blocks, &block->node);
        free(block);
    }
}

/* Labels in use. */

static uint32_t
page_base(uint32_t label)
{
    return label - label % PAGE_LABELS;
}

static struct label_page *
page_find(const struct ctrl_labels *labels, uint32_t label)
{
    uint32_t base = page_base(label);
    struct label_page *page;

    HMAP_FOR_EACH_WITH_HASH (page, node, hash_int(base, 0), &labels->pages) {
        if (page->base == base) {
            return page;
        }
    }
    return NULL;
}

static uint64_t *
page_word(struct label_page *page, uint32_t label)
{
    return &page->used[(label - page->base) / WORD_BITS];
}

static uint64_t
word_mask(uint32_t label)
{
    return UINT64_C(1) << label % WORD_BITS;
}

static uint64_t
full_mask(const struct label_page *page, uint32_t label)
{
    return UINT64_C(1) << (label - page->base) / WORD_BITS;
}

/* The first free label from 'label' on, which is in the page, or 0. */
static uint32_t
page_next_free(const struct label_page *page, uint32_t label)
{
    uint32_t word = (label - page->base) / WORD_BITS;
    uint64_t free_bits = ~page->used[word] & ~(word_mask(label) - 1);

    if (!free_bits) {
        uint64_t later = ~(2 * full_mask(page, label) - 1) & ~page->full;

        if (!later) {
            return 0;
        }
        word = raw_ctz(later);
        free_bits = ~page->used[word];
    }
    return page->base + word * WORD_BITS + raw_ctz(free_bits);
}

/* The first free label of 'first'..'last', or 0. */
static uint32_t
next_free(struct ctrl_labels *labels, uint32_t first, uint32_t last)
{
    while (first <= last) {
        const struct label_page *page = page_find(labels, first);

        labels->n_steps++;
        uint32_t label = page ? page_next_free(page, first) : first;
        if (label) {
            return label <= last ? label : 0;
        }
        if (last - page->base < PAGE_LABELS) {
            break;
        }
        first = page->base + PAGE_LABELS;
    }
    return 0;
}

uint32_t
ctrl_label_next_free(const struct ctrl_label_block *block, uint32_t after)
{
    if (after >= block->last) {
        return 0;
    }
    return next_free(block->labels, MAX(block->first, after + 1),
                     block->last);
}

uint32_t
ctrl_label_take(struct ctrl_label_block *block)
{
    struct ctrl_labels *labels = block->labels;
    uint32_t given = block->given < block->first ? 0 : block->given;
    uint32_t label = ctrl_label_next_free(block, given);

    if (!label && given) {
        label = next_free(labels, block->first, MIN(given, block->last));
    }
    if (!label) {
        return 0;
    }

    struct label_page *page = page_find(labels, label);
    if (!page) {
        page = xzalloc(sizeof *page);
        page->base = page_base(label);
        hmap_insert(&labels->pages, &page->node, hash_int(page->base, 0));
    }
    uint64_t *word = page_word(page, label);
    *word |= word_mask(label);
    if (*word == UINT64_MAX) {
        page->full |= full_mask(page, label);
    }
    page->n_used++;
    labels->given = block->given = label;
    return label;
}

void
ctrl_label_put(struct ctrl_labels *labels, uint32_t label)
{
    struct label_page *page = page_find(labels, label);

    *page_word(page, label) &= ~word_mask(label);
    page->full &= ~full_mask(page, label);
    if (!--page->n_used) {
        hmap_remove(&labels->pages, &page->node);
        free(page);
    }
    ovs_list_push_back_all(&labels->retry, &labels->exhausted);
}

/* Those without. */

static void
stop_waiting(struct ctrl_label_block *block)
{
    ovs_list_remove(&block->wait_node);
    ovs_list_init(&block->wait_node);
}

void
ctrl_label_starve(struct ctrl_label_block *block, struct ovs_list *node)
{
    ovs_list_push_back(&block->starved, node);
    if (ovs_list_is_empty(&block->wait_node)) {
        ovs_list_push_back(&block->labels->exhausted, &block->wait_node);
    }
}

void
ctrl_label_unstarve(struct ctrl_label_block *block, struct ovs_list *node)
{
    ovs_list_remove(node);
    ovs_list_init(node);
    if (ovs_list_is_empty(&block->starved)) {
        stop_waiting(block);
    }
}

struct ctrl_label_block *
ctrl_label_retry(const struct ctrl_labels *labels)
{
    return ovs_list_is_empty(&labels->retry)
           ? NULL
           : CONTAINER_OF(ovs_list_front(&labels->retry),
                          struct ctrl_label_block, wait_node);
}

void
ctrl_label_retried(struct ctrl_label_block *block)
{
    stop_waiting(block);
    if (!ovs_list_is_empty(&block->starved)) {
        ovs_list_push_back(&block->labels->exhausted, &block->wait_node);
    }
}
