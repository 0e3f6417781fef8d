/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The simulation kernel: a clock of integer nanoseconds, the queue of events
 * ordered by (time, insertion), the cost account of synchronous work, and named
 * random streams.
 *
 * Notification is a synchronous call, delay is an event: code that is called
 * inside another party's work (a notifier callback) cannot wait, it charges its
 * cost with sim_charge, and who called it turns the sum into an event.
 */
#ifndef IOMMUSIM_SIM_SIM_H
#define IOMMUSIM_SIM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/addr.h"

struct sim;
typedef void sim_event_fn(void *self, uint64_t arg);

struct sim *sim_new(uint64_t seed);
void sim_free(struct sim *s);

static inline sim_time sim_now(const struct sim *s);

/*
 * Run fn(self, arg) at absolute time `when`. Events with equal `when` run in
 * the order they were added. `self` is borrowed and must outlive the event.
 * `when` is not before sim_now(s).
 */
void sim_at(struct sim *s, sim_time when, sim_event_fn *fn, void *self, uint64_t arg);

/* Events whose self this is will not run any more. Looks at all that are pending. */
void sim_forget(struct sim *s, const void *self);

/* Run the next event; false if there is none. */
bool sim_step(struct sim *s);
size_t sim_pending(const struct sim *s);
bool sim_next_time(const struct sim *s, sim_time *when);

/* The cost of synchronous work since the last sim_take_charge, in ns. */
static inline void sim_charge(struct sim *s, sim_time ns);
static inline sim_time sim_take_charge(struct sim *s);
static inline sim_time sim_charged(const struct sim *s); /* and leave it */

/*
 * A random stream of its own for each consumer: seeded from (run seed, name), so
 * that a new consumer shifts nobody else's draws. Owned by the sim, found again
 * by name.
 */
struct sim_stream;
struct sim_stream *sim_stream(struct sim *s, const char *name);

/* Only for the inline functions below. */
struct sim_public {
    sim_time now;
    sim_time charge;
};

static inline sim_time
sim_now(const struct sim *s)
{
    return ((const struct sim_public *)(const void *)s)->now;
}

static inline void
sim_charge(struct sim *s, sim_time ns)
{
    ((struct sim_public *)(void *)s)->charge += ns;
}

static inline sim_time
sim_take_charge(struct sim *s)
{
    struct sim_public *p = (struct sim_public *)(void *)s;
    sim_time c = p->charge;

    p->charge = 0;
    return c;
}

static inline sim_time
sim_charged(const struct sim *s)
{
    return ((const struct sim_public *)(const void *)s)->charge;
}

#endif
