/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Steps of the hardware level, and which steps are the guest's. */
#include <check.h>

#include "iommu/vtd_reg_fmt.h"
#include "scenario/entry_layout.h"
#include "support_guest.h"
#include "support_main.h"

static bool
mmio(enum vtd_reg reg, uint8_t width, uint64_t value)
{
    struct step s = { .kind = STEP_MMIO };

    s.u.mmio =
        (struct step_mmio){ .offset = (uint32_t)reg, .width = width, .value = value };
    return rig_do(&s);
}

START_TEST(mem_writes_little_endian_and_mem_expect_tells_the_difference)
{
    static const uint64_t values[] = { 0x1122334455667788, 0x99 };
    static const uint64_t other[] = { 0x1122334455667788, 0x98 };
    struct step s = { .kind = STEP_MEM };

    rig_boot(GUEST_MANUAL, true);
    s.u.mem = (struct step_mem){ .gpa = 0x1ffc, .width = 8, .n = 2, .values = values };
    ck_assert(rig_do(&s));
    s.kind = STEP_MEM_EXPECT;
    ck_assert(rig_do(&s));
    s.u.mem.values = other;
    ck_assert(!rig_do(&s));
    ck_assert_str_eq(vm.reply.why, "differs-at-0x2004");
    ck_assert_uint_eq(vm.reply.value, 0x99);
    s.u.mem = (struct step_mem){ .gpa = 0x1ffc, .width = 1, .n = 1, .values = other };
    s.kind = STEP_MEM;
    ck_assert(rig_do(&s));
    ck_assert_uint_eq(rig_read(0x1ffc), 0x1122334455667788);
    s.u.mem = (struct step_mem){ .gpa = 0x1ffc, .width = 0, .n = 3, .values = other + 1 };
    ck_assert(rig_do(&s));
    ck_assert_uint_eq(rig_read(0x1ffc), 0x1122334455989898);
    s.u.mem.gpa = RIG_RAM;
    ck_assert(!rig_do(&s));
    ck_assert_str_eq(vm.reply.why, "not-ram");
}
END_TEST

START_TEST(mmio_expect_compares_under_its_mask)
{
    struct step s = { .kind = STEP_MMIO_EXPECT };

    rig_boot(GUEST_MANUAL, true);
    s.u.mmio = (struct step_mmio){
        .offset = VTD_CAP, .width = 8, .value = VTD_CAP_CM, .mask = VTD_CAP_CM
    };
    ck_assert(rig_do(&s));
    s.u.mmio.value = 0;
    ck_assert(!rig_do(&s));
    ck_assert_uint_eq(vm.reply.value & VTD_CAP_CM, VTD_CAP_CM);
}
END_TEST

START_TEST(pte_makes_the_levels_above_and_stores_the_value_as_it_is)
{
    struct step s = { .kind = STEP_PTE };

    rig_boot(GUEST_MANUAL, true);
    s.u.pte =
        (struct step_pte){ .domain = 0, .level = 2, .iova = 6 * MIB, .value = 0x883 };
    ck_assert(rig_do(&s));
    ck_assert_uint_eq(rig_read(RIG_TABLES), (RIG_TABLES + 0x1000) | 3);
    ck_assert_uint_eq(rig_read(RIG_TABLES + 0x1000), (RIG_TABLES + 0x2000) | 3);
    ck_assert_uint_eq(rig_read(RIG_TABLES + 0x2018), 0x883);
}
END_TEST

START_TEST(context_takes_what_is_not_given_from_the_domain)
{
    struct step_entry c = { .device = 0, .domain = 1, .layout = ENTRY_CONTEXT };
    struct step s = { .kind = STEP_CONTEXT };

    rig_boot(GUEST_MANUAL, true);
    s.u.entry = &c;
    ck_assert(rig_do(&s));
    /* The domain's table was the first page, the root table and a context table next. */
    ck_assert_uint_eq(rig_read(RIG_TABLES + 0x1000), (RIG_TABLES + 0x2000) | 1);
    ck_assert_uint_eq(rig_read(RIG_TABLES + 0x2080), RIG_TABLES | 1);
    ck_assert_uint_eq(rig_read(RIG_TABLES + 0x2088), 0x102);
    c = (struct step_entry){ .device = 0,
                             .domain = SCENARIO_NONE,
                             .layout = ENTRY_CONTEXT,
                             .has_raw = true,
                             .value = { 0, 7 },
                             .given = { UINT64_MAX, UINT64_MAX } };
    ck_assert(rig_do(&s));
    ck_assert_uint_eq(rig_read(RIG_TABLES + 0x2080), 0);
    ck_assert_uint_eq(rig_read(RIG_TABLES + 0x2088), 7);
}
END_TEST

START_TEST(qi_writes_where_the_registers_point)
{
    const struct qi_descriptor two[] = {
        { .type = QI_IOTLB, .granularity = QI_DOMAIN, .did = 5 },
        { .type = QI_WAIT,
          .status = true,
          .has_address = true,
          .address = 0x9000,
          .data = 0x77 },
    };
    struct step s = { .kind = STEP_QI };

    rig_boot(GUEST_MANUAL, true);
    s.u.qi = (struct step_qi){ .n = 2, .desc = two };
    ck_assert(!rig_do(&s));
    ck_assert_str_eq(vm.reply.why, "queue-off");
    ck_assert(mmio(VTD_IQA, 8, 0x40000));
    ck_assert(mmio(VTD_GCMD, 4, VTD_GCMD_QIE));
    ck_assert(rig_do(&s));
    ck_assert_uint_eq(rig_read(0x40000), 0x50022);
    ck_assert_uint_eq(rig_read(0x40018), 0x9000);
    ck_assert_uint_eq(mem_read32le(vm.env.mem, GPA(0x9000)), 0x77);
    ck_assert_uint_eq(iommu_mmio_read(vm.m, VTD_IQH, 8), 32);
}
END_TEST

START_TEST(flush_overrides_manual_by_queue_or_registers)
{
    struct step s = { .kind = STEP_UNMAP };

    rig_boot(GUEST_MANUAL, true);
    s.u.map = (struct step_map){
        .domain = 1, .device = SCENARIO_NONE, .size = 4 * KIB, .flush = FLUSH_PAGE
    };
    ck_assert(rig_do(&s));
    ck_assert_uint_eq(vm.invalidations, 1);
    ck_assert(mmio(VTD_IQA, 8, 0x40000));
    ck_assert(mmio(VTD_GCMD, 4, VTD_GCMD_QIE));
    ck_assert(rig_do(&s));
    ck_assert_uint_eq(vm.invalidations, 2);
    ck_assert_uint_eq(iommu_mmio_read(vm.m, VTD_IQH, 8), 32);
    s.u.map.flush = FLUSH_POLICY;
    ck_assert(rig_do(&s));
    ck_assert_uint_eq(vm.invalidations, 2);
}
END_TEST

START_TEST(flush_none_leaves_the_invalidation_out)
{
    struct step s = { .kind = STEP_UNMAP };

    rig_boot(GUEST_STRICT, true);
    s.u.map = (struct step_map){
        .device = 0, .domain = SCENARIO_NONE, .size = 4 * KIB, .flush = FLUSH_NONE
    };
    ck_assert(rig_do(&s));
    ck_assert_uint_eq(vm.invalidations, 0);
    s = (struct step){ .kind = STEP_FLUSH };
    s.u.flush = (struct step_flush){ .device = SCENARIO_NONE,
                                     .domain = SCENARIO_NONE,
                                     .scope = FLUSH_GLOBAL };
    ck_assert(rig_do(&s));
    ck_assert_uint_eq(vm.invalidations, 1);
    ck_assert_int_eq(vm.last.scope, INVAL_GLOBAL);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("guest_guest");
    TCase *t = tcase_create("guest");

    tcase_add_checked_fixture(t, NULL, rig_fini);
    tcase_add_test(t, mem_writes_little_endian_and_mem_expect_tells_the_difference);
    tcase_add_test(t, mmio_expect_compares_under_its_mask);
    tcase_add_test(t, pte_makes_the_levels_above_and_stores_the_value_as_it_is);
    tcase_add_test(t, context_takes_what_is_not_given_from_the_domain);
    tcase_add_test(t, qi_writes_where_the_registers_point);
    tcase_add_test(t, flush_overrides_manual_by_queue_or_registers);
    tcase_add_test(t, flush_none_leaves_the_invalidation_out);
    suite_add_tcase(s, t);
    return s;
}
