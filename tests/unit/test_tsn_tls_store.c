/* SPDX-License-Identifier: Apache-2.0 */
/* Certificate files that change while sessions come and go. */
#include <config.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "openvswitch/vlog.h"
#include "tests/unit/pki.h"
#include "tsn/error.h"
#include "tsn/tls-store.h"
#include "tsn/tls.h"
#include "util.h"

static struct pki pki;

static int
make_pki(void **state OVS_UNUSED)
{
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    pki_init(&pki);
    pki_make_ca(&pki, "ca", NULL);
    pki_make(&pki, "first", "ca", PKI_VALID);
    pki_make(&pki, "second", "ca", PKI_VALID);
    return 0;
}

static int
remove_pki(void **state OVS_UNUSED)
{
    pki_fini(&pki);
    return 0;
}

static struct tsn_tls_store *
new_store(void)
{
    struct tsn_tls_files files = pki_files(&pki, "current", "ca");
    struct tsn_tls_store *store;
    struct tsn_err err;

    pki_replace(&pki, "current", "first", ".pem");
    pki_replace(&pki, "current", "first", ".key");
    assert_int_equal(tsn_tls_store_create(&files, &store, &err), 0);
    return store;
}

/* The context at 'now', without a reference of ours: to be compared. */
static const struct tsn_tls *
context_at(struct tsn_tls_store *store, uint64_t now)
{
    struct tsn_tls *tls = tsn_tls_store_get(store, now);

    tsn_tls_unref(tls);
    return tls;
}

static void
create__bad_files__is_refused(void **state OVS_UNUSED)
{
    struct tsn_tls_files files = pki_files(&pki, "none", "ca");
    struct tsn_tls_store *store;
    struct tsn_err err;

    assert_true(tsn_tls_store_create(&files, &store, &err) < 0);
    assert_string_equal(err.where, files.certificate);
}

static void
get__no_store__is_no_context(void **state OVS_UNUSED)
{
    assert_null(tsn_tls_store_get(NULL, 0));
    tsn_tls_store_destroy(NULL);
}

static void
get__unchanged_files__is_the_same_context(void **state OVS_UNUSED)
{
    struct tsn_tls_store *store = new_store();
    const struct tsn_tls *first = context_at(store, 0);

    assert_ptr_equal(context_at(store, 5000), first);
    assert_ptr_equal(context_at(store, 50000), first);
    tsn_tls_store_destroy(store);
}

static void
get__changed_files__are_loaded_at_the_next_look(void **state OVS_UNUSED)
{
    struct tsn_tls_store *store = new_store();
    struct tsn_tls *old = tsn_tls_store_get(store, 1000);

    pki_replace(&pki, "current", "second", ".pem");
    pki_replace(&pki, "current", "second", ".key");
    assert_ptr_equal(context_at(store, 1000 + TSN_TLS_LOOK_MS - 1), old);
    assert_ptr_not_equal(context_at(store, 1000 + TSN_TLS_LOOK_MS), old);
    /* Sessions of before still use it. */
    struct tsn_tls_session *s = tsn_tls_session_create(old, TSN_TLS_CLIENT);
    assert_int_equal(tsn_tls_handshake(s, NULL), -EAGAIN);
    tsn_tls_session_destroy(s);
    tsn_tls_unref(old);
    tsn_tls_store_destroy(store);
}

static void
get__half_of_a_change__is_refused_until_the_other_half(void **state OVS_UNUSED)
{
    struct tsn_tls_store *store = new_store();
    struct tsn_tls *old = tsn_tls_store_get(store, 1000);

    pki_replace(&pki, "current", "second", ".pem");
    assert_ptr_equal(context_at(store, 2000), old);
    assert_ptr_equal(context_at(store, 3000), old);
    pki_replace(&pki, "current", "second", ".key");
    assert_ptr_not_equal(context_at(store, 4000), old);
    tsn_tls_unref(old);
    tsn_tls_store_destroy(store);
}

static void
get__files_gone_and_back__keeps_the_context(void **state OVS_UNUSED)
{
    struct tsn_tls_store *store = new_store();
    struct tsn_tls *old = tsn_tls_store_get(store, 1000);

    assert_int_equal(unlink(pki_path(&pki, "current", ".pem")), 0);
    assert_ptr_equal(context_at(store, 2000), old);
    pki_replace(&pki, "current", "first", ".pem");
    assert_non_null(context_at(store, 3000));
    tsn_tls_unref(old);
    tsn_tls_store_destroy(store);
}

static void
reload__good_and_bad_files__replaces_or_keeps(void **state OVS_UNUSED)
{
    struct tsn_tls_store *store = new_store();
    struct tsn_tls *old = tsn_tls_store_get(store, 0);
    struct tsn_err err;

    pki_write(&pki, "current", ".pem", "junk", 4);
    assert_true(tsn_tls_store_reload(store, &err) < 0);
    assert_string_equal(err.where, pki_path(&pki, "current", ".pem"));
    assert_ptr_equal(context_at(store, 0), old);
    pki_replace(&pki, "current", "second", ".pem");
    pki_replace(&pki, "current", "second", ".key");
    assert_int_equal(tsn_tls_store_reload(store, &err), 0);
    assert_ptr_not_equal(context_at(store, 0), old);
    tsn_tls_unref(old);
    tsn_tls_store_destroy(store);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(create__bad_files__is_refused),
        cmocka_unit_test(get__no_store__is_no_context),
        cmocka_unit_test(get__unchanged_files__is_the_same_context),
        cmocka_unit_test(get__changed_files__are_loaded_at_the_next_look),
        cmocka_unit_test(
            get__half_of_a_change__is_refused_until_the_other_half),
        cmocka_unit_test(get__files_gone_and_back__keeps_the_context),
        cmocka_unit_test(reload__good_and_bad_files__replaces_or_keeps),
    };

    return cmocka_run_group_tests(tests, make_pki, remove_pki);
}
