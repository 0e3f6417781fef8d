/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Record sets: chains, closing in part, and a random comparison with a plain array. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "check/records.h"
#include "notify/observer.h"

#include "support_main.h"

static struct record
old_page(uint64_t base, uint64_t target, enum perm perm, unsigned need, uint64_t seq)
{
    return (struct record){
        .base = base, .target = target, .perm = perm, .need = need, .did = 1, .seq = seq
    };
}

static const struct record_requester dev = { .sid = 0x18, .pasid = IOMMU_NO_PASID };

struct tally {
    unsigned closed;
    uint64_t first, last, target;
    const struct invalidation *inv;
    uint64_t seq;
};

static unsigned
remains(void *self, const struct record *r, uint64_t first, uint64_t last)
{
    const struct tally *t = self;

    return t->inv == NULL ? 0 : record_remains(r, t->inv, t->seq, first, last, &dev);
}

static void
closed(void *self, const struct record *r, uint64_t first, uint64_t last)
{
    struct tally *t = self;

    t->closed++;
    t->first = first;
    t->last = last;
    t->target = record_target(r, first);
}

START_TEST(pages_changed_alike_share_one_record)
{
    struct recordset rs;
    struct tally t = { 0 };

    recordset_init(&rs, NULL, NULL);
    for (uint64_t i = 0; i < 8; i++) {
        struct record r = old_page(0x4000 + i * 4096, 0x90000 + i * 4096, PERM_RW, 1, 0);
        recordset_open(&rs, r.base, r.base + 4095, &r);
    }
    ck_assert_uint_eq(rs.n, 1);
    recordset_close(&rs, 0, UINT64_MAX, remains, closed, &t);
    ck_assert(recordset_empty(&rs));
    ck_assert_uint_eq(t.target, 0x90000 + (t.first - 0x4000));
    recordset_fini(&rs);
}
END_TEST

START_TEST(a_page_changed_twice_keeps_both_old_values)
{
    struct recordset rs;
    struct range_piece p;
    uint32_t i;

    recordset_init(&rs, NULL, NULL);
    struct record a = old_page(0x1000, 0x10000, PERM_RW, 1, 0);
    struct record b = old_page(0x1000, 0x20000, PERM_R, 1, 1);
    recordset_open(&rs, 0x1000, 0x2fff, &a);
    recordset_open(&rs, 0x1000, 0x1fff, &b);
    ck_assert(recordset_next(&rs, 0, &p, &i));
    ck_assert_uint_eq(recordset_at(&rs, i)->target, 0x20000);
    ck_assert_uint_eq(recordset_at(&rs, recordset_at(&rs, i)->older)->target, 0x10000);
    ck_assert(recordset_next(&rs, 0x2000, &p, &i));
    ck_assert_uint_eq(recordset_at(&rs, i)->older, 0);
    ck_assert_uint_eq(record_target(recordset_at(&rs, i), 0x2000), 0x11000);
    recordset_fini(&rs);
}
END_TEST

START_TEST(an_invalidation_closes_only_what_came_before_it)
{
    struct recordset rs;
    struct invalidation inv = { .kind = INVAL_IOTLB,
                                .scope = INVAL_PAGE,
                                .did = 1,
                                .first = 0x1000,
                                .last = 0x1fff,
                                .leaf_only = true };
    struct tally t = { .inv = &inv, .seq = 5 };

    recordset_init(&rs, NULL, NULL);
    struct record before = old_page(0x1000, 0x10000, PERM_RW, VTD_NEED_IOTLB_PAGE, 4);
    struct record after = old_page(0x1000, 0x20000, PERM_RW, VTD_NEED_IOTLB_PAGE, 5);
    recordset_open(&rs, 0x1000, 0x1fff, &before);
    recordset_open(&rs, 0x1000, 0x1fff, &after);
    recordset_close(&rs, 0x1000, 0x1fff, remains, closed, &t);
    ck_assert_uint_eq(t.closed, 1);
    ck_assert_uint_eq(t.target, 0x10000);
    ck_assert(!recordset_empty(&rs));
    t.seq = 6;
    recordset_close(&rs, 0x1000, 0x1fff, remains, closed, &t);
    ck_assert_uint_eq(t.closed, 2);
    ck_assert(recordset_empty(&rs));
    recordset_fini(&rs);
}
END_TEST

struct need_row {
    unsigned need;
    struct invalidation inv;
    unsigned left;
};

START_TEST(each_need_is_met_by_its_own_kind_and_scope)
{
    const struct need_row rows[] = {
        { VTD_NEED_IOTLB_PAGE, { INVAL_IOTLB, INVAL_GLOBAL, .did = 9 }, 0 },
        { VTD_NEED_IOTLB_PAGE, { INVAL_IOTLB, INVAL_DOMAIN, .did = 1 }, 0 },
        { VTD_NEED_IOTLB_PAGE, { INVAL_IOTLB, INVAL_DOMAIN, .did = 2 }, 1 },
        { VTD_NEED_IOTLB_PAGE,
          { INVAL_IOTLB, INVAL_PAGE, .did = 1, .first = 0, .last = 0xffff },
          0 },
        { VTD_NEED_IOTLB_PAGE,
          { INVAL_IOTLB, INVAL_PAGE, .did = 1, .first = 0, .last = 0x1fff },
          1 },
        { VTD_NEED_IOTLB_NONLEAF,
          { INVAL_IOTLB, INVAL_PAGE, .did = 1, .last = 0xffff, .leaf_only = true },
          VTD_NEED_IOTLB_NONLEAF },
        { VTD_NEED_IOTLB_NONLEAF,
          { INVAL_IOTLB, INVAL_PAGE, .did = 1, .last = 0xffff },
          0 },
        { VTD_NEED_IOTLB_GLOBAL,
          { INVAL_IOTLB, INVAL_DOMAIN, .did = 1 },
          VTD_NEED_IOTLB_GLOBAL },
        { VTD_NEED_IOTLB_PAGE, { INVAL_CONTEXT, INVAL_GLOBAL, .did = 0 }, 1 },
        { VTD_NEED_CONTEXT_DEVICE | VTD_NEED_IOTLB_DOMAIN,
          { INVAL_IOTLB, INVAL_DOMAIN, .did = 1 },
          VTD_NEED_CONTEXT_DEVICE | VTD_NEED_IOTLB_DOMAIN }, /* too early */
        { VTD_NEED_CONTEXT_DEVICE | VTD_NEED_IOTLB_DOMAIN,
          { INVAL_CONTEXT, INVAL_DEVICE, .did = 1, .sid = 0x18 },
          VTD_NEED_IOTLB_DOMAIN },
        { VTD_NEED_CONTEXT_DEVICE,
          { INVAL_CONTEXT, INVAL_DEVICE, .did = 1, .sid = 0x20 },
          VTD_NEED_CONTEXT_DEVICE },
        { VTD_NEED_CONTEXT_DEVICE,
          { INVAL_CONTEXT, INVAL_DEVICE, .did = 1, .sid = 0x1a, .sid_mask = 6 },
          0 },
        { VTD_NEED_CONTEXT_ABSENT,
          { INVAL_CONTEXT, INVAL_DEVICE, .did = 0, .sid = 0x18 },
          0 },
        { VTD_NEED_CONTEXT_ABSENT,
          { INVAL_CONTEXT, INVAL_DOMAIN, .did = 1 },
          VTD_NEED_CONTEXT_ABSENT },
    };

    const struct need_row *row = &rows[_i];
    struct record r = old_page(0x4000, 0, PERM_R, row->need, 0);
    ck_assert_uint_eq(record_remains(&r, &row->inv, 1, 0x4000, 0x4fff, &dev), row->left);
    ck_assert_uint_eq(record_remains(&r, &row->inv, 0, 0x4000, 0x4fff, &dev), row->need);
}
END_TEST

enum { PAGES = 64, DEEP = 64 };

/* The re-statement: for each page a list of old targets, newest last. */
struct dumb {
    uint64_t old[PAGES][DEEP];
    unsigned n[PAGES];
};

static void
compare_sets(const struct recordset *rs, const struct dumb *d, unsigned seed)
{
    for (unsigned p = 0; p < PAGES; p++) {
        struct range_piece piece;
        uint32_t i = 0;
        uint64_t addr = p * PAGE_BYTES;
        if (!recordset_next(rs, addr, &piece, &i) || piece.first > addr) {
            i = 0;
        }
        for (unsigned k = d->n[p]; k > 0; k--) {
            ck_assert_msg(i != 0, "seed %u: page %u lacks a record", seed, p);
            ck_assert_msg(record_target(recordset_at(rs, i), addr) == d->old[p][k - 1],
                          "seed %u: page %u", seed, p);
            i = recordset_at(rs, i)->older;
        }
        ck_assert_msg(i == 0, "seed %u: page %u has one too many", seed, p);
    }
}

START_TEST(agrees_with_a_plain_array)
{
    const char *env = getenv("IOMMUSIM_TEST_SEED");
    unsigned seed = env != NULL ? (unsigned)strtoul(env, NULL, 0) : 4711;
    static struct dumb d;
    struct recordset rs;
    uint64_t seq = 0;

    printf("# seed %u\n", seed);
    srandom(seed);
    recordset_init(&rs, NULL, NULL);
    for (unsigned step = 0; step < 3000; step++) {
        unsigned a = (unsigned)random() % PAGES, n = 1 + (unsigned)random() % 12;
        unsigned z = a + n <= PAGES ? a + n : PAGES;
        uint64_t first = a * PAGE_BYTES, last = z * PAGE_BYTES - 1;
        bool open = random() % 3 != 0;
        for (unsigned p = a; open && p < z; p++) {
            open = d.n[p] < DEEP;
        }
        if (open) {
            struct record r =
                old_page(first, ((uint64_t)random() % 1024 + 1) << 12, PERM_RW, 1, seq++);
            recordset_open(&rs, first, last, &r);
            for (unsigned p = a; p < z; p++) {
                d.old[p][d.n[p]++] = r.target + (p - a) * PAGE_BYTES;
            }
        } else {
            struct tally t = { 0 };
            recordset_close(&rs, first, last, remains, closed, &t);
            for (unsigned p = a; p < z; p++) {
                d.n[p] = 0;
            }
        }
        compare_sets(&rs, &d, seed);
    }
    recordset_fini(&rs);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("check/records");
    TCase *tc = tcase_create("records");

    tcase_add_test(tc, pages_changed_alike_share_one_record);
    tcase_add_test(tc, a_page_changed_twice_keeps_both_old_values);
    tcase_add_test(tc, an_invalidation_closes_only_what_came_before_it);
    tcase_add_loop_test(tc, each_need_is_met_by_its_own_kind_and_scope, 0, 15);
    tcase_add_test(tc, agrees_with_a_plain_array);
    suite_add_tcase(s, tc);
    return s;
}
