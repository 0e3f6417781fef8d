/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The range map against a dumb re-statement, a list of entries searched from end
 * to end, over dense, sparse and whole address spaces; and its limits by hand.
 */
#include "util/rangemap.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "support_main.h"
#include "support_random.h"

#define PG PAGE_BYTES

enum {
    MODEL_MAX = 300,
};

struct entry {
    uint64_t first, last, target;
    enum perm perm;
};

struct model {
    struct entry entry[MODEL_MAX];
    size_t n;
    enum rangemap_kind kind;
};

static uint64_t
model_target(const struct model *md, const struct entry *e, uint64_t addr)
{
    return md->kind == RANGEMAP_LINEAR ? e->target + (addr - e->first) : e->target;
}

/* The entry that holds the lowest address >= from, or NULL. */
static const struct entry *
model_next(const struct model *md, uint64_t from)
{
    const struct entry *best = NULL;

    for (size_t i = 0; i < md->n; i++) {
        const struct entry *e = &md->entry[i];

        if (e->last >= from && (best == NULL || e->first < best->first)) {
            best = e;
        }
    }
    return best;
}

static bool
model_any(const struct model *md, uint64_t first, uint64_t last)
{
    const struct entry *e = model_next(md, first);

    return e != NULL && e->first <= last;
}

static uint64_t
model_remove(struct model *md, uint64_t first, uint64_t last)
{
    uint64_t removed = 0;

    for (size_t i = 0; i < md->n;) {
        struct entry e = md->entry[i];

        if (!ranges_overlap(e.first, e.last, first, last)) {
            i++;
            continue;
        }
        uint64_t from = e.first > first ? e.first : first;
        uint64_t to = e.last < last ? e.last : last;

        removed += (to >> PAGE_LG2) - (from >> PAGE_LG2) + 1;
        md->entry[i] = md->entry[--md->n];
        if (e.first < first) {
            md->entry[md->n++] = (struct entry){ e.first, first - 1, e.target, e.perm };
        }
        if (e.last > last) {
            md->entry[md->n++] = (struct entry){ last + 1, e.last,
                                                 model_target(md, &e, last + 1), e.perm };
        }
    }
    return removed;
}

static void
check_piece(const struct model *md, const struct entry *e, const struct range_piece *p)
{
    uint64_t size = p->last - p->first + 1; /* 0 would be 2^64, which no slot spans */

    ck_assert(is_pow2(size) && size >= PG);
    ck_assert(is_aligned(p->first, (unsigned)__builtin_ctzll(size)));
    ck_assert_uint_ge(p->first, e->first);
    ck_assert_uint_le(p->last, e->last);
    ck_assert_uint_eq(p->target, model_target(md, e, p->first));
    ck_assert_int_eq(p->perm, e->perm);
    ck_assert_int_eq(p->head, p->first == e->first);
}

static void
check_questions(const struct rangemap *m, const struct model *md, uint64_t addr)
{
    const struct entry *e = model_next(md, addr);
    bool here = e != NULL && e->first <= addr;
    struct range_piece p;

    ck_assert_int_eq(rangemap_lookup(m, addr, &p), here);
    if (here) {
        check_piece(md, e, &p);
        ck_assert(p.first <= addr && addr <= p.last);
    }
    ck_assert_int_eq(rangemap_entry(m, addr, &p), here);
    if (here) {
        ck_assert_uint_eq(p.first, e->first);
        ck_assert_uint_eq(p.last, e->last);
        ck_assert_uint_eq(p.target, e->target);
        ck_assert_int_eq(p.perm, e->perm);
        ck_assert(p.head);
    }
    const uint64_t page = align_down(addr, PAGE_LG2);
    ck_assert_int_eq(rangemap_cuts(m, page), here && e->first < page);
    ck_assert_int_eq(rangemap_next(m, addr, &p), e != NULL);
    if (e != NULL) {
        check_piece(md, e, &p);
        ck_assert_uint_ge(p.last, addr);
        ck_assert(here ? p.first <= addr : p.first == e->first);
    }
    ck_assert_int_eq(rangemap_next_entry(m, addr, &p), e != NULL);
    if (e != NULL) {
        ck_assert_uint_eq(p.first, e->first);
        ck_assert_uint_eq(p.last, e->last);
    }
}

/* Walk all pieces and compare with the counts. */
static void
check_counts(const struct rangemap *m, const struct model *md)
{
    struct range_piece p;
    uint64_t from = 0, pages = 0, heads = 0;

    while (rangemap_next(m, from, &p)) {
        ck_assert_uint_ge(p.first, from);
        pages += (p.last - p.first) / PG + 1;
        heads += p.head;
        if (p.last == UINT64_MAX) {
            break;
        }
        from = p.last + 1;
    }
    ck_assert_uint_eq(pages, m->pages);
    ck_assert_uint_eq(heads, m->entries);
    ck_assert_uint_eq(md->n, m->entries);
}

/* A space to play in: pages base .. base + size - 1, ranges of up to 2^lg2 pages. */
struct space {
    uint64_t base, size;
    unsigned lg2;
    int steps;
};

static const struct space spaces[] = {
    { 0, 200, 5, 1500 },                            /* a few leaves */
    { 0, 20000, 13, 1500 },                         /* three levels */
    { UINT64_C(1) << 40, 5000, 9, 1500 },           /* high */
    { (UINT64_C(1) << 30) - 3000, 6000, 12, 1500 }, /* over a root slot's edge */
    { (UINT64_C(1) << 52) - 5000, 5000, 12, 1500 }, /* up to 2^64 - 1 */
    { 0, UINT64_C(1) << 36, 30, 1500 },             /* sparse */
    { 0, UINT64_C(1) << 52, 52, 1500 },             /* everything */
};

static void
draw_range(uint64_t *rng, const struct space *sp, uint64_t *first, uint64_t *last)
{
    uint64_t size =
        rnd(rng) >> (63 - rnd(rng) % (sp->lg2 + 1)); /* magnitudes alike often */
    uint64_t page = sp->base + rnd(rng) % sp->size;
    uint64_t end = sp->base + sp->size - 1;

    if (rnd(rng) % 4 == 0 && page / 64 * 64 >= sp->base) { /* on a node's edge */
        page = page / 64 * 64;
    }
    *first = page * PG;
    *last = (size > end - page ? end : page + size) * PG + PAGE_MASK;
}

static void
compare_with_model(const struct space *sp, enum rangemap_kind kind, uint64_t seed)
{
    struct model *md = calloc(1, sizeof(*md));
    struct budget budget = { .limit = UINT64_MAX };
    struct rangemap m;

    printf("# base %#llx size %#llx kind %d seed %llu\n", (unsigned long long)sp->base,
           (unsigned long long)sp->size, (int)kind, (unsigned long long)seed);
    ck_assert_ptr_nonnull(md);
    md->kind = kind;
    rangemap_init(&m, kind, &budget);
    for (int i = 0; i < sp->steps; i++) {
        uint64_t first, last;

        draw_range(&seed, sp, &first, &last);
        if (md->n > MODEL_MAX - 4) {
            last = UINT64_MAX; /* make room */
        }
        ck_assert_int_eq(rangemap_any(&m, first, last), model_any(md, first, last));
        if (rnd(&seed) % 3 == 0 || md->n > MODEL_MAX - 4) {
            ck_assert_uint_eq(rangemap_remove(&m, first, last),
                              model_remove(md, first, last));
        } else if (!model_any(md, first, last)) {
            struct entry e = { first, last, align_down(rnd(&seed), PAGE_LG2),
                               (enum perm)(rnd(&seed) % 4) };

            rangemap_insert(&m, e.first, e.last, e.target, e.perm);
            md->entry[md->n++] = e;
        }
        check_questions(&m, md, first);
        check_questions(&m, md, last);
        check_questions(&m, md, last + 1); /* 0 after 2^64 - 1 is an address too */
        draw_range(&seed, sp, &first, &last);
        check_questions(&m, md, first + 0x123);
        if (i % 256 == 0) {
            check_counts(&m, md);
        }
    }
    check_counts(&m, md);
    rangemap_remove(&m, 0, UINT64_MAX);
    ck_assert_uint_eq(m.pages, 0);
    ck_assert_uint_eq(m.entries, 0);
    rangemap_fini(&m); /* a few spare nodes may live until here */
    ck_assert_uint_eq(budget.used, 0);
    free(md);
}

START_TEST(linear_map_answers_like_a_list_of_entries)
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        compare_with_model(&spaces[_i], RANGEMAP_LINEAR, seed);
    }
}
END_TEST

START_TEST(constant_map_answers_like_a_list_of_entries)
{
    compare_with_model(&spaces[_i], RANGEMAP_CONSTANT, 11);
}
END_TEST

START_TEST(whole_address_space_is_one_entry)
{
    struct rangemap m;
    struct range_piece p;

    rangemap_init(&m, RANGEMAP_LINEAR, NULL);
    rangemap_insert(&m, 0, UINT64_MAX, 0, PERM_RW);
    ck_assert_uint_eq(m.pages, UINT64_C(1) << 52);
    ck_assert_uint_eq(m.entries, 1);
    ck_assert(rangemap_entry(&m, UINT64_C(0x123456789abcdef0), &p));
    ck_assert_uint_eq(p.first, 0);
    ck_assert_uint_eq(p.last, UINT64_MAX);
    ck_assert(rangemap_lookup(&m, UINT64_MAX, &p));
    ck_assert_uint_eq(p.last, UINT64_MAX);

    ck_assert_uint_eq(rangemap_remove(&m, 5 * PG, 5 * PG + PAGE_MASK), 1);
    ck_assert_uint_eq(m.entries, 2);
    ck_assert(rangemap_entry(&m, UINT64_MAX, &p));
    ck_assert_uint_eq(p.first, 6 * PG);
    ck_assert_uint_eq(p.target, 6 * PG);
    ck_assert(!rangemap_any(&m, 5 * PG, 5 * PG + PAGE_MASK));
    rangemap_fini(&m);
}
END_TEST

START_TEST(pieces_of_one_entry_have_one_head)
{
    struct rangemap m;
    struct range_piece p;

    rangemap_init(&m, RANGEMAP_LINEAR, NULL);
    /* Pages 62..130: 62, 63 alone, 64..127 as one piece, 128..130 alone. */
    rangemap_insert(&m, 62 * PG, 131 * PG - 1, 1000 * PG, PERM_R);
    ck_assert(rangemap_lookup(&m, 62 * PG, &p) && p.head);
    ck_assert(rangemap_lookup(&m, 63 * PG, &p) && !p.head);
    ck_assert(rangemap_lookup(&m, 100 * PG, &p) && !p.head);
    ck_assert_uint_eq(p.first, 64 * PG);
    ck_assert_uint_eq(p.last, 128 * PG - 1);
    ck_assert_uint_eq(p.target, 1002 * PG);

    /* Adjoining mappings stay entries of their own even if the target goes on. */
    rangemap_insert(&m, 131 * PG, 132 * PG - 1, 1069 * PG, PERM_R);
    ck_assert(rangemap_entry(&m, 130 * PG, &p));
    ck_assert_uint_eq(p.last, 131 * PG - 1);

    /* A cut on a piece's edge makes a head of the piece behind it. */
    ck_assert_uint_eq(rangemap_remove(&m, 62 * PG, 64 * PG - 1), 2);
    ck_assert(rangemap_lookup(&m, 64 * PG, &p) && p.head);
    ck_assert_uint_eq(m.entries, 2);
    rangemap_fini(&m);
}
END_TEST

START_TEST(dense_pages_cost_at_most_nine_bytes_each)
{
    struct budget budget = { .limit = UINT64_MAX };
    struct rangemap m;

    rangemap_init(&m, RANGEMAP_LINEAR, &budget);
    for (uint64_t i = 0; i < 100000; i++) {
        rangemap_insert(&m, i * PG, i * PG + PAGE_MASK, i * PG, PERM_RW);
    }
    ck_assert_uint_le(budget.used, 9 * 100000);
    rangemap_clear(&m);
    ck_assert_uint_eq(budget.used, 0);
    ck_assert_uint_eq(m.pages, 0);
    rangemap_fini(&m);
}
END_TEST

START_TEST(a_gigabyte_costs_no_more_than_its_path)
{
    struct budget budget = { .limit = UINT64_MAX };
    struct rangemap m;

    rangemap_init(&m, RANGEMAP_LINEAR, &budget);
    rangemap_insert(&m, UINT64_C(1) << 30, (UINT64_C(2) << 30) - 1, 0, PERM_RW);
    ck_assert_uint_le(budget.used, 4 * 520);
    rangemap_fini(&m);
}
END_TEST

START_TEST(page_removed_from_a_leaf_that_was_freed_and_made_again)
{
    struct rangemap m;
    struct range_piece p;

    rangemap_init(&m, RANGEMAP_LINEAR, NULL);
    rangemap_insert(&m, 900 * PG, 901 * PG - 1, 0, PERM_R);
    for (int i = 0; i < 3; i++) {
        rangemap_insert(&m, 3 * PG, 4 * PG - 1, 7 * PG, PERM_R);
        ck_assert(rangemap_lookup(&m, 3 * PG, &p));
        ck_assert_uint_eq(rangemap_remove(&m, 3 * PG, 4 * PG - 1), 1);
        ck_assert(!rangemap_lookup(&m, 3 * PG, &p));
        ck_assert_uint_eq(rangemap_remove(&m, 3 * PG, 4 * PG - 1), 0);
    }
    ck_assert_uint_eq(m.pages, 1);
    rangemap_fini(&m);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("util/rangemap");
    TCase *c = tcase_create("rangemap");
    int n = (int)(sizeof(spaces) / sizeof(spaces[0]));

    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, linear_map_answers_like_a_list_of_entries, 0, n);
    tcase_add_loop_test(c, constant_map_answers_like_a_list_of_entries, 0, n);
    tcase_add_test(c, whole_address_space_is_one_entry);
    tcase_add_test(c, pieces_of_one_entry_have_one_head);
    tcase_add_test(c, dense_pages_cost_at_most_nine_bytes_each);
    tcase_add_test(c, a_gigabyte_costs_no_more_than_its_path);
    tcase_add_test(c, page_removed_from_a_leaf_that_was_freed_and_made_again);
    suite_add_tcase(s, c);
    return s;
}
