/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The address spaces behind a VT-d unit, one for each source id, and the events that
 * their subscribers get.
 *
 * A translated space is one region [0, 2^64-1] seen through two sections, below and
 * above the interrupt range. For a space with MAP notifiers a *tree* remembers what
 * was announced, leaf by leaf; an invalidation walks what it covers and announces the
 * difference, UNMAP before MAP for each item, unchanged leaves not at all. Before it
 * walks it widens its range to whole leaves, old and new, so that a split or a merge
 * leaves nothing behind. Notifiers without MAP get what was invalidated, once, be
 * there MAP notifiers beside them or not: what they cached may be newer than the tree.
 *
 * A space follows its context entry as it stood at the last invalidation that covers
 * it, as a context cache would that never forgets: absent entries count as cached in
 * caching mode only. With scalable tables the entry is that of the context together with
 * the PASID entry of requests without PASID; invalidations of either cache bring it up
 * to date. First stages cannot be mirrored and are told to caches alone.
 *
 * QEMU 7.2 keeps no entry in effect. It looks into memory at each invalidation, walks
 * for caches too, and takes the tree for what everybody knows. It is made of the same
 * steps, and each of its habits is a quirk that is asked for where the step is:
 *
 *   which entry counts           context_in_effect
 *   who is brought up to date    for_each_listening, contexts_invalidated
 *   present, absent or broken    sync_present, sync_absent
 *   what a walk tells            begin_diff, walk_limit (vtd_mirror.c)
 *   unmapping a window           vtd_window.c
 *   a replay, and the tree       replay, vtd_mirror_forget_all
 *
 * Causes of events:
 *   map, unmap, change  items of a difference walk: new, gone, both
 *   invalidate          UNMAP of what an IOTLB invalidation names, to notifiers
 *                       without MAP: the block of pages, or the window
 *   context             a context-cache invalidation, whatever it led to
 *   replay              to one notifier that asked for what exists
 *   reset               translation switched, new root table, reset
 */
#ifndef IOMMUSIM_IOMMU_VTD_NOTIFY_H
#define IOMMUSIM_IOMMU_VTD_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/vtd.h"

/*
 * The space of `sid`, made on first use and kept as long as v; `device` (borrowed)
 * names it from now on.
 */
struct space *vtd_space_attach(struct vtd *v, uint16_t sid, const char *device);
/* Nobody may listen any more. */
void vtd_spaces_free(struct vtd *v);

/*
 * An invalidation of any kind took effect in the caches: tell the spaces that it
 * concerns. All of its fields count, as the observer gets them; device TLBs are told
 * of theirs at once.
 */
void vtd_notify_invalidated(struct vtd *v, const struct invalidation *inv);

/*
 * Translation was switched on or off, or has a new root table: UNMAP of everything to
 * everybody, then each space takes its sections, and those that stay translated
 * are announced anew.
 */
void vtd_notify_switch(struct vtd *v);
/* The same after a reset. */
void vtd_notify_reset(struct vtd *v);

/*
 * A request without PASID of `sid` was passed through, for its context entry says so
 * (not because translation is off).
 */
void vtd_notify_passed(struct vtd *v, uint16_t sid);

/* Whether the space of sid is in bypass: its requests do not reach the unit. */
bool vtd_space_bypasses(const struct vtd *v, uint16_t sid);

#endif
