/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Devices: on the bus and off, their subscribers, and their accesses to memory.
 * See internal.h.
 */
#include <stdlib.h>
#include <string.h>

#include "iommu/vtd_fmt.h"
#include "machine/internal.h"

static const enum dma_result as_result[] = {
    [DMA_OK] = RESULT_OK,
    [DMA_FAULT] = RESULT_FAULT,
    [DMA_BLOCKED] = RESULT_BLOCKED,
    [DMA_REFUSED] = RESULT_REFUSED,
};

/* ---- subscribers ---- */

struct seat *
device_seat(const struct device *d, const char *name)
{
    struct seat *s = d->seats;

    while (s != NULL && strcmp(s->sub->name, name) != 0) {
        s = s->next;
    }
    return s;
}

/* The seat that first took `container`, on the same address space. */
static struct seat *
container_seat(struct machine *m, const struct device *d, const char *container)
{
    for (size_t i = 0; container != NULL && i < m->sc->n_devices; i++) {
        struct device *other = &m->devices[i];
        for (struct seat *s = other->seats; s != NULL; s = s->next) {
            if (s->shares == NULL && s->sub->container != NULL && s->s != NULL &&
                other->space == d->space && strcmp(s->sub->container, container) == 0) {
                return s;
            }
        }
    }
    return NULL;
}

static unsigned
event_flags(unsigned scenario_flags)
{
    return (scenario_flags & SCENARIO_EVENT_MAP ? NOTIFY_MAP : 0U) |
           (scenario_flags & SCENARIO_EVENT_UNMAP ? NOTIFY_UNMAP : 0U) |
           (scenario_flags & SCENARIO_EVENT_DEVIOTLB ? NOTIFY_DEVIOTLB_UNMAP : 0U);
}

static struct subscriber_config
config_of(const struct device *d, const struct scenario_subscriber *sub,
          enum replay_choice replay)
{
    bool everything = sub->range.first == 0 && sub->range.last == UINT64_MAX;
    struct subscriber_config c = {
        .name = sub->label,
        .device = d->sd->id,
        .flags = sub->backend == BACKEND_OBSERVER ? event_flags(sub->flags) : 0,
        .has_range = !everything,
        .range_first = sub->range.first,
        .range_last = sub->range.last,
        .replay = replay != REPLAY_OFF,
        .replay_always = replay == REPLAY_ON,
        .retry = sub->retry,
        .page_sizes = sub->page_sizes,
        .entry_limit = sub->entry_limit,
        .has_aperture = sub->has_aperture,
        .aperture_first = sub->aperture.first,
        .aperture_last = sub->aperture.last,
        .locked_memory = sub->locked_memory == UINT64_MAX ? 0 : sub->locked_memory,
        .strict_permissions = sub->strict_permissions,
        .version = sub->version,
        .backing_page = sub->backing_page,
        .has_registered = sub->has_registered,
        .registered_first = sub->registered.first,
        .registered_last = sub->registered.last,
        .entries = sub->entries,
        .no_acks = sub->no_acks,
        .depth = sub->depth == UINT64_MAX ? 0 : sub->depth,
        .no_set_map = sub->no_set_map,
        .completion = (enum completion)sub->completion,
        .ats = d->ats,
        .no_iommu = d->iommu->ops->kind == IOMMU_KIND_NONE,
        .pasid = sub->has_pasid ? sub->pasid : ASK_NO_PASID,
    };

    return c;
}

/* What the device's host keeps for itself; unless said, where interrupts are written. */
static void
reserve(const struct device *d, struct seat *seat)
{
    const struct scenario_subscriber *sub = seat->sub;
    const bool x86 = d->iommu->ops->kind == IOMMU_KIND_VTD;
    const size_t n = sub->n_reserved > 0 ? sub->n_reserved : x86;

    seat->reserved = xcalloc(n + 1, sizeof(*seat->reserved));
    seat->reserved[0] =
        (struct subscriber_span){ VTD_INTERRUPT_FIRST, VTD_INTERRUPT_LAST };
    for (size_t i = 0; i < sub->n_reserved; i++) {
        seat->reserved[i] =
            (struct subscriber_span){ sub->reserved[i].first, sub->reserved[i].last };
    }
    seat->group =
        (struct subscriber_group){ .reserved = seat->reserved, .n_reserved = n };
}

static const enum request_type request_types[] = {
    [ASK_UNTRANSLATED] = REQUEST_UNTRANSLATED,
    [ASK_TRANSLATION] = REQUEST_TRANSLATION,
    [ASK_TRANSLATED] = REQUEST_TRANSLATED,
};

static void
ask_iommu(void *self, const struct ask *ask, struct dma_answer *out)
{
    static const enum dma_outcome outcome[] = {
        [XLATE_OK] = DMA_OK,
        [XLATE_FAULT] = DMA_FAULT,
        [XLATE_ABSENT] = DMA_BLOCKED,
    };
    struct device *d = self;
    const struct iommu_request q = {
        .sid = d->sd->sid,
        .type = request_types[ask->kind],
        .pasid = ask->pasid == ASK_NO_PASID ? IOMMU_NO_PASID : ask->pasid,
        .iova = ask->iova,
        .access = ask->access,
    };
    struct xlate x = { .perm = PERM_NONE };

    out->result = outcome[d->iommu->ops->translate(d->iommu, &q, &x)];
    out->gpa = x.gpa;
    out->first = x.first;
    out->last = x.last;
    out->perm = x.perm;
}

static size_t
count_slot(struct machine *m, const char *name)
{
    for (size_t i = 0; i < m->n_counts; i++) {
        if (strcmp(m->counts[i].name, name) == 0) {
            return i;
        }
    }
    m->counts = xrealloc(m->counts, m->n_counts + 1, sizeof(*m->counts));
    m->counts[m->n_counts] = (struct machine_subscriber_count){ .name = name };
    return m->n_counts++;
}

void
device_count(struct machine *m, const struct seat *seat)
{
    if (seat->count == NOT_COUNTED || seat->shares != NULL) {
        return;
    }
    struct machine_subscriber_count *n = &m->counts[seat->count];
    n->refused |= seat->refused;
    if (seat->s != NULL) {
        n->maps += seat->s->maps;
        n->unmaps += seat->s->unmaps;
        n->deviotlb_unmaps += seat->s->deviotlb_unmaps;
        n->errors += seat->s->errors;
        n->misses += seat->s->misses;
        n->batches += seat->s->batches;
        n->refused |= seat->s->refused;
    }
}

bool
device_subscribe(struct machine *m, struct device *d,
                 const struct scenario_subscriber *sub, enum replay_choice replay,
                 struct err *why)
{
    struct seat *seat = xcalloc(1, sizeof(*seat)), **end = &d->seats;
    struct seat *holder = container_seat(m, d, sub->container);

    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = seat;
    seat->sub = sub;
    seat->count =
        sub->backend == BACKEND_EMULATED ? NOT_COUNTED : count_slot(m, sub->label);
    reserve(d, seat);
    if (holder != NULL) {
        seat->refused = !subscriber_join(holder->s, sub->label, &seat->group, why);
        seat->shares = seat->refused ? NULL : holder;
        seat->s = seat->refused ? NULL : holder->s;
        return !seat->refused && !seat->s->refused;
    }
    struct subscriber_config config = config_of(d, sub, replay);
    seat->s =
        subscriber_new(subscriber_kind(backend_name(sub->backend)), &config, &m->env);
    subscriber_join(seat->s, sub->label, &seat->group, NULL);
    check_add_subscriber(
        m->check, seat->s,
        check_pasid(d->truth, sub->has_pasid ? sub->pasid : IOMMU_NO_PASID));
    bool ok = subscriber_attach(
        seat->s, d->space, (struct translator){ .translate = ask_iommu, .self = d }, why);
    if (ok) {
        check_attached(m->check, seat->s);
    }
    return ok;
}

/* Hand the container to another device that shares it, if there is one. Its lines go on
 * under the name that it began with, and so does their count. */
static bool
hand_over(struct machine *m, struct seat *seat)
{
    struct seat *heir = NULL;

    for (size_t i = 0; i < m->sc->n_devices; i++) {
        for (struct seat *s = m->devices[i].seats; s != NULL; s = s->next) {
            if (s->shares == seat) {
                s->shares = heir;
                heir = heir == NULL ? s : heir;
            }
        }
    }
    if (heir != NULL) {
        heir->count = seat->count;
    }
    return heir != NULL;
}

/* Its container goes, its registrations stay. */
static void
strand(struct machine *m, struct seat *seat)
{
    device_count(m, seat);
    check_remove_subscriber(m->check, seat->s);
    subscriber_strand(seat->s);
    m->stranded = xrealloc(m->stranded, m->n_stranded + 1, sizeof(struct subscriber *));
    m->stranded[m->n_stranded++] = seat->s;
}

void
device_free_stranded(struct machine *m)
{
    for (size_t i = 0; i < m->n_stranded; i++) {
        subscriber_detach(m->stranded[i]);
        subscriber_free(m->stranded[i]);
    }
    free(m->stranded);
}

static void
container_leave(struct machine *m, struct seat *seat)
{
    if (seat->s->ops->shadow == SHADOW_MIRROR &&
        env_quirk(&m->env, QUIRK_VFIO_LEAK_NOTIFIER)) {
        strand(m, seat);
        return;
    }
    subscriber_detach(seat->s);
    device_count(m, seat);
    check_remove_subscriber(m->check, seat->s);
    subscriber_free(seat->s);
}

static void
seat_free(struct machine *m, struct seat *seat)
{
    if (seat->refused) {
        device_count(m, seat);
    } else {
        subscriber_part(seat->s, &seat->group);
        if (seat->shares == NULL && !hand_over(m, seat)) {
            container_leave(m, seat);
        }
    }
    free(seat->reserved);
    free(seat);
}

bool
device_unsubscribe(struct machine *m, struct device *d, const char *name)
{
    struct seat **p = &d->seats;

    while (*p != NULL && strcmp((*p)->sub->name, name) != 0) {
        p = &(*p)->next;
    }
    if (*p == NULL) {
        return false;
    }
    struct seat *seat = *p;
    *p = seat->next;
    seat_free(m, seat);
    return true;
}

bool
device_announce(struct device *d, const char *name)
{
    struct seat *seat = device_seat(d, name);

    if (seat == NULL || seat->refused) {
        return false;
    }
    subscriber_replay(seat->s);
    return true;
}

/* ---- on the bus ---- */

bool
device_appear(struct machine *m, struct device *d, struct err *e)
{
    d->space = d->iommu->ops->attach(d->iommu, d->sd->sid, d->sd->id, e);
    if (d->space == NULL) {
        return false;
    }
    d->truth = check_add_device(m->check, d->iommu, d->sd->id, d->sd->sid);
    d->ats = d->sd->ats;
    return true;
}

bool
device_subscribe_all(struct machine *m, struct device *d)
{
    bool all = true;
    struct err why;

    for (size_t i = 0; i < d->sd->n_subs; i++) {
        all &= device_subscribe(m, d, &d->sd->subs[i], REPLAY_DEFAULT, &why);
    }
    return all;
}

void
device_free(struct machine *m, struct device *d)
{
    while (d->seats != NULL) {
        struct seat *seat = d->seats;
        d->seats = seat->next;
        seat_free(m, seat);
    }
}

void
device_vanish(struct machine *m, struct device *d)
{
    device_free(m, d);
    d->iommu->ops->detach(d->iommu, d->sd->sid);
    check_remove_device(d->truth);
    d->space = NULL;
    d->truth = NULL;
}

void
device_set_ats(struct device *d, bool on)
{
    d->ats = on;
    for (struct seat *seat = d->seats; seat != NULL; seat = seat->next) {
        if (seat->shares == NULL && !seat->refused) {
            subscriber_set_ats(seat->s, on);
            check_ats_switched(seat->s);
        }
    }
}

void
device_reset(struct machine *m, struct device *d)
{
    struct err why;

    (void)m;
    for (struct seat *seat = d->seats; seat != NULL; seat = seat->next) {
        if (seat->shares == NULL && !seat->refused &&
            seat->s->ops->shadow == SHADOW_CACHE) {
            struct translator tr = seat->s->translator;
            subscriber_detach(seat->s);
            subscriber_attach(seat->s, d->space, tr, &why);
        }
    }
}

void
device_each_subscriber(struct machine *m, device_subscriber_fn *fn, void *arg)
{
    for (size_t i = 0; i < m->sc->n_devices; i++) {
        for (struct seat *seat = m->devices[i].seats; seat != NULL; seat = seat->next) {
            if (seat->shares == NULL && !seat->refused) {
                fn(m, &m->devices[i], seat->s, arg);
            }
        }
    }
}

static void
leave_source(struct machine *m, struct device *d, struct subscriber *s, void *arg)
{
    (void)m;
    (void)d;
    (void)arg;
    subscriber_detach(s);
}

static void
join_destination(struct machine *m, struct device *d, struct subscriber *s, void *arg)
{
    struct err why;

    (void)arg;
    if (subscriber_attach(s, d->space, s->translator, &why)) {
        check_attached(m->check, s);
    }
}

void
device_migrate_all(struct machine *m)
{
    device_each_subscriber(m, leave_source, NULL);
    for (size_t i = 0; i < m->sc->n_iommus; i++) {
        if (m->iommus[i]->ops->migrate != NULL) {
            m->iommus[i]->ops->migrate(m->iommus[i]);
        }
    }
    device_each_subscriber(m, join_destination, NULL);
}

/* ---- accesses ---- */

/*
 * Whose shadow translates: the first backend that is not an observer and serves
 * requests with this PASID, or without. NULL: the IOMMU.
 */
static const struct seat *
translating_seat(const struct device *d, const struct step_dma *a)
{
    for (const struct seat *s = d->seats; s != NULL; s = s->next) {
        if (s->sub->backend != BACKEND_OBSERVER && s->sub->has_pasid == a->has_pasid &&
            (!a->has_pasid || s->sub->pasid == a->pasid)) {
            return s;
        }
    }
    return NULL;
}

static struct dma_answer
translate(struct device *d, struct subscriber *s, const struct step_dma *dma,
          uint64_t iova)
{
    const enum perm access = dma->write ? PERM_W : PERM_R;
    struct dma_answer a;

    if (s != NULL && s->ops->dma != NULL) {
        return s->ops->dma(s, iova, access);
    }
    ask_iommu(d,
              &(struct ask){ .access = access,
                             .pasid = dma->has_pasid ? dma->pasid : ASK_NO_PASID,
                             .iova = iova },
              &a);
    return a;
}

/* Carry out `len` bytes at gpa. False: no memory there. */
static bool
transfer(struct machine *m, const struct step_dma *a, uint64_t done, uint64_t gpa,
         uint64_t len, struct access_result *out)
{
    uint8_t found[PAGE_BYTES];

    if ((gpa & FORMER_PAGE) != 0) {
        return true; /* memory of the host, which the guest never sees */
    }
    if (a->write) {
        return a->data != NULL ? mem_write(m->env.mem, GPA(gpa), a->data + done, len)
                               : mem_is_ram(m->env.mem, GPA(gpa));
    }
    if (!mem_read(m->env.mem, GPA(gpa), found, len)) {
        return false;
    }
    out->data_differs |= a->data != NULL && memcmp(found, a->data + done, len) != 0;
    return true;
}

void
device_dma(struct machine *m, struct device *d, const struct step_dma *a,
           struct access_result *out)
{
    enum perm access = a->write ? PERM_W : PERM_R;
    const struct seat *seat = translating_seat(d, a);
    struct subscriber *s = seat != NULL ? seat->s : NULL;
    struct subscriber *shadow = s != NULL && s->ops->dma != NULL ? s : NULL;

    const sim_time cost = latency_draw(&m->env.latency, LATENCY_DMA);

    *out = (struct access_result){ .result = RESULT_OK };
    m->result.dmas++;
    sim_charge(m->env.sim, cost);
    if (m->phase == DEVICES_STOPPED || d->space == NULL ||
        (seat != NULL && (seat->refused || s->refused))) {
        out->result = RESULT_REFUSED;
        return;
    }
    while (out->done < a->size) {
        uint64_t iova = a->iova + out->done, left = a->size - out->done;
        uint64_t len = PAGE_BYTES - (iova & PAGE_MASK);
        len = len < left ? len : left;
        struct dma_answer t = translate(d, s, a, iova);
        bool ok = t.result == DMA_OK;
        check_dma(m->check,
                  &(struct check_dma){ .device = d->truth,
                                       .subscriber = shadow,
                                       .pasid = a->has_pasid ? a->pasid : IOMMU_NO_PASID,
                                       .iova = iova,
                                       .len = len,
                                       .access = access,
                                       .ok = ok,
                                       .orphan = m->phase == DEVICES_ORPHANED,
                                       .gpa = ok ? t.gpa.v : 0 });
        out->result = as_result[t.result];
        if (!ok) {
            return;
        }
        if (shadow == NULL && cost != 0 && d->iommu->ops->in_flight != NULL) {
            d->iommu->ops->in_flight(d->iommu, sim_now(m->env.sim) + cost, a->write);
        }
        if (!transfer(m, a, out->done, t.gpa.v, len, out)) {
            out->result = RESULT_BLOCKED;
            return;
        }
        if (a->write) {
            migration_wrote(m, shadow, iova, t.gpa.v, len);
        }
        if (out->done == 0) {
            out->gpa = t.gpa.v;
            out->has_gpa = true;
        }
        out->done += len;
    }
}

/* ---- dumps ---- */

/* What was mapped, an entry a line: not the pieces that the shadow keeps of it. */
static void
dump_shadow(struct machine *m, const struct seat *seat)
{
    const struct subscriber *s = seat->s;
    struct range_piece p;
    struct trace_rec r;

    if (s == NULL || seat->shares != NULL || s->ops->next == NULL ||
        !trace_wants(m->env.trace, TE_DUMP_SHADOW)) {
        return;
    }
    for (uint64_t at = 0; shadow_run(s, at, true, &p); at = p.last + 1) {
        trace_begin(&r, sim_now(m->env.sim), s->config.name, TE_DUMP_SHADOW);
        trace_u64(&r, TF_IOVA, p.first);
        trace_u64(&r, TF_SIZE, p.last - p.first + 1);
        trace_u64(&r, TF_GPA, p.target);
        trace_u64(&r, TF_PERM, p.perm);
        trace_emit(m->env.trace, &r);
        if (p.last == UINT64_MAX) {
            return;
        }
    }
}

static void
dump_window(struct machine *m, const struct iommu *iommu, const struct iommu_window *w)
{
    struct trace_rec r;

    for (uint64_t i = 0; i < w->entries; i++) {
        gpa_t page;

        if (i % (PAGE_BYTES / 8) == 0) {
            if (!mem_next_touched(w->tces, GPA(8 * i), &page) ||
                page.v / 8 >= w->entries) {
                return;
            }
            i = page.v / 8;
        }
        uint64_t tce = mem_read64le(w->tces, GPA(8 * i));
        if (tce != 0) {
            trace_begin(&r, sim_now(m->env.sim), iommu->id, TE_DUMP_TCE);
            trace_u64(&r, TF_LIOBN, w->liobn);
            trace_u64(&r, TF_IOBA, w->base + (i << w->page_lg2));
            trace_u64(&r, TF_TCE, tce);
            trace_emit(m->env.trace, &r);
        }
    }
}

static void
dump_tables(struct machine *m, const struct step_dump *dump)
{
    struct iommu_window w[16];

    for (uint32_t i = 0; i < m->sc->n_iommus; i++) {
        const struct iommu *iommu = m->iommus[i];
        bool wanted = dump->iommu == i ||
                      (dump->iommu == SCENARIO_NONE && dump->device == SCENARIO_NONE);
        if (dump->device != SCENARIO_NONE) {
            wanted = m->devices[dump->device].iommu == iommu;
        }
        if (!wanted || iommu->ops->windows == NULL ||
            !trace_wants(m->env.trace, TE_DUMP_TCE)) {
            continue;
        }
        size_t n = iommu->ops->windows(iommu, w, sizeof(w) / sizeof(w[0]));
        for (size_t k = 0; k < n; k++) {
            dump_window(m, iommu, &w[k]);
        }
    }
    for (uint32_t i = 0; i < m->sc->n_devices; i++) {
        const struct device *d = &m->devices[i];
        bool wanted =
            dump->device == i ||
            (dump->device == SCENARIO_NONE &&
             (dump->iommu == SCENARIO_NONE || m->iommus[dump->iommu] == d->iommu));
        if (wanted && d->truth != NULL && d->iommu->ops->windows == NULL) {
            check_dump_device(m->check, d->truth);
        }
    }
}

void
device_dump(struct machine *m, const struct step_dump *dump)
{
    if (dump->what == DUMP_TABLES) {
        dump_tables(m, dump);
        return;
    }
    for (uint32_t i = 0; dump->what == DUMP_CACHES && i < m->sc->n_iommus; i++) {
        bool wanted = dump->device != SCENARIO_NONE
                          ? m->devices[dump->device].iommu == m->iommus[i]
                          : dump->iommu == SCENARIO_NONE || dump->iommu == i;
        if (wanted && m->iommus[i]->ops->dump_caches != NULL) {
            m->iommus[i]->ops->dump_caches(m->iommus[i]);
        }
    }
    for (uint32_t i = 0; dump->what == DUMP_SHADOW && i < m->sc->n_devices; i++) {
        const struct device *d = &m->devices[i];
        if (dump->device != SCENARIO_NONE && dump->device != i) {
            continue;
        }
        for (const struct seat *s = d->seats; s != NULL; s = s->next) {
            if (dump->subscriber == NULL || strcmp(dump->subscriber, s->sub->name) == 0) {
                dump_shadow(m, s);
            }
        }
    }
}
