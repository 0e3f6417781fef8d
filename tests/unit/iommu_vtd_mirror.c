/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What subscribers behind a VT-d unit hear of pages, and of replay. V- and N-numbers
 * are statements of the references. The last test changes tables at random and
 * compares the shadows of several listeners with a dumb walk.
 */
#include "iommu/vtd_mirror.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "support_main.h"
#include "support_vtd.h"

static struct bench *const b = &bench;
static struct listener ear, second, third;

/* ---- pages ---- */

START_TEST(V15_page_is_told_when_invalidated_and_not_before)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    listener_mirror(&ear, b);
    bench_map(b, table, 0x1000, 0x20000 | RW);
    ck_assert_heard(&ear, "");
    bench_flush_page(b, 2, 0x1000, 0);
    ck_assert_heard(&ear, "");
    bench_flush_page(b, 1, 0x1000, 0);
    ck_assert_heard(&ear, "MAP 0x1000+0x1000 0x20000 rw map");
    bench_map(b, table, 0x1000, 0x30000 | VTD_SS_R);
    bench_flush_page(b, 1, 0x1000, 0);
    ck_assert_heard(&ear, "UNMAP 0x1000+0x1000 change, "
                          "MAP 0x1000+0x1000 0x30000 r change");
    bench_map(b, table, 0x1000, 0);
    bench_flush_page(b, 1, 0x1000, 0);
    ck_assert_heard(&ear, "UNMAP 0x1000+0x1000 unmap");
}
END_TEST

START_TEST(V29_page_on_UNMAP_only_space_is_one_UNMAP)
{
    bench_attached(b, SID_A, 1, 4);
    listener_unmaps(&ear, b);
    bench_flush_page(b, 1, 0x12345000, 4);
    ck_assert_heard(&ear, "UNMAP 0x12340000+0x10000 invalidate");
    bench_flush_page(b, 2, 0x12345000, 4);
    ck_assert_heard(&ear, "");
}
END_TEST

START_TEST(wider_invalidations_unmap_the_window_of_UNMAP_only_listeners)
{
    bench_attached(b, SID_A, 1, 4);
    listener_unmaps(&ear, b);
    bench_flush_domain(b, 2);
    ck_assert_heard(&ear, "");
    bench_flush_domain(b, 1);
    ck_assert_heard(&ear, UNMAP_ALL("invalidate"));
    bench_flush_global(b);
    ck_assert_heard(&ear, UNMAP_ALL("invalidate"));
    bench_flush_context(b, SID_A, 1);
    ck_assert_heard(&ear, UNMAP_ALL("context"));
}
END_TEST

/* Without caching mode a new context entry needs no invalidation, its domain counts. */
START_TEST(UNMAP_only_listener_hears_of_a_domain_attached_without_invalidation)
{
    struct iommu_vtd_config c = bench_config();

    c.caching_mode = false;
    bench_start(b, &c);
    listener_unmaps(&ear, b);
    bench_domain(b, SID_A, 3, 4);
    bench_flush_page(b, 3, 0x1000, 0);
    ck_assert_heard(&ear, "UNMAP 0x1000+0x1000 invalidate");
}
END_TEST

START_TEST(V30_repeated_invalidations_are_silent)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    listener_mirror(&ear, b);
    bench_map(b, table, 0x1000, 0x20000 | RW);
    bench_entry(b, table, 4, GIB, 2, 0x600000 | VTD_SS_PS | RW);
    bench_flush_domain(b, 1);
    ck_assert_heard(&ear, "MAP 0x1000+0x1000 0x20000 rw map, "
                          "MAP 0x40000000+0x200000 0x600000 rw map");
    bench_flush_page(b, 1, 0x1000, 0);
    bench_flush_page(b, 1, GIB + 0x5000, 0);
    bench_flush_domain(b, 1);
    bench_flush_global(b);
    bench_flush_context(b, SID_A, 1);
    bench_flush_contexts(b);
    bench_do(b, vtd_desc_context(VTD_GRAN_DOMAIN, 1, 0, 0));
    ck_assert_heard(&ear, "");
}
END_TEST

START_TEST(V31_cleared_directory_entry_is_one_UNMAP)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    listener_mirror(&ear, b);
    for (uint64_t p = 0; p < 7; p++) {
        bench_map(b, table, GIB + p * 0x5000, 0x20000 | RW);
    }
    bench_flush_domain(b, 1);
    ck_assert_uint_eq(listener_pages(&ear), 7);
    listener_clear(&ear);
    bench_entry(b, table, 4, GIB, 2, 0);
    bench_flush_page(b, 1, GIB + 0x100000, 0);
    ck_assert_heard(&ear, "UNMAP 0x40000000+0x200000 unmap");
    ck_assert_uint_eq(listener_pages(&ear), 0);
}
END_TEST

START_TEST(superpage_split_in_place_is_told_whole)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    listener_mirror(&ear, b);
    bench_entry(b, table, 4, GIB, 2, 0x600000 | VTD_SS_PS | RW);
    bench_flush_page(b, 1, GIB, 9);
    bench_entry(b, table, 4, GIB, 2, 0);
    for (uint64_t p = 0; p < 512; p++) {
        bench_map(b, table, GIB + (p << 12), (0x600000 + (p << 12)) | RW);
    }
    listener_clear(&ear);
    bench_flush_page(b, 1, GIB + 0x33000, 0); /* one page only */
    ck_assert_uint_eq(ear.events, 513);
    ck_assert(listener_heard(&ear, 0, NOTIFY_UNMAP, GIB, 2 * MIB, 0, CAUSE_CHANGE));
    ck_assert(listener_heard(&ear, 512, NOTIFY_MAP, GIB + 0x1ff000, 4 * KIB, 0x7ff000,
                             CAUSE_MAP));
    ck_assert_uint_eq(listener_pages(&ear), 512);
    ck_assert_uint_eq(ear.collisions + ear.cuts, 0);
}
END_TEST

START_TEST(pages_merged_in_place_are_told_whole)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    listener_mirror(&ear, b);
    bench_map(b, table, GIB + 0x3000, 0x20000 | RW);
    bench_map(b, table, GIB + 0x9000, 0x21000 | RW);
    bench_flush_domain(b, 1);
    listener_clear(&ear);
    bench_entry(b, table, 4, GIB, 2, 0x600000 | VTD_SS_PS | RW);
    bench_flush_page(b, 1, GIB + 0x100000, 0);
    ck_assert_heard(&ear, "UNMAP 0x40000000+0x200000 change, "
                          "MAP 0x40000000+0x200000 0x600000 rw change");
}
END_TEST

START_TEST(entry_gone_bad_is_unmapped)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    listener_mirror(&ear, b);
    bench_map(b, table, 0x1000, 0x20000 | RW);
    bench_map(b, table, 0x2000, 0x21000 | RW);
    bench_flush_domain(b, 1);
    bench_map(b, table, 0x1000, 0x20000 | VTD_SS_SNP | RW);
    bench_map(b, table, 0x2000, 0xfee00000 | RW);
    bench_flush_domain(b, 1);
    ck_assert_heard(&ear, "MAP 0x1000+0x1000 0x20000 rw map, "
                          "MAP 0x2000+0x1000 0x21000 rw map, "
                          "UNMAP 0x1000+0x1000 unmap, "
                          "UNMAP 0x2000+0x1000 unmap");
    ck_assert_uint_eq(listener_pages(&ear), 0);
}
END_TEST

START_TEST(superpage_over_both_windows_is_clipped_to_each)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    listener_mirror(&ear, b);
    bench_entry(b, table, 4, 3 * GIB, 3, UINT64_C(0x1c0000000) | VTD_SS_PS | RW);
    bench_flush_page(b, 1, 3 * GIB, 18);
    ck_assert_heard(&ear, "MAP 0xfef00000+0x1100000 0x1fef00000 rw map, "
                          "MAP 0xc0000000+0x3ee00000 0x1c0000000 rw map");
    ck_assert_uint_eq(listener_pages(&ear), (GIB - MIB) / (4 * KIB));
    ck_assert(listener_holds(&ear, B_FIRST, UINT64_C(0x1fef00000)));
}
END_TEST

START_TEST(all_spaces_of_a_domain_are_told_and_no_others)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    bench_context(b, SID_A + 1, vtd_ctx_lo(VTD_TT_TRANSLATE, table), vtd_ctx_hi(2, 1));
    bench_attached(b, SID_B, 2, 4);
    listener_mirror(&ear, b);
    listener_start(&second, b, SID_A + 1, NOTIFY_MAP | NOTIFY_UNMAP, true);
    listener_start(&third, b, SID_B, NOTIFY_MAP | NOTIFY_UNMAP, true);
    bench_map(b, table, 0x1000, 0x20000 | RW);
    bench_flush_page(b, 1, 0x1000, 0);
    ck_assert_heard(&ear, "MAP 0x1000+0x1000 0x20000 rw map");
    ck_assert_heard(&second, "MAP 0x1000+0x1000 0x20000 rw map");
    ck_assert_heard(&third, "");
}
END_TEST

/* ---- replay ---- */

START_TEST(V36_N28_replay_equals_the_shadow_of_those_present)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    listener_mirror(&ear, b);
    bench_map(b, table, 0x1000, 0x20000 | RW);
    bench_entry(b, table, 4, 5 * GIB, 2, 0x600000 | VTD_SS_PS | RW);
    bench_map(b, table, UINT64_C(0xfffffffff000), 0x22000 | RW);
    bench_flush_domain(b, 1);
    listener_clear(&ear);
    listener_mirror(&second, b);
    ck_assert_heard(&ear, ""); /* N18 */
    ck_assert_heard(&second, "MAP 0x1000+0x1000 0x20000 rw replay, "
                             "MAP 0x140000000+0x200000 0x600000 rw replay, "
                             "MAP 0xfffffffff000+0x1000 0x22000 rw replay");
    ck_assert_uint_eq(listener_pages(&ear), listener_pages(&second));
    bench_flush_domain(b, 1);
    ck_assert_heard(&ear, "");
    ck_assert_heard(&second, "");
}
END_TEST

START_TEST(replay_does_not_swallow_what_others_are_still_to_hear)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    bench_map(b, table, 0x1000, 0x20000 | RW);
    listener_mirror(&ear, b);
    bench_map(b, table, 0x2000, 0x21000 | RW); /* pending: new */
    bench_map(b, table, 0x1000, 0x22000 | RW); /* pending: changed */
    listener_clear(&ear);
    listener_mirror(&second, b);
    ck_assert_heard(&ear, "");
    ck_assert(listener_holds(&second, 0x1000, 0x22000) &&
              listener_holds(&second, 0x2000, 0x21000));
    bench_flush_page(b, 1, 0, 2);
    ck_assert(listener_holds(&ear, 0x1000, 0x22000) &&
              listener_holds(&ear, 0x2000, 0x21000));
    ck_assert(listener_holds(&second, 0x1000, 0x22000) &&
              listener_holds(&second, 0x2000, 0x21000));
    ck_assert_uint_eq(ear.collisions + second.collisions, 0);
    listener_clear(&ear);
    bench_flush_domain(b, 1);
    ck_assert_heard(&ear, "");
}
END_TEST

/* The newcomer was told of a superpage that is split again before anybody else heard. */
START_TEST(superpage_told_to_one_alone_is_taken_back_whole)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    bench_map(b, table, GIB, 0x20000 | RW);
    bench_map(b, table, GIB + 0x9000, 0x21000 | RW);
    uint64_t slot = bench_slot(b, table, 4, GIB, 2);
    uint64_t split = mem_read64le(b->env.mem, GPA(slot));
    listener_mirror(&ear, b);
    mem_write64le(b->env.mem, GPA(slot), 0x600000 | VTD_SS_PS | RW);
    listener_mirror(&second, b);
    ck_assert(listener_holds(&second, GIB + 0x9000, 0x609000));
    mem_write64le(b->env.mem, GPA(slot), split);
    bench_flush_page(b, 1, GIB + 0x5000, 0); /* not where the pages are */
    ck_assert(listener_holds(&ear, GIB, 0x20000) &&
              listener_holds(&ear, GIB + 0x9000, 0x21000));
    ck_assert(listener_holds(&second, GIB, 0x20000) &&
              listener_holds(&second, GIB + 0x9000, 0x21000));
    ck_assert_uint_eq(listener_pages(&ear), 2);
    ck_assert_uint_eq(listener_pages(&second), 2);
    ck_assert_uint_eq(ear.cuts + second.cuts + ear.collisions + second.collisions, 0);
}
END_TEST

START_TEST(tree_ends_with_the_last_MAP_listener)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    bench_map(b, table, 0x1000, 0x20000 | RW);
    listener_mirror(&ear, b);
    listener_stop(&ear);
    listener_start(&ear, b, SID_A, NOTIFY_MAP | NOTIFY_UNMAP, false);
    ck_assert_heard(&ear, "");
    bench_flush_page(b, 1, 0x1000, 0);
    /* nobody was told before */
    ck_assert_heard(&ear, "MAP 0x1000+0x1000 0x20000 rw map");
}
END_TEST

START_TEST(N14_UNMAP_only_listener_beside_a_mirror_gets_each_invalidation_once)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    listener_mirror(&ear, b);
    listener_unmaps(&second, b);
    /* It came and went between two invalidations, long enough for a cache to fill. */
    bench_map(b, table, 0x1000, 0x20000 | RW);
    bench_map(b, table, 0x1000, 0);
    bench_flush_page(b, 1, 0x1000, 0);
    ck_assert_heard(&ear, "");
    ck_assert_heard(&second, "UNMAP 0x1000+0x1000 invalidate");
    bench_map(b, table, 0x1000, 0x20000 | RW);
    bench_flush_page(b, 1, 0x1000, 0);
    bench_map(b, table, 0x1000, 0x30000 | RW);
    bench_flush_page(b, 1, 0x1000, 0);
    ck_assert_heard(&ear, "MAP 0x1000+0x1000 0x20000 rw map, "
                          "UNMAP 0x1000+0x1000 change, "
                          "MAP 0x1000+0x1000 0x30000 rw change");
    ck_assert_heard(&second, "UNMAP 0x1000+0x1000 invalidate, "
                             "UNMAP 0x1000+0x1000 invalidate");
    bench_flush_page(b, 2, 0x1000, 0); /* another domain's */
    ck_assert_heard(&second, "");
    bench_flush_domain(b, 1);
    ck_assert_heard(&second, UNMAP_ALL("invalidate"));
    bench_flush_global(b);
    ck_assert_heard(&second, UNMAP_ALL("invalidate"));
    bench_flush_context(b, SID_A, 1);
    ck_assert_heard(&second, UNMAP_ALL("context"));
    ck_assert_heard(&ear, "");
    bench_map(b, table, 0x1000, 0);
    bench_flush_domain(b, 1);
    ck_assert_heard(&ear, "UNMAP 0x1000+0x1000 unmap");
    ck_assert_heard(&second, UNMAP_ALL("invalidate"));
}
END_TEST

START_TEST(N11_N12_events_are_aligned_powers_of_two_with_the_permission_of_their_type)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    listener_mirror(&ear, b);
    for (uint64_t i = 0; i < 6; i++) {
        bench_map(b, table, 0x7000 + i * 4 * KIB, (0x20000 + i * 4 * KIB) | (1 + i % 3));
    }
    bench_entry(b, table, 4, 4 * MIB, 2, 8 * MIB | VTD_SS_PS | RW);
    bench_flush_domain(b, 1);
    bench_entry(b, table, 4, 0, 2, 16 * MIB | VTD_SS_PS | VTD_SS_R);
    bench_entry(b, table, 4, 4 * MIB, 2, 0);
    bench_flush_page(b, 1, 0x9000, 0);
    bench_flush_page(b, 1, 4 * MIB, 0);
    ck_assert_uint_eq(ear.unmaps, 2);
    ck_assert_uint_eq(ear.maps, 8);
    for (unsigned i = 0; i < ear.events; i++) {
        const struct notify_event *ev = &ear.log[i];
        ck_assert_uint_eq(ev->mask & (ev->mask + 1), 0);
        ck_assert_uint_eq(ev->iova & ev->mask, 0);
        ck_assert((ev->perm == PERM_NONE) == (ev->type == NOTIFY_UNMAP));
    }
}
END_TEST

START_TEST(N17_what_was_never_told_is_not_unmapped)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    listener_mirror(&ear, b);
    bench_map(b, table, 0x1000, 0x20000 | RW);
    bench_map(b, table, 0x2000, 0x30000 | RW);
    bench_flush_page(b, 1, 0x1000, 0);
    bench_map(b, table, 0x2000, 0);
    bench_flush_domain(b, 1);
    ck_assert_heard(&ear, "MAP 0x1000+0x1000 0x20000 rw map");
}
END_TEST

START_TEST(N19_N20_replay_ends_and_tells_each_leaf_once_however_often)
{
    const uint64_t top = (UINT64_C(1) << 48) - 4 * KIB;
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    bench_map(b, table, 0, 0x20000 | RW);
    bench_map(b, table, top, 0x30000 | VTD_SS_W);
    bench_entry(b, table, 4, GIB, 3, VTD_SS_PS | VTD_SS_R);
    listener_mirror(&ear, b);
    ck_assert_heard(&ear, "MAP 0x0+0x1000 0x20000 rw replay, "
                          "MAP 0x40000000+0x40000000 0x0 r replay, "
                          "MAP 0xfffffffff000+0x1000 0x30000 w replay");
    ck_assert_uint_eq(ear.shadow.pages, 2 + GIB / (4 * KIB));
    listener_clear(&ear);
    for (unsigned i = 0; i < 2; i++) {
        notify_replay(&ear.n[i]);
    }
    ck_assert_heard(&ear, "MAP 0x0+0x1000 0x20000 rw replay, "
                          "MAP 0x40000000+0x40000000 0x0 r replay, "
                          "MAP 0xfffffffff000+0x1000 0x30000 w replay");
    ck_assert_uint_eq(ear.shadow.pages, 2 + GIB / (4 * KIB));
}
END_TEST

START_TEST(N23_nothing_is_remembered_after_everything_was_unmapped)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    bench_map(b, table, 0x1000, 0x20000 | RW);
    listener_mirror(&ear, b);
    bench_context(b, SID_A, 0, 0);
    bench_flush_context(b, SID_A, 1);
    ck_assert_uint_eq(ear.shadow.pages, 0);
    listener_clear(&ear);
    bench_context(b, SID_A, vtd_ctx_lo(VTD_TT_TRANSLATE, table), vtd_ctx_hi(2, 1));
    bench_flush_context(b, SID_A, 0);
    ck_assert_heard(&ear, "MAP 0x1000+0x1000 0x20000 rw context");
}
END_TEST

/* ---- quirks ---- */

START_TEST(Q19_entry_with_reserved_bits_keeps_the_shadow)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);
    uint64_t slot = bench_slot(b, table, 4, GIB, 2);

    bench_quirk(b, QUIRK_VTD_BAD_ENTRY_KEEPS);
    listener_mirror(&ear, b);
    bench_map(b, table, 0x1000, 0x20000 | RW);
    bench_map(b, table, 0x2000, 0x21000 | RW);
    bench_map(b, table, GIB, 0x22000 | RW);
    bench_flush_domain(b, 1);
    listener_clear(&ear);
    bench_map(b, table, 0x1000, 0x20000 | VTD_SS_SNP | RW);
    bench_map(b, table, 0x2000, VTD_SS_SNP); /* not present, and looked at all the same */
    mem_write64le(b->env.mem, GPA(slot), 0xf0000000 | RW); /* no memory there */
    bench_flush_domain(b, 1);
    ck_assert_heard(&ear, "");
    ck_assert_uint_eq(listener_pages(&ear), 3);
    bench_map(b, table, 0x2000, 0);
    mem_write64le(b->env.mem, GPA(slot), bench_page(b) | RW); /* zeros are read */
    bench_flush_domain(b, 1);
    ck_assert_heard(&ear, "UNMAP 0x2000+0x1000 unmap, "
                          "UNMAP 0x40000000+0x1000 unmap");
}
END_TEST

START_TEST(Q22_split_superpage_is_unmapped_in_part_and_forgotten_whole)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    bench_quirk(b, QUIRK_VTD_SPLIT_WITHOUT_UNMAP);
    listener_mirror(&ear, b);
    bench_entry(b, table, 4, GIB, 2, 8 * MIB | VTD_SS_PS | RW);
    bench_flush_page(b, 1, GIB, 9);
    bench_entry(b, table, 4, GIB, 2, 0);
    for (uint64_t p = 0; p < 3; p++) {
        bench_map(b, table, GIB + (p << 12), (8 * MIB + (p << 12)) | RW);
    }
    listener_clear(&ear);
    bench_flush_page(b, 1, GIB + 0x1000, 0);
    ck_assert_heard(&ear, "UNMAP 0x40001000+0x1000 change, "
                          "MAP 0x40001000+0x1000 0x801000 rw change");
    ck_assert_uint_eq(ear.cuts, 1);
    bench_flush_page(b, 1, GIB, 9);
    /* two MAPs over what was never unmapped */
    ck_assert_heard(&ear, "MAP 0x40000000+0x1000 0x800000 rw map, "
                          "MAP 0x40002000+0x1000 0x802000 rw map");
    ck_assert_uint_eq(ear.collisions, 2);
    ck_assert(listener_holds(&ear, GIB + 0x100000, 9 * MIB)); /* and the rest stays */
}
END_TEST

/* A 1 GiB leaf gives way to a 2 MiB one at its start: as seen on 7.2. */
START_TEST(Q22_larger_leaf_is_unmapped_by_the_size_of_the_new_one)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    bench_quirk(b, QUIRK_VTD_SPLIT_WITHOUT_UNMAP);
    listener_mirror(&ear, b);
    bench_entry(b, table, 4, GIB, 3, GIB | VTD_SS_PS | RW);
    bench_flush_domain(b, 1);
    bench_entry(b, table, 4, GIB, 3, 0);
    bench_entry(b, table, 4, GIB, 2, 8 * MIB | VTD_SS_PS | RW);
    listener_clear(&ear);
    bench_flush_domain(b, 1);
    ck_assert_heard(&ear, "UNMAP 0x40000000+0x200000 change, "
                          "MAP 0x40000000+0x200000 0x800000 rw change");
    bench_entry(b, table, 4, GIB, 2, 0);
    bench_flush_page(b, 1, GIB, 0);
    bench_flush_domain(b, 1);
    ck_assert_heard(&ear, "UNMAP 0x40000000+0x200000 unmap");
    ck_assert(listener_holds(&ear, GIB + 4 * MIB, GIB + 4 * MIB));
}
END_TEST

START_TEST(quirk_replay_unmaps_the_window_first)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    bench_quirk(b, QUIRK_VTD_REPLAY_UNMAPS);
    bench_map(b, table, 0x1000, 0x20000 | RW);
    listener_mirror(&ear, b);
    ck_assert_uint_eq(ear.unmaps, 10 + 18);
    ck_assert_uint_eq(ear.maps, 1);
    ck_assert(
        listener_heard(&ear, 10, NOTIFY_MAP, 0x1000, 4 * KIB, 0x20000, CAUSE_REPLAY));
    ck_assert_int_eq(ear.log[11].type, NOTIFY_UNMAP);
    listener_start(&second, b, SID_A, NOTIFY_UNMAP, true); /* UNMAP-only too */
    ck_assert_uint_eq(second.events, 10 + 18);
    bench_map(b, table, 0x1000, 0);
    bench_flush_page(b, 1, 0x1000, 0);
    ck_assert_uint_eq(listener_pages(&ear), 0);
}
END_TEST

START_TEST(quirk_replay_swallows_what_others_are_still_to_hear)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    bench_quirk(b, QUIRK_VTD_REPLAY_FILLS_TREE);
    bench_map(b, table, 0x1000, 0x20000 | RW);
    listener_mirror(&ear, b);
    bench_map(b, table, 0x2000, 0x21000 | RW); /* pending */
    bench_map(b, table, 0x3000, 0x22000 | RW);
    listener_clear(&ear);
    listener_mirror(&second, b);
    ck_assert_heard(&second, "MAP 0x1000+0x1000 0x20000 rw replay, "
                             "MAP 0x2000+0x1000 0x21000 rw replay, "
                             "MAP 0x3000+0x1000 0x22000 rw replay");
    bench_flush_domain(b, 1);
    ck_assert_heard(&ear, "");
    ck_assert(!listener_holds(&ear, 0x2000, 0x21000) &&
              listener_holds(&second, 0x2000, 0x21000));
    bench_map(b, table, 0x1000, 0);
    listener_mirror(&third, b);
    ck_assert_heard(&third, "MAP 0x2000+0x1000 0x21000 rw replay, "
                            "MAP 0x3000+0x1000 0x22000 rw replay");
    bench_flush_domain(b, 1);
    ck_assert_heard(&ear, ""); /* nor hears anybody of what is gone */
    ck_assert(listener_holds(&ear, 0x1000, 0x20000));
}
END_TEST

START_TEST(quirk_tree_outlives_its_listeners)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    bench_quirk(b, QUIRK_VTD_TREE_KEPT);
    bench_map(b, table, 0x1000, 0x20000 | RW);
    listener_start(&ear, b, SID_A, NOTIFY_MAP | NOTIFY_UNMAP, false);
    bench_flush_page(b, 1, 0x1000, 0);
    ck_assert_heard(&ear, "MAP 0x1000+0x1000 0x20000 rw map");
    listener_stop(&ear);
    listener_start(&ear, b, SID_A, NOTIFY_MAP | NOTIFY_UNMAP, false);
    bench_flush_page(b, 1, 0x1000, 0);
    ck_assert_heard(&ear, "");
}
END_TEST

START_TEST(quirk_walk_stops_at_the_width_of_the_new_context)
{
    for (unsigned quirk = 0; quirk < 2; quirk++) {
        uint64_t wide = bench_attached(b, SID_A, 1, 4);
        quirk_set(&b->env.quirks, QUIRK_VTD_WALK_STOPS_AT_WIDTH, quirk == 1);
        bench_map(b, wide, VTD_BIT(40), 0x20000 | RW);
        bench_map(b, wide, 0x1000, 0x21000 | RW);
        listener_mirror(&ear, b);
        bench_domain(b, SID_A, 2, 3);
        bench_flush_context(b, SID_A, 1);
        ck_assert_uint_eq(listener_pages(&ear), quirk);
        listener_stop(&ear);
    }
}
END_TEST

START_TEST(quirk_walk_announces_leaves_over_the_interrupt_range)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    bench_map(b, table, 0x1000, 0xfee00000 | RW);
    listener_mirror(&ear, b);
    ck_assert_heard(&ear, "");
    bench_quirk(b, QUIRK_VTD_WALK_MAPS_INTERRUPT);
    bench_flush_domain(b, 1);
    ck_assert_heard(&ear, "MAP 0x1000+0x1000 0xfee00000 rw map");
}
END_TEST

START_TEST(quirk_walk_skips_empty_directory_entries)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    bench_quirk(b, QUIRK_VTD_PSI_SKIPS_EMPTY_DIR);
    listener_mirror(&ear, b);
    bench_map(b, table, GIB, 0x20000 | RW);
    bench_map(b, table, GIB + 0x1000, 0x21000 | RW);
    bench_flush_domain(b, 1);
    bench_map(b, table, GIB + 0x1000, 0);
    bench_flush_domain(b, 1);
    ck_assert_heard(&ear, "MAP 0x40000000+0x1000 0x20000 rw map, "
                          "MAP 0x40001000+0x1000 0x21000 rw map, "
                          "UNMAP 0x40001000+0x1000 unmap");
    bench_entry(b, table, 4, GIB, 2, 0);
    bench_flush_page(b, 1, GIB, 9);
    ck_assert_heard(&ear, "");
    ck_assert_uint_eq(listener_pages(&ear), 1);
}
END_TEST

/* ---- random changes ---- */

/* The truth of one page, level by level. */
static bool
dumb_page(uint64_t table, uint64_t iova, uint64_t *gpa, unsigned *perm)
{
    *perm = 3;
    for (unsigned level = 4;; level--) {
        unsigned shift = 12 + 9 * (level - 1);
        uint64_t e = mem_read64le(b->env.mem, GPA(table + ((iova >> shift) & 0x1ff) * 8));
        *perm &= e & 3;
        if (*perm == 0) {
            return false;
        }
        if (level == 1 || (e & 0x80) != 0) {
            *gpa = (e & UINT64_C(0xfffffffff000)) + (iova & ((UINT64_C(1) << shift) - 1));
            return true;
        }
        table = e & UINT64_C(0xfffffffff000);
    }
}

enum { PLAYGROUND = 3 * 512 }; /* pages from GIB on */

/* V28: the shadow of e is the tables in [first, last], by pages of the playground. */
static void
compare(const struct listener *e, uint64_t table, uint64_t first, uint64_t last)
{
    for (uint64_t iova = GIB; iova < GIB + PLAYGROUND * 4 * KIB; iova += 4 * KIB) {
        struct range_piece p;
        uint64_t gpa = 0;
        unsigned perm;
        if (iova < first || iova > last) {
            continue;
        }
        bool is = dumb_page(table, iova, &gpa, &perm);
        bool held = rangemap_lookup(&e->shadow, iova, &p);
        ck_assert_msg(is == held, "%#lx: mapped %d held %d", (unsigned long)iova, is,
                      held);
        if (is) {
            ck_assert_uint_eq(p.target + (iova - p.first), gpa);
            ck_assert_uint_eq(p.perm, perm);
        }
    }
}

/* One entry of level 1 or 2; the other level's tables are kept for later. */
static void
mutate(uint64_t table, const uint64_t *leaf_tables)
{
    unsigned region = (unsigned)rand() % 3;
    uint64_t base = GIB + region * 2 * MIB, slot = bench_slot(b, table, 4, base, 2);
    uint64_t perm = (uint64_t)(rand() % 4);

    if (rand() % 12 == 0) {
        uint64_t kinds[] = { 0, leaf_tables[region] | RW, leaf_tables[region] | VTD_SS_R,
                             (8 + (uint64_t)rand() % 4 * 2) * MIB | VTD_SS_PS | perm };
        mem_write64le(b->env.mem, GPA(slot), kinds[rand() % 4]);
    } else {
        uint64_t at = leaf_tables[region] + 8 * ((uint64_t)rand() % 512);
        mem_write64le(b->env.mem, GPA(at), (uint64_t)(rand() % 64) << 12 | perm);
    }
}

START_TEST(V28_N13_N15_N16_shadows_follow_random_changes)
{
    const unsigned seed = 3;
    uint64_t leaf_tables[3];

    srand(seed);
    printf("seed %u\n", seed);
    uint64_t table = bench_attached(b, SID_A, 1, 4);
    for (unsigned i = 0; i < 3; i++) {
        leaf_tables[i] = bench_page(b);
    }
    listener_mirror(&ear, b);
    for (unsigned round = 0; round < 3000; round++) {
        for (int i = rand() % 6; i >= 0; i--) {
            mutate(table, leaf_tables);
        }
        if (round % 7 == 0) { /* in the middle of it somebody comes, later goes */
            listener_mirror(&second, b);
            compare(&second, table, GIB, UINT64_MAX);
        }
        unsigned am = (unsigned)rand() % 12;
        uint64_t first =
            align_down(GIB + (uint64_t)(rand() % PLAYGROUND) * 4 * KIB, 12 + am);
        uint64_t last = first + (4 * KIB << am) - 1;
        bench_flush_page(b, 1, first, am);
        compare(&ear, table, first, last);
        ck_assert_uint_eq(ear.collisions, 0);
        ck_assert_uint_eq(ear.cuts, 0);
        if (round % 7 <= 3) {
            compare(&second, table, first, last);
            ck_assert_uint_eq(second.collisions, 0);
            ck_assert_uint_eq(second.cuts, 0);
        }
        if (round % 7 == 3) {
            listener_stop(&second);
        }
    }
    bench_flush_domain(b, 1);
    compare(&ear, table, GIB, UINT64_MAX);
    unsigned events = ear.events;
    bench_flush_domain(b, 1); /* V30 */
    ck_assert_uint_eq(ear.events, events);
}
END_TEST

static void
add_tests(TCase *tc)
{
    tcase_add_checked_fixture(tc, bench_setup, bench_teardown);
    tcase_add_test(tc, V15_page_is_told_when_invalidated_and_not_before);
    tcase_add_test(tc, V29_page_on_UNMAP_only_space_is_one_UNMAP);
    tcase_add_test(tc, wider_invalidations_unmap_the_window_of_UNMAP_only_listeners);
    tcase_add_test(tc,
                   UNMAP_only_listener_hears_of_a_domain_attached_without_invalidation);
    tcase_add_test(tc, V30_repeated_invalidations_are_silent);
    tcase_add_test(tc, V31_cleared_directory_entry_is_one_UNMAP);
    tcase_add_test(tc, superpage_split_in_place_is_told_whole);
    tcase_add_test(tc, pages_merged_in_place_are_told_whole);
    tcase_add_test(tc, entry_gone_bad_is_unmapped);
    tcase_add_test(tc, superpage_over_both_windows_is_clipped_to_each);
    tcase_add_test(tc, all_spaces_of_a_domain_are_told_and_no_others);
    tcase_add_test(tc, V36_N28_replay_equals_the_shadow_of_those_present);
    tcase_add_test(tc, replay_does_not_swallow_what_others_are_still_to_hear);
    tcase_add_test(tc, superpage_told_to_one_alone_is_taken_back_whole);
    tcase_add_test(tc, tree_ends_with_the_last_MAP_listener);
    tcase_add_test(tc,
                   N14_UNMAP_only_listener_beside_a_mirror_gets_each_invalidation_once);
    tcase_add_test(
        tc, N11_N12_events_are_aligned_powers_of_two_with_the_permission_of_their_type);
    tcase_add_test(tc, N17_what_was_never_told_is_not_unmapped);
    tcase_add_test(tc, N19_N20_replay_ends_and_tells_each_leaf_once_however_often);
    tcase_add_test(tc, N23_nothing_is_remembered_after_everything_was_unmapped);
    tcase_add_test(tc, Q19_entry_with_reserved_bits_keeps_the_shadow);
    tcase_add_test(tc, Q22_split_superpage_is_unmapped_in_part_and_forgotten_whole);
    tcase_add_test(tc, Q22_larger_leaf_is_unmapped_by_the_size_of_the_new_one);
    tcase_add_test(tc, quirk_replay_unmaps_the_window_first);
    tcase_add_test(tc, quirk_replay_swallows_what_others_are_still_to_hear);
    tcase_add_test(tc, quirk_tree_outlives_its_listeners);
    tcase_add_test(tc, quirk_walk_stops_at_the_width_of_the_new_context);
    tcase_add_test(tc, quirk_walk_announces_leaves_over_the_interrupt_range);
    tcase_add_test(tc, quirk_walk_skips_empty_directory_entries);
    tcase_add_test(tc, V28_N13_N15_N16_shadows_follow_random_changes);
}

Suite *
suite(void)
{
    Suite *s = suite_create("vtd_mirror");
    TCase *tc = tcase_create("events");

    add_tests(tc);
    suite_add_tcase(s, tc);
    return s;
}
