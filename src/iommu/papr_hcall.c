/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * H_PUT_TCE, H_PUT_TCE_INDIRECT, H_STUFF_TCE and H_GET_TCE: see papr_hcall.h. All
 * arithmetic is unsigned 64-bit and nothing is truncated, so that a count of 2^32
 * is simply too many.
 */
#include "iommu/papr_hcall.h"

#include "iommu/papr_fmt.h"

void
papr_hcall_wrote(const struct papr_table *t, struct hcall *h, uint64_t index,
                 uint64_t count)
{
    h->wrote = count > 0;
    h->first = t->base + (index << t->page_lg2);
    h->last = h->first + (count << t->page_lg2) - 1;
}

static bool
list_is_aligned(const struct hcall *h)
{
    return is_aligned(h->list, PAPR_LIST_LG2);
}

int64_t
papr_hcall_get(const struct papr_table *t, struct hcall *h)
{
    uint64_t index;

    if (!papr_table_index(t, h->ioba, &index)) {
        return PAPR_H_PARAMETER;
    }
    h->value = papr_table_get(t, index);
    return PAPR_H_SUCCESS;
}

/* --- LoPAR --- */

/* The page that an entry maps, if it maps one, is guest RAM from end to end. */
static bool
target_is_ram(const struct papr_table *t, const struct mem *ram, uint64_t tce)
{
    uint64_t first = papr_tce_target(tce, t->page_lg2);
    uint64_t last = first | ((UINT64_C(1) << t->page_lg2) - 1);

    if (!papr_tce_present(tce)) {
        return true;
    }
    for (;;) {
        const struct mem_range *r = mem_range_of(ram, GPA(first));

        if (r == NULL || r->kind != MEM_RAM) {
            return false;
        }
        if (r->last >= last) {
            return true;
        }
        first = r->last + 1;
    }
}

static int64_t
lopar_put(struct papr_table *t, const struct mem *ram, struct hcall *h)
{
    uint64_t index;

    if (!papr_table_index(t, h->ioba, &index) || !target_is_ram(t, ram, h->tce)) {
        return PAPR_H_PARAMETER;
    }
    papr_table_put(t, index, h->tce);
    papr_hcall_wrote(t, h, index, 1);
    return PAPR_H_SUCCESS;
}

static int64_t
lopar_put_indirect(struct papr_table *t, const struct mem *ram, struct hcall *h)
{
    uint64_t tces[PAPR_LIST_MAX];
    uint64_t index;

    if (!papr_table_index(t, h->ioba, &index) || h->npages > PAPR_LIST_MAX ||
        !list_is_aligned(h) || !mem_is_ram(ram, GPA(h->list)) ||
        h->npages > t->entries - index) {
        return PAPR_H_PARAMETER;
    }
    for (uint64_t k = 0; k < h->npages; k++) {
        tces[k] = mem_read64be(ram, GPA(h->list + k * sizeof(tces[k])));
        if (!target_is_ram(t, ram, tces[k])) {
            return PAPR_H_PARAMETER;
        }
    }
    papr_table_put_list(t, index, tces, h->npages);
    papr_hcall_wrote(t, h, index, h->npages);
    return PAPR_H_SUCCESS;
}

/* The call's last entry is inside because the address space ends before it. */
static bool
wraps_inside(const struct papr_table *t, const struct hcall *h)
{
    const uint64_t last = h->ioba + (h->npages << t->page_lg2) - 1;

    return last < h->ioba && last <= papr_table_last(t);
}

static int64_t
lopar_stuff(struct papr_table *t, const struct mem *ram, struct hcall *h)
{
    uint64_t index;

    if (wraps_inside(t, h) && env_quirk(t->env, QUIRK_PAPR_IOBA_WRAP)) {
        env_abort(t->env, t->name, BLAME_IOMMU, "entry-beyond-the-table");
        return PAPR_H_PARAMETER;
    }

    if (!papr_table_index(t, h->ioba, &index) || !target_is_ram(t, ram, h->tce)) {
        return PAPR_H_PARAMETER;
    }
    if (h->npages > PAPR_LIST_MAX) {
        return PAPR_H_P4;
    }
    if (h->npages > t->entries - index) {
        return PAPR_H_PARAMETER;
    }
    papr_table_fill(t, index, h->npages, h->tce, true);
    papr_hcall_wrote(t, h, index, h->npages);
    return PAPR_H_SUCCESS;
}

/* A negative number would select one table of several, an option that is not offered. */
static int64_t
lopar_unknown(uint64_t liobn)
{
    return liobn >> 63 != 0 ? PAPR_H_FUNCTION : PAPR_H_PARAMETER;
}

const struct papr_rules papr_rules_lopar = {
    .put = lopar_put,
    .put_indirect = lopar_put_indirect,
    .stuff = lopar_stuff,
    .unknown = lopar_unknown,
};

/* --- QEMU --- */

static int64_t
qemu_put(struct papr_table *t, const struct mem *ram, struct hcall *h)
{
    uint64_t index;

    (void)ram;
    if (!papr_table_index(t, h->ioba, &index)) {
        return PAPR_H_PARAMETER;
    }
    papr_table_put(t, index, h->tce);
    papr_hcall_wrote(t, h, index, 1);
    return PAPR_H_SUCCESS;
}

/*
 * The entry where a multi call begins, and how many of its entries lie in the
 * window; the others are refused when their turn comes.
 */
static uint64_t
entries_inside(const struct papr_table *t, const struct hcall *h, uint64_t *index)
{
    if (!papr_table_index(t, h->ioba, index)) {
        return 0;
    }
    return h->npages < t->entries - *index ? h->npages : t->entries - *index;
}

/* The status is that of the last entry tried; a call that tries none has failed. */
static int64_t
multi_status(const struct hcall *h, uint64_t written)
{
    return written == h->npages && written > 0 ? PAPR_H_SUCCESS : PAPR_H_PARAMETER;
}

/* What a guest address outside memory reads as is 0, and the failure goes unnoticed. */
static uint64_t
list_entry(const struct mem *ram, uint64_t addr)
{
    uint64_t raw;

    return mem_read(ram, GPA(addr), &raw, sizeof(raw)) ? mem_read64be(ram, GPA(addr)) : 0;
}

static int64_t
qemu_put_indirect(struct papr_table *t, const struct mem *ram, struct hcall *h)
{
    uint64_t index;

    if (h->npages > PAPR_LIST_MAX || !list_is_aligned(h)) {
        return PAPR_H_PARAMETER;
    }
    uint64_t n = entries_inside(t, h, &index);

    for (uint64_t k = 0; k < n; k++) {
        papr_table_put(t, index + k, list_entry(ram, h->list + k * sizeof(uint64_t)));
    }
    papr_hcall_wrote(t, h, index, n);
    return multi_status(h, n);
}

static int64_t
qemu_stuff(struct papr_table *t, const struct mem *ram, struct hcall *h)
{
    uint64_t index;

    (void)ram;
    if (h->npages > t->entries) {
        return PAPR_H_PARAMETER;
    }
    uint64_t n = entries_inside(t, h, &index);

    papr_table_fill(t, index, n, h->tce, true);
    papr_hcall_wrote(t, h, index, n);
    return multi_status(h, n);
}

static int64_t
qemu_unknown(uint64_t liobn)
{
    (void)liobn;
    return PAPR_H_PARAMETER;
}

const struct papr_rules papr_rules_qemu = {
    .put = qemu_put,
    .put_indirect = qemu_put_indirect,
    .stuff = qemu_stuff,
    .unknown = qemu_unknown,
};
