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

struct rig vm;

static void
init_iommu(enum iommu_model model)
{
    struct iommu_cache_config infinite = { .entries = UINT64_MAX };

    vm.iommu = (struct scenario_iommu){ .id = "iommu0", .model = model };
    vm.iommu.vtd.aw_bits = 48;
    vm.vtd = (struct iommu_vtd_config){
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
    vm.papr = (struct iommu_papr_config){
        .id = "iommu0",
        .liobn = 0x80000000,
        .has_window = true,
        .window_size = GIB,
        .page_lg2 = 12,
    };
    vm.iommu.papr = (struct papr_config){
        .liobn = 0x80000000,
        .has_window = true,
        .window_size = GIB,
        .window_page_lg2 = 12,
    };
}

void
rig_init(enum iommu_model model)
{
    bool vtd = model == IOMMU_INTEL_VTD;

    memset(&vm, 0, sizeof(vm));
    vm.env.sim = sim_new(1);
    vm.env.mem = mem_new(NULL);
    vm.env.trace = trace_new(
        &(struct trace_options){ .format = TRACE_FORMAT_NONE, .level = TRACE_QUIET },
        NULL);
    latencies_init(&vm.env.latency, vm.env.sim);
    vm.env.observer.self = &vm;
    vm.env.observer.invalidated = count_invalidation;
    vm.env.observer.hcall_returned = count_hcall;
    mem_add_range(vm.env.mem, 0, RIG_RAM - 1, MEM_RAM);
    vm.ram = (struct scenario_range){ .kind = SCENARIO_RAM, .base = 0, .size = RIG_RAM };
    init_iommu(model);
    for (uint16_t i = 0; i < 2; i++) {
        vm.device[i] = (struct scenario_device){
            .first_of_sid = (uint32_t)i,
            .id = i == 0 ? "nic0" : "nic1",
            .sid = (uint16_t)((i + 1) << 3),
            .plugged = i == 0,
        };
        vm.domain[i] = (struct scenario_domain){
            .id = i == 0 ? "d0" : "d1", .aw_bits = 48, .has_did = i == 1, .did = 1
        };
    }
    vm.sc.ranges = &vm.ram;
    vm.sc.n_ranges = 1;
    vm.sc.iommus = &vm.iommu;
    vm.sc.n_iommus = 1;
    vm.sc.devices = vm.device;
    vm.sc.n_devices = 2;
    vm.sc.guest = (struct guest_config){
        .driver = GUEST_STRICT,
        .flush_entries = 256,
        .flush_timer = 10000000,
        .domains = vm.domain,
        .n_domains = vtd ? 2 : 0,
        .has_table_memory = vtd,
        .table_base = RIG_TABLES,
        .table_size = 16 * MIB,
    };
}

void
rig_start(void)
{
    struct err e;

    vm.m = vm.iommu.model == IOMMU_INTEL_VTD ? vtd_new(&vm.vtd, &vm.env)
                                             : papr_new(&vm.papr, &vm.env);
    ck_assert_ptr_nonnull(vm.m->ops->attach(vm.m, vm.device[0].sid, "nic0", &e));
    vm.g = guest_new(&vm.env, &vm.sc, &vm.m);
    guest_boot(vm.g);
    ck_assert_uint_eq(sim_pending(vm.env.sim), 0);
    rig_forget();
}

void
rig_boot(enum guest_driver driver, bool caching_mode)
{
    rig_init(IOMMU_INTEL_VTD);
    vm.sc.guest.driver = driver;
    vm.vtd.caching_mode = caching_mode;
    rig_start();
}

void
rig_forget(void)
{
    vm.invalidations = 0;
    vm.replies = 0;
    vm.hcalls = 0;
}

void
rig_fini(void)
{
    guest_free(vm.g);
    iommu_free(vm.m);
    mem_free(vm.env.mem);
    sim_free(vm.env.sim);
    trace_close(vm.env.trace, NULL);
}

static void
replied(void *self, const struct guest_reply *reply)
{
    struct rig *r = self;

    r->reply = *reply;
    r->replies++;
}

bool
rig_do(const struct step *s)
{
    struct step *kept = &vm.steps[vm.n_steps++ % 4];
    unsigned before = vm.replies;

    *kept = *s;
    guest_do(vm.g, kept, replied, &vm);
    return vm.replies == before + 1 && vm.reply.ok;
}

bool
rig_map(uint64_t iova, uint64_t size, uint64_t gpa, unsigned page_lg2)
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
    return rig_do(&s);
}

bool
rig_unmap(uint64_t iova, uint64_t size)
{
    struct step s = { .kind = STEP_UNMAP };

    s.u.map = (struct step_map){
        .device = 0, .domain = SCENARIO_NONE, .iova = iova, .size = size
    };
    return rig_do(&s);
}

bool
rig_change(uint64_t iova, uint64_t size, uint64_t gpa)
{
    struct step s = { .kind = STEP_CHANGE };

    s.u.map = (struct step_map){ .device = 0,
                                 .domain = SCENARIO_NONE,
                                 .iova = iova,
                                 .size = size,
                                 .gpa = gpa,
                                 .has_gpa = true };
    return rig_do(&s);
}

bool
rig_attach(uint32_t device, uint32_t domain, uint32_t pasid)
{
    struct step s = { .kind = STEP_ATTACH };

    s.u.attach = (struct step_attach){
        .device = device, .domain = domain, .pasid = pasid, .has_pasid = pasid != 0
    };
    return rig_do(&s);
}

void
rig_run(void)
{
    while (sim_step(vm.env.sim)) {
    }
}

uint64_t
rig_read(uint64_t gpa)
{
    return mem_read64le(vm.env.mem, GPA(gpa));
}

uint64_t
rig_context(unsigned word)
{
    struct iommu_roots roots;
    uint64_t root;

    vm.m->ops->roots(vm.m, &roots);
    root = mem_read64le(vm.env.mem, roots.root_table);
    return mem_read64le(vm.env.mem, GPA((root & ~PAGE_MASK) +
                                        16 * (uint64_t)vm.device[0].sid + 8 * word));
}

uint64_t
rig_entry(uint64_t iova, unsigned level)
{
    uint64_t e = rig_context(0);

    for (unsigned at = 4;; at--) {
        uint64_t index = iova >> (12 + 9 * (at - 1)) & 511;

        e = mem_read64le(vm.env.mem, GPA((e & UINT64_C(0xffffffffff000)) + 8 * index));
        if (at == level || (e & 3) == 0 || (e & 0x80) != 0) {
            return at == level ? e : 0;
        }
    }
}
