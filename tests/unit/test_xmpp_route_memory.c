/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that runs out while routes are read and written.  The house's way is
 * to say so and to abort; the wrong result, or a crash, is not.
 *
 * Each vector gets a process of its own, in which its first, its second and
 * every other allocation fails in turn: all that is linked statically asks
 * for memory through the functions below, and libxml2 through ours.  An abort
 * ends that turn only, so that not each needs a process, which is dear with a
 * sanitizer. */
#include <config.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "openvswitch/dynamic-string.h"
#include "util.h"

#include "tests/unit/route-vectors.h"
#include "xmpp/route.h"

/* No vector takes more than a fraction of a second; one that takes this long
 * hangs. */
#define MAX_SECONDS 60

/* The largest vectors take less than 200. */
#define MAX_ALLOCATIONS 5000

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void __real_abort(void) __attribute__((noreturn));
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void __wrap_abort(void) __attribute__((noreturn));

static unsigned int to_go;      /* Until one fails; 0: none does. */
static bool has_failed;
static bool may_abort;
static jmp_buf aborted;

static bool
fails(void)
{
    if (to_go && !--to_go) {
        has_failed = true;
        return true;
    }
    return false;
}

void *
__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t size)
{
    return fails() ? NULL : __real_realloc(p, size);
}

void
__wrap_abort(void)
{
    if (may_abort && has_failed) {
        longjmp(aborted, 1);
    }
    __real_abort();
}

/* In the process of its own. */

/* What came of it: read by the parent whatever the end. */
struct outcome {
    unsigned int n;             /* The one that fails. */
    unsigned int n_aborted, n_completed;
    char why[512];              /* What is wrong. */
};

/* A retract's id is read with memory, too. */
static void
put_parsed_id(struct ds *s)
{
    char id[XMPP_ID_STRLEN];
    struct xmpp_evpn key;

    if (!xmpp_evpn_parse_item_id("5-02:00:00:00:01:01,0.0.0.0/32,225.1.1.1,"
                                 "10.0.0.5", &key)) {
        ds_put_format(s, " %s", xmpp_evpn_item_id(&key, id));
        xmpp_evpn_fini(&key);
    }
}

/* All that a vector's route is asked for, as text. */
static char *
run(const struct route_vector *v, const char *entry)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    bool failed;
    char *dump = vector_run(v, entry, &s, &s, &failed);

    ds_put_cstr(&s, dump);
    free(dump);
    put_parsed_id(&s);
    return ds_steal_cstr(&s);
}

/* The messages of the aborts. */
static FILE *
catch_stderr(void)
{
    FILE *f = tmpfile();

    if (!f || dup2(fileno(f), STDERR_FILENO) < 0) {
        _exit(2);
    }
    return f;
}

static unsigned int
count_messages(FILE *f)
{
    unsigned int n = 0;
    char line[512];

    fflush(stderr);
    rewind(f);
    while (fgets(line, sizeof line, f)) {
        n += strstr(line, "virtual memory exhausted") != NULL;
    }
    return n;
}

/* One turn.  Returns false if no allocation has failed any more. */
static bool
run_failing(const struct route_vector *v, const char *entry,
            const char *expect, struct outcome *outcome)
{
    has_failed = false;
    to_go = outcome->n;
    may_abort = true;
    if (setjmp(aborted)) {
        /* What was allocated is lost with the process. */
        outcome->n_aborted++;
        to_go = 0;
        return true;
    }
    char *result = run(v, entry);
    to_go = 0;
    may_abort = false;
    outcome->n_completed++;
    if (strcmp(result, expect)) {
        snprintf(outcome->why, sizeof outcome->why, "%.500s", result);
        _exit(1);
    }
    free(result);
    return has_failed;
}

static void
child(const struct route_vector *v, const char *entry,
      struct outcome *outcome)
{
    FILE *messages = catch_stderr();
    char *expect = run(v, entry);

    signal(SIGABRT, SIG_DFL);
    alarm(MAX_SECONDS);
    for (outcome->n = 1; outcome->n <= MAX_ALLOCATIONS; outcome->n++) {
        if (!run_failing(v, entry, expect, outcome)) {
            unsigned int n = count_messages(messages);

            if (n != outcome->n_aborted) {
                snprintf(outcome->why, sizeof outcome->why,
                         "%u messages for %u aborts", n, outcome->n_aborted);
                _exit(1);
            }
            _exit(0);
        }
    }
    snprintf(outcome->why, sizeof outcome->why, "endless allocations");
    _exit(1);
}

static void
route__any_allocation_fails__aborts_or_is_right(void **state OVS_UNUSED)
{
    struct outcome *outcome = mmap(NULL, sizeof *outcome,
                                   PROT_READ | PROT_WRITE,
                                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    unsigned int n_aborted = 0, n_wrong = 0;

    assert_ptr_not_equal(outcome, MAP_FAILED);
    for (size_t i = 0; i < n_route_vectors; i++) {
        const struct route_vector *v = &route_vectors[i];
        char *entry = vector_entry(v);
        int status;

        memset(outcome, 0, sizeof *outcome);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (!pid) {
            child(v, entry, outcome);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (!WIFEXITED(status) || WEXITSTATUS(status)) {
            print_error("%s: allocation %u: status %#x %s\n", v->name,
                        outcome->n, status, outcome->why);
            n_wrong++;
        }
        n_aborted += outcome->n_aborted;
        /* The last turn is the one in which none failed. */
        assert_true(outcome->n_completed > 0);
        free(entry);
    }
    munmap(outcome, sizeof *outcome);
    print_message("%u aborts\n", n_aborted);
    assert_int_equal(n_wrong, 0);
    assert_true(n_aborted > 10 * n_route_vectors);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(route__any_allocation_fails__aborts_or_is_right),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
