/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Answers to a vhost device's misses that are under way. QEMU translates, answers and
 * invalidates under one lock, so that an answer is in the cache before an invalidation
 * can be sent. One that does not may send the answer after the invalidation of what it
 * says; see S76.
 */
#ifndef IOMMUSIM_SUBSCRIBER_VHOST_LATE_H
#define IOMMUSIM_SUBSCRIBER_VHOST_LATE_H

#include <stdint.h>

#include "util/rangemap.h"

struct subscriber;
struct vhost_answer;

struct vhost_late {
    struct vhost_answer *sent; /* in no order */
    uint64_t serial;           /* of the last one */
};

/* A cache of `s` is to learn `kept`, where the answer was `answer`: now, or later. */
void vhost_answer(struct subscriber *s, const struct range_piece *answer,
                  const struct range_piece *kept);
/* The cache drops [first, last]; what is under way is not touched by that. */
void vhost_invalidate(struct subscriber *s, uint64_t first, uint64_t last);
/* Nothing that is under way arrives any more. */
void vhost_late_forget(struct subscriber *s);

#endif
