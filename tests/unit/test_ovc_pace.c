/* SPDX-License-Identifier: Apache-2.0 */
/* What comes before its time, in pieces, or not any more. */
#include <config.h>
#include "tests/unit/ovc_fake.h"
#include "tests/unit/ovc_rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "openvswitch/dynamic-string.h"
#include "ovsdb-client/private.h"
#include "stream.h"
#include "timeval.h"
#include "util.h"

#define BLUE TSN_LS_PREFIX "11111111-1111-1111-1111-111111111111"
#define TSN1 "10.0.0.100"
#define HOST1 "10.0.1.1"

/* libopenvswitch takes no less. */
#define PROBE_MS 1000

/* A reply in two halves, between which there is time. */
#define REPLY_BEGIN "{\"id\":@ID@,\"error\":null,\"result\":"
#define REPLY_END "{" SWITCH "}}"

static const struct fake_answer no_snapshot[] = {
    NO_SERVER_DB, VTEP_DB, { NULL }
};

static struct rig *
start(void **state, const struct fake_answer *answers)
{
    struct rig *rig = rig_create();

    *state = rig;
    rig_start_fake(rig, answers);
    rig_start_session(rig, rig_fake_remote(rig));
    ovc_session_set_config_complete(rig->session);
    rig_want_ls(rig, BLUE, 100, TSN1);
    return rig;
}

static void
echo__before_anything_else__is_answered(void **state)
{
    static const struct fake_answer answers[] = {
        { "", "{\"id\":\"e\",\"method\":\"echo\",\"params\":[]}" }, { NULL }
    };
    struct rig *rig = start(state, answers);

    RIG_UNTIL(rig, rig_fake_requests(rig, "reply") == 1);
    assert_int_equal(rig_fake_closes(rig), 0);
}

static void
snapshot__not_there_yet__nothing_is_written(void **state)
{
    struct rig *rig = start(state, no_snapshot);

    RIG_UNTIL(rig, rig_fake_requests(rig, "monitor") == 1);
    rig_fake_send(rig, REPLY_BEGIN);
    rig_run(rig, 300);
    assert_int_equal(rig_fake_requests(rig, "transact"), 0);
    assert_false(ovc_session_is_connected(rig->session));
    rig_fake_send(rig, REPLY_END);
    RIG_UNTIL(rig, rig_fake_requests(rig, "transact") == 1);
}

static void
snapshot__slower_than_probes__is_no_silence(void **state)
{
    struct rig *rig = start(state, no_snapshot);

    ovc_session_set_probe(rig->session, PROBE_MS);
    RIG_UNTIL(rig, rig_fake_requests(rig, "monitor") == 1);
    rig_fake_send(rig, REPLY_BEGIN);
    /* Two silent intervals would have ended it. */
    long long end = time_msec() + 3 * PROBE_MS;
    while (time_msec() < end) {
        rig_fake_send(rig, " ");
        rig_run(rig, PROBE_MS / 10);
    }
    assert_int_equal(rig_fake_closes(rig), 0);
    rig_fake_send(rig, REPLY_END);
    RIG_UNTIL(rig, ovc_session_is_connected(rig->session));
    assert_int_equal(rig_fake_connects(rig), 1);
}

static void
silence__of_two_probe_intervals__ends_the_session(void **state)
{
    struct rig *rig = start(state, no_snapshot);

    ovc_session_set_probe(rig->session, PROBE_MS);
    RIG_UNTIL(rig, rig_fake_requests(rig, "echo") == 1);
    RIG_UNTIL(rig, rig_fake_closes(rig) == 1);
    RIG_UNTIL(rig, rig_fake_connects(rig) == 2);
}

/* Nobody answers, and nobody has to. */
static void
destroy__with_transactions_on_their_way__needs_no_peer(void **state)
{
    static const struct fake_answer answers[] = {
        NO_SERVER_DB, VTEP_DB, MONITOR("{" SWITCH "}"), { NULL }
    };
    struct rig *rig = start(state, answers);

    RIG_UNTIL(rig, rig->session->n_flights == 1);
    rig_want_mac(rig, BLUE, "02:00:00:00:00:01", HOST1);
    ovc_unwant_ls(rig->session, BLUE);
    rig_turn(rig, 1);
    rig_stop_session(rig);
    RIG_UNTIL(rig, rig_fake_closes(rig) == 1);
}

/* Requests whose answers it does not read: it must not grow us. */
static void
echo__without_end_and_without_reading__ends_the_session(void **state)
{
    struct rig *rig = *state = rig_create();
    char *listen = xasprintf("punix:%s/deaf", rig->dir);
    char *remote = xasprintf("unix:%s/deaf", rig->dir);
    struct ds request = DS_EMPTY_INITIALIZER;
    struct pstream *pstream;
    struct stream *stream = NULL;
    size_t sent = 0, done = 0;
    int error = 0;

    ds_put_cstr(&request, "{\"id\":\"e\",\"method\":\"echo\",\"params\":[\"");
    ds_put_char_multiple(&request, 'x', 30000);
    ds_put_cstr(&request, "\"]}");
    assert_int_equal(pstream_open(listen, &pstream, 0), 0);
    rig_start_session(rig, remote);
    RIG_UNTIL(rig, !pstream_accept(pstream, &stream));
    while (sent < 256 * 1024 * 1024) {
        int n = stream_send(stream, request.string + done,
                            request.length - done);
        if (n >= 0) {
            sent += n;
            done = (done + n) % request.length;
        } else if (n != -EAGAIN) {
            error = -n;
            break;
        }
        stream_run(stream);
        rig_turn(rig, 0);
    }
    assert_int_equal(error, EPIPE);
    assert_in_range(sent, 4 * 1024 * 1024, 64 * 1024 * 1024);
    stream_close(stream);
    pstream_close(pstream);
    ds_destroy(&request);
    free(listen);
    free(remote);
}

int
main(void)
{
#define CASE(NAME) cmocka_unit_test_teardown(NAME, rig_teardown)
    const struct CMUnitTest tests[] = {
        CASE(echo__before_anything_else__is_answered),
        CASE(snapshot__not_there_yet__nothing_is_written),
        CASE(snapshot__slower_than_probes__is_no_silence),
        CASE(silence__of_two_probe_intervals__ends_the_session),
        CASE(destroy__with_transactions_on_their_way__needs_no_peer),
        CASE(echo__without_end_and_without_reading__ends_the_session),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
