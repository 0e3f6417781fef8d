/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The ring-buffer generator of the `workload` step. Slot i of the ring has its own
 * IOVA and its own memory; buffer n uses slot n modulo the ring's size, so an IOVA
 * comes round again after as many buffers as the ring has slots. Under a lazy driver
 * IOVAs take longer to come round, by as many slots as unmaps may wait for their
 * flush, since no allocator hands out an IOVA that is not flushed yet. Reads and
 * writes alternate.
 *
 * IOVAs begin at 1 MiB, or at the start of the device's window where it has one; the
 * buffers' memory at 1 MiB of the first RAM range, wrapping in its lower half.
 */
#include <stdlib.h>

#include "machine/traffic.h"

enum {
    START = 1 << 20,
};

enum phase { PHASE_MAP, PHASE_DMA, PHASE_UNMAP };

struct workload {
    struct traffic t;
    const struct step *origin;
    const struct step_workload *w;
    enum flush_scope flush;
    struct sim_stream *sizes, *arrivals;
    uint64_t iova_slots; /* IOVAs in use in turn; >= the ring's size */
    uint64_t slot_bytes; /* a slot holds the largest buffer seen so far */
    uint64_t iova_base, gpa_base, gpa_bytes;
    uint64_t done; /* buffers */
    enum phase phase;
    uint64_t size; /* of the buffer in hand */
    struct step_options opt;
};

static const struct mem_range *
first_ram(const struct mem *mem)
{
    for (size_t i = 0; i < mem_range_count(mem); i++) {
        if (mem_range_at(mem, i)->kind == MEM_RAM) {
            return mem_range_at(mem, i);
        }
    }
    return NULL;
}

static uint64_t
pages_of(uint64_t bytes)
{
    return bytes == 0 ? PAGE_BYTES : (bytes + PAGE_MASK) & ~PAGE_MASK;
}

static uint64_t
iova_of(const struct workload *k)
{
    return k->iova_base + k->done % k->iova_slots * k->slot_bytes;
}

static uint64_t
gpa_of(const struct workload *k)
{
    return k->gpa_base + k->done % k->w->ring * k->slot_bytes % k->gpa_bytes;
}

static void
fill_map(const struct workload *k, struct step *out)
{
    out->u.map = (struct step_map){
        .device = k->w->device,
        .domain = SCENARIO_NONE,
        .iova = iova_of(k),
        .size = pages_of(k->size),
        .gpa = gpa_of(k),
        .perm = PERM_RW,
        .flush = (uint8_t)k->flush,
        .has_gpa = out->kind == STEP_MAP,
        .has_perm = out->kind == STEP_MAP,
    };
}

static enum traffic_next
workload_next(struct traffic *t, struct step *out, struct err *e)
{
    struct workload *k = (struct workload *)t;
    static const enum step_kind kinds[] = { STEP_MAP, STEP_DMA, STEP_UNMAP };

    (void)e;
    if (k->done == k->w->count) {
        return TRAFFIC_END;
    }
    *out = (struct step){ .opt = &k->opt,
                          .pos = k->origin->pos,
                          .kind = (uint8_t)kinds[k->phase],
                          .wait = true };
    switch (k->phase) {
    case PHASE_MAP:
        k->size = sim_draw(k->sizes, &k->w->buffer_size);
        k->size = k->size == 0 ? 1 : k->size < k->slot_bytes ? k->size : k->slot_bytes;
        out->timing = STEP_AFTER;
        out->when = k->done == 0 ? 0 : sim_draw(k->arrivals, &k->w->arrivals);
        fill_map(k, out);
        k->phase = PHASE_DMA;
        break;
    case PHASE_DMA:
        out->u.dma = (struct step_dma){ .device = k->w->device,
                                        .write = k->done % 2 == 0,
                                        .iova = iova_of(k),
                                        .size = k->size };
        k->phase = PHASE_UNMAP;
        break;
    case PHASE_UNMAP:
        fill_map(k, out);
        k->phase = PHASE_MAP;
        k->done++;
        break;
    }
    return TRAFFIC_STEP;
}

static void
workload_free(struct traffic *t)
{
    free(t);
}

static const struct traffic_ops workload_ops = { workload_next, workload_free };

/* The largest buffer that the distribution can reasonably give; slots are that big. */
static uint64_t
largest_buffer(const struct dist *d)
{
    uint64_t most = 0;

    switch (d->kind) {
    case DIST_CONSTANT:
        return d->a;
    case DIST_UNIFORM:
        return d->b;
    case DIST_EMPIRICAL:
        for (uint32_t i = 0; i < d->n; i++) {
            most = d->rows[i].value > most ? d->rows[i].value : most;
        }
        return most;
    default:
        return UINT64_C(1) << 20;
    }
}

/* How its driver differs from the guest's; PAPR has nothing to flush. */
static enum flush_scope
flush_of(const struct machine *m, const struct step_workload *w)
{
    const struct scenario_device *d = &m->sc->devices[w->device];

    if (!w->has_driver || w->driver == m->sc->guest.driver ||
        m->sc->iommus[d->iommu].model != IOMMU_INTEL_VTD) {
        return FLUSH_POLICY;
    }
    return w->driver == GUEST_MANUAL   ? FLUSH_NONE
           : w->driver == GUEST_STRICT ? FLUSH_STRICT
                                       : FLUSH_LAZY;
}

struct traffic *
workload_new(struct machine *m, const struct step *s, struct err *e)
{
    const struct step_workload *w = s->u.workload;
    const struct device *d = &m->devices[w->device];
    const struct mem_range *ram = first_ram(m->env.mem);
    struct iommu_window window;

    if (ram == NULL || ram->last - ram->first < 4 * START) {
        err_set(e, "a workload needs 4 MiB of RAM in the first range");
        return NULL;
    }
    struct workload *k = xcalloc(1, sizeof(*k));
    k->t = (struct traffic){ .ops = &workload_ops,
                             .m = m,
                             .file = scenario_file_name(m->sc, s->pos) };
    k->origin = s;
    k->w = w;
    k->opt.repeat = 1;
    k->flush = flush_of(m, w);
    k->iova_slots = w->ring;
    if (k->flush == FLUSH_LAZY || m->sc->guest.driver == GUEST_LAZY) {
        k->iova_slots += m->sc->guest.flush_entries;
    }
    k->slot_bytes = pages_of(largest_buffer(&w->buffer_size));
    k->iova_base = START;
    if (d->iommu->ops->windows != NULL &&
        d->iommu->ops->windows(d->iommu, &window, 1) > 0) {
        k->iova_base = window.base;
    }
    k->gpa_base = ram->first + START;
    k->gpa_bytes = align_down((ram->last - k->gpa_base) / 2, PAGE_LG2);
    char *name = xasprintf("workload/%s", d->sd->id);
    k->sizes = sim_stream(m->env.sim, name);
    free(name);
    name = xasprintf("arrivals/%s", d->sd->id);
    k->arrivals = sim_stream(m->env.sim, name);
    free(name);
    return &k->t;
}
