/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * vhost in the kernel with a device IOTLB behind QEMU's vhost glue: a cache that is
 * filled by misses and hears invalidations only: those of the IOTLB, or, where the guest
 * has enabled the device's ATS, those of its device TLB instead. Source: Linux
 * drivers/vhost/vhost.c, QEMU hw/virtio/vhost.c; S70 to S85.
 */
#include <errno.h>

#include "subscriber/kinds.h"
#include "subscriber/vhost.h"

#define DEFAULT_ENTRIES UINT64_C(2048) /* max_iotlb_entries */

static struct vhost *
of(struct subscriber *s)
{
    return (struct vhost *)(void *)s;
}

static const struct vhost *
of_const(const struct subscriber *s)
{
    return (const struct vhost *)(const void *)s;
}

static unsigned
flags_by_ats(const struct subscriber *s)
{
    return s->config.ats || env_quirk(s->env, QUIRK_VHOST_FLAG_FROM_PROPERTY)
               ? NOTIFY_DEVIOTLB_UNMAP
               : NOTIFY_UNMAP;
}

void
vhost_init(struct subscriber *s, const struct subscriber_config *c)
{
    tlb_init(&of(s)->tlb, s, c->entries != 0 ? c->entries : DEFAULT_ENTRIES);
    rangemap_init(&of(s)->log, RANGEMAP_CONSTANT, s->env->budget);
    s->config.flags = flags_by_ats(s);
    of(s)->is_direct = c->no_iommu && !env_quirk(s->env, QUIRK_VHOST_IOTLB_ALWAYS);
}

/* What a device TLB holds ends with its ATS, and it begins with nothing. */
void
vhost_ats_switched(struct subscriber *s)
{
    s->config.flags = flags_by_ats(s);
    if (!env_quirk(s->env, QUIRK_VHOST_TOGGLE_KEEPS_CACHE)) {
        vhost_invalidate(s, 0, UINT64_MAX);
    }
}

/* Where there are no device-TLB invalidations, those of the IOTLB have to do. */
bool
vhost_fall_back(struct subscriber *s)
{
    if (s->config.flags != NOTIFY_DEVIOTLB_UNMAP ||
        env_quirk(s->env, QUIRK_SUB_NO_FALLBACK)) {
        return false;
    }
    s->config.flags = NOTIFY_UNMAP;
    return true;
}

void
vhost_fini(struct subscriber *s)
{
    vhost_late_forget(s);
    tlb_fini(&of(s)->tlb);
    rangemap_fini(&of(s)->log);
}

void
vhost_clear(struct subscriber *s)
{
    vhost_late_forget(s);
    if (of(s)->logging) {
        vhost_sync(s); /* who leaves takes nothing with it */
    }
    vhost_invalidate(s, 0, UINT64_MAX);
}

static void
vhost_notify(struct subscriber *s, const struct notify_event *ev, uint64_t first,
             uint64_t last)
{
    if (ev->type != NOTIFY_MAP) {
        const int error = fail_point(s->env, s->config.name, FAIL_MESSAGE);
        latency_charge(&s->env->latency, LATENCY_VHOST_MESSAGE);
        if (error != 0) {
            subscriber_failed(s, "invalidate", first, last, error);
            return;
        }
        vhost_invalidate(s, first, last);
    }
}

/* An UNMAP came before; but that is not for who listens to the device's TLB alone. */
void
vhost_teardown(struct subscriber *s, uint64_t first, uint64_t last)
{
    if (s->config.flags == NOTIFY_DEVIOTLB_UNMAP && !s->switching &&
        !env_quirk(s->env, QUIRK_VHOST_KEEPS_DEVICE_TLB)) {
        tlb_invalidate(&of(s)->tlb, first, last);
    }
}

/* RAM that was seen 1:1 is gone, and with it what was learnt from it. */
void
vhost_bypass_unmap(struct subscriber *s, uint64_t first, uint64_t last)
{
    vhost_invalidate(s, first, last);
}

bool
vhost_lookup(const struct subscriber *s, uint64_t addr, struct range_piece *out)
{
    return tlb_lookup(&of_const(s)->tlb, addr, out);
}

bool
vhost_next(const struct subscriber *s, uint64_t from, struct range_piece *out)
{
    return tlb_next(&of_const(s)->tlb, from, out);
}

/* Cut the answer for `iova` to the memory slot that the address is in. */
static bool
cut_to_slot(const struct mem *mem, uint64_t iova, struct dma_answer *a)
{
    const struct mem_range *slot = mem_range_of(mem, a->gpa);

    if (slot == NULL || slot->kind != MEM_RAM) {
        return false;
    }
    if (iova - a->first > a->gpa.v - slot->first) {
        a->first = iova - (a->gpa.v - slot->first);
    }
    if (a->last - iova > slot->last - a->gpa.v) {
        a->last = iova + (slot->last - a->gpa.v);
    }
    return true;
}

/* What the message says that answers a miss. */
static struct range_piece
message(const struct subscriber *s, const struct range_piece *answer)
{
    const uint64_t wide = (UINT64_C(1) << 21) - 1;
    struct range_piece m = *answer;

    if (env_quirk(s->env, QUIRK_SUB_FILL_RW)) {
        m.perm = PERM_RW;
    }
    if (env_quirk(s->env, QUIRK_VHOST_MASK_FROM_PLEN)) {
        m.target -= m.first & wide;
        m.last |= wide;
        m.first &= ~wide;
    }
    return m;
}

/*
 * One message asks, one answers; a translation that was refused has no answer. One that
 * holds for every address has a size of 2^64, which a message cannot say but as 0.
 */
static struct dma_answer
miss(struct subscriber *s, uint64_t iova, enum perm access)
{
    struct dma_answer a;

    s->misses++;
    latency_charge(&s->env->latency, LATENCY_VHOST_MESSAGE);
    s->translator.translate(
        s->translator.self,
        &(struct ask){ .access = access, .pasid = ASK_NO_PASID, .iova = iova }, &a);
    if (a.result != DMA_OK) {
        return dma_blocked(iova);
    }
    if (a.first == 0 && a.last == UINT64_MAX &&
        env_quirk(s->env, QUIRK_VHOST_ACCEPT_SIZE0)) {
        observe(s->env, overspent, s->config.name, BLAME_SUBSCRIBER, "look-up", 0);
        return dma_blocked(iova);
    }
    const int error = cut_to_slot(s->env->mem, iova, &a)
                          ? fail_point(s->env, s->config.name, FAIL_MESSAGE)
                          : EFAULT;
    if (error != 0) {
        subscriber_failed(s, "fill", a.first, a.last, error);
        return dma_blocked(iova);
    }
    latency_charge(&s->env->latency, LATENCY_VHOST_MESSAGE);
    const struct range_piece answer = {
        .first = a.first,
        .last = a.last,
        .target = a.gpa.v - (iova - a.first),
        .perm = a.perm,
    };
    const struct range_piece kept = message(s, &answer);
    vhost_answer(s, &answer, &kept);
    return a;
}

/* Where nothing translates there is no IOTLB: addresses are those of memory slots. */
static struct dma_answer
direct(const struct subscriber *s, uint64_t iova)
{
    const struct mem_range *slot = mem_range_of(s->env->mem, GPA(iova));

    if (slot == NULL || slot->kind != MEM_RAM) {
        return dma_blocked(iova);
    }
    return (struct dma_answer){
        .result = DMA_OK,
        .gpa = GPA(iova),
        .first = slot->first,
        .last = slot->last,
        .perm = PERM_RW,
    };
}

struct dma_answer
vhost_dma(struct subscriber *s, uint64_t iova, enum perm access)
{
    struct range_piece p;

    if (of(s)->is_direct) {
        return direct(s, iova);
    }
    if (!vhost_lookup(s, iova, &p)) {
        return miss(s, iova, access);
    }
    return (struct dma_answer){
        .result = (p.perm & access) == access ? DMA_OK : DMA_BLOCKED,
        .gpa = GPA(p.target + (iova - p.first)),
        .first = p.first,
        .last = env_quirk(s->env, QUIRK_VHOST_RANGE_AFTER_ADVANCE)
                    ? p.last + (iova - p.first)
                    : p.last,
        .perm = p.perm,
    };
}

/* ---- migrations ---- */

int
vhost_track(struct subscriber *s, bool on)
{
    const int error = fail_point(s->env, s->config.name, FAIL_TRACK);

    if (on && error != 0) {
        return error;
    }
    if (of(s)->logging != on) {
        rangemap_clear(&of(s)->log);
    }
    of(s)->logging = on;
    return 0;
}

/* Its log has a bit for each page up to the end of RAM. */
static bool
is_in_log(const struct mem *mem, uint64_t last)
{
    for (size_t i = mem_range_count(mem); i > 0; i--) {
        if (mem_range_at(mem, i - 1)->kind == MEM_RAM) {
            return last <= mem_range_at(mem, i - 1)->last;
        }
    }
    return false;
}

void
vhost_wrote(struct subscriber *s, uint64_t iova, uint64_t gpa, uint64_t len)
{
    const uint64_t first = env_quirk(s->env, QUIRK_VHOST_LOG_IOVA) ? iova : gpa;

    if (!of(s)->logging) {
        return;
    }
    if (!is_in_log(s->env->mem, first + (len - 1))) {
        env_abort(s->env, s->config.name, BLAME_SUBSCRIBER, "write-beyond-the-dirty-log");
        return;
    }
    page_set_add(&of(s)->log, first, first + (len - 1));
}

int
vhost_sync(struct subscriber *s)
{
    struct range_piece p;

    for (uint64_t at = 0; rangemap_next(&of(s)->log, at, &p); at = p.last + 1) {
        dirty_mark(&s->env->dirty, p.first, p.last);
        if (p.last == UINT64_MAX) {
            break;
        }
    }
    rangemap_clear(&of(s)->log);
    return 0;
}

const struct subscriber_ops subscriber_vhost = {
    .name = "vhost",
    .flags = NOTIFY_UNMAP,
    .shadow = SHADOW_CACHE,
    .size = sizeof(struct vhost),
    .init = vhost_init,
    .fini = vhost_fini,
    .fall_back = vhost_fall_back,
    .ats_switched = vhost_ats_switched,
    .notify = vhost_notify,
    .bypass_unmap = vhost_bypass_unmap,
    .teardown = vhost_teardown,
    .clear = vhost_clear,
    .dma = vhost_dma,
    .track = vhost_track,
    .wrote = vhost_wrote,
    .sync = vhost_sync,
    .lookup = vhost_lookup,
    .next = vhost_next,
};
