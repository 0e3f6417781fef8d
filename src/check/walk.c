/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See walk.h. */
#include "check/walk.h"

#include <endian.h>

#include "iommu/papr_fmt.h"

enum {
    TABLE_WORDS = 512,
};

static void
set_hole(struct range_piece *out, uint64_t first, uint64_t last)
{
    *out = (struct range_piece){ .first = first, .last = last, .perm = PERM_NONE };
}

/* ---- entries ---- */

/*
 * What of decoding depends on the stage: told apart once for a walk, not once for each
 * of its entries, hence in line.
 */
#define INLINE static inline __attribute__((always_inline))

/* Any of these makes an entry present. */
INLINE uint64_t
present_bits(bool first_stage)
{
    return first_stage ? VTD_FS_P : VTD_SS_R | VTD_SS_W;
}

INLINE enum perm
perm_of(const struct walk_table *t, bool first_stage, uint64_t entry)
{
    if (first_stage && t->supervisor) {
        entry |= VTD_FS_US | (t->write_protect ? 0 : VTD_FS_RW);
    }
    return first_stage ? vtd_fs_perm(entry) : vtd_ss_perm(entry);
}

INLINE uint64_t
target_of(bool first_stage, uint64_t entry, unsigned level)
{
    return first_stage ? vtd_fs_addr(entry, level) : vtd_ss_addr(entry);
}

INLINE enum walk_entry
classify(const struct walk_table *t, bool first_stage, unsigned level, uint64_t entry)
{
    if ((entry & present_bits(first_stage)) == 0) {
        return WALK_HOLE;
    }
    bool leaf = vtd_ss_is_leaf(entry, level); /* of either stage */
    if ((entry & (leaf ? t->zeroes.leaf : t->zeroes.table)[level]) != 0) {
        return WALK_HOLE;
    }
    return leaf ? WALK_LEAF : WALK_TABLE;
}

enum walk_entry
walk_classify(const struct walk_table *t, unsigned level, uint64_t entry)
{
    return classify(t, t->first_stage, level, entry);
}

/* The piece of an entry that classifies as a leaf. */
INLINE void
leaf_piece(const struct walk_table *t, bool first_stage, unsigned level, uint64_t addr,
           enum perm path, uint64_t entry, struct range_piece *out)
{
    const uint64_t span = (UINT64_C(1) << vtd_ss_span_lg2(level)) - 1;
    const uint64_t target = target_of(first_stage, entry, level);
    const enum perm perm = (enum perm)(perm_of(t, first_stage, entry) & path);

    if (perm == PERM_NONE ||
        (!t->to_second && ranges_overlap(target, target + span, VTD_INTERRUPT_FIRST,
                                         VTD_INTERRUPT_LAST))) {
        set_hole(out, addr, addr + span);
        return;
    }
    *out = (struct range_piece){
        .first = addr, .last = addr + span, .target = target, .perm = perm
    };
}

void
walk_leaf_piece(const struct walk_table *t, unsigned level, uint64_t addr, enum perm path,
                uint64_t entry, struct range_piece *out)
{
    if (walk_classify(t, level, entry) == WALK_LEAF) {
        leaf_piece(t, t->first_stage, level, addr, path, entry, out);
    } else {
        set_hole(out, addr, addr + ((UINT64_C(1) << vtd_ss_span_lg2(level)) - 1));
    }
}

void
walk_below(const struct walk_table *t, unsigned level, uint64_t first, enum perm path,
           uint64_t entry, struct walk_table *out)
{
    *out = *t;
    out->page = target_of(t->first_stage, entry, level);
    out->level = level - 1;
    out->base = first;
    out->perm = (enum perm)(path & perm_of(t, t->first_stage, entry));
}

uint64_t
walk_slot_first(const struct walk_table *t, unsigned level, uint64_t base, unsigned i)
{
    uint64_t first = base + ((uint64_t)i << vtd_ss_span_lg2(level));

    return t->first_stage && (first >> (t->bits - 1) & 1) != 0
               ? first | UINT64_MAX << (t->bits - 1)
               : first;
}

/* ---- one stage ---- */

INLINE uint64_t
word_at(const struct walk_table *t, const uint64_t *words, uint64_t page, unsigned slot)
{
    if (t->was != NULL && t->was->addr == page + 8 * (uint64_t)slot) {
        return t->was->value;
    }
    return le64toh(words[slot]);
}

/* The last address of the empty slots from `slot` on, looking no further than limit. */
static uint64_t
hole_end(const struct walk_table *t, const uint64_t *words, uint64_t page, unsigned slot,
         uint64_t slot_first, unsigned lg2, uint64_t limit)
{
    const uint64_t present = present_bits(t->first_stage);
    uint64_t last = slot_first + ((UINT64_C(1) << lg2) - 1);

    while (last < limit && ++slot < TABLE_WORDS &&
           (word_at(t, words, page, slot) & present) == 0) {
        last += UINT64_C(1) << lg2;
    }
    return last;
}

/* The hole that a whole table at `addr` would fill. */
static void
no_table(struct range_piece *out, uint64_t addr, unsigned level)
{
    uint64_t first = align_down(addr, vtd_ss_span_lg2(level) + 9);

    set_hole(out, first, first + ((UINT64_C(1) << (vtd_ss_span_lg2(level) + 9)) - 1));
}

/* A walk of the levels from `level` on, whose table is that of *from. Sets *near. */
INLINE void
walk(const struct walk_table *t, bool first_stage, unsigned level,
     const struct walk_near *from, uint64_t addr, uint64_t limit, struct walk_near *near,
     struct range_piece *out)
{
    uint64_t page = from->page;
    enum perm perm = from->perm;

    for (; level > 0; level--) {
        const uint64_t *words = mem_page_words(t->mem, GPA(page));
        if (words == NULL) { /* never written, or not memory */
            no_table(out, addr, level);
            return;
        }
        const unsigned lg2 = vtd_ss_span_lg2(level);
        const unsigned slot = vtd_ss_index(addr, level);
        const uint64_t entry = word_at(t, words, page, slot);
        const enum walk_entry kind = classify(t, first_stage, level, entry);
        if (kind == WALK_TABLE) {
            perm = (enum perm)(perm & perm_of(t, first_stage, entry));
            if (perm != PERM_NONE) {
                page = target_of(first_stage, entry, level);
                continue;
            }
        }
        if (level == 1) {
            *near = (struct walk_near){ true, page, addr, perm };
        }
        const uint64_t first = align_down(addr, lg2);
        if (kind == WALK_LEAF) {
            leaf_piece(t, first_stage, level, first, perm, entry, out);
        } else if ((entry & present_bits(first_stage)) != 0) {
            set_hole(out, first, first + ((UINT64_C(1) << lg2) - 1));
        } else {
            set_hole(out, first, hole_end(t, words, page, slot, first, lg2, limit));
        }
        return;
    }
}

static void
walk_whole(const struct walk_table *t, uint64_t addr, uint64_t limit,
           struct walk_near *near, struct range_piece *out)
{
    const struct walk_near top = { .page = t->page, .perm = t->perm };

    if (t->first_stage) {
        walk(t, true, t->level, &top, addr, limit, near, out);
    } else {
        walk(t, false, t->level, &top, addr, limit, near, out);
    }
}

static void
walk_pages(const struct walk_table *t, uint64_t addr, uint64_t limit,
           struct walk_near *near, struct range_piece *out)
{
    if (t->first_stage) {
        walk(t, true, 1, near, addr, limit, near, out);
    } else {
        walk(t, false, 1, near, addr, limit, near, out);
    }
}

void
walk_table_at(const struct walk_table *t, uint64_t addr, uint64_t limit,
              struct range_piece *out)
{
    struct walk_near near;

    walk_whole(t, addr, limit, &near, out);
}

/* ---- two stages ---- */

bool
walk_second_at(const struct walk_stages *s, uint64_t addr, struct range_piece *out)
{
    const uint64_t last = (UINT64_C(1) << s->second.bits) - 1;

    if (addr > last) {
        set_hole(out, last + 1, UINT64_MAX);
    } else {
        walk_table_at(&s->second, addr, addr, out);
    }
    return (out->perm & PERM_R) != 0;
}

/* What of the leaf `p` holds at `addr`, as the second stage has it there. */
static void
through_second(const struct walk_stages *s, uint64_t addr, struct range_piece *p)
{
    struct range_piece q;
    const uint64_t at = p->target + (addr - p->first);

    walk_second_at(s, at, &q);
    if (q.first > p->target) {
        p->first += q.first - p->target;
    }
    if (q.last - at < p->last - addr) {
        p->last = addr + (q.last - at);
    }
    p->target = q.target + (at - q.first) - (addr - p->first);
    p->perm = (enum perm)(p->perm & q.perm);
}

static void
nested_at(const struct walk_stages *s, uint64_t addr, uint64_t limit,
          struct range_piece *out)
{
    const struct walk_table *t = &s->table;
    struct walk_table one = *t;

    for (unsigned level = t->level; level > 0; level--) {
        struct range_piece host;
        if (!walk_second_at(s, one.page, &host)) {
            no_table(out, addr, level);
            return;
        }
        one.page = host.target + (one.page - host.first);
        const uint64_t *words = mem_page_words(t->mem, GPA(one.page));
        if (words == NULL) {
            no_table(out, addr, level);
            return;
        }
        unsigned lg2 = vtd_ss_span_lg2(level), slot = vtd_ss_index(addr, level);
        uint64_t first = align_down(addr, lg2), entry = word_at(t, words, one.page, slot);
        const bool locked = (host.perm & PERM_W) == 0;
        const bool present = (entry & present_bits(t->first_stage)) != 0;
        if (present && locked && (~entry & t->accessed) != 0) {
            set_hole(out, first, first + ((UINT64_C(1) << lg2) - 1));
            return;
        }
        if (!present) {
            set_hole(out, first, hole_end(t, words, one.page, slot, first, lg2, limit));
            return;
        }
        if (walk_classify(t, level, entry) != WALK_TABLE) {
            walk_leaf_piece(t, level, first, one.perm, entry, out);
            if (locked && (entry & VTD_FS_D) == 0) {
                out->perm = (enum perm)(out->perm & PERM_R);
            }
            if (out->perm != PERM_NONE) {
                through_second(s, addr, out);
            }
            return;
        }
        walk_below(t, level, first, one.perm, entry, &one);
    }
}

unsigned
walk_halves(const struct walk_stages *s, uint64_t first[static 2],
            uint64_t last[static 2])
{
    const unsigned bits = s->table.bits;

    first[0] = 0;
    last[0] = (UINT64_C(1) << (s->table.first_stage ? bits - 1 : bits)) - 1;
    first[1] = UINT64_MAX << (bits - 1);
    last[1] = UINT64_MAX;
    return s->table.first_stage ? 2 : 1;
}

void
walk_stages_at(const struct walk_stages *s, uint64_t addr, uint64_t limit,
               struct range_piece *out)
{
    struct walk_near near = { .known = false };

    walk_stages_near(s, addr, limit, &near, out);
}

void
walk_stages_near(const struct walk_stages *s, uint64_t addr, uint64_t limit,
                 struct walk_near *near, struct range_piece *out)
{
    if (near->known && (addr ^ near->base) >> vtd_ss_span_lg2(2) == 0) {
        walk_pages(&s->table, addr, limit, near, out);
        return;
    }
    const uint64_t low = (UINT64_C(1) << (s->table.bits - s->table.first_stage)) - 1;
    uint64_t first[2], last[2];

    if (!s->nested && addr <= low) { /* by far the most */
        walk_whole(&s->table, addr, limit < low ? limit : low, near, out);
        return;
    }
    const unsigned n = walk_halves(s, first, last);
    for (unsigned i = 0; i < n; i++) {
        if (addr >= first[i] && addr <= last[i]) {
            uint64_t stop = limit < last[i] ? limit : last[i];
            if (s->nested) {
                nested_at(s, addr, stop, out);
            } else {
                walk_table_at(&s->table, addr, stop, out);
            }
            return;
        }
    }
    set_hole(out, last[0] + 1, n == 2 ? first[1] - 1 : UINT64_MAX);
}

/* ---- PAPR ---- */

void
walk_tce_piece(const struct iommu_window *w, uint64_t index, uint64_t tce,
               struct range_piece *out)
{
    uint64_t first = w->base + (index << w->page_lg2);

    *out = (struct range_piece){
        .first = first,
        .last = first + ((UINT64_C(1) << w->page_lg2) - 1),
        .target = papr_tce_target(tce, w->page_lg2),
        .perm = papr_tce_perm(tce),
    };
}

void
walk_window_at(const struct iommu_window *w, uint64_t ioba, uint64_t limit,
               struct range_piece *out)
{
    uint64_t index = (ioba - w->base) >> w->page_lg2;
    const uint64_t *words = mem_page_words(w->tces, GPA(align_down(8 * index, PAGE_LG2)));

    if (words != NULL) {
        uint64_t tce = le64toh(words[index % TABLE_WORDS]);
        walk_tce_piece(w, index, tce, out);
        if (out->perm != PERM_NONE) {
            return;
        }
    }
    uint64_t end = index; /* of the hole, inclusive */
    uint64_t page_end = index | (TABLE_WORDS - 1);
    gpa_t next;
    if (words == NULL) {
        bool more = mem_next_touched(w->tces, GPA(8 * (page_end + 1)), &next);
        end = more ? next.v / 8 - 1 : w->entries - 1;
    } else {
        uint64_t stop = (limit - w->base) >> w->page_lg2;
        while (end < page_end && end < stop &&
               !papr_tce_present(le64toh(words[(end + 1) % TABLE_WORDS]))) {
            end++;
        }
    }
    if (end >= w->entries) {
        end = w->entries - 1;
    }
    set_hole(out, w->base + (index << w->page_lg2),
             w->base + (end << w->page_lg2) + ((UINT64_C(1) << w->page_lg2) - 1));
}
