/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One address space and the record of what its subscribers were told: the
 * difference walk and replay. See vtd_notify.h for the contract.
 */
#ifndef IOMMUSIM_IOMMU_VTD_MIRROR_H
#define IOMMUSIM_IOMMU_VTD_MIRROR_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/vtd_walk.h"
#include "util/rangemap.h"

struct vtd_space {
    struct space space;
    struct notify_region region;
    struct vtd *v;
    uint16_t sid;
    struct vtd_context ctx; /* the entry in effect */
    bool concerned;         /* by the context invalidation at hand */
    bool blank;             /* nothing was announced since everything was unmapped */
    struct rangemap tree;   /* announced to all MAP notifiers concerned, by leaf */
    struct rangemap owed;   /* announced to some, not as the tree says */
};

/* Ranges of bus addresses, inclusive. */
struct vtd_block {
    uint64_t first, last;
};

static inline bool
vtd_wants_maps(const struct vtd_space *s)
{
    return (s->region.flags & NOTIFY_MAP) != 0;
}

/* A notifier without MAP: a cache below, which is told what is invalidated. */
static inline bool
vtd_is_cache(const struct notifier *n)
{
    return (n->flags & NOTIFY_MAP) == 0;
}

static inline bool
vtd_has_caches(const struct vtd_space *s)
{
    const struct notifier *n = s->region.head;

    while (n != NULL && !vtd_is_cache(n)) {
        n = n->next;
    }
    return n != NULL;
}

/*
 * Whether caches below hear only of differences with the tree, which then is kept for
 * spaces without MAP notifiers too.
 */
bool vtd_caches_share_tree(const struct vtd_space *s);

/* The last address of v's width. */
static inline uint64_t
vtd_address_last(const struct vtd *v)
{
    return (UINT64_C(1) << v->cfg.aw_bits) - 1;
}

/*
 * Walk what the context entry in effect makes of `range` and announce to the MAP
 * notifiers how it differs from the tree. Each item has its own cause, unless `cause`
 * says one for all; CAUSE_MAP stands for the former.
 */
void vtd_mirror_update(struct vtd_space *s, const struct vtd_block *range,
                       enum notify_cause cause);

/*
 * Announce what is present under the context entry in effect to n alone. What others
 * were told, and are still to be told, stays as it is.
 */
void vtd_mirror_replay(struct vtd_space *s, struct notifier *n);

/*
 * The same for what the tree lacks, and the tree takes it in, as if everybody had been
 * told; of what is gone nobody is. Nothing on a space without MAP notifiers.
 */
void vtd_mirror_replay_anew(struct vtd_space *s, struct notifier *n);

/* The first leaf of [from, last] that was announced to anybody; false: there is none. */
bool vtd_mirror_told(const struct vtd_space *s, uint64_t from, uint64_t last,
                     struct vtd_block *out);

/* Forget what was announced: all leaves that touch `range`, or everything. */
void vtd_mirror_forget(struct vtd_space *s, const struct vtd_block *range);
void vtd_mirror_forget_all(struct vtd_space *s);

#endif
