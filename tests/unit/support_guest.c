/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The machine of the guest's tests: see support_guest.h. */
#include "support_guest.h"

#include <check.h>
#include <string.h>

static void
count_invalidation(void *self, struct iommu *iommu, const struct invalidation *inv)
{
    struct rig *r = self;

    (void)iommu;
    r->invalidations++;
    r->last = *inv;
}

static void
count_hcall(void *self, struct iommu *iommu, uint64_t liobn, uint64_t first,
            uint64_t last)
{
    struct rig *r = self;

    (void)iommu;
    (void)liobn;
    (void)first;
    (void)last;
    r->hcalls++;
}

static void
init_iommu(struct rig *r, enum iommu_model model)
{
    struct iommu_cache_config infinite = { .entries = UINT64_MAX };

    r->iommu = (struct scenario_iommu){ .id = "iommu0", .model = model };
    r->iommu.vtd.aw_bits = 48;
    r->vtd = (struct iommu_vtd_config){
        .id = "iommu0",
        .base = 0xfed90000,
        .pass_through = true,
        .queued_invalidation = true,
        .drain = true,
        .dma_translation = true,
        .fault_records = 1,
        .aw_bits = 48,
        .superpages = 3,
        .mamv = 18,
        .domains_lg2 = 16,
        .iotlb = infinite,
        .context_cache = infinite,
    };
    r->papr = (struct iommu_papr_config){
        .id = "iommu0",
        .liobn = 0x80000000,
        .has_window = true,
        .window_size = GIB,
        .page_lg2 = 12,
    };
    r->iommu.papr = (struct papr_config){
        .liobn = 0x80000000,
        .has_window = true,
        .window_size = GIB,
        .window_page_lg2 = 12,
    };
}

void
rig_init(struct rig *r, enum iommu_model model)
{
    bool vtd = model == IOMMU_INTEL_VTD;

    memset(r, 0, sizeof(*r));
    r->env.sim = sim_new(1);
    r->env.mem = mem_new(NULL);
    r->env.trace = trace_new(
        &(struct trace_options){ .format = TRACE_FORMAT_NONE, .level = TRACE_QUIET },
        NULL);
    latencies_init(&r->env.latency, r->env.sim);
    r->env.observer.self = r;
    r->env.observer.invalidated = count_invalidation;
    r->env.observer.hcall_returned = count_hcall;
    mem_add_range(r->env.mem, 0, RIG_RAM - 1, MEM_RAM);
    r->ram = (struct scenario_range){ .kind = SCENARIO_RAM, .base = 0, .size = RIG_RAM };
    init_iommu(r, model);
    for (uint16_t i = 0; i < 2; i++) {
        r->device[i] = (struct scenario_device){
            .first_of_sid = (uint32_t)i,
            .id = i == 0 ? "nic0" : "nic1",
            .sid = (uint16_t)((i + 1) << 3),
            .plugged = i == 0,
        };
        r->domain[i] = (struct scenario_domain){
            .id = i == 0 ? "d0" : "d1", .aw_bits = 48, .has_did = i == 1, .did = 1
        };
    }
    r->sc.ranges = &r->ram;
    r->sc.n_ranges = 1;
    r->sc.iommus = &r->iommu;
    r->sc.n_iommus = 1;
    r->sc.devices = r->device;
    r->sc.n_devices = 2;
    r->sc.guest = (struct guest_config){
        .driver = GUEST_STRICT,
        .flush_entries = 256,
        .flush_timer = 10000000,
        .domains = r->domain,
        .n_domains = vtd ? 2 : 0,
        .has_table_memory = vtd,
        .table_base = RIG_TABLES,
        .table_size = 16 * MIB,
    };
}

void
rig_start(struct rig *r)
{
    struct err e;

    r->m = r->iommu.model == IOMMU_INTEL_VTD ? vtd_new(&r->vtd, &r->env)
                                             : papr_new(&r->papr, &r->env);
    ck_assert_ptr_nonnull(r->m->ops->attach(r->m, r->device[0].sid, "nic0", &e));
    r->g = guest_new(&r->env, &r->sc, &r->m);
    guest_boot(r->g);
    ck_assert_uint_eq(sim_pending(r->env.sim), 0);
    rig_forget(r);
}

void
rig_forget(struct rig *r)
{
    r->invalidations = 0;
    r->replies = 0;
    r->hcalls = 0;
}

void
rig_fini(struct rig *r)
{
    guest_free(r->g);
    iommu_free(r->m);
    mem_free(r->env.mem);
    sim_free(r->env.sim);
    trace_close(r->env.trace, NULL);
}

static void
replied(void *self, const struct guest_reply *reply)
{
    struct rig *r = self;

    r->reply = *reply;
    r->replies++;
}

bool
rig_do(struct rig *r, const struct step *s)
{
    struct step *kept = &r->steps[r->n_steps++ % 4];
    unsigned before = r->replies;

    *kept = *s;
    guest_do(r->g, kept, replied, r);
    return r->replies == before + 1 && r->reply.ok;
}

bool
rig_map(struct rig *r, uint64_t iova, uint64_t size, uint64_t gpa, unsigned page_lg2)
{
    struct step s = { .kind = STEP_MAP };

    s.u.map = (struct step_map){ .device = 0,
                                 .domain = SCENARIO_NONE,
                                 .iova = iova,
                                 .size = size,
                                 .gpa = gpa,
                                 .perm = PERM_RW,
                                 .page_lg2 = (uint8_t)page_lg2,
                                 .has_gpa = true,
                                 .has_perm = true };
    return rig_do(r, &s);
}

bool
rig_unmap(struct rig *r, uint64_t iova, uint64_t size)
{
    struct step s = { .kind = STEP_UNMAP };

    s.u.map = (struct step_map){
        .device = 0, .domain = SCENARIO_NONE, .iova = iova, .size = size
    };
    return rig_do(r, &s);
}

bool
rig_change(struct rig *r, uint64_t iova, uint64_t size, uint64_t gpa)
{
    struct step s = { .kind = STEP_CHANGE };

    s.u.map = (struct step_map){ .device = 0,
                                 .domain = SCENARIO_NONE,
                                 .iova = iova,
                                 .size = size,
                                 .gpa = gpa,
                                 .has_gpa = true };
    return rig_do(r, &s);
}

void
rig_run(struct rig *r)
{
    while (sim_step(r->env.sim)) {
    }
}

uint64_t
rig_context(const struct rig *r, unsigned word)
{
    struct iommu_roots roots;
    uint64_t root;

    r->m->ops->roots(r->m, &roots);
    root = mem_read64le(r->env.mem, roots.root_table);
    return mem_read64le(r->env.mem, GPA((root & ~PAGE_MASK) +
                                        16 * (uint64_t)r->device[0].sid + 8 * word));
}

uint64_t
rig_entry(const struct rig *r, uint64_t iova, unsigned level)
{
    uint64_t e = rig_context(r, 0);

    for (unsigned at = 4;; at--) {
        uint64_t index = iova >> (12 + 9 * (at - 1)) & 511;

        e = mem_read64le(r->env.mem, GPA((e & UINT64_C(0xffffffffff000)) + 8 * index));
        if (at == level || (e & 3) == 0 || (e & 0x80) != 0) {
            return at == level ? e : 0;
        }
    }
}
