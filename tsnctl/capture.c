/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tsnctl/capture.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "tsn/loop.h"
#include "tsnctl/client.h"
#include "tsnctl/pcapng.h"
#include "tsnctl/private-file.h"
#include "util.h"

enum {
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
};

#define NS_PER_S UINT64_C(1000000000)
/* How often to read, as long as all that is there fits what is read. */
#define READ_MS 100
#define MAX_INTERFACES 8

static const char usage[] =
    "usage: tsnctl [OPTION]... capture [OPTION]...\n"
    "\n"
    "Shows the frames that tsn-replicator gets, and what becomes of each, and\n"
    "the copies that it drops.\n"
    "\n"
    "  -w, --write FILE      write packets to FILE as pcapng, the fate of each\n"
    "                        as its comment; \"-\": to standard output\n"
    "  -n, --network NETWORK of this network, by name or VNI\n"
    "  -f, --from VTEP       from this tunnel endpoint\n"
    "  -d, --drops[=REASON]  only what is dropped, for REASON or any;\n"
    "                        \"tsnctl drops\" lists the reasons\n"
    "  -c, --count N         end after N of them\n"
    "  -t, --seconds S       end after S seconds\n"
    "  -s, --snaplen N       no more than N octets of each\n"
    "  -h, --help            print this and exit\n";

struct capture {
    const char *path;           /* Of the control socket. */
    const char *file_name;      /* Or NULL. */
    FILE *file;                 /* Or NULL: lines to standard output. */
    struct ds request;          /* To start. */
    uint64_t max_frames;        /* Or UINT64_MAX. */
    uint64_t end_ms;            /* Or UINT64_MAX. */

    int64_t session;
    size_t n_interfaces;
    uint64_t received[MAX_INTERFACES], lost[MAX_INTERFACES];
    uint64_t n_frames, n_copies;
    uint64_t gap;               /* Lost since the last frame. */
    bool failed;
};

static volatile sig_atomic_t interrupted;

static void
interrupt(int signal OVS_UNUSED)
{
    interrupted = 1;
}

/* So that the file is finished, whatever ends us: also a reader that goes. */
static void
catch_signals(void)
{
    struct sigaction action = {
        .sa_handler = interrupt, .sa_flags = SA_RESTART,
    };

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static struct json *
member(const struct json *object, const char *name, enum json_type type)
{
    struct json *json = object->type == JSON_OBJECT
                        ? shash_find_data(object->object, name) : NULL;

    return json && json->type == type ? json : NULL;
}

static int64_t
integer(const struct json *object, const char *name)
{
    const struct json *json = member(object, name, JSON_INTEGER);

    return json ? json->integer : 0;
}

static const char *
string(const struct json *object, const char *name)
{
    const struct json *json = member(object, name, JSON_STRING);

    return json ? json->string : "";
}

/* An array's elements; '*n' of them. */
static struct json **
elements(const struct json *object, const char *name, size_t *n)
{
    const struct json *json = member(object, name, JSON_ARRAY);

    *n = json ? json->array.n : 0;
    return json ? json->array.elems : NULL;
}

/* Returns false after saying what is wrong. */
static bool
ask(struct capture *c, const char *request, struct tsnctl_reply *reply)
{
    tsnctl_ask(c->path, request, reply);
    if (reply->outcome == TSNCTL_OK) {
        return true;
    }
    if (reply->outcome == TSNCTL_ABSENT) {
        fputs("tsnctl: tsn-replicator is not running\n", stderr);
    } else {
        fprintf(stderr, "tsnctl: %s\n", reply->error);
    }
    c->failed = true;
    return false;
}

/* What was written must not stay with us: somebody may look at it now. */
static void
flush(struct capture *c)
{
    FILE *out = c->file ? c->file : stdout;
    int error = fflush(out) ? errno : 0;

    if ((error || ferror(out)) && !c->failed) {
        fprintf(stderr, "tsnctl: %s: %s\n",
                c->file && c->file != stdout ? c->file_name
                : "standard output",
                error ? ovs_strerror(error) : "cannot write");
        c->failed = true;
    }
}

static void
write_header(struct capture *c, const struct json *start)
{
    size_t n;
    struct json **interfaces = elements(start, "interfaces", &n);

    c->n_interfaces = MIN(n, MAX_INTERFACES);
    if (!c->file) {
        return;
    }
    pcapng_put_section(c->file, "tsnctl " TSN_VERSION);
    for (size_t i = 0; i < c->n_interfaces; i++) {
        pcapng_put_interface(c->file, string(interfaces[i], "name"),
                             string(interfaces[i], "description"),
                             integer(start, "snaplen"));
    }
    flush(c);
}

static void
write_line(const struct json *frame)
{
    uint64_t time_ns = integer(frame, "time_ns");
    time_t seconds = time_ns / NS_PER_S;
    struct tm tm;
    char text[16];

    strftime(text, sizeof text, "%H:%M:%S", localtime_r(&seconds, &tm));
    printf("%s.%06"PRIu64" %s %s\n", text, time_ns % NS_PER_S / 1000,
           string(frame, "comment"), string(frame, "inner"));
}

/* Turns hexadecimal digits into octets, in place of them.  Returns how many. */
static size_t
decode(char *text)
{
    uint8_t *out = (uint8_t *) text;
    size_t n = 0;
    bool ok = true;

    for (; text[2 * n] && text[2 * n + 1]; n++) {
        int octet = hexits_value(&text[2 * n], 2, &ok);

        if (!ok) {
            break;
        }
        out[n] = octet;
    }
    return n;
}

static void
write_frame(struct capture *c, const struct json *frame)
{
    struct json *data = member(frame, "data", JSON_STRING);
    uint64_t interface = integer(frame, "interface");
    struct pcapng_packet p = {
        .interface = interface,
        .time_ns = integer(frame, "time_ns"),
        .size = integer(frame, "size"),
        .out = member(frame, "out", JSON_TRUE) != NULL,
        .comment = string(frame, "comment"),
        .lost = c->gap,
    };

    if (!data || interface >= c->n_interfaces) {
        return;
    }
    c->received[interface]++;
    c->n_frames += !p.out;
    c->n_copies += p.out;
    c->gap = 0;
    if (c->file) {
        p.stored = decode(data->string);
        p.data = data->string;
        pcapng_put_packet(c->file, &p);
    } else {
        write_line(frame);
    }
}

/* Takes over how many were lost.  That was after what was read now. */
static void
note_lost(struct capture *c, const struct json *result)
{
    size_t n;
    struct json **lost = elements(result, "lost", &n);

    for (size_t i = 0; i < MIN(n, c->n_interfaces); i++) {
        if (lost[i]->type == JSON_INTEGER) {
            c->gap += lost[i]->integer - c->lost[i];
            c->lost[i] = lost[i]->integer;
        }
    }
}

static bool
is_full(const struct capture *c)
{
    return c->n_frames + c->n_copies >= c->max_frames;
}

/* Reads and writes once.  Returns false at the end of the capture; otherwise
 * '*more' says whether there is more to read. */
static bool
read_some(struct capture *c, bool *more)
{
    char *request = xasprintf("capture read %"PRId64, c->session);
    struct tsnctl_reply reply;
    bool go_on = false;
    size_t n;

    if (ask(c, request, &reply)) {
        struct json **frames = elements(reply.result, "frames", &n);

        for (size_t i = 0; i < n && !is_full(c); i++) {
            write_frame(c, frames[i]);
        }
        note_lost(c, reply.result);
        go_on = !member(reply.result, "ended", JSON_TRUE);
        *more = member(reply.result, "more", JSON_TRUE) != NULL;
    }
    tsnctl_reply_fini(&reply);
    free(request);
    flush(c);
    return go_on;
}

static bool
stop(struct capture *c)
{
    char *request = xasprintf("capture stop %"PRId64, c->session);
    struct tsnctl_reply reply;
    bool ok = ask(c, request, &reply);

    tsnctl_reply_fini(&reply);
    free(request);
    return ok;
}

static bool
is_over(const struct capture *c)
{
    return interrupted || c->failed || is_full(c)
           || tsn_now_ms() >= c->end_ms;
}

static void
run(struct capture *c)
{
    bool stopped = false, more;

    while (read_some(c, &more)) {
        if (!stopped && is_over(c)) {
            stopped = true;
            if (!stop(c)) {
                return;
            }
        } else if (!more) {
            uint64_t left_ms = c->end_ms - MIN(tsn_now_ms(), c->end_ms);

            poll(NULL, 0, MIN(READ_MS, left_ms));
        }
    }
}

/* Ends a capture of which nothing is wanted.  One that is only stopped would
 * keep others from theirs, as it waits to be read. */
static void
abandon(struct capture *c)
{
    bool more;

    c->failed = true;
    c->max_frames = 0;
    if (stop(c)) {
        while (read_some(c, &more)) {
            continue;
        }
    }
}

static void
finish(struct capture *c)
{
    uint64_t lost = 0;
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    for (size_t i = 0; i < c->n_interfaces; i++) {
        lost += c->lost[i];
        if (c->file) {
            pcapng_put_statistics(c->file, i,
                                  ts.tv_sec * NS_PER_S + ts.tv_nsec,
                                  c->received[i], c->lost[i]);
        }
    }
    fprintf(stderr, "%"PRIu64" frames and %"PRIu64" dropped copies captured, "
            "%"PRIu64" lost because they came faster than they were read\n",
            c->n_frames, c->n_copies, lost);
}

/* Adds a filter to the request, "key=value". */
static bool
put_filter(struct capture *c, const char *key, const char *value)
{
    for (const char *p = value; *p; p++) {
        if ((unsigned char) *p <= ' ' || *p == 0x7f) {
            value = "";
            break;
        }
    }
    if (!*value) {
        fprintf(stderr, "tsnctl: --%s: empty, or with a blank in it\n", key);
        return false;
    }
    ds_put_format(&c->request, " %s=%s", key, value);
    return true;
}

static bool
parse_number(const char *option, const char *text, uint64_t *value)
{
    unsigned int n;

    if (!str_to_uint(text, 10, &n) || !n) {
        fprintf(stderr, "tsnctl: --%s: \"%s\" is not a number above zero\n",
                option, text);
        return false;
    }
    *value = n;
    return true;
}

static bool
open_file(struct capture *c)
{
    const char *name = c->file_name;
    int error = 0;

    if (!name) {
        return true;
    } else if (strcmp(name, "-")) {
        error = tsnctl_private_file_open(name, &c->file);
    } else if (isatty(STDOUT_FILENO)) {
        fputs("tsnctl: packets are nothing for a terminal\n", stderr);
        return false;
    } else {
        c->file = stdout;
    }
    if (error) {
        fprintf(stderr, "tsnctl: %s: %s\n", name, error == -EPERM
                ? "somebody else has put that there" : ovs_strerror(-error));
        return false;
    }
    return true;
}

/* Returns -1 to go on, or an exit status. */
static int
parse_options(struct capture *c, int argc, char *argv[])
{
    static const struct option long_options[] = {
        { "write", required_argument, NULL, 'w' },
        { "network", required_argument, NULL, 'n' },
        { "from", required_argument, NULL, 'f' },
        { "drops", optional_argument, NULL, 'd' },
        { "count", required_argument, NULL, 'c' },
        { "seconds", required_argument, NULL, 't' },
        { "snaplen", required_argument, NULL, 's' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    uint64_t seconds = 0;
    bool ok = true;
    int opt;

    optind = 0;                 /* Those of tsnctl itself are done. */
    while (ok
           && (opt = getopt_long(argc, argv, "w:n:f:d::c:t:s:h",
                                 long_options, NULL)) != -1) {
        switch (opt) {
        case 'w':
            c->file_name = optarg;
            break;
        case 'n':
            ok = put_filter(c, "network", optarg);
            break;
        case 'f':
            ok = put_filter(c, "from", optarg);
            break;
        case 'd':
            ok = put_filter(c, "drops", optarg ? optarg : "any");
            break;
        case 'c':
            ok = parse_number("count", optarg, &c->max_frames);
            break;
        case 't':
            ok = parse_number("seconds", optarg, &seconds);
            break;
        case 's':
            ok = put_filter(c, "snaplen", optarg);
            break;
        case 'h':
            fputs(usage, stdout);
            return 0;
        default:
            ok = false;
        }
    }
    if (ok && optind < argc) {
        fprintf(stderr, "tsnctl: \"%s\" is no option; the reason of drops is "
                "given as --drops=REASON\n", argv[optind]);
        ok = false;
    }
    if (!ok) {
        fputs("tsnctl: try \"tsnctl capture --help\"\n", stderr);
        return EXIT_USAGE;
    }
    c->end_ms = seconds ? tsn_now_ms() + seconds * 1000 : UINT64_MAX;
    return -1;
}

int
tsnctl_capture(int argc, char *argv[], const char *path, bool json)
{
    struct capture c = {
        .path = path, .request = DS_EMPTY_INITIALIZER,
        .max_frames = UINT64_MAX,
    };
    struct tsnctl_reply reply;

    if (json) {
        fputs("tsnctl: a capture is no JSON\n", stderr);
        return EXIT_USAGE;
    }
    ds_put_cstr(&c.request, "capture start");
    int status = parse_options(&c, argc, argv);
    if (status < 0) {
        catch_signals();
        if (ask(&c, ds_cstr(&c.request), &reply)) {
            c.session = integer(reply.result, "session");
            if (!open_file(&c)) {
                abandon(&c);
            } else {
                write_header(&c, reply.result);
                run(&c);
                finish(&c);
            }
        }
        tsnctl_reply_fini(&reply);
        status = c.failed ? EXIT_FAILED : 0;
    }
    if (c.file && (fclose(c.file) || status)) {
        status = EXIT_FAILED;
    }
    ds_destroy(&c.request);
    return status;
}
