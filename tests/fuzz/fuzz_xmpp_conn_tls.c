/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of a peer through the session engine that wants TLS.  The first byte
 * chooses the role, how the rest is cut into reads, and what it meets: a
 * session that has just begun, one that waits for the first record, or one
 * that is through its handshake, where the rest goes to the inside. */
#include <config.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/vlog.h"
#include "tests/unit/pki.h"
#include "tsn/tls.h"
#include "util.h"
#include "xmpp/conn.h"
#include "xmpp/stanza.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char client_start[] =
    "<stream:stream from=\"a\" xmlns:stream=\"s\" >"
    "<starttls xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\" />\n";
static const char server_start[] =
    "<stream:stream from=\"a\" xmlns:stream=\"s\" >"
    "<stream:features><starttls xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\">"
    "<required /></starttls></stream:features>"
    "<proceed xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\" />\n";

struct fuzz {
    struct xmpp_conn *conn;
    struct tsn_tls_session *peer;       /* NULL: what is sent is lost. */
    uint8_t sent[1 << 16];      /* Of the handshake. */
    size_t n_sent;
    int n_closed;
};

static void
take_sent(void *fuzz_, const void *data, size_t size)
{
    struct fuzz *fuzz = fuzz_;
    size_t n = MIN(size, sizeof fuzz->sent - fuzz->n_sent);

    ovs_assert(!fuzz->n_closed);
    if (fuzz->peer) {
        memcpy(fuzz->sent + fuzz->n_sent, data, n);
        fuzz->n_sent += n;
    }
}

static bool
accept_all(void *fuzz_, const char *name OVS_UNUSED)
{
    const struct fuzz *fuzz = fuzz_;

    ovs_assert(xmpp_conn_tls(fuzz->conn));
    return true;
}

static void
check_stanza(void *fuzz_, const struct xmpp_stanza *st)
{
    const struct fuzz *fuzz = fuzz_;

    ovs_assert(xmpp_conn_tls(fuzz->conn));
    ovs_assert(st->from && st->to && st->node && st->item_node);
}

static void
count_closed(void *fuzz_, enum xmpp_close_reason reason)
{
    struct fuzz *fuzz = fuzz_;

    ovs_assert(++fuzz->n_closed == 1);
    ovs_assert(xmpp_conn_explain(fuzz->conn, reason)[0]);
}

/* Certificates differ from run to run, but not in what they lead to. */
static struct tsn_tls *
get_context(void)
{
    static struct tsn_tls *tls;

    if (!tls) {
        struct pki pki;

        pki_init(&pki);
        pki_make_ca(&pki, "ca", NULL);
        pki_make(&pki, "fuzz", "ca", PKI_VALID);
        tls = pki_load(&pki, "fuzz", "ca");
        pki_fini(&pki);
    }
    return tls;
}

/* Gives the engine what its peer has to send. */
static void
pass_output(struct fuzz *fuzz)
{
    const void *data;
    size_t n = tsn_tls_output(fuzz->peer, &data);

    if (n) {
        xmpp_conn_feed(fuzz->conn, data, n, 0);
        tsn_tls_output_taken(fuzz->peer, n);
    }
}

/* All that comes in the clear. */
static void
feed_start(struct fuzz *fuzz, enum xmpp_role role)
{
    const char *start = role == XMPP_CLIENT ? server_start : client_start;

    xmpp_conn_feed(fuzz->conn, start, strlen(start), 0);
}

static void
shake_hands(struct fuzz *fuzz, enum xmpp_role role)
{
    char buf[4096];

    fuzz->peer = tsn_tls_session_create(get_context(), role == XMPP_CLIENT
                                        ? TSN_TLS_SERVER : TSN_TLS_CLIENT);
    feed_start(fuzz, role);
    size_t clear = 0;
    while (clear < fuzz->n_sent && fuzz->sent[clear] != 0x16) {
        clear++;
    }
    fuzz->n_sent -= clear;
    memmove(fuzz->sent, fuzz->sent + clear, fuzz->n_sent);
    for (int i = 0; i < 4; i++) {
        size_t n = fuzz->n_sent;
        uint8_t *copy = xmemdup(fuzz->sent, n);

        fuzz->n_sent = 0;
        tsn_tls_push(fuzz->peer, copy, n);
        if (!tsn_tls_handshake(fuzz->peer, NULL)) {
            while (tsn_tls_read(fuzz->peer, buf, sizeof buf, NULL) > 0) {
                continue;
            }
        }
        pass_output(fuzz);
        free(copy);
    }
    ovs_assert(!fuzz->n_closed);
}

static void
feed_inside(struct fuzz *fuzz, const uint8_t *data, size_t size)
{
    ovs_assert(!tsn_tls_write(fuzz->peer, data, size, NULL));
    pass_output(fuzz);
    /* What the engine says to it is not read. */
    fuzz->n_sent = 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct xmpp_conn_ops ops = {
        .send = take_sent,
        .opened = accept_all,
        .stanza = check_stanza,
        .closed = count_closed,
    };
    static struct fuzz fuzz;
    static bool quiet;

    if (!quiet) {
        vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
        quiet = true;
    }
    if (!size) {
        return 0;
    }
    fuzz.peer = NULL;
    fuzz.n_sent = 0;
    fuzz.n_closed = 0;
    enum xmpp_role role = data[0] & 1 ? XMPP_SERVER : XMPP_CLIENT;
    bool inside = data[0] & 2, started = data[0] & 4;
    size_t step = 1 + (data[0] >> 3) * 4;

    fuzz.conn = xmpp_conn_create(role, "fuzz", XMPP_HOLD_MS, &ops, &fuzz, 0);
    xmpp_conn_set_tls(fuzz.conn, get_context());
    xmpp_conn_start(fuzz.conn, 0);
    if (inside) {
        shake_hands(&fuzz, role);
    } else if (started) {
        feed_start(&fuzz, role);
    }
    for (size_t i = 1; i < size && !fuzz.n_closed; i += step) {
        if (inside) {
            feed_inside(&fuzz, data + i, MIN(step, size - i));
        } else {
            xmpp_conn_feed(fuzz.conn, data + i, MIN(step, size - i), i);
        }
        xmpp_conn_tick(fuzz.conn, i);
    }
    xmpp_conn_close(fuzz.conn, XMPP_CLOSE_LOCAL);
    xmpp_conn_destroy(fuzz.conn);
    tsn_tls_session_destroy(fuzz.peer);
    return 0;
}
