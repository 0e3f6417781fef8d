/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Firmware calls: dynamic DMA windows by LoPAR's rules and by QEMU's, the table of
 * 14.2 of the reference row by row, and the bypass of VIO adapters.
 */
#include <check.h>
#include <string.h>

#include "support_main.h"
#include "support_papr.h"

static struct ear ear, cache;
static struct log told, cache_told;

#define MADE_W1 "0 0x80000001 0x8000000 0x0" /* at 2^59 */
#define MADE_W0 "0 0x80000000 0x0 0x0"
#define LEFT(n) "0 " #n " 0x20 0x0 0x107 0x0"

static int64_t
status_of(uint64_t liobn, uint64_t ioba)
{
    uint64_t tce;

    return get(liobn, ioba, &tce);
}

/* --- 14.2, which both profiles answer alike but for the last window at 0 --- */

START_TEST(P27_queries_tell_what_is_left)
{
    static const uint32_t here[] = { 0, 0x8000000, 0x20000000 };
    static const uint32_t elsewhere[] = { 0, 0x8000000, 0x20000001 };

    ck_assert_str_eq(query(), LEFT(0x1));
    ck_assert_str_eq(rtas(RTAS_QUERY_PE_DMA_WINDOW, -1, 5, here),
                     "0 0x1 0x80000000 0x107 0x0");
    ck_assert_str_eq(rtas(RTAS_QUERY_PE_DMA_WINDOW, -1, 4, here), "-3");
    ck_assert_str_eq(rtas(RTAS_QUERY_PE_DMA_WINDOW, 2, 6, here), "-3");
    ck_assert_str_eq(rtas(RTAS_QUERY_PE_DMA_WINDOW, -1, 6, elsewhere), "-3");
    ck_assert_str_eq(create(16, 30), MADE_W1);
    ck_assert_str_eq(query(), LEFT(0x0));
    ck_assert_str_eq(create(16, 30), "-1");
    ck_assert_str_eq(remove_window(W0), "0");
    ck_assert_str_eq(query(), LEFT(0x1));
    ck_assert_str_eq(remove_window(W0), "-3");
    ck_assert_str_eq(remove_window(W1), "0");
    ck_assert_str_eq(query(), LEFT(0x1)); /* the default window is back */
    ck_assert_str_eq(remove_window(W0), "0");
    ck_assert_str_eq(query(), LEFT(0x2));
    ck_assert_str_eq(create(16, 31), MADE_W0);
    ck_assert_str_eq(remove_window(W1), "-3");
    ck_assert_str_eq(remove_window(0x12345678), "-3");
    ck_assert_str_eq(remove_window(0), "-3");
    ck_assert_str_eq(reset_windows(), "0");
    ck_assert_str_eq(query(), LEFT(0x1));
}
END_TEST

START_TEST(P28_creation_that_must_fail_leaves_nothing)
{
    static const uint32_t words[] = { 0, 0x8000000, 0x20000000, 16, 30 };

    ck_assert_str_eq(create(13, 30), "-3");
    ck_assert_str_eq(create(12, 11), "-3");
    ck_assert_str_eq(rtas(RTAS_CREATE_PE_DMA_WINDOW, 4, 4, words), "-3");
    ck_assert_str_eq(rtas(RTAS_CREATE_PE_DMA_WINDOW, -1, 3, words), "-3");
    ck_assert_str_eq(query(), LEFT(0x1));
    ck_assert_uint_eq(phb.switched, 0);
    ck_assert_str_eq(create(16, 30), MADE_W1);
    ck_assert_str_eq(create(13, 30), "-3"); /* before the windows are counted */
    ck_assert_str_eq(create(16, 30), "-1");
}
END_TEST

/* log2 of page and window; what LoPAR and QEMU answer. */
static const struct {
    uint32_t page, window;
    const char *spec, *qemu;
} shapes[] = {
    { 12, 12, MADE_W1, MADE_W1 },   { 21, 40, MADE_W1, MADE_W1 },
    { 24, 50, MADE_W1, MADE_W1 },   { 12, 43, MADE_W1, MADE_W1 },
    { 24, 55, MADE_W1, MADE_W1 },   { 12, 44, "-3", "-1" },
    { 16, 48, "-3", "-1" },         { 12, 45, "-3", "-1" },
    { 16, 96, "-3", MADE_W1 },      { 16, 80, "-3", MADE_W1 },
    { 76, 80, "-3", MADE_W1 },      { 76, 20, "-3", "-3" },
    { 64, 64, "-3", "-3" },         { UINT32_MAX, UINT32_MAX, "-3", "-3" },
    { 12, UINT32_MAX, "-3", "-1" },
};

START_TEST(P28_sizes_spec)
{
    ck_assert_str_eq(create(shapes[_i].page, shapes[_i].window), shapes[_i].spec);
    ck_assert_str_eq(remove_window(W1), shapes[_i].spec[0] == '0' ? "0" : "-3");
    ck_assert_str_eq(create(16, 30), MADE_W1);
}
END_TEST

START_TEST(P28_sizes_qemu)
{
    ck_assert_str_eq(create(shapes[_i].page, shapes[_i].window), shapes[_i].qemu);
}
END_TEST

START_TEST(P28_after_an_oversized_window_the_next_creation_aborts_qemu)
{
    ck_assert_str_eq(create(12, 44), "-1");
    ck_assert_str_eq(query(), LEFT(0x1));
    ck_assert_str_eq(reset_windows(), "0"); /* that does not help */
    ck_assert_uint_eq(phb.aborted, 0);
    create(16, 30);
    ck_assert_uint_eq(phb.aborted, 1);
}
END_TEST

START_TEST(shifts_of_64_and_more_count_modulo_64_qemu)
{
    ck_assert_str_eq(create(76, 80), MADE_W1);
    ck_assert_int_eq(status_of(W1, B + 0xf000), 0); /* 16 pages of 4 KiB */
    ck_assert_int_eq(status_of(W1, B + 0x10000), PAPR_H_PARAMETER);
    remove_window(W1);
    ck_assert_str_eq(create(16, 96), MADE_W1);
    ck_assert_int_eq(status_of(W1, B + 0xffff0000), 0); /* 2^16 of 64 KiB */
    ck_assert_int_eq(status_of(W1, B + 0x100000000), PAPR_H_PARAMETER);
    remove_window(W1);
    ck_assert_str_eq(create(16, 80), MADE_W1);
    ck_assert_int_eq(status_of(W1, B), 0); /* one */
    ck_assert_int_eq(status_of(W1, B + 0x10000), PAPR_H_PARAMETER);
}
END_TEST

static void
make_a_window_at_0_and_remove_it(void)
{
    ck_assert_str_eq(remove_window(W0), "0");
    ck_assert_str_eq(create(16, 31), MADE_W0);
    ck_assert_int_eq(status_of(W0, 0x7fff0000), 0);
    ck_assert_int_eq(status_of(W0, 0x80000000), PAPR_H_PARAMETER);
    ck_assert_str_eq(remove_window(W0), "0");
}

START_TEST(P29_the_default_window_returns_after_one_in_its_place_spec)
{
    make_a_window_at_0_and_remove_it();
    ck_assert_str_eq(query(), LEFT(0x1));
    ck_assert_int_eq(status_of(W0, 0x3ffff000), 0);
    ck_assert_int_eq(status_of(W0, 0x40000000), PAPR_H_PARAMETER);
}
END_TEST

START_TEST(P29_nothing_returns_after_a_window_in_its_place_qemu)
{
    make_a_window_at_0_and_remove_it();
    ck_assert_str_eq(query(), LEFT(0x2));
    ck_assert_int_eq(status_of(W0, 0), PAPR_H_PARAMETER);
}
END_TEST

START_TEST(P30_the_default_window_returns_empty_with_the_last_other_one_gone)
{
    put(W0, 0x1000, 0x201003);
    ck_assert_str_eq(create(16, 30), MADE_W1);
    put(W1, B, 0x600003);
    ck_assert_str_eq(remove_window(W0), "0");
    ck_assert_int_eq(status_of(W0, 0x1000), PAPR_H_PARAMETER);
    ck_assert_int_eq(status_of(W1, B), 0);
    ck_assert_str_eq(remove_window(W1), "0");
    ck_assert_uint_eq(entry(0x1000), 0);
    ck_assert_uint_eq(entry(0x3ffff000), 0);
    ck_assert_str_eq(query(), LEFT(0x1));
}
END_TEST

START_TEST(removing_the_default_window_last_leaves_none)
{
    ck_assert_str_eq(remove_window(W0), "0");
    ck_assert_str_eq(query(), LEFT(0x2));
    ck_assert_str_eq(reset_windows(), "0");
    ck_assert_str_eq(query(), LEFT(0x1));
}
END_TEST

START_TEST(a_window_whose_place_is_taken_goes_up_with_the_free_liobn)
{
    struct xlate x;
    struct iommu_request q = iommu_request(8, B + 0x10, PERM_R);

    create(16, 30);
    remove_window(W0);
    ck_assert_str_eq(create(12, 30), "0 0x80000000 0x8000000 0x0");
    put(W0, B, 0x201003);
    put(W1, B, 0x600003);
    ck_assert_int_eq(phb.iommu->ops->translate(phb.iommu, &q, &x), XLATE_OK);
    ck_assert_uint_eq(x.gpa.v, 0x600010); /* devices meet the later root */
    remove_window(W1);
    ck_assert_int_eq(phb.iommu->ops->translate(phb.iommu, &q, &x), XLATE_OK);
    ck_assert_uint_eq(x.gpa.v, 0x201010);
}
END_TEST

START_TEST(without_ddw_every_call_is_refused)
{
    phb_default(spec_quirks);
    ck_assert_str_eq(query(), "-3");
    ck_assert_str_eq(create(16, 30), "-3");
    ck_assert_str_eq(remove_window(W0), "-3");
    ck_assert_str_eq(reset_windows(), "-3");
}
END_TEST

START_TEST(offered_pages_and_the_place_of_windows_can_be_chosen)
{
    struct iommu_papr_config c = papr_config_ddw();

    c.page_sizes = 0x1011000;
    c.dynamic_base = 0x100000000;
    phb_init(&c, qemu_quirks);
    ck_assert_str_eq(query(), "0 0x1 0x20 0x0 0x7 0x0");
    ck_assert_str_eq(create(21, 40), "-3");
    ck_assert_str_eq(create(16, 40), "0 0x80000001 0x1 0x0");
}
END_TEST

START_TEST(more_windows_than_two_can_be_offered)
{
    struct iommu_papr_config c = papr_config_ddw();
    uint64_t tce;

    c.has_window = false;
    c.page_sizes = 0x11000;
    c.max_windows = 4;
    c.dynamic_base = 0x100000000;
    phb_init(&c, spec_quirks);
    ck_assert_str_eq(query(), "0 0x4 0x20 0x0 0x3 0x0");
    ck_assert_str_eq(create(12, 30), MADE_W0);
    for (unsigned i = 1; i < 4; i++) {
        ck_assert_msg(strncmp(create(16, 30), "0 0x8000000", 11) == 0, "window %u", i);
    }
    ck_assert_str_eq(create(16, 30), "-1");
    ck_assert_int_eq(get(W0 + 3, 0x100000000, &tce), 0);
    ck_assert_int_eq(get(W0 + 4, 0x100000000, &tce), PAPR_H_PARAMETER);
}
END_TEST

/* --- 14.1, rows 40 to 51: a window of 2^36 bytes in 64 KiB pages at 2^59 --- */

START_TEST(calls_on_a_dynamic_window_are_answered_as_observed)
{
    uint64_t tce;

    ck_assert_str_eq(create(16, 36), MADE_W1);
    ck_assert_int_eq(put(W1, B, 0x10000003), 0);
    ck_assert_int_eq(put(W1, B - 0x10000, 0x10000003), -4);
    ck_assert_int_eq(put(W1, 0, 0x10000003), -4);
    ck_assert_int_eq(put(W1, B + 0xfffff0000, 0x10000003), 0);
    ck_assert_int_eq(put(W1, B + 0x1000000000, 0x10000003), -4);
    ck_assert_int_eq(put(W1, B + 0x10000, 0x10011003), 0);
    ck_assert_int_eq(get(W1, B + 0x10000, &tce), 0);
    ck_assert_uint_eq(tce, 0x10011003);
    ck_assert_int_eq(put(W1, B + 0x12345, 0x10020001), 0);
    ck_assert_int_eq(get(W1, B + 0x10000, &tce), 0);
    ck_assert_uint_eq(tce, 0x10020001);
    list_fill(0x100003, 0x1000, 4);
    ck_assert_int_eq(indirect(W1, B + 0x100000, LIST, 4), 0);
    ck_assert_int_eq(get(W1, B + 0x130000, &tce), 0);
    ck_assert_uint_eq(tce, 0x103003);
    ck_assert_int_eq(stuff(W1, B, 0x55003, (1 << 20) + 1), -4);
    ck_assert_int_eq(get(W1, B + 0x130000, &tce), 0);
    ck_assert_uint_eq(tce, 0x103003);
    ck_assert_int_eq(stuff(W1, B, 0, 1 << 20), 0);
    ck_assert_int_eq(get(W1, B + 0x130000, &tce), 0);
    ck_assert_uint_eq(tce, 0);
    ck_assert_str_eq(remove_window(W1), "0");
    ck_assert_int_eq(put(W1, B, 3), -4);
    ck_assert_int_eq(get(W1, B, &tce), -4);
    put(W0, 0x6000, 0x400003);
    ck_assert_str_eq(remove_window(W0), "0");
    ck_assert_int_eq(put(W0, 0, 3), -4);
    ck_assert_str_eq(reset_windows(), "0");
    ck_assert_uint_eq(entry(0x6000), 0);
}
END_TEST

/* --- who is told --- */

START_TEST(P22_a_window_created_by_the_guest_is_registered_without_events)
{
    ear_open(&ear, "", &told, MU, true);
    ck_assert_str_eq(create(16, 36), MADE_W1);
    ck_assert_uint_eq(ear.sections, 2);
    ck_assert_log(&told, "");
    ck_assert_uint_eq(phb.overspent, 0);
    put(W1, B + 0x12345, 0x10020001);
    ck_assert_log(&told, "MAP 0x800000000010000+0x10000 0x10020000 r");
}
END_TEST

START_TEST(P23_a_reset_by_the_guest_drops_what_the_default_window_held_spec)
{
    ear_open(&ear, "", &told, MU, true);
    ear_open(&cache, "", &cache_told, U, false);
    put(W0, 0x1000, 0x201001);
    told.len = 0;
    ck_assert_str_eq(reset_windows(), "0");
    ck_assert_log(&told, "UNMAP 0x1000+0x1000");
    ck_assert_log(&cache_told, "UNMAP 0x1000+0x1000");
    ck_assert_uint_eq(entry(0x1000), 0);
}
END_TEST

START_TEST(P24_a_window_removed_by_the_guest_is_unmapped_for_everybody_spec)
{
    create(16, 36);
    ear_open(&cache, "", &cache_told, U, false);
    put(W1, B + 0x60000, 0x610003);
    ck_assert_str_eq(remove_window(W1), "0");
    ck_assert_log(&cache_told, "UNMAP 0x800000000060000+0x10000");
}
END_TEST

START_TEST(P24_a_window_removed_by_the_guest_goes_without_a_word_qemu)
{
    create(16, 36);
    ear_open(&cache, "", &cache_told, U, false);
    put(W1, B + 0x60000, 0x610003);
    ck_assert_str_eq(remove_window(W1), "0");
    ck_assert_str_eq(create(16, 36), MADE_W1);
    ck_assert_log(&cache_told, "");
}
END_TEST

START_TEST(P45_a_direct_window_as_linux_fills_it)
{
    const struct iommu_papr_config c = papr_config_ddw();
    uint64_t tce;

    phb_init(&c, spec_quirks);
    mem_add_range(phb.env.mem, RAM_SIZE, 0x7fffffff, MEM_RAM);
    ear_open(&ear, "", &told, MU, true);
    ck_assert_str_eq(create(24, 31), MADE_W1);
    list_fill(3, 0x1000000, 128);
    ck_assert_int_eq(indirect(W1, B, LIST, 128), 0);
    ck_assert_uint_eq(told.maps, 128);
    ck_assert_ptr_nonnull(
        strstr(told.text, "MAP 0x80000007f000000+0x1000000 0x7f000000 rw"));
    ck_assert_int_eq(get(W1, B + 0x7f000000, &tce), 0);
    ck_assert_uint_eq(tce, 0x7f000003);
}
END_TEST

/* --- VIO --- */

static void
vio_init(bool bypass, const enum quirk *quirks)
{
    struct iommu_papr_config c = papr_config_vio(0x71000001);

    c.bypass = bypass;
    phb_init(&c, quirks);
}

static uint64_t
reach(uint64_t iova)
{
    struct iommu_request q = iommu_request(0, iova, PERM_R);
    struct xlate x;

    return phb.iommu->ops->translate(phb.iommu, &q, &x) == XLATE_OK ? x.gpa.v : 0xdead;
}

static const char *
bypass(uint32_t unit, uint32_t on)
{
    return rtas(RTAS_SET_TCE_BYPASS, -1, 1, (uint32_t[]){ unit, on });
}

START_TEST(P39_bypass_hides_the_table_and_keeps_it)
{
    vio_init(false, spec_quirks);
    ck_assert_int_eq(put(0x71000001, 0x3000, 0x201003), 0);
    ck_assert_uint_eq(reach(0x3010), 0x201010);
    ck_assert_str_eq(bypass(0x71000002, 1), "-3");
    ck_assert_str_eq(rtas(RTAS_SET_TCE_BYPASS, 1, 1, (uint32_t[]){ 0x71000001 }), "-3");
    ck_assert_str_eq(rtas(RTAS_SET_TCE_BYPASS, 3, 1, (uint32_t[]){ 0x71000001, 1, 0 }),
                     "-3");
    ck_assert_str_eq(bypass(0x71000001, 1), "0");
    ck_assert_uint_eq(reach(0x3010), 0x3010);
    ck_assert_uint_eq(reach(RAM_SIZE), 0xdead);
    ck_assert_int_eq(put(0x71000001, 0x4000, 0x301003), 0);
    ck_assert_str_eq(bypass(0x71000001, 0), "0");
    ck_assert_uint_eq(reach(0x3010), 0x201010);
    ck_assert_uint_eq(reach(0x4010), 0x301010);
    ck_assert_uint_eq(phb.switched, 2);
}
END_TEST

START_TEST(P39_a_reset_ends_the_bypass_and_empties_the_table)
{
    vio_init(true, spec_quirks);
    ck_assert_uint_eq(reach(0x3010), 0x3010);
    put(0x71000001, 0x3000, 0x201003);
    phb.iommu->ops->reset_device(phb.iommu, 0);
    ck_assert_uint_eq(reach(0x3010), 0xdead);
}
END_TEST

START_TEST(subscribers_of_a_bypassed_adapter_are_told_of_what_goes_spec)
{
    vio_init(false, spec_quirks);
    ear_open(&cache, "", &cache_told, U, false);
    put(0x71000001, 0x3000, 0x201003);
    bypass(0x71000001, 1);
    ck_assert_log(&cache_told, "UNMAP 0x3000+0x1000");
    ck_assert_uint_eq(cache.sections, 0);
}
END_TEST

static void
quiesce_with_ears(const enum quirk *quirks)
{
    vio_init(false, quirks);
    ear_open(&cache, "", &cache_told, U, false);
    put(0x71000001, 0x3000, 0x201003);
    ck_assert_str_eq(rtas(RTAS_QUIESCE, 1, 1, (uint32_t[]){ 0 }), "-3");
    ck_assert_uint_eq(reach(0x3010), 0x201010);
    ck_assert_str_eq(rtas(RTAS_QUIESCE, -1, 1, NULL), "0");
    ck_assert_uint_eq(reach(0x3010), 0xdead);
}

START_TEST(P40_quiesce_clears_vio_tables_and_says_so_spec)
{
    quiesce_with_ears(spec_quirks);
    ck_assert_log(&cache_told, "UNMAP 0x3000+0x1000");
}
END_TEST

START_TEST(P40_quiesce_clears_vio_tables_without_events_qemu)
{
    quiesce_with_ears(qemu_quirks);
    ck_assert_log(&cache_told, "");
}
END_TEST

START_TEST(P40_quiesce_leaves_pci_tables_alone)
{
    put(W0, 0x1000, 0x201003);
    ck_assert_str_eq(rtas(RTAS_QUIESCE, -1, 1, NULL), "0");
    ck_assert_uint_eq(entry(0x1000), 0x201003);
}
END_TEST

START_TEST(calls_find_the_bridge_or_adapter_they_name)
{
    const struct iommu_papr_config adapter = papr_config_vio(0x71000001);
    struct iommu *const vio = papr_new(&adapter, &phb.env);
    struct iommu *both[2] = { phb.iommu, vio };
    struct rtas c = {
        .call = RTAS_REMOVE_PE_DMA_WINDOW, .nargs = 1, .nret = 1, .args = { 0x71000001 }
    };

    iommu_rtas(both, 2, &c); /* a VIO table is no window of a bridge */
    ck_assert_int_eq((int32_t)c.rets[0], -3);
    c.args[0] = (uint32_t)W0;
    iommu_rtas(both, 2, &c);
    ck_assert_int_eq((int32_t)c.rets[0], 0);
    c = (struct rtas){
        .call = RTAS_SET_TCE_BYPASS, .nargs = 2, .nret = 1, .args = { 0x71000001, 1 }
    };
    iommu_rtas(both, 2, &c);
    ck_assert_int_eq((int32_t)c.rets[0], 0);
    ck_assert(vio->ops->bypassed(vio));
    iommu_free(vio);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("papr_rtas");
    TCase *both[2] = { tcase_create("spec"), tcase_create("qemu") };
    const int n = sizeof(shapes) / sizeof(shapes[0]);

    tcase_add_checked_fixture(both[0], phb_ddw_spec, phb_fini);
    tcase_add_checked_fixture(both[1], phb_ddw_qemu, phb_fini);
    for (unsigned i = 0; i < 2; i++) {
        tcase_add_test(both[i], P27_queries_tell_what_is_left);
        tcase_add_test(both[i], P28_creation_that_must_fail_leaves_nothing);
        tcase_add_test(both[i],
                       P30_the_default_window_returns_empty_with_the_last_other_one_gone);
        tcase_add_test(both[i], removing_the_default_window_last_leaves_none);
        tcase_add_test(both[i],
                       a_window_whose_place_is_taken_goes_up_with_the_free_liobn);
        tcase_add_test(both[i],
                       P22_a_window_created_by_the_guest_is_registered_without_events);
        tcase_add_test(both[i], P40_quiesce_leaves_pci_tables_alone);
        suite_add_tcase(s, both[i]);
    }
    tcase_add_loop_test(both[0], P28_sizes_spec, 0, n);
    tcase_add_test(both[0], P29_the_default_window_returns_after_one_in_its_place_spec);
    tcase_add_test(both[0],
                   P23_a_reset_by_the_guest_drops_what_the_default_window_held_spec);
    tcase_add_test(both[0],
                   P24_a_window_removed_by_the_guest_is_unmapped_for_everybody_spec);
    tcase_add_test(both[0], without_ddw_every_call_is_refused);
    tcase_add_test(both[0], more_windows_than_two_can_be_offered);
    tcase_add_test(both[0], calls_find_the_bridge_or_adapter_they_name);
    tcase_add_loop_test(both[1], P28_sizes_qemu, 0, n);
    tcase_add_test(both[1], P28_after_an_oversized_window_the_next_creation_aborts_qemu);
    tcase_add_test(both[1], shifts_of_64_and_more_count_modulo_64_qemu);
    tcase_add_test(both[1], P29_nothing_returns_after_a_window_in_its_place_qemu);
    tcase_add_test(both[1], P24_a_window_removed_by_the_guest_goes_without_a_word_qemu);
    tcase_add_test(both[1], calls_on_a_dynamic_window_are_answered_as_observed);
    tcase_add_test(both[1], offered_pages_and_the_place_of_windows_can_be_chosen);

    TCase *own = tcase_create("machines of their own");
    tcase_add_checked_fixture(own, NULL, phb_fini);
    tcase_add_test(own, P39_bypass_hides_the_table_and_keeps_it);
    tcase_add_test(own, P39_a_reset_ends_the_bypass_and_empties_the_table);
    tcase_add_test(own, subscribers_of_a_bypassed_adapter_are_told_of_what_goes_spec);
    tcase_add_test(own, P40_quiesce_clears_vio_tables_and_says_so_spec);
    tcase_add_test(own, P40_quiesce_clears_vio_tables_without_events_qemu);
    tcase_add_test(own, P45_a_direct_window_as_linux_fills_it);
    suite_add_tcase(s, own);
    return s;
}
