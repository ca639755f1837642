/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tor-agent/listen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hash.h"
#include "ovsdb-client/acceptor.h"
#include "tsn/config.h"
#include "tsn/ctl.h"
#include "tsn/error.h"
#include "tsn/json.h"
#include "tsn/loop.h"
#include "util.h"

/* Of a ToR's name in its socket's, which must fit sockaddr_un with the
 * directory. */
#define SOCKET_NAME_LEN 32

/* What the IDLs wrote in the end goes to the switches for so long. */
#define FINISH_MS 2000

struct tor_listen {
    char *dir;
    struct tsn_loop *loop;      /* Its thread owns the acceptor. */
    struct ovc_acceptor *acceptor;
};

/* How a ToR's switch is reached. */
enum way {
    DIRECT,                     /* By the IDL itself. */
    SHARED,                     /* It connects to a listener for all. */
    OWN_TCP, OWN_TLS,           /* To one of its own. */
    DIAL_TLS,                   /* We connect. */
};

static enum way
way_of(const struct tsn_config_tor *conf)
{
    return !conf->ovsdb ? SHARED
           : !strncmp(conf->ovsdb, "ptcp:", 5) ? OWN_TCP
           : !strncmp(conf->ovsdb, "pssl:", 5) ? OWN_TLS
           : !strncmp(conf->ovsdb, "ssl:", 4) ? DIAL_TLS
           : DIRECT;
}

static char *
socket_path(const struct tor_listen *l, const char *name)
{
    return xasprintf("%s/%.*s-%08"PRIx32".sock", l->dir, SOCKET_NAME_LEN,
                     name, hash_string(name, 0));
}

char *
tor_listen_remote(const struct tor_listen *l,
                  const struct tsn_config_tor *conf)
{
    if (way_of(conf) == DIRECT) {
        return xstrdup(conf->ovsdb);
    }
    char *path = socket_path(l, conf->name);
    char *remote = xasprintf("punix:%s", path);
    free(path);
    return remote;
}

/* Whoever can connect to the sockets in it speaks for the switches. */
static int
make_dir(const char *dir, struct tsn_err *err)
{
    struct stat st;

    if (mkdir(dir, 0700) && errno != EEXIST) {
        int error = errno;
        tsn_err_set(err, dir, "cannot create the directory: %s",
                    ovs_strerror(error));
        return -error;
    }
    if (lstat(dir, &st) || !S_ISDIR(st.st_mode) || st.st_uid != geteuid()
        || chmod(dir, 0700)) {
        tsn_err_set(err, dir, "is not a directory of our own");
        return -EPERM;
    }
    return 0;
}

static int
listen_shared(struct tor_listen *l, const struct tsn_config *config,
              struct tsn_err *err)
{
    for (size_t i = 0; i < config->n_listeners; i++) {
        const struct tsn_config_listener *src = &config->listeners[i];
        struct ovc_listener_config listener = {
            .name = src->name,
            .address = src->address,
            .tls = src->tls,
            .proxy_protocol = src->proxy_protocol,
            .proxies = src->proxies,
            .n_proxies = src->n_proxies,
        };
        int error = ovc_acceptor_listen(l->acceptor, &listener, err);
        if (error) {
            return error;
        }
    }
    return 0;
}

/* "PORT" or "PORT:IP", checked, to an address. */
static void
parse_listener(const char *s, struct sockaddr_storage *ss)
{
    uint16_t port = strtoul(s, NULL, 10);
    const char *colon = strchr(s, ':');

    tsn_sockaddr_parse(colon ? colon + 1 : "0.0.0.0", port, ss);
}

static int
add_tor(struct tor_listen *l, const struct tsn_config_tor *conf,
        struct tsn_err *err)
{
    enum way way = way_of(conf);
    int error = 0;

    if (way == DIRECT) {
        return 0;
    }
    char *path = socket_path(l, conf->name);
    struct ovc_acceptor_tor tor = {
        .name = conf->name,
        .switches = (const char *const *) conf->switches,
        .n_switches = conf->n_switches,
        .certificate = conf->certificate,
        .address = conf->address,
        .socket = path,
        .own_listener = way == OWN_TCP || way == OWN_TLS,
        .dial_tls = way == DIAL_TLS,
        .max_backoff_ms = conf->max_backoff_ms,
    };
    if (way == DIAL_TLS) {
        tsn_sockaddr_parse(conf->ovsdb + strlen("ssl:"), 0, &tor.dial);
    }
    ovc_acceptor_add_tor(l->acceptor, &tor);
    if (tor.own_listener) {
        struct ovc_listener_config listener = {
            .name = conf->ovsdb,
            .tls = way == OWN_TLS,
            .tor = conf->name,
        };
        parse_listener(conf->ovsdb + strlen("ptcp:"), &listener.address);
        error = ovc_acceptor_listen(l->acceptor, &listener, err);
    }
    free(path);
    return error;
}

int
tor_listen_create(const struct tsn_config *config, const char *run_dir,
                  struct tsn_tls_store *tls, struct tor_listen **listenp,
                  struct tsn_err *err)
{
    struct tor_listen *l = xzalloc(sizeof *l);

    l->dir = xasprintf("%s/tor-agent", run_dir);
    l->loop = tsn_loop_create("listen");
    l->acceptor = ovc_acceptor_create(tsn_loop_uv(l->loop), tls);

    int error = make_dir(l->dir, err);
    if (!error) {
        error = listen_shared(l, config, err);
    }
    for (size_t i = 0; i < config->n_tors && !error; i++) {
        error = add_tor(l, &config->tors[i], err);
    }
    if (error) {
        tor_listen_destroy(l);
        return error;
    }
    *listenp = l;
    return 0;
}

void
tor_listen_start(struct tor_listen *l)
{
    tsn_loop_start(l->loop);
}

static void
finished(void *listen_)
{
    struct tor_listen *l = listen_;

    tsn_loop_stop(l->loop);
}

static void
finish_in_thread(void *listen_)
{
    struct tor_listen *l = listen_;

    ovc_acceptor_finish(l->acceptor, FINISH_MS, finished, l);
}

void
tor_listen_stop(struct tor_listen *l)
{
    tsn_loop_post(l->loop, finish_in_thread, l);
    tsn_loop_join(l->loop);
}

void
tor_listen_destroy(struct tor_listen *l)
{
    if (l) {
        ovc_acceptor_destroy(l->acceptor);
        tsn_loop_destroy(l->loop);
        rmdir(l->dir);
        free(l->dir);
        free(l);
    }
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
