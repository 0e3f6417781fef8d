/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The state of the VT-d model, for its own files and their tests: nobody else
 * includes this. What each file does is in its header.
 *
 *   vtd.c             the ops table, reset
 *   vtd_regs.c        the register page
 *   vtd_request.c     register-based invalidation
 *   vtd_queue.c       queued invalidation
 *   vtd_inval.c       what an invalidation does, however it was asked for
 *   vtd_notify.c      address spaces and the events that their subscribers get
 *   vtd_translate.c   one request
 *   vtd_context.c     root and context entries, PASID directory and table
 *   vtd_stage.c       first and second stage of one address
 *   vtd_walk.c        second-stage tables
 *   vtd_caches.c      what is cached; vtd_drop.c what drops it, vtd_cache_lines.c traces
 *   vtd_cache.c       one cache
 *   vtd_fault.c       fault recording and interrupts
 */
#ifndef IOMMUSIM_IOMMU_VTD_H
#define IOMMUSIM_IOMMU_VTD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iommu/iommu.h"
#include "iommu/vtd_cache.h"
#include "iommu/vtd_fmt.h"
#include "iommu/vtd_sm_fmt.h"

enum vtd_stage {
    VTD_QUEUE_IDLE,
    VTD_QUEUE_FETCH,   /* the descriptor at the head is to be read */
    VTD_QUEUE_EXECUTE, /* it was read and is sound */
    VTD_QUEUE_RETIRE,  /* it was executed; the head is to move */
};

struct vtd_queue {
    enum vtd_stage stage;
    struct vtd_pair desc; /* EXECUTE */
    bool last_was_wait;   /* the descriptor fetched last */
    bool stopped;         /* by a tail out of range, until the next good one */
};

struct vtd_space;

enum {
    VTD_TABLE_CACHES = 4, /* non-leaf levels: 2 to 5 */
};

struct vtd {
    struct iommu base;
    struct iommu_vtd_config cfg;
    struct vtd_ss_limits limits;
    struct vtd_ss_masks reserved;       /* what limits makes of them */
    struct vtd_ss_masks first_reserved; /* of first-stage entries */
    uint32_t regs[VTD_REG_END / 4];
    gpa_t root;           /* latched by SRTP, */
    enum vtd_ttm ttm;     /* and this with it */
    uint64_t epoch;       /* of power; events of an earlier one are void */
    uint64_t faults;      /* recorded */
    unsigned next_record; /* where the next one goes */
    struct vtd_queue queue;
    unsigned requests; /* register invalidations under way: VTD_REQUEST_ bits */
    struct vtd_cache contexts, pasids, iotlb;
    /* Paging-structure caches of second [0] and first [1] stage, levels 2 and up. */
    struct vtd_cache tables[2][VTD_TABLE_CACHES];
    struct vtd_space **spaces; /* in order of first attachment */
    size_t n_spaces;
};

enum {
    VTD_REQUEST_CONTEXT = 1 << 0,
    VTD_REQUEST_IOTLB = 1 << 1,
};

static inline struct vtd *
vtd_of(struct iommu *m)
{
    return (struct vtd *)(void *)m;
}

static inline const struct vtd *
vtd_of_const(const struct iommu *m)
{
    return (const struct vtd *)(const void *)m;
}

/* Registers as they stand inside: with what reads as zero, past all write rules. */
static inline uint32_t
vtd_get32(const struct vtd *v, enum vtd_reg reg)
{
    return v->regs[reg / 4];
}

static inline uint64_t
vtd_get64(const struct vtd *v, enum vtd_reg reg)
{
    return v->regs[reg / 4] | (uint64_t)v->regs[reg / 4 + 1] << 32;
}

static inline void
vtd_set32(struct vtd *v, enum vtd_reg reg, uint64_t value)
{
    v->regs[reg / 4] = (uint32_t)value;
}

static inline void
vtd_set64(struct vtd *v, enum vtd_reg reg, uint64_t value)
{
    v->regs[reg / 4] = (uint32_t)value;
    v->regs[reg / 4 + 1] = (uint32_t)(value >> 32);
}

/* A status bit of GSTS. */
static inline bool
vtd_is_on(const struct vtd *v, uint64_t bit)
{
    return (vtd_get32(v, VTD_GSTS) & bit) != 0;
}

/* Begin a trace record of this IOMMU. */
static inline void
vtd_trace_begin(const struct vtd *v, struct trace_rec *r, enum trace_event event)
{
    trace_begin(r, sim_now(v->base.env->sim), v->base.id, event);
}

static inline bool
vtd_wants(const struct vtd *v, enum trace_event event)
{
    return trace_wants(v->base.env->trace, event);
}

#endif
