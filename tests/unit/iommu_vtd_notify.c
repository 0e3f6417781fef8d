/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who behind a VT-d unit may listen, and what contexts, switches and quirks make them
 * hear. V- and N-numbers are statements of the references.
 */
#include "iommu/vtd_reg_fmt.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "iommu/vtd_notify.h"
#include "iommu/vtd_sm_fmt.h"
#include "support_main.h"
#include "support_vtd.h"

static struct bench *const b = &bench;
static struct listener ear, second, third;

/* ---- registration ---- */

START_TEST(N26_MAP_is_refused_without_caching_mode)
{
    struct iommu_vtd_config c = bench_config();

    c.caching_mode = false;
    bench_start(b, &c);
    listener_mirror(&ear, b);
    ck_assert_int_eq(ear.refused, ENOTSUP);
    listener_stop(&ear);
    listener_unmaps(&ear, b);
    ck_assert_int_eq(ear.refused, 0);
    listener_stop(&ear);
    bench_quirk(b, QUIRK_VTD_MAP_WITHOUT_CM);
    listener_mirror(&ear, b);
    ck_assert_int_eq(ear.refused, 0);
}
END_TEST

START_TEST(device_TLB_events_are_refused)
{
    listener_start(&ear, b, SID_A, NOTIFY_DEVIOTLB_UNMAP, false);
    ck_assert_int_eq(ear.refused, ENOTSUP);
}
END_TEST

START_TEST(translated_space_has_two_sections_around_the_interrupt_range)
{
    listener_mirror(&ear, b);
    ck_assert_uint_eq(ear.n[0].first, 0);
    ck_assert_uint_eq(ear.n[0].last, A_LAST);
    ck_assert_uint_eq(ear.n[1].first, B_FIRST);
    ck_assert_uint_eq(ear.n[1].last, UINT64_MAX);
    ck_assert_uint_eq(ear.bypass, 0);
}
END_TEST

START_TEST(space_of_a_source_id_outlives_its_device)
{
    struct err err;
    struct space *s = b->m->ops->attach(b->m, SID_A, "one", &err);

    b->m->ops->detach(b->m, SID_A);
    ck_assert_ptr_eq(b->m->ops->attach(b->m, SID_A, "two", &err), s);
    ck_assert_str_eq(s->name, "two");
    ck_assert_ptr_ne(b->m->ops->attach(b->m, SID_B, "one", &err), s);
}
END_TEST

/* ---- quirks ---- */

START_TEST(quirk_domain_flush_ignored_is_told_to_the_observer_alone)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    listener_mirror(&ear, b);
    bench_quirk(b, QUIRK_VTD_DSI_IGNORED);
    bench_map(b, table, 0x1000, 0x20000 | RW);
    b->invalidated = b->completed = 0;
    bench_flush_domain(b, 1);
    ck_assert_heard(&ear, "");
    ck_assert_uint_eq(b->invalidated, 1);
    ck_assert_uint_eq(b->completed, 1);
    bench_flush_global(b);
    ck_assert_heard(&ear, "MAP 0x1000+0x1000 0x20000 rw map");
}
END_TEST

START_TEST(quirk_change_without_unmap_sends_a_lone_MAP)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    bench_quirk(b, QUIRK_VTD_NO_CHANGE_UNMAP);
    listener_mirror(&ear, b);
    bench_map(b, table, 0x1000, 0x20000 | RW);
    bench_flush_page(b, 1, 0x1000, 0);
    bench_map(b, table, 0x1000, 0x30000 | RW);
    bench_flush_page(b, 1, 0x1000, 0);
    ck_assert_heard(&ear, "MAP 0x1000+0x1000 0x20000 rw map, "
                          "MAP 0x1000+0x1000 0x30000 rw change");
    bench_map(b, table, 0x1000, 0);
    bench_flush_page(b, 1, 0x1000, 0);
    ck_assert_heard(&ear, "UNMAP 0x1000+0x1000 unmap");
}
END_TEST

/* ---- contexts and switches ---- */

START_TEST(V32_new_domain_is_told_as_a_difference)
{
    uint64_t one = bench_attached(b, SID_A, 1, 4);

    bench_map(b, one, 0x1000, 0x20000 | RW); /* stays */
    bench_map(b, one, 0x2000, 0x21000 | RW); /* goes */
    bench_map(b, one, 0x3000, 0x22000 | RW); /* moves */
    listener_mirror(&ear, b);
    ck_assert_heard(&ear, "MAP 0x1000+0x1000 0x20000 rw replay, "
                          "MAP 0x2000+0x1000 0x21000 rw replay, "
                          "MAP 0x3000+0x1000 0x22000 rw replay");
    listener_clear(&ear);
    uint64_t two = bench_domain(b, SID_A, 2, 4);
    bench_map(b, two, 0x1000, 0x20000 | RW);
    bench_map(b, two, 0x3000, 0x23000 | RW);
    bench_map(b, two, 0x4000, 0x24000 | RW); /* comes */
    bench_flush_domain(b, 2);
    ck_assert_heard(&ear, ""); /* the old context counts until it is invalidated */
    bench_flush_context(b, SID_A, 1);
    ck_assert_heard(&ear, "UNMAP 0x2000+0x1000 context, "
                          "UNMAP 0x3000+0x1000 context, "
                          "MAP 0x3000+0x1000 0x23000 rw context, "
                          "MAP 0x4000+0x1000 0x24000 rw context");
}
END_TEST

/* The minimal cover, piece by piece: from the reference on the core, 7.6. */
static void
expect_pieces(const struct listener *e, enum notify_cause cause)
{
    static const uint64_t a[] = { 2 * GIB,  GIB,      512 * MIB, 256 * MIB, 128 * MIB,
                                  64 * MIB, 32 * MIB, 8 * MIB,   4 * MIB,   2 * MIB };
    uint64_t at = B_FIRST;
    unsigned i = 0;

    ck_assert_uint_eq(e->events, 19);
    for (uint64_t size = MIB; i < 9; size *= i == 1 ? 16 : i == 2 ? 256 : 2) {
        ck_assert(listener_heard(e, i++, NOTIFY_UNMAP, at, size, 0, cause));
        at += size;
    }
    ck_assert_uint_eq(at, VTD_BIT(39));
    at = 0;
    for (i = 0; i < 10; i++) {
        ck_assert(listener_heard(e, 9 + i, NOTIFY_UNMAP, at, a[i], 0, cause));
        at += a[i];
    }
    ck_assert_uint_eq(at, VTD_INTERRUPT_FIRST);
}

static void
up_39_bits(void)
{
    struct iommu_vtd_config c = bench_config();

    c.aw_bits = 39;
    bench_start(b, &c);
}

START_TEST(V33_N21_cleared_context_unmaps_everything_in_pieces)
{

    up_39_bits();
    uint64_t table = bench_attached(b, SID_A, 1, 3);
    bench_entry(b, table, 3, 0x1000, 1, 0x20000 | RW);
    listener_mirror(&ear, b);
    listener_unmaps(&second, b);
    listener_clear(&ear);
    bench_context(b, SID_A, 0, 0);
    bench_flush_context(b, SID_A, 1);
    expect_pieces(&ear, CAUSE_CONTEXT);
    expect_pieces(&second, CAUSE_CONTEXT);
    ck_assert_uint_eq(listener_pages(&ear), 0);
    bench_flush_context(b, SID_A, 0); /* V30 */
    ck_assert_uint_eq(ear.events, 19);
}
END_TEST

START_TEST(V34_cleared_context_and_IOTLB_invalidation_alone_tell_nothing)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    bench_map(b, table, 0x1000, 0x20000 | RW);
    listener_mirror(&ear, b);
    listener_clear(&ear);
    bench_context(b, SID_A, 0, 0);
    bench_flush_domain(b, 1);
    bench_flush_global(b);
    ck_assert_heard(&ear, "");
    bench_flush_context(b, SID_A, 1);
    ck_assert_uint_eq(listener_pages(&ear), 0);
}
END_TEST

/* Notes whether a mirror was empty when its 1:1 sections came. */
static struct listener *watched;
static bool was_empty;

static void
watch_add(struct space_listener *l, const struct space_section *s)
{
    (void)l;
    if (s->region == NULL) {
        was_empty = watched->shadow.pages == 0 && watched->unmaps > 0;
    }
}

static void
watch_del(struct space_listener *l, const struct space_section *s)
{
    (void)l;
    (void)s;
}

START_TEST(V35_N27_shadow_is_empty_before_bypass_appears)
{
    struct space_listener watch = { .add = watch_add, .del = watch_del };
    struct err err;

    up_39_bits();
    uint64_t table = bench_attached(b, SID_A, 1, 3);
    bench_entry(b, table, 3, 0x1000, 1, 0x20000 | RW);
    watched = &ear;
    listener_mirror(&ear, b);
    space_listen(b->m->ops->attach(b->m, SID_A, "dev", &err), &watch);
    listener_clear(&ear);
    bench_write(b, VTD_GCMD, VTD_GCMD_QIE);
    ck_assert(was_empty);
    ck_assert_uint_eq(ear.bypass, 1);
    expect_pieces(&ear, CAUSE_RESET);
    listener_clear(&ear);
    bench_write(b, VTD_GCMD, VTD_GCMD_QIE | VTD_GCMD_TE);
    ck_assert_uint_eq(ear.bypass, 0);
    ck_assert_uint_eq(ear.events, 1);
    ck_assert(
        listener_heard(&ear, 0, NOTIFY_MAP, 0x1000, 4 * KIB, 0x20000, CAUSE_REPLAY));
    listener_clear(&ear);
    was_empty = false;
    b->m->ops->reset(b->m);
    ck_assert(was_empty);
    expect_pieces(&ear, CAUSE_RESET);
    space_unlisten(&watch);
}
END_TEST

START_TEST(pass_through_switches_at_the_context_invalidation)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    bench_map(b, table, 0x1000, 0x20000 | RW);
    listener_mirror(&ear, b);
    bench_context(b, SID_A, vtd_ctx_lo(VTD_TT_PASS, 0), vtd_ctx_hi(2, 1));
    ck_assert_uint_eq(ear.bypass, 0);
    listener_clear(&ear);
    bench_flush_context(b, SID_A, 1);
    ck_assert_uint_eq(ear.bypass, 1);
    ck_assert_uint_eq(ear.unmaps, 10 + 18);
    ck_assert_uint_eq(listener_pages(&ear), 0);
    bench_context(b, SID_A, vtd_ctx_lo(VTD_TT_TRANSLATE, table), vtd_ctx_hi(2, 1));
    bench_flush_context(b, SID_A, 1);
    ck_assert_uint_eq(ear.bypass, 0);
    ck_assert(listener_holds(&ear, 0x1000, 0x20000));
}
END_TEST

START_TEST(new_root_table_is_announced_anew)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    bench_map(b, table, 0x1000, 0x20000 | RW);
    listener_mirror(&ear, b);
    listener_clear(&ear);
    b->root = bench_page(b);
    table = bench_domain(b, SID_A, 1, 4);
    bench_map(b, table, 0x2000, 0x21000 | RW);
    bench_write(b, VTD_RTADDR, b->root);
    ck_assert_uint_eq(ear.events, 0);
    bench_write(b, VTD_GCMD, VTD_GCMD_QIE | VTD_GCMD_TE | VTD_GCMD_SRTP);
    ck_assert_uint_eq(ear.unmaps, 10 + 18);
    ck_assert_uint_eq(ear.maps, 1);
    ck_assert(listener_holds(&ear, 0x2000, 0x21000));
}
END_TEST

START_TEST(V37_function_mask_selects_1_2_4_8_functions)
{
    static struct listener fn[8];

    for (uint16_t i = 0; i < 8; i++) {
        bench_attached(b, SID_A + i, (uint16_t)(i + 1), 4);
        listener_start(&fn[i], b, SID_A + i, NOTIFY_UNMAP, false);
    }
    for (unsigned fm = 0; fm < 4; fm++) {
        static const unsigned ignored[] = { 0, 4, 6, 7 };
        for (unsigned i = 0; i < 8; i++) {
            listener_clear(&fn[i]);
        }
        bench_do(b, vtd_desc_context(VTD_GRAN_FINE, 0, SID_A + 5, fm));
        for (unsigned i = 0; i < 8; i++) {
            bool selected = ((i ^ 5) & ~ignored[fm]) == 0;
            ck_assert_uint_eq(fn[i].events, selected ? 2 : 0);
        }
    }
    for (unsigned i = 0; i < 8; i++) {
        listener_stop(&fn[i]);
    }
}
END_TEST

/* ---- quirks of QEMU ---- */

START_TEST(Q6_global_context_invalidation_is_a_hole_for_everybody)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    bench_map(b, table, 0x1000, 0x20000 | RW);
    listener_mirror(&ear, b);
    listener_clear(&ear);
    bench_flush_contexts(b);
    ck_assert_uint_eq(ear.events, 0);
    bench_quirk(b, QUIRK_VTD_CONTEXT_GLOBAL_UNMAPS);
    bench_flush_contexts(b);
    ck_assert_uint_eq(ear.unmaps, 10 + 18);
    ck_assert_uint_eq(ear.maps, 1);
    ck_assert(
        listener_heard(&ear, 28, NOTIFY_MAP, 0x1000, 4 * KIB, 0x20000, CAUSE_CONTEXT));
    listener_clear(&ear);
    bench_flush_context(b, SID_A, 1);
    ck_assert_uint_eq(ear.events, 0);
}
END_TEST

START_TEST(Q10_notifiers_hear_of_pages_from_an_unaligned_address_on)
{
    bench_attached(b, SID_A, 1, 4);
    listener_unmaps(&ear, b);
    bench_quirk(b, QUIRK_VTD_PSI_UNALIGNED);
    bench_flush_page(b, 1, 0x12345000, 4);
    ck_assert_heard(&ear, "UNMAP 0x12345000+0x10000 invalidate");
}
END_TEST

/* Reserved bits in the context entry, no root entry, then an absent context entry. */
START_TEST(Q20_only_an_absent_context_entry_unmaps)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4), root = vtd_root_addr(b->root, SID_A);
    uint64_t root_entry = mem_read64le(b->env.mem, GPA(root));

    bench_quirk(b, QUIRK_VTD_BAD_CONTEXT_KEEPS);
    bench_map(b, table, 0x1000, 0x20000 | RW);
    listener_mirror(&ear, b);
    listener_clear(&ear);
    bench_context(b, SID_A, vtd_ctx_lo(VTD_TT_TRANSLATE, table), VTD_BIT(40) | 2);
    bench_flush_context(b, SID_A, 1);
    mem_write64le(b->env.mem, GPA(root), 0);
    bench_flush_contexts(b);
    ck_assert_uint_eq(ear.events, 0);
    mem_write64le(b->env.mem, GPA(root), root_entry);
    bench_context(b, SID_A, 0, 0);
    bench_flush_context(b, SID_A, 1);
    ck_assert_uint_eq(ear.events, 10 + 18);
}
END_TEST

START_TEST(Q21_domain_invalidation_goes_by_the_entry_in_memory)
{
    uint64_t one = bench_attached(b, SID_A, 1, 4);

    bench_quirk(b, QUIRK_VTD_CONTEXT_FROM_MEMORY);
    bench_map(b, one, 0x1000, 0x20000 | RW);
    listener_mirror(&ear, b);
    bench_map(b, one, 0x1000, 0);
    bench_context(b, SID_A, 0, 0);
    listener_clear(&ear);
    bench_flush_page(b, 1, 0x1000, 0); /* V34 */
    bench_flush_domain(b, 1);
    ck_assert_heard(&ear, "");
    ck_assert(listener_holds(&ear, 0x1000, 0x20000));
    uint64_t two = bench_domain(b, SID_A, 2, 4); /* nor need its context be invalidated */
    bench_map(b, two, 0x3000, 0x30000 | RW);
    bench_flush_domain(b, 2);
    ck_assert_heard(&ear, "UNMAP 0x1000+0x1000 unmap, "
                          "MAP 0x3000+0x1000 0x30000 rw map");
    ck_assert(!listener_holds(&ear, 0x1000, 0x20000) &&
              listener_holds(&ear, 0x3000, 0x30000));
}
END_TEST

START_TEST(Q28_new_root_is_unmapped_at_once_and_announced_later)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    bench_map(b, table, 0x1000, 0x20000 | RW);
    listener_mirror(&ear, b);
    listener_clear(&ear);
    bench_quirk(b, QUIRK_VTD_SWITCH_WITHOUT_SYNC);
    bench_write(b, VTD_GCMD, VTD_GCMD_QIE | VTD_GCMD_TE | VTD_GCMD_SRTP);
    ck_assert_uint_eq(ear.unmaps, 10 + 18);
    ck_assert_uint_eq(ear.maps, 0);
    bench_flush_global(b);
    ck_assert_uint_eq(ear.maps, 1);
}
END_TEST

START_TEST(Q32_snoop_control_refuses_everybody)
{
    struct iommu_vtd_config c = bench_config();

    c.snoop_control = true;
    bench_start(b, &c);
    listener_mirror(&ear, b);
    ck_assert_int_eq(ear.refused, 0);
    listener_stop(&ear);
    bench_quirk(b, QUIRK_VTD_SNOOP_REFUSES);
    listener_start(&ear, b, SID_A, NOTIFY_UNMAP, true);
    ck_assert_int_eq(ear.refused, ENOTSUP);
}
END_TEST

/* Mapped, told or not, unmapped, flushed wide: as seen on 7.2. */
START_TEST(quirk_UNMAP_only_space_hears_of_what_walks_recorded)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    bench_quirk(b, QUIRK_VTD_WIDE_SKIPS_UNMAP_ONLY);
    listener_unmaps(&ear, b);
    bench_map(b, table, 0x1000, 0x20000 | RW);
    bench_flush_page(b, 1, 0x1000, 0);
    ck_assert_heard(&ear, "UNMAP 0x1000+0x1000 invalidate"); /* as it is, mapped or not */
    bench_map(b, table, 0x1000, 0);
    bench_flush_domain(b, 1);
    ck_assert_heard(&ear, ""); /* nothing was recorded */
    bench_map(b, table, 0x1000, 0x20000 | RW);
    bench_flush_domain(b, 1); /* recorded, silently */
    bench_map(b, table, 0x1000, 0);
    bench_flush_global(b);
    ck_assert_heard(&ear, "UNMAP 0x1000+0x1000 unmap");
    bench_flush_context(b, SID_A, 1);
    ck_assert_heard(&ear, "");
}
END_TEST

START_TEST(quirk_UNMAP_only_listener_beside_a_mirror_hears_of_differences)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    bench_quirk(b, QUIRK_VTD_WIDE_SKIPS_UNMAP_ONLY);
    listener_mirror(&ear, b);
    listener_unmaps(&second, b);
    bench_flush_page(b, 1, 0x1000, 0);
    bench_map(b, table, 0x1000, 0x20000 | RW);
    bench_flush_page(b, 1, 0x1000, 0);
    ck_assert_heard(&second, "");
    bench_map(b, table, 0x1000, 0x30000 | RW);
    bench_flush_page(b, 1, 0x1000, 0);
    ck_assert_heard(&second, "UNMAP 0x1000+0x1000 change");
    ck_assert_heard(&ear, "MAP 0x1000+0x1000 0x20000 rw map, "
                          "UNMAP 0x1000+0x1000 change, "
                          "MAP 0x1000+0x1000 0x30000 rw change");
}
END_TEST

START_TEST(quirk_absent_context_is_unmapped_again_and_again)
{
    bench_attached(b, SID_A, 1, 4);
    listener_mirror(&ear, b);
    bench_quirk(b, QUIRK_VTD_ABSENT_CONTEXT_AGAIN);
    bench_context(b, SID_A, 0, 0);
    for (unsigned i = 1; i < 4; i++) {
        bench_flush_context(b, SID_A, 1);
        ck_assert_uint_eq(ear.unmaps, i * (10 + 18));
    }
}
END_TEST

START_TEST(quirk_absent_context_keeps_the_shadow)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    bench_map(b, table, 0x1000, 0x20000 | RW);
    listener_mirror(&ear, b);
    bench_quirk(b, QUIRK_VTD_ABSENT_CONTEXT_KEEPS);
    bench_context(b, SID_A, 0, 0);
    bench_flush_context(b, SID_A, 1);
    ck_assert_uint_eq(listener_pages(&ear), 1);
}
END_TEST

START_TEST(quirk_wide_invalidation_rebuilds)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    bench_map(b, table, 0x1000, 0x20000 | RW);
    listener_mirror(&ear, b);
    listener_clear(&ear);
    bench_quirk(b, QUIRK_VTD_DSI_REBUILDS);
    bench_flush_page(b, 1, 0x1000, 0);
    ck_assert_uint_eq(ear.events, 0);
    bench_flush_domain(b, 1);
    ck_assert_uint_eq(ear.unmaps, 10 + 18);
    ck_assert_uint_eq(ear.maps, 1);
}
END_TEST

START_TEST(quirk_region_vanishes_without_UNMAP)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    bench_map(b, table, 0x1000, 0x20000 | RW);
    listener_mirror(&ear, b);
    listener_clear(&ear);
    bench_quirk(b, QUIRK_VTD_BYPASS_WITHOUT_UNMAP);
    bench_context(b, SID_A, vtd_ctx_lo(VTD_TT_PASS, 0), vtd_ctx_hi(2, 1));
    bench_flush_context(b, SID_A, 1);
    ck_assert_heard(&ear, "");
    ck_assert_uint_eq(ear.bypass, 1);
}
END_TEST

/* A pass-through entry that nobody announced is met by an access. */
START_TEST(quirk_access_takes_the_device_out_of_translation)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);
    struct xlate x;

    listener_unmaps(&ear, b);
    bench_context(b, SID_A, vtd_ctx_lo(VTD_TT_PASS, table), vtd_ctx_hi(2, 1));
    bench_translate(b, SID_A, 0x5000, PERM_R, &x);
    ck_assert_uint_eq(ear.bypass, 0);
    bench_quirk(b, QUIRK_VTD_DMA_SWITCHES);
    ck_assert_uint_eq(x.gpa.v, 0x5000);
    bench_translate(b, SID_A, 0x5000, PERM_R, &x);
    ck_assert_uint_eq(ear.bypass, 1);
}
END_TEST

START_TEST(quirk_pass_through_entry_is_walked_until_it_takes_effect)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    bench_quirk(b, QUIRK_VTD_CONTEXT_FROM_MEMORY);
    bench_quirk(b, QUIRK_VTD_WALK_THROUGH_PASS);
    bench_map(b, table, 0x1000, 0x20000 | RW);
    listener_mirror(&ear, b);
    bench_context(b, SID_A, vtd_ctx_lo(VTD_TT_PASS, table), vtd_ctx_hi(2, 1));
    bench_map(b, table, 0x2000, 0x21000 | RW);
    bench_flush_domain(b, 1);
    ck_assert_heard(&ear, "MAP 0x1000+0x1000 0x20000 rw replay, "
                          "MAP 0x2000+0x1000 0x21000 rw map");
    ck_assert_uint_eq(listener_pages(&ear), 2);
}
END_TEST

static const struct notifier *first_told;

static void
note_first(void *self, struct notifier *n, const struct notify_event *ev)
{
    (void)self;
    (void)ev;
    if (first_told == NULL) {
        first_told = n;
    }
}

START_TEST(quirk_newest_space_hears_first)
{
    static const uint16_t sids[] = { SID_A, SID_A + 1, SID_B };
    static struct listener of[3];

    b->env.observer.delivered = note_first;
    for (unsigned quirk = 0; quirk < 2; quirk++) {
        quirk_set(&b->env.quirks, QUIRK_VTD_NEWEST_SPACE_FIRST, quirk == 1);
        for (unsigned i = 0; i < 3; i++) {
            bench_attached(b, sids[i], 1, 4);
            listener_start(&of[i], b, sids[i], NOTIFY_UNMAP, false);
        }
        first_told = NULL;
        bench_flush_page(b, 1, 0x1000, 0);
        ck_assert_ptr_eq(first_told->owner, &of[quirk == 1 ? 2 : 0]);
        listener_stop(&of[0]);
        listener_start(&of[0], b, sids[0], NOTIFY_UNMAP, false); /* from none to some */
        first_told = NULL;
        bench_flush_page(b, 1, 0x1000, 0);
        ck_assert_ptr_eq(first_told->owner, &of[0]);
        for (unsigned i = 0; i < 3; i++) {
            listener_stop(&of[i]);
        }
    }
}
END_TEST

/* Two subscribers, low region first; each registers and is replayed in turn. */
START_TEST(switch_to_translated_registers_and_replays_in_turn)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    profile_apply(profile_by_name("qemu-7.2"), &b->env.quirks);
    bench_map(b, table, 0x1000, 0x20000 | RW);
    listener_mirror(&ear, b);
    listener_mirror(&second, b);
    bench_write(b, VTD_GCMD, VTD_GCMD_QIE);
    listener_clear(&ear);
    listener_clear(&second);
    bench_write(b, VTD_GCMD, VTD_GCMD_QIE | VTD_GCMD_TE);
    ck_assert_uint_eq(ear.events, 10 + 1 + 18);
    ck_assert_uint_eq(second.events, 10 + 1 + 18);
    ck_assert(
        listener_heard(&ear, 10, NOTIFY_MAP, 0x1000, 4 * KIB, 0x20000, CAUSE_REPLAY));
    first_told = NULL;
    b->env.observer.delivered = note_first;
    bench_map(b, table, 0x2000, 0x21000 | RW);
    bench_flush_page(b, 1, 0x2000, 0);
    ck_assert_ptr_eq(first_told->owner, &second);
}
END_TEST

/* ---- device TLBs ---- */

START_TEST(V27_device_TLB_event_is_of_its_device_and_as_wide_as_said)
{
    struct iommu_vtd_config c = bench_config();
    struct invalidation inv = { .kind = INVAL_DEV_IOTLB, .scope = INVAL_DEVICE };

    c.device_iotlb = true;
    bench_start(b, &c);
    listener_start(&ear, b, SID_A, NOTIFY_DEVIOTLB_UNMAP, false);
    listener_unmaps(&second, b);
    listener_start(&third, b, SID_B, NOTIFY_DEVIOTLB_UNMAP, false);
    struct vtd *v = vtd_of(b->m);
    inv.sid = SID_A;
    inv.first = 0x10000;
    inv.last = 0x1ffff;
    inv.has_pasid = true;
    inv.pasid = 5;
    vtd_notify_invalidated(v, &inv);
    ck_assert_uint_eq(ear.events, 1);
    ck_assert_int_eq(ear.log[0].type, NOTIFY_DEVIOTLB_UNMAP);
    ck_assert_uint_eq(ear.log[0].iova, 0x10000);
    ck_assert_uint_eq(ear.log[0].mask, 0xffff);
    ck_assert(ear.log[0].foreign_as && ear.log[0].has_pasid);
    ck_assert_uint_eq(ear.log[0].pasid, 5);
    inv = (struct invalidation){ .kind = INVAL_DEV_IOTLB,
                                 .sid = SID_A,
                                 .last = UINT64_MAX };
    vtd_notify_invalidated(v, &inv);
    ck_assert_uint_eq(ear.events, 3); /* clipped to the two windows */
    ck_assert_uint_eq(ear.log[1].iova, B_FIRST);
    ck_assert_uint_eq(ear.log[1].mask, UINT64_MAX - B_FIRST);
    ck_assert(!ear.log[1].has_pasid);
    ck_assert_uint_eq(ear.log[2].mask, A_LAST);
    inv.sid = 0x777; /* nobody's */
    vtd_notify_invalidated(v, &inv);
    ck_assert_heard(&second, "");
    ck_assert_heard(&third, "");
}
END_TEST

static void
hear_mask(struct notifier *n, struct notify_event *ev)
{
    *(uint64_t *)n->owner = ev->mask;
}

START_TEST(V27_full_window_gets_all_ones)
{
    struct iommu_vtd_config c = bench_config();
    const struct invalidation inv = { .kind = INVAL_DEV_IOTLB,
                                      .sid = SID_A,
                                      .last = UINT64_MAX };
    uint64_t mask = 0;
    struct notifier whole = { .fn = hear_mask,
                              .owner = &mask,
                              .subject = "whole",
                              .flags = NOTIFY_DEVIOTLB_UNMAP,
                              .last = UINT64_MAX };
    struct err err;

    c.device_iotlb = true;
    bench_start(b, &c);
    struct space *space = b->m->ops->attach(b->m, SID_A, "dev", &err);
    ck_assert_int_eq(notify_register(space->sections[0].region, &whole, &err), 0);
    vtd_notify_invalidated(vtd_of(b->m), &inv);
    ck_assert_uint_eq(mask, UINT64_MAX);
    notify_unregister(&whole);
}
END_TEST

/* ---- scalable mode ---- */

enum {
    RID_PASID = 3,
};

/* Scalable tables with a PASID entry for SID_A's plain requests, whose address it is. */
static uint64_t
scalable_up(bool first_stage)
{
    struct iommu_vtd_config c = bench_config();
    struct mem *mem;

    c.scalable = true;
    c.first_stage = first_stage;
    c.pasid_cache = c.context_cache;
    bench_start(b, &c);
    mem = b->env.mem;
    uint64_t root = bench_page(b), contexts = bench_page(b), dir = bench_page(b),
             table = bench_page(b);
    mem_write64le(mem, GPA(root), contexts | 1);
    mem_write64le(mem, GPA(contexts + 32 * SID_A), dir | 1);
    mem_write64le(mem, GPA(contexts + 32 * SID_A + 8), RID_PASID);
    mem_write64le(mem, GPA(dir), table | 1);
    bench_write(b, VTD_RTADDR, root | (uint64_t)VTD_TTM_SCALABLE << 10);
    bench_write(b, VTD_GCMD, VTD_GCMD_QIE | VTD_GCMD_TE | VTD_GCMD_SRTP);
    return table + 64 * RID_PASID;
}

static void
pasid_entry(uint64_t at, enum vtd_pgtt kind, uint16_t did, uint64_t table)
{
    const bool first = kind == VTD_PGTT_FIRST;
    struct mem *mem = b->env.mem;

    mem_write64le(mem, GPA(at + 8), did);
    mem_write64le(mem, GPA(at + 16), first ? table : 0);
    mem_write64le(mem, GPA(at),
                  (first ? 0 : table) | VTD_PASID_PGTT(kind) | 2U << 2 | VTD_PASID_P);
}

static void
pasid_cache(enum inval_scope scope, uint16_t did, uint32_t pasid)
{
    const struct invalidation inv = { .kind = INVAL_PASID_CACHE,
                                      .scope = scope,
                                      .did = did,
                                      .has_pasid = scope == INVAL_PASID,
                                      .pasid = pasid };

    vtd_notify_invalidated(vtd_of(b->m), &inv);
}

/* Straight to the spaces: what a queue makes of descriptors is tested elsewhere. */
static void
iotlb(enum inval_scope scope, uint16_t did)
{
    const struct invalidation inv = { .kind = INVAL_IOTLB,
                                      .scope = scope,
                                      .did = did,
                                      .addr = 0x1000,
                                      .first = 0x1000,
                                      .last = 0x1fff };

    vtd_notify_invalidated(vtd_of(b->m), &inv);
}

START_TEST(V32_PASID_cache_invalidation_acts_like_a_context_one)
{
    uint64_t at = scalable_up(false), one = bench_page(b), two = bench_page(b);

    listener_mirror(&ear, b);
    pasid_entry(at, VTD_PGTT_SECOND, 1, one);
    bench_map(b, one, 0x1000, 0x20000 | RW);
    bench_map(b, two, 0x1000, 0x20000 | RW);
    bench_map(b, two, 0x2000, 0x21000 | RW);
    pasid_cache(INVAL_PASID, 1, RID_PASID + 1);
    pasid_cache(INVAL_DOMAIN, 2, 0);
    ck_assert_uint_eq(ear.events, 0);
    pasid_cache(INVAL_PASID, 1, RID_PASID);
    ck_assert_uint_eq(ear.events, 1);
    pasid_entry(at, VTD_PGTT_SECOND, 2, two);
    iotlb(INVAL_DOMAIN, 2);
    pasid_cache(INVAL_PASID, 1, RID_PASID + 1);
    pasid_cache(INVAL_DOMAIN, 7, 0);
    ck_assert_uint_eq(ear.events, 1);
    pasid_cache(INVAL_DOMAIN, 1, 0);
    ck_assert_uint_eq(ear.events, 2);
    ck_assert(
        listener_heard(&ear, 1, NOTIFY_MAP, 0x2000, 4 * KIB, 0x21000, CAUSE_CONTEXT));
    pasid_entry(at, VTD_PGTT_PASS, 2, 0);
    ck_assert_uint_eq(ear.bypass, 0);
    pasid_cache(INVAL_GLOBAL, 0, 0);
    ck_assert_uint_eq(ear.bypass, 1);
    ck_assert_uint_eq(ear.unmaps, 10 + 18);
    pasid_entry(at, VTD_PGTT_SECOND, 1, one);
    pasid_cache(INVAL_PASID, 2, RID_PASID);
    ck_assert_uint_eq(ear.bypass, 0);
    ck_assert_uint_eq(listener_pages(&ear), 1);
    mem_write64le(b->env.mem, GPA(at), 0);
    pasid_cache(INVAL_PASID, 1, RID_PASID);
    ck_assert_uint_eq(listener_pages(&ear), 0);
}
END_TEST

START_TEST(PASID_invalidations_mean_nothing_with_legacy_tables)
{
    uint64_t table = bench_attached(b, SID_A, 1, 4);

    listener_mirror(&ear, b);
    listener_unmaps(&second, b);
    bench_context(b, SID_A, 0, 0);
    bench_map(b, table, 0x1000, 0x20000 | RW);
    pasid_cache(INVAL_GLOBAL, 0, 0);
    ck_assert_heard(&ear, "");
    ck_assert_heard(&second, "");
}
END_TEST

static void
pasid_iotlb(enum inval_scope scope, uint16_t did, uint32_t pasid)
{
    const struct invalidation inv = { .kind = INVAL_PASID_IOTLB,
                                      .scope = scope,
                                      .did = did,
                                      .has_pasid = true,
                                      .pasid = pasid,
                                      .first = 0x40000,
                                      .last = 0x4ffff };

    vtd_notify_invalidated(vtd_of(b->m), &inv);
}

START_TEST(Q31_first_stage_is_told_to_caches_and_no_mirror_may_listen)
{
    uint64_t at = scalable_up(true), table = bench_page(b);

    pasid_entry(at, VTD_PGTT_FIRST, 1, table);
    listener_mirror(&ear, b);
    ck_assert_int_eq(ear.refused, ENOTSUP);
    listener_stop(&ear);
    listener_unmaps(&ear, b);
    pasid_iotlb(INVAL_PAGE, 1, RID_PASID);
    ck_assert_heard(&ear, "UNMAP 0x40000+0x10000 invalidate");
    pasid_iotlb(INVAL_PASID, 1, RID_PASID);
    ck_assert_heard(&ear, UNMAP_ALL("invalidate")); /* both windows */
    iotlb(INVAL_PAGE, 1);
    /* its addresses are not those of the first stage */
    ck_assert_heard(&ear, UNMAP_ALL("invalidate"));
    pasid_iotlb(INVAL_PAGE, 1, RID_PASID + 1);
    pasid_iotlb(INVAL_PAGE, 2, RID_PASID);
    ck_assert_heard(&ear, "");
    bench_quirk(b, QUIRK_VTD_PASID_IOTLB_SILENT);
    pasid_iotlb(INVAL_PASID, 1, RID_PASID);
    ck_assert_heard(&ear, "");
    quirk_set(&b->env.quirks, QUIRK_VTD_PASID_IOTLB_SILENT, false);
    pasid_entry(at, VTD_PGTT_SECOND, 1, table);
    pasid_cache(INVAL_PASID, 1, RID_PASID);
    listener_clear(&ear);
    pasid_iotlb(INVAL_PAGE, 1, RID_PASID); /* it does not touch second stages */
    ck_assert_heard(&ear, "");
}
END_TEST

static void
add_tests(TCase *tc)
{
    tcase_add_checked_fixture(tc, bench_setup, bench_teardown);
    tcase_add_test(tc, N26_MAP_is_refused_without_caching_mode);
    tcase_add_test(tc, device_TLB_events_are_refused);
    tcase_add_test(tc, translated_space_has_two_sections_around_the_interrupt_range);
    tcase_add_test(tc, space_of_a_source_id_outlives_its_device);
    tcase_add_test(tc, quirk_domain_flush_ignored_is_told_to_the_observer_alone);
    tcase_add_test(tc, quirk_change_without_unmap_sends_a_lone_MAP);
    tcase_add_test(tc, V32_new_domain_is_told_as_a_difference);
    tcase_add_test(tc, V33_N21_cleared_context_unmaps_everything_in_pieces);
    tcase_add_test(tc, V34_cleared_context_and_IOTLB_invalidation_alone_tell_nothing);
    tcase_add_test(tc, V35_N27_shadow_is_empty_before_bypass_appears);
    tcase_add_test(tc, pass_through_switches_at_the_context_invalidation);
    tcase_add_test(tc, new_root_table_is_announced_anew);
    tcase_add_test(tc, Q6_global_context_invalidation_is_a_hole_for_everybody);
    tcase_add_test(tc, Q10_notifiers_hear_of_pages_from_an_unaligned_address_on);
    tcase_add_test(tc, Q20_only_an_absent_context_entry_unmaps);
    tcase_add_test(tc, Q21_domain_invalidation_goes_by_the_entry_in_memory);
    tcase_add_test(tc, Q28_new_root_is_unmapped_at_once_and_announced_later);
    tcase_add_test(tc, Q32_snoop_control_refuses_everybody);
    tcase_add_test(tc, quirk_UNMAP_only_space_hears_of_what_walks_recorded);
    tcase_add_test(tc, quirk_UNMAP_only_listener_beside_a_mirror_hears_of_differences);
    tcase_add_test(tc, quirk_absent_context_is_unmapped_again_and_again);
    tcase_add_test(tc, quirk_absent_context_keeps_the_shadow);
    tcase_add_test(tc, quirk_wide_invalidation_rebuilds);
    tcase_add_test(tc, quirk_region_vanishes_without_UNMAP);
    tcase_add_test(tc, quirk_access_takes_the_device_out_of_translation);
    tcase_add_test(tc, quirk_pass_through_entry_is_walked_until_it_takes_effect);
    tcase_add_test(tc, quirk_newest_space_hears_first);
    tcase_add_test(tc, switch_to_translated_registers_and_replays_in_turn);
    tcase_add_test(tc, V27_device_TLB_event_is_of_its_device_and_as_wide_as_said);
    tcase_add_test(tc, V27_full_window_gets_all_ones);
    tcase_add_test(tc, V32_PASID_cache_invalidation_acts_like_a_context_one);
    tcase_add_test(tc, PASID_invalidations_mean_nothing_with_legacy_tables);
    tcase_add_test(tc, Q31_first_stage_is_told_to_caches_and_no_mirror_may_listen);
    tcase_add_test(tc, V37_function_mask_selects_1_2_4_8_functions);
}

Suite *
suite(void)
{
    Suite *s = suite_create("vtd_notify");
    TCase *tc = tcase_create("events");

    add_tests(tc);
    suite_add_tcase(s, tc);
    return s;
}
