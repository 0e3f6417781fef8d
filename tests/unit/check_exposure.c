/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>

#include "check/check.h"
#include "check/exposure.h"

#include "support_main.h"

START_TEST(counts_sums_and_percentiles)
{
    struct exposure e = { 0 };
    struct exposure_stats s;

    for (uint64_t ns = 1; ns <= 101; ns++) {
        exposure_add(&e, ns, 4096);
    }
    exposure_get(&e, &s);
    ck_assert_uint_eq(s.count, 101);
    ck_assert_uint_eq(s.total_ns, 101 * 102 / 2);
    ck_assert_uint_eq(s.max_ns, 101);
    ck_assert_uint_eq(s.p50_ns, 51);
    ck_assert_uint_eq(s.p90_ns, 91);
    ck_assert_uint_eq(s.p99_ns, 100);
    ck_assert_uint_eq(s.bytes, 101 * 4096);
    exposure_fini(&e);
}
END_TEST

START_TEST(byte_seconds_do_not_overflow)
{
    struct exposure e = { 0 };
    struct exposure_stats s;

    for (unsigned i = 0; i < 4; i++) {
        exposure_add(&e, UINT64_C(1) << 40, UINT64_C(1) << 50);
    }
    exposure_get(&e, &s);
    ck_assert_uint_eq(s.byte_seconds, ((unsigned __int128)1 << 92) / 1000000000);
    exposure_fini(&e);
}
END_TEST

START_TEST(percentiles_survive_thinning)
{
    struct exposure e = { 0 };
    struct exposure_stats s;

    for (uint64_t i = 0; i < (UINT64_C(3) << 20); i++) {
        exposure_add(&e, i % 1000, 1);
    }
    exposure_get(&e, &s);
    ck_assert_uint_eq(s.count, UINT64_C(3) << 20);
    ck_assert_uint_eq(s.max_ns, 999);
    ck_assert_uint_ge(s.p50_ns, 490);
    ck_assert_uint_le(s.p50_ns, 510);
    exposure_fini(&e);
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
    suite_add_tcase(s, tc);
    return s;
}
