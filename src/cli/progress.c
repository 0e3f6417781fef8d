/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See progress.h. */
#include "cli/progress.h"

#include <inttypes.h>
#include <stdio.h>

static double
seconds_since(const struct timespec *t)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - t->tv_sec) + 1e-9 * (double)(now.tv_nsec - t->tv_nsec);
}

void
progress_tick(void *self, uint64_t events, sim_time now)
{
    struct progress *p = self;

    if (!p->running) {
        p->running = true;
        clock_gettime(CLOCK_MONOTONIC, &p->began);
        p->shown = p->began;
        return;
    }
    if (seconds_since(&p->began) < 1 || (p->visible && seconds_since(&p->shown) < 0.2)) {
        return;
    }
    p->visible = true;
    clock_gettime(CLOCK_MONOTONIC, &p->shown);
    fprintf(stderr, "\r%" PRIu64 " events, %" PRIu64 " us simulated\033[K", events,
            now / 1000);
}

void
progress_end(struct progress *p)
{
    if (p->visible) {
        fputs("\r\033[K", stderr);
    }
}
