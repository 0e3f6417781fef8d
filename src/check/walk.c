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

uint64_t
walk_table_last(const struct walk_table *t)
{
    unsigned lg2 = vtd_ss_span_lg2(t->level) + 9;

    return lg2 >= 64 ? UINT64_MAX : t->base + ((UINT64_C(1) << lg2) - 1);
}

enum walk_entry
walk_classify(const struct walk_table *t, unsigned level, uint64_t entry)
{
    if (!vtd_ss_present(entry)) {
        return WALK_HOLE;
    }
    bool leaf = vtd_ss_is_leaf(entry, level);
    if ((entry & (leaf ? t->reserved.leaf : t->reserved.table)[level]) != 0) {
        return WALK_HOLE;
    }
    return leaf ? WALK_LEAF : WALK_TABLE;
}

void
walk_leaf_piece(const struct walk_table *t, unsigned level, uint64_t iova, enum perm path,
                uint64_t entry, struct range_piece *out)
{
    uint64_t span = (UINT64_C(1) << vtd_ss_span_lg2(level)) - 1;
    uint64_t target = vtd_ss_addr(entry);
    enum perm perm = (enum perm)(vtd_ss_perm(entry) & path);

    if (walk_classify(t, level, entry) != WALK_LEAF || perm == PERM_NONE ||
        ranges_overlap(target, target + span, VTD_INTERRUPT_FIRST, VTD_INTERRUPT_LAST)) {
        set_hole(out, iova, iova + span);
        return;
    }
    *out = (struct range_piece){
        .first = iova, .last = iova + span, .target = target, .perm = perm
    };
}

/* The last address of the empty slots from `slot` on, looking no further than limit. */
static uint64_t
hole_end(const uint64_t *words, unsigned slot, uint64_t slot_first, unsigned lg2,
         uint64_t limit)
{
    uint64_t last = slot_first + ((UINT64_C(1) << lg2) - 1);

    while (last < limit && ++slot < TABLE_WORDS &&
           !vtd_ss_present(le64toh(words[slot]))) {
        last += UINT64_C(1) << lg2;
    }
    return last;
}

void
walk_table_at(const struct walk_table *t, uint64_t iova, uint64_t limit,
              struct range_piece *out)
{
    uint64_t page = t->page;
    enum perm perm = t->perm;

    for (unsigned level = t->level; level > 0; level--) {
        unsigned lg2 = vtd_ss_span_lg2(level);
        uint64_t slot_first = align_down(iova, lg2);
        const uint64_t *words = mem_page_words(t->mem, GPA(page));
        if (words == NULL) { /* never written, or not memory */
            set_hole(out, align_down(iova, lg2 + 9),
                     align_down(iova, lg2 + 9) + ((UINT64_C(1) << (lg2 + 9)) - 1));
            return;
        }
        unsigned slot = vtd_ss_index(iova, level);
        uint64_t entry = le64toh(words[slot]);
        if (!vtd_ss_present(entry)) {
            set_hole(out, slot_first, hole_end(words, slot, slot_first, lg2, limit));
            return;
        }
        if (walk_classify(t, level, entry) != WALK_TABLE) {
            walk_leaf_piece(t, level, slot_first, perm, entry, out);
            return;
        }
        perm = (enum perm)(perm & vtd_ss_perm(entry));
        if (perm == PERM_NONE) {
            set_hole(out, slot_first, slot_first + ((UINT64_C(1) << lg2) - 1));
            return;
        }
        page = vtd_ss_addr(entry);
    }
}

uint64_t
walk_window_last(const struct iommu_window *w)
{
    return w->base + ((w->entries << w->page_lg2) - 1);
}

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

static struct vtd_pair
read_entry(const struct mem *mem, uint64_t addr)
{
    return (struct vtd_pair){ .lo = mem_read64le(mem, GPA(addr)),
                              .hi = mem_read64le(mem, GPA(addr + 8)) };
}

static bool
context_is_sound(const struct iommu_roots *roots, struct vtd_pair e)
{
    unsigned aw = vtd_ctx_aw(e.hi), widest = vtd_aw_code(roots->aw_bits);

    if ((e.lo & VTD_CTX_P) == 0 || (e.lo & VTD_CTX_LO_RSVD) != 0 ||
        (e.hi & VTD_CTX_HI_RSVD) != 0) {
        return false;
    }
    switch (vtd_ctx_tt(e.lo)) {
    case VTD_TT_TRANSLATE:
        return aw >= 1 && aw <= widest;
    case VTD_TT_PASS:
        return roots->pass_through && aw == widest;
    case VTD_TT_ATS:
    case VTD_TT_RESERVED:
        break;
    }
    return false;
}

void
walk_device(const struct mem *mem, const struct iommu_roots *roots, uint16_t sid,
            struct walk_device *out)
{
    *out = (struct walk_device){ .state = WALK_BLOCKED };
    out->root_entry = vtd_root_addr(roots->root_table.v, sid);
    if (!mem_is_ram(mem, GPA(out->root_entry))) {
        return;
    }
    out->root = read_entry(mem, out->root_entry);
    if ((out->root.lo & VTD_ROOT_P) == 0 || (out->root.lo & VTD_ROOT_LO_RSVD) != 0 ||
        (out->root.hi & VTD_ROOT_HI_RSVD) != 0) {
        return;
    }
    uint64_t context = vtd_ctx_addr(out->root.lo, sid);
    if (!mem_is_ram(mem, GPA(context))) {
        return;
    }
    out->context_entry = context;
    out->context = read_entry(mem, context);
    if (!context_is_sound(roots, out->context)) {
        return;
    }
    out->did = vtd_ctx_did(out->context.hi);
    out->table = out->context.lo & VTD_CTX_PTR;
    out->levels = vtd_aw_levels(vtd_ctx_aw(out->context.hi));
    out->state =
        vtd_ctx_tt(out->context.lo) == VTD_TT_PASS ? WALK_IDENTITY : WALK_TRANSLATED;
}
