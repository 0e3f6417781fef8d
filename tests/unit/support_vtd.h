/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A VT-d unit on a bench: guest RAM with tables in it, a queue, and listeners that
 * write down what they are told and keep a strict shadow of it.
 *
 * Everything is done as a guest does it: bytes in memory, register writes.
 */
#ifndef IOMMUSIM_TESTS_SUPPORT_VTD_H
#define IOMMUSIM_TESTS_SUPPORT_VTD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iommu/iommu.h"
#include "iommu/vtd_reg_fmt.h"
#include "util/rangemap.h"

#define KIB   UINT64_C(1024)
#define MIB   (1024 * KIB)
#define GIB   (1024 * MIB)
#define RW    (VTD_SS_R | VTD_SS_W)
#define SID_A UINT16_C(0x0018) /* 00:03.0 */
#define SID_B UINT16_C(0x0120) /* 01:04.0 */

/* The space of a device while it is translated, around the interrupt range. */
#define A_LAST  (VTD_INTERRUPT_FIRST - 1)
#define B_FIRST (VTD_INTERRUPT_LAST + 1)

#define BENCH_RAM_LAST (256 * MIB - 1)

struct bench {
    struct sim *sim;
    struct trace trace;
    struct env env;
    struct iommu *m;
    uint64_t root, queue, status; /* guest-physical pages */
    uint64_t tail;                /* bytes */
    bool wide;                    /* 256-bit descriptors: set before bench_boot */
    uint32_t waits;               /* status value written last */
    uint64_t next_page;
    struct invalidation last; /* told to the observer last */
    unsigned invalidated, completed, switched;
    struct listener *listening; /* the newest */
};

/* Caching mode, 48 bits, superpages, an IOTLB of 1024 entries. */
struct iommu_vtd_config bench_config(void);
/* The unit after power-on, in place of another; with RAM [0, BENCH_RAM_LAST]. */
void bench_init(struct bench *b, const struct iommu_vtd_config *c);
/* The same, behaving as that profile. */
void bench_init_as(struct bench *b, const struct iommu_vtd_config *c,
                   const char *profile);
/* Listeners stop. Nothing happens to one that is gone. */
void bench_fini(struct bench *b);
/* An empty root table made current, queue and translation on. */
void bench_boot(struct bench *b);
/* All three of: config, init, boot. */
void bench_up(struct bench *b);
void bench_up_as(struct bench *b, const char *profile);
/* Both of: init, boot. */
void bench_start(struct bench *b, const struct iommu_vtd_config *c);
void bench_quirk(struct bench *b, enum quirk q);

/* A suite's own, and its fixture; for one whose tests begin by themselves, the end. */
extern struct bench bench;
void bench_setup(void);
void bench_teardown(void);

uint64_t bench_read(struct bench *b, enum vtd_reg reg);
void bench_write(struct bench *b, enum vtd_reg reg, uint64_t value);

/* A zeroed page of RAM. */
uint64_t bench_page(struct bench *b);

/* The context entry of sid, whose context table is made if there is none. */
void bench_context(struct bench *b, uint16_t sid, uint64_t lo, uint64_t hi);
/* A domain of `levels` with an empty table, whose address it returns, attached to sid. */
uint64_t bench_domain(struct bench *b, uint16_t sid, uint16_t did, unsigned levels);
/* Attach to it, and invalidate as caching mode asks. */
uint64_t bench_attached(struct bench *b, uint16_t sid, uint16_t did, unsigned levels);

/* The address of the entry of `level`; tables on the way are made. */
uint64_t bench_slot(struct bench *b, uint64_t table, unsigned levels, uint64_t iova,
                    unsigned level);
/* Store an entry there. */
void bench_entry(struct bench *b, uint64_t table, unsigned levels, uint64_t iova,
                 unsigned level, uint64_t entry);
/* A 4 KiB leaf of a 4-level table. */
void bench_map(struct bench *b, uint64_t table, uint64_t iova, uint64_t entry);

/* Put a descriptor in the ring without ringing; ring; a wait with status; both. */
void bench_push(struct bench *b, struct vtd_pair d);
void bench_push_raw(struct bench *b, const uint64_t words[4]); /* 2 unless wide */
void bench_ring(struct bench *b);
void bench_push_wait(struct bench *b);
/* Whether the last wait pushed has written its status. */
bool bench_waited(struct bench *b);
/* Descriptor and wait, all done; fails the test if not. */
void bench_do(struct bench *b, struct vtd_pair d);
void bench_flush_page(struct bench *b, uint16_t did, uint64_t addr, unsigned am);
void bench_flush_domain(struct bench *b, uint16_t did);
void bench_flush_global(struct bench *b);
void bench_flush_context(struct bench *b, uint16_t sid, uint16_t did);
void bench_flush_contexts(struct bench *b);

/* One request. The result, with the address; a fault must be of that reason. */
/* One untranslated request. */
enum xlate_result bench_translate(struct bench *b, uint16_t sid, uint64_t iova,
                                  enum perm access, struct xlate *out);
bool bench_reads(struct bench *b, uint16_t sid, uint64_t iova, uint64_t gpa);
bool bench_writes(struct bench *b, uint16_t sid, uint64_t iova, uint64_t gpa);
/* Refused, recorded with this reason; the record is cleared again. */
bool bench_faults(struct bench *b, uint16_t sid, uint64_t iova, enum perm access,
                  enum vtd_fault reason);
void bench_clear_faults(struct bench *b);

/* ---- listeners ---- */

enum { LISTENER_SECTIONS = 4, LISTENER_EVENTS = 2048 };

struct listener {
    struct space_listener l;
    struct bench *bench;   /* NULL: it does not listen */
    struct listener *next; /* of its bench */
    unsigned flags;
    bool replay;
    struct notifier n[LISTENER_SECTIONS];
    int refused;                              /* errno of the last refusal; 0: none */
    unsigned bypass;                          /* 1:1 sections present */
    struct notify_event log[LISTENER_EVENTS]; /* in bus addresses */
    unsigned events, maps, unmaps;
    struct rangemap shadow; /* MAP listeners */
    unsigned collisions;    /* MAPs over something held */
    unsigned cuts;          /* UNMAPs of part of an entry */
};

void listener_start(struct listener *e, struct bench *b, uint16_t sid, unsigned flags,
                    bool replay);
void listener_stop(struct listener *e);
/* To MAP and UNMAP of SID_A, with a replay; to UNMAP alone, without. */
void listener_mirror(struct listener *e, struct bench *b);
void listener_unmaps(struct listener *e, struct bench *b);
/* Forget the log, keep the shadow. */
void listener_clear(struct listener *e);
/* Pages in the shadow; whether it has iova, and at gpa. */
uint64_t listener_pages(const struct listener *e);
bool listener_holds(const struct listener *e, uint64_t iova, uint64_t gpa);
/* Whether event i is this: for logs too long for words. */
bool listener_heard(const struct listener *e, unsigned i, unsigned type, uint64_t iova,
                    uint64_t size, uint64_t gpa, enum notify_cause cause);
/*
 * The log in words, which is forgotten: TYPE FIRST+SIZE [GPA PERM] CAUSE, one event after
 * the other, separated by ", ". The text is good until the next call.
 */
const char *listener_words(struct listener *e);

/* UNMAPs of everything, as those hear it who did not ask for MAP. */
#define UNMAP_ALL(cause)                                                                 \
    "UNMAP 0xfef00000+0xffffffff01100000 " cause ", UNMAP 0x0+0xfee00000 " cause

#define ck_assert_heard(e, words) ck_assert_str_eq(listener_words(e), words)

#endif
