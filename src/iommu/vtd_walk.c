/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See vtd_walk.h. */
#include "iommu/vtd_walk.h"

#include <endian.h>

enum {
    TABLE_ENTRIES = 512,
};

/* ---- root and context ---- */

static bool
read_pair(const struct vtd *v, uint64_t addr, struct vtd_pair *out)
{
    uint64_t words[2];

    if (!mem_read(v->base.env->mem, GPA(addr), words, sizeof(words))) {
        return false;
    }
    *out = (struct vtd_pair){ le64toh(words[0]), le64toh(words[1]) };
    return true;
}

/* Address bits beyond the host address width. */
static uint64_t
beyond_haw(const struct vtd *v)
{
    return ~VTD_BITS(v->limits.haw - 1, 0);
}

static enum vtd_fault
check_context(const struct vtd *v, const struct vtd_pair *e)
{
    unsigned aw = vtd_ctx_aw(e->hi), widest = vtd_aw_code(v->cfg.aw_bits);

    if ((e->lo & VTD_CTX_P) == 0) {
        return VTD_FAULT_CONTEXT_P;
    }
    if ((e->lo & (VTD_CTX_LO_RSVD | beyond_haw(v))) != 0 ||
        (e->hi & VTD_CTX_HI_RSVD) != 0) {
        return VTD_FAULT_CONTEXT_RSVD;
    }
    if (aw < 1 || aw > widest) {
        return VTD_FAULT_CONTEXT_INV;
    }
    switch (vtd_ctx_tt(e->lo)) {
    case VTD_TT_TRANSLATE:
        return VTD_FAULT_NONE;
    case VTD_TT_PASS:
        return v->cfg.pass_through && aw == widest ? VTD_FAULT_NONE
                                                   : VTD_FAULT_CONTEXT_INV;
    case VTD_TT_ATS:
    case VTD_TT_RESERVED:
        break;
    }
    return VTD_FAULT_CONTEXT_INV;
}

struct vtd_context
vtd_context_read(const struct vtd *v, uint16_t sid)
{
    struct vtd_context c = { .fault = VTD_FAULT_ROOT_READ };
    struct vtd_pair root;

    if (!read_pair(v, vtd_root_addr(v->root.v, sid), &root)) {
        return c;
    }
    if ((root.lo & VTD_ROOT_P) == 0) {
        c.fault = VTD_FAULT_ROOT_P;
    } else if ((root.lo & (VTD_ROOT_LO_RSVD | beyond_haw(v))) != 0 ||
               (root.hi & VTD_ROOT_HI_RSVD) != 0) {
        c.fault = VTD_FAULT_ROOT_RSVD;
    } else if (!read_pair(v, vtd_ctx_addr(root.lo, sid), &c.entry)) {
        c.fault = VTD_FAULT_CONTEXT_READ;
    } else {
        c.fault = check_context(v, &c.entry);
    }
    return c;
}

unsigned
vtd_context_width(const struct vtd *v, const struct vtd_context *c)
{
    unsigned width = vtd_aw_bits(vtd_ctx_aw(c->entry.hi));

    return width < v->cfg.aw_bits ? width : v->cfg.aw_bits;
}

/* ---- one address ---- */

static void
trace_step(const struct vtd *v, const struct vtd_context *c, uint16_t sid, uint64_t iova,
           unsigned level, uint64_t addr, uint64_t entry)
{
    struct trace_rec r;

    if (!vtd_wants(v, TE_WALK)) {
        return;
    }
    vtd_trace_begin(v, &r, TE_WALK);
    trace_u64(&r, TF_SID, sid);
    trace_u64(&r, TF_DID, vtd_ctx_did(c->entry.hi));
    trace_u64(&r, TF_IOVA, iova);
    trace_u64(&r, TF_LEVEL, level);
    trace_u64(&r, TF_ADDR, addr);
    trace_u64(&r, TF_ENTRY, entry);
    trace_emit(v->base.env->trace, &r);
}

/* All ones may be an entry or the sign that there is no memory. */
static bool
read_entry(const struct vtd *v, uint64_t addr, uint64_t *entry)
{
    *entry = mem_read64le(v->base.env->mem, GPA(addr));
    return *entry != UINT64_MAX ||
           mem_read(v->base.env->mem, GPA(addr), entry, sizeof(*entry));
}

/* The page that an entry of `level` at `iova` stands for. */
static struct vtd_page
page_at(uint64_t iova, unsigned level, uint64_t entry, enum perm perm)
{
    unsigned lg2 = vtd_ss_span_lg2(level);
    uint64_t first = align_down(iova, lg2);

    return (struct vtd_page){
        .first = first,
        .last = first + ((UINT64_C(1) << lg2) - 1),
        .target = vtd_ss_addr(entry),
        .level = level,
        .perm = perm,
    };
}

enum vtd_fault
vtd_walk(const struct vtd *v, const struct vtd_context *c, uint16_t sid, uint64_t iova,
         enum perm access, struct vtd_page *out)
{
    const unsigned top = vtd_aw_levels(vtd_ctx_aw(c->entry.hi));
    uint64_t table = c->entry.lo & VTD_CTX_PTR;
    enum perm perm = PERM_RW;

    for (unsigned level = top;; level--) {
        uint64_t addr = table + 8 * (uint64_t)vtd_ss_index(iova, level), entry;
        bool readable = read_entry(v, addr, &entry);
        *out = page_at(iova, level, entry, PERM_NONE);
        if (!readable) {
            return level == top ? VTD_FAULT_CONTEXT_INV : VTD_FAULT_PAGING_READ;
        }
        trace_step(v, c, sid, iova, level, addr, entry);
        perm = (enum perm)(perm & vtd_ss_perm(entry));
        if ((perm & access) == 0) {
            out->perm = perm;
            return access == PERM_W ? VTD_FAULT_WRITE : VTD_FAULT_READ;
        }
        bool leaf = vtd_ss_is_leaf(entry, level);
        if ((entry & (leaf ? v->reserved.leaf : v->reserved.table)[level]) != 0) {
            return VTD_FAULT_PAGING_RSVD;
        }
        if (leaf) {
            if (vtd_ss_hits_interrupt(entry, level)) {
                return VTD_FAULT_INTERRUPT;
            }
            out->perm = perm;
            return VTD_FAULT_NONE;
        }
        table = vtd_ss_addr(entry);
    }
}

/* ---- a range ---- */

struct visit {
    const struct vtd *v;
    struct vtd_visitor *visitor;
    uint64_t first, last;
};

enum kind { HOLE, TABLE, PAGE, BAD };

static enum kind
classify(const struct visit *t, uint64_t entry, unsigned level, enum perm perm)
{
    if (entry == 0) {
        return HOLE;
    }
    const struct vtd_ss_masks *reserved = &t->v->reserved;
    const struct vtd_visitor *visitor = t->visitor;
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

    if (t->visitor->bad == NULL ||
        mem_read(t->v->base.env->mem, GPA(table), &word, sizeof(word))) {
        tell_hole(t, level, base, from, to);
        return;
    }
    t->visitor->bad(t->visitor, level, base + ((uint64_t)from << lg2),
                    base + (((uint64_t)to + 1) << lg2) - 1);
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
    const uint64_t *words = mem_page_words(t->v->base.env->mem, GPA(table));
    unsigned hole = from; /* where the run of empty slots before `i` begins */

    if (words == NULL) {
        tell_blank(t, table, level, base, from, to);
        return;
    }
    for (unsigned i = from; i <= to; i++) {
        uint64_t entry = le64toh(words[i]), at = base + ((uint64_t)i << lg2);
        enum kind kind = classify(t, entry, level, perm);
        if (kind == HOLE) {
            continue;
        }
        if (hole < i) {
            tell_hole(t, level, base, hole, i - 1);
        }
        hole = i + 1;
        enum perm here = (enum perm)(perm & vtd_ss_perm(entry));
        if (kind == PAGE) {
            struct vtd_page page = page_at(at, level, entry, here);
            t->visitor->page(t->visitor, &page);
        } else if (kind == BAD) {
            t->visitor->bad(t->visitor, level, at, at + ((UINT64_C(1) << lg2) - 1));
        } else {
            visit_table(t, vtd_ss_addr(entry), level - 1, at, here);
        }
    }
    if (hole <= to) {
        tell_hole(t, level, base, hole, to);
    }
}

void
vtd_visit(const struct vtd *v, const struct vtd_context *c, uint64_t first, uint64_t last,
          struct vtd_visitor *visitor)
{
    const struct visit t = { v, visitor, first, last };
    uint64_t beyond = 0; /* the first address that the context does not take */
    unsigned levels = 0;

    if (vtd_context_translates(c)) {
        levels = vtd_aw_levels(vtd_ctx_aw(c->entry.hi));
        beyond = UINT64_C(1) << vtd_context_width(v, c);
        if (first < beyond) {
            visit_table(&t, c->entry.lo & VTD_CTX_PTR, levels, 0, PERM_RW);
        }
    } else {
        levels = vtd_aw_levels(vtd_aw_code(v->cfg.aw_bits));
    }
    if (last >= beyond) {
        visitor->hole(visitor, levels + 1, first > beyond ? first : beyond, last);
    }
}
