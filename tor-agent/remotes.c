/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tor-agent/remotes.h"

#include <inttypes.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "tsn/config.h"
#include "tsn/model.h"
#include "util.h"

static const struct json *
member(const struct json *object, const char *name, enum json_type type)
{
    const struct json *value = (object && object->type == JSON_OBJECT
                                ? shash_find_data(json_object(object), name)
                                : NULL);

    return value && value->type == type ? value : NULL;
}

static const char *
text_of(const struct json *object, const char *name)
{
    const struct json *value = member(object, name, JSON_STRING);

    return value ? json_string(value) : NULL;
}

/* What the acceptor says of 'tor', if its switch is connected. */
static const struct json *
find_session(const struct json *status, const char *tor)
{
    const struct json *sessions = member(status, "sessions", JSON_ARRAY);

    for (size_t i = 0; sessions && i < json_array(sessions)->n; i++) {
        const struct json *session = json_array(sessions)->elems[i];

        if (nullable_string_is_equal(text_of(session, "tor"), tor)) {
            return text_of(session, "peer") ? session : NULL;
        }
    }
    return NULL;
}

static void
put_session(struct ds *out, const struct json *session)
{
    const char *peer = text_of(session, "peer");
    const char *certificate = text_of(session, "certificate");
    const struct json *port = member(session, "port", JSON_INTEGER);

    ds_put_format(out, strchr(peer, ':') ? "%s:[%s]" : "%s:%s",
                  member(session, "tls", JSON_OBJECT) ? "ssl" : "tcp", peer);
    if (port) {
        ds_put_format(out, ":%"PRId64, json_integer(port));
    }
    if (certificate) {
        ds_put_format(out, " (%s)", certificate);
    }
}

/* How the acceptor knows whose switch has connected. */
static void
put_identity(struct ds *out, const struct tsn_config_tor *conf)
{
    char address[TSN_IP_STRLEN];

    for (size_t i = 0; i < conf->n_switches; i++) {
        ds_put_format(out, "%s%s", i ? ", " : " for the switch ",
                      conf->switches[i]);
    }
    if (conf->certificate) {
        ds_put_format(out, " with certificate %s", conf->certificate);
    }
    if (tsn_ip_is_set(&conf->address)) {
        ds_put_format(out, " from %s", tsn_ip_format(&conf->address,
                                                     address));
    }
}

static void
put_awaited(struct ds *out, const struct tsn_config *config,
            const struct tsn_config_tor *conf)
{
    ds_put_cstr(out, "listening at");
    if (conf->ovsdb) {
        ds_put_format(out, " %s", conf->ovsdb);
    }
    for (size_t i = 0; !conf->ovsdb && i < config->n_listeners; i++) {
        const struct tsn_config_listener *l = &config->listeners[i];

        ds_put_format(out, "%s %s:%s", i ? "," : "", l->tls ? "ssl" : "tcp",
                      l->name);
    }
    put_identity(out, conf);
}

static bool
begins(const char *s, const char *prefix)
{
    return !strncmp(s, prefix, strlen(prefix));
}

/* Returns false if the ToR's session itself talks to the switch. */
static bool
put_remote(struct ds *out, const struct tsn_config *config,
           const struct tsn_config_tor *conf, const struct json *status)
{
    const struct json *session;

    if (conf->ovsdb && begins(conf->ovsdb, "ssl:")) {
        ds_put_cstr(out, conf->ovsdb);
    } else if (conf->ovsdb && !begins(conf->ovsdb, "ptcp:")
               && !begins(conf->ovsdb, "pssl:")) {
        return false;
    } else if ((session = find_session(status, conf->name)) != NULL) {
        put_session(out, session);
    } else {
        put_awaited(out, config, conf);
    }
    return true;
}

/* Pairs of strings, one after the other, until an empty name. */
char *
tor_remotes_make(const struct tsn_config *config, const char *status_)
{
    struct json *status = json_from_string(status_);
    struct ds out = DS_EMPTY_INITIALIZER;

    for (size_t i = 0; i < config->n_tors; i++) {
        const struct tsn_config_tor *conf = &config->tors[i];
        struct ds remote = DS_EMPTY_INITIALIZER;

        if (put_remote(&remote, config, conf, status)) {
            ds_put_buffer(&out, conf->name, strlen(conf->name) + 1);
            ds_put_buffer(&out, ds_cstr(&remote), remote.length + 1);
        }
        ds_destroy(&remote);
    }
    ds_put_char(&out, '\0');
    json_destroy(status);
    return ds_steal_cstr(&out);
}

const char *
tor_remotes_find(const char *remotes, const char *tor)
{
    while (*remotes) {
        const char *remote = remotes + strlen(remotes) + 1;

        if (!strcmp(remotes, tor)) {
            return remote;
        }
        remotes = remote + strlen(remote) + 1;
    }
    return NULL;
}
