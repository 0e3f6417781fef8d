/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who began something: the simulated moment and the line of the scenario. */
#ifndef IOMMUSIM_CHECK_ORIGIN_H
#define IOMMUSIM_CHECK_ORIGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "util/addr.h"

struct origin {
    sim_time time;
    const char *file; /* borrowed; NULL before the first step */
    uint32_t line;
};

static inline bool
origin_same(const struct origin *a, const struct origin *b)
{
    return a->time == b->time && a->line == b->line && a->file == b->file;
}

#endif
