/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Failures made to happen: every place where the world below may say no, a *point*,
 * asks here first. A plan says which points fail: the nth met by anybody, or the nth of
 * one subscriber and kind from now on.
 */
#ifndef IOMMUSIM_NOTIFY_FAIL_H
#define IOMMUSIM_NOTIFY_FAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/sim.h"
#include "util/names.h"

struct fail_order {
    const char *subject; /* device/subscriber; borrowed */
    enum fail_op op;
    uint64_t nth; /* of these from now on, 1 is the next; 0: it has failed */
    int error;    /* a positive errno; 0: the usual one */
};

/* A point that was made to fail. */
struct fail_hit {
    const char *subject; /* borrowed; NULL: none was */
    enum fail_op op;
    int error;
    bool replay; /* while its subject was told of what exists: that can be undone */
    sim_time time;
    const char *file; /* of the step at work, as fail_at was told; NULL: none is */
    uint32_t line;
};

struct fail_plan {
    uint64_t points;     /* met so far */
    uint64_t nth;        /* of all points, this one fails, 1 is the first; 0: none */
    struct fail_hit hit; /* the last */
    bool replay;         /* somebody is being told of what exists */
    const char *file;    /* of the step at work */
    uint32_t line;
    struct fail_order *orders; /* n of them */
    size_t n;
};

void fail_fini(struct fail_plan *p);

void fail_order(struct fail_plan *p, const struct fail_order *o);

struct env;

/*
 * The point of `subject` that was counted last, where it may have been made to fail: 0
 * to go on, or the errno with which it fails. For env.h's fail_point.
 */
int fail_asked(struct env *env, const char *subject, enum fail_op op);

#endif
