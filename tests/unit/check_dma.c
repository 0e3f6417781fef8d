/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Accesses held against the tables. */
#include <check.h>

#include "support_check.h"
#include "support_main.h"

START_TEST(an_access_is_not_reported_twice_until_one_was_right)
{
    rig_begin();
    rig_papr();
    rig_put(0x1000, 0x20003);
    rig_access(NULL, 0x1000, PERM_R, true, 0x30000);
    rig_access(NULL, 0x1800, PERM_R, true, 0x30800);
    ck_assert_uint_eq(rig.n, 1);
    rig_access(NULL, 0x1000, PERM_R, false, 0); /* wrong in another way */
    ck_assert_uint_eq(rig.n, 2);
    ck_assert_int_eq(rig.seen[1].class, VIOLATION_DMA_LOST);
    rig_access(NULL, 0x1000, PERM_R, true, 0x20000);
    rig_access(NULL, 0x1000, PERM_R, false, 0);
    ck_assert_uint_eq(rig.n, 3);
    rig_end();
}
END_TEST

START_TEST(a_breach_names_the_change_that_began_it)
{
    rig_begin();
    rig_papr();
    rig_step(10);
    rig_put(0x1000, 0x20003);
    rig_step(11);
    rig_put(0x1000, 0);
    rig_step(12);
    rig_put(0x2000, 0x30003);
    rig_step(13);
    rig_access(NULL, 0x1010, PERM_W, true, 0x20010);
    rig_expect_one(VIOLATION_DMA_BREACH, BLAME_IOMMU, 0x1010, 0x1017);
    ck_assert_uint_eq(rig.seen[0].origin.line, 11);
    rig_end();
}
END_TEST

START_TEST(a_breach_after_a_switch_names_the_switch)
{
    rig_begin();
    rig_papr();
    rig_step(10);
    rig_put(0x1000, 0x20003);
    rig_step(11);
    rig.iommu->ops->reset(rig.iommu);
    rig_step(12);
    rig_access(NULL, 0x1010, PERM_W, true, 0x20010);
    rig_expect_one(VIOLATION_DMA_BREACH, BLAME_IOMMU, 0x1010, 0x1017);
    ck_assert_uint_eq(rig.seen[0].origin.line, 11);
    rig_end();
}
END_TEST

START_TEST(without_translation_all_addresses_are_themselves)
{
    rig_begin();
    rig_vtd(true);
    rig_mmio(VTD_GCMD, 4, VTD_GCMD_QIE);
    rig_access(NULL, 0x1000, PERM_W, true, 0x1000);
    rig_access(NULL, 0xf0000000, PERM_W, true, 0xf0000000); /* not memory */
    ck_assert_uint_eq(rig.n, 0);
    rig_access(NULL, 0x2000, PERM_W, true, 0x3000);
    rig_expect_one(VIOLATION_DMA_BREACH, BLAME_IOMMU, 0x2000, 0x2007);
    rig_end();
}
END_TEST

START_TEST(a_cache_that_refuses_loses_nothing)
{
    rig_begin();
    rig_papr();
    struct subscriber *s = rig_subscribe("vhost", "dev/vhost", false);
    rig_put(0x1000, 0x20003);
    rig_access(s, 0x1000, PERM_R, false, 0);
    ck_assert_uint_eq(rig.n, 0);
    rig_end();
}
END_TEST

START_TEST(a_mirror_that_refuses_what_is_mapped_loses_it)
{
    rig_begin();
    rig_papr();
    struct subscriber *s = rig_subscribe("vfio", "dev/vfio", true);
    rig_put(0x1000, 0x20001);
    rig_access(s, 0x1000, PERM_W, false, 0); /* rightly */
    ck_assert_uint_eq(rig.n, 0);
    rig_access(s, 0x1000, PERM_R, false, 0);
    ck_assert_uint_eq(rig.n, 1);
    ck_assert_int_eq(rig.seen[0].class, VIOLATION_DMA_LOST);
    rig_end();
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("check/dma");
    TCase *tc = tcase_create("dma");

    tcase_add_test(tc, an_access_is_not_reported_twice_until_one_was_right);
    tcase_add_test(tc, a_breach_names_the_change_that_began_it);
    tcase_add_test(tc, a_breach_after_a_switch_names_the_switch);
    tcase_add_test(tc, without_translation_all_addresses_are_themselves);
    tcase_add_test(tc, a_cache_that_refuses_loses_nothing);
    tcase_add_test(tc, a_mirror_that_refuses_what_is_mapped_loses_it);
    suite_add_tcase(s, tc);
    return s;
}
