/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Mirrors for devices that are assigned to the guest: QEMU's VFIO listener, which
 * turns events into MAP and UNMAP calls of the host (host.h), whose entries are the
 * shadow. The kinds differ in their host only.
 *
 * A target that is not one piece of RAM, all of it there, is EFAULT here (QEMU only logs
 * it, without a code), a foreign target EINVAL. Source: QEMU hw/vfio/common.c; statements
 * S30 to S39.
 */
#include <errno.h>

#include "subscriber/host.h"
#include "subscriber/kinds.h"

struct vfio {
    struct subscriber s;
    struct host host;
    struct rangemap believed; /* taken for mapped though the host failed */
    /*
     * Where the pages that it has pinned are the guest's no more, if it holds any there.
     */
    struct rangemap former;
};

static struct vfio *
of(struct subscriber *s)
{
    return (struct vfio *)(void *)s;
}

static const struct vfio *
of_const(const struct subscriber *s)
{
    return (const struct vfio *)(const void *)s;
}

/* ---- calls of the host ---- */

static inline int
host_map(struct vfio *v, uint64_t first, uint64_t last, uint64_t target, enum perm perm)
{
    const int error = fail_point(v->s.env, v->s.config.name, FAIL_MAP);

    latency_charge(&v->s.env->latency, LATENCY_VFIO_MAP);
    return error != 0 ? error : v->host.ops->map(&v->host, first, last, target, perm);
}

static inline int
host_unmap(struct vfio *v, uint64_t first, uint64_t last)
{
    const int error = fail_point(v->s.env, v->s.config.name, FAIL_UNMAP);

    latency_charge(&v->s.env->latency, LATENCY_VFIO_UNMAP);
    return error != 0 ? error : v->host.ops->unmap(&v->host, first, last);
}

/* ---- life ---- */

static void
start(struct subscriber *s, const struct host_ops *host)
{
    host_init(&of(s)->host, host, s);
    rangemap_init(&of(s)->believed, RANGEMAP_CONSTANT, s->env->budget);
    rangemap_init(&of(s)->former, RANGEMAP_CONSTANT, s->env->budget);
    if (env_quirk(s->env, QUIRK_VFIO_REGISTERS_ALL)) {
        s->config.flags = NOTIFY_ALL;
    }
}

static void
type1_v2_init(struct subscriber *s, const struct subscriber_config *c)
{
    (void)c;
    start(s, &host_type1_v2);
}

static void
type1_v1_init(struct subscriber *s, const struct subscriber_config *c)
{
    (void)c;
    start(s, &host_type1_v1);
}

static void
iommufd_init(struct subscriber *s, const struct subscriber_config *c)
{
    (void)c;
    start(s, &host_iommufd);
}

static void
vdpa_init(struct subscriber *s, const struct subscriber_config *c)
{
    (void)c;
    start(s, &host_vdpa);
}

static void
spapr_init(struct subscriber *s, const struct subscriber_config *c)
{
    start(s, c->version == 1 ? &host_spapr_v1 : &host_spapr_v2);
}

/* What version 1 maps is pinned in the monitor's name: the kernel cannot do it. */
static bool
spapr_kernel_takes(const struct subscriber *s, uint64_t target, uint64_t len)
{
    const struct subscriber_config *c = &s->config;

    return c->version != 1 &&
           (!c->has_registered ||
            (target >= c->registered_first && target + (len - 1) <= c->registered_last));
}

static void
vfio_fini(struct subscriber *s)
{
    host_fini(&of(s)->host);
    rangemap_fini(&of(s)->believed);
    rangemap_fini(&of(s)->former);
}

static void
vfio_clear(struct subscriber *s)
{
    rangemap_clear(&of(s)->host.shadow);
    rangemap_clear(&of(s)->host.record);
    rangemap_clear(&of(s)->host.changed);
    rangemap_clear(&of(s)->host.before);
    rangemap_clear(&of(s)->host.written);
    of(s)->host.tracking = false;
    rangemap_clear(&of(s)->believed);
    rangemap_clear(&of(s)->former);
}

/*
 * Whole host pages inwards. Sections from 2^63 on are taken for a 64-bit BAR that is
 * being sized.
 */
static bool
vfio_trim(const struct subscriber *s, uint64_t *first, uint64_t *last)
{
    const uint64_t mask = of_const(s)->host.granule - 1;
    const uint64_t a = (*first + mask) & ~mask;
    const uint64_t z = ((*last + 1) & ~mask) - 1;

    if ((*first >> 63 && !env_quirk(s->env, QUIRK_VFIO_KEEP_BIT63)) || a < *first ||
        z < a || z > *last) {
        return false;
    }
    *first = a;
    *last = z;
    return true;
}

static int
vfio_open(struct subscriber *s, const struct space_section *section, uint64_t page,
          struct err *e)
{
    struct host *h = &of(s)->host;

    return h->ops->open != NULL ? h->ops->open(h, section, page, e) : 0;
}

static void
vfio_close(struct subscriber *s, const struct space_section *section)
{
    struct host *h = &of(s)->host;

    if (h->ops->close != NULL) {
        h->ops->close(h, section);
    }
}

static void
vfio_begin(struct subscriber *s)
{
    struct host *h = &of(s)->host;

    if (h->ops->begin != NULL) {
        h->ops->begin(h);
    }
}

static void
vfio_commit(struct subscriber *s)
{
    struct host *h = &of(s)->host;

    if (h->ops->commit != NULL) {
        h->ops->commit(h);
        s->batches = h->batches;
    }
}

static void
vfio_alter(struct subscriber *s)
{
    struct host *h = &of(s)->host;

    if (h->ops->alter != NULL) {
        h->ops->alter(h);
    }
}

/* False if the host failed, which has been reported. */
static inline bool
map_or_report(struct vfio *v, uint64_t first, uint64_t last, uint64_t target,
              enum perm perm)
{
    if (v->believed.entries != 0 && rangemap_any(&v->believed, first, last)) {
        return true;
    }
    const int error = host_map(v, first, last, target, perm);

    if (error == 0) {
        if (v->former.entries != 0) {
            rangemap_remove(&v->former, first, last);
        }
        return true;
    }
    subscriber_failed(&v->s, "map", first, last, error);
    if (env_quirk(v->s.env, QUIRK_SUB_RECORD_FIRST)) {
        rangemap_insert(&v->believed, first, last, 0, PERM_NONE);
    }
    return false;
}

/*
 * One kernel defect is worked round: an UNMAP up to 2^64 that is refused is tried
 * again without its last page.
 */
static inline int
unmap_or_report(struct vfio *v, uint64_t first, uint64_t last)
{
    if (v->host.tracking) {
        host_report_all(&v->host, first, last);
    }
    int error = host_unmap(v, first, last);

    if (v->believed.entries != 0) {
        rangemap_remove(&v->believed, first, last);
    }
    if (error == EINVAL && last == UINT64_MAX && first != 0 &&
        !env_quirk(v->s.env, QUIRK_VFIO_NO_WRAP_RETRY)) {
        error = host_unmap(v, first, last - v->host.granule);
    }
    if (error != 0) {
        subscriber_failed(&v->s, "unmap", first, last, error);
    }
    return error;
}

static void
trace_widened(const struct subscriber *s, uint64_t first, uint64_t last, enum perm perm)
{
    struct trace_rec rec;

    if (trace_wants(s->env->trace, TE_WIDENED)) {
        trace_begin(&rec, sim_now(s->env->sim), s->config.name, TE_WIDENED);
        trace_u64(&rec, TF_IOVA, first);
        trace_u64(&rec, TF_SIZE, last - first + 1);
        trace_u64(&rec, TF_PERM, perm);
        trace_emit(s->env->trace, &rec);
    }
}

/* The one piece of memory in which all that the event names lies, or NULL. */
static const struct mem_range *
memory_of_target(const struct vfio *v, const struct notify_event *ev)
{
    const struct mem_range *r = mem_range_of(v->s.env->mem, ev->target);

    return r != NULL && (r->kind == MEM_RAM || r->kind == MEM_ROM) &&
                   ev->mask <= r->last - ev->target.v
               ? r
               : NULL;
}

/* Whether some of it is discarded: to pin that would bring it back. */
static bool
target_is_discarded(const struct vfio *v, const struct notify_event *ev)
{
    uint64_t last = ev->target.v + ev->mask;

    return mem_is_discarded(v->s.env->mem, ev->target, &last) ||
           last != ev->target.v + ev->mask;
}

/* There is no write-only here: whatever is mapped can be read. */
static void
vfio_event_map(struct vfio *v, const struct notify_event *ev, uint64_t first,
               uint64_t last)
{
    const struct mem_range *memory = memory_of_target(v, ev);
    enum perm perm = PERM_R;

    if (memory == NULL || target_is_discarded(v, ev)) {
        subscriber_failed(&v->s, "map", first, last, EFAULT);
        return;
    }
    if (memory->kind == MEM_RAM && (ev->perm & PERM_W)) {
        perm = PERM_RW;
    }
    if (ev->perm == PERM_W) {
        trace_widened(&v->s, first, last, perm);
    }
    map_or_report(v, first, last, ev->target.v, perm);
}

/*
 * While a migration runs the bitmap of what goes has to come along, for which there is a
 * limit; an UNMAP that fails loses what was written, and with it the migration.
 */
static void
vfio_event_unmap(struct vfio *v, uint64_t first, uint64_t last)
{
    int error = v->host.tracking ? host_may_report(&v->host, first, last) : 0;

    if (error != 0) {
        subscriber_failed(&v->s, "unmap", first, last, error);
    } else {
        error = unmap_or_report(v, first, last);
    }
    if (error != 0) {
        env_migration_failed(v->s.env, v->s.config.name, error);
    }
}

/* As QEMU, the permission decides, not the type. */
static void
vfio_notify(struct subscriber *s, const struct notify_event *ev, uint64_t first,
            uint64_t last)
{
    if (ev->foreign_as) {
        subscriber_failed(s, ev->perm != PERM_NONE ? "map" : "unmap", first, last,
                          EINVAL);
        env_migration_failed(s->env, s->config.name, EINVAL);
    } else if (ev->perm != PERM_NONE) {
        vfio_event_map(of(s), ev, first, last);
    } else if (env_quirk(s->env, QUIRK_VFIO_UNMAP_NEEDS_RAM) &&
               memory_of_target(of(s), ev) == NULL) {
        subscriber_failed(s, "unmap", first, last, EFAULT);
    } else {
        vfio_event_unmap(of(s), first, last);
    }
}

/*
 * RAM [first, last] 1:1. What can be discarded is mapped block by block, so that it can
 * be unmapped so; the first that fails is the last that is tried.
 */
static bool
map_memory(struct vfio *v, uint64_t first, uint64_t last)
{
    const struct mem_range *r = mem_range_of(v->s.env->mem, GPA(first));
    const uint64_t block = r != NULL ? r->block : 0;
    uint64_t end;

    for (uint64_t at = first; block != 0 && (at | (block - 1)) < last; at = end + 1) {
        end = at | (block - 1);
        if (!map_or_report(v, at, end, at, PERM_RW)) {
            return false;
        }
        first = end + 1;
    }
    return map_or_report(v, first, last, first, PERM_RW);
}

/*
 * What is reserved (x86: where devices write interrupts) overlays RAM in a device's
 * address space, so RAM comes in the pieces between.
 */
static void
vfio_bypass_map(struct subscriber *s, uint64_t first, uint64_t last)
{
    struct subscriber_span hole;

    while (subscriber_reserved(s, first, last, &hole)) {
        if (hole.first > first && !map_memory(of(s), first, hole.first - 1)) {
            return;
        }
        if (hole.last == last) {
            return;
        }
        first = hole.last + 1;
    }
    map_memory(of(s), first, last);
}

/* A section of 2^64 bytes goes in two halves, which the kernel's length can say. */
static void
vfio_empty(struct subscriber *s, uint64_t first, uint64_t last)
{
    const uint64_t half = UINT64_C(1) << 63;

    if (last - first == UINT64_MAX) {
        unmap_or_report(of(s), 0, half - 1);
        unmap_or_report(of(s), half, UINT64_MAX);
    } else {
        unmap_or_report(of(s), first, last);
    }
}

/* What it has pinned of guest RAM [first, last] stays pinned. */
static void
vfio_discarded(struct subscriber *s, uint64_t first, uint64_t last)
{
    struct vfio *v = of(s);
    struct range_piece p;

    for (uint64_t at = 0; rangemap_next(&v->host.shadow, at, &p); at = p.last + 1) {
        const uint64_t end = p.target + (p.last - p.first);
        if (ranges_overlap(p.target, end, first, last)) {
            const uint64_t a = first > p.target ? p.first + (first - p.target) : p.first;
            const uint64_t z = last < end ? p.last - (end - last) : p.last;
            rangemap_remove(&v->former, a, z);
            rangemap_insert(&v->former, a, z, 0, PERM_NONE);
        }
        if (p.last == UINT64_MAX) {
            return;
        }
    }
}

/* ---- migrations ---- */

static int
vfio_track(struct subscriber *s, bool on)
{
    return host_track(&of(s)->host, on);
}

static void
vfio_wrote(struct subscriber *s, uint64_t iova, uint64_t gpa, uint64_t len)
{
    (void)gpa;
    host_wrote(&of(s)->host, iova, iova + (len - 1));
}

/* One who only listens to a replay, to learn where the guest's addresses lead now. */
struct dirty_ear {
    struct notifier n;
    struct vfio *v;
    int error; /* the first; 0: none */
};

static void
hear_dirty(struct notifier *n, struct notify_event *ev)
{
    struct dirty_ear *ear = n->owner;
    const uint64_t first = ev->iova + n->offset;

    if (memory_of_target(ear->v, ev) != NULL && !target_is_discarded(ear->v, ev)) {
        const int error =
            host_report_dirty(&ear->v->host, first, first + ev->mask, ev->target.v);
        ear->error = ear->error != 0 ? ear->error : error;
    }
}

static int
sync_section(struct vfio *v, const struct subscriber_binding *b)
{
    struct dirty_ear ear = {
        .n = { .fn = hear_dirty,
               .subject = v->s.config.name,
               .flags = NOTIFY_MAP,
               .first = b->notifier.first,
               .last = b->notifier.last,
               .offset = b->notifier.offset },
        .v = v,
    };

    ear.n.owner = &ear;
    notify_replay_to(b->section.region, &ear.n);
    return ear.error;
}

/* Without IOMMU sections the device sees RAM 1:1, and so all it holds leads there. */
static int
vfio_sync(struct subscriber *s)
{
    int error = 0;

    if (s->bindings == NULL) {
        host_report_all(&of(s)->host, 0, UINT64_MAX);
    }
    for (const struct subscriber_binding *b = s->bindings; b != NULL; b = b->next) {
        const int one = sync_section(of(s), b);
        error = error != 0 ? error : one;
    }
    return error;
}

/* ---- what it holds ---- */

/* Cut p, which covers addr, to where it is all the guest's still, or not any more. */
static __attribute__((noinline)) void
cut_to_former(const struct vfio *v, uint64_t addr, struct range_piece *p)
{
    struct range_piece f;

    p->head = p->head && p->first == addr;
    p->target += addr - p->first;
    p->first = addr;
    if (rangemap_next_until(&v->former, addr, p->last, &f)) {
        const bool gone = f.first <= addr;
        const uint64_t end = gone ? f.last : f.first - 1;
        p->target |= gone ? FORMER_PAGE : 0;
        p->last = end < p->last ? end : p->last;
    }
}

static bool
vfio_lookup(const struct subscriber *s, uint64_t addr, struct range_piece *out)
{
    const struct vfio *v = of_const(s);

    if (!rangemap_lookup(&v->host.shadow, addr, out)) {
        return false;
    }
    if (v->former.entries != 0) {
        cut_to_former(v, align_down(addr, PAGE_LG2), out);
    }
    return true;
}

static bool
vfio_next(const struct subscriber *s, uint64_t from, struct range_piece *out)
{
    const struct vfio *v = of_const(s);

    if (!rangemap_next(&v->host.shadow, from, out)) {
        return false;
    }
    if (v->former.entries != 0) {
        cut_to_former(v, out->first > from ? out->first : align_down(from, PAGE_LG2),
                      out);
    }
    return true;
}

static struct dma_answer
vfio_dma(struct subscriber *s, uint64_t iova, enum perm access)
{
    const struct host *h = &of(s)->host;
    struct range_piece p;

    if (!(h->ops->lookup != NULL ? h->ops->lookup(h, iova, &p)
                                 : vfio_lookup(s, iova, &p))) {
        return dma_blocked(iova);
    }
    return (struct dma_answer){
        .result = (p.perm & access) == access ? DMA_OK : DMA_BLOCKED,
        .gpa = GPA(p.target + (iova - p.first)),
        .first = p.first,
        .last = p.last,
        .perm = p.perm,
    };
}

/* ---- the kinds ---- */

#define MIRROR(keyword, start, takes, dies, taken)                                       \
    {                                                                                    \
        .name = keyword, .flags = NOTIFY_MAP | NOTIFY_UNMAP, .shadow = SHADOW_MIRROR,    \
        .wants_replay = true, .size = sizeof(struct vfio), .init = start,                \
        .fini = vfio_fini, .aborts = dies, .in_use = taken, .kernel_takes = takes,       \
        .trim = vfio_trim, .open = vfio_open, .close = vfio_close, .begin = vfio_begin,  \
        .alter = vfio_alter, .commit = vfio_commit, .goes_on = !(dies),                  \
        .notify = vfio_notify, .bypass_map = vfio_bypass_map,                            \
        .bypass_unmap = vfio_empty, .teardown = vfio_empty, .clear = vfio_clear,         \
        .discarded = vfio_discarded, .track = vfio_track, .wrote = vfio_wrote,           \
        .sync = vfio_sync, .dma = vfio_dma, .lookup = vfio_lookup, .next = vfio_next,    \
    }

const struct subscriber_ops subscriber_vfio =
    MIRROR("vfio", type1_v2_init, NULL, true, EINVAL);
const struct subscriber_ops subscriber_vfio_v1 =
    MIRROR("vfio-v1", type1_v1_init, NULL, true, EINVAL);
const struct subscriber_ops subscriber_vfio_spapr =
    MIRROR("vfio-spapr", spapr_init, spapr_kernel_takes, true, EINVAL);
const struct subscriber_ops subscriber_iommufd =
    MIRROR("iommufd", iommufd_init, NULL, true, EADDRINUSE);
const struct subscriber_ops subscriber_vdpa =
    MIRROR("vhost-vdpa", vdpa_init, NULL, false, EINVAL);
