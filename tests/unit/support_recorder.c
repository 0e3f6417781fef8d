/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A unit that writes down what it is told: see support_recorder.h. */
#include "support_recorder.h"

#include <check.h>
#include <string.h>

static struct recorder *
self(struct iommu *m)
{
    return (struct recorder *)m;
}

static uint64_t
desc_bytes(const struct recorder *u)
{
    return (u->iqa & VTD_IQA_DW) != 0 ? 32 : 16;
}

/* One descriptor at the head; false: it stops the queue. */
static bool
take(struct recorder *u)
{
    const uint64_t bytes = desc_bytes(u);
    uint64_t word[4] = { 0 };

    for (uint64_t i = 0; i < bytes / 8; i++) {
        word[i] = mem_read64le(u->mem, GPA((u->iqa & VTD_IQA_BASE) + u->iqh + 8 * i));
    }
    unsigned type = vtd_desc_type(word[0]);

    if (type == u->refuse) {
        u->fsts |= VTD_FSTS_IQE;
        return false;
    }
    if (type == VTD_DESC_WAIT) {
        u->n_waits++;
        if (u->silent > 0) {
            u->silent--;
            u->fsts |= VTD_FSTS_ITE;
        } else if ((word[0] & VTD_DESC_WAIT_SW) != 0) {
            mem_write32le(u->mem, GPA(word[1]), (uint32_t)(word[0] >> 32));
        }
    } else {
        ck_assert_uint_lt(u->n_desc, RECORDER_MAX);
        memcpy(u->desc[u->n_desc].word, word, sizeof(word));
        u->desc[u->n_desc++].entry = mem_read64le(u->mem, u->watch_at);
    }
    u->iqh = (u->iqh + bytes) % vtd_queue_bytes(u->iqa);
    return true;
}

static void
run(struct recorder *u)
{
    while ((u->gsts & VTD_GCMD_QIE) != 0 && (u->fsts & VTD_FSTS_IQE) == 0 &&
           u->iqh != u->iqt && take(u)) {
    }
}

static uint64_t
read_register(struct iommu *m, uint64_t off, unsigned width)
{
    const struct recorder *u = self(m);

    (void)width;
    switch (off) {
    case VTD_CAP:
        return u->cap;
    case VTD_ECAP:
        return u->ecap;
    case VTD_GSTS:
        return u->gsts;
    case VTD_FSTS:
        return u->fsts;
    case VTD_IQH:
        return u->iqh;
    case VTD_IQT:
        return u->iqt;
    case VTD_IQA:
        return u->iqa;
    default:
        return 0;
    }
}

static void
command(struct recorder *u, uint32_t value)
{
    const uint32_t levels = (uint32_t)(VTD_GCMD_TE | VTD_GCMD_QIE);

    if ((value & VTD_GCMD_QIE) == 0) {
        u->iqh = 0;
    }
    u->gsts = (u->gsts & (uint32_t)VTD_GCMD_SRTP) | (value & levels) |
              (value & (uint32_t)VTD_GCMD_SRTP);
}

static void
write_register(struct iommu *m, uint64_t off, unsigned width, uint64_t value)
{
    struct recorder *u = self(m);

    (void)width;
    ck_assert_uint_lt(u->n_writes, RECORDER_MAX);
    u->write[u->n_writes].off = off;
    u->write[u->n_writes++].value = value;
    if (off == VTD_GCMD) {
        command(u, (uint32_t)value);
    } else if (off == VTD_FSTS) {
        u->fsts &= ~(uint32_t)value;
    } else if (off == VTD_IQA) {
        u->iqa = value;
    } else if (off == VTD_RTADDR) {
        u->rtaddr = value;
    } else if (off == VTD_IQT) {
        u->iqt = value;
        run(u);
    }
}

static void
no_free(struct iommu *m)
{
    (void)m;
}

static const struct iommu_ops ops = {
    .kind = IOMMU_KIND_VTD,
    .free = no_free,
    .mmio_read = read_register,
    .mmio_write = write_register,
};

struct recorder rec;

void
recorder_start(uint64_t cap, uint64_t ecap)
{
    memset(&rec, 0, sizeof(rec));
    rec.base.ops = &ops;
    rec.base.id = "iommu0";
    rec.base.env = &vm.env;
    rec.mem = vm.env.mem;
    rec.cap = cap;
    rec.ecap = ecap;
    vm.m = &rec.base;
    vm.g = guest_new(&vm.env, &vm.sc, &vm.m);
    guest_boot(vm.g);
    rig_forget();
}

void
recorder_boot(enum guest_driver driver, uint64_t cap, uint64_t ecap)
{
    rig_init(IOMMU_INTEL_VTD);
    vm.sc.guest.driver = driver;
    recorder_start(cap, ecap);
}

void
recorder_forget(void)
{
    rec.n_desc = rec.n_waits = rec.n_writes = 0;
}
