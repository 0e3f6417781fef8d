/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any IOMMU, as the machine, guest drivers, subscribers and the checker see it.
 * Everything model-specific is behind the ops table or in the pure format headers
 * (*_fmt.h).
 *
 * Guests reach a model by its doorbells only: registers (iommu_mmio_*) and
 * hypercalls (iommu_hcall).
 */
#ifndef IOMMUSIM_IOMMU_IOMMU_H
#define IOMMUSIM_IOMMU_IOMMU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/mem.h"
#include "notify/env.h"
#include "notify/space.h"
#include "util/addr.h"
#include "util/err.h"
#include "util/names.h"

struct iommu;

/* PASIDs have 20 bits. */
#define IOMMU_NO_PASID UINT32_MAX

enum request_type {
    REQUEST_UNTRANSLATED,
    REQUEST_TRANSLATION, /* ATS: asks for the translation, moves no data */
    REQUEST_TRANSLATED,  /* ATS: the address is one that such a request was given */
};

/* What a device sends. */
struct iommu_request {
    uint16_t sid;
    enum request_type type;
    uint32_t pasid;   /* or IOMMU_NO_PASID */
    bool privileged;  /* with a PASID: asks for supervisor rights */
    uint64_t iova;    /* TRANSLATED: guest-physical */
    enum perm access; /* one PERM_ bit */
};

/* An untranslated request without PASID. */
static inline struct iommu_request
iommu_request(uint16_t sid, uint64_t iova, enum perm access)
{
    return (struct iommu_request){
        .sid = sid, .pasid = IOMMU_NO_PASID, .iova = iova, .access = access
    };
}

enum xlate_result {
    XLATE_OK,
    XLATE_FAULT,  /* refused; recorded by the IOMMU if its rules say so */
    XLATE_ABSENT, /* TRANSLATION: the answer is that nothing is there; no fault */
};

struct xlate {
    gpa_t gpa;      /* of the address asked for */
    uint64_t first; /* bus address of the page that answered */
    uint64_t last;  /* its last byte */
    enum perm perm; /* what the page allows; >= the access asked for */
};

/* A hypercall: filled by the guest, answered by iommu_hcall. */
enum hcall_op { HCALL_PUT_TCE, HCALL_PUT_TCE_INDIRECT, HCALL_STUFF_TCE, HCALL_GET_TCE };
struct hcall {
    enum hcall_op op;
    uint64_t liobn, ioba;
    uint64_t tce;    /* PUT, STUFF */
    uint64_t list;   /* INDIRECT: guest-physical address of the list page */
    uint64_t npages; /* INDIRECT, STUFF */
    /* answer */
    int64_t ret;
    uint64_t value; /* GET: the raw entry */
    /* private: what hcall_returned will announce */
    struct iommu *served_by; /* NULL: no such window */
    uint64_t first, last;    /* bus addresses written */
    bool wrote;
};

/*
 * A call of the platform's firmware (RTAS): words of 32 bits in and out. Filled by the
 * guest, answered by iommu_rtas. The first word out is the status; a call that fails
 * writes no other. Arguments of
 *   query, reset: config address, BUID high, low
 *   create: the same, log2 of the page size, log2 of the window size
 *   remove: LIOBN
 *   set-tce-bypass: unit address of a VIO adapter, 0 or 1
 *   quiesce: none
 */
enum { RTAS_WORDS = 16 };
struct rtas {
    enum rtas_call call;
    unsigned nargs, nret; /* up to RTAS_WORDS */
    uint32_t args[RTAS_WORDS];
    /* answer */
    uint32_t rets[RTAS_WORDS];
    unsigned written; /* of rets */
};

/* A DMA window of PAPR as the checker sees it. */
struct iommu_window {
    uint64_t liobn;
    uint64_t base;     /* bus address of entry 0 */
    unsigned page_lg2; /* IOMMU page size */
    uint64_t entries;  /* 0: switched off */
    bool interrupts;   /* the interrupt page of its bridge is none of it */
    struct mem *tces;  /* raw entry i as a 64-bit little-endian word at 8·i: for
                        * reading and watching, never for writing */
};

/* Roots of VT-d as the checker sees them: what the latched registers say. */
struct iommu_roots {
    bool translation; /* GSTS.TES */
    gpa_t root_table; /* as latched by SRTP */
    unsigned ttm;     /* latched with it: enum vtd_ttm */
    unsigned aw_bits; /* host address width modelled: 39, 48 or 57 */
    bool caching_mode;
    bool scalable;       /* ECAP.SMTS */
    bool first_stage;    /* ECAP.FSTS and NEST */
    unsigned pasid_bits; /* 0: no requests with PASID */
    bool pass_through;   /* ECAP.PT */
    bool device_iotlb;   /* ECAP.DT */
    unsigned superpages; /* bit 0: 2 MiB, bit 1: 1 GiB leaves are legal */
    bool snoop;          /* ECAP.SC */
};

enum iommu_kind { IOMMU_KIND_NONE, IOMMU_KIND_VTD, IOMMU_KIND_PAPR };

struct iommu_ops {
    enum iommu_kind kind;
    void (*free)(struct iommu *m);

    /*
     * A device with source id `sid` appears behind m: its address space. It stays
     * the same space as long as m lives. NULL and *e if it cannot.
     */
    struct space *(*attach)(struct iommu *m, uint16_t sid, const char *device,
                            struct err *e);
    void (*detach)(struct iommu *m, uint16_t sid); /* the device was pulled out */

    /* One request. Fills caches and records faults as the model does. */
    enum xlate_result (*translate)(struct iommu *m, const struct iommu_request *q,
                                   struct xlate *out);
    /* Back to power-on state; tables in guest memory keep their bytes. */
    void (*reset)(struct iommu *m);
    /*
     * m is plugged in, before its devices, or was pulled out after them; if that is a
     * change it is reset. NULL: it is always there.
     */
    void (*plug)(struct iommu *m, bool in);
    /* One device of m was reset. NULL: that concerns no IOMMU. */
    void (*reset_device)(struct iommu *m, uint16_t sid);
    /*
     * The machine was saved, built anew and loaded; nobody listens. NULL: it cannot
     * be migrated.
     */
    void (*migrate)(struct iommu *m);
    /* Trace `cached` lines of everything it caches, in a fixed order. May be NULL. */
    void (*dump_caches)(const struct iommu *m);
    uint64_t (*faults)(const struct iommu *m); /* reported so far, recorded or not */

    /* Registers; NULL where the model has none. width is 4 or 8, off its multiple. */
    uint64_t (*mmio_read)(struct iommu *m, uint64_t off, unsigned width);
    void (*mmio_write)(struct iommu *m, uint64_t off, unsigned width, uint64_t value);
    /*
     * An access that m has translated is under way until then: invalidations that
     * drain wait for it. NULL: nothing waits.
     */
    void (*in_flight)(struct iommu *m, sim_time until, bool write);
    /* Work is queued that an event will do. NULL: never. */
    bool (*busy)(const struct iommu *m);

    /* Hypercalls; NULL where the model has none. */
    bool (*owns_liobn)(const struct iommu *m, uint64_t liobn);
    void (*hcall)(struct iommu *m, struct hcall *h);
    /* What a call gets whose LIOBN nobody owns. */
    int64_t (*unknown_liobn)(const struct iommu *m, uint64_t liobn);
    /* Answer the call if it is for m alone; false: it may be for others (too). */
    bool (*rtas)(struct iommu *m, struct rtas *r);

    /*
     * For the checker; NULL where it does not apply. Where two windows overlap,
     * devices see the later one of `out`.
     */
    size_t (*windows)(const struct iommu *m, struct iommu_window *out, size_t max);
    bool (*bypassed)(const struct iommu *m); /* windows are hidden behind RAM 1:1 */
    void (*roots)(const struct iommu *m, struct iommu_roots *out);
};

/* First member of every model. */
struct iommu {
    const struct iommu_ops *ops;
    const char *id; /* scenario id; borrowed */
    struct env *env;
    /* Who waits for the queue to run dry, set by iommu_when_idle. */
    void (*idle_fn)(void *self);
    void *idle_self;
};

void iommu_free(struct iommu *m); /* NULL is fine */

/* Registers. Unknown offsets read 0 and swallow writes. m has registers. */
uint64_t iommu_mmio_read(struct iommu *m, uint64_t off, unsigned width);
void iommu_mmio_write(struct iommu *m, uint64_t off, unsigned width, uint64_t value);

/*
 * Call fn(self) once as soon as m has nothing queued: before this returns if
 * that is now. One waiter at a time.
 */
void iommu_when_idle(struct iommu *m, void (*fn)(void *self), void *self);
/* For models: the queue has just run dry. */
void iommu_idle(struct iommu *m);

/*
 * Make the hypercall on whichever of the n IOMMUs owns its LIOBN; an unknown one
 * is H_PARAMETER. Entries are written and announced before this returns; the
 * caller lets the call's latency pass and then says that it returned.
 */
void iommu_hcall(struct iommu *const *all, size_t n, struct hcall *h);
void iommu_hcall_return(struct hcall *h);

/*
 * Make the firmware call on whichever of the n IOMMUs its arguments name; a
 * parameter error if they name none. Everything is done and announced before this
 * returns.
 */
void iommu_rtas(struct iommu *const *all, size_t n, struct rtas *r);

/* ---- models ---- */

/* Whether the host kernel serves hypercalls, past the notifiers. */
enum papr_acceleration {
    PAPR_IN_MONITOR,
    PAPR_IN_KERNEL,
    PAPR_UNTIL_HEARD, /* until somebody registers for events of a window */
};
struct iommu_papr_config {
    const char *id;
    bool vio;       /* a VIO table: enabled for good, one device */
    uint64_t liobn; /* of window 0 */
    uint64_t buid;
    bool has_window;                   /* a default window exists */
    uint64_t window_base, window_size; /* bytes */
    unsigned page_lg2;
    enum papr_acceleration acceleration;
    bool bypass; /* VIO: devices begin with RAM 1:1 */
    bool ddw;    /* firmware makes and removes windows */
    /* With ddw: */
    uint64_t page_sizes;   /* bit n: pages of 2^n bytes can be asked for */
    unsigned max_windows;  /* up to PAPR_WINDOWS_MAX; 0: two */
    uint64_t dynamic_base; /* of windows made while another is live; 0: 2^59 */
};
struct iommu *papr_new(const struct iommu_papr_config *c, struct env *env);

enum iommu_cache_policy { IOMMU_CACHE_LRU, IOMMU_CACHE_FIFO, IOMMU_CACHE_RANDOM };
struct iommu_cache_config {
    uint64_t entries; /* 0: none; UINT64_MAX: infinite */
    enum iommu_cache_policy policy;
};
struct iommu_vtd_config {
    const char *id;
    uint64_t base; /* of the register page, guest-physical */
    bool caching_mode, pass_through, queued_invalidation, write_buffer_flush;
    bool scalable;        /* ECAP.SMTS: RTADDR may select scalable tables */
    bool first_stage;     /* first-stage and nested translation; needs scalable */
    bool pasid;           /* requests with PASID; needs scalable */
    bool snoop_control;   /* ECAP.SC */
    bool device_iotlb;    /* ECAP.DT */
    bool intremap;        /* ECAP.IR */
    bool drain;           /* CAP.DWD and DRD */
    bool dma_translation; /* off: SAGAW is 0 and TE cannot be set */
    unsigned aw_bits;     /* 39, 48 or 57 */
    unsigned superpages;  /* as struct iommu_roots */
    unsigned mamv;
    unsigned domains_lg2;   /* 4 + 2·ND */
    unsigned fault_records; /* 1 to 256 */
    uint64_t ats_timeout;   /* ns that a device may take to complete an invalidation */
    struct iommu_cache_config iotlb, context_cache, pasid_cache;
    struct iommu_cache_config paging_cache; /* of each non-leaf level */
};
struct iommu *vtd_new(const struct iommu_vtd_config *c, struct env *env);

/* Identity: every device sees RAM 1:1. */
struct iommu *iommu_none_new(const char *id, struct env *env);

#endif
