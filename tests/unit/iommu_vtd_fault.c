/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fault recording and fault events of VT-d. V- and Q-numbers are statements of the
 * reference.
 */
#include "iommu/vtd.h"

#include <check.h>

#include "support_main.h"
#include "support_vtd.h"

static struct bench *const b = &bench;

static void
with_records(unsigned n)
{
    struct iommu_vtd_config c = bench_config();

    c.fault_records = n;
    bench_start(b, &c);
}

static void
refused(uint16_t sid, uint64_t iova)
{
    struct xlate x;

    ck_assert_int_eq(bench_translate(b, sid, iova, PERM_R, &x), XLATE_FAULT);
}

static uint64_t
record(unsigned i, bool high)
{
    return iommu_mmio_read(b->m, VTD_FRCD + 16 * i + (high ? 8 : 0), 8);
}

static void
clear_record(unsigned i)
{
    iommu_mmio_write(b->m, VTD_FRCD_HI + 16 * i + 4, 4, UINT32_C(1) << 31);
}

START_TEST(V23_V24_one_record_overflow_and_compression)
{
    bench_up_as(b, "spec");
    refused(SID_A, 0x1000);
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), VTD_FSTS_PPF);
    refused(SID_A, 0x2000); /* compressed */
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), VTD_FSTS_PPF);
    refused(SID_B, 0x3000);
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), VTD_FSTS_PPF | VTD_FSTS_PFO);
    ck_assert_uint_eq(bench_read(b, VTD_FRCD), 0x1000);
    bench_write(b, VTD_FRCD_HI, VTD_FRCD_F);
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), VTD_FSTS_PFO);
    refused(SID_B, 0x4000); /* not before the overflow is cleared */
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), VTD_FSTS_PFO);
    bench_write(b, VTD_FSTS, VTD_FSTS_PFO);
    refused(SID_B, 0x5000);
    ck_assert_uint_eq(bench_read(b, VTD_FRCD), 0x5000);
    ck_assert_uint_eq(b->m->ops->faults(b->m), 5);
}
END_TEST

START_TEST(Q16_one_record_and_compression)
{
    /* No quirk: hardware with one record that compresses is within the specification,
     * and is what the options describe by default. */
    bench_up_as(b, "qemu-7.2");
    ck_assert_uint_eq(bench_read(b, VTD_CAP) >> 40 & 0xff, 0);
    refused(SID_A, 0x1000);
    refused(SID_A, 0x2000);
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), VTD_FSTS_PPF);
    refused(SID_B, 0x3000);
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), VTD_FSTS_PPF | VTD_FSTS_PFO);
    clear_record(0);
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), VTD_FSTS_PFO);
    refused(SID_A, 0x4000);
    ck_assert_uint_eq(record(0, true) & VTD_FRCD_F, 0);
}
END_TEST

START_TEST(V23_several_records_fill_in_a_ring)
{
    with_records(3);
    refused(0x10, 0x1000);
    refused(0x20, 0x2000);
    refused(0x10, 0x3000); /* compressed, wherever its record is */
    refused(0x30, 0x4000);
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), VTD_FSTS_PPF);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_uint_eq(record(i, true) & VTD_FRCD_SID_MASK, 0x10 * (i + 1));
    }
    ck_assert_uint_eq(record(2, false), 0x4000);
    refused(0x40, 0x5000); /* its record is the first, which is occupied */
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), VTD_FSTS_PPF | VTD_FSTS_PFO);
    clear_record(0);
    refused(0x40, 0x5000);
    ck_assert_uint_eq(record(0, true) & VTD_FRCD_F, 0);
    bench_write(b, VTD_FSTS, VTD_FSTS_PFO);
    clear_record(1);
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), VTD_FSTS_PPF); /* the third still */
    refused(0x40, 0x6000);
    ck_assert_uint_eq(record(0, false), 0x6000);
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), VTD_FSTS_PPF);
    clear_record(2);
    clear_record(0);
    ck_assert_uint_eq(bench_read(b, VTD_FSTS) & VTD_FSTS_PPF, 0);
    refused(0x50, 0x7000); /* the first that is pending is told by FRI */
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), VTD_FSTS_PPF | VTD_FSTS_FRI(1));
    refused(0x60, 0x8000);
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), VTD_FSTS_PPF | VTD_FSTS_FRI(1));
    ck_assert_uint_eq(record(2, false), 0x8000);
    ck_assert_uint_eq(b->m->ops->faults(b->m), 9);
    clear_record(1);
    clear_record(2);
    refused(0x70, 0x9000);
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), VTD_FSTS_PPF | VTD_FSTS_FRI(0));
}
END_TEST

START_TEST(all_256_records)
{
    with_records(256);
    for (unsigned i = 0; i < 256; i++) {
        refused((uint16_t)(i << 8), 0x1000);
    }
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), VTD_FSTS_PPF);
    ck_assert_uint_eq(record(255, true) & VTD_FRCD_SID_MASK, 0xff00);
    refused(0x0001, 0x1000);
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), VTD_FSTS_PPF | VTD_FSTS_PFO);
    ck_assert_uint_eq(iommu_mmio_read(b->m, VTD_FRCD + 16 * 256, 8), 0);
}
END_TEST

START_TEST(record_says_what_the_request_was)
{
    struct iommu_vtd_config c = bench_config();
    struct iommu_request q = iommu_request(SID_A, 0x123456789000, PERM_R);
    struct xlate x;

    c.device_iotlb = true;
    bench_start(b, &c);
    q.type = REQUEST_TRANSLATED;
    ck_assert_int_eq(b->m->ops->translate(b->m, &q, &x), XLATE_FAULT);
    ck_assert_uint_eq(record(0, false), UINT64_C(0x123456789000));
    ck_assert_uint_eq(record(0, true),
                      UINT64_C(0xe000000000000000) | VTD_FRCD_REASON(1) | SID_A);
    clear_record(0);
    q = iommu_request(SID_A, 0xfff, PERM_W);
    ck_assert_int_eq(b->m->ops->translate(b->m, &q, &x), XLATE_FAULT);
    ck_assert_uint_eq(record(0, false), 0);
    ck_assert_uint_eq(record(0, true), VTD_FRCD_F | VTD_FRCD_REASON(1) | SID_A);
}
END_TEST

START_TEST(fault_event_is_pending_while_masked)
{
    bench_up_as(b, "spec");
    refused(SID_A, 0x1000);
    ck_assert_uint_eq(bench_read(b, VTD_FECTL), VTD_ECTL_IM | VTD_ECTL_IP);
    bench_write(b, VTD_FRCD_HI, VTD_FRCD_F); /* the last status bit: nothing to tell */
    ck_assert_uint_eq(bench_read(b, VTD_FECTL), VTD_ECTL_IM);
    refused(SID_A, 0x1000);
    bench_write(b, VTD_FECTL, 0); /* sent */
    ck_assert_uint_eq(bench_read(b, VTD_FECTL), 0);
    bench_write(b, VTD_FECTL, VTD_ECTL_IM);
    refused(SID_B, 0x1000); /* overflow: no event, one was sent already */
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), VTD_FSTS_PPF | VTD_FSTS_PFO);
    ck_assert_uint_eq(bench_read(b, VTD_FECTL), VTD_ECTL_IM);
}
END_TEST

START_TEST(Q17_overflow_alone_is_no_event)
{
    /* No quirk: a fault overflows only where a record is pending, and then there was an
     * event already, by either text. */
    static const char *const profiles[] = { "spec", "qemu-7.2" };

    for (unsigned p = 0; p < 2; p++) {
        bench_up_as(b, profiles[p]);
        refused(SID_A, 0x1000);
        bench_write(b, VTD_FECTL, 0); /* sent */
        bench_write(b, VTD_FECTL, VTD_ECTL_IM);
        refused(SID_B, 0x2000);
        ck_assert_uint_eq(bench_read(b, VTD_FSTS), VTD_FSTS_PPF | VTD_FSTS_PFO);
        ck_assert_uint_eq(bench_read(b, VTD_FECTL), VTD_ECTL_IM);
    }
}
END_TEST

START_TEST(pending_interrupt_outlives_its_record_in_qemu)
{
    bench_up_as(b, "qemu-7.2");
    refused(SID_A, 0x1000);
    clear_record(0);
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), 0);
    ck_assert_uint_eq(bench_read(b, VTD_FECTL), VTD_ECTL_IM | VTD_ECTL_IP);
    bench_write(b, VTD_FSTS, 0);
    ck_assert_uint_eq(bench_read(b, VTD_FECTL), VTD_ECTL_IM);
}
END_TEST

START_TEST(no_PASID_is_16_ones_in_qemu)
{
    const uint64_t ones = UINT64_C(0xffff) << 40;

    bench_up_as(b, "qemu-7.2");
    refused(SID_A, 0x1000); /* no root entry */
    ck_assert_uint_eq(record(0, true) & VTD_BITS(59, 40), 0);
    ck_assert_uint_eq(record(0, true) & VTD_FRCD_PP, 0);
    clear_record(0);
    bench_attached(b, SID_A, 1, 4);
    refused(SID_A, 0x1000);
    ck_assert_uint_eq(record(0, true), VTD_FRCD_F | VTD_FRCD_READ | ones |
                                           VTD_FRCD_REASON(VTD_FAULT_READ) | SID_A);
}
END_TEST

START_TEST(queue_error_and_fault_share_one_event)
{
    bench_up_as(b, "spec");
    bench_write(b, VTD_IQT, 0x7000);
    ck_assert_uint_eq(bench_read(b, VTD_FECTL), VTD_ECTL_IM | VTD_ECTL_IP);
    bench_write(b, VTD_FECTL, 0);
    refused(SID_A, 0x1000);
    ck_assert_uint_eq(bench_read(b, VTD_FECTL), 0);
    bench_write(b, VTD_FECTL, VTD_ECTL_IM);
    bench_write(b, VTD_FSTS, VTD_FSTS_IQE);
    clear_record(0);
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), 0);
    refused(SID_A, 0x1000);
    ck_assert_uint_eq(bench_read(b, VTD_FECTL), VTD_ECTL_IM | VTD_ECTL_IP);
    /* Pending as long as one of them is. */
    bench_write(b, VTD_IQT, 0x7000);
    bench_write(b, VTD_FSTS, VTD_FSTS_IQE);
    ck_assert_uint_eq(bench_read(b, VTD_FECTL), VTD_ECTL_IM | VTD_ECTL_IP);
    clear_record(0);
    ck_assert_uint_eq(bench_read(b, VTD_FECTL), VTD_ECTL_IM);
}
END_TEST

START_TEST(address_type_is_recorded_where_there_are_device_TLBs)
{
    struct iommu_request q = iommu_request(SID_A, 0x1000, PERM_R);
    struct xlate x;

    bench_up_as(b, "spec");
    q.type = REQUEST_TRANSLATED;
    ck_assert_int_eq(b->m->ops->translate(b->m, &q, &x), XLATE_FAULT);
    ck_assert_uint_eq(record(0, true),
                      VTD_FRCD_F | VTD_FRCD_READ | VTD_FRCD_REASON(1) | SID_A);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("vtd_fault");
    TCase *tc = tcase_create("faults");

    tcase_add_checked_fixture(tc, NULL, bench_teardown);
    tcase_add_test(tc, V23_V24_one_record_overflow_and_compression);
    tcase_add_test(tc, Q16_one_record_and_compression);
    tcase_add_test(tc, V23_several_records_fill_in_a_ring);
    tcase_add_test(tc, all_256_records);
    tcase_add_test(tc, record_says_what_the_request_was);
    tcase_add_test(tc, fault_event_is_pending_while_masked);
    tcase_add_test(tc, Q17_overflow_alone_is_no_event);
    tcase_add_test(tc, pending_interrupt_outlives_its_record_in_qemu);
    tcase_add_test(tc, no_PASID_is_16_ones_in_qemu);
    tcase_add_test(tc, address_type_is_recorded_where_there_are_device_TLBs);
    tcase_add_test(tc, queue_error_and_fault_share_one_event);
    suite_add_tcase(s, tc);
    return s;
}
