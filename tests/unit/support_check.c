/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See support_check.h. */
#include "support_check.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rig rig;

static void
copy(char *to, const char *from)
{
    strncpy(to, from != NULL ? from : "", 31);
}

static void
on_violation(void *self, const struct violation *v)
{
    struct rig *r = self;
    ck_assert_uint_lt(r->n, SEEN_MAX);
    struct seen *s = &r->seen[r->n++];

    s->class = v->class;
    s->blame = v->blame;
    s->first = v->first;
    s->last = v->last;
    s->origin = v->origin;
    copy(s->subject, v->subject);
    copy(s->have, v->have);
    copy(s->want, v->want);
    copy(s->hint, v->hint);
    if (getenv("IOMMUSIM_TEST_SHOW") != NULL) {
        fprintf(stderr, "# %s %s %#lx..%#lx have %s want %s blame %s hint %s\n",
                s->subject, violation_name(s->class), (unsigned long)s->first,
                (unsigned long)s->last, s->have, s->want, blame_name(s->blame), s->hint);
    }
}

void
rig_begin(void)
{
    memset(&rig, 0, sizeof(rig));
    rig.env.sim = sim_new(1);
    rig.env.trace = &rig.trace;
    rig.env.mem = mem_new(NULL);
    mem_add_range(rig.env.mem, 0, (UINT64_C(1) << 30) - 1, MEM_RAM);
    latencies_init(&rig.env.latency, rig.env.sim);
    rig.check = check_new(&rig.env, on_violation, &rig);
}

void
rig_end(void)
{
    for (unsigned i = 0; i < rig.n_subs; i++) {
        if (rig.subs[i] != NULL) {
            subscriber_detach(rig.subs[i]);
            check_remove_subscriber(rig.check, rig.subs[i]);
            subscriber_free(rig.subs[i]);
        }
    }
    rig.iommu->ops->detach(rig.iommu, SID);
    check_remove_device(rig.device);
    check_free(rig.check);
    iommu_free(rig.iommu);
    mem_free(rig.env.mem);
    sim_free(rig.env.sim);
}

struct subscriber *
rig_subscribe(const char *kind, const char *name, bool replay)
{
    struct subscriber_config c = { .name = name, .device = "dev", .replay = replay };
    struct subscriber *s = subscriber_new(subscriber_kind(kind), &c, &rig.env);
    struct err e;

    check_add_subscriber(rig.check, s, rig.device);
    if (subscriber_attach(s, rig.space, (struct translator){ 0 }, &e)) {
        check_attached(rig.check, s);
    }
    rig.subs[rig.n_subs++] = s;
    return s;
}

static void
ask_unit(void *self, const struct ask *ask, struct dma_answer *out)
{
    const struct iommu_request q = {
        .sid = SID,
        .type = ask->kind == ASK_UNTRANSLATED  ? REQUEST_UNTRANSLATED
                : ask->kind == ASK_TRANSLATION ? REQUEST_TRANSLATION
                                               : REQUEST_TRANSLATED,
        .pasid = ask->pasid,
        .iova = ask->iova,
        .access = ask->access,
    };
    struct xlate x = { .perm = PERM_NONE };

    (void)self;
    out->result =
        rig.iommu->ops->translate(rig.iommu, &q, &x) == XLATE_OK ? DMA_OK : DMA_BLOCKED;
    out->gpa = x.gpa;
    out->first = x.first;
    out->last = x.last;
    out->perm = x.perm;
}

struct subscriber *
rig_atc(uint32_t pasid, const char *name)
{
    struct subscriber_config c = {
        .name = name, .device = "dev", .ats = true, .pasid = pasid
    };
    struct subscriber *s = subscriber_new(subscriber_kind("ats"), &c, &rig.env);
    struct err e;

    check_add_subscriber(rig.check, s, check_pasid(rig.device, pasid));
    ck_assert(subscriber_attach(s, rig.space, (struct translator){ ask_unit, NULL }, &e));
    check_attached(rig.check, s);
    rig.subs[rig.n_subs++] = s;
    return s;
}

bool
rig_atc_access(struct subscriber *s, uint64_t iova, enum perm access)
{
    struct dma_answer a = s->ops->dma(s, iova, access);
    const bool ok = a.result == DMA_OK;

    check_dma(rig.check, &(struct check_dma){ .device = rig.device,
                                              .subscriber = s,
                                              .pasid = s->config.pasid,
                                              .iova = iova,
                                              .len = 8,
                                              .access = access,
                                              .ok = ok,
                                              .gpa = ok ? a.gpa.v : 0 });
    return ok;
}

void
rig_quirk(enum quirk q)
{
    quirk_set(&rig.env.quirks, q, true);
}

static void
plug(struct iommu *m)
{
    struct err e;

    rig.iommu = m;
    rig.space = m->ops->attach(m, SID, "dev", &e);
    rig.device = check_add_device(rig.check, m, "dev", SID);
}

void
rig_step(uint32_t line)
{
    check_step(rig.check, "t.yaml", line);
}

/* ---- PAPR ---- */

void
rig_papr(void)
{
    struct iommu_papr_config c = { .id = "phb0",
                                   .liobn = LIOBN,
                                   .has_window = true,
                                   .window_size = 1 << 28,
                                   .page_lg2 = 12 };

    plug(papr_new(&c, &rig.env));
}

int64_t
rig_put(uint64_t ioba, uint64_t tce)
{
    struct hcall h = { .op = HCALL_PUT_TCE, .liobn = LIOBN, .ioba = ioba, .tce = tce };

    iommu_hcall(&rig.iommu, 1, &h);
    iommu_hcall_return(&h);
    return h.ret;
}

void
rig_expect_one(enum violation_class class, enum blame blame, uint64_t first,
               uint64_t last)
{
    check_say(rig.check);
    ck_assert_uint_eq(rig.n, 1);
    ck_assert_str_eq(violation_name(rig.seen[0].class), violation_name(class));
    ck_assert_str_eq(blame_name(rig.seen[0].blame), blame_name(blame));
    ck_assert_uint_eq(rig.seen[0].first, first);
    ck_assert_uint_eq(rig.seen[0].last, last);
}

void
rig_access(struct subscriber *s, uint64_t iova, enum perm access, bool ok, uint64_t gpa)
{
    check_dma(rig.check, &(struct check_dma){ .device = rig.device,
                                              .subscriber = s,
                                              .pasid = IOMMU_NO_PASID,
                                              .iova = iova,
                                              .len = 8,
                                              .access = access,
                                              .ok = ok,
                                              .gpa = gpa });
}

/* ---- VT-d ---- */

void
rig_mmio(uint64_t off, unsigned width, uint64_t v)
{
    iommu_mmio_write(rig.iommu, off, width, v);
}

void
rig_word(uint64_t gpa, uint64_t v)
{
    mem_write64le(rig.env.mem, GPA(gpa), v);
}

void
rig_submit(struct vtd_pair d)
{
    rig_word(QUEUE + rig.tail, d.lo);
    rig_word(QUEUE + rig.tail + 8, d.hi);
    rig.tail = (rig.tail + (rig.wide ? 32 : 16)) % 4096;
}

void
rig_ring(void)
{
    rig_submit(vtd_desc_wait(VTD_DESC_WAIT_SW, STATUS, ++rig.waits));
    rig_mmio(VTD_IQT, 8, rig.tail);
    ck_assert_uint_eq(mem_read32le(rig.env.mem, GPA(STATUS)), rig.waits);
}

void
rig_leaf(uint64_t iova, uint64_t entry)
{
    rig_word(TABLES + 0x2000 + 8 * vtd_ss_index(iova, 1), entry);
}

void
rig_flush_page(uint64_t iova)
{
    rig_submit(vtd_desc_iotlb(VTD_GRAN_FINE, 5, iova, 0, true));
    rig_ring();
}

void
rig_vtd(bool caching_mode)
{
    struct iommu_vtd_config c = {
        .id = "vtd0",
        .base = 0xfed90000,
        .caching_mode = caching_mode,
        .pass_through = true,
        .queued_invalidation = true,
        .dma_translation = true,
        .fault_records = 1,
        .aw_bits = 39,
        .superpages = 3,
        .mamv = 18,
        .domains_lg2 = 16,
        .iotlb = { .entries = 64 },
        .context_cache = { .entries = 64 },
    };

    plug(vtd_new(&c, &rig.env));
    rig_word(ROOT, CONTEXTS | 1);
    rig_word(CONTEXTS + 16 * SID + 8, vtd_ctx_hi(1, 5));
    rig_word(CONTEXTS + 16 * SID, vtd_ctx_lo(VTD_TT_TRANSLATE, TABLES));
    rig_word(TABLES, (TABLES + 0x1000) | 3);
    rig_word(TABLES + 0x1000, (TABLES + 0x2000) | 3);
    rig_mmio(VTD_IQA, 8, QUEUE);
    rig_mmio(VTD_RTADDR, 8, ROOT);
    rig_mmio(VTD_GCMD, 4, VTD_GCMD_SRTP);
    rig_mmio(VTD_GCMD, 4, VTD_GCMD_QIE);
    rig_mmio(VTD_GCMD, 4, VTD_GCMD_QIE | VTD_GCMD_TE);
}

struct notify_event
rig_map_event(uint64_t iova, uint64_t target)
{
    return (struct notify_event){ .type = NOTIFY_MAP,
                                  .perm = PERM_RW,
                                  .iova = iova,
                                  .mask = PAGE_MASK,
                                  .target = GPA(target) };
}

void
rig_pretend(struct subscriber *s, const struct notify_event *ev, unsigned times)
{
    const struct observer *o = &rig.env.observer;

    for (unsigned i = 0; i < times; i++) {
        o->delivered(o->self, &s->bindings->notifier, ev);
    }
    o->announced(o->self, s->bindings->notifier.region, 0, ev, NULL);
}

void
rig_hcall_returns(uint64_t first)
{
    const struct observer *o = &rig.env.observer;

    o->hcall_returned(o->self, rig.iommu, LIOBN, first, first + PAGE_MASK);
}

/* ---- scalable mode ---- */

static void
pasid_entry(uint32_t pasid, unsigned pgtt, uint16_t did)
{
    const uint64_t at = PASIDS + VTD_PASID_ENTRY_BYTES * (uint64_t)pasid;

    rig_word(at + 8, VTD_PASID_DID(did));
    rig_word(at + 16, pgtt == VTD_PGTT_SECOND ? 0 : (uint64_t)FIRST);
    rig_word(at, (pgtt == VTD_PGTT_FIRST ? 0 : TABLES | VTD_PASID_AW(2)) |
                     VTD_PASID_PGTT(pgtt) | VTD_PASID_P);
}

void
rig_scalable(bool caching_mode)
{
    const struct iommu_cache_config cache = { .entries = 64 };
    const uint64_t fs = VTD_FS_P | VTD_FS_RW | VTD_FS_US | VTD_FS_A;
    struct iommu_vtd_config c = {
        .id = "vtd0",
        .base = 0xfed90000,
        .caching_mode = caching_mode,
        .pass_through = true,
        .queued_invalidation = true,
        .dma_translation = true,
        .scalable = true,
        .first_stage = true,
        .pasid = true,
        .device_iotlb = true,
        .fault_records = 1,
        .aw_bits = 48,
        .superpages = 3,
        .mamv = 18,
        .domains_lg2 = 16,
        .iotlb = cache,
        .context_cache = cache,
        .pasid_cache = cache,
    };

    plug(vtd_new(&c, &rig.env));
    for (unsigned i = 0; i < 3; i++) {
        rig_word(FIRST + 0x1000 * i, (FIRST + 0x1000 * (i + 1)) | fs);
        rig_word(TABLES + 0x1000 * i, (TABLES + 0x1000 * (i + 1)) | 3);
    }
    rig_word(TABLES + 0x2000 + 8 * 8, 0x1000000 | VTD_SS_PS | 3);
    pasid_entry(0, VTD_PGTT_SECOND, 5);
    pasid_entry(1, VTD_PGTT_FIRST, 6);
    pasid_entry(2, VTD_PGTT_NESTED, 7);
    rig_word(DIRECTORY, PASIDS | VTD_PASID_DIR_P);
    rig_word(CONTEXTS + 32 * SID,
             DIRECTORY | VTD_SM_CTX_P | VTD_SM_CTX_PASIDE | VTD_SM_CTX_DTE);
    rig_word(ROOT, CONTEXTS | VTD_SM_ROOT_P);
    rig_mmio(VTD_RTADDR, 8, ROOT | VTD_TTM_SCALABLE << 10);
    rig.wide = true;
    rig_mmio(VTD_IQA, 8, QUEUE | VTD_IQA_DW);
    rig_mmio(VTD_GCMD, 4, VTD_GCMD_SRTP);
    rig_mmio(VTD_GCMD, 4, VTD_GCMD_QIE);
    rig_mmio(VTD_GCMD, 4, VTD_GCMD_QIE | VTD_GCMD_TE);
}

void
rig_first_leaf(uint64_t iova, uint64_t entry)
{
    rig_word(FIRST + 0x3000 + 8 * vtd_ss_index(iova, 1), entry);
}

void
rig_invalidated(const struct invalidation *inv)
{
    const struct observer *o = &rig.env.observer;

    o->invalidated(o->self, rig.iommu, inv);
}

void
rig_completed(void)
{
    const struct observer *o = &rig.env.observer;

    o->completed(o->self, rig.iommu);
}
