/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that we may write, whatever they are of. */
#ifndef OVSDB_CLIENT_OBJECT_H
#define OVSDB_CLIENT_OBJECT_H 1

#include <stdbool.h>
#include <stdint.h>

#include "heap.h"
#include "openvswitch/list.h"

struct ds;
struct ovc_ls;
struct ovc_session;

/* A refused object is tried again after 1 s, 2 s, 4 s... */
#define OVC_BACKOFF_MIN_MS 1000
#define OVC_BACKOFF_MAX_MS 60000

/* The update that shows a write may come after the reply: until then the write
 * is not repeated. */
#define OVC_ECHO_MS 2000

/* A key that had to be written OVC_FIGHT_WRITES times, each within
 * OVC_FIGHT_MS of the one before, is being changed by somebody else, too: from
 * then on the back-off applies. */
#define OVC_FIGHT_MS 10000
#define OVC_FIGHT_WRITES 4

/* Its end: also what somebody else changes all the time is put right within
 * 5 s. */
#define OVC_FIGHT_BACKOFF_MAX_MS 3000

enum ovc_kind {
    OVC_LS,
    OVC_FLOOD,
    OVC_BINDING,
    OVC_MAC,
    OVC_TUNNEL,
    OVC_N_KINDS
};

enum ovc_state {
    OVC_IDLE,                   /* Neither wanted nor there, or not ours. */
    OVC_WRITTEN,                /* Wanted: the database has it. */
    OVC_WAITING,                /* Wanted: not yet. */
    OVC_HELD,                   /* Wanted: must not be written. */
    OVC_STALE,                  /* Not wanted: found, kept for a while. */
    OVC_REMOVING,               /* Not wanted: being removed. */
    OVC_N_STATES
};

/* Why an object is not what is wanted, for the operator. */
enum ovc_why {
    OVC_WHY_NONE,
    OVC_WHY_QUEUED,
    OVC_WHY_SENT,
    OVC_WHY_ECHO,
    OVC_WHY_REFUSED,
    OVC_WHY_FIGHT,
    OVC_WHY_LS,                 /* Its Logical_Switch is not right yet. */
    OVC_WHY_SWITCH,             /* No such switch. */
    OVC_WHY_PORT,               /* No such port. */
    OVC_WHY_VNI_RANGE,
    OVC_WHY_VNI_WANTED,         /* Another wanted LS has the older claim. */
    OVC_WHY_VNI_HELD,           /* Another row has it. */
    OVC_WHY_OWN_VTEP,
    OVC_WHY_NO_TUNNEL_IP,
    OVC_WHY_BAD_VTEP,
    OVC_WHY_BAD_MAC,
    OVC_WHY_BAD_VLAN,
    OVC_WHY_DEPENDENTS,         /* Something still refers to it. */
    OVC_WHY_LOCAL_ROWS,         /* The switch still has rows for it. */
    OVC_WHY_MODE,               /* The operator wants no such write. */

    /* The profile is against it. */
    OVC_WHY_PROFILE,
    OVC_WHY_VLAN_RANGE = OVC_WHY_PROFILE,
    OVC_WHY_VLAN_RESERVED,
    OVC_WHY_TAGGED,             /* The port has an untagged network. */
    OVC_WHY_UNTAGGED,           /* The port has tagged ones. */
    OVC_WHY_DIGIT_NAME,
};

struct ovc_object {
    struct ovs_list queue_node; /* In a queue or a group; or empty. */
    struct heap_node timer;     /* In session->timers, while 'timed'. */
    long long not_before_ms;    /* No write earlier. */
    long long written_ms;       /* Last write that the switch took. */
    char *error;                /* Why it refused the last one, or NULL. */
    enum ovc_kind kind : 8;
    enum ovc_state state : 8;
    enum ovc_why why : 8;
    uint8_t failures;           /* Refusals in a row. */
    uint8_t rewrites;           /* Writes in short succession. */
    bool wanted : 1;
    bool ours : 1;              /* Was wanted: goes at once when unwanted. */
    bool aging : 1;             /* Stale, 'not_before_ms' is its end. */
    bool echo : 1;              /* 'not_before_ms' waits for the echo. */
    bool timed : 1;
    bool in_txn : 1;            /* Member of a transaction under way. */
    bool lead : 1;              /* ...and the reason for its writes. */
    bool rewanted : 1;          /* Meanwhile the owner wanted otherwise. */
    bool echoed : 1;            /* Meanwhile a row of it changed. */
    bool doubt : 1;             /* Its last write may have been done: nobody
                                 * knows until all rows are read again. */
};

/* Objects of a refused transaction, to be tried apart from others. */
struct ovc_group {
    struct ovs_list node;       /* In session->groups. */
    struct ovs_list objects;
};

void ovc_object_init(struct ovc_session *, struct ovc_object *,
                     enum ovc_kind);
void ovc_object_fini(struct ovc_session *, struct ovc_object *);
void ovc_object_set(struct ovc_session *, struct ovc_object *, enum ovc_state,
                    enum ovc_why);
/* Has the object looked at. */
void ovc_object_queue(struct ovc_session *, struct ovc_object *);
/* Likewise, as a row of it changed / as the owner wants something else. */
void ovc_object_row_changed(struct ovc_session *, struct ovc_object *);
/* Likewise, as whatever held it back may be over. */
void ovc_object_retry(struct ovc_session *, struct ovc_object *);
void ovc_object_want(struct ovc_session *, struct ovc_object *);
void ovc_object_unwant(struct ovc_session *, struct ovc_object *);
void ovc_object_wake_at(struct ovc_session *, struct ovc_object *,
                        long long when_ms);
/* Whether it may be written now; otherwise it will be looked at again. */
bool ovc_object_may_write(struct ovc_session *, struct ovc_object *);
/* Whether it, which nobody wants but is there, may be removed now. */
bool ovc_object_removable(struct ovc_session *, struct ovc_object *,
                          const struct ovc_ls *);
/* Whether the database has something for its key. */
bool ovc_object_is_there(const struct ovc_object *);
/* Calls 'fn', which frees none, for all of them. */
typedef void ovc_object_fn(struct ovc_session *, struct ovc_object *,
                           void *aux);
void ovc_for_each_object(struct ovc_session *, ovc_object_fn *, void *aux);
long long ovc_backoff_ms(unsigned int n, long long max_ms);
void ovc_object_format(const struct ovc_object *, struct ds *);
void ovc_timers_run(struct ovc_session *);

#endif /* ovsdb-client/object.h */
