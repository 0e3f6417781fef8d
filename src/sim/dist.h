/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Draws from the distributions that scenarios name, on GSL. A constant draws
 * nothing from its stream. Results are rounded to whole units and never negative.
 */
#ifndef IOMMUSIM_SIM_DIST_H
#define IOMMUSIM_SIM_DIST_H

#include <stdint.h>

#include "sim/sim.h"
#include "util/dist.h"

uint64_t sim_draw(struct sim_stream *s, const struct dist *d);

/* Uniform in [0, n), n > 0. */
uint64_t sim_uniform(struct sim_stream *s, uint64_t n);

#endif
