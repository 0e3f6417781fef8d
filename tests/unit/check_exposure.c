/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>

#include "check/check.h"
#include "check/exposure.h"

#include "support_main.h"

static struct env env;
static struct exposure_book book = { .env = &env };

static struct exposure_account *
machine(void)
{
    return exposure_account(&book, EXPOSURE_MACHINE, EXPOSURE_LAWFUL);
}

/* `bytes` bytes, far from those before, for `ns`. */
static void
add(uint64_t ns, uint64_t bytes)
{
    static uint64_t at;

    at += UINT64_C(1) << 51;
    exposure_book_add(&book, machine(),
                      &(struct span){ .first = at, .last = at + bytes - 1, .end = ns });
}

START_TEST(counts_sums_and_percentiles)
{
    struct exposure_stats s;

    for (uint64_t ns = 1; ns <= 101; ns++) {
        add(ns, 4096);
    }
    exposure_book_get(&book, 0, &s);
    ck_assert_uint_eq(s.count, 101);
    ck_assert_uint_eq(s.total_ns, 101 * 102 / 2);
    ck_assert_uint_eq(s.max_ns, 101);
    ck_assert_uint_eq(s.p50_ns, 51);
    ck_assert_uint_eq(s.p90_ns, 91);
    ck_assert_uint_eq(s.p99_ns, 100);
    ck_assert_uint_eq(s.bytes, 101 * 4096);
    exposure_book_fini(&book);
}
END_TEST

START_TEST(byte_seconds_do_not_overflow)
{
    struct exposure_stats s;

    for (unsigned i = 0; i < 4; i++) {
        add(UINT64_C(1) << 40, UINT64_C(1) << 50);
    }
    exposure_book_get(&book, 0, &s);
    ck_assert_uint_eq(s.byte_seconds, ((unsigned __int128)1 << 92) / 1000000000);
    exposure_book_fini(&book);
}
END_TEST

START_TEST(percentiles_survive_thinning)
{
    struct exposure_stats s;

    for (uint64_t i = 0; i < (UINT64_C(3) << 20); i++) {
        add(i % 1000, 1);
    }
    exposure_book_get(&book, 0, &s);
    ck_assert_uint_eq(s.count, UINT64_C(3) << 20);
    ck_assert_uint_eq(s.max_ns, 999);
    ck_assert_uint_ge(s.p50_ns, 490);
    ck_assert_uint_le(s.p50_ns, 510);
    exposure_book_fini(&book);
}
END_TEST

START_TEST(spans_of_no_time_count_in_the_percentiles)
{
    struct exposure_stats s;

    for (unsigned i = 0; i < 99; i++) {
        add(0, 4096);
    }
    exposure_book_get(&book, 0, &s);
    ck_assert_uint_eq(s.count, 99);
    ck_assert_uint_eq(s.max_ns, 0);
    ck_assert_uint_eq(s.p99_ns, 0);
    add(100, 4096);
    exposure_book_get(&book, 0, &s);
    ck_assert_uint_eq(s.count, 100);
    ck_assert_uint_eq(s.bytes, 100 * 4096);
    ck_assert_uint_eq(s.p50_ns, 0);
    ck_assert_uint_eq(s.p99_ns, 1); /* 0.01 of the way from the 99th to the 100th */
    ck_assert_uint_eq(s.max_ns, 100);
    ck_assert_uint_eq(s.byte_ns, 409600);
    exposure_book_fini(&book);
}
END_TEST

START_TEST(adjacent_pages_that_begin_and_end_together_are_one_span)
{
    struct exposure_stats s;
    struct span a = { .first = 0x1000, .last = 0x1fff, .begin = 5, .end = 15 };
    struct span b = { .first = 0x2000, .last = 0x3fff, .begin = 5, .end = 15 };
    struct span c = { .first = 0x4000, .last = 0x4fff, .begin = 5, .end = 16 };

    exposure_book_add(&book, machine(), &a);
    exposure_book_add(&book, machine(), &b);
    exposure_book_get(&book, 0, &s);
    ck_assert_uint_eq(s.count, 1);
    ck_assert_uint_eq(s.total_ns, 10);
    ck_assert_uint_eq(s.byte_ns, 0x3000 * 10);
    ck_assert_uint_eq(s.worst_first, 0x1000);
    ck_assert_uint_eq(s.worst_last, 0x3fff);
    exposure_book_add(&book, machine(), &c); /* ends later */
    exposure_book_get(&book, 0, &s);
    ck_assert_uint_eq(s.count, 2);
    ck_assert_uint_eq(s.worst_first, 0x4000);
    ck_assert_uint_eq(s.worst_last, 0x4fff);
    ck_assert_uint_eq(s.bytes, 0x4000);
    exposure_book_fini(&book);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("check/exposure");
    TCase *tc = tcase_create("exposure");

    tcase_add_test(tc, counts_sums_and_percentiles);
    tcase_add_test(tc, byte_seconds_do_not_overflow);
    tcase_add_test(tc, percentiles_survive_thinning);
    tcase_add_test(tc, spans_of_no_time_count_in_the_percentiles);
    tcase_add_test(tc, adjacent_pages_that_begin_and_end_together_are_one_span);
    suite_add_tcase(s, tc);
    return s;
}
