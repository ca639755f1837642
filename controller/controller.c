/* SPDX-License-Identifier: Apache-2.0 */
/* tsn-controller: the control node for a lab or a small site without
 * OpenSDN. */
#include <config.h>

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "util.h"

#include "controller/config.h"
#include "controller/core.h"
#include "controller/show.h"
#include "tsn/daemon.h"
#include "tsn/error.h"
#include "tsn/loop.h"
#include "tsn/tls-store.h"
#include "tsn/yaml.h"
#include "xmpp/server.h"
#include "xmpp/stanza.h"

VLOG_DEFINE_THIS_MODULE(controller);

/* Some hundred agents may come at once. */
static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(60, 600);

/* A client that has more than this to read waits for its turn. */
#define MAX_UNSENT (4u << 20)

struct controller {
    struct ctrl_config *config;
    struct tsn_tls_store *tls;  /* NULL: sessions are in the clear. */
    struct ctrl_core *core;
    struct xmpp_server *server;
    struct tsn_loop *loop;
    struct tsn_loop_hook hook;
    uint64_t next_ms;           /* When the core wants to run. */
};

static void
peer_send(void *session, const char *data, size_t size)
{
    xmpp_session_send(session, data, size);
}

static bool
peer_is_ready(void *session)
{
    return xmpp_session_unsent(session) < MAX_UNSENT;
}

static void
peer_close(void *session, enum xmpp_close_reason reason)
{
    xmpp_session_close(session, reason);
}

static const struct ctrl_peer_ops peer_ops = {
    .send = peer_send,
    .is_ready = peer_is_ready,
    .close = peer_close,
};

static bool
session_admits(void *controller_, const char *name,
               const struct in6_addr *peer_ip)
{
    const struct controller *controller = controller_;

    return ctrl_core_admits(controller->core, name, peer_ip);
}

static void
session_opened(void *controller_, struct xmpp_session *session)
{
    struct controller *controller = controller_;
    const struct in6_addr *peer_ip = xmpp_session_peer_ip(session);
    char ip[TSN_IP_STRLEN];

    VLOG_INFO_RL(&rl, "session is up session=%s peer=%s",
                 xmpp_session_name(session), tsn_ip_format(peer_ip, ip));
    struct ctrl_peer *peer = ctrl_peer_create(controller->core,
                                              xmpp_session_name(session),
                                              &peer_ops, session,
                                              tsn_now_ms());
    ctrl_peer_set_address(peer, peer_ip);
    xmpp_session_set_aux(session, peer);
    controller->next_ms = 0;
}

static void
session_stanza(void *controller_, struct xmpp_session *session,
               const struct xmpp_stanza *st)
{
    struct controller *controller = controller_;

    ctrl_peer_stanza(xmpp_session_aux(session), st, tsn_now_ms());
    controller->next_ms = 0;
}

static void
session_closed(void *controller_, struct xmpp_session *session,
               enum xmpp_close_reason reason)
{
    struct controller *controller = controller_;

    VLOG_INFO_RL(&rl, "session is down session=%s: %s",
                 xmpp_session_name(session),
                 xmpp_session_explain(session, reason));
    ctrl_peer_lost(xmpp_session_aux(session), xmpp_session_peer_ip(session),
                   tsn_now_ms());
    controller->next_ms = 0;
}

static const struct xmpp_server_ops server_ops = {
    .admits = session_admits,
    .opened = session_opened,
    .stanza = session_stanza,
    .closed = session_closed,
};

static void
run_core(void *controller_)
{
    struct controller *controller = controller_;
    uint64_t now_ms = tsn_now_ms();

    if (now_ms >= controller->next_ms) {
        controller->next_ms = ctrl_core_run(controller->core, now_ms);
    }
}

static void
wait_core(void *controller_)
{
    const struct controller *controller = controller_;

    if (controller->next_ms != UINT64_MAX) {
        poll_timer_wait_until(controller->next_ms);
    }
}

/* The file and the certificates that it names.  Returns 0 or -errno with
 * '*err'. */
static int
load_all(const char *path, struct ctrl_config **configp,
         struct tsn_tls_store **tlsp, struct tsn_err *err)
{
    struct tsn_tls_store *tls = NULL;
    struct ctrl_config *config;

    int error = ctrl_config_load(path, &config, err);
    if (error) {
        return error;
    }
    if (config->has_tls) {
        error = tsn_tls_store_create(&config->tls, &tls, err);
        if (error) {
            ctrl_config_destroy(config);
            return error;
        }
    }
    *configp = config;
    *tlsp = tls;
    return 0;
}

static void
apply_restart_helper(struct controller *controller)
{
    const struct ctrl_graceful_restart *gr
        = &controller->config->graceful_restart;

    xmpp_server_set_restart_helper(controller->server,
                                   gr->enable && gr->xmpp_helper);
}

static int
load(const char *path, void *controller_, struct tsn_err *err)
{
    struct controller *controller = controller_;

    return load_all(path, &controller->config, &controller->tls, err);
}

/* Each session takes a descriptor, and so does each connection that is none
 * yet; the usual limit of 1024 is for programs that use select(). */
static void
raise_descriptor_limit(void)
{
    static const rlim_t wanted = CTRL_MAX_SESSIONS + 512;
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur >= wanted) {
        return;
    }
    files.rlim_cur = MIN(files.rlim_max, wanted);
    if (setrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur < wanted) {
        VLOG_WARN("the limit of open files is too low for %d sessions "
                  "files=%ju", CTRL_MAX_SESSIONS,
                  (uintmax_t) files.rlim_cur);
    }
}

static int
start(struct tsn_loop *loop, struct tsn_ctl *ctl, void *controller_,
      struct tsn_err *err)
{
    struct controller *controller = controller_;
    const struct ctrl_config *config = controller->config;

    raise_descriptor_limit();
    controller->server = xmpp_server_create(tsn_loop_uv(loop), config->name,
                                            &config->listen,
                                            config->hold_s * 1000, &server_ops,
                                            controller, err);
    if (!controller->server) {
        return -EADDRNOTAVAIL;
    }
    xmpp_server_set_tls(controller->server, controller->tls);
    apply_restart_helper(controller);
    controller->core = ctrl_core_create(config);
    ctrl_core_delay_end_of_rib(controller->core,
                               tsn_now_ms() + CTRL_END_OF_RIB_START_MS);
    ctrl_show_register(ctl, controller->core);
    controller->loop = loop;
    controller->hook = (struct tsn_loop_hook) {
        .run = run_core, .wait = wait_core, .aux = controller,
    };
    tsn_loop_add_hook(loop, &controller->hook);
    return 0;
}

static void
stop(void *controller_)
{
    struct controller *controller = controller_;

    tsn_loop_remove_hook(controller->loop, &controller->hook);
    xmpp_server_destroy(controller->server);
    ctrl_core_destroy(controller->core);
}

/* What is bound to the listening socket and its sessions. */
static int
check_unchanged(const struct ctrl_config *old, const struct ctrl_config *new,
                const char *path, struct tsn_err *err)
{
    const char *key = strcmp(old->name, new->name) ? "name"
        : memcmp(&old->listen, &new->listen, sizeof old->listen) ? "listen"
        : old->hold_s != new->hold_s ? "hold-time"
        /* Sessions in the clear would stay. */
        : old->has_tls != new->has_tls ? "tls"
        : NULL;

    return key ? tsn_yaml_refuse(err, path, key,
                                 "it cannot be changed while running: "
                                 "restart to apply")
               : 0;
}

static int
reload(const char *path, void *controller_, struct tsn_err *err)
{
    struct controller *controller = controller_;
    struct tsn_tls_store *tls;
    struct ctrl_config *config;

    int error = load_all(path, &config, &tls, err);
    if (error) {
        return error;
    }
    error = check_unchanged(controller->config, config, path, err);
    if (error) {
        tsn_tls_store_destroy(tls);
        ctrl_config_destroy(config);
        return error;
    }
    /* For new sessions; the others go on with what they have. */
    xmpp_server_set_tls(controller->server, tls);
    tsn_tls_store_destroy(controller->tls);
    controller->tls = tls;
    ctrl_core_configure(controller->core, config);
    ctrl_config_destroy(controller->config);
    controller->config = config;
    apply_restart_helper(controller);
    controller->next_ms = 0;
    return 0;
}

int
main(int argc, char *argv[])
{
    static const struct tsn_daemon_spec spec = {
        .program = "tsn-controller",
        .summary = "embedded controller for ToR agents and replicators",
        .default_config = TSN_SYSCONFDIR "/controller.yaml",
        .load = load,
        .start = start,
        .stop = stop,
        .reload = reload,
    };
    struct controller controller = { .config = NULL };

    int status = tsn_daemon_main(argc, argv, &spec, &controller);
    tsn_tls_store_destroy(controller.tls);
    ctrl_config_destroy(controller.config);
    return status;
}
