/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tsn/tls-store.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "openvswitch/vlog.h"
#include "ovs-thread.h"
#include "tsn/error.h"
#include "tsn/tls.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(tsn_tls_store);

/* Files may be written again and again. */
static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(10, 20);

/* By what a file that was written or replaced differs. */
struct stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec mtime, ctime;
};

enum { N_FILES = 3 };

struct tsn_tls_store {
    struct ovs_mutex mutex;
    struct tsn_tls_files files;
    struct tsn_tls *current;
    struct stamp stamps[N_FILES];   /* Of what was loaded or refused last. */
    uint64_t next_look_ms;
};

static void
get_stamps(const struct tsn_tls_files *files, struct stamp stamps[N_FILES])
{
    const char *const paths[N_FILES] = {
        files->certificate, files->private_key, files->ca,
    };

    memset(stamps, 0, N_FILES * sizeof *stamps);
    for (size_t i = 0; i < N_FILES; i++) {
        struct stat st;

        if (!stat(paths[i], &st)) {
            stamps[i].device = st.st_dev;
            stamps[i].inode = st.st_ino;
            stamps[i].size = st.st_size;
            stamps[i].mtime = st.st_mtim;
            stamps[i].ctime = st.st_ctim;
        }
    }
}

/* With 'stamps' taken before, so that what changes meanwhile is seen. */
static int
load(struct tsn_tls_store *store, const struct stamp stamps[N_FILES],
     struct tsn_err *err)
{
    struct tsn_tls *tls;

    memcpy(store->stamps, stamps, sizeof store->stamps);
    int error = tsn_tls_load(&store->files, &tls, err);
    if (!error) {
        tsn_tls_unref(store->current);
        store->current = tls;
    }
    return error;
}

int
tsn_tls_store_create(const struct tsn_tls_files *files,
                     struct tsn_tls_store **storep, struct tsn_err *err)
{
    struct tsn_tls_store *store = xzalloc(sizeof *store);
    struct stamp stamps[N_FILES];

    ovs_mutex_init(&store->mutex);
    tsn_tls_files_clone(&store->files, files);
    get_stamps(files, stamps);
    int error = load(store, stamps, err);
    if (error) {
        tsn_tls_store_destroy(store);
        return error;
    }
    *storep = store;
    return 0;
}

void
tsn_tls_store_destroy(struct tsn_tls_store *store)
{
    if (store) {
        tsn_tls_unref(store->current);
        tsn_tls_files_fini(&store->files);
        ovs_mutex_destroy(&store->mutex);
        free(store);
    }
}

static void
look(struct tsn_tls_store *store)
{
    struct stamp stamps[N_FILES];
    struct tsn_err err;

    get_stamps(&store->files, stamps);
    if (!memcmp(stamps, store->stamps, sizeof stamps)) {
        return;
    }
    if (load(store, stamps, &err)) {
        VLOG_WARN_RL(&rl, "the new certificate files are refused, what was "
                     "loaded stays in use: %s", tsn_err_format(&err));
    } else {
        VLOG_INFO_RL(&rl, "changed certificate files loaded file=%s",
                     store->files.certificate);
    }
}

struct tsn_tls *
tsn_tls_store_get(struct tsn_tls_store *store, uint64_t now_ms)
{
    if (!store) {
        return NULL;
    }
    ovs_mutex_lock(&store->mutex);
    if (now_ms >= store->next_look_ms) {
        store->next_look_ms = now_ms + TSN_TLS_LOOK_MS;
        look(store);
    }
    struct tsn_tls *tls = tsn_tls_ref(store->current);
    ovs_mutex_unlock(&store->mutex);
    return tls;
}

int
tsn_tls_store_reload(struct tsn_tls_store *store, struct tsn_err *err)
{
    struct stamp stamps[N_FILES];

    ovs_mutex_lock(&store->mutex);
    get_stamps(&store->files, stamps);
    int error = load(store, stamps, err);
    ovs_mutex_unlock(&store->mutex);
    if (!error) {
        VLOG_INFO("certificate files loaded file=%s",
                  store->files.certificate);
    }
    return error;
}
