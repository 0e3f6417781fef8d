/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the parts of the machine announce to whoever watches them: the checker, or
 * a test. An observer sees everything and changes nothing. Members may be NULL.
 *
 * Addresses are bus addresses (IOVAs as the device uses them) unless said
 * otherwise.
 */
#ifndef IOMMUSIM_NOTIFY_OBSERVER_H
#define IOMMUSIM_NOTIFY_OBSERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "util/addr.h"
#include "util/names.h"

struct iommu;
struct notifier;
struct notify_event;
struct notify_region;
struct range_piece;
struct space;
struct subscriber;

/* What an IOMMU was asked to invalidate and has carried out. */
enum inval_kind {
    INVAL_IOTLB,
    INVAL_CONTEXT,
    INVAL_DEV_IOTLB,
    INVAL_IEC,
    INVAL_PASID_CACHE,
    INVAL_PASID_IOTLB,
};
/* INVAL_PASID: all of one PASID. PASID_IOTLB has scopes PASID and PAGE. */
enum inval_scope { INVAL_GLOBAL, INVAL_DOMAIN, INVAL_PAGE, INVAL_DEVICE, INVAL_PASID };

struct invalidation {
    enum inval_kind kind;
    enum inval_scope scope;
    uint16_t did; /* all scopes but INVAL_GLOBAL; not INVAL_DEV_IOTLB */
    bool has_pasid;
    uint32_t pasid;       /* PASID kinds; INVAL_DEV_IOTLB, or UINT32_MAX: every one */
    uint16_t sid;         /* INVAL_DEVICE, INVAL_DEV_IOTLB */
    uint16_t sid_mask;    /* bits of sid that are not compared */
    uint64_t first, last; /* INVAL_PAGE, INVAL_DEV_IOTLB */
    uint64_t addr;        /* INVAL_PAGE: as given, which may lie inside the block */
    bool leaf_only;       /* IH: caches of non-leaf entries were kept */
};

struct observer {
    void *self;

    /*
     * The core has handed `ev` (region-relative) to every notifier that it thinks
     * is due; `only` is the sole addressee of replays and window unmaps, else
     * NULL. Called after the deliveries.
     */
    void (*announced)(void *self, struct notify_region *r, unsigned index,
                      const struct notify_event *ev, struct notifier *only);
    /* A notifier's callback has returned; `ev` as it got it, region-relative. */
    void (*delivered)(void *self, struct notifier *n, const struct notify_event *ev);
    /* A subscriber has only now done what an event asked of it. */
    void (*acted)(void *self, struct subscriber *s, uint64_t first, uint64_t last);
    void (*registered)(void *self, struct notifier *n);
    void (*unregistered)(void *self, struct notifier *n);
    /* Replay of what exists to one notifier; `offered` false: the core has none. */
    void (*replay_begin)(void *self, struct notifier *n, bool offered);
    void (*replay_end)(void *self, struct notifier *n);

    /* A subscriber could not be registered; it holds nothing from now on. */
    void (*refused)(void *self, struct subscriber *s);
    /* A cache took in `kept` after a miss; it had been answered `answer`. */
    void (*filled)(void *self, struct subscriber *s, const struct range_piece *answer,
                   const struct range_piece *kept);
    /*
     * A subscriber knows, though by no event, that [first, last] is gone: RAM that it saw
     * 1:1 has vanished from its device's space, or an answer came after its invalidation.
     */
    void (*ought_to_drop)(void *self, struct subscriber *s, uint64_t first,
                          uint64_t last);
    /* A subscriber's host failed to do what an event asked; errno is positive. */
    void (*failed)(void *self, struct subscriber *s, const char *op, uint64_t first,
                   uint64_t last, int error);

    /* An invalidation took effect, in the order of execution. */
    void (*invalidated)(void *self, struct iommu *iommu, const struct invalidation *inv);
    /*
     * Software has been told that everything `iommu` executed before is complete
     * (wait descriptor done, busy bit clear).
     */
    void (*completed)(void *self, struct iommu *iommu);
    /* A hypercall that wrote entries of [first, last] of window `liobn` returned. */
    void (*hcall_returned)(void *self, struct iommu *iommu, uint64_t liobn,
                           uint64_t first, uint64_t last);
    /*
     * Translation was switched (TE, root pointer, reset) or windows came or went:
     * every device of `iommu` now sees what its roots say.
     */
    void (*switched)(void *self, struct iommu *iommu);

    void (*aborted)(void *self, const char *subject, enum blame who, const char *why);
    /*
     * `subject` had the monitor do so many steps of `what`, or wait for it so long, that
     * it is out of bounds; `who` is to blame.
     */
    void (*overspent)(void *self, const char *subject, enum blame who, const char *what,
                      uint64_t steps);
};

/* observe(env, delivered, n, ev): call a member if there is one. */
#define observe(env, member, ...)                                                        \
    do {                                                                                 \
        if ((env)->observer.member != NULL) {                                            \
            (env)->observer.member((env)->observer.self, __VA_ARGS__);                   \
        }                                                                                \
    } while (0)

#endif
