/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which descriptors are accepted, and what is wrong with the others, by the
 * specification and by QEMU 7.2. V- and Q-numbers are statements of the reference.
 */
#include "iommu/vtd.h"

#include <check.h>

#include "notify/notify.h"
#include "support_main.h"
#include "support_vtd.h"

static struct bench *const b = &bench;

#define STATUS 0x30000
#define FINE   (-1)

/* Put it in, then a wait. What IQERCD says, or FINE; a refused one stops the head. */
static int
outcome(const uint64_t words[4])
{
    const uint64_t at = b->tail;

    bench_push_raw(b, words);
    bench_push_wait(b);
    bench_ring(b);
    if ((bench_read(b, VTD_FSTS) & VTD_FSTS_IQE) == 0) {
        ck_assert(bench_waited(b));
        ck_assert_uint_eq(bench_read(b, VTD_IQH), b->tail);
        return FINE;
    }
    ck_assert(!bench_waited(b));
    ck_assert_uint_eq(bench_read(b, VTD_IQH), at);
    ck_assert_uint_eq(b->invalidated, 0);
    return (int)(bench_read(b, VTD_IQERCD) & VTD_IQERCD_IQEI);
}

static void
up(const struct iommu_vtd_config *c, const char *profile, bool wide)
{
    bench_init_as(b, c, profile);
    b->wide = wide;
    bench_boot(b);
}

/* Everything that has descriptors of its own. */
static struct iommu_vtd_config
rich(void)
{
    struct iommu_vtd_config c = bench_config();

    c.device_iotlb = c.scalable = c.pasid = true;
    return c;
}

/* ---- 128 bits: the cases that were run against QEMU 7.2, and what it did ---- */

static const struct {
    uint64_t lo, hi;
    int specified;
    bool qemu_accepts;
} narrow[] = {
    { 0x5, 0, VTD_IQEI_RESERVED, false }, /* a wait that does nothing */
    { 0x45, 0, FINE, false },             /* nothing but a fence */
    { 0xa5, STATUS, VTD_IQEI_RESERVED, false },
    { 0x25, STATUS | 1, VTD_IQEI_RESERVED, false },
    { 0x25, STATUS | 2, VTD_IQEI_RESERVED, false },
    { 0x125, STATUS, VTD_IQEI_RESERVED, false },
    { 0x0, 0, VTD_IQEI_TYPE, false },
    { 0x8, 0, VTD_IQEI_WIDTH, false },
    { 0x9, 0, VTD_IQEI_TYPE, false }, /* answers to page requests */
    { 0xf, 0, VTD_IQEI_TYPE, false },
    { 0x2, 0, VTD_IQEI_RESERVED, false },
    { 0x112, 0, VTD_IQEI_RESERVED, false },
    { 0x12 | VTD_BIT(32), 0, VTD_IQEI_RESERVED, false },
    { 0x12, 0x80, VTD_IQEI_RESERVED, false },
    { 0x32, 19, VTD_IQEI_RESERVED, false },
    { 0x1, 0, VTD_IQEI_RESERVED, false },
    { 0x51, 0, VTD_IQEI_RESERVED, false },
    { 0x11 | VTD_BIT(50), 0, VTD_IQEI_RESERVED, false },
    { 0x11, 1, VTD_IQEI_RESERVED, false },
    { 0x3, 2, VTD_IQEI_RESERVED, false },
    { 0x1003, 0, VTD_IQEI_RESERVED, false }, /* PFSID, low and high: Q35 */
    { 0x3 | VTD_BIT(52), 0, VTD_IQEI_RESERVED, false },
    { 0x3 | VTD_BIT(21), 0, VTD_IQEI_RESERVED, false },
    { 0x32, 18, FINE, true },
    { 0x32, 0x5040, FINE, true }, /* IH */
    { 0x12, 0x1013, FINE, true }, /* AM counts for pages only */
    { 0x21, 0, FINE, true },
    { 0x31 | VTD_BITS(49, 48) | UINT64_C(0x18) << 32, 0, FINE, true }, /* FM 3 */
    { 0x3 | UINT64_C(0x18) << 32, 0x5000, FINE, true },
    { 0x3 | UINT64_C(0x18) << 32, UINT64_C(0x7ffffffffffff001), FINE, true },
    { 0x3 | UINT64_C(0x4242) << 32, 0x5000, FINE, true },
    { 0x4, 0, FINE, true },
    { 0x24, 0, VTD_IQEI_RESERVED, true },
    { 0x4, 1, VTD_IQEI_RESERVED, true },
    { 0x6, 0, VTD_IQEI_WIDTH, true },
    { 0x36, 0xffff, VTD_IQEI_WIDTH, true },
    { 0x7, 0, VTD_IQEI_WIDTH, true },
    { 0x25, STATUS, FINE, true },
    { 0x15, 0, FINE, true },
    { 0x65, STATUS, FINE, true },
    { 0x212, 0, VTD_IQEI_TYPE, false }, /* 0x12 by all seven bits */
};

START_TEST(V17_Q26_Q35_each_case_as_specified)
{
    const struct iommu_vtd_config c = rich();

    up(&c, "spec", false);
    ck_assert_int_eq(outcome((const uint64_t[4]){ narrow[_i].lo, narrow[_i].hi }),
                     narrow[_i].specified);
}
END_TEST

START_TEST(Q26_Q35_each_case_as_in_qemu)
{
    const struct iommu_vtd_config c = rich();

    up(&c, "qemu-7.2", false);
    ck_assert_int_eq(outcome((const uint64_t[4]){ narrow[_i].lo, narrow[_i].hi }),
                     narrow[_i].qemu_accepts ? FINE : VTD_IQEI_NONE);
}
END_TEST

/* ---- kinds that the options do not offer ---- */

START_TEST(what_is_not_offered_is_unknown)
{
    static const uint64_t types[] = { VTD_DESC_DEV_IOTLB, VTD_DESC_IEC,
                                      VTD_DESC_PASID_IOTLB | 0x20, VTD_DESC_PASID_CACHE,
                                      VTD_DESC_PASID_DEV_IOTLB };
    struct iommu_vtd_config c = bench_config();

    c.intremap = false;
    for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        up(&c, "spec", false);
        ck_assert_int_eq(outcome((const uint64_t[4]){ types[i], 0 }), VTD_IQEI_TYPE);
        up(&c, "qemu-7.2", false);
        ck_assert_int_eq(outcome((const uint64_t[4]){ types[i], 0 }),
                         types[i] == VTD_DESC_PASID_DEV_IOTLB ? VTD_IQEI_NONE : FINE);
    }
}
END_TEST

/* ---- 256 bits ---- */

static const struct {
    uint64_t words[4];
    int specified;
} wide[] = {
    { { 0x12, 0, 0, 0 }, FINE },
    { { 0x12, 0, 1, 0 }, VTD_IQEI_RESERVED },
    { { 0x12, 0, 0, VTD_BIT(63) }, VTD_IQEI_RESERVED },
    { { 0x25, STATUS, 1, 0 }, VTD_IQEI_RESERVED },
    { { 0x06, 0, 0, 0 }, VTD_IQEI_RESERVED }, /* G */
    { { 0x16, 0, 0, 0 }, VTD_IQEI_RESERVED },
    { { 0x26, 0, 0, 0 }, FINE },
    { { 0x36, 0x5012, 0, 0 }, FINE },
    { { 0x36, 0x5013, 0, 0 }, VTD_IQEI_RESERVED }, /* AM 19 */
    { { 0x36, 0x5080, 0, 0 }, VTD_IQEI_RESERVED },
    { { 0x26 | VTD_BIT(52), 0, 0, 0 }, VTD_IQEI_RESERVED },
    { { 0x66, 0, 0, 0 }, VTD_IQEI_RESERVED },
    { { 0x07, 0, 0, 0 }, FINE },
    { { 0x17, 0, 0, 0 }, FINE },
    { { 0x27, 0, 0, 0 }, VTD_IQEI_RESERVED },
    { { 0x37, 0, 0, 0 }, FINE },
    { { 0x07, 1, 0, 0 }, VTD_IQEI_RESERVED },
    { { 0x07 | VTD_BIT(63), 0, 0, 0 }, VTD_IQEI_RESERVED },
    { { 0x1f8, 0x5801, 0, 0 }, FINE }, /* MIP 31, sized, of all PASIDs */
    { { 0x08, 0x400, 0, 0 }, VTD_IQEI_RESERVED },
    { { 0x08, 2, 0, 0 }, VTD_IQEI_RESERVED },
    { { 0x1008, 0, 0, 0 }, VTD_IQEI_RESERVED }, /* PFSID */
    { { 0x08 | VTD_BIT(52), 0, 0, 0 }, VTD_IQEI_RESERVED },
    { { 0x09, 0, 0, 0 }, VTD_IQEI_TYPE },
};

START_TEST(wide_descriptors_as_specified)
{
    const struct iommu_vtd_config c = rich();

    up(&c, "spec", true);
    ck_assert_int_eq(outcome(wide[_i].words), wide[_i].specified);
}
END_TEST

START_TEST(Q26_upper_halves_are_not_looked_at)
{
    const struct iommu_vtd_config c = rich();

    up(&c, "qemu-7.2", true);
    ck_assert_int_eq(outcome((const uint64_t[4]){ 0x12, 0, 1, 1 }), FINE);
    ck_assert_int_eq(outcome((const uint64_t[4]){ 0x25, STATUS, 1, 1 }), FINE);
    ck_assert_int_eq(outcome((const uint64_t[4]){ 0x26, 0, 1, 1 }), FINE);
    ck_assert_int_eq(outcome((const uint64_t[4]){ 0x37, 0, 0, 0 }), FINE);
    ck_assert_uint_eq(b->invalidated, 3); /* so the guest believes of the last two */
    b->invalidated = 0;
    ck_assert_int_eq(outcome((const uint64_t[4]){ 0x8, 0, 0, 0 }), VTD_IQEI_NONE);
}
END_TEST

START_TEST(scalable_tables_need_wide_descriptors)
{
    const struct iommu_vtd_config c = rich();
    const uint64_t on = VTD_GCMD_TE | VTD_GCMD_QIE | VTD_GCMD_SRTP;
    static const uint64_t flush[4] = { 0x12 };

    up(&c, "spec", false);
    bench_write(b, VTD_RTADDR, b->root | VTD_TTM_SCALABLE << 10);
    bench_write(b, VTD_GCMD, on);
    ck_assert_int_eq(outcome(flush), VTD_IQEI_WIDTH);
    up(&c, "spec", true);
    bench_write(b, VTD_RTADDR, b->root | VTD_TTM_RESERVED << 10);
    bench_write(b, VTD_GCMD, on);
    ck_assert_int_eq(outcome(flush), VTD_IQEI_TTM);
    bench_write(b, VTD_RTADDR, b->root | VTD_TTM_SCALABLE << 10);
    bench_write(b, VTD_GCMD, on);
    bench_write(b, VTD_FSTS, VTD_FSTS_IQE);
    bench_ring(b);
    ck_assert(bench_waited(b));
    up(&c, "qemu-7.2", false);
    bench_write(b, VTD_RTADDR, b->root | VTD_TTM_SCALABLE << 10);
    bench_write(b, VTD_GCMD, on);
    ck_assert_int_eq(outcome(flush), FINE);
}
END_TEST

/* ---- what they name ---- */

START_TEST(kinds_that_name_a_PASID_are_executed_and_told)
{
    const struct iommu_vtd_config c = rich();

    up(&c, "spec", true);
    bench_do(b, vtd_desc_pasid_cache(VTD_PC_PASID, 5, 0xabcde));
    ck_assert_int_eq(b->last.kind, INVAL_PASID_CACHE);
    ck_assert_int_eq(b->last.scope, INVAL_PASID);
    ck_assert_uint_eq(b->last.did, 5);
    ck_assert(b->last.has_pasid);
    ck_assert_uint_eq(b->last.pasid, 0xabcde);
    bench_do(b, vtd_desc_pasid_cache(VTD_PC_DOMAIN, 6, 0));
    ck_assert_int_eq(b->last.scope, INVAL_DOMAIN);
    ck_assert_uint_eq(b->last.did, 6);
    bench_do(b, vtd_desc_pasid_cache(VTD_PC_GLOBAL, 0, 0));
    ck_assert_int_eq(b->last.scope, INVAL_GLOBAL);
    bench_do(b, vtd_desc_pasid_iotlb(VTD_PIOTLB_ALL, 7, 3, 0, 0, false));
    ck_assert_int_eq(b->last.kind, INVAL_PASID_IOTLB);
    ck_assert_int_eq(b->last.scope, INVAL_PASID);
    ck_assert_uint_eq(b->last.pasid, 3);
    bench_do(b, vtd_desc_pasid_iotlb(VTD_PIOTLB_PAGE, 7, 3, 0x12345000, 4, true));
    ck_assert_int_eq(b->last.scope, INVAL_PAGE);
    ck_assert_uint_eq(b->last.did, 7);
    ck_assert_uint_eq(b->last.first, 0x12340000);
    ck_assert_uint_eq(b->last.last, 0x1234ffff);
    ck_assert(b->last.leaf_only);
    bench_do(b, vtd_desc_pasid_dev_iotlb(SID_A, 0x12345, 0, 0x8000, 15, false));
    ck_assert_int_eq(b->last.kind, INVAL_DEV_IOTLB);
    ck_assert_uint_eq(b->last.sid, SID_A);
    ck_assert_uint_eq(b->last.pasid, 0x12345);
    ck_assert_uint_eq(b->last.first, 0x8000);
    ck_assert_uint_eq(b->last.last, 0xffff);
    bench_do(b, vtd_desc_pasid_dev_iotlb(SID_A, 0x12345, 0, 0x8000, 12, true));
    ck_assert_uint_eq(b->last.pasid, NOTIFY_EVERY_PASID);
    bench_do(b, vtd_desc_dev_iotlb(SID_B, 0, 0, 64));
    ck_assert(!b->last.has_pasid);
    ck_assert_uint_eq(b->last.sid, SID_B);
    ck_assert_uint_eq(b->last.first, 0);
    ck_assert_uint_eq(b->last.last, UINT64_MAX);
    ck_assert_uint_eq(b->invalidated, 8);
}
END_TEST

START_TEST(V37_function_mask_selects_1_2_4_or_8)
{
    for (unsigned fm = 0; fm < 4; fm++) {
        unsigned selected = 0;
        bench_up(b);
        for (uint16_t sid = 0x18; sid < 0x20; sid++) {
            bench_domain(b, sid, 1, 4);
        }
        for (uint16_t sid = 0x18; sid < 0x20; sid++) { /* cached */
            ck_assert(bench_faults(b, sid, 0x1000, PERM_R, VTD_FAULT_READ));
        }
        for (uint16_t sid = 0x18; sid < 0x20; sid++) {
            bench_context(b, sid, 0, 0);
        }
        bench_do(b, vtd_desc_context(VTD_GRAN_FINE, 1, 0x1f, fm));
        bench_flush_global(b);
        for (uint16_t sid = 0x18; sid < 0x20; sid++) {
            struct xlate x;
            ck_assert_int_eq(bench_translate(b, sid, 0x1000, PERM_R, &x), XLATE_FAULT);
            uint64_t reason = bench_read(b, VTD_FRCD_HI) >> 32 & 0xff;
            selected += reason == VTD_FAULT_CONTEXT_P;
            bench_clear_faults(b);
        }
        ck_assert_uint_eq(selected, 1U << fm);
    }
}
END_TEST

START_TEST(Q5_domain_context_invalidation_is_global)
{
    const struct iommu_vtd_config c = rich();

    up(&c, "qemu-7.2", false);
    bench_do(b, vtd_desc_context(VTD_GRAN_DOMAIN, 6, 0, 0));
    ck_assert_int_eq(b->last.scope, INVAL_GLOBAL);
    bench_write(b, VTD_GCMD, VTD_GCMD_TE);
    bench_write(b, VTD_CCMD,
                VTD_CCMD_ICC | VTD_CCMD_CIRG(VTD_GRAN_DOMAIN) | VTD_CCMD_DID(6));
    ck_assert_uint_eq(bench_read(b, VTD_CCMD), UINT64_C(0x4800000000000006));
}
END_TEST

START_TEST(device_context_invalidation_of_another_domain)
{
    static const char *const profiles[] = { "spec", "qemu-7.2" };
    struct iommu_vtd_config c = rich();

    c.caching_mode = false;
    for (unsigned p = 0; p < 2; p++) {
        up(&c, profiles[p], false);
        uint64_t table = bench_attached(b, SID_A, 1, 4);
        bench_map(b, table, 0x1000, 0x20000 | RW);
        bench_map(b, table, 0x2000, 0x21000 | RW);
        ck_assert(bench_reads(b, SID_A, 0x1000, 0x20000));
        bench_context(b, SID_A, 0, 0);
        bench_flush_context(b, SID_A, 2); /* the entry is of domain 1 */
        ck_assert_int_eq(bench_reads(b, SID_A, 0x2000, 0x21000), p == 0);
    }
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("vtd_desc");
    TCase *tc = tcase_create("descriptors");

    tcase_add_checked_fixture(tc, NULL, bench_teardown);
    tcase_add_loop_test(tc, V17_Q26_Q35_each_case_as_specified, 0,
                        (int)(sizeof(narrow) / sizeof(narrow[0])));
    tcase_add_loop_test(tc, Q26_Q35_each_case_as_in_qemu, 0,
                        (int)(sizeof(narrow) / sizeof(narrow[0])));
    tcase_add_test(tc, what_is_not_offered_is_unknown);
    tcase_add_loop_test(tc, wide_descriptors_as_specified, 0,
                        (int)(sizeof(wide) / sizeof(wide[0])));
    tcase_add_test(tc, Q26_upper_halves_are_not_looked_at);
    tcase_add_test(tc, scalable_tables_need_wide_descriptors);
    tcase_add_test(tc, kinds_that_name_a_PASID_are_executed_and_told);
    tcase_add_test(tc, V37_function_mask_selects_1_2_4_or_8);
    tcase_add_test(tc, Q5_domain_context_invalidation_is_global);
    tcase_add_test(tc, device_context_invalidation_of_another_domain);
    suite_add_tcase(s, tc);
    return s;
}
