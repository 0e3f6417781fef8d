/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Root, context and PASID entries that the VT-d driver writes, and the steps that do. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenario/entry_layout.h"
#include "support_main.h"
#include "support_recorder.h"

static void
start_scalable(enum guest_driver driver)
{
    rig_init(IOMMU_INTEL_VTD);
    vm.sc.guest.driver = driver;
    vm.device[0].sid = 0x0088; /* 00:11.0: the upper half of the bus */
    vm.device[0].pasids = 1 << 20;
    vm.device[0].ats = true;
    vm.domain[0].type = DOMAIN_FIRST_STAGE;
    recorder_start(RECORDER_CAP, RECORDER_SM_ECAP | VTD_ECAP_DT);
}

static bool
entry_step(enum step_kind kind, const struct step_entry *e)
{
    struct step s = { .kind = (uint8_t)kind };

    s.u.entry = e;
    return rig_do(&s);
}

/* From the root: the context entry of nic0, and its PASID entry. */
static uint64_t
context_at(void)
{
    uint64_t root = rec.rtaddr & ~PAGE_MASK;

    ck_assert_uint_eq(rig_read(root) & 1, 0); /* the lower half has no table */
    return (rig_read(root + 8) & ~PAGE_MASK) + UINT64_C(32) * (0x88 - 128);
}

static uint64_t
pasid_at(uint32_t pasid)
{
    uint64_t dir = rig_read(context_at()) & ~PAGE_MASK;
    uint64_t table = rig_read(dir + 8 * (uint64_t)(pasid >> 6));

    ck_assert_uint_eq(table & 0xfff, 1);
    return (table & ~PAGE_MASK) + 64 * (uint64_t)(pasid & 63);
}

START_TEST(scalable_boot_leads_by_pasid_0_to_the_domain)
{
    start_scalable(GUEST_STRICT);
    ck_assert_uint_eq(rec.rtaddr, RIG_TABLES | 0x400); /* TTM 1 */
    /* P, DTE, PASIDE; 2^20 PASIDs are 2^14 directory entries: PDTS 7 */
    ck_assert_uint_eq(rig_read(context_at()) & 0xfff, 0xe0d);
    ck_assert_uint_eq(rig_read(context_at() + 8), 0);       /* RID_PASID 0 */
    ck_assert_uint_eq(rig_read(pasid_at(0)) & 0xfff, 0x89); /* P, 48 bits, second stage */
    ck_assert_uint_eq(rig_read(pasid_at(0) + 8), 2);
    ck_assert_uint_eq(rig_read(pasid_at(0) + 16), 0);
}
END_TEST

START_TEST(V38_a_pasid_is_found_by_directory_and_table)
{
    start_scalable(GUEST_STRICT);
    ck_assert(rig_attach(0, 0, 0xfffff));
    /* P, 48 bits, first stage; did 3; 4 levels */
    ck_assert_uint_eq(rig_read(pasid_at(0xfffff)), 0x49);
    ck_assert_uint_eq(rig_read(pasid_at(0xfffff) + 8), 3);
    ck_assert_uint_eq(rig_read(pasid_at(0xfffff) + 16) & 0xfff, 0);
    ck_assert_uint_ne(rig_read(pasid_at(0xfffff) + 16), 0);
    ck_assert(rig_attach(0, 0, 64 * 5 + 7));
    ck_assert_uint_eq(rig_read(pasid_at(64 * 5 + 7)), 0x49);
    ck_assert_uint_eq(rig_read(pasid_at(64 * 5 + 6)), 0);
}
END_TEST

START_TEST(a_directory_is_as_large_as_the_device_needs)
{
    rig_init(IOMMU_INTEL_VTD);
    vm.device[0].sid = 0x88;
    recorder_start(RECORDER_CAP, RECORDER_SM_ECAP);
    ck_assert_uint_eq(rig_read(context_at()) & 0xfff,
                      0x401); /* one page: PDTS 2, no PASIDE */
    struct step_entry e = { .layout = ENTRY_PASID,
                            .pasid = 0x8000,
                            .domain = SCENARIO_NONE };

    ck_assert(!entry_step(STEP_PASID, &e));
    ck_assert_str_eq(vm.reply.why, "beyond-pasid-directory");
}
END_TEST

START_TEST(five_levels_in_both_stages)
{
    rig_init(IOMMU_INTEL_VTD);
    vm.device[0].sid = 0x88;
    vm.iommu.vtd.aw_bits = 57;
    vm.domain[0].type = DOMAIN_FIRST_STAGE;
    vm.domain[0].aw_bits = 57;
    recorder_start(RECORDER_CAP | VTD_CAP_SAGAW(57) | VTD_CAP_FS5LP, RECORDER_SM_ECAP);
    ck_assert_uint_eq(rig_read(pasid_at(0)) & 0xfff, 0x8d); /* AW 3 */
    ck_assert(rig_map(UINT64_C(1) << 56, 4 * KIB, 0x5000, 0));
    uint64_t table = rig_read(pasid_at(0)) & ~PAGE_MASK;

    table = rig_read(table + 8 * 256); /* level 5 */
    for (unsigned level = 4; level > 1; level--) {
        ck_assert_uint_eq(table & 0xfff, 3);
        table = rig_read(table & ~PAGE_MASK);
    }
    ck_assert_uint_eq(rig_read(table & ~PAGE_MASK), 0x5003);
    ck_assert(rig_attach(0, 0, 0));
    ck_assert_uint_eq(rig_read(pasid_at(0)), 0x4d);
    ck_assert_uint_eq(rig_read(pasid_at(0) + 16) & 0xfff, 4); /* FSPM 1 */
}
END_TEST

START_TEST(first_stage_entries_are_those_of_x86)
{
    start_scalable(GUEST_STRICT);
    ck_assert(rig_attach(0, 0, 0));
    ck_assert(rig_map(0x200000, 2 * MIB + 4 * KIB, 0x40000000, 0));
    uint64_t table = rig_read(pasid_at(0) + 16);

    for (unsigned level = 4; level > 2; level--) {
        table = rig_read(table & ~PAGE_MASK);
        ck_assert_uint_eq(table & 0xfff, 0x27); /* P, RW, US, A */
    }
    ck_assert_uint_eq(rig_read((table & ~PAGE_MASK) + 8), 0x400000e7); /* and D, PS */
    table = rig_read((table & ~PAGE_MASK) + 16);
    ck_assert_uint_eq(rig_read(table & ~PAGE_MASK), 0x40200067);
    struct step s = { .kind = STEP_CHANGE };

    s.u.map = (struct step_map){ .domain = SCENARIO_NONE,
                                 .iova = 0x400000,
                                 .size = 4 * KIB,
                                 .perm = PERM_R,
                                 .has_perm = true };
    ck_assert(rig_do(&s));
    ck_assert_uint_eq(rig_read(table & ~PAGE_MASK), 0x40200025); /* no RW, no D */
    s.u.map.perm = PERM_W; /* what cannot be said is widened */
    ck_assert(rig_do(&s));
    ck_assert_uint_eq(rig_read(table & ~PAGE_MASK), 0x40200067);
    ck_assert(rig_unmap(0x400000, 4 * KIB));
    ck_assert_uint_eq(rig_read(table & ~PAGE_MASK), 0);
    /* The lower half of what is canonical, as Linux uses it. */
    ck_assert(!rig_map(UINT64_C(1) << 47, 4 * KIB, 0x5000, 0));
    ck_assert_str_eq(vm.reply.why, "beyond-address-width");
}
END_TEST

START_TEST(a_nested_entry_has_both_stages)
{
    rig_init(IOMMU_INTEL_VTD);
    vm.device[0].sid = 0x88;
    vm.domain[0].type = DOMAIN_NESTED;
    vm.domain[0].parent = 1;
    recorder_start(RECORDER_CAP, RECORDER_SM_ECAP);
    ck_assert(rig_attach(0, 0, 0));
    ck_assert_uint_eq(rig_read(pasid_at(0)) & 0xfff, 0xc9); /* P, 48 bits, nested */
    ck_assert_uint_ne(rig_read(pasid_at(0)) & ~PAGE_MASK, 0);
    ck_assert_uint_eq(rig_read(pasid_at(0) + 8), 3); /* its own id, not the parent's 1 */
    ck_assert_uint_ne(rig_read(pasid_at(0) + 16) & ~PAGE_MASK, 0);
}
END_TEST

START_TEST(what_goes_takes_its_pasid_tables_along)
{
    start_scalable(GUEST_STRICT);
    ck_assert(rig_attach(0, 0, 9));
    uint64_t context = context_at();

    recorder_forget();
    guest_unplugged(vm.g, 0, NULL, NULL);
    ck_assert_uint_eq(rig_read(context), 0);
    /* PASID 9, then what comes without PASID, then the context entry */
    ck_assert_uint_eq(rec.n_desc, 7);
    ck_assert_uint_eq(rec.desc[0].word[0], UINT64_C(0x900030017));
    ck_assert_uint_eq(rec.desc[1].word[0], UINT64_C(0x900030026));
    ck_assert_uint_eq(rec.desc[2].word[0], UINT64_C(0x900880008));
    ck_assert_uint_eq(rec.desc[3].word[0], 0x20017);
    ck_assert_uint_eq(rec.desc[4].word[0], 0x200e2);
    ck_assert_uint_eq(rec.desc[5].word[0], UINT64_C(0x8800000003));
    ck_assert_uint_eq(rec.desc[6].word[0], UINT64_C(0x8800000031));
    guest_plugged(vm.g, 0, NULL, NULL);
    ck_assert_uint_eq(rig_read(context) & 0xfff, 0xe0d);
    ck_assert_uint_eq(rig_read(pasid_at(0) + 8), 2);
}
END_TEST

START_TEST(an_id_is_used_again_once_its_domain_was_flushed)
{
    rig_init(IOMMU_INTEL_VTD);
    recorder_start((RECORDER_CAP & ~UINT64_C(7)), RECORDER_ECAP); /* 16 ids */
    for (unsigned i = 0; i < 40; i++) {
        guest_unplugged(vm.g, 0, NULL, NULL);
        /* The old use is flushed before the id can be given away. */
        ck_assert_uint_eq(rec.desc[rec.n_desc - 1].word[0], 0x200e2);
        guest_plugged(vm.g, 0, NULL, NULL);
        ck_assert_uint_eq(rig_read(RIG_TABLES + 0x4088), 0x202);
        recorder_forget();
    }
}
END_TEST

START_TEST(after_a_reset_every_attachment_is_written_again)
{
    start_scalable(GUEST_STRICT);
    ck_assert(rig_attach(0, 0, 9));
    mem_write64le(vm.env.mem, GPA(pasid_at(9)), 0);
    rec.gsts = 0;
    rec.iqh = 0;
    guest_reset(vm.g, SCENARIO_NONE);
    ck_assert(rig_map(0x1000, 4 * KIB, 0x5000, 0));
    ck_assert_uint_eq(rig_read(pasid_at(9)), 0x49);
    ck_assert_uint_eq(rec.gsts, 0xc4000000);
}
END_TEST

START_TEST(without_a_width_the_unit_is_left_alone)
{
    recorder_boot(GUEST_STRICT, RECORDER_CAP & ~VTD_CAP_SAGAW_MASK, RECORDER_ECAP);
    ck_assert_uint_eq(rec.n_writes, 0);
    ck_assert(!rig_attach(0, 1, 0));
    ck_assert_str_eq(vm.reply.why, "no-dma-translation");
}
END_TEST

/* What the first stage under PASID 0 makes of iova; 0: nothing. */
static uint64_t
first_stage(uint64_t iova)
{
    uint64_t e = rig_read(pasid_at(0) + 16);

    for (unsigned level = 4;; level--) {
        uint64_t span = UINT64_C(1) << vtd_ss_span_lg2(level);

        e = rig_read((e & VTD_FS_ADDR) + 8 * (uint64_t)vtd_ss_index(iova, level));
        if ((e & VTD_FS_P) == 0) {
            return 0;
        }
        if (vtd_fs_is_leaf(e, level)) {
            ck_assert_uint_eq(e & vtd_fs_reserved(48, 3, level, true), 0);
            return vtd_fs_addr(e, level) + (iova & (span - 1));
        }
    }
}

/* Every page of a small range against a plain array, large pages included. */
START_TEST(random_first_stage_maps_and_unmaps_equal_a_page_array)
{
    enum { PAGES = 1536, STEPS = 600 };
    static const uint64_t sizes[] = { 1, 2, 17, 512, 513, 1024 };
    static uint64_t want[PAGES];
    unsigned seed = 20261121;

    printf("# seed %u\n", seed);
    memset(want, 0, sizeof(want));
    start_scalable(GUEST_STRICT);
    ck_assert(rig_attach(0, 0, 0));
    for (unsigned n = 0; n < STEPS; n++) {
        uint64_t pages = sizes[(unsigned)rand_r(&seed) % 6];
        uint64_t first = (unsigned)rand_r(&seed) % (PAGES - pages);
        uint64_t gpa = 256 * MIB + ((unsigned)rand_r(&seed) % 4096) * 4 * KIB;
        bool map = rand_r(&seed) % 3 != 0;

        if (rand_r(&seed) % 2 == 0) { /* give large pages a chance */
            first &= ~UINT64_C(511);
            gpa &= ~(2 * MIB - 1);
        }
        recorder_forget();
        ck_assert(map ? rig_map(first * 4 * KIB, pages * 4 * KIB, gpa, 0)
                      : rig_unmap(first * 4 * KIB, pages * 4 * KIB));
        for (uint64_t i = 0; i < pages; i++) {
            want[first + i] = map ? gpa + i * 4 * KIB : 0;
        }
        for (uint64_t i = 0; n % 16 == 0 && i < PAGES; i++) {
            ck_assert_uint_eq(first_stage(i * 4 * KIB), want[i]);
        }
    }
}
END_TEST

/* ---- steps that store entries ---- */

START_TEST(fields_go_over_what_leads_to_the_domain)
{
    start_scalable(GUEST_STRICT);
    struct step_entry e = { .layout = ENTRY_PASID,
                            .pasid = 3,
                            .domain = 0,
                            .value = { 0, 7 },
                            .given = { 1, 0xffff } };

    ck_assert(entry_step(STEP_PASID, &e));
    ck_assert_uint_eq(rig_read(pasid_at(3)), 0x48); /* present taken away */
    ck_assert_uint_eq(rig_read(pasid_at(3) + 8), 7);
    ck_assert_uint_ne(rig_read(pasid_at(3) + 16), 0);
    e = (struct step_entry){ .layout = ENTRY_SM_CONTEXT,
                             .domain = SCENARIO_NONE,
                             .value = { 0, 0x55 },
                             .given = { 8, 0xfffff } };
    ck_assert(entry_step(STEP_CONTEXT, &e));
    ck_assert_uint_eq(rig_read(context_at()) & 0xfff, 0xe05); /* PASIDE off */
    ck_assert_uint_eq(rig_read(context_at() + 8), 0x55);
}
END_TEST

START_TEST(raw_entries_are_stored_word_by_word)
{
    start_scalable(GUEST_STRICT);
    struct step_entry e = {
        .layout = ENTRY_PASID, .pasid = 3, .domain = SCENARIO_NONE, .has_raw = true
    };

    for (uint64_t i = 0; i < 8; i++) {
        e.value[i] = 0x1111111111111110 * i;
        e.given[i] = UINT64_MAX;
    }
    ck_assert(entry_step(STEP_PASID, &e));
    for (uint64_t i = 0; i < 8; i++) {
        ck_assert_uint_eq(rig_read(pasid_at(3) + 8 * i), 0x1111111111111110 * i);
    }
}
END_TEST

START_TEST(root_and_directory_entries_keep_what_is_not_given)
{
    start_scalable(GUEST_STRICT);
    uint64_t root = rec.rtaddr & ~PAGE_MASK, upper = rig_read(root + 8);
    uint64_t dir = rig_read(context_at()) & ~PAGE_MASK, table = rig_read(dir);
    struct step_entry e = { .layout = ENTRY_ROOT,
                            .domain = SCENARIO_NONE,
                            .value = { 0, 2 },
                            .given = { 0, 3 } };

    ck_assert(entry_step(STEP_ROOT, &e));
    ck_assert_uint_eq(rig_read(root + 8), (upper & ~UINT64_C(1)) | 2);
    e = (struct step_entry){
        .layout = ENTRY_PASID_DIR, .domain = SCENARIO_NONE, .value = { 2 }, .given = { 3 }
    };
    ck_assert(entry_step(STEP_PASID_DIR, &e));
    ck_assert_uint_eq(rig_read(dir), (table & ~UINT64_C(1)) | 2);
}
END_TEST

START_TEST(pte_stores_at_every_level_of_both_stages)
{
    struct step s = { .kind = STEP_PTE };

    start_scalable(GUEST_MANUAL);
    for (uint8_t level = 1; level <= 4; level++) {
        s.u.pte = (struct step_pte){ .domain = 0,
                                     .level = level,
                                     .iova = UINT64_C(0xffff800000000000),
                                     .value = level };
        ck_assert(rig_do(&s));
    }
    /* The upper half of what is canonical: entry 256 of level 4. */
    ck_assert_uint_eq(rig_read(RIG_TABLES + 8 * 256), 4);
    s.u.pte.level = 5;
    ck_assert(!rig_do(&s));
}
END_TEST

/* The loader's layouts are those that drivers and models use. */
START_TEST(layouts_agree_with_the_formats)
{
    static const struct {
        enum entry_layout_id layout;
        const char *name;
        uint64_t mask;
    } want[] = {
        { ENTRY_CONTEXT, "fpd", VTD_CTX_FPD },
        { ENTRY_CONTEXT, "table", VTD_CTX_PTR },
        { ENTRY_CONTEXT, "did", 0xffff00 },
        { ENTRY_SM_CONTEXT, "dte", VTD_SM_CTX_DTE },
        { ENTRY_SM_CONTEXT, "paside", VTD_SM_CTX_PASIDE },
        { ENTRY_SM_CONTEXT, "pre", VTD_SM_CTX_PRE },
        { ENTRY_SM_CONTEXT, "pdts", VTD_SM_CTX_PDTS(7) },
        { ENTRY_SM_CONTEXT, "directory", VTD_SM_CTX_PTR },
        { ENTRY_PASID_DIR, "table", VTD_PASID_DIR_PTR },
        { ENTRY_PASID, "aw", VTD_PASID_AW(7) },
        { ENTRY_PASID, "ssee", VTD_PASID_SSEE },
        { ENTRY_PASID, "pgtt", VTD_PASID_PGTT(7) },
        { ENTRY_PASID, "ssade", VTD_PASID_SSADE },
        { ENTRY_PASID, "ssptptr", VTD_PASID_SSPTR },
        { ENTRY_PASID, "did", 0xffff },
        { ENTRY_PASID, "pwsnp", VTD_PASID_PWSNP },
        { ENTRY_PASID, "pgsnp", VTD_PASID_PGSNP },
        { ENTRY_PASID, "cd", VTD_PASID_CD },
        { ENTRY_PASID, "emte", VTD_PASID_EMTE },
        { ENTRY_PASID, "sre", VTD_PASID_SRE },
        { ENTRY_PASID, "ere", VTD_PASID_ERE },
        { ENTRY_PASID, "fspm", VTD_PASID_FSPM(3) },
        { ENTRY_PASID, "wpe", VTD_PASID_WPE },
        { ENTRY_PASID, "nxe", VTD_PASID_NXE },
        { ENTRY_PASID, "smep", VTD_PASID_SMEP },
        { ENTRY_PASID, "eafe", VTD_PASID_EAFE },
        { ENTRY_PASID, "fsptptr", VTD_PASID_FSPTR },
    };

    recorder_boot(GUEST_MANUAL, RECORDER_CAP, RECORDER_ECAP);
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        const struct entry_layout *l = entry_layout(want[i].layout);
        size_t f = 0;

        while (strcmp(l->fields[f].name, want[i].name) != 0) {
            ck_assert_uint_lt(++f, l->n);
        }
        ck_assert_uint_eq(entry_mask(&l->fields[f]), want[i].mask);
    }
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("guest_intel_entry");
    TCase *t = tcase_create("intel_entry");

    tcase_add_checked_fixture(t, NULL, rig_fini);
    tcase_add_test(t, scalable_boot_leads_by_pasid_0_to_the_domain);
    tcase_add_test(t, V38_a_pasid_is_found_by_directory_and_table);
    tcase_add_test(t, a_directory_is_as_large_as_the_device_needs);
    tcase_add_test(t, five_levels_in_both_stages);
    tcase_add_test(t, first_stage_entries_are_those_of_x86);
    tcase_add_test(t, a_nested_entry_has_both_stages);
    tcase_add_test(t, what_goes_takes_its_pasid_tables_along);
    tcase_add_test(t, an_id_is_used_again_once_its_domain_was_flushed);
    tcase_add_test(t, after_a_reset_every_attachment_is_written_again);
    tcase_add_test(t, without_a_width_the_unit_is_left_alone);
    tcase_add_test(t, random_first_stage_maps_and_unmaps_equal_a_page_array);
    tcase_add_test(t, fields_go_over_what_leads_to_the_domain);
    tcase_add_test(t, raw_entries_are_stored_word_by_word);
    tcase_add_test(t, root_and_directory_entries_keep_what_is_not_given);
    tcase_add_test(t, pte_stores_at_every_level_of_both_stages);
    tcase_add_test(t, layouts_agree_with_the_formats);
    suite_add_tcase(s, t);
    return s;
}
