/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The PAPR driver on the real model: which calls it makes, and what they leave. */
#include <check.h>

#include "iommu/papr_fmt.h"
#include "support_guest.h"
#include "support_main.h"

static void
start(struct rig *r)
{
    rig_init(r, IOMMU_PAPR_TCE);
    rig_start(r);
}

static uint64_t
get_tce(struct rig *r, uint64_t ioba)
{
    struct step s = { .kind = STEP_H_GET_TCE };

    s.u.tce = (struct step_tce){ .liobn = 0x80000000, .ioba = ioba };
    ck_assert(rig_do(r, &s));
    ck_assert(r->reply.has_value);
    return r->reply.value;
}

START_TEST(P44_calls_go_by_512_pages)
{
    static const struct {
        uint64_t pages;
        unsigned calls;
    } row[] = { { 1, 1 }, { 16, 1 }, { 512, 1 }, { 513, 2 }, { 600, 2 } };
    struct rig r;

    start(&r);
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        uint64_t size = row[i].pages * 4 * KIB;

        rig_forget(&r);
        ck_assert(rig_map(&r, 0x100000, size, 0x4000000, 0));
        ck_assert_uint_eq(r.hcalls, row[i].calls);
        ck_assert_int_eq(r.reply.ret, PAPR_H_SUCCESS);
        ck_assert_uint_eq(get_tce(&r, 0x100000), 0x4000003);
        ck_assert_uint_eq(get_tce(&r, 0x100000 + size - 4 * KIB),
                          0x4000000 + size - 4 * KIB + 3);
        rig_forget(&r);
        ck_assert(rig_unmap(&r, 0x100000, size));
        ck_assert_uint_eq(r.hcalls, row[i].calls);
        ck_assert_uint_eq(get_tce(&r, 0x100000 + size - 4 * KIB), 0);
    }
    /* The list of the last INDIRECT, 88 pages, big-endian in the last page below 4 GiB.
     */
    ck_assert_uint_eq(mem_read64be(r.env.mem, GPA(RIG_RAM - 4 * KIB)),
                      0x4000000 + 2 * MIB + 3);
    rig_fini(&r);
}
END_TEST

START_TEST(change_keeps_the_permission_that_is_not_given)
{
    struct rig r;
    struct step s = { .kind = STEP_CHANGE };

    start(&r);
    ck_assert(rig_map(&r, 0x1000, 12 * KIB, 0x20000, 0));
    ck_assert(rig_change(&r, 0x1000, 8 * KIB, 0x90000));
    ck_assert_uint_eq(get_tce(&r, 0x1000), 0x90003);
    ck_assert_uint_eq(get_tce(&r, 0x2000), 0x91003);
    s.u.map = (struct step_map){ .domain = SCENARIO_NONE,
                                 .iova = 0x3000,
                                 .size = 4 * KIB,
                                 .perm = PERM_R,
                                 .has_perm = true };
    ck_assert(rig_do(&r, &s));
    ck_assert_uint_eq(get_tce(&r, 0x3000), 0x22001);
    ck_assert(!rig_change(&r, 0x8000, 4 * KIB, 0x90000));
    ck_assert_str_eq(r.reply.why, "not-mapped");
    rig_fini(&r);
}
END_TEST

START_TEST(a_failing_call_ends_the_operation_with_its_status)
{
    struct rig r;

    start(&r);
    ck_assert(!rig_map(&r, 2 * GIB, 4 * KIB, 0x20000, 0));
    ck_assert(r.reply.has_ret);
    ck_assert_int_eq(r.reply.ret, PAPR_H_PARAMETER);
    ck_assert_str_eq(r.reply.why, "H_PARAMETER");
    rig_fini(&r);
}
END_TEST

START_TEST(an_inline_list_is_written_for_the_hypervisor)
{
    static const uint64_t values[] = { 0x30003, 0x50001 };
    struct rig r;
    struct step s = { .kind = STEP_H_PUT_TCE_INDIRECT };

    start(&r);
    s.u.tce = (struct step_tce){
        .liobn = 0x80000000, .ioba = 0x1000, .npages = 2, .values = values, .n_values = 2
    };
    ck_assert(rig_do(&r, &s));
    ck_assert_uint_eq(get_tce(&r, 0x1000), 0x30003);
    ck_assert_uint_eq(get_tce(&r, 0x2000), 0x50001);
    rig_fini(&r);
}
END_TEST

START_TEST(a_call_is_complete_after_its_latency)
{
    struct rig r;

    start(&r);
    latencies_set(&r.env.latency, LATENCY_HCALL, &DIST_CONST(700));
    ck_assert(!rig_map(&r, 0, 600 * 4 * KIB, 0x20000, 0));
    ck_assert_uint_eq(r.hcalls, 0);
    rig_run(&r);
    ck_assert_uint_eq(r.hcalls, 2);
    ck_assert_uint_eq(r.replies, 1);
    ck_assert_uint_eq(sim_now(r.env.sim), 1400);
    rig_fini(&r);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("guest_pseries_driver");
    TCase *t = tcase_create("pseries_driver");

    tcase_add_test(t, P44_calls_go_by_512_pages);
    tcase_add_test(t, change_keeps_the_permission_that_is_not_given);
    tcase_add_test(t, a_failing_call_ends_the_operation_with_its_status);
    tcase_add_test(t, an_inline_list_is_written_for_the_hypervisor);
    tcase_add_test(t, a_call_is_complete_after_its_latency);
    suite_add_tcase(s, t);
    return s;
}
