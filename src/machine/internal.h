/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the machine's files share. machine.c builds, owns and runs; device.c plugs,
 * subscribes and makes devices access memory; actor.c takes actors through their
 * steps; traffic.c makes steps for workload and replay; step_line.c prints them;
 * expect_step.c and expect_end.c hold them and the run against the scenario.
 */
#ifndef IOMMUSIM_MACHINE_INTERNAL_H
#define IOMMUSIM_MACHINE_INTERNAL_H

#include "check/check.h"
#include "guest/guest.h"
#include "iommu/iommu.h"
#include "machine/machine.h"
#include "notify/env.h"
#include "scenario/scenario.h"
#include "subscriber/subscriber.h"

/* A subscriber of one device, or its share of a container. */
struct seat {
    struct seat *next; /* of the device, in order of arrival */
    const struct scenario_subscriber *sub;
    struct subscriber *s;
    struct seat *shares; /* the seat whose container this joined, or NULL */
    struct subscriber_group group;
    struct subscriber_span *reserved; /* owned */
    bool refused;                     /* by the container, which it is not in */
    size_t count;                     /* index into machine.counts, or NOT_COUNTED */
};
#define NOT_COUNTED SIZE_MAX /* it listens to nothing */

struct device {
    const struct scenario_device *sd;
    struct iommu *iommu;
    struct space *space;        /* NULL while unplugged */
    struct truth_device *truth; /* the same */
    bool ats;                   /* its control is set */
    struct seat *seats;
};

struct violation_note {
    enum violation_class class;
    enum blame blame;
    const char *subject;
    uint64_t first, last;
    const char *file; /* of the step that began it; NULL: none did */
    uint32_t line;
};

/* What devices do while a reset of the machine takes time, and else. */
enum device_phase {
    DEVICES_RUN,
    DEVICES_STOPPED,
    DEVICES_ORPHANED, /* at work, when their IOMMUs have been reset under them */
};

struct machine {
    struct machine_config config;
    const struct scenario *sc;
    struct env env;
    struct budget budget;
    struct trace silent;    /* wants nothing: while the driver boots */
    struct iommu **iommus;  /* one for each of sc->iommus */
    struct device *devices; /* one for each of sc->devices */
    struct guest *guest;
    struct check *check;
    struct subscriber **stranded; /* gone, but still registered */
    size_t n_stranded;
    struct actor *actors;    /* one for each of sc->actors */
    struct actor *helpers;   /* at work for workload and replay steps */
    struct running *running; /* steps in progress */
    struct running *spare;
    struct step_watch *watches; /* of steps in progress that expect events or faults */
    struct machine_result result;
    struct arena kept; /* subscribers that a recording brought along */
    struct machine_subscriber_count *counts;
    size_t n_counts;
    struct exposure_stats *exposures;
    struct violation_note *violations;
    size_t cap_violations;
    char **failures;         /* lines for people: what was not as expected */
    enum device_phase phase; /* of all devices */
    bool stop;               /* no further events */
    enum machine_end end;
    struct err err; /* for MACHINE_LIMIT and MACHINE_FAILED */
};

/* Remember a line for the summary; only the first twenty are kept. */
void machine_note_failure(struct machine *m, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Stop the run because of what *e says. */
void machine_fail(struct machine *m, const struct err *e);
/*
 * Count one more step begun without an event; false: let the main loop look at the
 * limits.
 */
bool machine_may_go_on(struct machine *m);

/* ---- device.c ---- */

/* Attach to the bus, without subscribers. */
bool device_appear(struct machine *m, struct device *d, struct err *e);
/* Give it the subscribers that the scenario says. False if one was refused. */
bool device_subscribe_all(struct machine *m, struct device *d);
void device_vanish(struct machine *m, struct device *d);
bool device_subscribe(struct machine *m, struct device *d,
                      const struct scenario_subscriber *sub, enum replay_choice replay,
                      struct err *why);
bool device_unsubscribe(struct machine *m, struct device *d, const char *name);
/* Replay once more to one subscriber. False: there is none of that name. */
bool device_announce(struct device *d, const char *name);
/* The guest sets or clears the control of its ATS. */
void device_set_ats(struct device *d, bool on);
/* A reset of the device alone: caches are emptied, registrations made anew. */
void device_reset(struct machine *m, struct device *d);
/*
 * The whole machine moves: everybody leaves, the IOMMUs are carried over, all come back.
 */
void device_migrate_all(struct machine *m);
void device_free(struct machine *m, struct device *d);
/* Those that left without unregistering, at the end. */
void device_free_stranded(struct machine *m);
/* The subscribers of all devices by themselves: a container counts once. */
typedef void device_subscriber_fn(struct machine *m, struct device *d,
                                  struct subscriber *s, void *arg);
void device_each_subscriber(struct machine *m, device_subscriber_fn *fn, void *arg);
/* Bring the counters of its events up to date. */
void device_count(struct machine *m, const struct seat *seat);
struct seat *device_seat(const struct device *d, const char *name);

struct access_result {
    enum dma_result result;
    uint64_t gpa; /* of the first byte, if it was reached */
    bool has_gpa;
    uint64_t done; /* bytes */
    bool data_differs;
};
void device_dma(struct machine *m, struct device *d, const struct step_dma *a,
                struct access_result *out);
void device_dump(struct machine *m, const struct step_dump *dump);

/* ---- ram.c ---- */

/*
 * Take whole blocks of RAM from the guest, or give it those of [first, last] that it has
 * not, and tell the mirrors. False if one of them is in the way: then nothing was taken,
 * and nothing given from where it is on.
 */
bool ram_discard(struct machine *m, uint64_t first, uint64_t last);
bool ram_populate(struct machine *m, uint64_t first, uint64_t last);

/* ---- migration.c ---- */

/* A word for how it went. */
const char *migration_step(struct machine *m, enum migration_op op);
/*
 * A device has written guest memory at gpa, by its own address iova, through s, or NULL:
 * by the monitor's own hand.
 */
void migration_wrote(struct machine *m, struct subscriber *s, uint64_t iova, uint64_t gpa,
                     uint64_t len);

/* ---- actor.c ---- */

/* One step in progress. */
struct running {
    struct running *next, **link;
    struct actor *actor;
    struct step step;
    sim_time began;
    struct guest_reply reply; /* of guest steps */
    struct access_result dma;
    bool has_dma;
    const char *result;       /* word for the trace, or NULL */
    struct traffic *traffic;  /* workload and replay: where its steps come from */
    struct step_watch *watch; /* what was seen while it ran, if it expects */
};

void actors_new(struct machine *m);
void actors_free(struct machine *m);
void actors_start(struct machine *m);
bool actors_done(const struct machine *m);
const char *actor_name(const struct running *r);
/* The recording that its step comes from, or NULL. */
const char *actor_recording(const struct running *r);

/* ---- step_line.c ---- */

void step_line(struct machine *m, const struct running *r);

/* ---- expect_step.c ---- */

void step_watch_begin(struct machine *m, struct running *r);
void step_watch_end(struct machine *m, struct running *r);
void expect_step(struct machine *m, struct running *r);

/* ---- expect_end.c ---- */

/*
 * The stretch of the shadow at or after `from`: pieces of one mapping joined, and, unless
 * `unjoined`, neighbours that lead on where it ends with the same permission.
 */
bool shadow_run(const struct subscriber *s, uint64_t from, bool unjoined,
                struct range_piece *out);
void expect_end(struct machine *m);

#endif
