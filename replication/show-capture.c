/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/show-capture.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "replication/forwarder/capture.h"
#include "replication/forwarder/counters.h"
#include "replication/forwarder/forwarder.h"
#include "replication/forwarder/ip-text.h"
#include "replication/show.h"
#include "replication/tree/networks.h"
#include "tsn/ctl.h"
#include "tsn/json.h"
#include "tsn/model.h"
#include "util.h"
#include "xmpp/view.h"

/* The engines are the interfaces of a capture. */
enum { EBPF, SOCKET };

/* Octets of frames in a reply, so that no other work waits long for it. */
#define READ_BUDGET (128 * 1024)

/* The value of "key=value", or NULL. */
static const char *
value_of(const char *word, const char *key)
{
    size_t len = strlen(key);

    return !strncmp(word, key, len) && word[len] == '=' ? word + len + 1
           : NULL;
}

static const char *
set_network(struct fwd_capture_filter *f, const struct repl_show *show,
            const char *name)
{
    const struct repl_network *network = repl_show_find(show, name);

    if (!network) {
        return "no such network is served";
    }
    f->vni = network->vni;
    return NULL;
}

static const char *
set_from(struct fwd_capture_filter *f, const char *address)
{
    struct in6_addr addr;

    if (tsn_ip_parse(address, &addr)) {
        return "not an address";
    }
    memcpy(&f->from, &addr, sizeof f->from);
    return NULL;
}

static const char *
set_drops(struct fwd_capture_filter *f, const char *reason)
{
    f->fates &= ~(UINT64_C(1) << FWD_OK);
    if (!strcmp(reason, "any")) {
        return NULL;
    }
    for (int drop = FWD_OK + 1; drop < FWD_N_DROPS; drop++) {
        if (!strcmp(reason, fwd_drop_name(drop))) {
            f->fates = UINT64_C(1) << drop;
            return NULL;
        }
    }
    return "not a reason; \"tsnctl drops\" lists them";
}

static const char *
set_snaplen(struct fwd_capture_filter *f, const char *octets)
{
    unsigned int n;

    if (!str_to_uint(octets, 10, &n) || !n) {
        return "not a number of octets";
    }
    f->snaplen = MIN(n, FWD_CAPTURE_MAX);
    return NULL;
}

/* Adds what 'word' says to the filter.  Returns NULL, or what is wrong. */
static const char *
parse_word(struct fwd_capture_filter *f, const struct repl_show *show,
           const char *word)
{
    const char *value;

    return (value = value_of(word, "network")) ? set_network(f, show, value)
           : (value = value_of(word, "from")) ? set_from(f, value)
           : (value = value_of(word, "drops")) ? set_drops(f, value)
           : (value = value_of(word, "snaplen")) ? set_snaplen(f, value)
           : "not understood";
}

static void
show_interface(struct tsn_json *json, const char *name,
               const char *description)
{
    tsn_json_object_begin(json, NULL);
    tsn_json_string(json, "name", name);
    tsn_json_string(json, "description", description);
    tsn_json_object_end(json);
}

static void
start_cb(struct tsn_ctl_call *call, int argc, char *argv[], void *show_)
{
    const struct repl_show *show = show_;
    struct tsn_json *json = tsn_ctl_reply(call);
    struct fwd_capture_filter filter = {
        .fates = UINT64_MAX, .vni = FWD_CAPTURE_ANY,
        .snaplen = FWD_CAPTURE_MAX,
    };
    uint32_t session = 0;

    for (int i = 0; i < argc; i++) {
        const char *problem = parse_word(&filter, show, argv[i]);

        if (problem) {
            tsn_ctl_error(call, "%s: %s", argv[i], problem);
            tsn_ctl_finish(call);
            return;
        }
    }
    if (fwd_capture_start(fwd_get_capture(show->fwd), &filter, &session)) {
        tsn_ctl_error(call, "somebody captures already, and there can be one "
                      "capture at a time");
    }
    tsn_json_object_begin(json, "result");
    tsn_json_uint(json, "session", session);
    tsn_json_uint(json, "snaplen", filter.snaplen);
    tsn_json_array_begin(json, "interfaces");
    show_interface(json, "ebpf", "frames as they arrived");
    show_interface(json, "socket", "outer headers rebuilt");
    tsn_json_array_end(json);
    tsn_json_object_end(json);
    tsn_ctl_finish(call);
}

/* The part of a network's name that people call it by. */
static const char *
short_name(const struct repl_network *network)
{
    const char *name = network->config->name, *colon = strrchr(name, ':');

    return colon ? colon + 1 : name;
}

/* The label that counts of a stack in 'size' octets, as the pipeline has it. */
static uint32_t
find_label(const uint8_t *p, size_t size)
{
    uint32_t entry = fwd_get32(p);

    if (entry >> 12 == FWD_MPLS_SKIPPED && !(entry & FWD_MPLS_BOTTOM)
        && size >= 2 * FWD_MPLS_LEN) {
        entry = fwd_get32(p + FWD_MPLS_LEN);
    }
    return entry >> 12;
}

/* Which network the frame is of, or what it has instead of one of ours. */
static void
put_network(struct ds *s, const struct repl_show *show,
            const struct fwd_captured *f)
{
    const struct fwd_capture_record *r = f->record;
    const struct repl_network *network
        = r->vni != FWD_CAPTURE_ANY
          ? repl_networks_find(show->networks, r->vni) : NULL;
    const uint8_t *p = f->packet + f->tunnel;

    if (r->vni != FWD_CAPTURE_ANY) {
        ds_put_format(s, "%s vni=%"PRIu32, network ? short_name(network) : "?",
                      r->vni);
        return;
    }
    ds_put_cstr(s, "no network");
    if (f->tunnel > f->stored || f->stored - f->tunnel < FWD_VXLAN_LEN) {
        return;
    }
    if (r->encap == FWD_VXLAN) {
        ds_put_format(s, " vni=%"PRIu32, fwd_get24(p + 4));
    } else {
        ds_put_format(s, " label=%"PRIu32,
                      find_label(p, f->stored - f->tunnel));
    }
}

static void
put_comment(struct ds *s, const struct repl_show *show,
            const struct fwd_captured *f)
{
    const struct fwd_capture_record *r = f->record;

    if (r->type == FWD_CAPTURE_COPY) {
        ds_put_format(s, "copy to=%s class=%s dropped: %s; ",
                      fwd_ip_text(&r->outer.dst).s,
                      fwd_class_name(r->to_class), fwd_drop_name(r->drop));
    }
    put_network(s, show, f);
    ds_put_format(s, " from=%s class=%s", fwd_ip_text(&r->source).s,
                  fwd_class_name(r->class));
    if (r->type == FWD_CAPTURE_COPY) {
        return;
    }
    ds_put_format(s, " by=%s", fwd_encap_name(r->encap));
    if (r->class != FWD_STRANGER) {
        ds_put_format(s, " kind=%s", fwd_kind_name(r->kind));
    }
    ds_put_format(s, " action=%s", r->drop ? fwd_action_name(FWD_DROP)
                  : fwd_action_name(r->action));
    if (r->drop) {
        ds_put_format(s, " reason=%s", fwd_drop_name(r->drop));
    }
}

/* The inner Ethernet header, for who sees no more than a line. */
static void
put_inner(struct ds *s, const struct fwd_captured *f)
{
    if (f->inner > f->stored || f->stored - f->inner < FWD_ETHER_LEN) {
        return;
    }
    const uint8_t *p = f->packet + f->inner;
    struct eth_addr dst, src;

    memcpy(&dst, p, sizeof dst);
    memcpy(&src, p + 6, sizeof src);
    ds_put_format(s, ETH_ADDR_FMT" > "ETH_ADDR_FMT" type=%04"PRIx16
                  " size=%"PRIuSIZE, ETH_ADDR_ARGS(src), ETH_ADDR_ARGS(dst),
                  fwd_get16(p + 12), f->size - f->inner);
}

struct reading {
    const struct repl_show *show;
    struct tsn_json *json;
    struct ds text;
};

static void
put_string(struct reading *reading, const char *key)
{
    tsn_json_string(reading->json, key, ds_cstr(&reading->text));
    ds_clear(&reading->text);
}

static void
frame_cb(const struct fwd_captured *f, void *reading_)
{
    static const char digits[] = "0123456789abcdef";
    struct reading *reading = reading_;
    struct tsn_json *json = reading->json;
    struct ds *text = &reading->text;

    tsn_json_object_begin(json, NULL);
    tsn_json_uint(json, "interface", f->ebpf ? EBPF : SOCKET);
    tsn_json_uint(json, "time_ns", f->time_ns);
    tsn_json_uint(json, "size", f->size);
    tsn_json_bool(json, "out", f->record->type == FWD_CAPTURE_COPY);
    put_comment(text, reading->show, f);
    put_string(reading, "comment");
    put_inner(text, f);
    put_string(reading, "inner");

    char *p = ds_put_uninit(text, 2 * f->stored);
    for (size_t i = 0; i < f->stored; i++) {
        *p++ = digits[f->packet[i] >> 4];
        *p++ = digits[f->packet[i] & 0x0f];
    }
    put_string(reading, "data");
    tsn_json_object_end(json);
}

/* Returns false after an error. */
static bool
parse_session(struct tsn_ctl_call *call, const char *word, uint32_t *session)
{
    unsigned int n;

    if (!str_to_uint(word, 10, &n)) {
        tsn_ctl_error(call, "\"%s\" is not the number of a capture", word);
        return false;
    }
    *session = n;
    return true;
}

static void
read_cb(struct tsn_ctl_call *call, int argc OVS_UNUSED, char *argv[],
        void *show_)
{
    struct reading reading = {
        .show = show_, .json = tsn_ctl_reply(call),
        .text = DS_EMPTY_INITIALIZER,
    };
    struct tsn_json *json = reading.json;
    struct fwd_capture_state state = { .more = false };
    uint32_t session;

    tsn_json_object_begin(json, "result");
    tsn_json_array_begin(json, "frames");
    if (parse_session(call, argv[0], &session)
        && fwd_capture_read(fwd_get_capture(reading.show->fwd), session,
                            READ_BUDGET, frame_cb, &reading, &state)) {
        tsn_ctl_error(call, "this capture has ended");
    }
    tsn_json_array_end(json);
    tsn_json_array_begin(json, "lost");
    tsn_json_uint(json, NULL, state.lost_by_ebpf);
    tsn_json_uint(json, NULL, state.lost_by_socket);
    tsn_json_array_end(json);
    tsn_json_bool(json, "more", state.more);
    tsn_json_bool(json, "ended", state.stopped && !state.more);
    tsn_json_object_end(json);
    tsn_ctl_finish(call);
    ds_destroy(&reading.text);
}

static void
stop_cb(struct tsn_ctl_call *call, int argc OVS_UNUSED, char *argv[],
        void *show_)
{
    const struct repl_show *show = show_;
    uint32_t session;

    if (parse_session(call, argv[0], &session)
        && fwd_capture_stop(fwd_get_capture(show->fwd), session)) {
        tsn_ctl_error(call, "this capture has ended");
    }
    tsn_json_object_begin(tsn_ctl_reply(call), "result");
    tsn_json_object_end(tsn_ctl_reply(call));
    tsn_ctl_finish(call);
}

void
repl_show_capture_register(struct tsn_ctl *ctl, struct repl_show *show)
{
    tsn_ctl_register(ctl, "capture start",
                     "capture start [network=NETWORK] [from=VTEP] "
                     "[drops=REASON|any] [snaplen=OCTETS]", 0, 4, start_cb,
                     show);
    tsn_ctl_register(ctl, "capture read", "capture read SESSION", 1, 1,
                     read_cb, show);
    tsn_ctl_register(ctl, "capture stop", "capture stop SESSION", 1, 1,
                     stop_cb, show);
}
