/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Caches of PASID entries and of page tables, pages of the first stage, and which
 * invalidation reaches which of them.
 */
#include "iommu/vtd_caches.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "support_main.h"
#include "support_vtd_sm.h"

#define NONE IOMMU_NO_PASID

static struct bench *const b = &bench;
static uint64_t context;

static void
up(void)
{
    sm_up(b);
    context = sm_context(b, SID_A, 0);
}

static void
invalidate(struct invalidation inv)
{
    vtd_caches_invalidate(vtd_of(b->m), &inv);
}

static struct invalidation
pages(enum inval_kind kind, uint16_t did, uint32_t pasid, uint64_t first, uint64_t size,
      bool leaf_only)
{
    return (struct invalidation){ .kind = kind,
                                  .scope = INVAL_PAGE,
                                  .did = did,
                                  .has_pasid = kind == INVAL_PASID_IOTLB,
                                  .pasid = pasid,
                                  .first = first,
                                  .last = first + size - 1,
                                  .leaf_only = leaf_only };
}

static bool
reads(uint32_t pasid, uint64_t iova, uint64_t gpa)
{
    return sm_gets(b, SID_A, pasid, iova, PERM_R, gpa);
}

/* ---- PASID cache ---- */

START_TEST(V10_PASID_entries_are_used_until_invalidated)
{
    static const struct {
        struct invalidation inv;
        bool drops;
    } cases[] = {
        { { .kind = INVAL_CONTEXT, .scope = INVAL_GLOBAL }, false },
        { { .kind = INVAL_IOTLB, .scope = INVAL_GLOBAL }, false },
        { { .kind = INVAL_PASID_CACHE, .scope = INVAL_DOMAIN, .did = 2 }, false },
        { { .kind = INVAL_PASID_CACHE, .scope = INVAL_DOMAIN, .did = 1 }, true },
        { { .kind = INVAL_PASID_CACHE, .scope = INVAL_PASID, .did = 1, .pasid = 4 },
          false },
        { { .kind = INVAL_PASID_CACHE, .scope = INVAL_PASID, .did = 2, .pasid = 3 },
          false },
        { { .kind = INVAL_PASID_CACHE, .scope = INVAL_PASID, .did = 1, .pasid = 3 },
          true },
        { { .kind = INVAL_PASID_CACHE, .scope = INVAL_GLOBAL }, true },
    };

    up();
    uint64_t one = sm_second(b, context, 3, 1);
    const uint64_t slot = sm_slot(b, context, 3), entry = sm_get(b, slot);
    uint64_t two = bench_page(b);
    bench_map(b, one, 0x1000, 0x20000 | RW);
    bench_map(b, two, 0x1000, 0x30000 | RW);
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        sm_put(b, slot, entry);
        sm_flush(b);
        ck_assert(reads(3, 0x1000, 0x20000));
        sm_put(b, slot, (entry & PAGE_MASK) | two);
        invalidate(cases[i].inv);
        invalidate((struct invalidation){ .kind = INVAL_IOTLB, .scope = INVAL_GLOBAL });
        ck_assert_msg(reads(3, 0x1000, cases[i].drops ? 0x30000 : 0x20000), "case %u", i);
    }
}
END_TEST

START_TEST(V14_absent_PASID_entries_are_cached_in_caching_mode)
{
    struct iommu_vtd_config c = sm_config();

    for (unsigned cm = 0; cm < 2; cm++) {
        c.caching_mode = cm != 0;
        sm_boot(b, &c, "spec");
        context = sm_context(b, SID_A, 0);
        sm_put(b, sm_slot(b, context, 3) + 8, 9); /* not its DID: it is absent */
        ck_assert_uint_eq(sm_reason(b, SID_A, 3, 0x1000, PERM_R), VTD_FAULT_SM_PASID_P);
        bench_map(b, sm_second(b, context, 3, 7), 0x1000, 0x20000 | RW);
        if (cm != 0) {
            ck_assert_uint_eq(sm_reason(b, SID_A, 3, 0x1000, PERM_R),
                              VTD_FAULT_SM_PASID_P);
            invalidate((struct invalidation){
                .kind = INVAL_PASID_CACHE, .scope = INVAL_PASID, .did = 7, .pasid = 3 });
        }
        ck_assert(reads(3, 0x1000, 0x20000));
    }
}
END_TEST

START_TEST(V10_scalable_context_entries_are_used_until_invalidated)
{
    static const struct {
        struct invalidation inv;
        bool drops;
    } cases[] = {
        { { .kind = INVAL_PASID_CACHE, .scope = INVAL_GLOBAL }, false },
        { { .kind = INVAL_CONTEXT, .scope = INVAL_DEVICE, .sid = SID_B }, false },
        { { .kind = INVAL_CONTEXT, .scope = INVAL_DEVICE, .sid = SID_A, .did = 9 },
          true },
        { { .kind = INVAL_CONTEXT,
            .scope = INVAL_DEVICE,
            .sid = SID_A ^ 4,
            .sid_mask = 4 },
          true },
        { { .kind = INVAL_CONTEXT, .scope = INVAL_DOMAIN, .did = 9 }, true },
        { { .kind = INVAL_CONTEXT, .scope = INVAL_GLOBAL }, true },
    };

    up();
    const uint64_t entry = sm_get(b, context);
    bench_map(b, sm_second(b, context, 3, 1), 0x1000, 0x20000 | RW);
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        sm_put(b, context, entry);
        sm_flush(b);
        ck_assert(reads(3, 0x1000, 0x20000));
        sm_put(b, context, 0);
        invalidate(cases[i].inv);
        ck_assert_msg((sm_reason(b, SID_A, 3, 0x1000, PERM_R) ==
                       VTD_FAULT_SM_CONTEXT_P) == cases[i].drops,
                      "case %u", i);
    }
}
END_TEST

/* ---- pages ---- */

START_TEST(V10_pages_of_each_size_are_used_until_invalidated)
{
    up();
    uint64_t second = sm_second(b, context, 3, 1), first = sm_first(b, context, 4, 2);
    for (unsigned level = 1; level <= 3; level++) {
        const uint64_t size = UINT64_C(1) << vtd_ss_span_lg2(level), iova = 4 * size;
        const uint64_t leaf = level == 1 ? 0 : VTD_SS_PS, old = 8 * size, new = 9 * size;
        bench_entry(b, second, 4, iova, level, old | leaf | RW);
        sm_map(b, first, iova, level, old | leaf | FS_RW);
        ck_assert(reads(3, iova, old));
        ck_assert(reads(4, iova, old));
        bench_entry(b, second, 4, iova, level, new | leaf | RW);
        sm_map(b, first, iova, level, new | leaf | FS_RW);
        ck_assert(reads(3, iova + size - 8, old + size - 8));
        ck_assert(reads(4, iova + size - 8, old + size - 8));
        sm_flush(b);
        ck_assert(reads(3, iova, new));
        ck_assert(reads(4, iova, new));
        sm_flush(b);
        bench_entry(b, second, 4, iova, level, 0);
        sm_map(b, first, iova, level, 0);
    }
}
END_TEST

/* ---- paging-structure caches ---- */

START_TEST(a_stale_table_is_used_until_the_hint_is_left_out)
{
    up();
    uint64_t table = sm_second(b, context, 0, 1);
    bench_map(b, table, 0x1000, 0x20000 | RW);
    bench_map(b, table, 0x2000, 0x21000 | RW);
    ck_assert(reads(NONE, 0x1000, 0x20000));
    uint64_t pde = bench_slot(b, table, 4, 0x1000, 2), fresh = bench_page(b);
    sm_put(b, fresh + 16, 0x31000 | RW);
    sm_put(b, pde, fresh | RW);
    ck_assert(reads(NONE, 0x2000, 0x21000)); /* never seen before, by the old table */
    invalidate(pages(INVAL_IOTLB, 1, 0, 0, 2 * MIB, true));
    ck_assert(reads(NONE, 0x2000, 0x21000)); /* IH: tables are kept */
    invalidate(pages(INVAL_IOTLB, 1, 0, 2 * MIB, 2 * MIB, false));
    invalidate(pages(INVAL_IOTLB, 2, 0, 0, 2 * MIB, false));
    invalidate(pages(INVAL_IOTLB, 1, 0, 0x2000, 4 * KIB, true));
    ck_assert(reads(NONE, 0x2000, 0x21000)); /* another place, another domain */
    invalidate(pages(INVAL_IOTLB, 1, 0, 0x2000, 4 * KIB, false));
    ck_assert(reads(NONE, 0x2000, 0x31000));
}
END_TEST

START_TEST(a_stale_permission_of_a_table_is_used_too)
{
    up();
    uint64_t table = sm_second(b, context, 0, 1);
    bench_map(b, table, 0x1000, 0x20000 | RW);
    bench_map(b, table, 0x2000, 0x21000 | RW);
    ck_assert(reads(NONE, 0x1000, 0x20000));
    uint64_t pde = bench_slot(b, table, 4, 0x1000, 2);
    sm_put(b, pde, sm_get(b, pde) & ~VTD_SS_W);
    ck_assert(sm_gets(b, SID_A, NONE, 0x2000, PERM_W, 0x21000));
    invalidate(
        (struct invalidation){ .kind = INVAL_IOTLB, .scope = INVAL_DOMAIN, .did = 1 });
    ck_assert_uint_eq(sm_reason(b, SID_A, NONE, 0x2000, PERM_W), VTD_FAULT_SM_WRITE);
}
END_TEST

START_TEST(each_level_has_a_cache_of_its_own_size)
{
    struct iommu_vtd_config c = sm_config();

    c.paging_cache.entries = 2;
    sm_boot(b, &c, "spec");
    context = sm_context(b, SID_A, 0);
    uint64_t table = sm_second(b, context, 0, 1);
    for (uint64_t i = 0; i < 6; i++) {
        bench_map(b, table, i * GIB, 0x20000 | RW);
        ck_assert(reads(NONE, i * GIB, 0x20000));
    }
    const struct vtd *v = vtd_of(b->m);
    ck_assert_uint_eq(vtd_cache_count(&v->tables[0][0]), 2);
    ck_assert_uint_eq(vtd_cache_count(&v->tables[0][1]), 2);
    ck_assert_uint_eq(vtd_cache_count(&v->tables[0][2]), 1);
    ck_assert_uint_eq(vtd_cache_count(&v->tables[0][3]), 0);
    for (unsigned i = 0; i < VTD_TABLE_CACHES; i++) {
        ck_assert_uint_eq(vtd_cache_count(&v->tables[1][i]), 0);
    }
}
END_TEST

/* ---- first stage ---- */

START_TEST(V16_absent_first_stage_entries_are_never_cached)
{
    up();
    uint64_t table = sm_first(b, context, 0, 1);
    ck_assert_uint_eq(sm_reason(b, SID_A, NONE, 0x1000, PERM_R), VTD_FAULT_SM_FS_P);
    sm_map(b, table, 0x1000, 1, 0x20000 | FS_RW);
    ck_assert(reads(NONE, 0x1000, 0x20000));
}
END_TEST

/* Two PASIDs of one domain, a second stage of another and of the same; who forgets? */
enum { P5, P6, SECOND, OTHER, WAYS };

static const struct {
    struct invalidation inv;
    bool drops[WAYS];
} reach[] = {
    { { .kind = INVAL_PASID_IOTLB,
        .scope = INVAL_PASID,
        .did = 1,
        .has_pasid = true,
        .pasid = 5 },
      { true, false, false, false } },
    { { .kind = INVAL_PASID_IOTLB,
        .scope = INVAL_PASID,
        .did = 2,
        .has_pasid = true,
        .pasid = 5 },
      { false, false, false, false } },
    { { .kind = INVAL_PASID_IOTLB,
        .scope = INVAL_PAGE,
        .did = 1,
        .has_pasid = true,
        .pasid = 6,
        .first = 0x1000,
        .last = 0x1fff },
      { false, true, false, false } },
    { { .kind = INVAL_PASID_IOTLB,
        .scope = INVAL_PAGE,
        .did = 1,
        .has_pasid = true,
        .pasid = 6,
        .first = 0x2000,
        .last = 0x2fff },
      { false, false, false, false } },
    { { .kind = INVAL_PASID_IOTLB,
        .scope = INVAL_PASID,
        .did = 1,
        .has_pasid = true,
        .pasid = 7 },
      { false, false, false, false } },
    { { .kind = INVAL_PASID_IOTLB, .scope = INVAL_PASID, .did = 1, .has_pasid = true },
      { false, false, false, false } },
    { { .kind = INVAL_IOTLB,
        .scope = INVAL_PAGE,
        .did = 1,
        .first = 0x8000,
        .last = 0x8fff },
      { true, true, false, false } },
    { { .kind = INVAL_IOTLB,
        .scope = INVAL_PAGE,
        .did = 1,
        .first = 0x1000,
        .last = 0x1fff },
      { true, true, true, false } },
    { { .kind = INVAL_IOTLB, .scope = INVAL_DOMAIN, .did = 1 },
      { true, true, true, false } },
    { { .kind = INVAL_IOTLB, .scope = INVAL_DOMAIN, .did = 2 },
      { false, false, false, true } },
    { { .kind = INVAL_IOTLB, .scope = INVAL_GLOBAL }, { true, true, true, true } },
};

START_TEST(V11_V13_invalidations_reach_pages_of_their_stage_and_PASID)
{
    static const uint32_t pasids[WAYS] = { 5, 6, 7, 8 };
    uint64_t slot[WAYS];

    up();
    slot[P5] = sm_fs_slot(b, sm_first(b, context, 5, 1), 4, 0x1000, 1);
    slot[P6] = sm_fs_slot(b, sm_first(b, context, 6, 1), 4, 0x1000, 1);
    slot[SECOND] = bench_slot(b, sm_second(b, context, 7, 1), 4, 0x1000, 1);
    slot[OTHER] = bench_slot(b, sm_second(b, context, 8, 2), 4, 0x1000, 1);
    for (unsigned i = 0; i < WAYS; i++) {
        sm_put(b, slot[i], (0x20000 + 0x1000 * i) | 7);
        ck_assert(reads(pasids[i], 0x1000, 0x20000 + 0x1000 * i));
        sm_put(b, slot[i], (0x30000 + 0x1000 * i) | 7);
    }
    invalidate(reach[_i].inv);
    for (unsigned i = 0; i < WAYS; i++) {
        ck_assert_msg(reads(pasids[i], 0x1000,
                            (reach[_i].drops[i] ? 0x30000 : 0x20000) + 0x1000 * i),
                      "way %u", i);
    }
}
END_TEST

START_TEST(first_stage_tables_are_kept_by_the_hint_of_their_own)
{
    up();
    uint64_t table = sm_first(b, context, 5, 1);
    sm_map(b, table, 0x1000, 1, 0x20000 | FS_RW);
    sm_map(b, table, 0x2000, 1, 0x21000 | FS_RW);
    ck_assert(reads(5, 0x1000, 0x20000));
    uint64_t pde = sm_fs_slot(b, table, 4, 0x1000, 2), fresh = bench_page(b);
    sm_put(b, fresh + 16, 0x31000 | FS_RW);
    sm_put(b, pde, fresh | FS_RW);
    invalidate(pages(INVAL_PASID_IOTLB, 1, 5, 0x2000, 4 * KIB, true));
    ck_assert(reads(5, 0x2000, 0x21000));
    invalidate(pages(INVAL_PASID_IOTLB, 1, 6, 0x2000, 4 * KIB, false));
    invalidate(pages(INVAL_PASID_IOTLB, 1, 5, 0x2000, 4 * KIB, true));
    ck_assert(reads(5, 0x2000, 0x21000));
    invalidate(pages(INVAL_PASID_IOTLB, 1, 5, 0x2000, 4 * KIB, false));
    ck_assert(reads(5, 0x2000, 0x31000));
}
END_TEST

START_TEST(V13_wide_invalidations_reach_first_stage_tables)
{
    static const struct {
        struct invalidation inv;
        bool drops;
    } cases[] = {
        { { .kind = INVAL_IOTLB, .scope = INVAL_DOMAIN, .did = 2 }, false },
        { { .kind = INVAL_IOTLB, .scope = INVAL_DOMAIN, .did = 1 }, true },
        { { .kind = INVAL_IOTLB, .scope = INVAL_GLOBAL }, true },
        { { .kind = INVAL_PASID_IOTLB,
            .scope = INVAL_PASID,
            .did = 1,
            .has_pasid = true,
            .pasid = 5 },
          true },
    };

    up();
    uint64_t table = sm_first(b, context, 5, 1);
    sm_map(b, table, 0x1000, 1, 0x20000 | FS_RW);
    sm_map(b, table, 0x2000, 1, 0x21000 | FS_RW);
    uint64_t pde = sm_fs_slot(b, table, 4, 0x1000, 2), fresh = bench_page(b);
    const uint64_t old = sm_get(b, pde);
    sm_put(b, fresh + 16, 0x31000 | FS_RW);
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        sm_put(b, pde, old);
        sm_flush(b);
        ck_assert(reads(5, 0x1000, 0x20000));
        sm_put(b, pde, fresh | FS_RW);
        invalidate(cases[i].inv);
        ck_assert_msg(reads(5, 0x2000, cases[i].drops ? 0x31000 : 0x21000), "case %u", i);
    }
}
END_TEST

START_TEST(a_second_stage_change_reaches_nested_tables)
{
    up();
    const struct sm_nested n = sm_nested(b, context, 5, 1);
    sm_map(b, n.first, 0x1000, 1, 0x300000 | FS_RW);
    ck_assert(reads(5, 0x1000, 0x300000));
    /* The leaf table moves in the second stage; a copy with another leaf takes over. */
    uint64_t leaves = sm_fs_slot(b, n.first, 4, 0x1000, 1) & ~PAGE_MASK;
    uint64_t fresh = bench_page(b);
    sm_put(b, fresh + 8, 0x301000 | FS_RW);
    bench_map(b, n.second, leaves, fresh | RW);
    invalidate(pages(INVAL_PASID_IOTLB, 1, 5, 0x1000, 4 * KIB, true));
    ck_assert(reads(5, 0x1000, 0x300000)); /* by the cached table */
    /* Only a leaf of the second stage changed: the hint is lawful. */
    invalidate(pages(INVAL_IOTLB, 1, 0, leaves, 4 * KIB, true));
    ck_assert(reads(5, 0x1000, 0x301000));
}
END_TEST

START_TEST(supervisor_and_user_pages_are_apart)
{
    struct iommu_request q = { SID_A, REQUEST_UNTRANSLATED, 5, true, 0x1000, PERM_R };
    struct xlate x;
    unsigned reason;

    up();
    uint64_t table = bench_page(b);
    sm_pasid(b, context, 5, VTD_PASID_P | VTD_PASID_PGTT(VTD_PGTT_FIRST), 1,
             table | VTD_PASID_SRE);
    sm_map(b, table, 0x1000, 1, 0x20000 | VTD_FS_P);
    ck_assert_int_eq(sm_ask(b, &q, &x, &reason), XLATE_OK);
    ck_assert_uint_eq(sm_reason(b, SID_A, 5, 0x1000, PERM_R), VTD_FAULT_SM_USER);
}
END_TEST

/* ---- any operations, in any order, while software does its part ---- */

/* Whoever invalidates what it changes never sees what was there before. */
START_TEST(V10_V11_random_changes_with_their_invalidations_are_seen_at_once)
{
    static const uint64_t bases[] = { 0, 3 * MIB, GIB, 600 * GIB };
    const unsigned seed = 4242;
    uint64_t held[4][16] = { { 0 } };

    printf("seed %u\n", seed);
    srand(seed);
    up();
    uint64_t table = sm_second(b, context, 0, 1);
    for (unsigned i = 0; i < 20000; i++) {
        unsigned r = (unsigned)rand() % 4, p = (unsigned)rand() % 16;
        uint64_t iova = bases[r] + p * PAGE_BYTES;
        if (rand() % 3 == 0) {
            held[r][p] = rand() % 2 ? (uint64_t)(1 + rand() % 1000) << 12 : 0;
            bench_map(b, table, iova, held[r][p] == 0 ? 0 : held[r][p] | RW);
            invalidate(pages(INVAL_IOTLB, 1, 0, iova, 4 * KIB, rand() % 2));
        } else if (rand() % 50 == 0) { /* unlink a whole table */
            sm_put(b, bench_slot(b, table, 4, iova, 2 + (unsigned)rand() % 2), 0);
            invalidate(pages(INVAL_IOTLB, 1, 0, align_down(iova, 30), GIB, false));
            for (unsigned k = 0; k < 4; k++) {
                for (unsigned s = 0; s < 16; s++) {
                    uint64_t at = bases[k] + s * PAGE_BYTES;
                    uint64_t slot = bench_slot(b, table, 4, at, 1);
                    held[k][s] = sm_get(b, slot) & VTD_SS_ADDR;
                }
            }
        } else if (held[r][p] != 0) {
            ck_assert(reads(NONE, iova, held[r][p]));
        } else {
            ck_assert_uint_eq(sm_reason(b, SID_A, NONE, iova, PERM_R), VTD_FAULT_SM_SS_P);
        }
    }
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("vtd_caches");
    TCase *tc = tcase_create("caches");

    tcase_add_checked_fixture(tc, NULL, bench_teardown);
    tcase_add_test(tc, V10_PASID_entries_are_used_until_invalidated);
    tcase_add_test(tc, V14_absent_PASID_entries_are_cached_in_caching_mode);
    tcase_add_test(tc, V10_scalable_context_entries_are_used_until_invalidated);
    tcase_add_test(tc, V10_pages_of_each_size_are_used_until_invalidated);
    tcase_add_test(tc, a_stale_table_is_used_until_the_hint_is_left_out);
    tcase_add_test(tc, a_stale_permission_of_a_table_is_used_too);
    tcase_add_test(tc, each_level_has_a_cache_of_its_own_size);
    tcase_add_test(tc, V16_absent_first_stage_entries_are_never_cached);
    tcase_add_loop_test(tc, V11_V13_invalidations_reach_pages_of_their_stage_and_PASID, 0,
                        (int)(sizeof(reach) / sizeof(reach[0])));
    tcase_add_test(tc, V13_wide_invalidations_reach_first_stage_tables);
    tcase_add_test(tc, first_stage_tables_are_kept_by_the_hint_of_their_own);
    tcase_add_test(tc, a_second_stage_change_reaches_nested_tables);
    tcase_add_test(tc, supervisor_and_user_pages_are_apart);
    tcase_add_test(tc, V10_V11_random_changes_with_their_invalidations_are_seen_at_once);
    suite_add_tcase(s, tc);
    return s;
}
