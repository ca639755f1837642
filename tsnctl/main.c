/* SPDX-License-Identifier: Apache-2.0 */
/* tsnctl: asks the programs that run on this host and shows what they say.
 * It knows which of them a command concerns, and nothing of what they
 * answer.  Commands that read files are in files of their own. */
#include <config.h>

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "tsnctl/capture.h"
#include "tsnctl/client.h"
#include "tsnctl/explain.h"
#include "tsnctl/print.h"
#include "util.h"

enum {
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
};

enum program {
    TOR_AGENT,
    REPLICATOR,
    CONTROLLER,
    N_PROGRAMS
};

static const char *const program_names[N_PROGRAMS] = {
    [TOR_AGENT] = "tsn-tor-agent",
    [REPLICATOR] = "tsn-replicator",
    [CONTROLLER] = "tsn-controller",
};

#define BIT(PROGRAM) (1u << (PROGRAM))
#define ALL (BIT(N_PROGRAMS) - 1)

/* Whom a command concerns. */
struct route {
    const char *command;
    unsigned programs;
    unsigned instead;           /* Asked if none of 'programs' runs. */
    bool any;                   /* One that accepts is enough: the others
                                 * do not know the command or its object. */
    bool tell_absent;           /* Say who does not run. */
};

static const struct route routes[] = {
    { "tor", BIT(TOR_AGENT), 0, false, false },
    { "alarms", BIT(TOR_AGENT) | BIT(REPLICATOR), 0, false, false },
    { "show tors", BIT(TOR_AGENT), 0, false, false },
    { "show listeners", BIT(TOR_AGENT), 0, false, false },
    { "show macs", BIT(TOR_AGENT), 0, false, false },
    { "show rows", BIT(TOR_AGENT), 0, false, false },
    { "capture", BIT(REPLICATOR), 0, false, false },
    { "drops", BIT(REPLICATOR), 0, false, false },
    { "flood", BIT(REPLICATOR), 0, false, false },
    { "show flood", BIT(REPLICATOR), 0, false, false },
    { "show storms", BIT(REPLICATOR), 0, false, false },
    { "show networks", BIT(TOR_AGENT) | BIT(REPLICATOR), BIT(CONTROLLER),
      false, false },
    { "status", ALL, 0, false, true },
    { "version", ALL, 0, false, true },
    /* "log", "help" and all that a program may learn. */
    { "", ALL, 0, true, false },
};

struct options {
    const char *run_dir;
    const char *socket;
    bool json;
};

static const char usage[] =
    "usage: tsnctl [OPTION]... COMMAND...\n"
    "\n"
    "  status                state of the programs on this host\n"
    "  alarms                what should be looked into, and since when\n"
    "  tor list              switches, a line each\n"
    "  tor show TOR...       all about a switch and its sessions\n"
    "  tor diff [TOR]...     rows that are not as wanted, and why\n"
    "  tor history TOR...    last transactions, and why sessions ended\n"
    "  tor resync TOR...     compare all rows anew\n"
    "  tor reconnect TOR...  end the session with the switch, begin another\n"
    "  tor purge-stale TOR...  remove now what nobody wants\n"
    "  tor freeze TOR...     leave rows as they are, but add missing ones\n"
    "  tor dry-run TOR...    write nothing; \"tor diff\" shows what would be\n"
    "  tor unfreeze TOR...   end of both\n"
    "  tor unfreeze-mac TOR NETWORK MAC\n"
    "                        let a MAC that moved too often move again\n"
    "  tor profile [NAME]    what is known of kinds of switches\n"
    "  show tors [TOR]...    as \"tor show\", for all if none is named\n"
    "  show listeners        where switches connect to us, and who did\n"
    "  show networks         virtual networks\n"
    "  show macs [TOR]...    MAC addresses of the switches\n"
    "  show rows [TOR]...    what is to be in the switches' databases, and why\n"
    "                        it is not there\n"
    "  flood show [NETWORK]  who gets a copy of a network's broadcasts, and\n"
    "                        how; also \"show flood\"\n"
    "  drops [NETWORK]       why frames and copies were dropped, and how many\n"
    "  capture [OPTION]...   frames as they come, with what becomes of each;\n"
    "                        \"capture --help\" has the options\n"
    "  explain ...           what becomes of a frame, and why; see\n"
    "                        \"tsnctl explain --help\"\n"
    "  show storms           who sent more to flood than storm control lets\n"
    "                        through\n"
    "  log MODULE|any LEVEL  what is logged: off, err, warn, info or dbg\n"
    "  version               version and running time\n"
    "  help                  this, and what the running programs serve\n"
    "\n"
    "  -r, --run-dir DIR     directory of the control sockets\n"
    "                        (default " TSN_RUNDIR ")\n"
    "  -s, --socket PATH     ask the program behind this socket only\n"
    "  -j, --json            print JSON\n"
    "  -V, --version         print the version and exit\n"
    "  -h, --help            print this and exit\n";

/* Returns -1 to go on, or an exit status. */
static int
parse_options(int argc, char *argv[], struct options *options)
{
    static const struct option long_options[] = {
        { "run-dir", required_argument, NULL, 'r' },
        { "socket", required_argument, NULL, 's' },
        { "json", no_argument, NULL, 'j' },
        { "version", no_argument, NULL, 'V' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int c;

    /* Options behind the command are the command's. */
    while ((c = getopt_long(argc, argv, "+r:s:jVh", long_options, NULL))
           != -1) {
        switch (c) {
        case 'r':
            options->run_dir = optarg;
            break;
        case 's':
            options->socket = optarg;
            break;
        case 'j':
            options->json = true;
            break;
        case 'V':
            printf("tsnctl %s\n", TSN_VERSION);
            return 0;
        case 'h':
            fputs(usage, stdout);
            return 0;
        default:
            fputs("tsnctl: try --help\n", stderr);
            return EXIT_USAGE;
        }
    }
    return -1;
}

/* Joins the command's words.  A "--json" at its end is ours. */
static bool
join_words(int argc, char *argv[], struct options *options,
           struct ds *request)
{
    if (argc > 1 && !strcmp(argv[argc - 1], "--json")) {
        options->json = true;
        argc--;
    }
    for (int i = 0; i < argc; i++) {
        bool bad = !*argv[i];

        for (const char *p = argv[i]; *p; p++) {
            bad |= (unsigned char) *p <= ' ' || *p == 0x7f;
        }
        if (bad) {
            fputs("tsnctl: a word of the command is empty or has a blank "
                  "in it\n", stderr);
            return false;
        }
        ds_put_format(request, "%s%s", i ? " " : "", argv[i]);
    }
    if (!request->length) {
        fputs(usage, stderr);
        return false;
    }
    return true;
}

static const struct route *
find_route(const char *request)
{
    const struct route *route = routes;

    for (;; route++) {
        size_t len = strlen(route->command);

        if (!len || (!strncmp(request, route->command, len)
                     && (!request[len] || request[len] == ' '))) {
            return route;
        }
    }
}

/* Prints the reply of the only one asked.  Returns the exit status. */
static int
print_one(const char *name, const struct tsnctl_reply *reply,
          const struct options *options)
{
    switch (reply->outcome) {
    case TSNCTL_OK:
        if (options->json) {
            tsnctl_print_json(reply->result);
        } else {
            tsnctl_print_text(reply, 0);
        }
        return 0;
    case TSNCTL_ABSENT:
        fprintf(stderr, "tsnctl: %s is not running\n", name);
        return EXIT_FAILED;
    case TSNCTL_REFUSED:
    case TSNCTL_FAILED:
    default:
        fprintf(stderr, "tsnctl: %s: %s\n", name, reply->error);
        return EXIT_FAILED;
    }
}

/* What became of a request to several. */
struct poll {
    const struct route *route;
    const struct options *options;
    unsigned asked;
    struct tsnctl_reply replies[N_PROGRAMS];
};

static unsigned
with_outcome(const struct poll *poll, enum tsnctl_outcome outcome)
{
    unsigned set = 0;

    for (int i = 0; i < N_PROGRAMS; i++) {
        if (poll->asked & BIT(i) && poll->replies[i].outcome == outcome) {
            set |= BIT(i);
        }
    }
    return set;
}

static void
ask_programs(struct poll *poll, unsigned programs, const char *request)
{
    for (int i = 0; i < N_PROGRAMS; i++) {
        if (programs & BIT(i)) {
            char *path = xasprintf("%s/%s.ctl", poll->options->run_dir,
                                   program_names[i]);
            tsnctl_ask(path, request, &poll->replies[i]);
            free(path);
        }
    }
    poll->asked |= programs;
}

static void
print_results_json(const struct poll *poll)
{
    struct json *all = json_object_create();

    for (int i = 0; i < N_PROGRAMS; i++) {
        const struct tsnctl_reply *reply = &poll->replies[i];

        if (!(poll->asked & BIT(i))) {
            continue;
        }
        if (reply->outcome == TSNCTL_OK) {
            json_object_put(all, program_names[i],
                            json_clone(reply->result));
        } else if (reply->outcome == TSNCTL_ABSENT
                   && poll->route->tell_absent) {
            json_object_put(all, program_names[i], json_null_create());
        }
    }
    tsnctl_print_json(all);
    json_destroy(all);
}

static void
print_results_text(const struct poll *poll)
{
    bool any = false;

    for (int i = 0; i < N_PROGRAMS; i++) {
        const struct tsnctl_reply *reply = &poll->replies[i];
        bool absent = reply->outcome == TSNCTL_ABSENT
                      && poll->route->tell_absent;

        if (!(poll->asked & BIT(i))
            || (reply->outcome != TSNCTL_OK && !absent)) {
            continue;
        }
        printf("%s%s:%s\n", any ? "\n" : "", program_names[i],
               absent ? " not running" : "");
        if (!absent) {
            tsnctl_print_text(reply, 2);
        }
        any = true;
    }
}

/* Says what went wrong, each text once.  Returns the exit status. */
static int
print_errors(const struct poll *poll, unsigned programs)
{
    for (int i = 0; i < N_PROGRAMS; i++) {
        const char *error = poll->replies[i].error;
        bool said = false;

        if (!(programs & BIT(i))) {
            continue;
        }
        for (int j = 0; j < i; j++) {
            said |= programs & BIT(j)
                    && !strcmp(poll->replies[j].error, error);
        }
        if (!said) {
            fprintf(stderr, "tsnctl: %s: %s\n", program_names[i], error);
        }
    }
    return programs ? EXIT_FAILED : 0;
}

static int
print_several(const struct poll *poll)
{
    unsigned ok = with_outcome(poll, TSNCTL_OK);
    unsigned absent = with_outcome(poll, TSNCTL_ABSENT);
    unsigned errors = with_outcome(poll, TSNCTL_FAILED);

    if (!ok || !poll->route->any) {
        errors |= with_outcome(poll, TSNCTL_REFUSED);
    }
    if (poll->options->json) {
        print_results_json(poll);
    } else if (absent != poll->asked) {
        print_results_text(poll);
    }
    if (absent == poll->asked) {
        fprintf(stderr, "tsnctl: no program serves a control socket in %s\n",
                poll->options->run_dir);
        return EXIT_FAILED;
    }
    return print_errors(poll, errors);
}

static int
run_socket(const char *request, const struct options *options)
{
    struct tsnctl_reply reply;

    tsnctl_ask(options->socket, request, &reply);
    int status = print_one(options->socket, &reply, options);
    tsnctl_reply_fini(&reply);
    return status;
}

static int
run_programs(const char *request, const struct options *options)
{
    struct poll poll = {
        .route = find_route(request),
        .options = options,
    };
    unsigned programs = poll.route->programs;
    int status;

    ask_programs(&poll, programs, request);
    if (poll.route->instead
        && with_outcome(&poll, TSNCTL_ABSENT) == poll.asked) {
        ask_programs(&poll, poll.route->instead, request);
    }

    if (programs & (programs - 1)) {
        status = print_several(&poll);
    } else {
        int i = raw_ctz(programs);
        status = print_one(program_names[i], &poll.replies[i], options);
    }
    for (int i = 0; i < N_PROGRAMS; i++) {
        if (poll.asked & BIT(i)) {
            tsnctl_reply_fini(&poll.replies[i]);
        }
    }
    return status;
}

/* Runs 'fn' for a command that talks to the replicator at more length. */
static int
run_long(int (*fn)(int argc, char *argv[], const char *path, bool json),
         int argc, char *argv[], const struct options *options)
{
    char *path = options->socket
                 ? xstrdup(options->socket)
                 : xasprintf("%s/%s.ctl", options->run_dir,
                             program_names[REPLICATOR]);
    int status = fn(argc, argv, path, options->json);

    free(path);
    return status;
}

/* Asks whom the command, 'argc' words, concerns.  Returns the exit status. */
static int
run_command(int argc, char *argv[], struct options *options)
{
    struct ds request = DS_EMPTY_INITIALIZER;

    if (!join_words(argc, argv, options, &request)) {
        ds_destroy(&request);
        return EXIT_USAGE;
    }
    bool help = !strcmp(ds_cstr(&request), "help");
    if (help && !options->json) {
        printf("%s\n", usage);
    }
    int status = options->socket
                 ? run_socket(ds_cstr(&request), options)
                 : run_programs(ds_cstr(&request), options);
    ds_destroy(&request);
    return help ? 0 : status;
}

int
main(int argc, char *argv[])
{
    struct options options = { .run_dir = TSN_RUNDIR };

    int status = parse_options(argc, argv, &options);
    if (status >= 0) {
        return status;
    }
    argc -= optind;
    argv += optind;
    status = argc && !strcmp(argv[0], "explain")
             ? run_long(tsnctl_explain, argc, argv, &options)
             : argc && !strcmp(argv[0], "capture")
             ? run_long(tsnctl_capture, argc, argv, &options)
             : run_command(argc, argv, &options);

    if (fflush(stdout) || ferror(stdout)) {
        perror("tsnctl: standard output");
        return EXIT_FAILED;
    }
    return status;
}
