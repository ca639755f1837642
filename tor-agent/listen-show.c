/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of the thread that switches connect to: the question goes to
 * its loop, what it says comes back to the main loop. */
#include <config.h>
#include "tor-agent/listen.h"
#include "tor-agent/listen-private.h"

#include <stdlib.h>

#include "openvswitch/dynamic-string.h"
#include "ovsdb-client/acceptor.h"
#include "timeval.h"
#include "tsn/ctl.h"
#include "tsn/json.h"
#include "tsn/loop.h"
#include "util.h"

/* The acceptor's status on its way to the main loop. */
struct status {
    struct tor_listen *listen;
    struct tsn_loop *main;
    tor_listen_status_fn *fn;
    void *aux;
    struct ds text;
};

static void
status_done(void *status_)
{
    struct status *status = status_;

    status->fn(ds_cstr(&status->text), status->aux);
    ds_destroy(&status->text);
    free(status);
}

static void
status_in_thread(void *status_)
{
    struct status *status = status_;
    struct tsn_json json;

    tsn_json_init(&json, &status->text);
    tsn_json_object_begin(&json, NULL);
    ovc_acceptor_show(status->listen->acceptor, &json);
    tsn_json_object_end(&json);
    tsn_loop_post(status->main, status_done, status);
}

void
tor_listen_ask_status(struct tor_listen *l, struct tsn_loop *main_loop,
                      tor_listen_status_fn *fn, void *aux)
{
    struct status *status = xmalloc(sizeof *status);

    *status = (struct status) { l, main_loop, fn, aux,
                                DS_EMPTY_INITIALIZER };
    tsn_loop_post(l->loop, status_in_thread, status);
}

/* A request on its way through the thread. */
struct request {
    struct tor_listen *listen;
    struct tsn_loop *main;
    struct tsn_ctl_call *call;
};

static void
request_done(void *request_)
{
    struct request *r = request_;

    tsn_ctl_finish(r->call);
    free(r);
}

static void
request_in_thread(void *request_)
{
    struct request *r = request_;
    struct tsn_json *json = tsn_ctl_reply(r->call);

    tsn_json_object_begin(json, "result");
    ovc_acceptor_show(r->listen->acceptor, json);
    tsn_json_object_end(json);
    tsn_loop_post(r->main, request_done, r);
}

void
tor_listen_show(struct tor_listen *l, struct tsn_loop *main,
                struct tsn_ctl_call *call)
{
    struct request *r = xmalloc(sizeof *r);

    *r = (struct request) { .listen = l, .main = main, .call = call };
    tsn_loop_post(l->loop, request_in_thread, r);
}

/* Alarms on their way to the main loop. */
struct survey {
    struct tor_listen *listen;
    struct tsn_loop *main;
    tor_listen_alarms_fn *fn;
    void *aux;
    struct tor_listen_alarm *alarms;
    size_t n, allocated;
};

static void
survey_done(void *survey_)
{
    struct survey *survey = survey_;

    survey->fn(survey->alarms, survey->n, survey->aux);
    for (size_t i = 0; i < survey->n; i++) {
        free(survey->alarms[i].object);
        free(survey->alarms[i].text);
    }
    free(survey->alarms);
    free(survey);
}

static void
note_alarm(const char *kind, const char *object, const char *text,
           void *survey_)
{
    struct survey *survey = survey_;

    if (survey->n == survey->allocated) {
        survey->alarms = x2nrealloc(survey->alarms, &survey->allocated,
                                    sizeof *survey->alarms);
    }
    survey->alarms[survey->n++] = (struct tor_listen_alarm) {
        .kind = kind, .object = xstrdup(object), .text = xstrdup(text),
    };
}

static void
survey_in_thread(void *survey_)
{
    struct survey *survey = survey_;

    ovc_acceptor_for_each_alarm(survey->listen->acceptor, tsn_now_ms(),
                                time_wall_msec() / 1000, note_alarm, survey);
    tsn_loop_post(survey->main, survey_done, survey);
}

void
tor_listen_ask_alarms(struct tor_listen *l, struct tsn_loop *main_loop,
                      tor_listen_alarms_fn *fn, void *aux)
{
    struct survey *survey = xzalloc(sizeof *survey);

    survey->listen = l;
    survey->main = main_loop;
    survey->fn = fn;
    survey->aux = aux;
    tsn_loop_post(l->loop, survey_in_thread, survey);
}
