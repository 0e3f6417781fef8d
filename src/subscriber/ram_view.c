/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * RAM as a device sees it where nothing translates, 1:1: mapped where it is there, blocks
 * that come and go. See internal.h; machine/ram.c asks.
 *
 * Source: QEMU's VFIO listener, as it follows RAM sections and their RamDiscardManager.
 */
#include "subscriber/internal.h"

#include <errno.h>

bool
subscriber_map_ram(struct subscriber *s, uint64_t first, uint64_t last)
{
    uint64_t end;

    subscriber_alter(s);
    s->memory_error = 0;
    for (uint64_t at = first; at <= last && at >= first; at = end + 1) {
        end = last;
        if (!mem_is_discarded(s->env->mem, GPA(at), &end)) {
            subscriber_trace_range(s, TE_BYPASS_MAP, at, end);
            s->ops->bypass_map(s, at, end);
        }
    }
    return s->memory_error == 0 ||
           (s->memory_error == ENOSPC && env_quirk(s->env, QUIRK_VFIO_DMA_ENTRY_LIMIT));
}

void
subscriber_unmap_ram(struct subscriber *s, uint64_t first, uint64_t last)
{
    subscriber_alter(s);
    if (s->ops->shadow == SHADOW_MIRROR) {
        subscriber_trace_range(s, TE_BYPASS_UNMAP, first, last);
    }
    s->ops->bypass_unmap(s, first, last);
    observe(s->env, ought_to_drop, s, first, last);
}

/* The part of [*first, *last] that s sees 1:1 in section i of its space. */
static bool
seen_in(const struct subscriber *s, size_t i, uint64_t *first, uint64_t *last)
{
    struct space_section mine;

    if (s->listener.space->sections[i].region != NULL ||
        !subscriber_clip(s, &s->listener.space->sections[i], &mine) ||
        !ranges_overlap(*first, *last, mine.first, mine.last)) {
        return false;
    }
    *first = *first > mine.first ? *first : mine.first;
    *last = *last < mine.last ? *last : mine.last;
    return true;
}

bool
subscriber_populate(struct subscriber *s, uint64_t first, uint64_t last)
{
    bool ok = true;

    if (!subscriber_is_in(s) || s->ops->bypass_map == NULL) {
        return true;
    }
    for (size_t i = 0; ok && i < s->listener.space->n; i++) {
        uint64_t a = first, z = last;
        ok = !seen_in(s, i, &a, &z) || subscriber_map_ram(s, a, z);
    }
    if (!ok) {
        subscriber_discard(s, first, last);
    }
    return ok;
}

void
subscriber_discard(struct subscriber *s, uint64_t first, uint64_t last)
{
    if (!subscriber_is_in(s)) {
        return;
    }
    const struct space *space = s->listener.space; /* NULL: between two registrations */
    const size_t n = s->ops->bypass_unmap != NULL && space != NULL ? space->n : 0;

    for (size_t i = 0; i < n; i++) {
        uint64_t a = first, z = last;
        if (seen_in(s, i, &a, &z)) {
            subscriber_unmap_ram(s, a, z);
        }
    }
    if (s->ops->discarded != NULL) {
        s->ops->discarded(s, first, last);
    }
}

bool
subscriber_pins(const struct subscriber *s, uint64_t first, uint64_t last)
{
    struct range_piece p;

    if (!subscriber_is_in(s) || s->ops->shadow != SHADOW_MIRROR || s->bindings == NULL) {
        return false;
    }
    for (uint64_t at = 0; s->ops->next(s, at, &p); at = p.last + 1) {
        if (ranges_overlap(p.target, p.target + (p.last - p.first), first, last)) {
            return true;
        }
        if (p.last == UINT64_MAX) {
            break;
        }
    }
    return false;
}
