/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A toy IOMMU for tests of the notifier core and of subscribers: one region whose
 * translations are a range map, announced at once and as the contract asks; and
 * ears, notifiers that keep what they hear and build a shadow from it.
 */
#ifndef IOMMUSIM_TESTS_SUPPORT_TOY_H
#define IOMMUSIM_TESTS_SUPPORT_TOY_H

#include <stdio.h>
#include <sys/types.h>

#include "notify/notify.h"
#include "notify/space.h"
#include "support_random.h"
#include "util/rangemap.h"

#define KIB      UINT64_C(1024)
#define MIB      (1024 * KIB)
#define GIB      (1024 * MIB)
#define TOY_RAM  GIB /* [0, TOY_RAM) is RAM; ROM and MMIO pages follow, then a hole */
#define TOY_ROM  TOY_RAM
#define TOY_MMIO (TOY_RAM + 4 * KIB)

enum { TOY_HOOKS = 64, EAR_EVENTS = 256 };

struct toy {
    struct env env;
    struct notify_region region;
    struct rangemap table;
    unsigned refuses; /* NOTIFY_ bits that make the flag hook answer -ENOTSUP */
    unsigned hooks, hook_old[TOY_HOOKS], hook_new[TOY_HOOKS]; /* its calls */
    uint64_t page;         /* the smallest; 4 KiB at first */
    uint64_t translations; /* asked for by replays */
    FILE *lines;           /* the trace */
    off_t seen;            /* up to here toy_lines has told */
    char *text;            /* what it told last */
    struct ear *ears;      /* that ear_register was given */
};

/* One for a suite and its fixture, with a region of all addresses. */
extern struct toy toy;
void toy_setup(void);
void toy_teardown(void);

/* A region [0, last] with 2 indexes that can say where it is mapped. */
void toy_init(struct toy *t, uint64_t last);
/* The same, but replays must ask page by page. */
void toy_init_blind(struct toy *t, uint64_t last);
/* Ears that were registered by ear_register end too. */
void toy_fini(struct toy *t);

/* Keep the trace from here on: all lines, at this level. */
void toy_trace(struct toy *t, enum trace_level level);
/* The lines since the last call. */
const char *toy_lines(struct toy *t);

/*
 * The guest sets one naturally aligned page of `size` bytes; PERM_NONE clears it. What
 * was there and differs is announced as UNMAP, entry by entry, then what is there now
 * as MAP.
 */
void toy_set(struct toy *t, uint64_t iova, uint64_t size, uint64_t gpa, enum perm perm);

/* One event to everybody, index 0. */
void toy_unmap(struct toy *t, uint64_t first, uint64_t last);
void toy_map(struct toy *t, uint64_t first, uint64_t last, uint64_t gpa);

struct ear {
    struct notifier n;
    struct notify_event got[EAR_EVENTS]; /* of `count`, the first ones */
    unsigned count;
    struct rangemap shadow;
    unsigned overlaps; /* MAPs over something live */
    void (*then)(struct ear *e,
                 struct notify_event *ev); /* after keeping it; may be NULL */
    struct ear *other;                     /* for then */
    struct toy *toy;                       /* that ends it; may be NULL */
    struct ear *next;                      /* of that toy */
};

void ear_init(struct ear *e, const char *subject, unsigned flags, uint64_t first,
              uint64_t last);
void ear_fini(struct ear *e);
/* Register, which must succeed; both of: init, register. */
void ear_register(struct toy *t, struct ear *e);
void ear_join(struct toy *t, struct ear *e, const char *subject, unsigned flags,
              uint64_t first, uint64_t last);
/* ck_assert that the shadow equals the table, within the window. */
void ear_agrees(const struct ear *e, const struct toy *t);

#endif
