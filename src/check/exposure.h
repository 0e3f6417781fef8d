/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How long revoked memory stayed reachable: one sample for each record that
 * closed. Counts, sums and the maximum are exact; percentiles are exact up to
 * SAMPLES_MAX samples, beyond that from an even thinning of them.
 */
#ifndef IOMMUSIM_CHECK_EXPOSURE_H
#define IOMMUSIM_CHECK_EXPOSURE_H

#include <stddef.h>
#include <stdint.h>

struct exposure_stats;

struct exposure {
    uint64_t count, total_ns, max_ns, bytes;
    uint64_t byte_ns_hi, byte_ns_lo; /* a 128-bit sum */
    uint64_t *samples;               /* ns */
    size_t n, cap;
    uint64_t every; /* one sample in so many is kept; 0 until the first */
};

void exposure_add(struct exposure *e, uint64_t ns, uint64_t bytes);
void exposure_get(struct exposure *e, struct exposure_stats *out);
void exposure_fini(struct exposure *e);

#endif
