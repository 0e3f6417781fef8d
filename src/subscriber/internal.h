/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of subscriber.h share, below all kinds: subscriber.c registers, replays
 * and binds to sections; events.c takes what is told then; ram_view.c has RAM that is
 * seen 1:1; migration.c the dirty log; container.c the devices of a container; lines.c
 * what all of them say in the trace.
 */
#ifndef IOMMUSIM_SUBSCRIBER_INTERNAL_H
#define IOMMUSIM_SUBSCRIBER_INTERNAL_H

#include "subscriber/subscriber.h"

/* Refused, and not to try again. */
static inline bool
subscriber_is_out(const struct subscriber *s)
{
    return s->refused && !s->config.retry;
}

/* Attached, and neither out nor gone. */
static inline bool
subscriber_is_in(const struct subscriber *s)
{
    return s->attached && !subscriber_is_out(s) && !s->stranded;
}

/* Tell the kind that what is mapped is about to change. */
static inline void
subscriber_alter(struct subscriber *s)
{
    if (s->ops->alter != NULL) {
        s->ops->alter(s);
    }
}

/* ---- subscriber.c ---- */

/* Cut `in` to what s listens to; false: nothing of it. */
bool subscriber_clip(const struct subscriber *s, const struct space_section *in,
                     struct space_section *out);

/* ---- events.c ---- */

/* Those of the notifiers of bindings, by which the core tells and the kernel keeps up. */
void subscriber_on_event(struct notifier *n, struct notify_event *ev);
extern const struct notify_kernel_ops subscriber_kernel_link;

/* ---- ram_view.c ---- */

/*
 * For a kind with bypass_map: map the RAM of [first, last] that is there. False if the
 * host could not, with the reason in memory_error, unless s takes no notice.
 */
bool subscriber_map_ram(struct subscriber *s, uint64_t first, uint64_t last);
/* For a kind with bypass_unmap: RAM [first, last] vanishes. */
void subscriber_unmap_ram(struct subscriber *s, uint64_t first, uint64_t last);

/* ---- lines.c ---- */

/* `teardown`, `bypass-unmap` or, with a gpa and a permission, `bypass-map`. */
void subscriber_trace_range(const struct subscriber *s, enum trace_event event,
                            uint64_t first, uint64_t last);
/* A refusal of `who`; `error` is a positive errno. */
void subscriber_trace_refused(const struct env *env, const char *who, const char *why,
                              int error);
/* Count and trace a failure, at no particular address with [0, UINT64_MAX]. */
void subscriber_note_failure(struct subscriber *s, const char *op, uint64_t first,
                             uint64_t last, int error);

#endif
