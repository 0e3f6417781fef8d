/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See vtd_stage.h. */
#include "iommu/vtd_stage.h"

#include "iommu/vtd_caches.h"

/* ---- second stage ---- */

/* Codes of legacy mode. */
static enum vtd_fault
second(struct vtd *v, const struct vtd_context *c, uint16_t sid, uint64_t addr,
       enum perm access, struct vtd_page *out)
{
    struct vtd_path path;

    if (addr >> vtd_context_width(v, c) != 0) {
        out->perm = PERM_RW; /* not what may be cached as a hole */
        return VTD_FAULT_ADDR;
    }
    struct vtd_table from = vtd_caches_table(v, c, false, sid, addr, vtd_top_table(c));
    enum vtd_fault fault = vtd_walk(v, c, from, sid, addr, access, &path, out);
    vtd_caches_put_path(v, c, false, sid, addr, &path);
    return fault;
}

/* What scalable mode calls a fault of the second stage. */
static enum vtd_fault
scalable_code(enum vtd_fault fault, const struct vtd_page *page)
{
    switch ((unsigned)fault) {
    case VTD_FAULT_ADDR:
        return VTD_FAULT_SM_ADDR;
    case VTD_FAULT_WRITE:
        return page->perm == PERM_NONE ? VTD_FAULT_SM_SS_P : VTD_FAULT_SM_WRITE;
    case VTD_FAULT_READ:
        return page->perm == PERM_NONE ? VTD_FAULT_SM_SS_P : VTD_FAULT_SM_READ;
    case VTD_FAULT_CONTEXT_INV:
        return VTD_FAULT_SM_SSPTR;
    case VTD_FAULT_PAGING_READ:
        return VTD_FAULT_SM_SS_READ;
    case VTD_FAULT_PAGING_RSVD:
        return VTD_FAULT_SM_SS_RSVD;
    case VTD_FAULT_INTERRUPT:
        return VTD_FAULT_SM_INTERRUPT;
    }
    return fault;
}

/* ---- first stage ---- */

/* One walk of the first stage. */
struct walk {
    struct vtd *v;
    const struct vtd_context *c;
    uint16_t sid;
    uint64_t iova;
    enum perm access;
};

static bool
is_nested(const struct walk *w)
{
    return w->c->kind == VTD_PGTT_NESTED;
}

/* t->page as the first stage has it becomes where it is. */
static enum vtd_fault
locate_table(const struct walk *w, struct vtd_table *t)
{
    const bool top = t->level == w->c->fs_levels;
    struct vtd_page page;

    if (!is_nested(w)) {
        return VTD_FAULT_NONE;
    }
    enum vtd_fault fault = second(w->v, w->c, w->sid, t->page, PERM_R, &page);
    switch ((unsigned)fault) {
    case VTD_FAULT_NONE:
        t->page = page.target + (t->page - page.first);
        t->locked = (page.perm & PERM_W) == 0;
        return VTD_FAULT_NONE;
    case VTD_FAULT_ADDR:
        return VTD_FAULT_SM_NEST_ADDR;
    case VTD_FAULT_READ:
        return top ? VTD_FAULT_SM_NEST_TOP_READ : VTD_FAULT_SM_NEST_READ;
    }
    return scalable_code(fault, &page);
}

/* The deepest cached table, else the top one. */
static enum vtd_fault
first_table(const struct walk *w, struct vtd_table *at)
{
    const struct vtd_table top = {
        .page = w->c->fs_table,
        .level = w->c->fs_levels,
        .perm = PERM_RW,
        .user = true,
    };

    *at = vtd_caches_table(w->v, w->c, true, w->sid, w->iova, top);
    return at->level == top.level ? locate_table(w, at) : VTD_FAULT_NONE;
}

/* Supervisors write where they like unless WPE is set. */
static bool
binds(const struct vtd_context *c)
{
    return !c->privileged || c->write_protect;
}

/* The entry's own checks, in order; `at` takes in what it allows. */
static enum vtd_fault
check_entry(const struct walk *w, struct vtd_table *at, uint64_t entry)
{
    const bool leaf = vtd_fs_is_leaf(entry, at->level);

    if ((entry & VTD_FS_P) == 0) {
        return VTD_FAULT_SM_FS_P;
    }
    at->user = at->user && (entry & VTD_FS_US) != 0;
    if (!at->user && !w->c->privileged) {
        return VTD_FAULT_SM_USER;
    }
    if ((entry & VTD_FS_RW) == 0) {
        at->perm = PERM_R;
    }
    if (w->access == PERM_W && at->perm == PERM_R && binds(w->c)) {
        return VTD_FAULT_SM_WRITE;
    }
    if ((entry & (leaf ? w->v->first_reserved.leaf
                       : w->v->first_reserved.table)[at->level]) != 0) {
        return VTD_FAULT_SM_FS_RSVD;
    }
    return VTD_FAULT_NONE;
}

/* Set A and its like in the entry at addr, in one store. */
static enum vtd_fault
mark(const struct walk *w, const struct vtd_table *at, uint64_t addr, uint64_t entry,
     uint64_t bits)
{
    bits |= VTD_FS_A | (w->c->extended_access ? VTD_FS_EA : 0);
    if ((entry & bits) == bits) {
        return VTD_FAULT_NONE;
    }
    if (at->locked) {
        return VTD_FAULT_SM_NEST_WRITE;
    }
    return mem_write64le(w->v->base.env->mem, GPA(addr), entry | bits)
               ? VTD_FAULT_NONE
               : VTD_FAULT_SM_AD_FAILED;
}

/* The page of a leaf, from the second stage if there is one. */
static enum vtd_fault
finish(const struct walk *w, const struct vtd_table *at, uint64_t entry,
       struct vtd_page *out)
{
    const enum perm perm = binds(w->c) ? at->perm : PERM_RW;
    struct vtd_page below;

    *out = vtd_page_at(w->iova, at->level, vtd_fs_addr(entry, at->level), perm);
    if (!is_nested(w)) {
        return ranges_overlap(out->target, out->target + (out->last - out->first),
                              VTD_INTERRUPT_FIRST, VTD_INTERRUPT_LAST)
                   ? VTD_FAULT_SM_INTERRUPT
                   : VTD_FAULT_NONE;
    }
    const uint64_t gpa = out->target + (w->iova - out->first);
    enum vtd_fault fault = second(w->v, w->c, w->sid, gpa, w->access, &below);
    if (fault != VTD_FAULT_NONE) {
        return scalable_code(fault, &below);
    }
    const unsigned level = below.level < at->level ? below.level : at->level;
    const uint64_t target = below.target + (gpa - below.first);
    *out = vtd_page_at(w->iova, level, align_down(target, vtd_ss_span_lg2(level)),
                       (enum perm)(perm & below.perm));
    return VTD_FAULT_NONE;
}

/* Down from `at`, whose page is located. */
static enum vtd_fault
descend(const struct walk *w, struct vtd_table at, struct vtd_path *path,
        struct vtd_page *out, bool *clean)
{
    for (;; at.level--) {
        uint64_t addr = at.page + 8 * (uint64_t)vtd_ss_index(w->iova, at.level), entry;
        path->lowest = at.level;
        if (!vtd_read_entry(w->v, addr, &entry)) {
            return at.level == w->c->fs_levels ? VTD_FAULT_SM_FSPTR_READ
                                               : VTD_FAULT_SM_FS_READ;
        }
        if (vtd_wants(w->v, TE_WALK)) {
            vtd_trace_walk(w->v, w->c, w->sid, w->iova, at.level, addr, entry, true);
        }
        enum vtd_fault fault = check_entry(w, &at, entry);
        if (fault != VTD_FAULT_NONE) {
            return fault;
        }
        if (vtd_fs_is_leaf(entry, at.level)) {
            *clean = w->access != PERM_W && (entry & VTD_FS_D) == 0;
            fault = finish(w, &at, entry, out);
            return fault != VTD_FAULT_NONE
                       ? fault
                       : mark(w, &at, addr, entry, w->access == PERM_W ? VTD_FS_D : 0);
        }
        fault = mark(w, &at, addr, entry, 0);
        struct vtd_table *next = &path->at[at.level - 1];
        *next = at;
        next->level--;
        next->page = vtd_fs_addr(entry, at.level);
        if (fault == VTD_FAULT_NONE) {
            fault = locate_table(w, next);
        }
        if (fault != VTD_FAULT_NONE) {
            return fault;
        }
        at.page = next->page;
        at.locked = next->locked;
    }
}

static enum vtd_fault
first(const struct walk *w, struct vtd_page *out, bool *clean)
{
    struct vtd_table at;
    struct vtd_path path;

    if (!vtd_fs_canonical(w->iova, vtd_ss_span_lg2(w->c->fs_levels) + 9)) {
        return VTD_FAULT_SM_CANONICAL;
    }
    enum vtd_fault fault = first_table(w, &at);
    if (fault != VTD_FAULT_NONE) {
        return fault;
    }
    path.from = at.level;
    fault = descend(w, at, &path, out, clean);
    vtd_caches_put_path(w->v, w->c, true, w->sid, w->iova, &path);
    return fault;
}

enum vtd_fault
vtd_stage_walk(struct vtd *v, const struct vtd_context *c, uint16_t sid, uint64_t iova,
               enum perm access, struct vtd_page *out, bool *clean)
{
    *clean = false;
    if (vtd_context_has_first(c)) {
        const struct walk w = { v, c, sid, iova, access };
        return first(&w, out, clean);
    }
    enum vtd_fault fault = second(v, c, sid, iova, access, out);
    if (fault == VTD_FAULT_NONE || c->pasid == IOMMU_NO_PASID) {
        return fault;
    }
    return fault == VTD_FAULT_ADDR && iova >> v->cfg.aw_bits != 0
               ? VTD_FAULT_SM_HAW
               : scalable_code(fault, out);
}
