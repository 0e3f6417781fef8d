/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A line on the terminal that tells how far a long run is; see --progress. */
#ifndef IOMMUSIM_CLI_PROGRESS_H
#define IOMMUSIM_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "util/addr.h"

/* All zero to begin with. */
struct progress {
    struct timespec began, shown;
    bool running, visible;
};

/* A machine's tick: self is a struct progress. Shows nothing in the first second. */
void progress_tick(void *self, uint64_t events, sim_time now);
/* Wipe the line. */
void progress_end(struct progress *p);

#endif
