/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tsn/daemon.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "fatal-signal.h"
#include "openvswitch/vlog.h"
#include "tsn/ctl.h"
#include "tsn/error.h"
#include "tsn/json.h"
#include "tsn/log.h"
#include "tsn/loop.h"
#include "tsn/notify.h"
#include "tsn/privileges.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(tsn_daemon);

enum {
    EXIT_REFUSED = 1,
    EXIT_USAGE = 2,
};

struct options {
    const char *config;
    const char *log_level;
    const char *log_file;
    const char *run_dir;
    bool check;
    bool detach, all;
};

static const char *run_dir = TSN_RUNDIR;

static const int signals[] = { SIGTERM, SIGINT, SIGHUP };

struct tsn_daemon {
    const struct tsn_daemon_spec *spec;
    void *aux;
    const struct options *options;
    struct tsn_loop *loop;
    struct tsn_ctl *ctl;
    uv_signal_t handlers[ARRAY_SIZE(signals)];
    uint64_t start_ms;
};

static void
print_help(const struct tsn_daemon_spec *spec)
{
    printf("%s: %s\n"
           "\n"
           "usage: %s [OPTION]...\n"
           "  -c, --config FILE     configuration (default %s)\n"
           "      --check [FILE]    check the configuration and exit\n"
           "      --log-level LEVEL err, warn, info (default) or dbg\n"
           "      --log-file FILE   log there, not to stderr\n"
           "      --run-dir DIR     directory of the control socket\n"
           "                        (default %s)\n"
           "%s"
           "  -V, --version         print the version and exit\n"
           "  -h, --help            print this and exit\n"
           "\n"
           "SIGHUP opens the log again%s, SIGTERM ends the program.\n",
           spec->program, spec->summary, spec->program,
           spec->default_config, TSN_RUNDIR,
           spec->detach
           ? "      --detach [FILE]   remove what forwards on without the program,\n"
             "                        which must not run, and exit\n"
             "      --all             with --detach: of any configuration\n" : "",
           spec->reload ? " and reads the configuration again"
           : spec->reload_certificates ? " and reads the certificates again"
           : "");
}

/* Returns -1 to go on, or an exit status. */
static int
parse_options(int argc, char *argv[], const struct tsn_daemon_spec *spec,
              struct options *options)
{
    enum {
        OPT_CHECK = 256, OPT_LOG_LEVEL, OPT_LOG_FILE, OPT_RUN_DIR, OPT_DETACH,
        OPT_ALL,
    };
    static const struct option long_options[] = {
        { "config", required_argument, NULL, 'c' },
        { "check", optional_argument, NULL, OPT_CHECK },
        { "log-level", required_argument, NULL, OPT_LOG_LEVEL },
        { "log-file", required_argument, NULL, OPT_LOG_FILE },
        { "run-dir", required_argument, NULL, OPT_RUN_DIR },
        { "detach", no_argument, NULL, OPT_DETACH },
        { "all", no_argument, NULL, OPT_ALL },
        { "version", no_argument, NULL, 'V' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int c;

    while ((c = getopt_long(argc, argv, "c:Vh", long_options, NULL)) != -1) {
        switch (c) {
        case 'c':
            options->config = optarg;
            break;
        case OPT_CHECK:
            options->check = true;
            if (optarg) {
                options->config = optarg;
            }
            break;
        case OPT_LOG_LEVEL:
            options->log_level = optarg;
            break;
        case OPT_LOG_FILE:
            options->log_file = optarg;
            break;
        case OPT_RUN_DIR:
            options->run_dir = optarg;
            break;
        case OPT_DETACH:
            options->detach = true;
            break;
        case OPT_ALL:
            options->all = true;
            break;
        case 'V':
            printf("%s %s\n", spec->program, TSN_VERSION);
            return 0;
        case 'h':
            print_help(spec);
            return 0;
        default:
            fprintf(stderr, "%s: try --help\n", spec->program);
            return EXIT_USAGE;
        }
    }
    if (options->detach && !spec->detach) {
        fprintf(stderr, "%s: there is nothing to detach; try --help\n",
                spec->program);
        return EXIT_USAGE;
    }
    if (options->all && !options->detach) {
        fprintf(stderr, "%s: --all goes with --detach; try --help\n",
                spec->program);
        return EXIT_USAGE;
    }
    /* "--check FILE", of which getopt leaves us the FILE. */
    if ((options->check || options->detach) && optind < argc) {
        options->config = argv[optind++];
    }
    if (optind < argc) {
        fprintf(stderr, "%s: unexpected argument \"%s\"; try --help\n",
                spec->program, argv[optind]);
        return EXIT_USAGE;
    }
    return -1;
}

static void
version_cb(struct tsn_ctl_call *call, int argc OVS_UNUSED,
           char *argv[] OVS_UNUSED, void *daemon_)
{
    struct tsn_json *json = tsn_ctl_reply(call);
    const struct tsn_daemon *daemon = daemon_;

    tsn_json_object_begin(json, "result");
    tsn_json_string(json, "program", daemon->spec->program);
    tsn_json_string(json, "version", TSN_VERSION);
    tsn_json_uint(json, "pid", getpid());
    tsn_json_uint(json, "uptime_s",
                  (tsn_now_ms() - daemon->start_ms) / 1000);
    tsn_json_object_end(json);
    tsn_ctl_finish(call);
}

static void
reload(struct tsn_daemon *daemon)
{
    const char *path = daemon->options->config;
    struct tsn_err err;

    tsn_log_reopen();
    if (daemon->spec->reload_certificates
        && daemon->spec->reload_certificates(daemon->aux, &err)) {
        VLOG_ERR("the new certificate files are refused, what was loaded "
                 "stays in use: %s", tsn_err_format(&err));
    }
    if (!daemon->spec->reload) {
        return;
    }
    if (daemon->spec->reload(path, daemon->aux, &err)) {
        VLOG_ERR("the new configuration is refused, the old one stays: %s",
                 tsn_err_format(&err));
    } else {
        VLOG_INFO("configuration loaded file=%s", path);
    }
}

static void
signal_cb(uv_signal_t *handle, int signum)
{
    struct tsn_daemon *daemon = handle->data;

    if (signum == SIGHUP) {
        reload(daemon);
    } else {
        VLOG_INFO("stopping signal=%s", signum == SIGTERM ? "TERM" : "INT");
        tsn_loop_stop(daemon->loop);
    }
}

/* Before the first poll_block(): OVS takes over the signals that are at their
 * default then. */
static void
install_signals(struct tsn_daemon *daemon)
{
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
        uv_signal_t *handler = &daemon->handlers[i];

        uv_signal_init(tsn_loop_uv(daemon->loop), handler);
        handler->data = daemon;
        int error = uv_signal_start(handler, signal_cb, signals[i]);
        if (error) {
            VLOG_WARN("cannot handle a signal number=%d: %s", signals[i],
                      uv_strerror(error));
        }
    }
    fatal_signal_init();
}

static int
make_run_dir(const char *dir, struct tsn_err *err)
{
    if (mkdir(dir, 0755) && errno != EEXIST) {
        int error = errno;
        tsn_err_set(err, dir, "cannot create the directory: %s",
                    ovs_strerror(error));
        return -error;
    }
    return 0;
}

const char *
tsn_daemon_run_dir(void)
{
    return run_dir;
}

/* A session is up to three descriptors, and the usual 1024 are few for
 * hundreds of switches; nothing here uses select(). */
static void
raise_file_limit(void)
{
    struct rlimit limit;

    if (!getrlimit(RLIMIT_NOFILE, &limit)
        && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit)) {
            VLOG_WARN("cannot raise the limit of open files: %s",
                      ovs_strerror(errno));
        }
    }
}

/* Until the loop has been stopped.  Returns 0 or -errno with '*err'. */
static int
serve(struct tsn_daemon *daemon, struct tsn_err *err)
{
    const struct tsn_daemon_spec *spec = daemon->spec;

    int error = make_run_dir(daemon->options->run_dir, err);
    if (error) {
        return error;
    }
    char *path = xasprintf("%s/%s.ctl", daemon->options->run_dir,
                           spec->program);
    daemon->ctl = tsn_ctl_create(daemon->loop, path, err);
    free(path);
    if (!daemon->ctl) {
        return -EIO;
    }
    tsn_ctl_register(daemon->ctl, "version", "version", 0, 0, version_cb,
                     daemon);
    tsn_log_register(daemon->ctl);

    /* Capabilities belong to threads, so before there is a second one. */
    tsn_privileges_drop_but(spec->keep_caps, spec->idle_caps);

    error = spec->start(daemon->loop, daemon->ctl, daemon->aux, err);
    if (!error) {
        VLOG_INFO("started version=%s config=%s", TSN_VERSION,
                  daemon->options->config);
        tsn_notify("READY=1");
        tsn_loop_run(daemon->loop);
        tsn_notify("STOPPING=1");
        spec->stop(daemon->aux);
    }
    tsn_ctl_destroy(daemon->ctl);
    return error;
}

/* Returns the exit status. */
static int
detach(const struct tsn_daemon_spec *spec, const struct options *options,
       void *aux)
{
    struct tsn_err err;

    if (spec->detach(options->all, aux, &err)) {
        fprintf(stderr, "%s: %s\n", spec->program, tsn_err_format(&err));
        return EXIT_REFUSED;
    }
    return 0;
}

int
tsn_daemon_main(int argc, char *argv[], const struct tsn_daemon_spec *spec,
                void *aux)
{
    struct options options = {
        .config = spec->default_config,
        .log_level = "info",
        .run_dir = TSN_RUNDIR,
    };
    struct tsn_err err;

    int status = parse_options(argc, argv, spec, &options);
    if (status >= 0) {
        return status;
    }
    if (tsn_log_init(spec->program, options.log_level,
                     options.check || options.detach ? NULL
                     : options.log_file, &err)) {
        fprintf(stderr, "%s: %s\n", spec->program, tsn_err_format(&err));
        return EXIT_USAGE;
    }
    if (options.all) {
        return detach(spec, &options, aux);
    }
    if (spec->load(options.config, aux, &err)) {
        fprintf(stderr, "%s: %s\n", spec->program, tsn_err_format(&err));
        return EXIT_REFUSED;
    }
    if (options.check) {
        printf("%s: ok\n", options.config);
        return 0;
    }
    if (options.detach) {
        return detach(spec, &options, aux);
    }

    struct tsn_daemon daemon = {
        .spec = spec,
        .aux = aux,
        .options = &options,
        .loop = tsn_loop_create("main"),
        .start_ms = tsn_now_ms(),
    };
    run_dir = options.run_dir;
    raise_file_limit();
    install_signals(&daemon);
    int error = serve(&daemon, &err);
    if (error) {
        fprintf(stderr, "%s: %s\n", spec->program, tsn_err_format(&err));
    } else {
        VLOG_INFO("stopped");
    }
    tsn_loop_destroy(daemon.loop);
    return error ? EXIT_REFUSED : 0;
}
