/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tsnctl/explain.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "tsn/ctl-request.h"
#include "tsn/error.h"
#include "tsn/hex.h"
#include "tsnctl/client.h"
#include "tsnctl/pcap-read.h"
#include "tsnctl/print.h"
#include "util.h"

enum {
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
};

/* What fits into a request besides options. */
#define MAX_OCTETS ((TSN_CTL_LINE_MAX - 256) / 2)
/* A screenful or two; who wants more says so. */
#define DEFAULT_COUNT 10

static const char usage[] =
    "usage: tsnctl explain {--vni N | --label N [--gre]} --from VTEP FRAME\n"
    "       tsnctl explain PACKET\n"
    "\n"
    "What tsn-replicator does with a frame and why, and the headers of each\n"
    "copy.  Nothing is sent or counted.\n"
    "\n"
    "FRAME is an Ethernet frame of a server, PACKET a packet of the underlay\n"
    "from its Ethernet or IP header on: hexadecimal digits, or a file in pcap\n"
    "or pcapng (\"-\" is standard input, ./NAME a file called like digits).\n"
    "\n"
    "      --vni N           the frame comes by VXLAN with this VNI\n"
    "      --label N         it comes by MPLS over UDP with this label\n"
    "      --gre             by MPLS over GRE instead\n"
    "      --from VTEP       who sends it: the address of a tunnel endpoint\n"
    "      --to VTEP         only what this endpoint gets; of the copies of a\n"
    "                        frame 100 are shown in full otherwise\n"
    "  -c, --count N         of a file, at most so many packets (default 10)\n"
    "      --packet N        of a file, this one only; the first is 1\n"
    "  -j, --json            print JSON; of a file, an array\n"
    "  -h, --help            print this and exit\n";

struct explain {
    const char *socket;
    bool json;
    const char *vni, *label, *from, *to;
    bool gre;
    unsigned int count;         /* Of a file's packets, ... */
    unsigned int packet;        /* ... or this one; 0: none. */
    struct json *results;       /* An array, of a file in JSON. */
};

static void OVS_PRINTF_FORMAT(1, 2)
complain(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    fputs("tsnctl: ", stderr);
    vfprintf(stderr, fmt, args);
    putc('\n', stderr);
    va_end(args);
}

/* A number of at least 1. */
static bool
read_count(const char *option, const char *s, unsigned int *countp)
{
    unsigned int count;

    if (!str_to_uint(s, 10, &count) || !count) {
        complain("%s must be a number of at least 1", option);
        return false;
    }
    *countp = count;
    return true;
}

/* Returns -1 to go on, or an exit status. */
static int
parse_options(int argc, char *argv[], struct explain *x)
{
    enum { VNI = 256, LABEL, GRE, FROM, TO, PACKET };
    static const struct option long_options[] = {
        { "vni", required_argument, NULL, VNI },
        { "label", required_argument, NULL, LABEL },
        { "gre", no_argument, NULL, GRE },
        { "from", required_argument, NULL, FROM },
        { "to", required_argument, NULL, TO },
        { "count", required_argument, NULL, 'c' },
        { "packet", required_argument, NULL, PACKET },
        { "json", no_argument, NULL, 'j' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    bool ok = true;
    int c;

    optind = 0;                 /* Starts anew, after the program's own. */
    while (ok && (c = getopt_long(argc, argv, "c:jh", long_options,
                                  NULL)) != -1) {
        switch (c) {
        case VNI: x->vni = optarg; break;
        case LABEL: x->label = optarg; break;
        case GRE: x->gre = true; break;
        case FROM: x->from = optarg; break;
        case TO: x->to = optarg; break;
        case 'c': ok = read_count("--count", optarg, &x->count); break;
        case PACKET: ok = read_count("--packet", optarg, &x->packet); break;
        case 'j': x->json = true; break;
        case 'h':
            fputs(usage, stdout);
            return 0;
        default:
            fputs("tsnctl: try explain --help\n", stderr);
            return EXIT_USAGE;
        }
    }
    if (ok && optind == argc) {
        complain("explain: there is no frame, try explain --help");
    }
    return ok && optind < argc ? -1 : EXIT_USAGE;
}

static bool
put_option(struct ds *request, const char *option, const char *value)
{
    if (!value) {
        return true;
    }
    for (const char *p = value; *p; p++) {
        if ((unsigned char) *p <= ' ' || *p == 0x7f) {
            value = "";
            break;
        }
    }
    if (!*value) {
        complain("%s is empty or has a blank in it", option);
        return false;
    }
    ds_put_format(request, " %s %s", option, value);
    return true;
}

/* The request but for the octets.  Returns false after saying why not. */
static bool
put_options(const struct explain *x, struct ds *request)
{
    ds_put_cstr(request, "explain");
    if (x->gre) {
        ds_put_cstr(request, " --gre");
    }
    return put_option(request, "--vni", x->vni)
           && put_option(request, "--label", x->label)
           && put_option(request, "--from", x->from)
           && put_option(request, "--to", x->to);
}

/* Whether frames are inner ones, rather than packets of the underlay.  If that
 * is contradictory the replicator says so. */
static bool
is_inner(const struct explain *x)
{
    return x->vni || x->label || x->from;
}

/* 'number' is that of a file's packet, or 0. */
static int
ask(const struct explain *x, unsigned int number, const uint8_t *data,
    size_t size, struct tsnctl_reply *reply)
{
    struct ds request = DS_EMPTY_INITIALIZER;

    if (size > MAX_OCTETS) {
        char *which = number ? xasprintf("packet %u: ", number) : xstrdup("");

        complain("%s%"PRIuSIZE" octets are more than the %d that can be "
                 "explained", which, size, MAX_OCTETS);
        free(which);
        return EXIT_FAILED;
    }
    bool ok = put_options(x, &request);
    if (ok) {
        ds_put_char(&request, ' ');
        tsn_hex_encode(data, size, &request);
        tsnctl_ask(x->socket, ds_cstr(&request), reply);
    }
    ds_destroy(&request);
    if (!ok) {
        return EXIT_USAGE;
    }
    if (reply->outcome != TSNCTL_OK) {
        complain("%s", reply->outcome == TSNCTL_ABSENT
                       ? "tsn-replicator is not running" : reply->error);
        tsnctl_reply_fini(reply);
        return EXIT_FAILED;
    }
    return 0;
}

/* 'offset' is that of the IP header, if there is one. */
static bool
has_ip(size_t size, size_t offset)
{
    return offset < size;
}

static int
explain_hex(const struct explain *x, uint8_t *data, size_t size)
{
    struct tsnctl_reply reply;
    size_t offset = 0;

    if (!is_inner(x)) {
        /* Where an Ethernet header would have its type is an address, of
         * which this is an unlikely part. */
        offset = tsnctl_ether_ip_offset(data, size);
        if (!has_ip(size, offset)) {
            offset = 0;
        }
    }
    int status = ask(x, 0, data + offset, size - offset, &reply);
    if (status) {
        return status;
    }
    if (x->json) {
        tsnctl_print_json(reply.result);
    } else {
        tsnctl_print_text(&reply, 0);
    }
    tsnctl_reply_fini(&reply);
    return 0;
}

static void
print_packet(struct explain *x, unsigned int number,
             const struct tsnctl_reply *reply)
{
    if (x->json) {
        struct json *result = json_clone(reply->result);

        json_object_put(result, "packet", json_integer_create(number));
        json_array_add(x->results, result);
    } else {
        printf("packet %u:\n", number);
        tsnctl_print_text(reply, 2);
        putchar('\n');
    }
}

/* One that no forwarder looks at. */
static void
print_no_ip(struct explain *x, unsigned int number)
{
    static const char fate[] = "left to the host";

    if (x->json) {
        struct json *result = json_object_create();

        json_object_put(result, "packet", json_integer_create(number));
        json_object_put_string(result, "fate", fate);
        json_array_add(x->results, result);
    } else {
        printf("packet %u:\n  fate: %s, as it is no IP packet\n\n", number,
               fate);
    }
}

static int
explain_packet(struct explain *x, const struct tsnctl_pcap *pcap,
               unsigned int number, const struct tsnctl_packet *packet)
{
    size_t offset = is_inner(x) ? 0 : tsnctl_pcap_ip_offset(pcap, packet);
    struct tsnctl_reply reply;

    if (packet->size < packet->whole_size) {
        complain("packet %u: only %"PRIuSIZE" of its %"PRIuSIZE" octets "
                 "were captured", number, packet->size, packet->whole_size);
        return EXIT_FAILED;
    }
    if (!has_ip(packet->size, offset)) {
        print_no_ip(x, number);
        return 0;
    }
    int status = ask(x, number, packet->data + offset, packet->size - offset,
                     &reply);
    if (!status) {
        print_packet(x, number, &reply);
        tsnctl_reply_fini(&reply);
    }
    return status;
}

/* Whether packet 'number' is after those that are wanted. */
static bool
is_enough(const struct explain *x, unsigned int number)
{
    return number > (x->packet ? x->packet : x->count);
}

static int
explain_packets(struct explain *x, const char *path,
                struct tsnctl_pcap *pcap)
{
    struct tsnctl_packet packet;
    unsigned int number = 0;
    struct tsn_err err;
    int n, status = 0;

    while ((n = tsnctl_pcap_next(pcap, &packet, &err)) > 0) {
        if (is_enough(x, ++number)) {
            break;
        }
        if (!x->packet || number == x->packet) {
            int failed = explain_packet(x, pcap, number, &packet);

            status = failed ? failed : status;
        }
    }
    if (n < 0) {
        complain("%s: packet %u: %s", path, number + 1, err.text);
    } else if (!n && x->packet > number) {
        complain("%s: there are %u packets", path, number);
    } else if (n && !x->packet) {
        complain("%s: more packets than %u, see --count", path, x->count);
    }
    return n < 0 || (!n && x->packet > number) ? EXIT_FAILED : status;
}

static int
explain_file(struct explain *x, const char *path)
{
    struct tsnctl_pcap *pcap;
    struct tsn_err err;
    int status = EXIT_FAILED;

    if (tsnctl_pcap_open(path, &pcap, &err)) {
        complain("%s", err.text);
        return EXIT_FAILED;
    }
    if (is_inner(x) ? tsnctl_pcap_check_ethernet(pcap, &err)
                    : tsnctl_pcap_check_ip(pcap, &err)) {
        complain("%s: %s", path, err.text);
    } else {
        x->results = json_array_create_empty();
        status = explain_packets(x, path, pcap);
        if (x->json) {
            tsnctl_print_json(x->results);
        }
        json_destroy(x->results);
    }
    tsnctl_pcap_close(pcap);
    return status;
}

/* Whether 'word' can be nothing but a file's name. */
static bool
is_path(const char *word)
{
    return !strcmp(word, "-") || strchr(word, '/') || !access(word, F_OK);
}

/* All words, as digits may be in several. */
static int
explain_words(struct explain *x, int argc, char *argv[])
{
    struct ds text = DS_EMPTY_INITIALIZER;
    struct tsn_err err;
    size_t n;
    int status;

    tsn_err_set(&err, NULL, "no digits");
    for (int i = 0; i < argc; i++) {
        ds_put_format(&text, "%s%s", i ? " " : "", argv[i]);
    }
    size_t max = text.length / 2;
    uint8_t *data = xmalloc(MAX(max, 1));
    if (!tsn_hex_decode(ds_cstr(&text), data, max, &n, &err) && n) {
        status = explain_hex(x, data, n);
    } else if (argc == 1 && is_path(argv[0])) {
        status = explain_file(x, argv[0]);
    } else {
        complain("neither a file nor hexadecimal digits: %s", err.text);
        status = EXIT_USAGE;
    }
    free(data);
    ds_destroy(&text);
    return status;
}

int
tsnctl_explain(int argc, char *argv[], const char *socket, bool json)
{
    struct explain x = {
        .socket = socket, .json = json, .count = DEFAULT_COUNT,
    };
    int status = parse_options(argc, argv, &x);

    return status >= 0 ? status
           : explain_words(&x, argc - optind, argv + optind);
}
