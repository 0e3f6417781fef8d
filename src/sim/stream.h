/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Inside sim/: the random streams of one simulation, a list in which each is
 * found by name and made when first asked for.
 */
#ifndef IOMMUSIM_SIM_STREAM_H
#define IOMMUSIM_SIM_STREAM_H

#include <gsl/gsl_rng.h>
#include <stdint.h>

struct sim_stream {
    struct sim_stream *next;
    gsl_rng rng; /* words of 32 bits, all of them random */
    char name[]; /* NUL-terminated */
};

/*
 * The stream `name` of *list; one that is not there is added, seeded from (seed, name).
 */
struct sim_stream *stream_find(struct sim_stream **list, uint64_t seed, const char *name);
void stream_free_all(struct sim_stream *list);

#endif
