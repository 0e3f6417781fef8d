/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A PAPR bridge on a bench: 512 MiB of guest RAM, quirks by choice, hypercalls as
 * one-line functions, and ears that write down what they are told as words:
 *
 *     MAP 0x1000+0x1000 0x201000 r
 *     UNMAP 0x1000+0x1000
 *
 * with bus addresses, one event after the other, separated by ", ".
 */
#ifndef IOMMUSIM_TESTS_SUPPORT_PAPR_H
#define IOMMUSIM_TESTS_SUPPORT_PAPR_H

#include <stddef.h>
#include <stdint.h>

#include "iommu/iommu.h"
#include "iommu/papr.h"
#include "iommu/papr_fmt.h"
#include "notify/env.h"
#include "notify/notify.h"

#define RAM_SIZE UINT64_C(0x20000000)
#define W0       UINT64_C(0x80000000)
#define W1       UINT64_C(0x80000001)
#define LIST     UINT64_C(0x1000) /* where the list page lies */
#define B        PAPR_DYNAMIC_BASE

enum { MU = NOTIFY_MAP | NOTIFY_UNMAP, U = NOTIFY_UNMAP };

struct papr_rig {
    struct env env;
    struct trace trace;
    struct iommu *iommu;
    /* what the observer heard */
    unsigned returned, switched, aborted, overspent;
    uint64_t steps; /* of what was overspent last */
    uint64_t returned_first, returned_last;
    struct ear *ears; /* that are open */
};

enum { EAR_BINDINGS = 16 };

/* A listener with one registration for each section, which writes events down. */
struct ear {
    struct space_listener listener;
    struct ear *next; /* that is open */
    const char *name; /* put before each event, if not empty */
    struct log *log;
    unsigned flags;
    bool replay;                /* ask for it after registering */
    unsigned sections, refused; /* sections that are there; registrations refused */
    struct err why;
    struct ear_binding {
        struct notifier notifier;
        bool used;
    } binding[EAR_BINDINGS];
};

struct log {
    char text[1 << 16];
    size_t len;
    unsigned maps, unmaps;
};

/* The one that everything here is about. */
extern struct papr_rig phb;

/* A bridge with a default window of 1 GiB in 4 KiB pages at 0. */
struct iommu_papr_config papr_config(void);
/* The same with firmware that makes windows of 4 KiB, 64 KiB, 2 and 16 MiB. */
struct iommu_papr_config papr_config_ddw(void);
/* A VIO adapter of this LIOBN. */
struct iommu_papr_config papr_config_vio(uint64_t liobn);
/* In place of what was there; quirks: ends with QUIRK_COUNT. */
void phb_init(const struct iommu_papr_config *c, const enum quirk *quirks);
/* Those of papr_config and papr_config_ddw; quirks as above. */
void phb_default(const enum quirk *quirks);
void phb_ddw(const enum quirk *quirks);
/* A window as W1 has it: at 2^59, 64 KiB pages, 2^36 bytes; its LIOBN is W0. */
void phb_high(const enum quirk *quirks);
/* Ears are closed. */
void phb_fini(void);

/* Fixtures of suites. */
void phb_default_spec(void);
void phb_default_qemu(void);
void phb_ddw_spec(void);
void phb_ddw_qemu(void);

extern const enum quirk spec_quirks[], qemu_quirks[];

int64_t put(uint64_t liobn, uint64_t ioba, uint64_t tce);
int64_t stuff(uint64_t liobn, uint64_t ioba, uint64_t tce, uint64_t n);
int64_t indirect(uint64_t liobn, uint64_t ioba, uint64_t list, uint64_t n);
int64_t get(uint64_t liobn, uint64_t ioba, uint64_t *tce);
/*
 * An RTAS call with so many arguments (or -1: those that the call has) and room for
 * nret words; the words that it wrote, as text: the status as a number, the others in
 * hex, with blanks between. The text is good until the next call.
 */
const char *rtas(enum rtas_call call, int nargs, unsigned nret, const uint32_t *args);
/* Those of bridge 0; create's with log2 of page and window. */
const char *query(void);
const char *create(uint32_t page, uint32_t window);
const char *remove_window(uint64_t liobn);
const char *reset_windows(void);
/* The entry, which must be readable. */
uint64_t entry(uint64_t ioba);
/* Fill the list page: n entries, first, first + step, ... */
void list_fill(uint64_t first, uint64_t step, unsigned n);

/* Listen to the space of the bridge, now and later. */
void ear_open(struct ear *e, const char *name, struct log *log, unsigned flags,
              bool replay);
void ear_close(struct ear *e);
/* What was written down since the last call. */
const char *log_take(struct log *log, char *buf, size_t size);

#define ck_assert_log(log, words)                                                        \
    do {                                                                                 \
        char heard_[4096];                                                               \
        ck_assert_str_eq(log_take(log, heard_, sizeof(heard_)), words);                  \
    } while (0)

#endif
