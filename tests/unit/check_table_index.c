/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stores into tables become changes of truth. */
#include <check.h>
#include <string.h>

#include "check/table_index.h"

#include "support_main.h"

enum { TOP = 0x10000, MIDDLE = 0x11000, BOTTOM = 0x12000, CHANGES_MAX = 8 };

static struct mem *mem;
static struct table_index ix;
static struct trace trace;
static struct env env = { .trace = &trace };
static struct iommu iommu = { .env = &env };
static struct truth_iommu unit;
static struct view view;
static struct truth_change changes[CHANGES_MAX];
static unsigned n_changes, n_unlinked;

static void
on_change(void *self, const struct truth_change *c)
{
    (void)self;
    if (c->unlinked) {
        n_unlinked++;
        return;
    }
    changes[n_changes++ % CHANGES_MAX] = *c;
}

static void
store(uint64_t page, unsigned slot, uint64_t entry)
{
    mem_write64le(mem, GPA(page + 8 * slot), entry);
}

static void
setup(void)
{
    mem = mem_new(NULL);
    mem_add_range(mem, 0, (UINT64_C(1) << 30) - 1, MEM_RAM);
    memset(&unit, 0, sizeof(unit));
    unit.iommu = &iommu;
    view = (struct view){
        .iommu = &unit,
        .did = 7,
        .stages.table = { .mem = mem,
                          .page = TOP,
                          .level = 3,
                          .perm = PERM_RW,
                          .bits = 39,
                          .zeroes = vtd_ss_masks(
                              &(struct vtd_ss_limits){ .haw = 39, .superpages = 3 }) },
    };
    table_index_init(&ix, mem, on_change, NULL);
    store(TOP, 0, MIDDLE | 3);
    store(MIDDLE, 0, BOTTOM | 3);
    table_index_add(&ix, &view);
    n_changes = 0;
}

static void
teardown(void)
{
    table_index_drop(&ix, &view);
    ck_assert_uint_eq(view.pages, 0);
    ck_assert_ptr_null(ix.pages);
    table_index_fini(&ix);
    mem_free(mem);
}

static void
expect_change(unsigned i, uint64_t first, uint64_t last, enum perm old, bool now)
{
    ck_assert_uint_lt(i, n_changes);
    ck_assert_uint_le(n_changes, CHANGES_MAX);
    ck_assert_uint_eq(changes[i].first, first);
    ck_assert_uint_eq(changes[i].last, last);
    ck_assert_int_eq(changes[i].old_perm, old);
    ck_assert_int_eq(changes[i].now_present, now);
    ck_assert_uint_eq(changes[i].did, 7);
}

START_TEST(a_leaf_store_is_one_change_of_one_page)
{
    store(BOTTOM, 5, 0x80003);
    expect_change(0, 0x5000, 0x5fff, PERM_NONE, true);
    ck_assert_uint_eq(changes[0].need, VTD_NEED_NONE); /* no caching mode */
    store(BOTTOM, 5, 0);
    expect_change(1, 0x5000, 0x5fff, PERM_RW, false);
    ck_assert_uint_eq(changes[1].old_target, 0x80000);
    ck_assert_uint_eq(changes[1].need, VTD_NEED_IOTLB_PAGE | VTD_NEED_DEVICE_TLB);
    ck_assert_uint_eq(n_changes, 2);
}
END_TEST

START_TEST(a_store_that_changes_no_translation_is_no_change)
{
    store(BOTTOM, 5, 0x80000);                     /* not present */
    store(MIDDLE, 0, BOTTOM | 3 | VTD_BITS(9, 9)); /* an ignored bit */
    ck_assert_uint_eq(n_changes, 0);
}
END_TEST

START_TEST(a_table_taken_away_changes_what_was_mapped_below)
{
    store(BOTTOM, 5, 0x80003);
    store(BOTTOM, 6, 0x81003);
    store(BOTTOM, 9, 0x81003);
    n_changes = 0;
    store(MIDDLE, 0, 0);
    expect_change(0, 0x5000, 0x6fff, PERM_RW, false);
    expect_change(1, 0x9000, 0x9fff, PERM_RW, false);
    ck_assert_uint_eq(changes[0].need, VTD_NEED_IOTLB_NONLEAF | VTD_NEED_DEVICE_TLB);
    n_changes = 0;
    store(BOTTOM, 5, 0); /* no table any more */
    ck_assert_uint_eq(n_changes, 0);
}
END_TEST

START_TEST(a_table_put_in_place_is_watched)
{
    store(MIDDLE, 1, 0x13003);
    ck_assert_uint_eq(n_changes, 0); /* it is empty */
    store(0x13000, 0, 0x80001);
    expect_change(0, 0x200000, 0x200fff, PERM_NONE, true);
}
END_TEST

START_TEST(a_page_that_serves_twice_changes_twice)
{
    store(MIDDLE, 1, BOTTOM | 3);
    store(BOTTOM, 5, 0x80003);
    ck_assert_uint_eq(n_changes, 2);
    expect_change(0, 0x5000, 0x5fff, PERM_NONE, true);
    expect_change(1, 0x205000, 0x205fff, PERM_NONE, true);
}
END_TEST

START_TEST(a_split_that_maps_the_same_is_no_change)
{
    store(MIDDLE, 1, 0x400083);
    n_changes = 0;
    for (unsigned i = 0; i < 512; i++) {
        store(0x13000, i, (0x400000 + i * UINT64_C(0x1000)) | 3);
    }
    store(0x13000, 7, 0x3);
    store(MIDDLE, 1, 0x13003);
    ck_assert_uint_eq(n_changes, 1);
    expect_change(0, 0x207000, 0x207fff, PERM_RW, true);
}
END_TEST

START_TEST(a_table_knotted_into_itself_leaves_nothing_behind)
{
    store(MIDDLE, 4, MIDDLE | 3);
    store(MIDDLE, 5, TOP | 3);
    store(TOP, 1, TOP | 3);
    store(MIDDLE, 4, 0);
    store(TOP, 1, 0);
    n_changes = 0; /* teardown looks whether the index is empty */
}
END_TEST

/* Changes that were announced, told apart from those that say nothing of the past. */
static unsigned
count_anything(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < n_changes && i < CHANGES_MAX; i++) {
        n += changes[i].anything;
    }
    return n;
}

/* Every entry of one page leads back to it: 2^27 ways through 3 levels. */
START_TEST(a_page_of_links_to_itself_is_bounded)
{
    struct range_piece p;

    store(TOP, 0, 0);
    for (unsigned i = 0; i < 512; i++) {
        store(TOP, i, TOP | 3);
    }
    ck_assert(view.tangled);
    ck_assert_uint_le(view.pages, 3); /* once a level */
    ck_assert_uint_ge(count_anything(), 1);
    walk_stages_at(&view.stages, 0x12345678, 0x12345678, &p);
    ck_assert_uint_eq(p.target, TOP); /* what it says is known all the same */
    ck_assert_int_eq(p.perm, PERM_RW);
    n_changes = 0;
    store(TOP, 7, TOP | 1);
    ck_assert_uint_eq(n_changes, 1);
    ck_assert(changes[0].anything);
    ck_assert_uint_eq(changes[0].first, 0);
    ck_assert_uint_eq(changes[0].last, (UINT64_C(1) << 39) - 1);
    for (unsigned i = 0; i < 512; i++) {
        store(TOP, i, i == 0 ? MIDDLE | 3 : 0);
    }
    ck_assert(!view.tangled); /* and all is as before */
    n_changes = 0;
    store(BOTTOM, 5, 0x80003);
    ck_assert_uint_eq(n_changes, 1);
    expect_change(0, 0x5000, 0x5fff, PERM_NONE, true);
}
END_TEST

/* No page leads back, but 512 ways lead to the middle table, and 2^18 to the bottom. */
START_TEST(one_table_below_many_entries_is_bounded)
{
    for (unsigned i = 1; i < 512; i++) {
        store(MIDDLE, i, BOTTOM | 3);
        store(TOP, i, MIDDLE | 3);
    }
    ck_assert(view.tangled);
    ck_assert_uint_le(view.pages, 3);
    n_changes = 0;
    store(BOTTOM, 5, 0x80003);
    ck_assert_uint_eq(n_changes, 1);
    ck_assert(changes[0].anything);
}
END_TEST

/* The top table is also the bottom one below one of its entries, as in a self-map. */
START_TEST(a_self_map_is_known_exactly)
{
    const uint64_t seen =
        (UINT64_C(3) << 30) + (3 << 21) + 0x5000; /* slot 5 of the top */

    store(TOP, 3, TOP | 3);
    ck_assert(!view.tangled);
    n_changes = 0;
    store(TOP, 5, 0x20003); /* also: a table for 5 GiB on, and for slot 5 of the middle */
    ck_assert_uint_eq(n_changes, 1);
    expect_change(0, seen, seen + 0xfff, PERM_NONE, true);
    n_changes = 0;
    store(TOP, 3, 0);
    for (unsigned i = 0; i < n_changes && i < CHANGES_MAX; i++) {
        ck_assert_int_ne(changes[i].old_perm, PERM_NONE);
        ck_assert(!changes[i].now_present);
    }
    ck_assert_uint_ge(n_changes, 3);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("check/table_index");
    TCase *tc = tcase_create("table_index");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_leaf_store_is_one_change_of_one_page);
    tcase_add_test(tc, a_store_that_changes_no_translation_is_no_change);
    tcase_add_test(tc, a_table_taken_away_changes_what_was_mapped_below);
    tcase_add_test(tc, a_table_put_in_place_is_watched);
    tcase_add_test(tc, a_page_that_serves_twice_changes_twice);
    tcase_add_test(tc, a_split_that_maps_the_same_is_no_change);
    tcase_add_test(tc, a_table_knotted_into_itself_leaves_nothing_behind);
    tcase_add_test(tc, a_page_of_links_to_itself_is_bounded);
    tcase_add_test(tc, one_table_below_many_entries_is_bounded);
    tcase_add_test(tc, a_self_map_is_known_exactly);
    suite_add_tcase(s, tc);
    return s;
}
