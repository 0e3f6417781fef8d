/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the VT-d context cache and IOTLB keep, and what drops it. V-numbers are
 * statements of the reference.
 */
#include "iommu/vtd_cache.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "iommu/vtd.h"
#include "support_main.h"
#include "support_vtd.h"

#define R VTD_SS_R

static struct bench *const b = &bench;

static void
up_without_caching_mode(void)
{
    struct iommu_vtd_config c = bench_config();

    c.caching_mode = false;
    bench_start(b, &c);
}

START_TEST(V10_translation_stays_usable_until_invalidated)
{
    bench_up(b);
    uint64_t table = bench_attached(b, SID_A, 1, 4);
    bench_map(b, table, 0x1000, 0x20000 | RW);
    ck_assert(bench_reads(b, SID_A, 0x1000, 0x20000));
    bench_map(b, table, 0x1000, 0);
    ck_assert(bench_writes(b, SID_A, 0x1008, 0x20008));
    bench_flush_page(b, 1, 0x1000, 0);
    ck_assert(bench_faults(b, SID_A, 0x1000, PERM_R, VTD_FAULT_READ));
}
END_TEST

START_TEST(V11_page_invalidation_drops_its_block_of_its_domain)
{
    bench_up(b);
    uint64_t table = bench_attached(b, SID_A, 1, 4);
    for (uint64_t i = 0; i < 8; i++) {
        bench_map(b, table, i * 0x1000, (0x20000 + i * 0x1000) | RW);
        ck_assert(bench_reads(b, SID_A, i * 0x1000, 0x20000 + i * 0x1000));
    }
    bench_entry(b, table, 4, GIB, 2, 0x600000 | VTD_SS_PS | RW);
    ck_assert(bench_reads(b, SID_A, GIB, 0x600000));
    for (uint64_t i = 0; i < 8; i++) {
        bench_map(b, table, i * 0x1000, 0);
    }
    bench_flush_page(b, 2, 0x4000, 1);
    ck_assert(bench_reads(b, SID_A, 0x4000, 0x24000));
    bench_flush_page(b, 1, 0x4000, 1);
    for (uint64_t i = 0; i < 8; i++) {
        if (i == 4 || i == 5) {
            ck_assert(bench_faults(b, SID_A, i * 0x1000, PERM_R, VTD_FAULT_READ));
        } else {
            ck_assert(bench_reads(b, SID_A, i * 0x1000, 0x20000 + i * 0x1000));
        }
    }
    bench_entry(b, table, 4, GIB, 2, 0);
    bench_flush_page(b, 1, GIB + 0x55000, 0); /* one page inside the superpage */
    ck_assert(bench_faults(b, SID_A, GIB, PERM_R, VTD_FAULT_READ));
}
END_TEST

START_TEST(V13_domain_and_global_invalidation)
{
    bench_up(b);
    uint64_t one = bench_attached(b, SID_A, 1, 4), two = bench_attached(b, SID_B, 2, 4);
    bench_context(b, SID_A + 1, vtd_ctx_lo(VTD_TT_TRANSLATE, one), vtd_ctx_hi(2, 1));
    bench_map(b, one, 0x1000, 0x20000 | RW);
    bench_map(b, one, 0x2000, 0x21000 | RW);
    bench_map(b, two, 0x1000, 0x22000 | RW);
    ck_assert(bench_reads(b, SID_A, 0x1000, 0x20000));
    ck_assert(bench_reads(b, SID_A + 1, 0x2000, 0x21000));
    ck_assert(bench_reads(b, SID_B, 0x1000, 0x22000));
    bench_map(b, one, 0x1000, 0);
    bench_map(b, one, 0x2000, 0);
    bench_map(b, two, 0x1000, 0);
    bench_flush_domain(b, 1);
    ck_assert(bench_faults(b, SID_A, 0x1000, PERM_R, VTD_FAULT_READ));
    ck_assert(bench_faults(b, SID_A + 1, 0x2000, PERM_R, VTD_FAULT_READ));
    ck_assert(bench_reads(b, SID_B, 0x1000, 0x22000));
    bench_flush_global(b);
    ck_assert(bench_faults(b, SID_B, 0x1000, PERM_R, VTD_FAULT_READ));
}
END_TEST

START_TEST(V14_context_invalidation_leaves_the_IOTLB_alone)
{
    bench_up(b);
    uint64_t table = bench_attached(b, SID_A, 1, 4);
    bench_map(b, table, 0x1000, 0x20000 | RW);
    ck_assert(bench_reads(b, SID_A, 0x1000, 0x20000));
    bench_map(b, table, 0x1000, 0x30000 | RW);
    bench_context(b, SID_A, 0, 0);
    ck_assert(bench_reads(b, SID_A, 0x1000, 0x20000)); /* context still cached */
    bench_flush_context(b, SID_A, 2);                  /* other DID */
    ck_assert(bench_reads(b, SID_A, 0x1000, 0x20000));
    bench_flush_context(b, SID_A, 1);
    ck_assert(bench_faults(b, SID_A, 0x1000, PERM_R, VTD_FAULT_CONTEXT_P));
    bench_context(b, SID_A, vtd_ctx_lo(VTD_TT_TRANSLATE, table), vtd_ctx_hi(2, 1));
    bench_flush_context(b, SID_A, 0);
    ck_assert(bench_reads(b, SID_A, 0x1000, 0x20000)); /* the page still is too */
}
END_TEST

START_TEST(V2_new_root_table_leaves_the_caches_alone)
{
    bench_up(b);
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    bench_map(b, table, 0x1000, 0x20000 | RW);
    ck_assert(bench_reads(b, SID_A, 0x1000, 0x20000));
    bench_write(b, VTD_RTADDR, bench_page(b));
    bench_write(b, VTD_GCMD, VTD_GCMD_TE | VTD_GCMD_QIE | VTD_GCMD_SRTP);
    ck_assert(bench_reads(b, SID_A, 0x1000, 0x20000));
    bench_do(b, vtd_desc_context(VTD_GRAN_GLOBAL, 0, 0, 0));
    ck_assert(bench_faults(b, SID_A, 0x1000, PERM_R, VTD_FAULT_ROOT_P));
}
END_TEST

START_TEST(V14_absent_context_is_cached_in_caching_mode_under_domain_0)
{
    bench_up(b);
    ck_assert(bench_faults(b, SID_A, 0x1000, PERM_R, VTD_FAULT_ROOT_P));
    uint64_t table = bench_domain(b, SID_A, 1, 4);
    bench_map(b, table, 0x1000, 0x20000 | RW);
    ck_assert(bench_faults(b, SID_A, 0x1000, PERM_W, VTD_FAULT_ROOT_P));
    bench_flush_context(b, SID_A, 1);
    ck_assert(bench_faults(b, SID_A, 0x1000, PERM_W, VTD_FAULT_ROOT_P));
    bench_flush_context(b, SID_A, 0);
    ck_assert(bench_writes(b, SID_A, 0x1000, 0x20000));
}
END_TEST

START_TEST(V15_absent_page_is_cached_in_caching_mode)
{
    bench_up(b);
    uint64_t table = bench_attached(b, SID_A, 1, 4);
    ck_assert(bench_faults(b, SID_A, 0x1000, PERM_R, VTD_FAULT_READ));
    bench_map(b, table, 0x1000, 0x20000 | RW);
    ck_assert(bench_faults(b, SID_A, 0x1000, PERM_W, VTD_FAULT_WRITE));
    bench_flush_page(b, 1, 0x1000, 0);
    ck_assert(bench_writes(b, SID_A, 0x1000, 0x20000));
}
END_TEST

START_TEST(V16_nothing_absent_is_cached_without_caching_mode)
{
    up_without_caching_mode();
    ck_assert(bench_faults(b, SID_A, 0x1000, PERM_R, VTD_FAULT_ROOT_P));
    uint64_t table = bench_domain(b, SID_A, 1, 4);
    ck_assert(bench_faults(b, SID_A, 0x1000, PERM_R, VTD_FAULT_READ));
    bench_map(b, table, 0x1000, 0x20000 | RW);
    ck_assert(bench_reads(b, SID_A, 0x1000, 0x20000));
}
END_TEST

START_TEST(raised_permission_counts_without_invalidation)
{
    bench_up(b);
    uint64_t table = bench_attached(b, SID_A, 1, 4);
    bench_map(b, table, 0x1000, 0x20000 | R);
    ck_assert(bench_reads(b, SID_A, 0x1000, 0x20000));
    ck_assert(bench_faults(b, SID_A, 0x1000, PERM_W, VTD_FAULT_WRITE));
    bench_map(b, table, 0x1000, 0x20000 | RW);
    ck_assert(bench_writes(b, SID_A, 0x1000, 0x20000));
    bench_map(b, table, 0x1000, 0);
    ck_assert(bench_writes(b, SID_A, 0x1000, 0x20000)); /* it took the place */
}
END_TEST

static const struct {
    enum iommu_cache_policy policy;
    bool first_stays; /* after 1, 2, 1 again, 3 in a cache of two */
} policies[] = { { IOMMU_CACHE_LRU, true }, { IOMMU_CACHE_FIFO, false } };

START_TEST(full_IOTLB_replaces_one_entry)
{
    struct iommu_vtd_config c = bench_config();

    c.iotlb = (struct iommu_cache_config){ 2, policies[_i].policy };
    bench_start(b, &c);
    uint64_t table = bench_attached(b, SID_A, 1, 4);
    for (uint64_t p = 1; p <= 3; p++) {
        bench_map(b, table, p << 12, (0x20000 + (p << 12)) | RW);
    }
    ck_assert(bench_reads(b, SID_A, 0x1000, 0x21000));
    ck_assert(bench_reads(b, SID_A, 0x2000, 0x22000));
    ck_assert(bench_reads(b, SID_A, 0x1000, 0x21000));
    ck_assert(bench_reads(b, SID_A, 0x3000, 0x23000));
    ck_assert_uint_eq(vtd_cache_count(&vtd_of(b->m)->iotlb), 2);
    bench_map(b, table, 0x1000, 0);
    if (policies[_i].first_stays) {
        ck_assert(bench_reads(b, SID_A, 0x1000, 0x21000));
    } else {
        ck_assert(bench_faults(b, SID_A, 0x1000, PERM_R, VTD_FAULT_READ));
    }
}
END_TEST

START_TEST(caches_may_be_none_or_infinite)
{
    struct iommu_vtd_config c = bench_config();

    for (unsigned i = 0; i < 2; i++) {
        c.iotlb.entries = c.context_cache.entries = i == 0 ? 0 : UINT64_MAX;
        bench_start(b, &c);
        uint64_t table = bench_attached(b, SID_A, 1, 4);
        for (uint64_t p = 0; p < 5000; p++) {
            bench_map(b, table, p << 12, ((p << 12) + 8 * MIB) | RW);
            ck_assert(bench_reads(b, SID_A, p << 12, (p << 12) + 8 * MIB));
        }
        ck_assert_uint_eq(vtd_cache_count(&vtd_of(b->m)->iotlb), i == 0 ? 0 : 5000);
    }
}
END_TEST

/* Drops of random blocks against a list of what should be left. */
START_TEST(cache_drops_exactly_what_a_block_touches)
{
    enum { PAGES = 600, KINDS = 3 };
    struct vtd_cache cache;
    struct iommu_cache_config c = { UINT64_MAX, IOMMU_CACHE_LRU };
    static bool held[2][KINDS][PAGES];
    const unsigned seed = 20240229;

    srand(seed);
    printf("seed %u\n", seed);
    vtd_cache_init(&cache, &c, NULL, NULL);
    for (unsigned round = 0; round < 400; round++) {
        for (unsigned i = 0; i < 100; i++) {
            unsigned did = (unsigned)rand() % 2, k = (unsigned)rand() % KINDS;
            uint64_t p = (uint64_t)rand() % (k == 0 ? PAGES : 4);
            struct vtd_cached e = { .did = (uint16_t)did,
                                    .key = (uint16_t)did,
                                    .level = (uint8_t)(k + 1),
                                    .tag = p << vtd_ss_span_lg2(k + 1) };
            ck_assert(!vtd_cache_put(&cache, &e, &e));
            held[did][k][p] = true;
        }
        unsigned did = (unsigned)rand() % 2, am = (unsigned)rand() % 11;
        uint64_t first = align_down((uint64_t)(rand() % PAGES) << 12, 12 + am);
        uint64_t last = first + (PAGE_BYTES << am) - 1;
        vtd_cache_drop_pages(&cache, (uint16_t)did, first, last);
        for (unsigned d = 0; d < 2; d++) {
            for (unsigned k = 0; k < KINDS; k++) {
                unsigned lg2 = vtd_ss_span_lg2(k + 1);
                for (uint64_t p = 0; p < PAGES; p++) {
                    if (d == did && p << lg2 <= last && ((p + 1) << lg2) - 1 >= first) {
                        held[d][k][p] = false;
                    }
                    bool found =
                        vtd_cache_find(&cache, (uint16_t)d, k + 1, p << lg2) != NULL;
                    ck_assert_msg(found == held[d][k][p],
                                  "round %u did %u level %u page %u", round, d, k + 1,
                                  (unsigned)p);
                }
            }
        }
    }
    vtd_cache_fini(&cache);
}
END_TEST

static void
add_caches(Suite *s)
{
    TCase *tc = tcase_create("caches");

    tcase_add_checked_fixture(tc, NULL, bench_teardown);
    tcase_add_test(tc, V10_translation_stays_usable_until_invalidated);
    tcase_add_test(tc, V11_page_invalidation_drops_its_block_of_its_domain);
    tcase_add_test(tc, V13_domain_and_global_invalidation);
    tcase_add_test(tc, V14_context_invalidation_leaves_the_IOTLB_alone);
    tcase_add_test(tc, V2_new_root_table_leaves_the_caches_alone);
    tcase_add_test(tc, V14_absent_context_is_cached_in_caching_mode_under_domain_0);
    tcase_add_test(tc, V15_absent_page_is_cached_in_caching_mode);
    tcase_add_test(tc, V16_nothing_absent_is_cached_without_caching_mode);
    tcase_add_test(tc, raised_permission_counts_without_invalidation);
    tcase_add_loop_test(tc, full_IOTLB_replaces_one_entry, 0, 2);
    tcase_add_test(tc, caches_may_be_none_or_infinite);
    tcase_add_test(tc, cache_drops_exactly_what_a_block_touches);
    suite_add_tcase(s, tc);
}

Suite *
suite(void)
{
    Suite *s = suite_create("vtd_cache");

    add_caches(s);
    return s;
}
