/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An emulated PCI device with ATS: it asks the IOMMU for translations, keeps them in
 * its device TLB, sends what it then accesses as translated requests, and drops what
 * a device-TLB invalidation names. IOTLB invalidations do not concern it.
 *
 * Each one serves one address space: requests without PASID, or those of one PASID.
 * While its device is not translated at all, its ATS is off: plain requests go out and
 * nothing is kept. It keeps nothing either of what it would not be told about.
 *
 * A translation that lacks the permission asked for is asked for again, as PCI Express
 * has it; answers that there is nothing are never kept.
 * Source: PCI Express Base Specification, "Address Translation Services"; S110 to S117.
 */
#include "subscriber/kinds.h"
#include "subscriber/tlb.h"

#define DEFAULT_ENTRIES UINT64_C(1024)

struct ats {
    struct subscriber s;
    struct tlb tlb;
    bool defiant; /* disabled, and goes on */
};

static struct ats *
of(struct subscriber *s)
{
    return (struct ats *)(void *)s;
}

static const struct ats *
of_const(const struct subscriber *s)
{
    return (const struct ats *)(const void *)s;
}

/* Disabled, there is nothing to listen for, and nothing that it may keep. */
static void
ats_switched(struct subscriber *s)
{
    s->config.flags = s->config.ats ? NOTIFY_DEVIOTLB_UNMAP : 0;
    of(s)->defiant = !s->config.ats && env_quirk(s->env, QUIRK_ATS_OUTLIVES_CONTROL);
}

static void
ats_init(struct subscriber *s, const struct subscriber_config *c)
{
    tlb_init(&of(s)->tlb, s, c->entries != 0 ? c->entries : DEFAULT_ENTRIES);
    ats_switched(s);
}

static void
ats_fini(struct subscriber *s)
{
    tlb_fini(&of(s)->tlb);
}

static void
ats_clear(struct subscriber *s)
{
    tlb_invalidate(&of(s)->tlb, 0, UINT64_MAX);
}

static void
ats_teardown(struct subscriber *s, uint64_t first, uint64_t last)
{
    if (!of(s)->defiant) {
        tlb_invalidate(&of(s)->tlb, first, last);
    }
}

static bool
concerns(const struct subscriber *s, const struct notify_event *ev)
{
    if (!ev->has_pasid) {
        return s->config.pasid == ASK_NO_PASID;
    }
    return s->config.pasid != ASK_NO_PASID &&
           (ev->pasid == s->config.pasid || ev->pasid == NOTIFY_EVERY_PASID);
}

static void
ats_notify(struct subscriber *s, const struct notify_event *ev, uint64_t first,
           uint64_t last)
{
    if (concerns(s, ev)) {
        latency_charge(&s->env->latency, LATENCY_ATS_INVALIDATE);
        notify_answer(s->env, s->config.completion);
        tlb_invalidate(&of(s)->tlb, first, last);
    }
}

/* Whether an invalidation that touches [first, last] would reach it. */
static bool
is_told_about(const struct subscriber *s, uint64_t first, uint64_t last)
{
    for (const struct subscriber_binding *b = s->bindings; b != NULL; b = b->next) {
        if (ranges_overlap(b->section.first, b->section.last, first, last)) {
            return true;
        }
    }
    return false;
}

static struct dma_answer
ask(const struct subscriber *s, enum ask_kind kind, uint64_t address, enum perm access)
{
    const struct ask q = {
        .kind = kind,
        .access = access,
        .pasid = s->config.pasid,
        .iova = address,
    };
    struct dma_answer a;

    s->translator.translate(s->translator.self, &q, &a);
    return a;
}

/* The answer to a translation request, which it keeps where it may. */
static struct dma_answer
learn(struct subscriber *s, uint64_t iova, enum perm access)
{
    struct tlb *t = &of(s)->tlb;
    struct dma_answer a = ask(s, ASK_TRANSLATION, iova, access);

    s->misses++;

    if (a.result == DMA_OK && is_told_about(s, a.first, a.last)) {
        tlb_invalidate(t, a.first, a.last);
        const struct range_piece page = {
            .first = a.first,
            .last = a.last,
            .target = a.gpa.v - (iova - a.first),
            .perm = a.perm,
        };
        tlb_fill(t, &page, &page);
    }
    return a;
}

static struct dma_answer
ats_dma(struct subscriber *s, uint64_t iova, enum perm access)
{
    struct range_piece p;

    if (s->bindings == NULL && !of(s)->defiant) {
        return ask(s, ASK_UNTRANSLATED, iova, access);
    }
    struct dma_answer a = {
        .result = DMA_OK,
    };
    if (tlb_lookup(&of(s)->tlb, iova, &p) && (p.perm & access) == access) {
        a.gpa = GPA(p.target + (iova - p.first));
        a.first = p.first;
        a.last = p.last;
        a.perm = p.perm;
    } else {
        a = learn(s, iova, access);
    }
    if (a.result == DMA_OK) {
        a.result = ask(s, ASK_TRANSLATED, a.gpa.v, access).result;
    }
    return a;
}

static bool
ats_lookup(const struct subscriber *s, uint64_t addr, struct range_piece *out)
{
    return tlb_lookup(&of_const(s)->tlb, addr, out);
}

static bool
ats_next(const struct subscriber *s, uint64_t from, struct range_piece *out)
{
    return tlb_next(&of_const(s)->tlb, from, out);
}

const struct subscriber_ops subscriber_ats = {
    .name = "ats",
    .flags = NOTIFY_DEVIOTLB_UNMAP,
    .shadow = SHADOW_CACHE,
    .size = sizeof(struct ats),
    .init = ats_init,
    .fini = ats_fini,
    .ats_switched = ats_switched,
    .notify = ats_notify,
    .teardown = ats_teardown,
    .clear = ats_clear,
    .dma = ats_dma,
    .lookup = ats_lookup,
    .next = ats_next,
};
