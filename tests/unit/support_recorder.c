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
desc_bytes(const struct recorder *rec)
{
    return (rec->iqa & VTD_IQA_DW) != 0 ? 32 : 16;
}

/* One descriptor at the head; false: it stops the queue. */
static bool
take(struct recorder *rec)
{
    const uint64_t bytes = desc_bytes(rec);
    uint64_t word[4] = { 0 };

    for (uint64_t i = 0; i < bytes / 8; i++) {
        word[i] =
            mem_read64le(rec->mem, GPA((rec->iqa & VTD_IQA_BASE) + rec->iqh + 8 * i));
    }
    unsigned type = vtd_desc_type(word[0]);

    if (type == rec->refuse) {
        rec->fsts |= VTD_FSTS_IQE;
        return false;
    }
    if (type == VTD_DESC_WAIT) {
        rec->n_waits++;
        if (rec->silent > 0) {
            rec->silent--;
            rec->fsts |= VTD_FSTS_ITE;
        } else if ((word[0] & VTD_DESC_WAIT_SW) != 0) {
            mem_write32le(rec->mem, GPA(word[1]), (uint32_t)(word[0] >> 32));
        }
    } else {
        ck_assert_uint_lt(rec->n_desc, RECORDER_MAX);
        memcpy(rec->desc[rec->n_desc].word, word, sizeof(word));
        rec->desc[rec->n_desc++].entry = mem_read64le(rec->mem, rec->watch_at);
    }
    rec->iqh = (rec->iqh + bytes) % vtd_queue_bytes(rec->iqa);
    return true;
}

static void
run(struct recorder *rec)
{
    while ((rec->gsts & VTD_GCMD_QIE) != 0 && (rec->fsts & VTD_FSTS_IQE) == 0 &&
           rec->iqh != rec->iqt && take(rec)) {
    }
}

static uint64_t
read_register(struct iommu *m, uint64_t off, unsigned width)
{
    const struct recorder *rec = self(m);

    (void)width;
    switch (off) {
    case VTD_CAP:
        return rec->cap;
    case VTD_ECAP:
        return rec->ecap;
    case VTD_GSTS:
        return rec->gsts;
    case VTD_FSTS:
        return rec->fsts;
    case VTD_IQH:
        return rec->iqh;
    case VTD_IQT:
        return rec->iqt;
    case VTD_IQA:
        return rec->iqa;
    default:
        return 0;
    }
}

static void
command(struct recorder *rec, uint32_t value)
{
    const uint32_t levels = (uint32_t)(VTD_GCMD_TE | VTD_GCMD_QIE);

    if ((value & VTD_GCMD_QIE) == 0) {
        rec->iqh = 0;
    }
    rec->gsts = (rec->gsts & (uint32_t)VTD_GCMD_SRTP) | (value & levels) |
                (value & (uint32_t)VTD_GCMD_SRTP);
}

static void
write_register(struct iommu *m, uint64_t off, unsigned width, uint64_t value)
{
    struct recorder *rec = self(m);

    (void)width;
    ck_assert_uint_lt(rec->n_writes, RECORDER_MAX);
    rec->write[rec->n_writes].off = off;
    rec->write[rec->n_writes++].value = value;
    if (off == VTD_GCMD) {
        command(rec, (uint32_t)value);
    } else if (off == VTD_FSTS) {
        rec->fsts &= ~(uint32_t)value;
    } else if (off == VTD_IQA) {
        rec->iqa = value;
    } else if (off == VTD_RTADDR) {
        rec->rtaddr = value;
    } else if (off == VTD_IQT) {
        rec->iqt = value;
        run(rec);
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

void
recorder_start(struct recorder *rec, struct rig *r, uint64_t cap, uint64_t ecap)
{
    memset(rec, 0, sizeof(*rec));
    rec->base.ops = &ops;
    rec->base.id = "iommu0";
    rec->base.env = &r->env;
    rec->mem = r->env.mem;
    rec->cap = cap;
    rec->ecap = ecap;
    r->m = &rec->base;
    r->g = guest_new(&r->env, &r->sc, &r->m);
    guest_boot(r->g);
    rig_forget(r);
}

void
recorder_forget(struct recorder *rec)
{
    rec->n_desc = rec->n_waits = rec->n_writes = 0;
}
