/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Random scenarios run whole: what the tests that make them have in common. Seeds and
 * rounds come from IOMMUSIM_TEST_SEED and IOMMUSIM_TEST_ROUNDS where these are set.
 */
#ifndef IOMMUSIM_TESTS_SUPPORT_RANDOM_H
#define IOMMUSIM_TESTS_SUPPORT_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* The next 64 bits of this state: SplitMix64, the tests' own source of numbers. */
uint64_t rnd(uint64_t *state);

/* Replace the defaults by the environment's and print which seeds follow. */
void random_rounds(uint64_t *seed, uint64_t *rounds);

/* Run it; the test fails, with seed and text, if an expectation of it does not hold. */
void random_run(uint64_t seed, const char *text, size_t len);

#endif
