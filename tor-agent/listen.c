/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the thread: begins, goes on with another configuration, ends.  What is
 * asked of it is answered in listen-show.c. */
#include <config.h>
#include "tor-agent/listen.h"
#include "tor-agent/listen-private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hash.h"
#include "openvswitch/vlog.h"
#include "ovsdb-client/acceptor.h"
#include "tor-agent/reload.h"
#include "tsn/config.h"
#include "tsn/error.h"
#include "tsn/loop.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(tor_listen);

/* Of a ToR's name in its socket's, which must fit sockaddr_un with the
 * directory. */
#define SOCKET_NAME_LEN 32

/* What the ToRs wrote in the end goes to the switches for so long. */
#define FINISH_MS 2000

/* How a ToR's switch is reached. */
enum way {
    DIRECT,                     /* By the ToR's session itself. */
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
listen_shared(struct tor_listen *l, const struct tsn_config_listener *src,
              struct tsn_err *err)
{
    struct ovc_listener_config listener = {
        .name = src->name,
        .address = src->address,
        .tls = src->tls,
        .proxy_protocol = src->proxy_protocol,
        .proxies = src->proxies,
        .n_proxies = src->n_proxies,
    };

    return ovc_acceptor_listen(l->acceptor, &listener, err);
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
    for (size_t i = 0; i < config->n_listeners && !error; i++) {
        error = listen_shared(l, &config->listeners[i], err);
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

/* Another configuration. */

struct reload {
    struct tor_listen *listen;
    const struct tsn_config *old, *config;
    uv_sem_t done;
};

/* Checked before: only somebody who was quicker makes it fail. */
static void
log_failure(int error, const struct tsn_err *err)
{
    if (error) {
        VLOG_ERR("%s", tsn_err_format(err));
    }
}

static void
reload_in_thread(void *reload_)
{
    struct reload *r = reload_;
    const struct tsn_config *old = r->old, *config = r->config;
    struct ovc_acceptor *a = r->listen->acceptor;
    struct tsn_err err;

    for (size_t i = 0; i < old->n_tors; i++) {
        const struct tsn_config_tor *now
            = tor_config_find(config, old->tors[i].name);
        if (!now || !tor_config_same_switch(&old->tors[i], now)) {
            ovc_acceptor_remove_tor(a, old->tors[i].name);
        }
    }
    for (size_t i = 0; i < old->n_listeners; i++) {
        if (!tor_config_find_listener(config, &old->listeners[i])) {
            ovc_acceptor_unlisten(a, old->listeners[i].name);
        }
    }
    for (size_t i = 0; i < config->n_listeners; i++) {
        if (!tor_config_find_listener(old, &config->listeners[i])) {
            log_failure(listen_shared(r->listen, &config->listeners[i], &err),
                        &err);
        }
    }
    for (size_t i = 0; i < config->n_tors; i++) {
        const struct tsn_config_tor *was
            = tor_config_find(old, config->tors[i].name);
        if (!was || !tor_config_same_switch(was, &config->tors[i])) {
            log_failure(add_tor(r->listen, &config->tors[i], &err), &err);
        } else {
            ovc_acceptor_set_max_backoff(a, was->name,
                                         config->tors[i].max_backoff_ms);
        }
    }
    uv_sem_post(&r->done);
}

void
tor_listen_reload(struct tor_listen *l, const struct tsn_config *old,
                  const struct tsn_config *config)
{
    struct reload r = { .listen = l, .old = old, .config = config };

    uv_sem_init(&r.done, 0);
    tsn_loop_post(l->loop, reload_in_thread, &r);
    uv_sem_wait(&r.done);
    uv_sem_destroy(&r.done);
}

static bool
is_own_listener(const struct tsn_config_tor *conf)
{
    enum way way = way_of(conf);

    return way == OWN_TCP || way == OWN_TLS;
}

static bool
same_address(const struct sockaddr_storage *a,
             const struct sockaddr_storage *b)
{
    return !memcmp(a, b, sizeof *a);
}

/* Whether 'config' listens there. */
static bool
listens_at(const struct tsn_config *config,
           const struct sockaddr_storage *address)
{
    for (size_t i = 0; i < config->n_listeners; i++) {
        if (same_address(&config->listeners[i].address, address)) {
            return true;
        }
    }
    for (size_t i = 0; i < config->n_tors; i++) {
        const struct tsn_config_tor *conf = &config->tors[i];
        struct sockaddr_storage own;

        if (is_own_listener(conf)) {
            parse_listener(conf->ovsdb + strlen("ptcp:"), &own);
            if (same_address(&own, address)) {
                return true;
            }
        }
    }
    return false;
}

/* Binds, and lets go again. */
static int
try_bind(const struct tsn_config *old, const struct sockaddr_storage *address,
         const char *name, struct tsn_err *err)
{
    int on = 1, error = 0;

    if (listens_at(old, address)) {
        return 0;
    }
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0
        || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on)
        || (address->ss_family == AF_INET6
            && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on))
        || bind(fd, (const struct sockaddr *) address,
                address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                               : sizeof(struct sockaddr_in))
        || listen(fd, 1)) {
        error = errno;
        tsn_err_set(err, name, "cannot listen for switches: %s",
                    ovs_strerror(error));
    }
    if (fd >= 0) {
        close(fd);
    }
    return -error;
}

int
tor_listen_check(const struct tsn_config *old,
                 const struct tsn_config *config, struct tsn_err *err)
{
    int error = 0;

    for (size_t i = 0; i < config->n_listeners && !error; i++) {
        const struct tsn_config_listener *l = &config->listeners[i];

        error = try_bind(old, &l->address, l->name, err);
    }
    for (size_t i = 0; i < config->n_tors && !error; i++) {
        const struct tsn_config_tor *conf = &config->tors[i];
        struct sockaddr_storage own;

        if (is_own_listener(conf)) {
            parse_listener(conf->ovsdb + strlen("ptcp:"), &own);
            error = try_bind(old, &own, conf->ovsdb, err);
        }
    }
    return error;
}
