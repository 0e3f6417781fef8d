/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a scenario's actors do: steps as plain data, what each is expected to answer, and
 * the cursor that unrolls them. As in scenario.h: times are nanoseconds, sizes and
 * addresses bytes; an index into devices[], iommus[] or domains[] that is not given is
 * SCENARIO_NONE. Everything lives in the scenario's arena.
 */
#ifndef IOMMUSIM_SCENARIO_STEP_H
#define IOMMUSIM_SCENARIO_STEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/addr.h"
#include "util/dist.h"
#include "util/names.h"

#define SCENARIO_NONE UINT32_MAX

/* A place in one of the scenario's files. */
struct src_pos {
    uint32_t file; /* index into scenario.files */
    uint32_t line; /* 1-based, 0 = unknown */
    uint32_t col;  /* 1-based, counted in characters */
};

struct scenario_subscriber;

enum guest_driver { GUEST_MANUAL, GUEST_STRICT, GUEST_LAZY };

enum step_kind {
    STEP_LOOP, /* `steps: [...]` with `repeat`; a cursor never yields it */
    STEP_MAP,
    STEP_UNMAP,
    STEP_CHANGE,
    STEP_FLUSH,
    STEP_ATTACH,
    STEP_DETACH,
    STEP_ATS,
    STEP_DMA,
    STEP_HOTPLUG,
    STEP_UNPLUG,
    STEP_SUBSCRIBE,
    STEP_UNSUBSCRIBE,
    STEP_ANNOUNCE,
    STEP_RESET,
    STEP_FAIL,
    STEP_CHECK,
    STEP_MIGRATE,
    STEP_MIGRATION,
    STEP_DISCARD,
    STEP_POPULATE,
    STEP_DUMP,
    STEP_WORKLOAD,
    STEP_REPLAY,
    STEP_MEM,
    STEP_MEM_EXPECT,
    STEP_MMIO,
    STEP_MMIO_EXPECT,
    STEP_PTE,
    STEP_ROOT,
    STEP_CONTEXT,
    STEP_PASID_DIR,
    STEP_PASID,
    STEP_QI,
    STEP_H_PUT_TCE,
    STEP_H_PUT_TCE_INDIRECT,
    STEP_H_STUFF_TCE,
    STEP_H_GET_TCE,
    STEP_RTAS,
    STEP_KIND_COUNT
};
const char *step_name(enum step_kind k); /* "map"; "steps" for STEP_LOOP */

enum step_timing {
    STEP_READY, /* when the previous step of the actor is complete */
    STEP_AFTER, /* `when` ns (or a draw of opt->after) after that */
    STEP_AT,    /* at absolute time `when` */
};

/* What a step asks for instead of the driver's policy; the last two: that of another. */
enum flush_scope {
    FLUSH_POLICY,
    FLUSH_NONE,
    FLUSH_PAGE,
    FLUSH_DOMAIN,
    FLUSH_GLOBAL,
    FLUSH_STRICT,
    FLUSH_LAZY
};
/* DIRECT is PAPR's: a 64-bit window with all of RAM in it. */
enum attach_type { ATTACH_TRANSLATE, ATTACH_PASSTHROUGH, ATTACH_BLOCKED, ATTACH_DIRECT };
enum dma_result { RESULT_OK, RESULT_FAULT, RESULT_BLOCKED, RESULT_REFUSED };
const char *dma_result_name(enum dma_result r);

/*
 * map, unmap, change. Exactly one of device and domain is given. iova, size
 * and gpa are multiples of 4 KiB, size > 0, and neither range wraps.
 */
struct step_map {
    uint32_t device, domain;
    uint64_t iova, size;
    uint64_t gpa;           /* map; change if has_gpa */
    uint8_t perm;           /* enum perm; map; change if has_perm */
    uint8_t page_lg2;       /* 0 = auto: the largest that fits */
    uint8_t flush;          /* enum flush_scope */
    bool has_gpa, has_perm; /* both true for map, false for unmap */
};

struct step_flush {
    uint32_t device, domain; /* one given, or neither with FLUSH_GLOBAL */
    uint64_t iova, size;     /* FLUSH_PAGE; multiples of 4 KiB */
    uint8_t scope;           /* FLUSH_PAGE, _DOMAIN or _GLOBAL */
};

struct step_attach { /* attach, detach */
    uint32_t device;
    uint32_t domain; /* SCENARIO_NONE: detach, or a type that needs none, or its own */
    uint32_t pasid;  /* if has_pasid, from 1 on; else what comes without one */
    uint8_t type;    /* enum attach_type */
    bool has_pasid;
    bool fpd; /* detach: the entry keeps FPD */
};

struct step_ats {
    uint32_t device;
    bool enable;
};

struct step_dma {
    uint32_t device;
    bool write, has_pasid;
    uint32_t pasid;      /* < 2^20, if has_pasid */
    uint64_t iova, size; /* size > 0; iova + size - 1 does not wrap */
    const uint8_t *data; /* `size` bytes to write or to find; NULL: not given */
};

/* hotplug, unplug, reset: one of the two, or neither: reset of the whole machine */
struct step_target {
    uint32_t device, iommu;
};

enum replay_choice { REPLAY_DEFAULT, REPLAY_ON, REPLAY_OFF };

struct step_subscribe {
    uint32_t device;
    uint8_t replay; /* enum replay_choice */
    const struct scenario_subscriber *sub;
};

struct step_unsubscribe { /* unsubscribe, announce */
    uint32_t device;
    const char *name; /* within the device */
};

struct step_blocks { /* discard, populate: whole blocks of one range of RAM */
    uint64_t gpa, size;
};

enum migration_op { MIGRATION_START, MIGRATION_SYNC, MIGRATION_STOP };

enum dump_what { DUMP_TABLES, DUMP_SHADOW, DUMP_CACHES };

/* The nth such operation of a subscriber from now on fails. */
struct step_fail {
    const char *subscriber; /* device/name */
    uint64_t nth;           /* 1: the next */
    int error;              /* positive; 0: the usual one */
    uint8_t op;             /* enum fail_op */
};

struct step_dump {
    uint8_t what;           /* enum dump_what */
    uint32_t iommu, device; /* both SCENARIO_NONE: everything */
    const char *subscriber; /* name within `device`, or NULL */
};

struct step_workload {
    uint32_t device;
    bool has_driver;
    enum guest_driver driver; /* the scenario's if not has_driver */
    uint64_t ring;            /* slots, > 0; default 256 */
    uint64_t count;           /* buffers, > 0 */
    struct dist buffer_size;  /* bytes; default 2 KiB */
    struct dist arrivals;     /* ns between buffers; default 0 */
};

enum replay_from { REPLAY_QEMU_LOG, REPLAY_LINUX_TRACE, REPLAY_IOMMUSIM, REPLAY_SCRIPT };

struct step_replay {
    uint32_t file;       /* index into files[] */
    const char *path;    /* as seen from the working directory */
    const char *capture; /* as written */
    enum replay_from from;
    bool dma; /* qemu-log: what devices accessed, too */
};

struct step_mem { /* mem, mem_expect */
    uint64_t gpa;
    uint8_t width; /* 8, 4 or 1 bytes a value, little-endian; 0 = fill with values[0] */
    uint64_t n;    /* values; for a fill, bytes */
    const uint64_t *values;
};

struct step_mmio { /* mmio, mmio_expect */
    uint32_t iommu;
    uint32_t offset; /* into the register page */
    uint8_t width;   /* bytes, 4 or 8 */
    uint64_t value;
    uint64_t mask;        /* mmio_expect: bits compared */
    const char *reg_name; /* NULL if given as an offset */
};

struct step_pte {
    uint32_t domain;
    uint8_t level; /* 1..5; 1 = 4 KiB leaves */
    uint64_t iova, value;
};

/*
 * One entry above the page tables, stored as it stands, nothing invalidated: raw, or
 * from fields. What is not given is that of `domain`, or of the driver's own tables for
 * the device, with the present bit; in root and PASID-directory entries, what memory
 * holds.
 */
struct step_entry {
    uint32_t iommu, device, domain;
    uint32_t pasid; /* PASID, PASID_DIR */
    uint8_t layout; /* enum entry_layout_id: see entry_layout.h */
    bool has_raw;
    uint64_t value[8], given[8]; /* by word; given: the bits that are stated */
};

enum qi_type {
    QI_RAW,
    QI_CONTEXT,
    QI_IOTLB,
    QI_DEV_IOTLB,
    QI_IEC,
    QI_WAIT,
    QI_PASID_IOTLB,
    QI_PASID_CACHE,
    QI_PASID_DEV_IOTLB,
    QI_PAGE_RESPONSE,
};
/* The descriptor's own G. */
enum qi_granularity { QI_GLOBAL = 1, QI_DOMAIN = 2, QI_PAGE = 3, QI_DEVICE = 3 };
enum qi_pasid_iotlb_granularity { QI_PASID_ALL = 2, QI_PASID_PAGE = 3 };
enum qi_pasid_cache_granularity { QI_PC_DOMAIN = 0, QI_PC_PASID = 1, QI_PC_GLOBAL = 3 };
enum { QI_WORDS_MAX = 4 };

struct qi_descriptor {
    uint8_t type;        /* enum qi_type */
    uint8_t granularity; /* one of the enums above; iec: 0 global, 1 index */
    uint8_t am;
    bool ih;
    bool drain_read, drain_write;        /* iotlb */
    bool irq, status, fence, page_drain; /* wait: IF, SW, FN, PD */
    bool has_address; /* wait: address given (else the driver's own slot) */
    bool sized;       /* device TLBs: S, if size_lg2 is 0 */
    bool global;      /* pasid-dev-iotlb: G, all PASIDs */
    bool has_pasid;   /* page-response: PP */
    uint8_t size_lg2; /* device TLBs: of an aligned range; 0: address holds the code */
    uint8_t mip;      /* device TLBs, 5 bits */
    uint8_t fm;       /* context: function mask */
    uint8_t im;       /* iec: index mask */
    uint8_t code;     /* page-response, 4 bits */
    uint8_t n_raw;    /* words given, 2 or 4 */
    uint16_t did, sid, index, pfsid;
    uint16_t prgi;    /* page-response: group index, 9 bits */
    uint32_t pasid;   /* 20 bits */
    uint32_t data;    /* wait: what is stored */
    uint64_t address; /* IOTLBs, device TLBs: iova; wait: where the status is stored */
    uint64_t raw[QI_WORDS_MAX];
};

struct step_qi {
    uint32_t iommu;
    uint32_t n;
    uint16_t width; /* of descriptors, 128 or 256 bits; 0: as IQA has it */
    const struct qi_descriptor *desc;
};

struct step_tce { /* the four hypercalls */
    uint64_t liobn, ioba;
    uint64_t tce;    /* put, stuff; indirect: the list's GPA unless values != NULL */
    uint64_t npages; /* stuff, indirect */
    const uint64_t
        *values; /* indirect: n_values inline TCEs the driver puts into a page */
    uint32_t n_values;
};

enum { RTAS_WORDS_MAX = 16 };

struct step_rtas {
    enum rtas_call call;
    uint8_t nargs, nret;  /* up to RTAS_WORDS_MAX */
    const uint64_t *args; /* nargs of them, of 32 bits */
};

enum expect_flag {
    EXPECT_RET = 1,
    EXPECT_VALUE = 2,
    EXPECT_RETS = 4,
    EXPECT_RESULT = 8,
    EXPECT_GPA = 16,
    EXPECT_DONE = 32,
    EXPECT_FAULT = 64,
    EXPECT_ERROR = 128,
};

/* The dirty log: all of it, in ascending runs. */
struct expect_dirty {
    struct src_pos pos;
    bool given;
    const struct step_blocks *runs; /* n of them, apart from each other */
    size_t n;
};

/* `fault: none` is `none`; else those given must agree. */
struct expect_fault {
    bool none, has_reason, has_sid, has_address, has_type, write;
    uint32_t reason;
    uint16_t sid;
    uint64_t address;
};

struct expect_step_events {
    const char *subscriber; /* "device/name" */
    const uint8_t *kinds;   /* SCENARIO_EVENT_x, n of them, in order */
    size_t n;
};

struct step_expect {
    struct src_pos pos;
    unsigned given; /* EXPECT_x; events go by n_events */
    int64_t ret;    /* hypercall status */
    uint64_t value, gpa, done;
    const int64_t *rets; /* the words that the call wrote, with the status or without */
    size_t n_rets;
    enum dma_result result;
    struct expect_fault fault;
    int error; /* positive errno; 0 = none */
    const struct expect_step_events *events;
    size_t n_events;
    struct expect_dirty dirty;
};

/* Arguments that `stride` can advance. */
enum stride_key {
    STRIDE_IOVA,
    STRIDE_SIZE,
    STRIDE_GPA,
    STRIDE_IOBA,
    STRIDE_TCE,
    STRIDE_VALUE,
    STRIDE_NPAGES,
    STRIDE_LIOBN,
    STRIDE_KEY_COUNT
};

/*
 * `by` is added to the argument with each iteration (a loop: in every step that has it).
 */
struct step_stride {
    enum stride_key key;
    uint64_t by;
};

/* What most steps do not have. */
struct step_options {
    const char *label;
    const struct dist *after; /* non-NULL: timing is STEP_AFTER, drawn anew each time */
    const struct step_expect *expect; /* NULL: nothing */
    uint64_t repeat;                  /* >= 1 */
    const struct step_stride *strides;
    size_t n_strides;
};

struct step {
    struct step *next;              /* of the same list, in file order */
    const struct step_options *opt; /* never NULL */
    struct src_pos pos;
    uint8_t kind;   /* enum step_kind */
    uint8_t timing; /* enum step_timing */
    bool wait;      /* false: the next step may begin once this has begun */
    uint64_t when;  /* ns, by timing */
    union {
        struct step *loop;   /* LOOP: its steps */
        struct step_map map; /* MAP, UNMAP, CHANGE */
        struct step_flush flush;
        struct step_attach attach; /* ATTACH, DETACH */
        struct step_ats ats;
        struct step_dma dma;
        struct step_target target; /* HOTPLUG, UNPLUG, RESET */
        struct step_subscribe subscribe;
        struct step_unsubscribe unsubscribe;
        struct step_dump dump;
        struct step_fail fail;
        struct step_blocks blocks;
        enum migration_op migration;
        const struct step_workload *workload;
        struct step_replay replay;
        struct step_mem mem;   /* MEM, MEM_EXPECT */
        struct step_mmio mmio; /* MMIO, MMIO_EXPECT */
        struct step_pte pte;
        const struct step_entry *entry; /* ROOT, CONTEXT, PASID_DIR, PASID */
        struct step_qi qi;
        struct step_tce tce; /* H_x */
        struct step_rtas rtas;
    } u;
};

struct scenario_actor {
    struct src_pos pos;
    const char *name; /* "guest" for `timeline` */
    struct step *steps;
};

/*
 * Walks an actor's steps with `repeat` and loops unrolled and strides applied.
 * In a yielded step opt->repeat and strides have been dealt with; `at` holds for
 * the first iteration only. `*out` is a copy that the caller may keep as long as
 * the scenario lives.
 */
enum { STEP_DEPTH_MAX = 16 }; /* loops within loops */

struct step_cursor {
    struct {
        const struct step *at; /* the step that repeats or the loop entered */
        uint64_t i;            /* its iteration, from 0 */
    } frame[STEP_DEPTH_MAX + 1];
    unsigned depth;
};
void step_cursor_init(struct step_cursor *c, const struct step *first);
bool step_cursor_next(struct step_cursor *c, struct step *out); /* false: no more */

#endif
