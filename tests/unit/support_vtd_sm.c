/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See support_vtd_sm.h. */
#include "support_vtd_sm.h"

#include <check.h>

#include "iommu/vtd_caches.h"

void
sm_put(struct bench *b, uint64_t addr, uint64_t value)
{
    ck_assert(mem_write64le(b->env.mem, GPA(addr), value));
}

uint64_t
sm_get(struct bench *b, uint64_t addr)
{
    return mem_read64le(b->env.mem, GPA(addr));
}

struct iommu_vtd_config
sm_config(void)
{
    struct iommu_vtd_config c = bench_config();

    c.scalable = c.first_stage = c.pasid = c.device_iotlb = true;
    c.pasid_cache = (struct iommu_cache_config){ 64, IOMMU_CACHE_LRU };
    c.paging_cache = (struct iommu_cache_config){ 64, IOMMU_CACHE_LRU };
    return c;
}

void
sm_boot(struct bench *b, const struct iommu_vtd_config *c, const char *profile)
{
    bench_init_as(b, c, profile);
    b->root = bench_page(b);
    b->queue = bench_page(b);
    b->status = bench_page(b);
    bench_write(b, VTD_RTADDR, b->root | (uint64_t)VTD_TTM_SCALABLE << 10);
    bench_write(b, VTD_GCMD, VTD_GCMD_SRTP);
    bench_write(b, VTD_IQA, b->queue);
    bench_write(b, VTD_GCMD, VTD_GCMD_QIE);
    bench_write(b, VTD_GCMD, VTD_GCMD_QIE | VTD_GCMD_TE);
}

void
sm_up(struct bench *b)
{
    const struct iommu_vtd_config c = sm_config();

    sm_boot(b, &c, "spec");
}

uint64_t
sm_context(struct bench *b, uint16_t sid, uint64_t v0)
{
    const uint64_t root =
        vtd_root_addr(b->root, sid) + (vtd_sid_devfn(sid) < 128 ? 0 : 8);

    if (sm_get(b, root) == 0) {
        sm_put(b, root, bench_page(b) | VTD_SM_ROOT_P);
    }
    const uint64_t at = vtd_sm_ctx_addr(sm_get(b, root), sid);
    sm_put(b, at,
           bench_page(b) | VTD_SM_CTX_P | VTD_SM_CTX_PASIDE | VTD_SM_CTX_PDTS(7) | v0);
    return at;
}

uint64_t
sm_slot(struct bench *b, uint64_t context, uint32_t pasid)
{
    const uint64_t dir = vtd_pasid_dir_addr(sm_get(b, context), pasid);

    if (sm_get(b, dir) == 0) {
        sm_put(b, dir, bench_page(b) | VTD_PASID_DIR_P);
    }
    return vtd_pasid_addr(sm_get(b, dir), pasid);
}

void
sm_pasid(struct bench *b, uint64_t context, uint32_t pasid, uint64_t v0, uint64_t v1,
         uint64_t v2)
{
    const uint64_t at = sm_slot(b, context, pasid);

    sm_put(b, at + 8, v1);
    sm_put(b, at + 16, v2);
    sm_put(b, at, v0);
}

uint64_t
sm_second(struct bench *b, uint64_t context, uint32_t pasid, uint16_t did)
{
    const uint64_t table = bench_page(b);

    sm_pasid(b, context, pasid,
             table | VTD_PASID_P | VTD_PASID_AW(2) | VTD_PASID_PGTT(VTD_PGTT_SECOND), did,
             0);
    return table;
}

uint64_t
sm_first(struct bench *b, uint64_t context, uint32_t pasid, uint16_t did)
{
    const uint64_t table = bench_page(b);

    sm_pasid(b, context, pasid, VTD_PASID_P | VTD_PASID_PGTT(VTD_PGTT_FIRST), did, table);
    return table;
}

struct sm_nested
sm_nested(struct bench *b, uint64_t context, uint32_t pasid, uint16_t did)
{
    const struct sm_nested n = { bench_page(b), bench_page(b) };

    for (uint64_t at = 0; at < 16 * MIB; at += 4 * KIB) {
        bench_map(b, n.second, at, at | RW);
    }
    sm_pasid(b, context, pasid,
             n.second | VTD_PASID_P | VTD_PASID_AW(2) | VTD_PASID_PGTT(VTD_PGTT_NESTED),
             did, n.first);
    return n;
}

uint64_t
sm_fs_slot(struct bench *b, uint64_t table, unsigned levels, uint64_t iova,
           unsigned level)
{
    for (unsigned at = levels; at > level; at--) {
        const uint64_t slot = table + 8 * (uint64_t)vtd_ss_index(iova, at);
        if (sm_get(b, slot) == 0) {
            sm_put(b, slot, bench_page(b) | FS_RW);
        }
        table = sm_get(b, slot) & VTD_FS_ADDR;
    }
    return table + 8 * (uint64_t)vtd_ss_index(iova, level);
}

void
sm_map(struct bench *b, uint64_t table, uint64_t iova, unsigned level, uint64_t entry)
{
    sm_put(b, sm_fs_slot(b, table, 4, iova, level), entry);
}

void
sm_flush(struct bench *b)
{
    vtd_caches_drop_all(vtd_of(b->m));
}

enum xlate_result
sm_ask(struct bench *b, const struct iommu_request *q, struct xlate *out,
       unsigned *reason)
{
    const enum xlate_result result = b->m->ops->translate(b->m, q, out);
    const uint64_t hi = bench_read(b, VTD_FRCD_HI);

    *reason = (hi & VTD_FRCD_F) != 0 ? (hi & VTD_FRCD_REASON_MASK) >> 32 : 0;
    if (*reason != 0) {
        ck_assert_int_eq(result, XLATE_FAULT);
        ck_assert_uint_eq(hi & VTD_FRCD_SID_MASK, q->sid);
        ck_assert_uint_eq(bench_read(b, VTD_FRCD), q->iova & ~PAGE_MASK);
    }
    bench_clear_faults(b);
    return result;
}

unsigned
sm_reason(struct bench *b, uint16_t sid, uint32_t pasid, uint64_t iova, enum perm access)
{
    struct iommu_request q = iommu_request(sid, iova, access);
    struct xlate x;
    unsigned reason;

    q.pasid = pasid;
    ck_assert_int_eq(sm_ask(b, &q, &x, &reason) == XLATE_OK, reason == 0);
    return reason;
}

bool
sm_gets(struct bench *b, uint16_t sid, uint32_t pasid, uint64_t iova, enum perm access,
        uint64_t gpa)
{
    struct iommu_request q = iommu_request(sid, iova, access);
    struct xlate x;
    unsigned reason;

    q.pasid = pasid;
    return sm_ask(b, &q, &x, &reason) == XLATE_OK && x.gpa.v == gpa && x.first <= iova &&
           x.last >= iova && (x.perm & access) != 0;
}
