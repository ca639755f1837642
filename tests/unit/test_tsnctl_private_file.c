/* SPDX-License-Identifier: Apache-2.0 */
/* Who may read what "tsnctl capture" writes, and what it writes to. */
#include <config.h>
#include "tsnctl/private-file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "util.h"

#define SOMEBODY 65534

struct rig {
    char dir[32];               /* Of everybody, as /tmp is. */
    char file[64], link[64];
};

static int
setup(void **state)
{
    struct rig *rig = xzalloc(sizeof *rig);

    ovs_strzcpy(rig->dir, "/tmp/tsn-test-XXXXXX", sizeof rig->dir);
    assert_non_null(mkdtemp(rig->dir));
    assert_int_equal(chmod(rig->dir, 01777), 0);
    snprintf(rig->file, sizeof rig->file, "%s/file", rig->dir);
    snprintf(rig->link, sizeof rig->link, "%s/link", rig->dir);
    *state = rig;
    return 0;
}

static int
teardown(void **state)
{
    struct rig *rig = *state;

    unlink(rig->file);
    unlink(rig->link);
    assert_int_equal(rmdir(rig->dir), 0);
    free(rig);
    return 0;
}

/* Leaves a file of 'mode' and 'owner' with something in it. */
static void
put_file(const char *name, mode_t mode, uid_t owner)
{
    FILE *file = fopen(name, "wb");

    assert_non_null(file);
    assert_int_equal(fputs("old", file), 1);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(name, mode), 0);
    assert_int_equal(chown(name, owner, -1), 0);
}

static void
assert_opens(const char *name)
{
    FILE *file;

    assert_int_equal(tsnctl_private_file_open(name, &file), 0);
    assert_true(fputs("x", file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void
assert_is(const char *name, mode_t mode, off_t size)
{
    struct stat s;

    assert_int_equal(lstat(name, &s), 0);
    assert_true(S_ISREG(s.st_mode));
    assert_int_equal(s.st_mode & 07777, mode);
    assert_int_equal(s.st_size, size);
}

static void
private_file__new__is_for_the_owner_alone(void **state)
{
    struct rig *rig = *state;
    mode_t mask = umask(0);

    assert_opens(rig->file);
    umask(mask);
    assert_is(rig->file, 0600, 1);
}

static void
private_file__there_already__is_overwritten(void **state)
{
    struct rig *rig = *state;

    put_file(rig->file, 0640, geteuid());
    assert_opens(rig->file);
    assert_is(rig->file, 0640, 1);
}

static void
private_file__link_of_ours__is_followed(void **state)
{
    struct rig *rig = *state;

    assert_int_equal(symlink(rig->file, rig->link), 0);
    assert_opens(rig->link);            /* There is nothing behind it yet. */
    assert_is(rig->file, 0600, 1);
    put_file(rig->file, 0600, geteuid());
    assert_opens(rig->link);
    assert_is(rig->file, 0600, 1);
}

static void
private_file__no_such_directory__says_so(void **state)
{
    struct rig *rig = *state;
    FILE *file = NULL;

    assert_int_equal(symlink("nowhere/file", rig->link), 0);
    assert_int_equal(tsnctl_private_file_open(rig->link, &file), -ENOENT);
    assert_null(file);
}

static void
skip_unless_root(void)
{
    if (geteuid()) {
        print_message("SKIP: only root can have files of somebody else\n");
        skip();
    }
}

static void
private_file__link_of_somebody__is_not_followed(void **state)
{
    struct rig *rig = *state;
    FILE *file;

    skip_unless_root();
    put_file(rig->file, 0600, geteuid());
    assert_int_equal(symlink(rig->file, rig->link), 0);
    assert_int_equal(lchown(rig->link, SOMEBODY, -1), 0);
    assert_int_equal(tsnctl_private_file_open(rig->link, &file), -EPERM);
    assert_is(rig->file, 0600, 3);
    /* Nobody else may put a link there. */
    assert_int_equal(chmod(rig->dir, 0755), 0);
    assert_opens(rig->link);
    assert_is(rig->file, 0600, 1);
}

/* Whoever may not write to a file can still give it one more name. */
static void
private_file__file_with_another_name__is_not_written(void **state)
{
    struct rig *rig = *state;
    FILE *file;

    put_file(rig->file, 0600, geteuid());
    assert_int_equal(link(rig->file, rig->link), 0);
    assert_int_equal(tsnctl_private_file_open(rig->link, &file), -EPERM);
    assert_is(rig->file, 0600, 3);
    assert_int_equal(chmod(rig->dir, 0755), 0);
    assert_opens(rig->link);
    assert_is(rig->file, 0600, 1);
}

static void
private_file__file_of_somebody__is_not_written(void **state)
{
    struct rig *rig = *state;
    FILE *file;

    skip_unless_root();
    put_file(rig->file, 0666, SOMEBODY);
    assert_int_equal(tsnctl_private_file_open(rig->file, &file), -EPERM);
    assert_is(rig->file, 0666, 3);
}

int
main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(private_file__new__is_for_the_owner_alone),
        TEST(private_file__there_already__is_overwritten),
        TEST(private_file__link_of_ours__is_followed),
        TEST(private_file__no_such_directory__says_so),
        TEST(private_file__link_of_somebody__is_not_followed),
        TEST(private_file__file_with_another_name__is_not_written),
        TEST(private_file__file_of_somebody__is_not_written),
    };

    return cmocka_run_group_tests_name("tsnctl_private_file", tests, NULL,
                                       NULL);
}
