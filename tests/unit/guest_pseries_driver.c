/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The PAPR driver on the real model: which calls it makes, and what they leave. */
#include <check.h>

#include "iommu/papr_fmt.h"
#include "support_guest.h"
#include "support_main.h"

static void
start(void)
{
    rig_init(IOMMU_PAPR_TCE);
    rig_start();
}

static uint64_t
get_tce(uint64_t ioba)
{
    struct step s = { .kind = STEP_H_GET_TCE };

    s.u.tce = (struct step_tce){ .liobn = 0x80000000, .ioba = ioba };
    ck_assert(rig_do(&s));
    ck_assert(vm.reply.has_value);
    return vm.reply.value;
}

START_TEST(P44_calls_go_by_512_pages)
{
    static const struct {
        uint64_t pages;
        unsigned calls;
    } row[] = { { 1, 1 }, { 16, 1 }, { 512, 1 }, { 513, 2 }, { 600, 2 } };

    start();
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        uint64_t size = row[i].pages * 4 * KIB;

        rig_forget();
        ck_assert(rig_map(0x100000, size, 0x4000000, 0));
        ck_assert_uint_eq(vm.hcalls, row[i].calls);
        ck_assert_int_eq(vm.reply.ret, PAPR_H_SUCCESS);
        ck_assert_uint_eq(get_tce(0x100000), 0x4000003);
        ck_assert_uint_eq(get_tce(0x100000 + size - 4 * KIB),
                          0x4000000 + size - 4 * KIB + 3);
        rig_forget();
        ck_assert(rig_unmap(0x100000, size));
        ck_assert_uint_eq(vm.hcalls, row[i].calls);
        ck_assert_uint_eq(get_tce(0x100000 + size - 4 * KIB), 0);
    }
    /*
     * The list of the last INDIRECT, 88 pages, big-endian in the last page below 4 GiB.
     */
    ck_assert_uint_eq(mem_read64be(vm.env.mem, GPA(RIG_RAM - 4 * KIB)),
                      0x4000000 + 2 * MIB + 3);
}
END_TEST

START_TEST(change_keeps_the_permission_that_is_not_given)
{
    struct step s = { .kind = STEP_CHANGE };

    start();
    ck_assert(rig_map(0x1000, 12 * KIB, 0x20000, 0));
    ck_assert(rig_change(0x1000, 8 * KIB, 0x90000));
    ck_assert_uint_eq(get_tce(0x1000), 0x90003);
    ck_assert_uint_eq(get_tce(0x2000), 0x91003);
    s.u.map = (struct step_map){ .domain = SCENARIO_NONE,
                                 .iova = 0x3000,
                                 .size = 4 * KIB,
                                 .perm = PERM_R,
                                 .has_perm = true };
    ck_assert(rig_do(&s));
    ck_assert_uint_eq(get_tce(0x3000), 0x22001);
    ck_assert(!rig_change(0x8000, 4 * KIB, 0x90000));
    ck_assert_str_eq(vm.reply.why, "not-mapped");
}
END_TEST

START_TEST(a_failing_call_ends_the_operation_with_its_status)
{
    start();
    ck_assert(!rig_map(2 * GIB, 4 * KIB, 0x20000, 0));
    ck_assert(vm.reply.has_ret);
    ck_assert_int_eq(vm.reply.ret, PAPR_H_PARAMETER);
    ck_assert_str_eq(vm.reply.why, "H_PARAMETER");
}
END_TEST

START_TEST(an_inline_list_is_written_for_the_hypervisor)
{
    static const uint64_t values[] = { 0x30003, 0x50001 };
    struct step s = { .kind = STEP_H_PUT_TCE_INDIRECT };

    start();
    s.u.tce = (struct step_tce){
        .liobn = 0x80000000, .ioba = 0x1000, .npages = 2, .values = values, .n_values = 2
    };
    ck_assert(rig_do(&s));
    ck_assert_uint_eq(get_tce(0x1000), 0x30003);
    ck_assert_uint_eq(get_tce(0x2000), 0x50001);
}
END_TEST

START_TEST(a_call_is_complete_after_its_latency)
{
    start();
    latencies_set(&vm.env.latency, LATENCY_HCALL, &DIST_CONST(700));
    ck_assert(!rig_map(0, 600 * 4 * KIB, 0x20000, 0));
    ck_assert_uint_eq(vm.hcalls, 0);
    rig_run();
    ck_assert_uint_eq(vm.hcalls, 2);
    ck_assert_uint_eq(vm.replies, 1);
    ck_assert_uint_eq(sim_now(vm.env.sim), 1400);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("guest_pseries_driver");
    TCase *t = tcase_create("pseries_driver");

    tcase_add_checked_fixture(t, NULL, rig_fini);
    tcase_add_test(t, P44_calls_go_by_512_pages);
    tcase_add_test(t, change_keeps_the_permission_that_is_not_given);
    tcase_add_test(t, a_failing_call_ends_the_operation_with_its_status);
    tcase_add_test(t, an_inline_list_is_written_for_the_hypervisor);
    tcase_add_test(t, a_call_is_complete_after_its_latency);
    suite_add_tcase(s, t);
    return s;
}
