/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Traffic: steps that do not stand in the scenario but come from a generator or a
 * recording, one at a time, so that a capture of any length costs no memory.
 */
#ifndef IOMMUSIM_MACHINE_TRAFFIC_H
#define IOMMUSIM_MACHINE_TRAFFIC_H

#include "machine/internal.h"

enum traffic_next { TRAFFIC_STEP, TRAFFIC_END, TRAFFIC_ERROR };

/* First member of each kind. */
struct traffic {
    const struct traffic_ops *ops;
    struct machine *m;
    const char *file; /* its steps' lines count in; borrowed or the kind's own */
    uint64_t count;   /* steps given so far */
};

struct traffic_ops {
    enum traffic_next (*next)(struct traffic *t, struct step *out, struct err *e);
    void (*free)(struct traffic *t);
};

/* By kind of step; NULL and *e if the source cannot be opened. */
struct traffic *traffic_new(struct machine *m, const struct step *s, struct err *e);
void traffic_free(struct traffic *t); /* NULL is fine */

/*
 * The next step, valid (with what it points to) until the call after. What a
 * capture shows beyond the guest's steps, such as a reset, is carried out on the way.
 */
enum traffic_next traffic_next(struct traffic *t, struct step *out, struct err *e);

/* ---- kinds ---- */

/* map, one DMA, unmap for each of a number of buffers in a ring. */
struct traffic *workload_new(struct machine *m, const struct step *s, struct err *e);
/* Lines of the compact form in a file, or the actor lines of an earlier trace. */
struct traffic *script_traffic_new(struct machine *m, const struct step *s,
                                   struct err *e);
/* A log of QEMU's trace back end: PAPR hypercalls, windows and resets. */
struct traffic *capture_traffic_new(struct machine *m, const struct step *s,
                                    struct err *e);
/* A Linux guest's trace of its VT-d driver. */
struct traffic *linux_traffic_new(struct machine *m, const struct step *s, struct err *e);

#endif
