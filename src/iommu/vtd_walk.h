/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading VT-d tables as the hardware does: root and context entries, one address
 * through the second stage, and everything that a range holds.
 *
 * Order of the checks: root table readable, root entry present, reserved bits;
 * context table readable, entry present, reserved bits, AW and TT; input width;
 * then at each level: entry readable, permission, reserved bits.
 */
#ifndef IOMMUSIM_IOMMU_VTD_WALK_H
#define IOMMUSIM_IOMMU_VTD_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/vtd.h"

/* A context entry, and what is wrong with it or with the way to it. */
struct vtd_context {
    struct vtd_pair entry; /* zero where the way does not lead to it */
    enum vtd_fault fault;  /* VTD_FAULT_NONE: sound */
};

/* The entry of `sid` as it stands in memory. */
struct vtd_context vtd_context_read(const struct vtd *v, uint16_t sid);

static inline bool
vtd_context_translates(const struct vtd_context *c)
{
    return c->fault == VTD_FAULT_NONE && vtd_ctx_tt(c->entry.lo) != VTD_TT_PASS;
}

static inline bool
vtd_context_passes(const struct vtd_context *c)
{
    return c->fault == VTD_FAULT_NONE && vtd_ctx_tt(c->entry.lo) == VTD_TT_PASS;
}

/* A sound entry that passes, read as if it did not: its table pointer counts. */
static inline struct vtd_context
vtd_context_as_translating(const struct vtd_context *c)
{
    struct vtd_context t = *c;

    t.entry.lo = vtd_ctx_lo(VTD_TT_TRANSLATE, c->entry.lo & VTD_CTX_PTR);
    return t;
}

/* Sound, and of that domain. */
static inline bool
vtd_context_in(const struct vtd_context *c, uint16_t did)
{
    return c->fault == VTD_FAULT_NONE && vtd_ctx_did(c->entry.hi) == did;
}

/* Bits of input address that a context that translates takes. */
unsigned vtd_context_width(const struct vtd *v, const struct vtd_context *c);

/* A leaf, or what stands in its place. */
struct vtd_page {
    uint64_t first, last; /* bus addresses of all of it */
    uint64_t target;      /* at first */
    unsigned level;
    enum perm perm; /* of all levels together; PERM_NONE: nothing here for anybody */
};

/*
 * One address below the width, one kind of access (PERM_R or PERM_W), through a
 * context that translates. On a fault `out` says where the walk ended, with
 * PERM_NONE if no access of any kind would have got further. `sid` is for the trace.
 */
enum vtd_fault vtd_walk(const struct vtd *v, const struct vtd_context *c, uint16_t sid,
                        uint64_t iova, enum perm access, struct vtd_page *out);

/*
 * Everything in [first, last], in ascending order: each leaf that translates, and
 * the runs of entries between them that do not. Both are told whole, even where they
 * stick out of the range. Costs as much as the range holds, not as it spans.
 */
struct vtd_visitor {
    void (*page)(struct vtd_visitor *self, const struct vtd_page *p);
    /* Entries of `level` that lead nowhere; [first, last] are whole spans of them. */
    void (*hole)(struct vtd_visitor *self, unsigned level, uint64_t first, uint64_t last);
    /*
     * NULL: they are holes. One entry with reserved bits set, present or not, or the
     * entries of a table that cannot be read.
     */
    void (*bad)(struct vtd_visitor *self, unsigned level, uint64_t first, uint64_t last);
    bool interrupt_pages; /* leaves over the interrupt range are pages like any other */
};
void vtd_visit(const struct vtd *v, const struct vtd_context *c, uint64_t first,
               uint64_t last, struct vtd_visitor *visitor);

#endif
