/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The simulated costs that a scenario's `latency` sets, each a distribution of
 * nanoseconds, default 0.
 */
#ifndef IOMMUSIM_UTIL_LATENCY_H
#define IOMMUSIM_UTIL_LATENCY_H

/* New ones come last: random streams go by number. */
enum latency_kind {
    LATENCY_PTE_WRITE,     /* guest: one table entry stored */
    LATENCY_MMIO,          /* guest: one register access */
    LATENCY_QI_FETCH,      /* IOMMU: one queued descriptor fetched */
    LATENCY_INVALIDATE,    /* IOMMU: one invalidation executed */
    LATENCY_HCALL,         /* hypervisor: one hypercall */
    LATENCY_NOTIFY,        /* core: one event handed to one subscriber */
    LATENCY_VFIO_MAP,      /* host: one mapping made */
    LATENCY_VFIO_UNMAP,    /* host: one unmap */
    LATENCY_VHOST_MESSAGE, /* one message to or from a vhost back end */
    LATENCY_ATS_INVALIDATE,
    LATENCY_DMA,   /* one device access */
    LATENCY_WALK,  /* IOMMU: one walk of the tables for a request */
    LATENCY_RESET, /* of the machine, from the first part that is reset to the last */
    LATENCY_COUNT
};

#endif
