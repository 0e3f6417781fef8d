/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See papr_kernel.h. Where the version of the kernel that was read tests only the first
 * address of a multi call and would write behind its table, this one refuses the call.
 */
#include "iommu/papr_kernel.h"

#include "iommu/papr_fmt.h"
#include "iommu/papr_hcall.h"

/* Addresses are pages of the window: the kernel rounds nothing. */
static bool
range_is_valid(const struct papr_table *t, const struct hcall *h, uint64_t count,
               uint64_t *index)
{
    return is_aligned(h->ioba, t->page_lg2) && papr_table_index(t, h->ioba, index) &&
           count <= t->entries - *index;
}

/*
 * Whether the kernel can map what the entry names: all bits above the permission are
 * an address, it knows a page of the guest there, and so do the hosts linked to it.
 */
static bool
is_mappable(const struct papr_table *t, const struct mem *ram, uint64_t tce)
{
    uint64_t target = tce & ~(PAPR_TCE_R | PAPR_TCE_W);

    return !papr_tce_present(tce) ||
           (is_aligned(target, t->page_lg2) && mem_is_ram(ram, GPA(target)) &&
            notify_kernel_takes(&t->region, GPA(target), UINT64_C(1) << t->page_lg2));
}

static bool
done(struct hcall *h, int64_t ret)
{
    h->ret = ret;
    return true;
}

static bool
get(const struct papr_table *t, struct hcall *h)
{
    uint64_t index;

    if (!range_is_valid(t, h, 1, &index)) {
        return done(h, PAPR_H_PARAMETER);
    }
    h->value = papr_table_get(t, index);
    return done(h, PAPR_H_SUCCESS);
}

static bool
put(struct papr_table *t, const struct mem *ram, struct hcall *h)
{
    uint64_t index;

    if (!range_is_valid(t, h, 1, &index)) {
        return done(h, PAPR_H_PARAMETER);
    }
    if (!is_mappable(t, ram, h->tce)) {
        return false;
    }
    papr_table_set_in_kernel(t, index, h->tce);
    papr_hcall_wrote(t, h, index, 1);
    return done(h, PAPR_H_SUCCESS);
}

/* One entry that it cannot map leaves the whole call to the monitor. */
static bool
put_indirect(struct papr_table *t, const struct mem *ram, struct hcall *h)
{
    uint64_t tces[PAPR_LIST_MAX], index;

    if (h->npages > PAPR_LIST_MAX || !is_aligned(h->list, PAPR_LIST_LG2) ||
        !range_is_valid(t, h, h->npages, &index)) {
        return done(h, PAPR_H_PARAMETER);
    }
    if (!mem_is_ram(ram, GPA(h->list))) {
        return false;
    }
    for (uint64_t k = 0; k < h->npages; k++) {
        tces[k] = mem_read64be(ram, GPA(h->list + k * sizeof(tces[k])));
        if (!is_mappable(t, ram, tces[k])) {
            return false;
        }
    }
    for (uint64_t k = 0; k < h->npages; k++) {
        papr_table_set_in_kernel(t, index + k, tces[k]);
    }
    papr_hcall_wrote(t, h, index, h->npages);
    return done(h, PAPR_H_SUCCESS);
}

/* It only clears, however many there are. */
static bool
stuff(struct papr_table *t, struct hcall *h)
{
    uint64_t index;

    if (!range_is_valid(t, h, h->npages, &index) || papr_tce_present(h->tce)) {
        return done(h, PAPR_H_PARAMETER);
    }
    papr_table_fill(t, index, h->npages, h->tce, false);
    papr_hcall_wrote(t, h, index, h->npages);
    return done(h, PAPR_H_SUCCESS);
}

bool
papr_kernel_hcall(struct papr_table *t, const struct mem *ram, struct hcall *h)
{
    switch (h->op) {
    case HCALL_PUT_TCE:
        return put(t, ram, h);
    case HCALL_PUT_TCE_INDIRECT:
        return put_indirect(t, ram, h);
    case HCALL_STUFF_TCE:
        return stuff(t, h);
    case HCALL_GET_TCE:
        return get(t, h);
    }
    return false;
}
