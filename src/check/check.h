/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The checker: whether what subscribers hold, and what devices reach, is what the
 * guest's tables allow; and who is to blame if not.
 *
 * It trusts nobody. It reads tables with its own walkers, sees every change of
 * them as a store into watched memory, hears as the machine's observer what IOMMU,
 * core and subscribers say they did, and looks into shadows through const
 * accessors. The rules are those of the user's guide, "Verdicts".
 *
 * Blame is the first broken link of the chain guest - IOMMU - core - subscriber.
 * For that the checker keeps, for each subscriber, the difference between what it
 * holds and (a) what it would hold had it done all it was told, and (b) what it
 * would hold had the core passed on all that was announced. In an honest run both
 * differences are empty and cost nothing.
 */
#ifndef IOMMUSIM_CHECK_CHECK_H
#define IOMMUSIM_CHECK_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "check/records.h"
#include "iommu/iommu.h"
#include "notify/env.h"
#include "subscriber/subscriber.h"
#include "util/names.h"

struct check;
struct truth_device; /* a device as the checker knows it */

struct violation {
    enum violation_class class;
    enum blame blame;
    const char *subject;  /* device/subscriber, device, or part of the machine */
    uint64_t first, last; /* bus addresses */
    const char *have,
        *want;            /* of the first page: 0x20000:rw or none; NULL: no such thing */
    struct origin origin; /* since when, and the line of the step that began it */
    const char *missing;  /* the events that should have come, or NULL */
    const char *hint;     /* an event class that explains it, or NULL */
    bool has_pasid;       /* subject is a device: it is about requests with `pasid` */
    uint32_t pasid;
};
typedef void check_violation_fn(void *self, const struct violation *v);

/*
 * Memory that could be reached though it had been taken away, or that was wrong in
 * another way: spans of adjacent pages, from the change to its end.
 */
struct exposure_stats {
    uint64_t count;
    uint64_t total_ns, max_ns;
    uint64_t p50_ns, p90_ns, p99_ns;
    uint64_t bytes;                   /* sum over the spans */
    uint64_t byte_ns;                 /* UINT64_MAX: that, or more */
    uint64_t byte_seconds;            /* rounded down */
    uint64_t worst_first, worst_last; /* max_ns != 0: the longest span */
    struct origin worst_origin;
    /* check_exposure_of */
    const char *subject; /* device/subscriber, or device; borrowed */
    bool lawful;         /* until its invalidation was complete; else a violation's */
    enum violation_class class;
};

/* Installs itself as env->observer and as watcher of env->mem. */
struct check *check_new(struct env *env, check_violation_fn *fn, void *self);
void check_free(struct check *c); /* NULL is fine */

/* What happens from now on was begun by this line; the file is borrowed. */
void check_step(struct check *c, const char *file, uint32_t line);
/*
 * What the step makes present again without its invalidation is one violation for
 * adjacent pages, kept until its stores are done: before time goes on, and before a line
 * that has to follow it, this reports it.
 */
void check_say(struct check *c);

/* A device is behind m from now on. The id is borrowed. */
struct truth_device *check_add_device(struct check *c, struct iommu *m, const char *id,
                                      uint16_t sid);
/* With what is known of its PASIDs. */
void check_remove_device(struct truth_device *d);
/*
 * d's requests with that PASID, whose tables are watched from now on; d itself with
 * IOMMU_NO_PASID. A PASID that is not announced so becomes known by its first access.
 */
struct truth_device *check_pasid(struct truth_device *d, uint32_t pasid);

/* Before s is attached; d is the device, or the PASID of one, that it serves. */
void check_add_subscriber(struct check *c, struct subscriber *s, struct truth_device *d);
/* s has been attached, with whatever replay it asked for. */
void check_attached(struct check *c, struct subscriber *s);
/* The ATS of its device was switched: it is a device TLB from now on, or none. */
void check_ats_switched(struct subscriber *s);
/* Before s is freed. */
void check_remove_subscriber(struct check *c, struct subscriber *s);

/* Compare every shadow with the truth now. */
void check_all(struct check *c);
/* The run is over: compare everything, report what was never invalidated. */
void check_end(struct check *c);

/* One page's worth of a device's access and how it ended. */
struct check_dma {
    struct truth_device *device;
    struct subscriber *subscriber; /* whose shadow answered; NULL: the IOMMU */
    uint32_t pasid;                /* or IOMMU_NO_PASID */
    uint64_t iova;
    uint64_t len;     /* bytes, within the page that answered */
    enum perm access; /* one bit */
    bool ok;
    uint64_t gpa; /* ok: where it went */
    bool orphan;  /* the device is at work, and its IOMMU has been reset under it */
};
void check_dma(struct check *c, const struct check_dma *a);

/* Trace `table` lines of what the device's tables say, neighbours joined. */
void check_dump_device(const struct check *c, const struct truth_device *d);

/* What the guest took away: one span for each record that closed. */
void check_exposure(const struct check *c, struct exposure_stats *out);
/* The accounts of subscribers and devices, in order of appearance; false past the end. */
bool check_exposure_of(const struct check *c, size_t i, struct exposure_stats *out);

#endif
