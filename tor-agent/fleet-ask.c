/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to the ToRs of a fleet. */
#include <config.h>
#include "tor-agent/fleet.h"
#include "tor-agent/fleet-private.h"

#include <stdlib.h>

#include "sset.h"
#include "tsn/json.h"
#include "util.h"

/* What one turn of a worker's loop may spend on it, sessions wait meanwhile:
 * a table of 100 000 MACs takes longer, a ToR is not divided. */
#define STEP_MS 2

struct part {
    struct member *member;
    struct tor_answer answer;
};

struct question {
    struct tor_fleet *fleet;
    struct tor_question q;
    struct part *parts;         /* A worker writes those of its own ToRs. */
    size_t n_parts;
    size_t n_asked;             /* Workers that have not finished. */
};

/* A question's way through one worker. */
struct errand {
    struct question *question;
    struct worker *worker;
    size_t next;                /* Part to be looked at. */
};

static void
finish(struct question *question)
{
    struct tor_answer *answers = xcalloc(MAX(question->n_parts, 1),
                                         sizeof *answers);

    for (size_t i = 0; i < question->n_parts; i++) {
        answers[i] = question->parts[i].answer;
    }
    question->q.answered(answers, question->n_parts, question->q.aux);
    for (size_t i = 0; i < question->n_parts; i++) {
        ds_destroy(&question->parts[i].answer.elements);
        tor_fleet_member_unref(question->parts[i].member);
    }
    free(answers);
    free(question->parts);
    free(question->q.args);
    free(question);
}

static void
errand_done(void *errand_)
{
    struct errand *e = errand_;

    if (!--e->question->n_asked) {
        finish(e->question);
    }
    free(e);
}

static void
visit(const struct question *question, struct part *part)
{
    struct tor *tor = part->member->tor;
    struct tsn_json json;

    if (!tor) {
        part->answer.gone = true;
        return;
    }
    if (question->q.visit) {
        tsn_json_init_elements(&json, &part->answer.elements);
        question->q.visit(tor, question->q.args, &json);
    }
    tor_summarize(tor, &part->answer.summary);
}

static void
step_in_worker(void *errand_)
{
    struct errand *e = errand_;
    struct question *question = e->question;
    uint64_t until_ms = tsn_now_ms() + STEP_MS;

    for (; e->next < question->n_parts; e->next++) {
        struct part *part = &question->parts[e->next];

        if (part->member->worker != e->worker) {
            continue;
        }
        if (tsn_now_ms() >= until_ms) {
            tsn_loop_post(e->worker->loop, step_in_worker, e);
            return;
        }
        visit(question, part);
    }
    tsn_loop_post(question->fleet->main, errand_done, e);
}

static int
compare_parts(const void *a_, const void *b_)
{
    const struct part *a = a_, *b = b_;

    return (a->member->rank > b->member->rank)
           - (a->member->rank < b->member->rank);
}

static bool
is_asked(const struct question *question, const struct worker *w)
{
    for (size_t i = 0; i < question->n_parts; i++) {
        if (question->parts[i].member->worker == w) {
            return true;
        }
    }
    return false;
}

static void
collect_parts(struct question *question)
{
    struct tor_fleet *f = question->fleet;
    const struct shash_node *node;

    question->parts = xcalloc(MAX(shash_count(&f->members), 1),
                              sizeof *question->parts);
    SHASH_FOR_EACH (node, &f->members) {
        struct member *m = node->data;

        /* None is after tor_fleet_stop(). */
        if (m->worker->loop
            && (!question->q.tors
                || sset_contains(question->q.tors, m->name))) {
            struct part *part = &question->parts[question->n_parts++];

            m->n_refs++;
            part->member = m;
            part->answer.tor = m->name;
            ds_init(&part->answer.elements);
        }
    }
    qsort(question->parts, question->n_parts, sizeof *question->parts,
          compare_parts);
}

void
tor_fleet_ask(struct tor_fleet *f, const struct tor_question *q)
{
    struct question *question = xzalloc(sizeof *question);

    question->fleet = f;
    question->q = *q;
    collect_parts(question);
    question->q.tors = NULL;    /* The caller's, until now. */
    for (size_t i = 0; i < f->n_workers; i++) {
        question->n_asked += is_asked(question, &f->workers[i]);
    }
    if (!question->n_asked) {
        finish(question);
        return;
    }
    for (size_t i = 0; i < f->n_workers; i++) {
        if (is_asked(question, &f->workers[i])) {
            struct errand *e = xzalloc(sizeof *e);

            e->question = question;
            e->worker = &f->workers[i];
            tsn_loop_post(e->worker->loop, step_in_worker, e);
        }
    }
}

/* A fence is what comes back when every worker was there. */
struct fence {
    struct tor_fleet *fleet;
    size_t n_left;
    tor_fleet_done_fn *done;
    void *aux;
};

static void
fence_passed(void *fence_)
{
    struct fence *fence = fence_;

    if (!--fence->n_left) {
        fence->done(fence->aux);
        free(fence);
    }
}

static void
fence_in_worker(void *fence_)
{
    struct fence *fence = fence_;

    tsn_loop_post(fence->fleet->main, fence_passed, fence);
}

void
tor_fleet_fence(struct tor_fleet *f, tor_fleet_done_fn *done, void *aux)
{
    struct fence *fence = xzalloc(sizeof *fence);

    fence->fleet = f;
    fence->done = done;
    fence->aux = aux;
    fence->n_left = 1;          /* Until all have been posted. */
    for (size_t i = 0; i < f->n_workers; i++) {
        if (f->workers[i].loop) {
            fence->n_left++;
            tsn_loop_post(f->workers[i].loop, fence_in_worker, fence);
        }
    }
    fence_passed(fence);
}
