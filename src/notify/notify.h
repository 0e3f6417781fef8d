/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The IOMMU notifier core: regions whose accesses are translated, subscribers'
 * registrations (notifiers), delivery, clipping, replay.
 *
 * The contract is QEMU's IOMMUNotifier in its modern form: explicit event types,
 * a flag hook that may refuse a registration (which then leaves no trace), an
 * inclusive window for each notifier to which every event is clipped, private
 * copies, newest registration first, replay only on request. An in-place change is
 * the producer's duty: UNMAP, then MAP.
 *
 * Addresses in events are relative to the region, as in QEMU; a notifier's
 * `offset` turns them into bus addresses.
 * Source: reference on the notifier core, statements N1 to N30.
 */
#ifndef IOMMUSIM_NOTIFY_NOTIFY_H
#define IOMMUSIM_NOTIFY_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "notify/env.h"
#include "util/addr.h"
#include "util/err.h"

/* Event types, and the flags of a notifier. */
enum {
    NOTIFY_UNMAP = 1,
    NOTIFY_MAP = 2,
    NOTIFY_DEVIOTLB_UNMAP = 4,
    NOTIFY_ALL = 7,
};

enum notify_cause {
    CAUSE_MAP,
    CAUSE_UNMAP,
    CAUSE_CHANGE,
    CAUSE_INVALIDATE,
    CAUSE_REPLAY,
    CAUSE_CONTEXT,
    CAUSE_RESET,
    CAUSE_WINDOW,
};
const char *notify_cause_name(enum notify_cause c);

#define NOTIFY_EVERY_PASID UINT32_MAX

struct notify_event {
    unsigned type; /* exactly one NOTIFY_ bit */
    enum notify_cause cause;
    enum perm perm;  /* PERM_NONE for the UNMAP types */
    bool foreign_as; /* target is not system memory but the device's own space */
    bool has_pasid;  /* DEVIOTLB_UNMAP of requests with `pasid`; else of those without */
    uint32_t pasid;  /* or NOTIFY_EVERY_PASID */
    uint64_t iova;   /* first byte, region-relative */
    uint64_t mask;   /* length - 1; 2^n - 1 unless clipped or a whole window */
    gpa_t target;    /* of the first byte; means nothing on UNMAP */
};

/* One translation as a region's translate gives it. */
struct notify_entry {
    uint64_t iova; /* start of the page, region-relative */
    uint64_t mask; /* page size - 1; for a hole: what is known to be empty from iova on */
    gpa_t target;
    enum perm perm; /* PERM_NONE: nothing is mapped here */
};

struct notify_region;
struct notifier;

/*
 * Called with a private copy; may register and unregister any notifier, free itself
 * once unregistered, and cause other deliveries (which then come first).
 */
typedef void notify_fn(struct notifier *n, struct notify_event *ev);

/*
 * A host whose kernel keeps its own tables in step with the IOMMU's where it holds both:
 * then no event is needed, and none is sent.
 */
struct notify_kernel_ops {
    /* Whether it could map [target, target + len - 1]; if not the monitor must. */
    bool (*takes)(const struct notifier *n, gpa_t target, uint64_t len);
    /* Do what `ev`, clipped to the window, says. */
    notify_fn *store;
};

struct notifier {
    /* Set by the owner before notify_register and left alone while registered. */
    notify_fn *fn;
    void *owner;          /* for fn */
    const char *subject;  /* for the trace: device/subscriber; borrowed */
    unsigned flags;       /* NOTIFY_ bits, not 0 */
    uint64_t first, last; /* window in region coordinates, inclusive */
    uint64_t offset;      /* bus address = region address + offset, modulo 2^64 */
    unsigned index;       /* < region->indexes */
    const struct notify_kernel_ops *kernel; /* NULL: it lives by events alone */
    /* The core's. */
    struct notify_region *region; /* NULL while not registered */
    uint64_t maps;                /* MAP events delivered so far */
    struct notifier *next, **link;
    void *mark; /* the observer's own */
};

struct notify_region_ops {
    /*
     * The union of the notifiers' flags is about to change. 0, or a negative errno
     * and *e to refuse; may be NULL (accepts everything). Must not have side
     * effects when it refuses. On unregistration the answer is ignored.
     */
    int (*flags_changed)(struct notify_region *r, unsigned old_flags, unsigned new_flags,
                         struct err *e);
    /* What is mapped at `iova`, whatever the access; records no fault. */
    void (*translate)(struct notify_region *r, uint64_t iova, unsigned index,
                      struct notify_entry *out);
    /* Smallest page, bytes; NULL = 4 KiB. The step of the default replay. */
    uint64_t (*min_page)(struct notify_region *r);
    /*
     * The lowest address >= from at which something may be mapped; false if there
     * is none. NULL = unknown, every page is asked.
     */
    bool (*next_mapped)(struct notify_region *r, uint64_t from, uint64_t *next);
    /* Announce what exists to n alone, by notify_one; NULL = the default walk. */
    void (*replay)(struct notify_region *r, struct notifier *n);
};

/* Embedded in the model's window or space; notify_region_init first. */
struct notify_region {
    const struct notify_region_ops *ops;
    void *self;                /* the model's */
    const char *name;          /* borrowed */
    struct env *env;           /* borrowed */
    uint64_t last;             /* the region is [0, last] */
    unsigned indexes;          /* number of translation tables; usually 1 */
    struct notifier *head;     /* newest registration first */
    unsigned flags;            /* union over the notifiers, as last accepted */
    struct notify_walk *walks; /* deliveries in progress, innermost first */
    void *mark;                /* the observer's own */
};

void notify_region_init(struct notify_region *r, const struct notify_region_ops *ops,
                        void *self, const char *name, struct env *env, uint64_t last,
                        unsigned indexes);
/* No notifier may be registered any more. */
void notify_region_fini(struct notify_region *r);

/*
 * Register n at the head of r's list. 0, or a negative errno and *e if flags are
 * empty, the window is inverted, the index unknown (-EINVAL), n is registered
 * already (-EBUSY), or the region refuses; then nothing has changed. No replay.
 */
int notify_register(struct notify_region *r, struct notifier *n, struct err *e);

/*
 * Stop delivery at once, also in walks in progress. No event is sent. Nothing
 * happens if n is not registered.
 */
void notify_unregister(struct notifier *n);

/* Deliver to every notifier of that index whose flags and window ask for it. */
void notify_all(struct notify_region *r, unsigned index, const struct notify_event *ev);

/*
 * Deliver to one notifier by the same rules but for the index. False if there is no
 * point in going on: n has left (and may be gone), or the monitor has died.
 */
bool notify_one(struct notifier *n, const struct notify_event *ev);

/*
 * Call n with the event as it stands, whatever n asked for: for models whose original
 * does so. False as notify_one.
 */
bool notify_unasked(struct notifier *n, const struct notify_event *ev);

/*
 * For the callback of a DEVIOTLB_UNMAP: how the device completes it. What the callback
 * charges (sim_charge) is how long that takes; without a call the completion is good.
 * Of several the worst counts.
 */
static inline void
notify_answer(struct env *env, enum completion how)
{
    if (how > env->answer) {
        env->answer = how;
    }
}

/* The answer to what was announced last, for the model, which starts anew with this. */
static inline enum completion
notify_take_answer(struct env *env)
{
    enum completion how = env->answer;

    env->answer = COMPLETION_GOOD;
    return how;
}

/*
 * For tables in the host's kernel: whether all notifiers of r that are linked to it
 * could map that; and what is written, for them alone. Nobody else hears of it.
 */
bool notify_kernel_takes(const struct notify_region *r, gpa_t target, uint64_t len);
void notify_kernel_store(struct notify_region *r, const struct notify_event *ev);

/* Exactly one UNMAP of the whole window of n. */
void notify_unmap_window(struct notifier *n, enum notify_cause cause);

/*
 * Announce to n alone, as MAP events in ascending order, what is mapped. The
 * default walk clips and filters as delivery does, announces each page of
 * whatever size once, ends at the region's last byte without wrapping and costs
 * as many translations as there are mappings, where the region knows them.
 */
void notify_replay(struct notifier *n);

/*
 * The same to a notifier that is not registered, and is not afterwards: nobody else is
 * told, r's flags do not matter, and neither trace nor observer hears of it.
 */
void notify_replay_to(struct notify_region *r, struct notifier *n);
static inline bool
notify_is_registered(const struct notifier *n)
{
    return n->link != NULL;
}

#endif
