/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Classes, blame and lines of a comparison. */
#include <check.h>

#include "support_check.h"
#include "support_main.h"

/* An entry changes behind everybody's back. */
static void
tamper(uint64_t ioba, uint64_t tce)
{
    struct iommu_window w[4];

    ck_assert_uint_ge(rig.iommu->ops->windows(rig.iommu, w, 4), 1);
    mem_write64le(w[0].tces, GPA(8 * ((ioba - w[0].base) >> w[0].page_lg2)), tce);
}

static void
hcall_returns(uint64_t first, uint64_t last)
{
    const struct observer *o = &rig.env.observer;

    o->hcall_returned(o->self, rig.iommu, LIOBN, first, last);
}

static void
mirror(void)
{
    rig_begin();
    rig_papr();
    rig_subscribe("vfio", "dev/vfio", true);
}

START_TEST(a_class_follows_from_what_is_held_and_what_is_true)
{
    static const struct {
        uint64_t held, now;
        enum violation_class class;
    } cases[] = {
        { 0x20003, 0, VIOLATION_STALE_MAPPING },
        { 0, 0x20003, VIOLATION_MISSING_MAPPING },
        { 0x20003, 0x30003, VIOLATION_WRONG_TARGET },
        { 0x20003, 0x30001, VIOLATION_WRONG_TARGET }, /* wins over the permission */
        { 0x20003, 0x20001, VIOLATION_EXCESS_PERMISSION },
        { 0x20001, 0x20003, VIOLATION_LACKING_PERMISSION },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        mirror();
        rig_put(0x1000, cases[i].held);
        tamper(0x1000, cases[i].now);
        hcall_returns(0x1000, 0x1fff);
        rig_expect_one(cases[i].class, BLAME_IOMMU, 0x1000, 0x1fff);
        rig_end();
    }
}
END_TEST

START_TEST(nothing_is_wrong_while_a_record_is_open)
{
    mirror();
    rig_put(0x1000, 0x20003);
    tamper(0x1000, 0x30003);
    check_all(rig.check);
    ck_assert_uint_eq(rig.n, 0);
    rig_end();
}
END_TEST

START_TEST(another_class_at_the_same_page_is_news)
{
    mirror();
    rig_put(0x1000, 0x20003);
    tamper(0x1000, 0x30003);
    hcall_returns(0x1000, 0x1fff);
    tamper(0x1000, 0x40003);
    hcall_returns(0x1000, 0x1fff);
    ck_assert_uint_eq(rig.n, 1);
    tamper(0x1000, 0);
    hcall_returns(0x1000, 0x1fff);
    ck_assert_uint_eq(rig.n, 2);
    ck_assert_int_eq(rig.seen[1].class, VIOLATION_STALE_MAPPING);
    rig_end();
}
END_TEST

START_TEST(what_another_line_began_is_another_violation)
{
    mirror();
    rig_step(10);
    tamper(0x1000, 0x20003);
    rig_step(11);
    tamper(0x2000, 0x21003);
    tamper(0x3000, 0x22003);
    hcall_returns(0x1000, 0x3fff);
    ck_assert_uint_eq(rig.n, 2);
    ck_assert_uint_eq(rig.seen[0].last, 0x1fff);
    ck_assert_uint_eq(rig.seen[1].origin.line, 11);
    ck_assert_uint_eq(rig.seen[1].last, 0x3fff);
    rig_end();
}
END_TEST

START_TEST(a_cache_may_lack_what_a_mirror_may_not)
{
    rig_begin();
    rig_papr();
    rig_subscribe("vhost", "dev/vhost", false);
    rig_put(0x1000, 0x20003);
    check_end(rig.check);
    ck_assert_uint_eq(rig.n, 0);
    rig_end();
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("check/verdict");
    TCase *tc = tcase_create("verdict");

    tcase_add_test(tc, a_class_follows_from_what_is_held_and_what_is_true);
    tcase_add_test(tc, nothing_is_wrong_while_a_record_is_open);
    tcase_add_test(tc, another_class_at_the_same_page_is_news);
    tcase_add_test(tc, what_another_line_began_is_another_violation);
    tcase_add_test(tc, a_cache_may_lack_what_a_mirror_may_not);
    suite_add_tcase(s, tc);
    return s;
}
