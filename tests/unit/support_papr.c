/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See support_papr.h. */
#include "support_papr.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util/names.h"

const enum quirk spec_quirks[] = { QUIRK_COUNT };
const enum quirk qemu_quirks[] = { QUIRK_PAPR_LONE_MAP,         QUIRK_PAPR_PER_ENTRY,
                                   QUIRK_PAPR_SILENT_TEARDOWN,  QUIRK_PAPR_STICKY_DEFAULT,
                                   QUIRK_PAPR_OVERSIZED_KEPT,   QUIRK_PAPR_SHIFT_MODULO,
                                   QUIRK_PAPR_MIGRATE_BY_COUNT, QUIRK_PAPR_MSI_SHADOWED,
                                   QUIRK_PAPR_REPLAY_ALL,       QUIRK_COUNT };

static void
heard_return(void *self, struct iommu *iommu, uint64_t liobn, uint64_t first,
             uint64_t last)
{
    struct papr_rig *r = self;

    (void)iommu;
    (void)liobn;
    r->returned++;
    r->returned_first = first;
    r->returned_last = last;
}

static void
heard_switch(void *self, struct iommu *iommu)
{
    struct papr_rig *r = self;

    (void)iommu;
    r->switched++;
}

static void
heard_abort(void *self, const char *subject, enum blame who, const char *why)
{
    struct papr_rig *r = self;

    (void)subject;
    (void)why;
    r->aborted += who == BLAME_IOMMU;
}

static void
heard_overspent(void *self, const char *subject, enum blame who, const char *what,
                uint64_t steps)
{
    (void)who;
    struct papr_rig *r = self;

    (void)subject;
    (void)what;
    r->overspent++;
    r->steps = steps;
}

struct papr_rig phb;

void
phb_fini(void)
{
    if (phb.iommu == NULL) {
        return;
    }
    while (phb.ears != NULL) {
        ear_close(phb.ears);
    }
    iommu_free(phb.iommu);
    mem_free(phb.env.mem);
    sim_free(phb.env.sim);
    phb.iommu = NULL;
}

void
phb_init(const struct iommu_papr_config *c, const enum quirk *quirks)
{
    phb_fini();
    memset(&phb, 0, sizeof(phb));
    phb.env.sim = sim_new(1);
    phb.env.trace = &phb.trace;
    phb.env.mem = mem_new(NULL);
    mem_add_range(phb.env.mem, 0, RAM_SIZE - 1, MEM_RAM);
    latencies_init(&phb.env.latency, phb.env.sim);
    for (; *quirks != QUIRK_COUNT; quirks++) {
        quirk_set(&phb.env.quirks, *quirks, true);
    }
    phb.env.observer = (struct observer){
        .self = &phb,
        .hcall_returned = heard_return,
        .switched = heard_switch,
        .aborted = heard_abort,
        .overspent = heard_overspent,
    };
    phb.iommu = papr_new(c, &phb.env);
}

struct iommu_papr_config
papr_config(void)
{
    return (struct iommu_papr_config){
        .id = "phb0",
        .liobn = W0,
        .buid = PAPR_BUID,
        .has_window = true,
        .window_size = PAPR_PCI_WINDOW_SIZE,
        .page_lg2 = 12,
    };
}

struct iommu_papr_config
papr_config_ddw(void)
{
    struct iommu_papr_config c = papr_config();

    c.ddw = true;
    c.page_sizes = UINT64_C(1) << 12 | 1 << 16 | 1 << 21 | 1 << 24;
    return c;
}

struct iommu_papr_config
papr_config_vio(uint64_t liobn)
{
    return (struct iommu_papr_config){
        .id = "vlan",
        .vio = true,
        .liobn = liobn,
        .has_window = true,
        .window_size = PAPR_VIO_WINDOW_SIZE,
        .page_lg2 = 12,
    };
}

void
phb_default(const enum quirk *quirks)
{
    const struct iommu_papr_config c = papr_config();

    phb_init(&c, quirks);
}

void
phb_ddw(const enum quirk *quirks)
{
    const struct iommu_papr_config c = papr_config_ddw();

    phb_init(&c, quirks);
}

void
phb_high(const enum quirk *quirks)
{
    struct iommu_papr_config c = papr_config();

    c.window_base = B;
    c.window_size = UINT64_C(1) << 36;
    c.page_lg2 = 16;
    phb_init(&c, quirks);
}

void
phb_default_spec(void)
{
    phb_default(spec_quirks);
}

void
phb_default_qemu(void)
{
    phb_default(qemu_quirks);
}

void
phb_ddw_spec(void)
{
    phb_ddw(spec_quirks);
}

void
phb_ddw_qemu(void)
{
    phb_ddw(qemu_quirks);
}

static int64_t
call(struct hcall *h)
{
    iommu_hcall(&phb.iommu, 1, h);
    iommu_hcall_return(h);
    return h->ret;
}

int64_t
put(uint64_t liobn, uint64_t ioba, uint64_t tce)
{
    struct hcall h = { .op = HCALL_PUT_TCE, .liobn = liobn, .ioba = ioba, .tce = tce };

    return call(&h);
}

int64_t
stuff(uint64_t liobn, uint64_t ioba, uint64_t tce, uint64_t n)
{
    struct hcall h = {
        .op = HCALL_STUFF_TCE, .liobn = liobn, .ioba = ioba, .tce = tce, .npages = n
    };

    return call(&h);
}

int64_t
indirect(uint64_t liobn, uint64_t ioba, uint64_t list, uint64_t n)
{
    struct hcall h = { .op = HCALL_PUT_TCE_INDIRECT,
                       .liobn = liobn,
                       .ioba = ioba,
                       .list = list,
                       .npages = n };

    return call(&h);
}

int64_t
get(uint64_t liobn, uint64_t ioba, uint64_t *tce)
{
    struct hcall h = { .op = HCALL_GET_TCE, .liobn = liobn, .ioba = ioba };
    int64_t ret = call(&h);

    *tce = h.value;
    return ret;
}

const char *
rtas(enum rtas_call call, int nargs, unsigned nret, const uint32_t *args)
{
    static const unsigned char usual[] = { 3, 5, 1, 3, 2, 0 };
    static char text[128];
    struct rtas c = { .call = call,
                      .nargs = nargs < 0 ? usual[call] : (unsigned)nargs,
                      .nret = nret };
    size_t len = 0;

    if (c.nargs > 0) {
        memcpy(c.args, args, c.nargs * sizeof(*args));
    }
    iommu_rtas(&phb.iommu, 1, &c);
    for (unsigned i = 0; i < c.written; i++) {
        len += (size_t)(i == 0 ? snprintf(text, sizeof(text), "%d", (int)c.rets[0])
                               : snprintf(text + len, sizeof(text) - len, " 0x%x",
                                          (unsigned)c.rets[i]));
    }
    return text;
}

#define BRIDGE 0, (uint32_t)(PAPR_BUID >> 32), (uint32_t)PAPR_BUID

const char *
query(void)
{
    return rtas(RTAS_QUERY_PE_DMA_WINDOW, -1, 6, (uint32_t[]){ BRIDGE });
}

const char *
create(uint32_t page, uint32_t window)
{
    return rtas(RTAS_CREATE_PE_DMA_WINDOW, -1, 4, (uint32_t[]){ BRIDGE, page, window });
}

const char *
remove_window(uint64_t liobn)
{
    return rtas(RTAS_REMOVE_PE_DMA_WINDOW, -1, 1, (uint32_t[]){ (uint32_t)liobn });
}

const char *
reset_windows(void)
{
    return rtas(RTAS_RESET_PE_DMA_WINDOW, -1, 1, (uint32_t[]){ BRIDGE });
}

uint64_t
entry(uint64_t ioba)
{
    uint64_t tce, dead = UINT64_C(0xdeadbeefdeadbeef);

    return get(W0, ioba, &tce) == PAPR_H_SUCCESS ? tce : dead;
}

void
list_fill(uint64_t first, uint64_t step, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        mem_write64be(phb.env.mem, GPA(LIST + 8 * i), first + i * step);
    }
}

/* --- ears --- */

static void
note(struct ear *e, const struct notifier *n, const struct notify_event *ev)
{
    struct log *log = e->log;
    size_t room = sizeof(log->text) - log->len;
    uint64_t first = ev->iova + n->offset, size = ev->mask + 1;
    const char *comma = log->len > 0 ? ", " : "";
    int len;

    log->maps += ev->type == NOTIFY_MAP;
    log->unmaps += ev->type == NOTIFY_UNMAP;
    if (ev->type == NOTIFY_MAP) {
        len = snprintf(log->text + log->len, room,
                       "%s%sMAP 0x%" PRIx64 "+0x%" PRIx64 " 0x%" PRIx64 " %s", comma,
                       e->name, first, size, ev->target.v, perm_name(ev->perm));
    } else {
        len = snprintf(log->text + log->len, room, "%s%sUNMAP 0x%" PRIx64 "+0x%" PRIx64,
                       comma, e->name, first, size);
    }
    if (len > 0 && (size_t)len < room) {
        log->len += (size_t)len;
    }
}

static void
hear(struct notifier *n, struct notify_event *ev)
{
    note(n->owner, n, ev);
}

static void
ear_add(struct space_listener *l, const struct space_section *s)
{
    struct ear *e = (struct ear *)l;
    struct ear_binding *b = e->binding;

    if (s->region == NULL) { /* RAM 1:1 */
        return;
    }
    while (b->used) {
        b++;
    }
    *b = (struct ear_binding){
        .used = true,
        .notifier = {
            .fn = hear,
            .owner = e,
            .subject = "nic0/ear",
            .flags = e->flags,
            .first = s->region_first,
            .last = s->region_first + (s->last - s->first),
            .offset = s->first - s->region_first,
        },
    };
    e->sections++;
    if (notify_register(s->region, &b->notifier, &e->why) != 0) {
        e->refused++;
    } else if (e->replay) {
        notify_replay(&b->notifier);
    }
}

static void
ear_del(struct space_listener *l, const struct space_section *s)
{
    struct ear *e = (struct ear *)l;

    if (s->region == NULL) {
        return;
    }
    e->sections--;
    for (struct ear_binding *b = e->binding; b < e->binding + EAR_BINDINGS; b++) {
        if (b->used && b->notifier.first + b->notifier.offset == s->first) {
            notify_unregister(&b->notifier);
            b->used = false;
        }
    }
}

void
ear_open(struct ear *e, const char *name, struct log *log, unsigned flags, bool replay)
{
    memset(e, 0, sizeof(*e));
    e->next = phb.ears;
    phb.ears = e;
    e->name = name;
    e->log = log;
    e->flags = flags;
    e->replay = replay;
    e->listener.add = ear_add;
    e->listener.del = ear_del;
    space_listen(phb.iommu->ops->attach(phb.iommu, 8, "nic0", NULL), &e->listener);
}

void
ear_close(struct ear *e)
{
    struct ear **link = &phb.ears;

    while (*link != e) {
        link = &(*link)->next;
    }
    *link = e->next;
    space_unlisten(&e->listener);
}

const char *
log_take(struct log *log, char *buf, size_t size)
{
    snprintf(buf, size, "%.*s", (int)log->len, log->text);
    log->len = 0;
    log->text[0] = '\0';
    log->maps = log->unmaps = 0;
    return buf;
}
