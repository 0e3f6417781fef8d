/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One machine: built from a scenario, run to its end, freed. It owns guest memory,
 * IOMMUs, subscribers, the guest and the checker, and holds the run against the
 * scenario's expectations. Several machines may live in one process.
 */
#ifndef IOMMUSIM_MACHINE_MACHINE_H
#define IOMMUSIM_MACHINE_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "check/check.h"
#include "notify/fail.h"
#include "scenario/scenario.h"
#include "trace/trace.h"
#include "util/err.h"
#include "util/quirks.h"

struct machine;

struct machine_config {
    const struct scenario *scenario;      /* borrowed */
    const struct scenario_expect *expect; /* what this run must hold; borrowed */
    uint64_t seed;
    struct quirk_set quirks; /* the profile's and those added */
    struct trace *trace;     /* borrowed, not NULL */
    bool verbose;            /* show what the driver does before time 0 */
    bool stop_on_violation;
    uint64_t fail_nth; /* this point fails, 1 is the first; 0: none. See notify/fail.h */
    /* Called now and then while the run goes on; may be NULL. */
    void (*tick)(void *self, uint64_t events, sim_time now);
    void *tick_self;
};

/* NULL and *e if the scenario asks for what cannot be built. */
struct machine *machine_new(const struct machine_config *config, struct err *e);
void machine_free(struct machine *m); /* NULL is fine */

enum machine_end {
    MACHINE_COMPLETE,  /* every actor is done, nothing is pending */
    MACHINE_VIOLATION, /* stopped on a violation, as asked */
    MACHINE_ABORTED,   /* the modelled monitor died */
    MACHINE_LIMIT,     /* a limit of the scenario was reached: *e says which */
    MACHINE_FAILED,    /* input or output failed while running: *e says how */
};

/* Run to the end, compare everything once more, test the expectations. Once. */
enum machine_end machine_run(struct machine *m, struct err *e);

/* ---- what came of it ---- */

struct machine_subscriber_count {
    const char *name; /* device/subscriber */
    uint64_t maps, unmaps, deviotlb_unmaps, errors, misses, batches;
    bool refused;
    bool refusal_expected; /* by the step that subscribed it */
};

struct machine_result {
    uint64_t fail_points; /* met: places where something may fail */
    struct fail_hit hit;  /* the last that was made to fail; its words live as long as
                           * the machine */
    bool held;            /* every expectation of the run */
    uint64_t failed_expectations;
    uint64_t events; /* of the simulation */
    sim_time time;   /* at the end */
    uint64_t steps;
    uint64_t hypercalls;
    uint64_t dmas;
    uint64_t faults;
    uint64_t misses, batches;        /* of all subscribers */
    uint64_t violations, unexpected; /* unexpected: no pattern of `expect` matches */
    /* Of the unexpected, those that say no more than what failed: the subscriber of `hit`
     * lacks what the step of `hit` mapped. */
    uint64_t not_mirrored;
    uint64_t by_class[VIOLATION_COUNT];
    struct exposure_stats exposure;
    const struct exposure_stats *exposures; /* n of them: of each subscriber and device */
    size_t n_exposures;
    const struct machine_subscriber_count *subscribers; /* n of them, by first arrival */
    size_t n_subscribers;
    const char *const *failures; /* n of them: expectations and violations, as lines */
    size_t n_failures;
};
/* Valid until machine_free. */
const struct machine_result *machine_result(const struct machine *m);

/* A figure of the result; times in ns, byte-seconds in bytes times ns. */
uint64_t machine_stat(const struct machine_result *r, enum run_stat stat);
/*
 * The same, one of exposure, of one subscriber or device: its lawful spans, or with a
 * class those of its violations. What never happened to it is 0.
 */
uint64_t machine_stat_of(const struct machine_result *r, const char *subject,
                         enum violation_class class, enum run_stat stat);

#endif
