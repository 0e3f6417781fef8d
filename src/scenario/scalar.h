/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The scalar forms of a scenario: integers, sizes, times, switches, permissions,
 * PCI addresses. Pure functions on text that need not end in NUL.
 *
 * Each returns NULL and fills *out, or returns what is wrong as a phrase that
 * goes after "bad value '...' for '...': " and leaves *out alone.
 */
#ifndef IOMMUSIM_SCENARIO_SCALAR_H
#define IOMMUSIM_SCENARIO_SCALAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decimal or 0x hex, `_` between digits, no leading zero, 64 bits. */
const char *scalar_u64(const char *s, size_t len, uint64_t *out);

/* The same with an optional minus sign. */
const char *scalar_i64(const char *s, size_t len, int64_t *out);

/* Bytes: an integer, or a decimal number and B, KiB, MiB, GiB, TiB or PiB; exact. */
const char *scalar_size(const char *s, size_t len, uint64_t *out);

/* Nanoseconds: 0, or a decimal number and ns, us, ms or s; exact. */
const char *scalar_time(const char *s, size_t len, uint64_t *out);

/* on/off, true/false, yes/no. */
const char *scalar_switch(const char *s, size_t len, bool *out);

/* r, w, rw, none: enum perm. */
const char *scalar_perm(const char *s, size_t len, uint8_t *out);

/* [dddd:]bb:dd.f in hex; sid is bus << 8 | device << 3 | function. */
const char *scalar_pci(const char *s, size_t len, uint16_t *segment, uint16_t *sid);

/* A plain positive decimal such as 0.25 or 3: parameters of distributions. */
const char *scalar_real(const char *s, size_t len, double *out);

#endif
