/* SPDX-License-Identifier: Apache-2.0 */
/* The octets of a pcapng file, block by block. */
#include <config.h>
#include "tsnctl/pcapng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "util.h"

struct file {
    FILE *stream;
    char *data;
    size_t size;
};

static int
setup(void **state)
{
    struct file *file = xzalloc(sizeof *file);

    file->stream = open_memstream(&file->data, &file->size);
    *state = file;
    return 0;
}

static int
teardown(void **state)
{
    struct file *file = *state;

    fclose(file->stream);
    free(file->data);
    free(file);
    return 0;
}

static uint32_t
word(const struct file *file, size_t i)
{
    uint32_t value;

    assert_true(4 * i + 4 <= file->size);
    memcpy(&value, file->data + 4 * i, sizeof value);
    return value;
}

/* The file is one block of 'type' with its length at both ends. */
static void
assert_block(struct file *file, uint32_t type)
{
    fflush(file->stream);
    assert_int_equal(file->size % 4, 0);
    assert_int_equal(word(file, 0), type);
    assert_int_equal(word(file, 1), file->size);
    assert_int_equal(word(file, file->size / 4 - 1), file->size);
}

/* What starts an option, on a machine of either byte order. */
static void
assert_option(const struct file *file, size_t i, uint16_t code, uint16_t size)
{
    uint16_t halves[2];

    memcpy(halves, file->data + 4 * i, sizeof halves);
    assert_int_equal(halves[0], code);
    assert_int_equal(halves[1], size);
}

static void
pcapng_section__application__named(void **state)
{
    struct file *file = *state;

    pcapng_put_section(file->stream, "tsnctl");
    assert_block(file, 0x0a0d0d0a);
    assert_int_equal(word(file, 2), 0x1a2b3c4d);
    assert_int_equal(word(file, 4), UINT32_MAX);
    assert_option(file, 6, 4, 6);
    assert_memory_equal(file->data + 28, "tsnctl\0\0", 8);
    assert_option(file, 9, 0, 0);
}

static void
pcapng_interface__described__ethernet_and_nanoseconds(void **state)
{
    struct file *file = *state;

    pcapng_put_interface(file->stream, "ebpf", "abc", 1234);
    assert_block(file, 1);
    assert_option(file, 2, 1, 0);
    assert_int_equal(word(file, 3), 1234);
    assert_option(file, 4, 2, 4);
    assert_option(file, 6, 3, 3);
    assert_memory_equal(file->data + 28, "abc\0", 4);
    assert_option(file, 8, 9, 1);
    assert_memory_equal(file->data + 36, "\x09\0\0\0", 4);
    assert_option(file, 10, 0, 0);
}

static void
pcapng_packet__odd_sizes__padded(void **state)
{
    struct file *file = *state;
    const struct pcapng_packet p = {
        .interface = 1, .time_ns = UINT64_C(0x0123456789abcdef),
        .data = "01234", .stored = 5, .size = 99, .comment = "why",
    };

    pcapng_put_packet(file->stream, &p);
    assert_block(file, 6);
    assert_int_equal(word(file, 2), 1);
    assert_int_equal(word(file, 3), 0x01234567);
    assert_int_equal(word(file, 4), 0x89abcdef);
    assert_int_equal(word(file, 5), 5);
    assert_int_equal(word(file, 6), 99);
    assert_memory_equal(file->data + 28, "01234\0\0\0", 8);
    assert_option(file, 9, 1, 3);
    assert_memory_equal(file->data + 40, "why\0", 4);
    assert_option(file, 11, 2, 4);
    assert_int_equal(word(file, 12), 1);
    assert_option(file, 13, 0, 0);
    assert_int_equal(file->size, 4 * 15);
}

static void
pcapng_packet__out_after_losses__flag_and_count(void **state)
{
    struct file *file = *state;
    const struct pcapng_packet p = { .data = "", .out = true, .lost = 7 };
    uint64_t lost;

    pcapng_put_packet(file->stream, &p);
    assert_block(file, 6);
    assert_option(file, 7, 2, 4);
    assert_int_equal(word(file, 8), 2);
    assert_option(file, 9, 4, 8);
    memcpy(&lost, file->data + 40, sizeof lost);
    assert_int_equal(lost, 7);
    assert_option(file, 12, 0, 0);
}

static void
pcapng_packet__comment_too_long__cut(void **state)
{
    struct file *file = *state;
    char *comment = xmalloc(70001);
    struct pcapng_packet p = { .data = "", .comment = comment };

    memset(comment, 'x', 70000);
    comment[70000] = '\0';
    pcapng_put_packet(file->stream, &p);
    assert_block(file, 6);
    assert_option(file, 7, 1, 0xffff);
    free(comment);
}

static void
pcapng_statistics__numbers__in_the_block(void **state)
{
    struct file *file = *state;
    uint64_t value;

    pcapng_put_statistics(file->stream, 1, 5, 10, 3);
    assert_block(file, 5);
    assert_int_equal(word(file, 2), 1);
    assert_option(file, 5, 4, 8);
    memcpy(&value, file->data + 24, sizeof value);
    assert_int_equal(value, 10);
    assert_option(file, 8, 5, 8);
    memcpy(&value, file->data + 36, sizeof value);
    assert_int_equal(value, 3);
}

int
main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(pcapng_section__application__named),
        TEST(pcapng_interface__described__ethernet_and_nanoseconds),
        TEST(pcapng_packet__odd_sizes__padded),
        TEST(pcapng_packet__out_after_losses__flag_and_count),
        TEST(pcapng_packet__comment_too_long__cut),
        TEST(pcapng_statistics__numbers__in_the_block),
    };

    return cmocka_run_group_tests_name("tsnctl_pcapng", tests, NULL, NULL);
}
