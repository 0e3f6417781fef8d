/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Points that are made to fail: which, how often, with what. */
#include <check.h>
#include <errno.h>

#include "support_main.h"
#include "support_toy.h"

static void
teardown(void)
{
    fail_fini(&toy.env.fail);
    toy_teardown();
}

START_TEST(without_a_plan_points_are_only_counted)
{
    ck_assert_int_eq(fail_point(&toy.env, "a/x", FAIL_MAP), 0);
    ck_assert_int_eq(fail_point(&toy.env, "a/x", FAIL_UNMAP), 0);
    ck_assert_uint_eq(toy.env.fail.points, 2);
    ck_assert_ptr_null(toy.env.fail.hit.subject);
}
END_TEST

START_TEST(the_nth_point_of_all_fails_once)
{
    toy.env.fail.nth = 2;
    ck_assert_int_eq(fail_point(&toy.env, "a/x", FAIL_MAP), 0);
    ck_assert_int_eq(fail_point(&toy.env, "b/x", FAIL_REGISTER), ENOTSUP);
    ck_assert_int_eq(fail_point(&toy.env, "b/x", FAIL_REGISTER), 0);
    ck_assert_str_eq(toy.env.fail.hit.subject, "b/x");
    ck_assert_int_eq(toy.env.fail.hit.op, FAIL_REGISTER);
}
END_TEST

START_TEST(orders_count_their_own_subject_and_kind_only)
{
    const struct fail_order second = { "a/x", FAIL_MAP, 2, EBUSY };

    ck_assert_int_eq(fail_point(&toy.env, "a/x", FAIL_MAP), 0);
    fail_order(&toy.env.fail, &second);
    ck_assert_int_eq(fail_point(&toy.env, "a/x", FAIL_MAP), 0);
    ck_assert_int_eq(fail_point(&toy.env, "a/x", FAIL_UNMAP), 0);
    ck_assert_int_eq(fail_point(&toy.env, "b/x", FAIL_MAP), 0);
    ck_assert_int_eq(fail_point(&toy.env, "a/x", FAIL_MAP), EBUSY);
    ck_assert_int_eq(fail_point(&toy.env, "a/x", FAIL_MAP), 0);
}
END_TEST

START_TEST(two_orders_may_meet_at_one_point)
{
    const struct fail_order first = { "a/x", FAIL_MAP, 1, 0 },
                            second = { "a/x", FAIL_MAP, 2, ENOSPC };

    fail_order(&toy.env.fail, &first);
    fail_order(&toy.env.fail, &second);
    ck_assert_int_eq(fail_point(&toy.env, "a/x", FAIL_MAP), ENOMEM); /* the usual one */
    ck_assert_int_eq(fail_point(&toy.env, "a/x", FAIL_MAP), ENOSPC);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("notify_fail");
    TCase *tc = tcase_create("plan");

    tcase_add_checked_fixture(tc, toy_setup, teardown);
    tcase_add_test(tc, without_a_plan_points_are_only_counted);
    tcase_add_test(tc, the_nth_point_of_all_fails_once);
    tcase_add_test(tc, orders_count_their_own_subject_and_kind_only);
    tcase_add_test(tc, two_orders_may_meet_at_one_point);
    suite_add_tcase(s, tc);
    return s;
}
