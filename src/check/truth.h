/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Truth: what each device's tables say now, and word of every change of it.
 *
 * A *view* is what devices look through: the tables of a VT-d domain (named by DID,
 * top tables, levels, and where there is a first stage by PASID) or a PAPR window. Every
 * page of a view's tables is watched in memory; a store into one is turned, by the
 * reverse index of table_index.h, into the range of bus addresses whose truth changed.
 * Stores into what leads to the tables (root, context, PASID directory and PASID entry)
 * move devices from view to view.
 *
 * The requests of a device with one PASID are a truth_device of their own.
 *
 * The cost follows the change: a leaf is one step, a table entry a walk of what was
 * and what is linked below it. Only a second stage that a first one uses there costs
 * a walk of that first stage.
 */
#ifndef IOMMUSIM_CHECK_TRUTH_H
#define IOMMUSIM_CHECK_TRUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "check/entries.h"
#include "check/records.h"
#include "check/walk.h"
#include "iommu/iommu.h"
#include "notify/env.h"

struct truth;
struct truth_iommu;

struct view {
    struct truth_iommu *iommu;
    struct view *next;            /* of the same iommu */
    struct view *did_next;        /* VT-d: same hash bucket of DIDs */
    uint16_t did;                 /* VT-d */
    uint32_t pasid;               /* VT-d, of a first stage; else IOMMU_NO_PASID */
    struct walk_stages stages;    /* VT-d */
    struct iommu_window window;   /* PAPR; tces NULL for VT-d */
    struct truth_device *devices; /* VT-d: that look through it, in order of arrival */
    unsigned pages;               /* VT-d: uses of pages as its tables; the index's */
    bool tangled;                 /* VT-d: see table_index.h */
    uint64_t settled;             /* VT-d: table_index.stores when all was looked at */
    struct recordset records;
    /* VT-d: what entries span that led to tables the IOMMU may still follow. */
    struct recordset unlinked;
    /* Of two stages: LINEAR, what they said last; CONSTANT, the second's part in it. */
    struct rangemap flat, used;
    struct range_piece memo; /* VT-d: what the table last answered, true as long as */
    uint64_t memo_stores;    /* this equals table_index.stores; 0: nothing yet */
    struct walk_near near;   /* VT-d: where it looked for that, true as long as */
    uint64_t near_links;     /* this equals table_index.links */
};

struct check_sub;
struct exposure_account;

enum truth_state { TRUTH_BLOCKED, TRUTH_IDENTITY, TRUTH_VIEWS };

struct truth_device {
    struct truth_iommu *iommu;
    struct truth_device *next; /* of the same iommu, in order of arrival */
    const char *id;            /* borrowed */
    uint16_t sid;
    uint32_t pasid; /* of the requests meant; IOMMU_NO_PASID: those without, and all of
                     * the device that is not about requests */
    enum truth_state state;
    struct view *view; /* VT-d: the one it looks through; PAPR: NULL, all of them */
    struct truth_device *beside; /* through the same view */
    struct entries entries;      /* VT-d: as last read */
    struct recordset records;    /* of its own changes: attach, detach */
    struct recordset tlb;        /* of what its device TLB may still hold */
    struct walk_stages left;     /* what it looked through before; see truth_left_at */
    unsigned device_tlbs;        /* the caller's: subscribers that are such */
    unsigned holders;            /* likewise: those that have a shadow */
    struct exposure_account *lawful; /* likewise: where nobody has; may be NULL */
    /* The caller's: accesses reported and not right since, subscribers. */
    struct rangemap wrong_dma;
    struct check_sub *subs;
};

struct truth_iommu {
    struct truth *truth;
    struct iommu *iommu;
    struct truth_iommu *next;
    struct iommu_roots roots; /* VT-d */
    struct truth_device *devices;
    struct view *views;
    struct view *by_did[256]; /* VT-d, by low byte */
};

/* The truth of [first, last] changed, in a view or for one device alone. */
struct truth_change {
    struct view *view;           /* or NULL */
    struct truth_device *device; /* or NULL; one of the two */
    uint64_t first, last;
    uint64_t old_target; /* at first */
    enum perm old_perm;  /* PERM_NONE: nothing was mapped */
    bool anything;       /* what it was is not known */
    bool revokes;        /* something mapped was taken away, or moved, or cut */
    bool now_present;    /* somewhere in the range */
    bool unlinked;       /* view: no such change, see the view's recordset of that name */
    bool in_place;       /* device: its entries led somewhere before and after */
    bool ats;            /* device: they allowed it to keep a device TLB */
    unsigned need;       /* VTD_NEED_ or RECORD_NEED_ bits; 0: no invalidation required */
    uint16_t did;        /* whose */
    uint32_t pasid;      /* likewise; IOMMU_NO_PASID if it does not matter */
    uint64_t input_first, input_last; /* as in struct record */
    const struct origin *origin;      /* of what is recorded anew; NULL: this step's */
};
typedef void truth_change_fn(void *self, const struct truth_change *c);

/* The book, borrowed, is for records; NULL: nothing is booked. */
struct truth *truth_new(struct env *env, struct exposure_book *book,
                        truth_change_fn *changed, void *self);
void truth_free(struct truth *t);

/* A device appeared behind an IOMMU, or left it. The id is borrowed. */
struct truth_device *truth_add_device(struct truth *t, struct iommu *m, const char *id,
                                      uint16_t sid);
/* With its PASIDs. */
void truth_remove_device(struct truth_device *d);
/*
 * The requests of d with that PASID, each a truth_device of its own behind d, which is
 * made if it was not known; d itself with IOMMU_NO_PASID and where there are no PASIDs.
 */
struct truth_device *truth_pasid(struct truth_device *d, uint32_t pasid);

struct truth_iommu *truth_first(const struct truth *t);
/* NULL if no device was ever added behind it. */
struct truth_iommu *truth_find(const struct truth *t, const struct iommu *m);

/*
 * The IOMMU switched: read its roots anew. Where translation went on or off no change
 * is announced; the devices' truth is simply what it now is, and records whose
 * translation is gone are void. A new root table under translation is a change.
 */
void truth_switched(struct truth_iommu *ti);

/*
 * The same in the middle of a switch, when the IOMMU's roots are new already but it
 * has not said so: does nothing if they are as they were, and voids no record.
 */
void truth_refresh(struct truth_iommu *ti);

/*
 * What d's tables say at addr: a piece that covers it, PERM_NONE for a hole (found
 * at a cost that does not look past limit). With identity, RAM is mapped 1:1.
 */
void truth_at(const struct truth_device *d, uint64_t addr, uint64_t limit,
              struct range_piece *out);

/*
 * As long as the change of d's context is not invalidated, the IOMMU may still follow
 * the old context into a table that goes on living: what that table says now. False
 * if there is no such table.
 */
bool truth_left_at(const struct truth_device *d, uint64_t addr, uint64_t limit,
                   struct range_piece *out);

/*
 * Whether the guest left it open which tables the IOMMU goes by for d at addr: an entry
 * that led to others was changed and not invalidated, or others that look through another
 * table share what its caches tell tables apart by, the DID and with it the PASID. With
 * the record of the entry, in *unlinked unless that is NULL; else *unlinked is NULL.
 */
bool truth_is_ambiguous(const struct truth_device *d, uint64_t addr,
                        const struct record **unlinked);

/* Trace the store that made the raw entry for [first, last] `new`. */
void truth_trace_entry(const struct truth_iommu *ti, uint64_t first, uint64_t last,
                       unsigned level, uint64_t old, uint64_t new);

/* Views that a DID-tagged invalidation concerns: call with NULL first. */
struct view *view_next_by_did(struct truth_iommu *ti, uint16_t did, struct view *prev);

/* Devices that look through v, in order of arrival: call with NULL first. */
static inline struct truth_device *
view_next_device(const struct view *v, const struct truth_device *prev)
{
    if (v->window.tces != NULL) {
        return prev == NULL ? v->iommu->devices : prev->next;
    }
    return prev == NULL ? v->devices : prev->beside;
}

#endif
