/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The register page of VT-d: what is there, what can be written, what a reset leaves.
 * V- and Q-numbers are statements of the reference.
 */
#include "iommu/vtd.h"

#include <check.h>

#include "support_main.h"
#include "support_vtd.h"

static struct bench *const b = &bench;

/* ---- capabilities ---- */

/* An option that is not the default, as `option=value` of the unit would set it. */
enum option {
    PLAIN,
    CACHING,
    AW48,
    NO_DMA,
    NO_DRAIN,
    DEVICE_TLB,
    SNOOP,
    SCALABLE,
    NO_REMAPPING,
    NO_PASS,
    NO_QUEUE,
    BUFFERS,
    WIDE_FIRST,
    PASIDS,
    RECORDS,
};

static struct iommu_vtd_config
with(enum option o)
{
    struct iommu_vtd_config c = bench_config();

    c.caching_mode = o == CACHING;
    c.aw_bits = o == AW48 ? 48 : o == WIDE_FIRST ? 57 : 39;
    c.dma_translation = o != NO_DMA;
    c.drain = o != NO_DRAIN;
    c.device_iotlb = o == DEVICE_TLB;
    c.snoop_control = o == SNOOP;
    c.scalable = o == SCALABLE || o == WIDE_FIRST || o == PASIDS;
    c.intremap = o != NO_REMAPPING;
    c.pass_through = o != NO_PASS;
    c.queued_invalidation = o != NO_QUEUE;
    c.write_buffer_flush = o == BUFFERS;
    c.first_stage = o == WIDE_FIRST;
    c.pasid = o == PASIDS;
    c.fault_records = o == RECORDS ? 8 : 1;
    return c;
}

/* Those that QEMU 7.2 has were read there. */
static const struct {
    enum option option;
    uint64_t cap, ecap;
} capabilities[] = {
    { PLAIN, UINT64_C(0x00d2008c22260206), 0xf00f4a },
    { CACHING, UINT64_C(0x00d2008c22260286), 0xf00f4a },
    { AW48, UINT64_C(0x00d2008c222f0606), 0xf00f4a },
    { NO_DMA, UINT64_C(0x00d2008c22260006), 0xf00f4a },
    { NO_DRAIN, UINT64_C(0x0012008c22260206), 0xf00f4a },
    { DEVICE_TLB, UINT64_C(0x00d2008c22260206), 0xf00f4e },
    { SNOOP, UINT64_C(0x00d2008c22260206), 0xf00fca },
    { SCALABLE, UINT64_C(0x00d2008c22260206), UINT64_C(0x480080f00f4a) },
    { NO_REMAPPING, UINT64_C(0x00d2008c22260206), 0xf42 },
    { NO_PASS, UINT64_C(0x00d2008c22260206), 0xf00f0a },
    /* not of that version */
    { NO_QUEUE, UINT64_C(0x00d2008c22260206), 0xf40 },
    { BUFFERS, UINT64_C(0x00d2008c22260216), 0xf00f4a },
    { WIDE_FIRST, UINT64_C(0x11d2008c22380e06), UINT64_C(0xc80484f00f4a) },
    { PASIDS, UINT64_C(0x00d2008c22260206), UINT64_C(0x499880f00f4a) },
    { RECORDS, UINT64_C(0x00d2078c22260206), 0xf00f4a },
};

START_TEST(capabilities_are_those_measured)
{
    static const char *const profiles[] = { "spec", "qemu-7.2" };
    struct iommu_vtd_config c = with(capabilities[_i].option);

    for (unsigned p = 0; p < 2; p++) {
        const uint64_t untold = p == 0 ? 0 : VTD_ECAP_PSS(32); /* the size of PASIDs */
        bench_init_as(b, &c, profiles[p]);
        ck_assert_uint_eq(bench_read(b, VTD_CAP), capabilities[_i].cap);
        ck_assert_uint_eq(bench_read(b, VTD_ECAP), capabilities[_i].ecap & ~untold);
    }
}
END_TEST

START_TEST(Q14_pass_through_bit_in_the_wrong_register)
{
    struct iommu_vtd_config c = with(NO_PASS);

    bench_init(b, &c);
    bench_quirk(b, QUIRK_VTD_PT_IN_CAP);
    b->m->ops->reset(b->m);
    ck_assert_uint_eq(bench_read(b, VTD_CAP), UINT64_C(0x00d2008c22260246));
    ck_assert_uint_eq(bench_read(b, VTD_ECAP), 0xf00f0a);
    iommu_mmio_write(b->m, 0x64, 4, UINT32_MAX); /* what it promises is not there */
    iommu_mmio_write(b->m, 0x70, 8, UINT64_MAX);
    ck_assert_uint_eq(iommu_mmio_read(b->m, 0x64, 4), 0);
    ck_assert_uint_eq(iommu_mmio_read(b->m, 0x70, 8), 0);
}
END_TEST

/* ---- the map ---- */

START_TEST(V1_reset_values)
{
    struct iommu_vtd_config c = bench_config();

    bench_init(b, &c);
    ck_assert_uint_eq(bench_read(b, VTD_VER), 0x10);
    ck_assert_uint_eq(bench_read(b, VTD_FECTL), UINT64_C(0x80000000));
    ck_assert_uint_eq(bench_read(b, VTD_IECTL), UINT64_C(0x80000000));
    for (uint64_t off = 0x18; off < VTD_REG_END; off += 4) {
        if (off != VTD_FECTL && off != VTD_IECTL) {
            ck_assert_uint_eq(iommu_mmio_read(b->m, off, 4), 0);
        }
    }
    bench_write(b, VTD_GCMD, VTD_GCMD_QIE);
    ck_assert_uint_eq(bench_read(b, VTD_GCMD), 0);
    ck_assert_uint_eq(bench_read(b, VTD_GSTS), VTD_GCMD_QIE);
}
END_TEST

/*
 * What remains of all ones, and of zero after that; registers that start something apart.
 */
static const struct {
    unsigned off, width;
    uint64_t kept;
} kept[] = {
    { 0x00, 4, 0x10 },
    { 0x18, 4, 0 },
    { 0x20, 8, UINT64_C(0xfffffffffffffc00) },
    { 0x3c, 4, 0xffff },
    { 0x40, 4, 0xfffffffc },
    { 0x44, 4, 0 },
    { 0x58, 8, 0 },
    { 0x64, 4, 0 },
    { 0x68, 4, 0 },
    { 0x6c, 4, 0 },
    { 0x70, 8, 0 },
    { 0x78, 8, 0 },
    { 0x80, 8, 0 },
    { 0x88, 8, 0x7fff0 },
    { 0x90, 8, UINT64_C(0xfffffffffffff007) },
    { 0x9c, 4, 0 },
    { 0xa4, 4, 0xffff },
    { 0xa8, 4, 0xfffffffc },
    { 0xac, 4, 0 },
    { 0xb0, 8, 0 },
    { 0xb8, 8, UINT64_C(0xfffffffffffff80f) },
    { 0xc0, 8, 0 },
    { 0xc8, 8, 0 },
    { 0xd0, 8, 0 },
    { 0xdc, 4, 0 },
    { 0xe0, 4, 0 },
    { 0xe4, 4, 0 },
    { 0xe8, 4, 0 },
    { 0xec, 4, 0 },
    { 0xf0, 8, 0 },
    { 0x220, 8, 0 },
    { 0x228, 8, 0 },
};

START_TEST(registers_keep_only_their_writable_bits)
{
    const struct iommu_vtd_config c = bench_config();
    const unsigned off = kept[_i].off, width = kept[_i].width;

    bench_init(b, &c);
    iommu_mmio_write(b->m, off, width, width == 8 ? UINT64_MAX : UINT32_MAX);
    uint64_t now = iommu_mmio_read(b->m, off, width);
    ck_assert_uint_eq(now, off == VTD_GCMD ? 0 : kept[_i].kept);
    for (unsigned half = 0; half < width; half += 4) {
        iommu_mmio_write(b->m, off + half, 4, 0);
        ck_assert_uint_eq(iommu_mmio_read(b->m, off + half, 4),
                          off == VTD_VER ? 0x10 : 0);
    }
    iommu_mmio_write(b->m, off, 4, UINT32_MAX);
    ck_assert_uint_eq(iommu_mmio_read(b->m, off, 4), (uint32_t)kept[_i].kept);
}
END_TEST

START_TEST(odd_accesses)
{
    struct iommu_vtd_config c = with(RECORDS);
    struct xlate x;

    bench_init(b, &c);
    iommu_mmio_write(b->m, VTD_RTADDR, 8, 0x1000);
    iommu_mmio_write(b->m, VTD_RTADDR + 4, 4, 0x12);
    ck_assert_uint_eq(bench_read(b, VTD_RTADDR), UINT64_C(0x1200001000));
    iommu_mmio_write(b->m, VTD_RTADDR + 2, 4, UINT32_MAX); /* misaligned */
    iommu_mmio_write(b->m, VTD_RTADDR, 2, UINT16_MAX);
    iommu_mmio_write(b->m, VTD_RTADDR, 1, UINT8_MAX);
    ck_assert_uint_eq(bench_read(b, VTD_RTADDR), UINT64_C(0x1200001000));
    ck_assert_uint_eq(iommu_mmio_read(b->m, 0x2a0, 8), 0);
    bench_write(b, VTD_GCMD, VTD_GCMD_TE);
    for (uint16_t sid = 0; sid < 8; sid++) { /* a pending record at the very end */
        ck_assert_int_eq(bench_translate(b, sid, 0x1000, PERM_R, &x), XLATE_FAULT);
    }
    ck_assert_uint_eq(iommu_mmio_read(b->m, 0x29c, 4) >> 31, 1);
    ck_assert_uint_eq(iommu_mmio_read(b->m, 0x29c, 8), 0);
    ck_assert_uint_eq(iommu_mmio_read(b->m, 0xff8, 8), 0);
}
END_TEST

START_TEST(registers_of_what_is_not_offered_are_absent)
{
    struct iommu_vtd_config c = with(NO_QUEUE);

    bench_init(b, &c);
    bench_write(b, VTD_IQA, 0x5000);
    bench_write(b, VTD_IRTA, 0x5000);
    bench_write(b, VTD_GCMD, VTD_GCMD_QIE | VTD_GCMD_IRE | VTD_GCMD_SIRTP);
    ck_assert_uint_eq(bench_read(b, VTD_IQA), 0);
    ck_assert_uint_eq(bench_read(b, VTD_IRTA), 0);
    ck_assert_uint_eq(bench_read(b, VTD_IECTL), 0);
    ck_assert_uint_eq(bench_read(b, VTD_GSTS), 0);
    c = with(NO_REMAPPING);
    bench_init(b, &c);
    bench_write(b, VTD_IRTA, 0x5000);
    bench_write(b, VTD_GCMD, VTD_GCMD_IRE | VTD_GCMD_SIRTP | VTD_GCMD_CFI);
    ck_assert_uint_eq(bench_read(b, VTD_IRTA), 0);
    ck_assert_uint_eq(bench_read(b, VTD_GSTS), 0);
}
END_TEST

START_TEST(remapping_that_is_not_offered_can_be_switched_on_in_qemu)
{
    struct iommu_vtd_config c = with(NO_REMAPPING);

    bench_init_as(b, &c, "qemu-7.2");
    ck_assert_uint_eq(bench_read(b, VTD_ECAP), 0xf42);
    bench_write(b, VTD_IRTA, 0x5000);
    bench_write(b, VTD_GCMD, VTD_GCMD_IRE | VTD_GCMD_SIRTP);
    ck_assert_uint_eq(bench_read(b, VTD_IRTA), 0x5000);
    ck_assert_uint_eq(bench_read(b, VTD_GSTS), VTD_GCMD_IRE | VTD_GCMD_SIRTP);
}
END_TEST

START_TEST(without_dma_translation_it_cannot_be_enabled)
{
    struct iommu_vtd_config c = with(NO_DMA);

    bench_start(b, &c);
    ck_assert_uint_eq(bench_read(b, VTD_GSTS), VTD_GCMD_SRTP | VTD_GCMD_QIE);
    ck_assert(bench_reads(b, SID_A, 0x1234, 0x1234));
}
END_TEST

START_TEST(interrupt_remapping_switches_show_in_the_status)
{
    const uint64_t levels = VTD_GCMD_TE | VTD_GCMD_QIE | VTD_GCMD_IRE | VTD_GCMD_CFI;
    const uint64_t done = VTD_GCMD_SRTP | VTD_GCMD_SIRTP;

    bench_up_as(b, "spec");
    bench_write(b, VTD_GCMD,
                levels | VTD_GCMD_SIRTP | VTD_GCMD_WBF | VTD_GCMD_SFL | VTD_BIT(28));
    ck_assert_uint_eq(bench_read(b, VTD_GSTS), levels | done);
    bench_write(b, VTD_GCMD, VTD_GCMD_TE | VTD_GCMD_QIE);
    ck_assert_uint_eq(bench_read(b, VTD_GSTS), VTD_GCMD_TE | VTD_GCMD_QIE | done);
}
END_TEST

START_TEST(Q34_some_commands_leave_no_trace)
{
    const uint64_t on = VTD_GCMD_TE | VTD_GCMD_QIE;

    bench_up_as(b, "qemu-7.2");
    bench_write(b, VTD_GCMD,
                on | VTD_GCMD_WBF | VTD_GCMD_CFI | VTD_GCMD_SFL | VTD_BIT(28));
    ck_assert_uint_eq(bench_read(b, VTD_GSTS), on | VTD_GCMD_SRTP);
}
END_TEST

START_TEST(table_mode_is_latched_with_the_root_table)
{
    struct iommu_vtd_config c = with(SCALABLE);
    struct iommu_roots roots;

    bench_init(b, &c);
    bench_write(b, VTD_RTADDR, 0x5000 | 1 << 10);
    b->m->ops->roots(b->m, &roots);
    ck_assert_uint_eq(roots.root_table.v, 0);
    ck_assert_uint_eq(roots.ttm, VTD_TTM_LEGACY);
    bench_write(b, VTD_GCMD, VTD_GCMD_SRTP);
    b->m->ops->roots(b->m, &roots);
    ck_assert_uint_eq(roots.root_table.v, 0x5000);
    ck_assert_uint_eq(roots.ttm, VTD_TTM_SCALABLE);
}
END_TEST

START_TEST(Q25_the_queue_reads_back_as_in_use_and_its_width_as_0)
{
    struct iommu_vtd_config c = with(SCALABLE);

    bench_init(b, &c);
    bench_write(b, VTD_IQA, 0x5000 | VTD_IQA_DW | 1);
    ck_assert_uint_eq(bench_read(b, VTD_IQA), 0x5000 | VTD_IQA_DW | 1);
    bench_init_as(b, &c, "qemu-7.2");
    bench_write(b, VTD_IQA, 0x5000 | VTD_IQA_DW | 1);
    ck_assert_uint_eq(bench_read(b, VTD_IQA), 1);
    bench_write(b, VTD_GCMD, VTD_GCMD_QIE);
    ck_assert_uint_eq(bench_read(b, VTD_IQA), 0x5000 | 1);
    bench_write(b, VTD_IQA, 0x7000);
    ck_assert_uint_eq(bench_read(b, VTD_IQA), 0x5000);
    c = with(PLAIN); /* legacy mode only: nowhere */
    bench_init(b, &c);
    bench_write(b, VTD_IQA, 0x5000 | VTD_IQA_DW | 1);
    ck_assert_uint_eq(bench_read(b, VTD_IQA), 0x5000 | 1);
}
END_TEST

START_TEST(Q18_optional_registers_are_absent)
{
    static const uint64_t absent[] = { 0x58, 0x64, 0x68, 0x70, 0xb0, 0xc0, 0xdc };

    bench_up_as(b, "qemu-7.2");
    bench_write(b, VTD_IQT, 0x7000); /* an error that IQERCD would explain */
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), VTD_FSTS_IQE);
    for (unsigned i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
        iommu_mmio_write(b->m, absent[i], 4, UINT32_MAX);
        ck_assert_uint_eq(iommu_mmio_read(b->m, absent[i], 4), 0);
    }
}
END_TEST

START_TEST(data_of_completion_interrupts_is_wider_in_qemu)
{
    bench_up_as(b, "qemu-7.2");
    bench_write(b, VTD_IEDATA, UINT32_MAX);
    ck_assert_uint_eq(bench_read(b, VTD_IEDATA), UINT32_MAX);
    bench_write(b, VTD_FEDATA, UINT32_MAX);
    ck_assert_uint_eq(bench_read(b, VTD_FEDATA), UINT16_MAX);
}
END_TEST

/* ---- root table and reset ---- */

START_TEST(Q28_a_new_root_table_drops_what_is_cached)
{
    static const char *const profiles[] = { "spec", "qemu-7.2" };

    for (unsigned p = 0; p < 2; p++) {
        bench_up_as(b, profiles[p]);
        uint64_t table = bench_attached(b, SID_A, 1, 4);
        bench_map(b, table, 0x1000, 0x20000 | RW);
        ck_assert(bench_reads(b, SID_A, 0x1000, 0x20000));
        bench_map(b, table, 0x1000, 0);
        bench_write(b, VTD_GCMD, VTD_GCMD_TE | VTD_GCMD_QIE | VTD_GCMD_SRTP);
        ck_assert_int_eq(bench_reads(b, SID_A, 0x1000, 0x20000), p == 0);
    }
}
END_TEST

START_TEST(reset_keeps_sticky_bits_and_forgets_the_rest)
{
    struct xlate x;

    bench_up_as(b, "spec");
    ck_assert_int_eq(bench_translate(b, SID_A, 0x5000, PERM_W, &x), XLATE_FAULT);
    bench_do(b, vtd_desc_wait(VTD_DESC_WAIT_IF, 0, 0));
    bench_write(b, VTD_IQT, 0x7000);
    b->m->ops->reset(b->m);
    ck_assert_uint_eq(bench_read(b, VTD_ICS), VTD_ICS_IWC);
    ck_assert_uint_eq(bench_read(b, VTD_IECTL), VTD_ECTL_IM);
    ck_assert_uint_eq(bench_read(b, VTD_GSTS), 0);
    ck_assert_uint_eq(bench_read(b, VTD_RTADDR), 0);
    ck_assert_uint_eq(bench_read(b, VTD_FECTL), VTD_ECTL_IM);
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), VTD_FSTS_PPF | VTD_FSTS_IQE);
    ck_assert_uint_eq(bench_read(b, VTD_IQERCD), VTD_IQEI_TAIL);
    ck_assert_uint_eq(bench_read(b, VTD_FRCD), 0x5000);
    ck_assert_uint_eq(bench_read(b, VTD_FRCD_HI),
                      VTD_FRCD_F | VTD_FRCD_REASON(VTD_FAULT_ROOT_P) | SID_A);
    ck_assert(bench_reads(b, SID_A, 0x5000, 0x5000));
}
END_TEST

START_TEST(reset_clears_everything_in_qemu)
{
    struct xlate x;

    bench_up_as(b, "qemu-7.2");
    ck_assert_int_eq(bench_translate(b, SID_A, 0x5000, PERM_W, &x), XLATE_FAULT);
    b->m->ops->reset(b->m);
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), 0);
    ck_assert_uint_eq(bench_read(b, VTD_FRCD), 0);
    ck_assert_uint_eq(bench_read(b, VTD_FRCD_HI), 0);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("vtd_regs");
    TCase *tc = tcase_create("registers");

    tcase_add_checked_fixture(tc, NULL, bench_teardown);
    tcase_add_loop_test(tc, capabilities_are_those_measured, 0,
                        (int)(sizeof(capabilities) / sizeof(capabilities[0])));
    tcase_add_test(tc, Q14_pass_through_bit_in_the_wrong_register);
    tcase_add_test(tc, V1_reset_values);
    tcase_add_loop_test(tc, registers_keep_only_their_writable_bits, 0,
                        (int)(sizeof(kept) / sizeof(kept[0])));
    tcase_add_test(tc, odd_accesses);
    tcase_add_test(tc, registers_of_what_is_not_offered_are_absent);
    tcase_add_test(tc, remapping_that_is_not_offered_can_be_switched_on_in_qemu);
    tcase_add_test(tc, without_dma_translation_it_cannot_be_enabled);
    tcase_add_test(tc, interrupt_remapping_switches_show_in_the_status);
    tcase_add_test(tc, Q34_some_commands_leave_no_trace);
    tcase_add_test(tc, table_mode_is_latched_with_the_root_table);
    tcase_add_test(tc, Q25_the_queue_reads_back_as_in_use_and_its_width_as_0);
    tcase_add_test(tc, Q18_optional_registers_are_absent);
    tcase_add_test(tc, data_of_completion_interrupts_is_wider_in_qemu);
    tcase_add_test(tc, Q28_a_new_root_table_drops_what_is_cached);
    tcase_add_test(tc, reset_keeps_sticky_bits_and_forgets_the_rest);
    tcase_add_test(tc, reset_clears_everything_in_qemu);
    suite_add_tcase(s, tc);
    return s;
}
