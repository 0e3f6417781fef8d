/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A scenario as plain data: what the file says, checked completely, with names
 * resolved to indices and defaults filled in. Nothing here acts. Steps are in step.h.
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

#include "scenario/step.h"
#include "util/addr.h"
#include "util/alloc.h"
#include "util/latency.h"
#include "util/names.h"
#include "util/quirks.h"

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

/*
 * Event kinds, as flags (observer `flags`) and as single values (step `expect: events`).
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
    enum violation_class class; /* subject: of these; VIOLATION_COUNT: lawful */
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
