/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A scenario as plain data: what the file says, checked completely, with names
 * resolved to indices and defaults filled in. Nothing here acts.
 *
 * Everything hangs off one `struct scenario` and lives in its arena until
 * scenario_free. Times are nanoseconds, sizes and addresses bytes. An index
 * into devices[], iommus[] or domains[] that is not given is SCENARIO_NONE.
 * Optional numbers have a `has_` flag; where there is none, the default of
 * the user's guide is filled in.
 */
#ifndef IOMMUSIM_SCENARIO_SCENARIO_H
#define IOMMUSIM_SCENARIO_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "util/addr.h"
#include "util/alloc.h"
#include "util/dist.h"
#include "util/latency.h"
#include "util/names.h"
#include "util/quirks.h"

#define SCENARIO_NONE UINT32_MAX

/* A place in one of the scenario's files. */
struct src_pos {
    uint32_t file; /* index into scenario.files */
    uint32_t line; /* 1-based, 0 = unknown */
    uint32_t col;  /* 1-based, counted in characters */
};

/* ---- machine ------------------------------------------------------------ */

enum scenario_range_kind { SCENARIO_RAM, SCENARIO_ROM, SCENARIO_MMIO };

struct scenario_range {
    struct src_pos pos;
    enum scenario_range_kind kind;
    uint64_t base, size; /* 4 KiB multiples, size > 0, base + size <= 2^52; no overlaps */
    /* RAM in blocks that come and go: bytes, 0: it stays; what is there at first. */
    uint64_t block, populated;
};

enum iommu_model { IOMMU_NONE, IOMMU_PAPR_TCE, IOMMU_PAPR_VIO, IOMMU_INTEL_VTD };

enum cache_replacement { CACHE_LRU, CACHE_FIFO, CACHE_RANDOM };

struct cache_config {
    enum cache_replacement replacement;
    uint64_t entries; /* 0 = no cache, UINT64_MAX = infinite */
};

enum { PAPR_CONFIG_WINDOWS = 16 };
enum papr_accelerated { ACCELERATED_OFF, ACCELERATED_ON, ACCELERATED_UNTIL_HEARD };

struct papr_config {
    uint32_t liobn;
    uint64_t buid;                     /* papr-tce */
    enum papr_accelerated accelerated; /* papr-tce */
    bool bypass;                       /* papr-vio */
    bool ddw;                          /* papr-tce; the next three are for it */
    uint64_t page_sizes;               /* bit n: pages of 2^n bytes */
    uint32_t max_windows;              /* 1..PAPR_CONFIG_WINDOWS */
    uint64_t dynamic_base; /* of windows made while another is live; 64 KiB multiple */
    bool has_window;       /* the default window exists */
    uint64_t window_base, window_size;
    unsigned window_page_lg2;
};

struct vtd_config {
    uint64_t base; /* of the register page */
    bool caching_mode, pass_through, queued_invalidation, write_buffer_flush;
    bool scalable, first_stage, pasid, snoop_control, device_iotlb;
    bool intremap, drain, dma_translation;
    bool superpage_2m, superpage_1g;
    unsigned aw_bits;       /* 39, 48 or 57 */
    unsigned mamv;          /* 0..51 */
    uint32_t domains;       /* a power of 4 from 16 to 65536: 2^(4 + 2 ND) */
    uint32_t fault_records; /* 1..256 */
    sim_time ats_timeout;
    struct cache_config iotlb, context_cache, pasid_cache, paging_cache;
};

struct scenario_iommu {
    struct src_pos pos;
    const char *id;
    enum iommu_model model;
    bool unread;             /* its model was not understood; only while loading */
    struct papr_config papr; /* papr-tce, papr-vio */
    struct vtd_config vtd;   /* intel-vtd */
};

enum backend {
    BACKEND_VFIO,
    BACKEND_VFIO_V1,
    BACKEND_VFIO_SPAPR,
    BACKEND_IOMMUFD,
    BACKEND_VDPA,
    BACKEND_VHOST,
    BACKEND_VHOST_USER,
    BACKEND_ATS,
    BACKEND_EMULATED,
    BACKEND_OBSERVER,
    BACKEND_COUNT
};
const char *backend_name(enum backend b);

/* Event kinds, as flags (observer `flags`) and as single values (step `expect: events`).
 */
enum {
    SCENARIO_EVENT_MAP = 1,
    SCENARIO_EVENT_UNMAP = 2,
    SCENARIO_EVENT_DEVIOTLB = 4,
};

struct scenario_span {
    uint64_t first, last; /* inclusive */
};

struct scenario_subscriber {
    struct src_pos pos;
    enum backend backend;
    const char *name;  /* `name:`, by default the backend's; unique in its device */
    const char *label; /* "device/name", as users write it */
    /* mirrors */
    uint64_t page_sizes;    /* bit n: 2^n bytes; 0: the kind's own */
    uint64_t entry_limit;   /* 0: the kind's own; UINT64_MAX: none */
    uint64_t locked_memory; /* bytes; default UINT64_MAX, no limit */
    bool has_aperture;
    struct scenario_span aperture;
    const struct scenario_span *reserved; /* n_reserved of them */
    size_t n_reserved;
    const char *container; /* NULL: one of its own */
    bool strict_permissions;
    bool no_set_map; /* vhost-vdpa */
    /* vfio-spapr */
    unsigned version;      /* 1 or 2, the default */
    uint64_t backing_page; /* bytes, a power of two; 0: not given */
    bool has_registered;
    struct scenario_span registered; /* guest-physical */
    /* vhost, ats */
    uint64_t entries; /* of its cache; 0: not given; UINT64_MAX: infinite */
    bool no_acks;     /* vhost-user */
    uint64_t depth;   /* vhost-user: of its channel; 0: not given; UINT64_MAX: infinite */
    /* ats */
    uint8_t completion; /* 0 good, 1 invalid, 2 never */
    bool has_pasid;
    uint32_t pasid; /* whose translations it keeps; less than the device's `pasids` */
    /* observer */
    unsigned flags; /* SCENARIO_EVENT_x; default all three off = map | unmap */
    struct scenario_span range; /* default [0, 2^64 - 1] */
    bool retry; /* refused, it tries again whenever the device is translated anew */
};

struct scenario_device {
    struct src_pos pos;
    const char *id;
    uint32_t iommu; /* index into iommus[]; never SCENARIO_NONE */
    uint16_t segment;
    /*
     * bus << 8 | device << 3 | function; unique below one IOMMU, but for devices behind
     * one conventional bridge, which use the same. The first of them stands for all.
     */
    uint16_t sid;
    uint32_t first_of_sid; /* index into devices[]; its own unless shared */
    bool is_requester;     /* the sid is that of the bridge in front of it */
    bool plugged;          /* at the start */
    bool ats;              /* enabled by the guest at first; needs the IOMMU's
                              device_iotlb */
    uint32_t pasids;       /* how many PASIDs it may use, 0 to 2^20 */
    bool attached_by_step; /* an `attach` of its own, or of one that shares its sid,
                              appears */
    const struct scenario_subscriber *subs; /* in file order */
    size_t n_subs;
};

/* ---- guest -------------------------------------------------------------- */

enum guest_driver { GUEST_MANUAL, GUEST_STRICT, GUEST_LAZY };

enum domain_type {
    DOMAIN_SECOND_STAGE,
    /* In scalable mode: */
    DOMAIN_FIRST_STAGE,
    DOMAIN_NESTED, /* a first stage over the second stage of `parent` */
    /* No tables, addresses are guest-physical: */
    DOMAIN_PASSTHROUGH,
};

struct scenario_domain {
    struct src_pos pos;
    const char *id;
    uint32_t iommu; /* an intel-vtd */
    enum domain_type type;
    bool has_did;
    uint16_t did;     /* if has_did; unique below one IOMMU, < vtd.domains */
    unsigned aw_bits; /* of its tables: 39, 48 or 57, a first stage 48 or 57 */
    uint32_t parent;  /* nested: a second-stage domain of the same IOMMU */
    bool is_parent;   /* of a nested one */
    bool has_pasid;
    uint32_t pasid; /* if has_pasid: that it is attached to unless the step says */
};

struct guest_config {
    enum guest_driver driver;
    bool put_only;                   /* PAPR: one entry a call */
    enum domain_type default_domain; /* of devices without an attach; never NESTED */
    uint64_t flush_entries;          /* lazy: > 0 */
    sim_time flush_timer;            /* lazy: > 0 */
    const struct scenario_domain *domains;
    size_t n_domains;
    bool has_table_memory;           /* false: no intel-vtd, and none asked for */
    uint64_t table_base, table_size; /* 4 KiB multiples inside one RAM range */
};

/* ---- steps -------------------------------------------------------------- */

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

/* `by` is added to the argument with each iteration (a loop: in every step that has it).
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

/* ---- expectations ------------------------------------------------------- */

struct expect_violation {
    struct src_pos pos;
    bool has_class, has_blame, has_iova, has_count;
    enum violation_class class;
    enum blame blame;
    const char *subscriber; /* "device/name", or a device or actor; NULL: any */
    uint64_t iova;          /* lies in the violation's range */
    uint64_t count;         /* exactly so many match */
};

struct expect_events {
    struct src_pos pos;
    const char *subscriber;
    bool has_map, has_unmap, has_deviotlb;
    uint64_t map, unmap, deviotlb;
};

struct expect_mapping {
    uint64_t iova, size, gpa;
    enum perm perm;
};

struct expect_shadow {
    struct src_pos pos;
    const char *subscriber;
    bool unjoined; /* `entries:`; false: neighbours joined before comparing */
    const struct expect_mapping *mappings;
    size_t n;
};

enum compare_op {
    COMPARE_EQ,
    COMPARE_NE,
    COMPARE_LT,
    COMPARE_LE,
    COMPARE_GT,
    COMPARE_GE
};

/* Figures of a run, in the order of their names in expect.c. */
enum run_stat {
    STAT_EVENTS,
    STAT_TIME,
    STAT_STEPS,
    STAT_HYPERCALLS,
    STAT_DMA,
    STAT_MISSES,
    STAT_BATCHES,
    STAT_FAULTS,
    STAT_VIOLATIONS,
    STAT_EXPOSURE_COUNT,
    STAT_EXPOSURE_TOTAL,
    STAT_EXPOSURE_MAX,
    STAT_EXPOSURE_P50,
    STAT_EXPOSURE_P90,
    STAT_EXPOSURE_P99,
    STAT_EXPOSURE_BYTES,
    STAT_EXPOSURE_BYTE_SECONDS,
    STAT_COUNT
};

struct expect_stat {
    struct src_pos pos;
    const char *name; /* as given: "exposure.max" */
    enum run_stat stat;
    const char *subject;        /* a STAT_EXPOSURE_ of this one alone, or NULL */
    enum violation_class class; /* subject: of these violations; VIOLATION_COUNT: lawful
                                 */
    enum compare_op op;
    uint64_t value; /* ns for times, else a count */
};

struct scenario_expect {
    struct src_pos pos;
    const struct expect_violation *violations;
    size_t n_violations;
    const char *const *refused; /* "device/name" */
    size_t n_refused;
    const struct expect_events *events;
    size_t n_events;
    bool has_faults;
    uint64_t faults;
    const struct expect_shadow *shadows;
    size_t n_shadows;
    const struct expect_stat *stats;
    size_t n_stats;
    struct expect_dirty dirty;
};

/* ---- the whole ---------------------------------------------------------- */

struct quirk_delta {
    struct src_pos pos;
    enum quirk id;
    bool on; /* false: written with a '-' */
};

/* The keys that a run may replace. */
struct scenario_keys {
    bool has_seed, has_profile, has_quirks, has_expect;
    uint64_t seed;                      /* default 1 */
    const struct profile_info *profile; /* default spec */
    const struct quirk_delta *quirks;   /* applied to the profile in order */
    size_t n_quirks;
    struct scenario_expect expect; /* default: no violations */
};

struct scenario_run {
    struct src_pos pos;
    const char *name;
    struct scenario_keys keys; /* those without has_ are the scenario's own, filled in */
};

struct scenario_limits { /* UINT64_MAX: none */
    uint64_t events, time, memory, violations;
};

struct scenario_file {
    const char *name; /* as messages show it; "-" is "<stdin>" */
    const char *text; /* kept until scenario_free; NULL for streamed scripts */
    size_t len;
};

struct scenario {
    struct arena arena;
    struct scenario_file *files; /* [0] is the scenario itself */
    size_t n_files;
    const char *name, *description; /* name: by default the file's */
    const char *const *tags;
    size_t n_tags;
    struct scenario_keys keys;
    const struct scenario_run *runs; /* besides the plain one */
    size_t n_runs;
    struct scenario_limits limits;
    const struct scenario_range *ranges; /* in address order */
    size_t n_ranges;
    const struct scenario_iommu *iommus;
    size_t n_iommus;
    const struct scenario_device *devices;
    size_t n_devices;
    struct guest_config guest;
    struct dist latency[LATENCY_COUNT];
    const struct scenario_actor *actors;
    size_t n_actors;
    struct scenario_index *index; /* private to scenario/ */
    uint64_t hash; /* over the bytes of all files but replayed ones, in the order read */
};

static inline const char *
scenario_file_name(const struct scenario *sc, struct src_pos pos)
{
    return sc->files[pos.file].name;
}

/* Indices by name; SCENARIO_NONE if there is none. */
uint32_t scenario_find_device(const struct scenario *sc, const char *id);
uint32_t scenario_find_iommu(const struct scenario *sc, const char *id);
uint32_t scenario_find_domain(const struct scenario *sc, const char *id);

/* Whether lines of the trace may have this subject: true if a recording may bring it. */
bool scenario_has_subject(const struct scenario *sc, const char *name);

/* ---- loading ------------------------------------------------------------ */

enum { SCENARIO_ERRORS_MAX = 20 };

/*
 * Every error of a file, sorted in file order. `text` is the whole diagnostic as
 * users see it (place, message, the line, the caret), newlines included.
 */
struct scenario_errors {
    struct scenario_error *list;
    size_t n;
    bool more; /* more than SCENARIO_ERRORS_MAX */
};
void scenario_errors_fini(struct scenario_errors *errs);
void scenario_errors_print(const struct scenario_errors *errs, FILE *out);
char *scenario_errors_text(const struct scenario_errors *errs); /* the caller frees */

/*
 * Read and check a scenario; "-" is standard input. True: *out is the caller's
 * to free, errs is empty. False: errs says why, *out is NULL. errs needs no
 * initialisation and always needs scenario_errors_fini.
 */
bool scenario_load(const char *path, struct scenario **out, struct scenario_errors *errs);

/* The same from bytes; `name` stands for the path (includes are sought beside it). */
bool scenario_load_buffer(const char *name, const char *data, size_t len,
                          struct scenario **out, struct scenario_errors *errs);
void scenario_free(struct scenario *sc);

/* ---- documentation of the steps ---------------------------------------- */

struct step_doc {
    const char *name;    /* action key */
    const char *models;  /* "any", "intel-vtd", "papr" */
    const char *keys;    /* its arguments, space separated */
    const char *what;    /* a paragraph */
    const char *example; /* one step, YAML */
};
const struct step_doc *scenario_step_doc(size_t i); /* NULL past the end */

#endif
