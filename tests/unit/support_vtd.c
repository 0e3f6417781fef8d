/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See support_vtd.h. */
#include "support_vtd.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim/latency.h"
#include "util/names.h"

/* ---- the unit ---- */

static void
on_invalidated(void *self, struct iommu *m, const struct invalidation *inv)
{
    struct bench *b = self;

    (void)m;
    b->last = *inv;
    b->invalidated++;
}

static void
on_completed(void *self, struct iommu *m)
{
    (void)m;
    ((struct bench *)self)->completed++;
}

static void
on_switched(void *self, struct iommu *m)
{
    (void)m;
    ((struct bench *)self)->switched++;
}

struct iommu_vtd_config
bench_config(void)
{
    return (struct iommu_vtd_config){
        .id = "vtd0",
        .base = 0xfed90000,
        .caching_mode = true,
        .pass_through = true,
        .queued_invalidation = true,
        .intremap = true,
        .drain = true,
        .dma_translation = true,
        .fault_records = 1,
        .ats_timeout = 1000 * 1000,
        .aw_bits = 48,
        .superpages = 3,
        .mamv = 18,
        .domains_lg2 = 16,
        .iotlb = { 1024, IOMMU_CACHE_LRU },
        .context_cache = { 64, IOMMU_CACHE_LRU },
    };
}

void
bench_fini(struct bench *b)
{
    if (b->m == NULL) {
        return;
    }
    while (b->listening != NULL) {
        listener_stop(b->listening);
    }
    iommu_free(b->m);
    mem_free(b->env.mem);
    sim_free(b->sim);
    b->m = NULL;
}

void
bench_init(struct bench *b, const struct iommu_vtd_config *c)
{
    bench_init_as(b, c, "spec");
}

void
bench_init_as(struct bench *b, const struct iommu_vtd_config *c, const char *profile)
{
    bench_fini(b);
    memset(b, 0, sizeof(*b));
    profile_apply(profile_by_name(profile), &b->env.quirks);
    b->sim = sim_new(1);
    b->env.sim = b->sim;
    b->env.trace = &b->trace;
    b->env.mem = mem_new(NULL);
    mem_add_range(b->env.mem, 0, BENCH_RAM_LAST, MEM_RAM);
    latencies_init(&b->env.latency, b->sim);
    b->env.observer = (struct observer){
        .self = b,
        .invalidated = on_invalidated,
        .completed = on_completed,
        .switched = on_switched,
    };
    b->next_page = MIB;
    b->m = vtd_new(c, &b->env);
}

void
bench_boot(struct bench *b)
{
    b->root = bench_page(b);
    b->queue = bench_page(b);
    b->status = bench_page(b);
    b->tail = 0;
    bench_write(b, VTD_RTADDR, b->root);
    bench_write(b, VTD_GCMD, VTD_GCMD_SRTP);
    bench_write(b, VTD_IQT, 0);
    bench_write(b, VTD_IQA, b->queue | (b->wide ? VTD_IQA_DW : 0));
    bench_write(b, VTD_GCMD, VTD_GCMD_QIE);
    bench_write(b, VTD_GCMD, VTD_GCMD_QIE | VTD_GCMD_TE);
}

void
bench_up_as(struct bench *b, const char *profile)
{
    struct iommu_vtd_config c = bench_config();

    bench_init_as(b, &c, profile);
    bench_boot(b);
}

void
bench_up(struct bench *b)
{
    bench_up_as(b, "spec");
}

void
bench_start(struct bench *b, const struct iommu_vtd_config *c)
{
    bench_init(b, c);
    bench_boot(b);
}

void
bench_quirk(struct bench *b, enum quirk q)
{
    quirk_set(&b->env.quirks, q, true);
}

struct bench bench;

void
bench_setup(void)
{
    bench_up(&bench);
}

void
bench_teardown(void)
{
    bench_fini(&bench);
}

static unsigned
width_of(enum vtd_reg reg)
{
    switch (reg) {
    case VTD_CAP:
    case VTD_ECAP:
    case VTD_RTADDR:
    case VTD_CCMD:
    case VTD_IQH:
    case VTD_IQT:
    case VTD_IQA:
    case VTD_IQERCD:
    case VTD_IRTA:
    case VTD_IVA:
    case VTD_IOTLB:
    case VTD_FRCD:
    case VTD_FRCD_HI:
        return 8;
    default:
        return 4;
    }
}

uint64_t
bench_read(struct bench *b, enum vtd_reg reg)
{
    return iommu_mmio_read(b->m, reg, width_of(reg));
}

void
bench_write(struct bench *b, enum vtd_reg reg, uint64_t value)
{
    iommu_mmio_write(b->m, reg, width_of(reg), value);
}

/* ---- tables ---- */

uint64_t
bench_page(struct bench *b)
{
    uint64_t page = b->next_page;

    b->next_page += 4 * KIB;
    ck_assert_uint_lt(page, BENCH_RAM_LAST);
    return page;
}

static void
put(struct bench *b, uint64_t addr, uint64_t value)
{
    ck_assert(mem_write64le(b->env.mem, GPA(addr), value));
}

static uint64_t
get(struct bench *b, uint64_t addr)
{
    return mem_read64le(b->env.mem, GPA(addr));
}

void
bench_context(struct bench *b, uint16_t sid, uint64_t lo, uint64_t hi)
{
    uint64_t root = vtd_root_addr(b->root, sid);

    if (get(b, root) == 0) {
        put(b, root, bench_page(b) | VTD_ROOT_P);
    }
    uint64_t at = vtd_ctx_addr(get(b, root), sid);
    put(b, at + 8, hi);
    put(b, at, lo);
}

uint64_t
bench_domain(struct bench *b, uint16_t sid, uint16_t did, unsigned levels)
{
    uint64_t table = bench_page(b);

    bench_context(b, sid, vtd_ctx_lo(VTD_TT_TRANSLATE, table),
                  vtd_ctx_hi(levels - 2, did));
    return table;
}

uint64_t
bench_attached(struct bench *b, uint16_t sid, uint16_t did, unsigned levels)
{
    uint64_t table = bench_domain(b, sid, did, levels);

    bench_flush_context(b, sid, 0);
    bench_flush_domain(b, did);
    return table;
}

uint64_t
bench_slot(struct bench *b, uint64_t table, unsigned levels, uint64_t iova,
           unsigned level)
{
    for (unsigned at = levels; at > level; at--) {
        uint64_t slot = table + 8 * (uint64_t)vtd_ss_index(iova, at);
        if (!vtd_ss_present(get(b, slot))) {
            put(b, slot, bench_page(b) | RW);
        }
        table = vtd_ss_addr(get(b, slot));
    }
    return table + 8 * (uint64_t)vtd_ss_index(iova, level);
}

void
bench_entry(struct bench *b, uint64_t table, unsigned levels, uint64_t iova,
            unsigned level, uint64_t entry)
{
    put(b, bench_slot(b, table, levels, iova, level), entry);
}

void
bench_map(struct bench *b, uint64_t table, uint64_t iova, uint64_t entry)
{
    bench_entry(b, table, 4, iova, 1, entry);
}

/* ---- the queue ---- */

void
bench_push_raw(struct bench *b, const uint64_t words[4])
{
    const unsigned n = b->wide ? 4 : 2;

    for (unsigned i = 0; i < n; i++) {
        put(b, b->queue + b->tail + 8 * i, words[i]);
    }
    b->tail = (b->tail + 8 * n) % (4 * KIB);
}

void
bench_push(struct bench *b, struct vtd_pair d)
{
    bench_push_raw(b, (const uint64_t[]){ d.lo, d.hi, 0, 0 });
}

void
bench_ring(struct bench *b)
{
    bench_write(b, VTD_IQT, b->tail);
}

void
bench_push_wait(struct bench *b)
{
    bench_push(b, vtd_desc_wait(VTD_DESC_WAIT_SW, b->status, ++b->waits));
}

bool
bench_waited(struct bench *b)
{
    return mem_read32le(b->env.mem, GPA(b->status)) == b->waits;
}

void
bench_do(struct bench *b, struct vtd_pair d)
{
    bench_push(b, d);
    bench_push_wait(b);
    bench_ring(b);
    ck_assert(bench_waited(b));
}

void
bench_flush_page(struct bench *b, uint16_t did, uint64_t addr, unsigned am)
{
    bench_do(b, vtd_desc_iotlb(VTD_GRAN_FINE, did, addr, am, false));
}

void
bench_flush_domain(struct bench *b, uint16_t did)
{
    bench_do(b, vtd_desc_iotlb(VTD_GRAN_DOMAIN, did, 0, 0, false));
}

void
bench_flush_global(struct bench *b)
{
    bench_do(b, vtd_desc_iotlb(VTD_GRAN_GLOBAL, 0, 0, 0, false));
}

void
bench_flush_context(struct bench *b, uint16_t sid, uint16_t did)
{
    bench_do(b, vtd_desc_context(VTD_GRAN_FINE, did, sid, 0));
}

void
bench_flush_contexts(struct bench *b)
{
    bench_do(b, vtd_desc_context(VTD_GRAN_GLOBAL, 0, 0, 0));
}

/* ---- requests ---- */

enum xlate_result
bench_translate(struct bench *b, uint16_t sid, uint64_t iova, enum perm access,
                struct xlate *out)
{
    const struct iommu_request q = iommu_request(sid, iova, access);

    return b->m->ops->translate(b->m, &q, out);
}

static bool
answers(struct bench *b, uint16_t sid, uint64_t iova, enum perm access, uint64_t gpa)
{
    struct xlate x;

    return bench_translate(b, sid, iova, access, &x) == XLATE_OK && x.gpa.v == gpa &&
           x.first <= iova && x.last >= iova && (x.perm & access) != 0;
}

bool
bench_reads(struct bench *b, uint16_t sid, uint64_t iova, uint64_t gpa)
{
    return answers(b, sid, iova, PERM_R, gpa);
}

bool
bench_writes(struct bench *b, uint16_t sid, uint64_t iova, uint64_t gpa)
{
    return answers(b, sid, iova, PERM_W, gpa);
}

void
bench_clear_faults(struct bench *b)
{
    bench_write(b, VTD_FRCD_HI, VTD_FRCD_F);
    bench_write(b, VTD_FSTS, VTD_FSTS_PFO);
}

bool
bench_faults(struct bench *b, uint16_t sid, uint64_t iova, enum perm access,
             enum vtd_fault reason)
{
    struct xlate x;
    bool refused = bench_translate(b, sid, iova, access, &x) == XLATE_FAULT;
    uint64_t lo = bench_read(b, VTD_FRCD), hi = bench_read(b, VTD_FRCD_HI);

    bench_clear_faults(b);
    if ((hi & VTD_FRCD_PP) == 0) { /* then its PASID means nothing */
        hi &= ~VTD_FRCD_PASID(VTD_BITS(19, 0));
    }
    return refused && lo == (iova & ~PAGE_MASK) &&
           hi == (VTD_FRCD_F | (access == PERM_R ? VTD_FRCD_READ : 0) |
                  VTD_FRCD_REASON(reason) | sid);
}

/* ---- listeners ---- */

static void
take(struct listener *e, const struct notify_event *ev)
{
    uint64_t last = ev->iova + ev->mask;
    struct range_piece p;

    if (ev->type == NOTIFY_MAP) {
        e->collisions += rangemap_any(&e->shadow, ev->iova, last);
        rangemap_remove(&e->shadow, ev->iova, last);
        rangemap_insert(&e->shadow, ev->iova, last, ev->target.v, ev->perm);
        return;
    }
    if ((rangemap_entry(&e->shadow, ev->iova, &p) && p.first < ev->iova) ||
        (rangemap_entry(&e->shadow, last, &p) && p.last > last)) {
        e->cuts++;
    }
    rangemap_remove(&e->shadow, ev->iova, last);
}

static void
hear(struct notifier *n, struct notify_event *ev)
{
    struct listener *e = n->owner;

    ev->iova += n->offset;
    if (e->events < LISTENER_EVENTS) {
        e->log[e->events] = *ev;
    }
    e->events++;
    *(ev->type == NOTIFY_MAP ? &e->maps : &e->unmaps) += 1;
    if ((e->flags & NOTIFY_MAP) != 0) {
        take(e, ev);
    }
}

static struct notifier *
free_notifier(struct listener *e)
{
    struct notifier *n = e->n;

    while (n->region != NULL) {
        n++;
    }
    ck_assert(n < e->n + LISTENER_SECTIONS);
    return n;
}

static void
section_added(struct space_listener *l, const struct space_section *s)
{
    struct listener *e = (struct listener *)(void *)l;
    struct err err;

    if (s->region == NULL) {
        e->bypass++;
        return;
    }
    struct notifier *n = free_notifier(e);
    *n = (struct notifier){
        .fn = hear,
        .owner = e,
        .subject = "listener",
        .flags = e->flags,
        .first = s->region_first,
        .last = s->region_first + (s->last - s->first),
        .offset = s->first - s->region_first,
    };
    e->refused = -notify_register(s->region, n, &err);
    if (e->refused == 0 && e->replay) {
        notify_replay(n);
    }
}

/* A mirror drops what it holds there. */
static void
section_gone(struct space_listener *l, const struct space_section *s)
{
    struct listener *e = (struct listener *)(void *)l;

    if (s->region == NULL) {
        e->bypass--;
        return;
    }
    for (struct notifier *n = e->n; n < e->n + LISTENER_SECTIONS; n++) {
        if (n->region != NULL && n->first + n->offset == s->first) {
            notify_unregister(n);
        }
    }
    rangemap_remove(&e->shadow, s->first, s->last);
}

void
listener_start(struct listener *e, struct bench *b, uint16_t sid, unsigned flags,
               bool replay)
{
    struct err err;
    struct space *space = b->m->ops->attach(b->m, sid, "dev", &err);

    ck_assert_ptr_null(e->bench);
    memset(e, 0, sizeof(*e));
    e->bench = b;
    e->next = b->listening;
    b->listening = e;
    e->l.add = section_added;
    e->l.del = section_gone;
    e->flags = flags;
    e->replay = replay;
    rangemap_init(&e->shadow, RANGEMAP_LINEAR, NULL);
    space_listen(space, &e->l);
}

void
listener_stop(struct listener *e)
{
    struct listener **link = &e->bench->listening;

    while (*link != e) {
        link = &(*link)->next;
    }
    *link = e->next;
    e->bench = NULL;
    space_unlisten(&e->l);
    rangemap_fini(&e->shadow);
}

void
listener_mirror(struct listener *e, struct bench *b)
{
    listener_start(e, b, SID_A, NOTIFY_MAP | NOTIFY_UNMAP, true);
}

void
listener_unmaps(struct listener *e, struct bench *b)
{
    listener_start(e, b, SID_A, NOTIFY_UNMAP, false);
}

void
listener_clear(struct listener *e)
{
    e->events = e->maps = e->unmaps = 0;
}

uint64_t
listener_pages(const struct listener *e)
{
    return e->shadow.pages;
}

bool
listener_holds(const struct listener *e, uint64_t iova, uint64_t gpa)
{
    struct range_piece p;

    return rangemap_lookup(&e->shadow, iova, &p) && p.target + (iova - p.first) == gpa;
}

bool
listener_heard(const struct listener *e, unsigned i, unsigned type, uint64_t iova,
               uint64_t size, uint64_t gpa, enum notify_cause cause)
{
    const struct notify_event *ev = &e->log[i];

    return i < e->events && ev->type == type && ev->iova == iova &&
           ev->mask == size - 1 && (type != NOTIFY_MAP || ev->target.v == gpa) &&
           ev->cause == cause && (ev->perm == PERM_NONE) == (type != NOTIFY_MAP);
}

static void
print_event(FILE *f, const struct notify_event *ev)
{
    fprintf(f, "%s 0x%" PRIx64 "+0x%" PRIx64,
            ev->type == NOTIFY_MAP     ? "MAP"
            : ev->type == NOTIFY_UNMAP ? "UNMAP"
                                       : "DEVIOTLB_UNMAP",
            ev->iova, ev->mask + 1);
    if (ev->type == NOTIFY_MAP) {
        fprintf(f, " 0x%" PRIx64, ev->target.v);
    }
    if (ev->type == NOTIFY_MAP || ev->perm != PERM_NONE) {
        fprintf(f, " %s", perm_name(ev->perm));
    }
    fprintf(f, " %s", notify_cause_name(ev->cause));
}

const char *
listener_words(struct listener *e)
{
    static char text[80 * LISTENER_EVENTS];
    FILE *f = fmemopen(text, sizeof(text), "w");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_le(e->events, LISTENER_EVENTS);
    text[0] = '\0';
    for (unsigned i = 0; i < e->events; i++) {
        fputs(i > 0 ? ", " : "", f);
        print_event(f, &e->log[i]);
    }
    ck_assert_int_eq(fclose(f), 0);
    listener_clear(e);
    return text;
}
