/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See vtd_walk.h. */
#include "iommu/vtd_walk.h"

#include <endian.h>

enum {
    TABLE_ENTRIES = 512,
    LINE_ENTRIES = 8, /* see mem_page_lines */
};

/* ---- one address ---- */

void
vtd_trace_walk(const struct vtd *v, const struct vtd_context *c, uint16_t sid,
               uint64_t iova, unsigned level, uint64_t addr, uint64_t entry, bool first)
{
    struct trace_rec r;

    vtd_trace_begin(v, &r, TE_WALK);
    trace_u64(&r, TF_SID, sid);
    trace_u64(&r, TF_DID, c->did);
    trace_u64(&r, TF_IOVA, iova);
    trace_u64(&r, TF_LEVEL, level);
    trace_u64(&r, TF_ADDR, addr);
    trace_u64(&r, TF_ENTRY, entry);
    if (c->pasid != IOMMU_NO_PASID) {
        trace_u64(&r, TF_PASID, c->pasid);
        trace_text(&r, TF_TYPE, first ? "first" : "second");
    }
    trace_emit(v->base.env->trace, &r);
}

/* All ones may be an entry or the sign that there is no memory. */
bool
vtd_read_entry(const struct vtd *v, uint64_t addr, uint64_t *entry)
{
    *entry = mem_read64le(v->base.env->mem, GPA(addr));
    return *entry != UINT64_MAX ||
           (!env_quirk(v->base.env, QUIRK_VTD_ALL_ONES_UNREADABLE) &&
            mem_read(v->base.env->mem, GPA(addr), entry, sizeof(*entry)));
}

enum vtd_fault
vtd_walk(const struct vtd *v, const struct vtd_context *c, struct vtd_table at,
         uint16_t sid, uint64_t iova, enum perm access, struct vtd_path *path,
         struct vtd_page *out)
{
    const bool traced = vtd_wants(v, TE_WALK);

    path->from = at.level;
    for (;; at.level--) {
        uint64_t addr = at.page + 8 * (uint64_t)vtd_ss_index(iova, at.level), entry;
        bool readable = vtd_read_entry(v, addr, &entry);
        path->lowest = at.level;
        *out = vtd_page_at(iova, at.level, vtd_ss_addr(entry), PERM_NONE);
        if (!readable) {
            return at.level == c->ss_levels ? VTD_FAULT_CONTEXT_INV
                                            : VTD_FAULT_PAGING_READ;
        }
        if (traced) {
            vtd_trace_walk(v, c, sid, iova, at.level, addr, entry, false);
        }
        at.perm = (enum perm)(at.perm & vtd_ss_perm(entry));
        if ((at.perm & access) == 0) {
            out->perm = at.perm;
            return access == PERM_W ? VTD_FAULT_WRITE : VTD_FAULT_READ;
        }
        bool leaf = vtd_ss_is_leaf(entry, at.level);
        if ((entry & (leaf ? v->reserved.leaf : v->reserved.table)[at.level]) != 0) {
            return VTD_FAULT_PAGING_RSVD;
        }
        if (leaf) {
            if (vtd_ss_hits_interrupt(entry, at.level) &&
                !env_quirk(v->base.env, QUIRK_VTD_ALLOW_MSI_OUTPUT)) {
                return VTD_FAULT_INTERRUPT;
            }
            out->perm = at.perm;
            return VTD_FAULT_NONE;
        }
        at.page = vtd_ss_addr(entry);
        path->at[at.level - 1] =
            (struct vtd_table){ .page = at.page, .level = at.level - 1, .perm = at.perm };
    }
}

bool
vtd_lookup(const struct vtd *v, const struct vtd_context *c, uint16_t sid, uint64_t iova,
           struct vtd_page *out)
{
    const bool reads = env_quirk(v->base.env, QUIRK_VTD_NONE_READS);
    struct vtd_path path;

    if (!vtd_context_translates(c) || c->kind == VTD_PGTT_FIRST ||
        iova >> vtd_context_width(v, c) != 0 || vtd_is_interrupt(iova)) {
        return false;
    }
    if (vtd_walk(v, c, vtd_top_table(c), sid, iova, PERM_R, &path, out) ==
        VTD_FAULT_NONE) {
        if (reads) {
            out->perm = PERM_R;
        }
        return true;
    }
    return !reads && vtd_walk(v, c, vtd_top_table(c), sid, iova, PERM_W, &path, out) ==
                         VTD_FAULT_NONE;
}

/* ---- a range ---- */

struct visit {
    const struct mem *mem;
    const struct vtd_ss_masks *reserved;
    struct vtd_visitor *visitor;
    uint64_t first, last;
};

enum kind { HOLE, TABLE, PAGE, BAD };

static inline __attribute__((always_inline)) enum kind
classify(const struct visit *t, uint64_t entry, unsigned level, enum perm perm)
{
    const struct vtd_ss_masks *reserved = t->reserved;
    const struct vtd_visitor *visitor = t->visitor;

    if (level > 1 && (entry & (reserved->table[level] | VTD_SS_PS)) == 0 &&
        (perm & vtd_ss_perm(entry)) != 0) {
        return TABLE; /* nearly all of them, quickly told */
    }
    const bool leaf = vtd_ss_is_leaf(entry, level);
    const bool bad = (entry & (leaf ? reserved->leaf : reserved->table)[level]) != 0;

    if (bad && visitor->bad != NULL) {
        return BAD;
    }
    if (bad || (perm & vtd_ss_perm(entry)) == 0 ||
        (leaf && !visitor->interrupt_pages && vtd_ss_hits_interrupt(entry, level))) {
        return HOLE;
    }
    return leaf ? PAGE : TABLE;
}

/* The leaf that translates `at`, below entries that allow `perm`. */
static void
tell_page(const struct visit *t, unsigned level, uint64_t at, uint64_t entry,
          enum perm perm)
{
    struct vtd_page page = vtd_page_at(at, level, vtd_ss_addr(entry),
                                       (enum perm)(perm & vtd_ss_perm(entry)));

    t->visitor->page(t->visitor, &page);
}

/* Slots from..to, inclusive, of the table of `level` whose slot 0 stands for `base`. */
static void
tell_hole(const struct visit *t, unsigned level, uint64_t base, unsigned from,
          unsigned to)
{
    unsigned lg2 = vtd_ss_span_lg2(level);

    t->visitor->hole(t->visitor, level, base + ((uint64_t)from << lg2),
                     base + (((uint64_t)to + 1) << lg2) - 1);
}

/* The same of a table without words: all zeros, or no memory. */
static void
tell_blank(const struct visit *t, uint64_t table, unsigned level, uint64_t base,
           unsigned from, unsigned to)
{
    unsigned lg2 = vtd_ss_span_lg2(level);
    uint64_t word;

    if (t->visitor->bad == NULL || mem_read(t->mem, GPA(table), &word, sizeof(word))) {
        tell_hole(t, level, base, from, to);
        return;
    }
    t->visitor->bad(t->visitor, level, base + ((uint64_t)from << lg2),
                    base + (((uint64_t)to + 1) << lg2) - 1);
}

/*
 * The first slot from i on, which is zero, that is not, or one behind `to`. Most tables
 * are mostly zeros, so only those lines of eight are looked at that were written to.
 */
static unsigned
skip_zeros(const uint64_t *words, uint64_t lines, unsigned i, unsigned to)
{
    for (;;) {
        const uint64_t left = lines & UINT64_MAX << i / LINE_ENTRIES;
        const unsigned line = left != 0 ? (unsigned)__builtin_ctzll(left) : 0;
        if (left == 0 || line * LINE_ENTRIES > to) {
            return to + 1;
        }
        i = line * LINE_ENTRIES > i ? line * LINE_ENTRIES : i;
        do {
            if (words[i] != 0) {
                return i;
            }
            if (++i > to) {
                return i;
            }
        } while (i % LINE_ENTRIES != 0);
    }
}

static void
visit_table(const struct visit *t, uint64_t table, unsigned level, uint64_t base,
            enum perm perm)
{
    const unsigned lg2 = vtd_ss_span_lg2(level);
    const uint64_t span = (uint64_t)TABLE_ENTRIES << lg2;
    const unsigned from = t->first <= base ? 0 : vtd_ss_index(t->first, level);
    const unsigned to =
        t->last - base >= span ? TABLE_ENTRIES - 1 : vtd_ss_index(t->last, level);
    uint64_t lines;
    const uint64_t *words = mem_page_lines(t->mem, GPA(table), &lines);
    unsigned hole = from; /* where the run of empty slots before `i` begins */

    if (words == NULL) {
        tell_blank(t, table, level, base, from, to);
        return;
    }
    for (unsigned i = from; i <= to; i++) {
        if (words[i] == 0) {
            i = skip_zeros(words, lines, i, to);
            if (i > to) {
                break;
            }
        }
        uint64_t entry = le64toh(words[i]), at = base + ((uint64_t)i << lg2);
        enum kind kind = classify(t, entry, level, perm);
        if (kind == HOLE) {
            continue;
        }
        if (hole < i) {
            tell_hole(t, level, base, hole, i - 1);
        }
        hole = i + 1;
        if (kind == PAGE) {
            tell_page(t, level, at, entry, perm);
        } else if (kind == BAD) {
            t->visitor->bad(t->visitor, level, at, at + ((UINT64_C(1) << lg2) - 1));
        } else {
            visit_table(t, vtd_ss_addr(entry), level - 1, at,
                        (enum perm)(perm & vtd_ss_perm(entry)));
        }
    }
    if (hole <= to) {
        tell_hole(t, level, base, hole, to);
    }
}

/*
 * The same from the top. As long as all of the range lies within one entry there is
 * nothing to tell of the others: straight down.
 */
static void
visit_from(const struct visit *t, uint64_t table, unsigned level)
{
    const uint64_t first = t->first, differ = t->first ^ t->last;
    unsigned lg2 = vtd_ss_span_lg2(level);
    enum perm perm = PERM_RW;

    for (; differ >> lg2 == 0; level--, lg2 -= 9) {
        const uint64_t *words = mem_page_words(t->mem, GPA(table));
        if (words == NULL) {
            break;
        }
        const uint64_t entry = le64toh(words[first >> lg2 & (TABLE_ENTRIES - 1)]);
        const enum kind kind = classify(t, entry, level, perm);
        if (kind == PAGE) {
            tell_page(t, level, first, entry, perm);
            return;
        }
        if (kind == HOLE) {
            t->visitor->hole(t->visitor, level, align_down(first, lg2),
                             first | ((UINT64_C(1) << lg2) - 1));
            return;
        }
        if (kind == BAD) {
            break;
        }
        perm = (enum perm)(perm & vtd_ss_perm(entry));
        table = vtd_ss_addr(entry);
    }
    visit_table(t, table, level, align_down(first, lg2 + 9), perm);
}

void
vtd_visit(const struct vtd *v, const struct vtd_context *c, uint64_t first, uint64_t last,
          struct vtd_visitor *visitor)
{
    const struct visit t = { v->base.env->mem, &v->reserved, visitor, first, last };
    uint64_t beyond = 0; /* the first address that the context does not take */
    unsigned levels = 0;

    if (vtd_context_translates(c) && c->kind != VTD_PGTT_FIRST) {
        levels = c->ss_levels;
        beyond = UINT64_C(1) << vtd_context_width(v, c);
        if (first < beyond) {
            visit_from(&t, c->ss_table, levels);
        }
    } else {
        levels = vtd_aw_levels(vtd_aw_code(v->cfg.aw_bits));
    }
    if (last >= beyond) {
        visitor->hole(visitor, levels + 1, first > beyond ? first : beyond, last);
    }
}
