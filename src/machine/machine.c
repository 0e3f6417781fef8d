/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See machine.h. Building, running and freeing; the rest is in internal.h's other files.
 */
#include "machine/machine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/internal.h"

enum {
    FAILURES_MAX = 20,
    TICK_EVENTS = 1 << 16,
};

/* Stop the run; the first reason stands. */
__attribute__((format(printf, 3, 4))) static void
machine_stop(struct machine *m, enum machine_end end, const char *fmt, ...)
{
    va_list ap;

    if (m->stop) {
        return;
    }
    m->stop = true;
    m->end = end;
    va_start(ap, fmt);
    vsnprintf(m->err.text, sizeof(m->err.text), fmt, ap);
    va_end(ap);
}

void
machine_note_failure(struct machine *m, const char *fmt, ...)
{
    struct machine_result *res = &m->result;
    char text[512];
    va_list ap;

    if (res->n_failures == FAILURES_MAX) {
        return;
    }
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    m->failures = xrealloc(m->failures, res->n_failures + 1, sizeof(*m->failures));
    m->failures[res->n_failures++] = xstrdup(text);
    res->failures = (const char *const *)m->failures;
}

void
machine_fail(struct machine *m, const struct err *e)
{
    if (!m->stop) {
        machine_stop(m, MACHINE_FAILED, "%s", e->text);
        m->err = *e;
    }
}

/* One more event has passed. */
static void
count_event(struct machine *m)
{
    if (++m->result.events % TICK_EVENTS == 0 && m->config.tick != NULL) {
        m->config.tick(m->config.tick_self, m->result.events, sim_now(m->env.sim));
    }
}

bool
machine_may_go_on(struct machine *m)
{
    count_event(m);
    return m->result.events < m->sc->limits.events && !m->budget.exceeded &&
           m->result.violations < m->sc->limits.violations && !m->env.aborted &&
           !m->stop && trace_ok(m->env.trace);
}

/* ---- violations ---- */

static void
trace_violation(struct machine *m, const struct violation *v)
{
    struct trace_rec r;
    char at[SOURCE_PLACE];

    if (!trace_wants(m->env.trace, TE_VIOLATION)) {
        return;
    }
    trace_begin(&r, sim_now(m->env.sim), v->subject, TE_VIOLATION);
    trace_text(&r, TF_CLASS, violation_name(v->class));
    if (v->first != 0 || v->last != UINT64_MAX) { /* else it is about no range */
        trace_u64(&r, TF_IOVA, v->first);
        trace_u64(&r, TF_SIZE, v->last - v->first + 1);
    }
    if (v->have != NULL) {
        trace_text(&r, TF_HAVE, v->have);
        trace_text(&r, TF_WANT, v->want);
    }
    trace_u64(&r, TF_SINCE, v->origin.time);
    trace_text(&r, TF_BLAME, blame_name(v->blame));
    if (v->origin.file != NULL) {
        trace_text(&r, TF_AT, source_place(at, v->origin.file, v->origin.line));
    }
    if (v->missing != NULL) {
        trace_text(&r, TF_MISSING, v->missing);
    }
    if (v->hint != NULL) {
        trace_text(&r, TF_HINT, v->hint);
    }
    if (v->has_pasid) {
        trace_u64(&r, TF_PASID, v->pasid);
    }
    trace_emit(m->env.trace, &r);
}

static void
on_violation(void *self, const struct violation *v)
{
    struct machine *m = self;
    struct machine_result *res = &m->result;

    if (m->stop || res->violations >= m->sc->limits.violations) {
        return; /* found with the last one that counts */
    }
    trace_violation(m, v);
    if (res->violations == m->cap_violations) {
        m->cap_violations = m->cap_violations == 0 ? 16 : 2 * m->cap_violations;
        m->violations =
            xrealloc(m->violations, m->cap_violations, sizeof(*m->violations));
    }
    m->violations[res->violations++] = (struct violation_note){
        .class = v->class,
        .blame = v->blame,
        .subject = v->subject,
        .first = v->first,
        .last = v->last,
        .file = v->origin.file,
        .line = v->origin.line,
    };
    res->by_class[v->class]++;
    if (m->config.stop_on_violation) {
        machine_stop(m, MACHINE_VIOLATION, "stopped on the first violation");
    }
}

/* ---- building ---- */

static struct iommu *
vtd_build(const struct scenario_iommu *si, struct env *env)
{
    static const enum iommu_cache_policy policy[] = {
        [CACHE_LRU] = IOMMU_CACHE_LRU,
        [CACHE_FIFO] = IOMMU_CACHE_FIFO,
        [CACHE_RANDOM] = IOMMU_CACHE_RANDOM,
    };
    const struct vtd_config *c = &si->vtd;
#define CACHE(name)                                                                      \
    {                                                                                    \
        .entries = c->name.entries, .policy = policy[c->name.replacement]                \
    }
    struct iommu_vtd_config config = {
        .id = si->id,
        .base = c->base,
        .caching_mode = c->caching_mode,
        .pass_through = c->pass_through,
        .queued_invalidation = c->queued_invalidation,
        .write_buffer_flush = c->write_buffer_flush,
        .aw_bits = c->aw_bits,
        .superpages = (c->superpage_2m ? 1U : 0U) | (c->superpage_1g ? 2U : 0U),
        .mamv = c->mamv,
        .domains_lg2 = (unsigned)__builtin_ctz(c->domains),
        .scalable = c->scalable,
        .first_stage = c->first_stage,
        .pasid = c->pasid,
        .snoop_control = c->snoop_control,
        .device_iotlb = c->device_iotlb,
        .intremap = c->intremap,
        .drain = c->drain,
        .dma_translation = c->dma_translation,
        .fault_records = c->fault_records,
        .ats_timeout = c->ats_timeout,
        .iotlb = CACHE(iotlb),
        .context_cache = CACHE(context_cache),
        .pasid_cache = CACHE(pasid_cache),
        .paging_cache = CACHE(paging_cache),
    };
#undef CACHE

    return vtd_new(&config, env);
}

static struct iommu *
papr_build(const struct scenario_iommu *si, struct env *env)
{
    const struct papr_config *c = &si->papr;
    static const enum papr_acceleration acceleration[] = {
        [ACCELERATED_OFF] = PAPR_IN_MONITOR,
        [ACCELERATED_ON] = PAPR_IN_KERNEL,
        [ACCELERATED_UNTIL_HEARD] = PAPR_UNTIL_HEARD,
    };
    struct iommu_papr_config config = {
        .id = si->id,
        .vio = si->model == IOMMU_PAPR_VIO,
        .liobn = c->liobn,
        .buid = c->buid,
        .has_window = c->has_window,
        .window_base = c->window_base,
        .window_size = c->window_size,
        .page_lg2 = c->window_page_lg2,
        .acceleration = acceleration[c->accelerated],
        .bypass = c->bypass,
        .ddw = c->ddw,
        .page_sizes = c->page_sizes,
        .max_windows = c->max_windows,
        .dynamic_base = c->dynamic_base,
    };

    return papr_new(&config, env);
}

static struct iommu *
iommu_build(const struct scenario_iommu *si, struct env *env)
{
    switch (si->model) {
    case IOMMU_NONE:
        return iommu_none_new(si->id, env);
    case IOMMU_PAPR_TCE:
    case IOMMU_PAPR_VIO:
        return papr_build(si, env);
    case IOMMU_INTEL_VTD:
        return vtd_build(si, env);
    }
    return NULL;
}

static void
add_memory(struct mem *mem, const struct scenario *sc)
{
    static const enum mem_kind kind[] = {
        [SCENARIO_RAM] = MEM_RAM,
        [SCENARIO_ROM] = MEM_ROM,
        [SCENARIO_MMIO] = MEM_MMIO,
    };

    for (size_t i = 0; i < sc->n_ranges; i++) {
        const struct scenario_range *r = &sc->ranges[i];
        const uint64_t last = r->base + (r->size - 1);
        mem_add_range(mem, r->base, last, kind[r->kind]);
        if (r->block != 0) {
            mem_set_block(mem, GPA(r->base), r->block);
        }
        if (r->block != 0 && r->populated < r->size) {
            mem_discard(mem, GPA(r->base + r->populated), GPA(last));
        }
    }
}

static bool
build_devices(struct machine *m, struct err *e)
{
    const struct scenario *sc = m->sc;

    m->devices = xcalloc(sc->n_devices + 1, sizeof(*m->devices));
    for (size_t i = 0; i < sc->n_devices; i++) {
        struct device *d = &m->devices[i];
        d->sd = &sc->devices[i];
        d->iommu = m->iommus[d->sd->iommu];
        if (d->sd->plugged && !device_appear(m, d, e)) {
            return false;
        }
    }
    return true;
}

/* The driver's own preparations: silent, and free of simulated cost. */
static void
boot(struct machine *m)
{
    struct trace *shown = m->env.trace;

    if (!m->config.verbose) {
        m->env.trace = &m->silent;
    }
    guest_boot(m->guest);
    m->env.trace = shown;
    sim_take_charge(m->env.sim);
}

struct machine *
machine_new(const struct machine_config *config, struct err *e)
{
    const struct scenario *sc = config->scenario;
    struct machine *m = xcalloc(1, sizeof(*m));

    m->config = *config;
    arena_init(&m->kept);
    m->sc = sc;
    m->budget.limit = sc->limits.memory;
    m->env.budget = &m->budget;
    m->env.trace = config->trace;
    m->env.quirks = config->quirks;
    m->env.fail.nth = config->fail_nth;
    m->env.sim = sim_new(config->seed);
    m->env.mem = mem_new(&m->budget);
    add_memory(m->env.mem, sc);
    latencies_init(&m->env.latency, m->env.sim);
    m->check = check_new(&m->env, on_violation, m);
    m->iommus = xcalloc(sc->n_iommus + 1, sizeof(*m->iommus));
    for (size_t i = 0; i < sc->n_iommus; i++) {
        m->iommus[i] = iommu_build(&sc->iommus[i], &m->env);
    }
    actors_new(m);
    if (!build_devices(m, e)) {
        machine_free(m);
        return NULL;
    }
    m->guest = guest_new(&m->env, sc, m->iommus);
    boot(m);
    for (unsigned k = 0; k < LATENCY_COUNT; k++) {
        latencies_set(&m->env.latency, (enum latency_kind)k, &sc->latency[k]);
    }
    return m;
}

void
machine_free(struct machine *m)
{
    if (m == NULL) {
        return;
    }
    actors_free(m);
    for (size_t i = 0; m->devices != NULL && i < m->sc->n_devices; i++) {
        if (m->devices[i].space != NULL) {
            m->env.trace = &m->silent;
            device_vanish(m, &m->devices[i]);
        }
        device_free(m, &m->devices[i]);
    }
    m->env.trace = &m->silent;
    device_free_stranded(m);
    check_free(m->check);
    guest_free(m->guest);
    for (size_t i = 0; m->iommus != NULL && i < m->sc->n_iommus; i++) {
        iommu_free(m->iommus[i]);
    }
    mem_free(m->env.mem);
    dirty_fini(&m->env.dirty);
    sim_free(m->env.sim);
    fail_fini(&m->env.fail);
    free(m->iommus);
    free(m->devices);
    for (size_t i = 0; i < m->result.n_failures; i++) {
        free(m->failures[i]);
    }
    free(m->failures);
    free(m->counts);
    free(m->exposures);
    arena_fini(&m->kept);
    free(m->violations);
    free(m);
}

/* ---- running ---- */

/* What the first violation concerns: the tables and shadows of its device. */
static void
dump_concerned(struct machine *m)
{
    const char *subject = m->violations[0].subject;

    for (uint32_t i = 0; i < m->sc->n_devices; i++) {
        size_t len = strlen(m->sc->devices[i].id);
        if (strncmp(subject, m->sc->devices[i].id, len) == 0 &&
            (subject[len] == '\0' || subject[len] == '/')) {
            struct step_dump dump = { .iommu = SCENARIO_NONE, .device = i };
            dump.what = DUMP_TABLES;
            device_dump(m, &dump);
            dump.what = DUMP_SHADOW;
            device_dump(m, &dump);
        }
    }
}

static void
trace_limit(struct machine *m, const char *what, uint64_t limit)
{
    struct trace_rec r;

    if (trace_wants(m->env.trace, TE_LIMIT)) {
        trace_begin(&r, sim_now(m->env.sim), "run", TE_LIMIT);
        trace_text(&r, TF_WHAT, what);
        trace_u64(&r, TF_LIMIT, limit);
        trace_emit(m->env.trace, &r);
    }
}

static void
watch_limits(struct machine *m)
{
    const struct scenario_limits *l = &m->sc->limits;
    sim_time next;

    if (m->stop) {
        return;
    }
    if (m->result.violations >= l->violations) {
        trace_limit(m, "violations", l->violations);
        machine_stop(m, MACHINE_LIMIT, "limit of %llu violation%s reached",
                     (unsigned long long)l->violations, l->violations == 1 ? "" : "s");
    } else if (m->budget.exceeded) {
        trace_limit(m, "memory", l->memory);
        machine_stop(m, MACHINE_LIMIT, "limit of %llu bytes of memory reached",
                     (unsigned long long)l->memory);
    } else if (m->result.events >= l->events) {
        trace_limit(m, "events", l->events);
        machine_stop(m, MACHINE_LIMIT, "limit of %llu events reached",
                     (unsigned long long)l->events);
    } else if (l->time != UINT64_MAX && sim_next_time(m->env.sim, &next) &&
               next > l->time) {
        trace_limit(m, "time", l->time);
        machine_stop(m, MACHINE_LIMIT, "limit of %llu ns of simulated time reached",
                     (unsigned long long)l->time);
    } else if (m->env.aborted) {
        machine_stop(m, MACHINE_ABORTED, "the modelled monitor aborted");
    } else if (!trace_ok(m->env.trace)) {
        machine_stop(m, MACHINE_FAILED, "the trace could not be written");
    }
}

static void
collect_exposures(struct machine *m)
{
    struct machine_result *res = &m->result;
    struct exposure_stats x;
    size_t n = 0;

    check_exposure(m->check, &res->exposure);
    while (check_exposure_of(m->check, n, &x)) {
        n++;
    }
    m->exposures = xcalloc(n + 1, sizeof(*m->exposures));
    for (size_t i = 0; i < n; i++) {
        check_exposure_of(m->check, i, &m->exposures[i]);
    }
    res->exposures = m->exposures;
    res->n_exposures = n;
}

static void
count_results(struct machine *m)
{
    struct machine_result *res = &m->result;

    res->time = sim_now(m->env.sim);
    for (size_t i = 0; i < m->sc->n_iommus; i++) {
        if (m->iommus[i]->ops->faults != NULL) {
            res->faults += m->iommus[i]->ops->faults(m->iommus[i]);
        }
    }
    for (size_t i = 0; i < m->sc->n_devices; i++) {
        for (struct seat *s = m->devices[i].seats; s != NULL; s = s->next) {
            device_count(m, s);
        }
    }
    collect_exposures(m);
    for (size_t i = 0; i < m->n_counts; i++) {
        res->misses += m->counts[i].misses;
        res->batches += m->counts[i].batches;
    }
    res->fail_points = m->env.fail.points;
    res->hit = m->env.fail.hit;
    res->subscribers = m->counts;
    res->n_subscribers = m->n_counts;
}

enum machine_end
machine_run(struct machine *m, struct err *e)
{
    for (size_t i = 0; i < m->sc->n_devices; i++) {
        if (m->devices[i].space != NULL) {
            device_subscribe_all(m, &m->devices[i]);
        }
    }
    sim_take_charge(m->env.sim);
    actors_start(m);
    watch_limits(m);
    while (!m->stop && sim_step(m->env.sim)) {
        check_say(m->check);
        count_event(m);
        watch_limits(m);
    }
    if (!m->stop && !actors_done(m)) {
        machine_stop(m, MACHINE_FAILED,
                     "a step never ended: the guest waits for an IOMMU "
                     "that has nothing left to do");
    }
    if (!m->stop) {
        check_end(m->check);
        watch_limits(m);
    }
    if (m->end == MACHINE_VIOLATION) {
        dump_concerned(m);
    }
    count_results(m);
    if (m->end != MACHINE_LIMIT && m->end != MACHINE_FAILED) {
        expect_end(m);
    }
    if (e != NULL) {
        *e = m->err;
    }
    return m->end;
}

const struct machine_result *
machine_result(const struct machine *m)
{
    return &m->result;
}
