/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The trace lines of steps: what an actor did, with what it got for it. A line
 * comes when its step is complete, after everything that it caused.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/step_line.h"
#include "machine/traffic.h"

static const enum trace_event events[STEP_KIND_COUNT] = {
    [STEP_MAP] = TE_STEP_MAP,
    [STEP_UNMAP] = TE_STEP_UNMAP,
    [STEP_CHANGE] = TE_STEP_CHANGE,
    [STEP_FLUSH] = TE_STEP_FLUSH,
    [STEP_ATTACH] = TE_STEP_ATTACH,
    [STEP_DETACH] = TE_STEP_DETACH,
    [STEP_ATS] = TE_STEP_ATS,
    [STEP_DMA] = TE_DMA,
    [STEP_HOTPLUG] = TE_STEP_HOTPLUG,
    [STEP_UNPLUG] = TE_STEP_UNPLUG,
    [STEP_SUBSCRIBE] = TE_STEP_SUBSCRIBE,
    [STEP_UNSUBSCRIBE] = TE_STEP_UNSUBSCRIBE,
    [STEP_ANNOUNCE] = TE_STEP_ANNOUNCE,
    [STEP_RESET] = TE_RESET,
    [STEP_FAIL] = TE_STEP_FAIL,
    [STEP_CHECK] = TE_STEP_CHECK,
    [STEP_DUMP] = TE_STEP_DUMP,
    [STEP_WORKLOAD] = TE_STEP_WORKLOAD,
    [STEP_REPLAY] = TE_STEP_REPLAY,
    [STEP_MEM] = TE_STEP_MEM,
    [STEP_MEM_EXPECT] = TE_STEP_MEM_EXPECT,
    [STEP_MMIO] = TE_STEP_MMIO,
    [STEP_MMIO_EXPECT] = TE_STEP_MMIO_EXPECT,
    [STEP_PTE] = TE_STEP_PTE,
    [STEP_ROOT] = TE_STEP_ROOT,
    [STEP_CONTEXT] = TE_STEP_CONTEXT,
    [STEP_PASID_DIR] = TE_STEP_PASID_DIR,
    [STEP_PASID] = TE_STEP_PASID,
    [STEP_QI] = TE_STEP_QI,
    [STEP_H_PUT_TCE] = TE_STEP_H_PUT_TCE,
    [STEP_H_PUT_TCE_INDIRECT] = TE_STEP_H_PUT_TCE_INDIRECT,
    [STEP_H_STUFF_TCE] = TE_STEP_H_STUFF_TCE,
    [STEP_H_GET_TCE] = TE_STEP_H_GET_TCE,
    [STEP_RTAS] = TE_STEP_RTAS,
    [STEP_MIGRATE] = TE_STEP_MIGRATE,
    [STEP_MIGRATION] = TE_STEP_MIGRATION,
    [STEP_DISCARD] = TE_STEP_DISCARD,
    [STEP_POPULATE] = TE_STEP_POPULATE,
};

void
line_add(struct line *l, const char *fmt, ...)
{
    enum { PIECE = 64 };
    va_list ap;

    if (l->cap - l->len < PIECE) {
        l->cap = 2 * l->cap + 4 * PIECE;
        l->list = xrealloc(l->list, l->cap, 1);
    }
    va_start(ap, fmt);
    l->len += (size_t)vsnprintf(l->list + l->len, PIECE, fmt, ap);
    va_end(ap);
}

static void
put_device(struct line *l, uint32_t device)
{
    if (device != SCENARIO_NONE) {
        trace_text(&l->rec, TF_DEVICE, l->m->sc->devices[device].id);
    }
}

static void
put_domain(struct line *l, uint32_t domain)
{
    if (domain != SCENARIO_NONE) {
        trace_text(&l->rec, TF_DOMAIN, l->m->sc->guest.domains[domain].id);
    }
}

static void
put_iommu(struct line *l, uint32_t iommu)
{
    if (iommu != SCENARIO_NONE) {
        trace_text(&l->rec, TF_IOMMU, l->m->sc->iommus[iommu].id);
    }
}

/* "ok", or why not. */
static void
put_result(struct line *l)
{
    const struct guest_reply *reply = &l->r->reply;

    if (!reply->ok) {
        trace_text(&l->rec, TF_RESULT, reply->why[0] != '\0' ? reply->why : "failed");
    } else {
        trace_text(&l->rec, TF_RESULT, l->r->result != NULL ? l->r->result : "ok");
    }
}

static void
put_ret(struct line *l)
{
    if (l->r->reply.has_ret) {
        trace_u64(&l->rec, TF_RET, (uint64_t)l->r->reply.ret);
    }
}

static const char *
flush_name(enum flush_scope f)
{
    switch (f) {
    case FLUSH_POLICY:
        break;
    case FLUSH_NONE:
        return "none";
    case FLUSH_PAGE:
        return "page";
    case FLUSH_DOMAIN:
        return "domain";
    case FLUSH_GLOBAL:
        return "global";
    case FLUSH_STRICT:
        return "strict";
    case FLUSH_LAZY:
        return "lazy";
    }
    return NULL;
}

static void
put_map(struct line *l, const struct step_map *s, bool unmap)
{
    put_device(l, s->device);
    put_domain(l, s->domain);
    trace_u64(&l->rec, TF_IOVA, s->iova);
    trace_u64(&l->rec, TF_SIZE, s->size);
    if (!unmap && s->has_gpa) {
        trace_u64(&l->rec, TF_GPA, s->gpa);
    }
    if (!unmap && s->has_perm) {
        trace_u64(&l->rec, TF_PERM, s->perm);
    }
    if (s->page_lg2 != 0) {
        snprintf(l->text[0], sizeof(l->text[0]), "0x%" PRIx64,
                 UINT64_C(1) << s->page_lg2);
        trace_text(&l->rec, TF_PAGE_SIZE, l->text[0]);
    }
    if (s->flush != FLUSH_POLICY) {
        trace_text(&l->rec, TF_FLUSH, flush_name((enum flush_scope)s->flush));
    }
    put_result(l);
    put_ret(l);
}

static void
put_flush(struct line *l, const struct step_flush *s)
{
    put_device(l, s->device);
    put_domain(l, s->domain);
    trace_text(&l->rec, TF_SCOPE, flush_name((enum flush_scope)s->scope));
    if (s->scope == FLUSH_PAGE) {
        trace_u64(&l->rec, TF_IOVA, s->iova);
        trace_u64(&l->rec, TF_SIZE, s->size);
    }
    put_result(l);
}

static void
put_attach(struct line *l, const struct step_attach *s)
{
    static const char *const type[] = {
        [ATTACH_TRANSLATE] = "translate",
        [ATTACH_DIRECT] = "direct",
        [ATTACH_PASSTHROUGH] = "passthrough",
        [ATTACH_BLOCKED] = "blocked",
    };

    put_device(l, s->device);
    put_domain(l, s->domain);
    if (s->has_pasid) {
        trace_u64(&l->rec, TF_PASID, s->pasid);
    }
    if (s->fpd) {
        trace_text(&l->rec, TF_FPD, "on");
    }
    if (l->r->step.kind == STEP_ATTACH) {
        trace_text(&l->rec, TF_TYPE, type[s->type]);
    }
    put_result(l);
}

static void
put_ats(struct line *l, const struct step_ats *s)
{
    put_device(l, s->device);
    trace_text(&l->rec, TF_ENABLE, s->enable ? "on" : "off");
    put_result(l);
}

static void
put_dma(struct line *l, const struct step_dma *s)
{
    const struct access_result *a = &l->r->dma;

    trace_text(&l->rec, TF_ACCESS, s->write ? "write" : "read");
    trace_u64(&l->rec, TF_IOVA, s->iova);
    trace_u64(&l->rec, TF_SIZE, s->size);
    trace_text(&l->rec, TF_RESULT, dma_result_name(a->result));
    if (a->has_gpa) {
        trace_u64(&l->rec, TF_GPA, a->gpa);
    }
    if (a->done != s->size) {
        trace_u64(&l->rec, TF_DONE, a->done);
    }
    if (s->has_pasid) {
        trace_u64(&l->rec, TF_PASID, s->pasid);
    }
}

static void
put_target(struct line *l, const struct step_target *s)
{
    const struct scenario *sc = l->m->sc;

    trace_text(&l->rec, TF_TARGET,
               s->device != SCENARIO_NONE  ? sc->devices[s->device].id
               : s->iommu != SCENARIO_NONE ? sc->iommus[s->iommu].id
                                           : "machine");
    put_result(l);
}

static void
put_subscribe(struct line *l, const struct step_subscribe *s)
{
    put_device(l, s->device);
    trace_text(&l->rec, TF_BACKEND, backend_name(s->sub->backend));
    if (strcmp(s->sub->name, backend_name(s->sub->backend)) != 0) {
        trace_text(&l->rec, TF_NAME, s->sub->name);
    }
    line_subscriber(l, s->sub);
    if (s->replay != REPLAY_DEFAULT) {
        trace_text(&l->rec, TF_REPLAY, s->replay == REPLAY_ON ? "on" : "off");
    }
    put_result(l);
}

static void
put_dump(struct line *l, const struct step_dump *s)
{
    static const char *const what[] = {
        [DUMP_TABLES] = "tables", [DUMP_SHADOW] = "shadow", [DUMP_CACHES] = "caches"
    };

    trace_text(&l->rec, TF_WHAT, what[s->what]);
    put_iommu(l, s->iommu);
    put_device(l, s->device);
    if (s->subscriber != NULL) {
        trace_text(&l->rec, TF_SUBSCRIBER, s->subscriber);
    }
}

static void
put_fail(struct line *l, const struct step_fail *s)
{
    trace_text(&l->rec, TF_SUBSCRIBER, s->subscriber);
    trace_text(&l->rec, TF_OP, fail_op_name((enum fail_op)s->op));
    trace_u64(&l->rec, TF_NTH, s->nth);
    if (s->error != 0) {
        trace_u64(&l->rec, TF_ERRNO, (uint64_t)s->error);
    }
}

static void
put_migration(struct line *l, enum migration_op op)
{
    static const char *const name[] = {
        [MIGRATION_START] = "start", [MIGRATION_SYNC] = "sync", [MIGRATION_STOP] = "stop"
    };
    const struct dirty *d = &l->m->env.dirty;

    trace_text(&l->rec, TF_OP, name[op]);
    if (op != MIGRATION_START) {
        trace_u64(&l->rec, TF_COUNT, dirty_pages(d));
        trace_u64(&l->rec, TF_MISSED, dirty_missed(d));
    }
    put_result(l);
}

static void
put_workload(struct line *l, const struct step_workload *s)
{
    static const char *const drivers[] = {
        [GUEST_MANUAL] = "manual",
        [GUEST_STRICT] = "strict",
        [GUEST_LAZY] = "lazy",
    };

    put_device(l, s->device);
    if (s->has_driver) {
        trace_text(&l->rec, TF_DRIVER, drivers[s->driver]);
    }
    trace_u64(&l->rec, TF_RING, s->ring);
    trace_u64(&l->rec, TF_COUNT, s->count);
    put_result(l);
}

static void
put_replay(struct line *l, const struct step_replay *s)
{
    static const char *const from[] = {
        [REPLAY_QEMU_LOG] = "qemu-log",
        [REPLAY_LINUX_TRACE] = "linux-trace",
        [REPLAY_IOMMUSIM] = "iommusim",
        [REPLAY_SCRIPT] = "script",
    };

    trace_text(&l->rec, TF_CAPTURE, s->capture);
    trace_text(&l->rec, TF_FROM, from[s->from]);
    trace_u64(&l->rec, TF_COUNT, l->r->traffic->count);
    put_result(l);
}

const char *
line_numbers(struct line *l, const uint64_t *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        line_add(l, "%s0x%" PRIx64, i == 0 ? "" : ",", v[i]);
    }
    return l->list;
}

static void
put_mem(struct line *l, const struct step_mem *s)
{
    trace_u64(&l->rec, TF_GPA, s->gpa);
    switch (s->width) {
    case 8:
        trace_text(&l->rec, TF_U64, line_numbers(l, s->values, s->n));
        break;
    case 4:
        trace_text(&l->rec, TF_U32, line_numbers(l, s->values, s->n));
        break;
    case 1:
        trace_text(&l->rec, TF_U8, line_numbers(l, s->values, s->n));
        break;
    default:
        trace_u64(&l->rec, TF_FILL, s->values[0]);
        trace_u64(&l->rec, TF_SIZE, s->n);
        break;
    }
    put_result(l);
}

static void
put_mmio(struct line *l, const struct step_mmio *s)
{
    put_iommu(l, s->iommu);
    snprintf(l->text[0], sizeof(l->text[0]), "0x%x", (unsigned)s->offset);
    trace_text(&l->rec, TF_REG, s->reg_name != NULL ? s->reg_name : l->text[0]);
    trace_u64(&l->rec, TF_VALUE, l->r->reply.has_value ? l->r->reply.value : s->value);
    if (l->r->step.kind == STEP_MMIO_EXPECT && s->mask != UINT64_MAX) {
        trace_u64(&l->rec, TF_MASK, s->mask);
    }
    trace_u64(&l->rec, TF_WIDTH, s->width);
    put_result(l);
}

static void
put_pte(struct line *l, const struct step_pte *s)
{
    put_domain(l, s->domain);
    trace_u64(&l->rec, TF_IOVA, s->iova);
    trace_u64(&l->rec, TF_LEVEL, s->level);
    trace_u64(&l->rec, TF_VALUE, s->value);
    put_result(l);
}

static void
put_entry(struct line *l, const struct step_entry *s)
{
    static const char *const mode[] = { "legacy", "scalable" };
    bool scalable = s->layout == ENTRY_SM_CONTEXT;

    put_iommu(l, s->iommu);
    put_device(l, s->device);
    if ((s->layout == ENTRY_CONTEXT || scalable) &&
        l->m->sc->iommus[s->iommu].vtd.scalable != scalable) {
        trace_text(&l->rec, TF_MODE, mode[scalable]);
    }
    if (s->layout == ENTRY_PASID || s->layout == ENTRY_PASID_DIR) {
        trace_u64(&l->rec, TF_PASID, s->pasid);
    }
    put_domain(l, s->domain);
    line_entry(l, s);
    put_result(l);
}

static void
put_qi(struct line *l, const struct step_qi *s)
{
    put_iommu(l, s->iommu);
    for (uint32_t i = 0; i < s->n; i++) {
        line_add(l, "%s", i > 0 ? "," : "");
        line_descriptor(l, &s->desc[i]);
    }
    trace_text(&l->rec, TF_DESCRIPTORS, l->list);
    if (s->width != 0) {
        trace_u64(&l->rec, TF_WIDTH, s->width);
    }
    put_result(l);
}

static void
put_tce(struct line *l, const struct step_tce *s)
{
    enum step_kind kind = (enum step_kind)l->r->step.kind;

    trace_u64(&l->rec, TF_LIOBN, s->liobn);
    trace_u64(&l->rec, TF_IOBA, s->ioba);
    if (kind == STEP_H_PUT_TCE_INDIRECT && s->values != NULL) {
        trace_text(&l->rec, TF_TCES, line_numbers(l, s->values, s->n_values));
    } else if (kind == STEP_H_PUT_TCE_INDIRECT) {
        trace_u64(&l->rec, TF_LIST, s->tce);
    } else if (kind != STEP_H_GET_TCE) {
        trace_u64(&l->rec, TF_TCE, s->tce);
    }
    if (kind == STEP_H_PUT_TCE_INDIRECT || kind == STEP_H_STUFF_TCE) {
        trace_u64(&l->rec, TF_NPAGES, s->npages);
    }
    put_ret(l);
    if (kind == STEP_H_GET_TCE && l->r->reply.has_value) {
        trace_u64(&l->rec, TF_VALUE, l->r->reply.value);
    }
}

/* The status as a number with its sign: it is no hypercall's. */
static void
put_rtas(struct line *l, const struct step_rtas *s)
{
    const struct guest_reply *reply = &l->r->reply;

    line_numbers(l, s->args, s->nargs);
    line_add(l, "%c", '\0');
    size_t rets = l->len;
    for (unsigned i = 0; i < reply->n_rets; i++) {
        if (i == 0) {
            line_add(l, "%" PRId32, (int32_t)reply->rets[0]);
        } else {
            line_add(l, ",0x%" PRIx32, reply->rets[i]);
        }
    }
    trace_text(&l->rec, TF_CALL, rtas_call_name(s->call));
    if (s->nargs > 0) {
        trace_text(&l->rec, TF_ARGS, l->list);
    }
    trace_u64(&l->rec, TF_NRET, s->nret);
    trace_text(&l->rec, TF_RETS, l->list + rets);
}

static void
put_step(struct line *l)
{
    const struct step *s = &l->r->step;

    switch ((enum step_kind)s->kind) {
    case STEP_MAP:
    case STEP_CHANGE:
        put_map(l, &s->u.map, false);
        break;
    case STEP_UNMAP:
        put_map(l, &s->u.map, true);
        break;
    case STEP_FLUSH:
        put_flush(l, &s->u.flush);
        break;
    case STEP_ATTACH:
    case STEP_DETACH:
        put_attach(l, &s->u.attach);
        break;
    case STEP_ATS:
        put_ats(l, &s->u.ats);
        break;
    case STEP_DMA:
        put_dma(l, &s->u.dma);
        break;
    case STEP_HOTPLUG:
    case STEP_UNPLUG:
    case STEP_RESET:
        put_target(l, &s->u.target);
        break;
    case STEP_SUBSCRIBE:
        put_subscribe(l, &s->u.subscribe);
        break;
    case STEP_UNSUBSCRIBE:
    case STEP_ANNOUNCE:
        put_device(l, s->u.unsubscribe.device);
        trace_text(&l->rec, TF_NAME, s->u.unsubscribe.name);
        put_result(l);
        break;
    case STEP_CHECK:
    case STEP_MIGRATE:
        put_result(l);
        break;
    case STEP_MIGRATION:
        put_migration(l, s->u.migration);
        break;
    case STEP_DISCARD:
    case STEP_POPULATE:
        trace_u64(&l->rec, TF_GPA, s->u.blocks.gpa);
        trace_u64(&l->rec, TF_SIZE, s->u.blocks.size);
        put_result(l);
        break;
    case STEP_FAIL:
        put_fail(l, &s->u.fail);
        break;
    case STEP_DUMP:
        put_dump(l, &s->u.dump);
        break;
    case STEP_WORKLOAD:
        put_workload(l, s->u.workload);
        break;
    case STEP_REPLAY:
        put_replay(l, &s->u.replay);
        break;
    case STEP_MEM:
    case STEP_MEM_EXPECT:
        put_mem(l, &s->u.mem);
        break;
    case STEP_MMIO:
    case STEP_MMIO_EXPECT:
        put_mmio(l, &s->u.mmio);
        break;
    case STEP_PTE:
        put_pte(l, &s->u.pte);
        break;
    case STEP_ROOT:
    case STEP_CONTEXT:
    case STEP_PASID_DIR:
    case STEP_PASID:
        put_entry(l, s->u.entry);
        break;
    case STEP_QI:
        put_qi(l, &s->u.qi);
        break;
    case STEP_H_PUT_TCE:
    case STEP_H_PUT_TCE_INDIRECT:
    case STEP_H_STUFF_TCE:
    case STEP_H_GET_TCE:
        put_tce(l, &s->u.tce);
        break;
    case STEP_RTAS:
        put_rtas(l, &s->u.rtas);
        break;
    case STEP_LOOP:
    case STEP_KIND_COUNT:
        break;
    }
}

void
step_line(struct machine *m, const struct running *r)
{
    enum trace_event event = events[r->step.kind];
    struct line l;

    if (!trace_wants(m->env.trace, event)) {
        return;
    }
    l.m = m;
    l.r = r;
    l.list = NULL;
    l.len = l.cap = 0;
    trace_begin(&l.rec, sim_now(m->env.sim),
                r->step.kind == STEP_DMA ? m->sc->devices[r->step.u.dma.device].id
                                         : actor_name(r),
                event);
    put_step(&l);
    trace_emit(m->env.trace, &l.rec);
    free(l.list);
}
