/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tables in guest RAM: see intel_tables.h. */
#include "guest/intel_tables.h"

#include <assert.h>
#include <stdlib.h>

#include "iommu/vtd_sm_fmt.h"
#include "util/alloc.h"

enum {
    ENTRIES = 512,
    FIRST_CAPACITY = 8,
};

/* The entry that decides some IOVA: a leaf, nothing, or a table that was not entered. */
struct slot {
    gpa_t at;
    uint64_t entry;
    unsigned level;
    uint64_t first, last; /* IOVAs it stands for */
};

void
table_work_begin(struct table_work *w, uint64_t first, uint64_t last)
{
    w->stores = 0;
    w->unlinked.n = 0;
    w->n_runs = 0;
    w->first = first;
    w->last = last;
}

void
table_work_fini(struct table_work *w)
{
    page_list_fini(&w->unlinked);
    free(w->runs);
    *w = (struct table_work){ 0 };
}

/* ---- entries of either stage ---- */

static bool
is_present(const struct intel_tables *t, uint64_t entry)
{
    return t->first_stage ? (entry & VTD_FS_P) != 0 : vtd_ss_present(entry);
}

/* The place of the large-page bit and the address are the same in both. */
static bool
is_table(const struct intel_tables *t, uint64_t entry, unsigned level)
{
    return is_present(t, entry) && !vtd_ss_is_leaf(entry, level);
}

static enum perm
entry_perm(const struct intel_tables *t, uint64_t entry)
{
    if (!t->first_stage) {
        return vtd_ss_perm(entry);
    }
    return (entry & VTD_FS_P) == 0    ? PERM_NONE
           : (entry & VTD_FS_RW) == 0 ? PERM_R
                                      : PERM_RW;
}

/*
 * A first stage cannot say write-only: present is readable. Accessed and dirty are set
 * from the start, so that no walk has to.
 */
static uint64_t
leaf_entry(const struct intel_tables *t, uint64_t gpa, enum perm perm, unsigned level)
{
    uint64_t e = vtd_ss_addr(gpa) | (level > 1 ? VTD_SS_PS : 0);

    if (!t->first_stage) {
        return e | (uint64_t)perm;
    }
    if (perm == PERM_NONE) {
        return e;
    }
    e |= VTD_FS_P | VTD_FS_US | VTD_FS_A;
    return (perm & PERM_W) != 0 ? e | VTD_FS_RW | VTD_FS_D : e;
}

static uint64_t
link_entry(const struct intel_tables *t, gpa_t table)
{
    return table.v | (t->first_stage ? VTD_FS_P | VTD_FS_RW | VTD_FS_US | VTD_FS_A
                                     : VTD_SS_R | VTD_SS_W);
}

static gpa_t
slot_addr(gpa_t table, uint64_t iova, unsigned level)
{
    return GPA(table.v + 8 * (uint64_t)vtd_ss_index(iova, level));
}

static void
store(struct intel_tables *t, gpa_t slot, uint64_t entry, struct table_work *w)
{
    mem_write64le(t->mem, slot, entry);
    w->stores++;
}

bool
intel_tables_root(struct intel_tables *t, gpa_t *root)
{
    if (!t->has_root) {
        t->has_root = table_pages_take(t->pages, &t->root);
        intel_tables_forget(t);
    }
    *root = t->root;
    return t->has_root;
}

/* ---- looking ---- */

/*
 * The entry for iova: the first on the way down that is no table, or that stands
 * for at most 2^stop_lg2 bytes. The tables have a root.
 */
static struct slot
find_slot(struct intel_tables *t, uint64_t iova, unsigned stop_lg2)
{
    struct slot s = { .at = t->root, .level = t->levels };
    unsigned lg2 = vtd_ss_span_lg2(t->levels);

    if (iova >> 21 == t->near && stop_lg2 < 21) {
        s.at = t->near_table;
        s.level = 1;
        lg2 = 12;
    }
    for (;;) {
        gpa_t table = s.at;

        s.at = slot_addr(table, iova, s.level);
        s.entry = mem_read64le(t->mem, s.at);
        if (s.level == 1) {
            t->near = iova >> 21;
            t->near_table = table;
        }
        if (!is_table(t, s.entry, s.level) || lg2 <= stop_lg2) {
            break;
        }
        s.at = GPA(vtd_ss_addr(s.entry));
        s.level--;
        lg2 -= 9;
    }
    s.first = align_down(iova, lg2);
    s.last = s.first + ((UINT64_C(1) << lg2) - 1);
    return s;
}

/* ---- cutting off ---- */

/* List a table page and those below it. */
static void
list_pages(const struct intel_tables *t, gpa_t table, unsigned level,
           struct page_list *out)
{
    if (level > 1 && mem_page_touched(t->mem, table)) {
        for (unsigned i = 0; i < ENTRIES; i++) {
            uint64_t e = mem_read64le(t->mem, GPA(table.v + 8 * (uint64_t)i));

            if (is_table(t, e, level)) {
                list_pages(t, GPA(vtd_ss_addr(e)), level - 1, out);
            }
        }
    }
    page_list_add(out, table);
}

static void
widen(struct table_work *w, const struct slot *s)
{
    w->first = s->first < w->first ? s->first : w->first;
    w->last = s->last > w->last ? s->last : w->last;
}

/* Clear an entry, leaf or table, and all that hangs below it. */
static inline void
clear_slot(struct intel_tables *t, const struct slot *s, struct table_work *w)
{
    if (is_table(t, s->entry, s->level)) {
        list_pages(t, GPA(vtd_ss_addr(s->entry)), s->level - 1, &w->unlinked);
        intel_tables_forget(t);
    }
    store(t, s->at, 0, w);
    widen(w, s);
}

/* ---- runs ---- */

static void
add_run(struct table_work *w, const struct table_run *r)
{
    struct table_run *before = w->n_runs == 0 ? NULL : &w->runs[w->n_runs - 1];

    if (before != NULL && before->last + 1 == r->first && before->perm == r->perm &&
        before->page_lg2 == r->page_lg2 &&
        before->gpa + (r->first - before->first) == r->gpa) {
        before->last = r->last;
        return;
    }
    if (w->n_runs == w->runs_capacity) {
        w->runs_capacity = w->runs_capacity == 0 ? FIRST_CAPACITY : 2 * w->runs_capacity;
        w->runs = xrealloc(w->runs, w->runs_capacity, sizeof(*w->runs));
    }
    w->runs[w->n_runs++] = *r;
}

static struct table_run
run_of_leaf(const struct intel_tables *t, const struct slot *s)
{
    uint64_t size_mask = s->last - s->first;

    return (struct table_run){
        .first = s->first,
        .last = s->last,
        .gpa = vtd_ss_addr(s->entry) & ~size_mask,
        .perm = entry_perm(t, s->entry),
    };
}

/* The parts of leaf s that lie before and after [first, last], as they are. */
static void
add_run_before(const struct intel_tables *t, struct table_work *w, const struct slot *s,
               uint64_t first)
{
    struct table_run r = run_of_leaf(t, s);

    if (r.first < first) {
        r.last = first - 1;
        add_run(w, &r);
    }
}

static void
add_run_after(const struct intel_tables *t, struct table_work *w, const struct slot *s,
              uint64_t last)
{
    struct table_run r = run_of_leaf(t, s);

    if (r.last > last) {
        r.gpa += last + 1 - r.first;
        r.first = last + 1;
        add_run(w, &r);
    }
}

/* ---- making ---- */

/* The size of the leaf to store at iova: see intel_tables_map. */
static inline unsigned
leaf_lg2(const struct intel_tables *t, uint64_t iova, uint64_t last, uint64_t gpa,
         unsigned page_lg2)
{
    unsigned fit = dyadic_lg2(iova, last);

    if (gpa != 0 && (unsigned)__builtin_ctzll(gpa) < fit) {
        fit = (unsigned)__builtin_ctzll(gpa);
    }
    if (page_lg2 != 0 && page_lg2 < fit) {
        fit = page_lg2;
    }
    if (fit >= 30 && (t->superpages & 2) != 0) {
        return 30;
    }
    return fit >= 21 && (t->superpages & 1) != 0 ? 21 : 12;
}

static unsigned
level_of(unsigned lg2)
{
    return (lg2 - 12) / 9 + 1;
}

/*
 * A new table below entry *e of `level`, which is a larger leaf or nothing; a
 * leaf's translations go on in it.
 */
static bool
link_table(struct intel_tables *t, gpa_t slot, uint64_t *e, unsigned level,
           struct table_work *w)
{
    gpa_t table;

    if (!table_pages_take(t->pages, &table)) {
        return false;
    }
    if (is_present(t, *e)) {
        uint64_t gpa = align_down(vtd_ss_addr(*e), vtd_ss_span_lg2(level));

        for (unsigned i = 0; i < ENTRIES; i++) {
            store(t, GPA(table.v + 8 * (uint64_t)i),
                  leaf_entry(t, gpa, entry_perm(t, *e), level - 1), w);
            gpa += UINT64_C(1) << vtd_ss_span_lg2(level - 1);
        }
    }
    *e = link_entry(t, table);
    store(t, slot, *e, w);
    return true;
}

bool
intel_tables_slot(struct intel_tables *t, uint64_t iova, unsigned level,
                  struct table_work *w, gpa_t *slot)
{
    gpa_t table;

    if (level == 1 && iova >> 21 == t->near) {
        *slot = slot_addr(t->near_table, iova, 1);
        return true;
    }
    if (!intel_tables_root(t, &table)) {
        return false;
    }
    for (unsigned at = t->levels; at > level; at--) {
        gpa_t up = slot_addr(table, iova, at);
        uint64_t e = mem_read64le(t->mem, up);

        if (!is_table(t, e, at) && !link_table(t, up, &e, at, w)) {
            return false;
        }
        table = GPA(vtd_ss_addr(e));
    }
    if (level == 1) {
        t->near = iova >> 21;
        t->near_table = table;
    }
    *slot = slot_addr(table, iova, level);
    return true;
}

bool
intel_tables_map(struct intel_tables *t, const struct table_run *run,
                 struct table_work *w, uint64_t *done)
{
    uint64_t iova = run->first, gpa = run->gpa;

    for (;;) {
        unsigned lg2 = leaf_lg2(t, iova, run->last, gpa, run->page_lg2);
        unsigned level = level_of(lg2);
        uint64_t fit =
            ((run->last - iova) >> lg2) + (is_aligned(run->last + 1, lg2) ? 1 : 0);
        uint64_t room = ENTRIES - vtd_ss_index(iova, level);
        gpa_t slot;

        *done = iova;
        if (!intel_tables_slot(t, iova, level, w, &slot)) {
            return false;
        }
        /* A larger leaf can begin at the end of this table at the earliest. */
        for (uint64_t n = fit < room ? fit : room; n > 0; n--) {
            store(t, slot, leaf_entry(t, gpa, run->perm, level), w);
            slot.v += 8;
            iova += UINT64_C(1) << lg2;
            gpa += UINT64_C(1) << lg2;
        }
        if (iova - 1 == run->last) {
            return true;
        }
    }
}

void
intel_tables_make_way(struct intel_tables *t, const struct table_run *run,
                      struct table_work *w)
{
    uint64_t iova = run->first;

    if (!t->has_root) {
        return;
    }
    for (;;) {
        uint64_t gpa = run->gpa + (iova - run->first);
        unsigned lg2 = leaf_lg2(t, iova, run->last, gpa, run->page_lg2);
        struct slot s;

        if (lg2 == 12) {
            /* Small leaves up to the end of their table at least. */
            lg2 = 21;
        } else {
            s = find_slot(t, iova, lg2);
            if (is_table(t, s.entry, s.level)) {
                clear_slot(t, &s, w);
            }
        }
        iova = align_down(iova, lg2) + (UINT64_C(1) << lg2);
        if (iova - 1 >= run->last) {
            return;
        }
    }
}

/* ---- taking away ---- */

void
intel_tables_unmap(struct intel_tables *t, uint64_t first, uint64_t last,
                   struct table_work *w)
{
    uint64_t iova = first;

    if (!t->has_root) {
        return;
    }
    for (;;) {
        struct slot s = find_slot(t, iova, dyadic_lg2(iova, last));

        if (is_present(t, s.entry)) {
            if (!is_table(t, s.entry, s.level)) {
                add_run_before(t, w, &s, first);
                add_run_after(t, w, &s, last);
            }
            clear_slot(t, &s, w);
        }
        if (s.last >= last) {
            return;
        }
        iova = s.last + 1;
    }
}

/* ---- changing ---- */

static bool
is_mapped(struct intel_tables *t, uint64_t first, uint64_t last)
{
    uint64_t iova = first;

    if (!t->has_root) {
        return false;
    }
    for (;;) {
        struct slot s = find_slot(t, iova, PAGE_LG2);

        if (!is_present(t, s.entry)) {
            return false;
        }
        if (s.last >= last) {
            return true;
        }
        iova = s.last + 1;
    }
}

/* What the part of leaf s inside the change shall be. */
static struct table_run
changed_run(const struct intel_tables *t, const struct table_change *c,
            const struct slot *s)
{
    struct table_run r = run_of_leaf(t, s);

    if (r.first < c->first) {
        r.gpa += c->first - r.first;
        r.first = c->first;
    }
    if (r.last > c->last) {
        r.last = c->last;
    }
    if (c->has_gpa) {
        r.gpa = c->gpa + (r.first - c->first);
    }
    if (c->has_perm) {
        r.perm = c->perm;
    }
    r.page_lg2 = c->page_lg2;
    return r;
}

static void
add_changed(const struct intel_tables *t, const struct table_change *c,
            const struct slot *s, struct table_work *w)
{
    struct table_run r = changed_run(t, c, s);

    add_run_before(t, w, s, c->first);
    add_run(w, &r);
    add_run_after(t, w, s, c->last);
}

/* A leaf that can be changed by one store: all of it is meant, its size may stay. */
static bool
change_in_place(struct intel_tables *t, const struct table_change *c,
                const struct slot *s, struct table_work *w)
{
    struct table_run r = changed_run(t, c, s);
    unsigned lg2 = vtd_ss_span_lg2(s->level);

    if (r.first != s->first || r.last != s->last || !is_aligned(r.gpa, lg2) ||
        (c->page_lg2 != 0 && c->page_lg2 != lg2)) {
        return false;
    }
    store(t, s->at, leaf_entry(t, r.gpa, r.perm, s->level), w);
    return true;
}

bool
intel_tables_change(struct intel_tables *t, const struct table_change *c,
                    struct table_work *w)
{
    unsigned stop_lg2 = c->page_lg2 == 0 ? PAGE_LG2 : c->page_lg2;
    uint64_t iova = c->first;

    if (!is_mapped(t, c->first, c->last)) {
        return false;
    }
    for (;;) {
        struct slot s = find_slot(t, iova, stop_lg2);

        if (is_table(t, s.entry, s.level)) {
            uint64_t at = s.first;
            struct slot leaf;

            do { /* smaller leaves are to become one */
                leaf = find_slot(t, at, PAGE_LG2);
                add_changed(t, c, &leaf, w);
                at = leaf.last + 1;
            } while (leaf.last < s.last);
            clear_slot(t, &s, w);
        } else if (!change_in_place(t, c, &s, w)) {
            add_changed(t, c, &s, w);
            clear_slot(t, &s, w);
        }
        if (s.last >= c->last) {
            return true;
        }
        iova = s.last + 1;
    }
}

void
intel_tables_drop(struct intel_tables *t)
{
    struct page_list all = { 0 };

    if (!t->has_root) {
        return;
    }
    list_pages(t, t->root, t->levels, &all);
    table_pages_give_list(t->pages, &all);
    page_list_fini(&all);
    t->has_root = false;
    intel_tables_forget(t);
}
