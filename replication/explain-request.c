/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/explain-request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tsn/error.h"
#include "tsn/hex.h"
#include "tsn/model.h"
#include "util.h"

#define VNI_MAX 0xffffff

struct words {
    const char *vni, *label, *from, *to, *hex;
    bool gre;
};

/* Which option's value is behind 'word', or NULL. */
static const char **
value_of(struct words *w, const char *word)
{
    return !strcmp(word, "--vni") ? &w->vni
           : !strcmp(word, "--label") ? &w->label
           : !strcmp(word, "--from") ? &w->from
           : !strcmp(word, "--to") ? &w->to
           : NULL;
}

static int
sort_words(struct words *w, int argc, char *argv[], struct tsn_err *err)
{
    for (int i = 0; i < argc; i++) {
        const char **value = value_of(w, argv[i]);

        if (!strcmp(argv[i], "--gre")) {
            w->gre = true;
            continue;
        }
        if (value && i + 1 == argc) {
            tsn_err_set(err, argv[i], "wants a value");
            return -EINVAL;
        }
        if (!value && argv[i][0] == '-') {
            tsn_err_set(err, argv[i], "is no option of explain");
            return -EINVAL;
        }
        if (!value && w->hex) {
            tsn_err_set(err, NULL, "more than one frame");
            return -EINVAL;
        }
        if (value) {
            *value = argv[++i];
        } else {
            w->hex = argv[i];
        }
    }
    return 0;
}

static const char *
find_contradiction(const struct words *w)
{
    return !w->hex ? "there is no frame"
           : w->vni && w->label ? "either --vni or --label"
           : w->gre && !w->label ? "--gre goes with --label: VXLAN is UDP"
           : (w->vni || w->label) && !w->from
             ? "--from is missing: which endpoint sends the frame?"
           : w->from && !w->vni && !w->label
             ? "--vni or --label is missing: which network is the frame of?"
           : NULL;
}

static int
read_number(const char *option, const char *s, unsigned int max,
            uint32_t *valuep, struct tsn_err *err)
{
    unsigned int value;

    if (!str_to_uint(s, 0, &value) || value > max) {
        tsn_err_set(err, option, "must be a number up to %u", max);
        return -EINVAL;
    }
    *valuep = value;
    return 0;
}

static int
read_ip(const char *option, const char *s, struct fwd_ip *ipp,
        struct tsn_err *err)
{
    struct in6_addr ip;

    if (tsn_ip_parse(s, &ip)) {
        tsn_err_set(err, option, "must be an IPv4 or IPv6 address");
        return -EINVAL;
    }
    memcpy(ipp, &ip, sizeof *ipp);
    return 0;
}

static int
read_from(const struct words *w, struct fwd_explain_from *from,
          struct tsn_err *err)
{
    from->encap = w->vni ? FWD_VXLAN : w->gre ? FWD_MPLS_GRE : FWD_MPLS_UDP;
    int error = read_ip("--from", w->from, &from->source, err);
    return error ? error
           : w->vni ? read_number("--vni", w->vni, VNI_MAX, &from->label, err)
           : read_number("--label", w->label, FWD_LABEL_MAX, &from->label,
                         err);
}

int
repl_explain_request_parse(struct repl_explain_request *request, int argc,
                           char *argv[], struct tsn_err *err)
{
    struct repl_explain_request r = { .is_frame = false };
    struct words w = { .hex = NULL };

    int error = sort_words(&w, argc, argv, err);
    if (error) {
        return error;
    }
    const char *wrong = find_contradiction(&w);
    if (wrong) {
        tsn_err_set(err, NULL, "%s", wrong);
        return -EINVAL;
    }
    r.is_frame = w.from != NULL;
    r.has_to = w.to != NULL;
    error = r.is_frame ? read_from(&w, &r.from, err) : 0;
    if (!error && r.has_to) {
        error = read_ip("--to", w.to, &r.to, err);
    }
    if (error) {
        return error;
    }

    size_t max = strlen(w.hex) / 2;
    r.data = xmalloc(MAX(max, 1));
    error = tsn_hex_decode(w.hex, r.data, max, &r.size, err);
    if (!error && !r.size) {
        tsn_err_set(err, NULL, "the frame is empty");
        error = -EINVAL;
    }
    if (error) {
        free(r.data);
        return error;
    }
    *request = r;
    return 0;
}

void
repl_explain_request_fini(struct repl_explain_request *request)
{
    free(request->data);
}
