/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The guest's VT-d driver: units (one for each IOMMU), domains (page tables with a
 * domain id), and the steps that are carried out on them.
 *
 * The driver follows Linux: root table, queue of 256 descriptors, each request
 * followed by a wait of its own whose status word the driver spins on. A unit with
 * scalable mode is used in scalable mode: a device has one context entry as long as it
 * is there, and is attached by entries of its PASID table; what comes without PASID
 * goes by PASID 0.
 * Source: Linux drivers/iommu/intel; the VT-d specification's guidance to software.
 */
#ifndef IOMMUSIM_GUEST_INTEL_DRIVER_H
#define IOMMUSIM_GUEST_INTEL_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest/guest.h"
#include "guest/intel_invalidate.h"
#include "guest/intel_queue.h"
#include "guest/intel_tables.h"
#include "guest/table_pages.h"

struct op;
struct phase;

/* What is attached to a domain: a device, or one PASID of it. */
struct intel_tag {
    uint32_t device;
    uint32_t pasid; /* IOMMU_NO_PASID: the requests without one */
};

struct intel_domain {
    struct intel_unit *unit;
    enum domain_type type;
    struct intel_domain *parent; /* nested: the domain of its second stage */
    bool has_nested;             /* it is such a parent */
    uint16_t did;                /* 0: none given yet */
    bool own;                    /* a device's own: its tables go with the device */
    bool queued;                 /* in its unit's lazy queue */
    unsigned aw_bits;            /* of the tables */
    unsigned iova_bits;          /* that map takes: aw_bits, or the lower half */
    struct intel_tables tables;  /* of its own stage; passthrough: none */
    struct intel_tag *tags;      /* in order of attachment */
    size_t n_tags, tag_capacity;
};

/* Requests go through first-stage tables (or none): the tag of cached entries is the
 * PASID, and entries that are not present are never cached. */
static inline bool
intel_domain_by_pasid(const struct intel_domain *d)
{
    return d->type != DOMAIN_SECOND_STAGE;
}

/* Unmaps whose invalidation is deferred. */
struct intel_lazy {
    struct intel_domain **domains; /* each once, in order of first unmap */
    size_t n, capacity;
    struct page_list pages; /* unlinked by them */
    uint64_t entries;       /* unmaps */
    uint64_t epoch;         /* counts the times the queue became non-empty */
};

struct intel_unit {
    struct guest *g;
    struct iommu *m;
    const struct scenario_iommu *cfg;
    uint64_t cap, ecap;
    bool scalable; /* its tables have the formats of scalable mode */
    bool on;       /* set up by the driver */
    gpa_t root_table;
    bool has_root_table;
    uint8_t *dids;                /* bit for each DID in use */
    struct intel_domain identity; /* pass-through: a DID and no tables */
    struct intel_queue queue;
    struct intel_lazy lazy;
};

/* What an operation on a unit has in hand. */
struct intel_work {
    struct intel_unit *unit;
    struct intel_domain *domain;
    /* map, unmap, change */
    uint8_t kind;               /* enum step_kind */
    uint8_t flush;              /* enum flush_scope */
    struct table_change change; /* range, target and permission of all three */
    struct table_work tables;
    /* attach */
    uint32_t device, pasid;  /* IOMMU_NO_PASID: what comes without one */
    struct intel_domain *to; /* NULL: to none */
    bool new_root_entry, new_context;
    bool keep_fpd; /* what is cleared goes on recording no faults */
    bool torn;     /* what is cleared has lost all but its first word: it was `was` */
    struct intel_binding was;
    /* lazy flush, a list taken from the unit; flush of everything */
    struct intel_lazy drain;
    size_t at;
    /* the submissions in progress */
    struct intel_plan plan;
    struct intel_submission submit;
    struct phase (*then)(struct op *op); /* after setting up the unit */
};
void intel_work_fini(struct intel_work *w);

/* Units and domains of g->sc, as described in guest.h. */
void intel_init(struct guest *g);
void intel_fini(struct guest *g);

/* First phases. The step's device or domain is behind a VT-d. */
struct phase intel_map(struct op *op); /* map, unmap, change */
struct phase intel_flush(struct op *op);
struct phase intel_attach(struct op *op); /* attach, detach */
struct phase intel_ats(struct op *op);    /* all but the control in the device */
struct phase intel_pte(struct op *op);
struct phase intel_entry_step(struct op *op); /* context, pasid, pasid_dir, root */
struct phase intel_qi(struct op *op);
/* op->vtd.unit, or op->vtd.device, set by the caller */
struct phase intel_boot(struct op *op);
struct phase intel_plug(struct op *op);
struct phase intel_unplug(struct op *op);

/* Linux leaves a unit alone whose SAGAW is empty: it does not translate. */
bool intel_translates(const struct intel_unit *u);
/* Where CAP.RWBF asks for it. */
void intel_flush_write_buffer(struct op *op);

void intel_reset(struct intel_unit *u);
bool intel_lazy_pending(const struct intel_unit *u);

/* Raw steps may have written into tables. */
void intel_forget_tables(struct guest *g);

#endif
