/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The state of the VT-d model, for its own files and their tests: nobody else
 * includes this. What each file does is in its header.
 *
 *   vtd.c             the ops table, reset
 *   vtd_regs.c        the register page
 *   vtd_request.c     register-based invalidation
 *   vtd_queue.c       queued invalidation
 *   vtd_desc.c        which descriptors there are, and what is wrong with one
 *   vtd_devtlb.c      invalidations that devices have to complete
 *   vtd_late.c        walks that take time
 *   vtd_inval.c       what an invalidation does, however it was asked for
 *   vtd_notify.c      address spaces and the events that their subscribers get
 *   vtd_mirror.c      what they were told: the difference walk, replay
 *   vtd_window.c      unmapping everything
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
#include "iommu/vtd_reg_fmt.h"
#include "iommu/vtd_sm_fmt.h"

enum vtd_stage {
    VTD_QUEUE_IDLE,
    VTD_QUEUE_FETCH,   /* the descriptor at the head is to be read */
    VTD_QUEUE_EXECUTE, /* it was read and is sound */
    VTD_QUEUE_HOLD,    /* the same, but a device must complete something first */
    VTD_QUEUE_RETIRE,  /* it was executed; the head is to move */
};

/* As fetched; a 128-bit descriptor has no upper half. */
struct vtd_desc {
    uint64_t lo, hi, upper[2];
};

struct vtd_queue {
    enum vtd_stage stage;
    uint64_t base, bytes;             /* of the ring, as it was switched on */
    uint64_t tail;                    /* byte offset, as last taken from IQT */
    struct vtd_desc desc;             /* EXECUTE, HOLD: it, */
    const struct vtd_desc_kind *kind; /* and what it is */
    bool last_was_wait;               /* the descriptor fetched last */
    bool stopped;                     /* by an error, until the tail is written again */
};

/* Invalidation requests that devices have not completed. */
struct vtd_devtlb {
    struct vtd_devtlb_request {
        uint64_t serial;
        uint16_t sid;
    } * sent; /* n of them, in no order */
    size_t n, size;
    uint64_t serial; /* of the last one */
};

/* Walks under way. */
struct vtd_late {
    struct vtd_late_walk {
        uint64_t serial;
        uint64_t invalidations; /* as it began */
        uint16_t sid;
        struct vtd_cached found;
    } * walks; /* n of them, in no order */
    size_t n, size;
    uint64_t serial;        /* of the last one */
    uint64_t invalidations; /* so far */
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
    uint64_t faults;      /* reported, recorded or not */
    unsigned next_record; /* where the next one goes */
    struct vtd_queue queue;
    struct vtd_devtlb devtlb;
    struct vtd_late late;
    sim_time in_flight[2]; /* until when reads, writes are under way */
    sim_time drained;      /* when those are done that an invalidation has to wait for */
    unsigned requests;     /* register invalidations under way: VTD_REQUEST_ bits */
    struct vtd_cache contexts, pasids, iotlb;
    /* Paging-structure caches of second [0] and first [1] stage, levels 2 and up. */
    struct vtd_cache tables[2][VTD_TABLE_CACHES];
    bool tables_filled[2];     /* false: all of that stage's are empty */
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

/* Bytes of a descriptor in the queue that IQA describes. */
static inline unsigned
vtd_desc_bytes(const struct vtd *v)
{
    return (vtd_get64(v, VTD_IQA) & VTD_IQA_DW) != 0 ? 2 * VTD_DESC_BYTES
                                                     : VTD_DESC_BYTES;
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
