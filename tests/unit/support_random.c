/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See support_random.h. */
#include "support_random.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "machine/machine.h"
#include "scenario/scenario.h"
#include "trace/trace.h"

uint64_t
rnd(uint64_t *state)
{
    uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

void
random_rounds(uint64_t *seed, uint64_t *rounds)
{
    const char *seed_text = getenv("IOMMUSIM_TEST_SEED");
    const char *rounds_text = getenv("IOMMUSIM_TEST_ROUNDS");

    *seed = seed_text != NULL ? strtoull(seed_text, NULL, 0) : *seed;
    *rounds = rounds_text != NULL ? strtoull(rounds_text, NULL, 0) : *rounds;
    printf("seeds %" PRIu64 " to %" PRIu64 "\n", *seed, *seed + *rounds - 1);
}

static void
give_up(uint64_t seed, const char *text, const char *why)
{
    fprintf(stderr, "%s\n# seed %" PRIu64 ": %s\n", text, seed, why);
    ck_abort_msg("seed %" PRIu64 ": %s", seed, why);
}

void
random_run(uint64_t seed, const char *text, size_t len)
{
    struct scenario *sc;
    struct scenario_errors errs;
    struct err e = { 0 };

    if (!scenario_load_buffer("random.yaml", text, len, &sc, &errs)) {
        give_up(seed, text, scenario_errors_text(&errs));
    }
    scenario_errors_fini(&errs);
    struct trace *t = trace_new(
        &(struct trace_options){ .format = TRACE_FORMAT_NONE, .level = TRACE_QUIET },
        NULL);
    struct machine_config config = {
        .scenario = sc, .expect = &sc->keys.expect, .seed = seed, .trace = t
    };
    struct machine *m = machine_new(&config, &e);
    if (m == NULL) {
        give_up(seed, text, e.text);
    }
    if (machine_run(m, &e) != MACHINE_COMPLETE) {
        give_up(seed, text, e.text);
    }
    const struct machine_result *result = machine_result(m);
    if (result->n_failures > 0 || !result->held) {
        give_up(seed, text, result->n_failures > 0 ? result->failures[0] : "not held");
    }
    machine_free(m);
    trace_close(t, NULL);
    scenario_free(sc);
}
