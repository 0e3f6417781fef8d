/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two readings of the same tables: the model, asked for translations with all its
 * caches off, and the checker, whose truth follows every store. On random tables of
 * both modes, all stages and widths, corrupt ones included, they must say the same of
 * every address, for reads and for writes, with PASIDs and without.
 *
 * A universe is one unit and the pages that may serve as its tables. A round stores a
 * few random entries and asks about a few addresses. A failing round prints its seed;
 * IOMMUSIM_TEST_SEED and IOMMUSIM_TEST_ROUNDS choose others: a million rounds take
 * about a minute.
 */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/truth.h"
#include "iommu/vtd_reg_fmt.h"
#include "support_main.h"
#include "support_random.h"

enum {
    ROUNDS = 20000, /* of all tests together, about */
    UNIVERSE = 50,  /* rounds in one */
    STORES = 6,     /* of one round, at most */
    PROBES = 6,     /* of one round */
    SHAPES = 6,
    SID = 0x18,
    HIGH_SID = 0x1a8, /* bus 1, upper half */
    PASID_A = 3,
    PASID_B = 64 + 5,
    ROOT = 0x100000,
    CONTEXTS = 0x101000, /* two buses, two halves of each */
    DIRECTORY = 0x105000,
    PASIDS = 0x106000, /* two tables */
    TABLES = 0x200000, /* PER_LEVEL pages for each level and stage */
    PER_LEVEL = 3,
    LEVELS = 5,
    DATA = 0x400000,
};

#define RW         (VTD_SS_R | VTD_SS_W)
#define FIRST_SEED UINT64_C(20180828)

static struct {
    uint64_t state;
    uint64_t seed; /* of the universe */
    struct env env;
    struct trace trace;
    struct iommu_vtd_config config;
    struct iommu *m;
    struct truth *truth;
    struct truth_device *devices[4]; /* as `requesters` */
    uint64_t mapped, probed;
    uint64_t granted[4]; /* through: second stage, first, both, neither */
} u;

static const struct {
    uint16_t sid;
    uint32_t pasid;
} requesters[4] = {
    { SID, IOMMU_NO_PASID },
    { SID, PASID_A },
    { HIGH_SID, IOMMU_NO_PASID },
    { SID, PASID_B },
};

/* ---- drawing: splitmix64 ---- */

static uint64_t
draw(void)
{
    return rnd(&u.state);
}

static unsigned
below(unsigned n)
{
    return (unsigned)(draw() % n);
}

static bool
one_in(unsigned n)
{
    return below(n) == 0;
}

#define PICK(list) (list)[below(sizeof(list) / sizeof((list)[0]))]

/* ---- tables ---- */

static void
word(uint64_t at, uint64_t value)
{
    mem_write64le(u.env.mem, GPA(at), value);
}

static uint64_t
table_page(bool first, unsigned level)
{
    unsigned i = ((first ? LEVELS : 0U) + level - 1) * PER_LEVEL + below(PER_LEVEL);

    return TABLES + PAGE_BYTES * (uint64_t)i;
}

static uint64_t
corrupted(uint64_t e, unsigned n)
{
    return one_in(n) ? e ^ VTD_BIT(below(64)) : e;
}

/* Where a leaf leads: anywhere, often to data, at times to tables or interrupts. */
static uint64_t
leaf_target(unsigned level)
{
    const uint64_t place = one_in(12)  ? VTD_INTERRUPT_FIRST
                           : one_in(3) ? (uint64_t)TABLES
                                       : (uint64_t)DATA;

    return align_down(place + PAGE_BYTES * below(64), vtd_ss_span_lg2(level));
}

static uint64_t
permissions(bool first)
{
    if (first) {
        return VTD_FS_P | (one_in(12) ? 0 : VTD_FS_US) | (one_in(3) ? 0 : VTD_FS_RW) |
               (one_in(2) ? VTD_FS_A : 0) | (one_in(3) ? VTD_FS_D : 0);
    }
    return one_in(3) ? 1 + draw() % 3 : RW;
}

static uint64_t
random_entry(bool first, unsigned level)
{
    uint64_t e = 0;

    if (one_in(8)) {
        return one_in(4) ? draw() : 0;
    }
    if (level == 1 || (level <= 3 && one_in(4))) {
        e = leaf_target(level) | (level > 1 ? VTD_SS_PS : 0);
    } else {
        e = table_page(first, one_in(20) ? 1 + below(LEVELS) : level - 1);
    }
    return corrupted(e | permissions(first), 12);
}

/* Slots that addresses go through. */
static unsigned
slot_of(unsigned level)
{
    static const unsigned high[] = { 0, 0, 1, 255, 256, 511 },
                          low[] = { 0, 0, 1, 2, 511 };

    return level >= 4 ? PICK(high) : PICK(low);
}

static void
store_entry(void)
{
    const bool first = u.config.first_stage && one_in(2);
    const unsigned level = 1 + below(LEVELS);
    const uint64_t at = table_page(first, level) + 8 * slot_of(level);

    word(at, random_entry(first, level));
}

/*
 * What a first stage needs of a second: the lowest 2 MiB at its own address and the
 * tables too, page by page, most of them writable.
 */
static void
map_tables(void)
{
    for (unsigned i = 0; i < PER_LEVEL; i++) {
        const uint64_t page = TABLES + PAGE_BYTES * (uint64_t)i;
        for (unsigned slot = 0; slot < 64; slot++) {
            word(page + 8 * slot,
                 (TABLES + PAGE_BYTES * (uint64_t)slot) | (one_in(8) ? VTD_SS_R : RW));
        }
        word(page + PAGE_BYTES * PER_LEVEL + 8, TABLES | RW);
        word(page + PAGE_BYTES * PER_LEVEL + 16, (one_in(2) ? DATA : 0) | VTD_SS_PS | RW);
        for (unsigned level = 3; level <= LEVELS; level++) {
            word(TABLES + PAGE_BYTES * (uint64_t)((level - 1) * PER_LEVEL + i),
                 table_page(false, level - 1) | RW);
        }
    }
}

static void
store_pasid_entry(uint64_t at)
{
    static const unsigned kinds[] = { VTD_PGTT_FIRST,  VTD_PGTT_SECOND, VTD_PGTT_NESTED,
                                      VTD_PGTT_NESTED, VTD_PGTT_PASS,   0 };
    const unsigned widest = vtd_aw_code(u.config.aw_bits);
    const unsigned aw = one_in(12) ? below(8) : 1 + below(widest);
    const unsigned fspm = u.config.aw_bits == 57 || one_in(8) ? below(2) : 0;
    uint64_t v[3] = {
        table_page(false, aw >= 1 && aw <= 3 ? aw + 2 : 1) | VTD_PASID_AW(aw) |
            VTD_PASID_PGTT(PICK(kinds)) | VTD_PASID_P,
        VTD_PASID_DID(1 + below(3)),
        table_page(true, 4 + fspm) | VTD_PASID_FSPM(fspm) |
            (one_in(6) ? VTD_PASID_EAFE : 0) | (one_in(6) ? VTD_PASID_WPE : 0) |
            (one_in(3) ? VTD_PASID_SRE : 0),
    };

    for (unsigned i = 0; i < 3; i++) {
        word(at + 8 * i, corrupted(v[i], 15));
    }
    word(at + 8 * (3 + below(5)), one_in(20) ? 1 : 0);
}

static void
store_pasid(void)
{
    static const uint32_t used[] = { 0, PASID_A, PASID_B };
    const uint32_t pasid = PICK(used);

    store_pasid_entry(PASIDS + PAGE_BYTES * (pasid >> 6) +
                      VTD_PASID_ENTRY_BYTES * (uint64_t)(pasid & 63));
}

static void
store_scalable_context(uint16_t sid)
{
    const unsigned half = 2U * (sid >> 8) + ((sid & 0xff) >= 128);
    const uint64_t table = CONTEXTS + PAGE_BYTES * half;
    const uint64_t at = table + 32 * (sid & 127U);

    word(ROOT + 8 * half, corrupted(table | VTD_SM_ROOT_P, 15));
    word(DIRECTORY, corrupted(PASIDS | VTD_PASID_DIR_P, 15));
    word(DIRECTORY + 8, corrupted((PASIDS + PAGE_BYTES) | VTD_PASID_DIR_P, 15));
    word(at,
         corrupted(DIRECTORY | VTD_SM_CTX_P | (u.config.pasid ? VTD_SM_CTX_PASIDE : 0) |
                       (u.config.device_iotlb && one_in(2) ? VTD_SM_CTX_DTE : 0),
                   15));
    word(at + 8, corrupted((uint64_t)(one_in(3)   ? PASID_B
                                      : one_in(2) ? PASID_A
                                                  : 0) |
                               (one_in(6) ? VTD_SM_CTX_RID_PRIV : 0),
                           15));
    word(at + 16 + 8 * below(2), one_in(20) ? 1 : 0);
}

static void
store_legacy_context(uint16_t sid)
{
    const uint64_t bus = sid >> 8, table = CONTEXTS + PAGE_BYTES * (2 * bus);
    const unsigned aw = one_in(8) ? below(8) : 1 + below(vtd_aw_code(u.config.aw_bits));
    const enum vtd_tt tt = one_in(4) ? (enum vtd_tt)below(4) : VTD_TT_TRANSLATE;

    word(ROOT + 16 * bus, corrupted(table | VTD_ROOT_P, 15));
    word(ROOT + 16 * bus + 8, one_in(20) ? 1 : 0);
    word(table + 16 * (sid & 0xffU),
         corrupted(vtd_ctx_lo(tt, table_page(false, aw >= 1 && aw <= 3 ? aw + 2 : 1)),
                   15));
    word(table + 16 * (sid & 0xffU) + 8,
         corrupted(vtd_ctx_hi(aw, (uint16_t)(1 + below(3))), 15));
}

static void
store_context(void)
{
    const uint16_t sid = one_in(3) ? HIGH_SID : SID;

    if (u.config.scalable) {
        store_scalable_context(sid);
    } else {
        store_legacy_context(sid);
    }
}

static void
store_something(void)
{
    if (one_in(12)) {
        store_context();
    } else if (u.config.scalable && one_in(5)) {
        store_pasid();
    } else {
        store_entry();
    }
}

/* ---- universes ---- */

static void
ignore_change(void *self, const struct truth_change *c)
{
    (void)self;
    ck_assert_uint_le(c->first, c->last);
}

static void
switched(void *self, struct iommu *m)
{
    truth_switched(truth_find(self, m));
}

static void
draw_config(unsigned shape)
{
    static const unsigned widths[] = { 39, 48, 57 };

    u.config = (struct iommu_vtd_config){
        .id = "vtd0",
        .base = 0xfed90000,
        .caching_mode = one_in(2),
        .pass_through = !one_in(4),
        .queued_invalidation = true,
        .scalable = shape >= 3,
        .first_stage = shape >= 4,
        .pasid = shape == 5 || (shape >= 3 && one_in(2)),
        .snoop_control = one_in(2),
        .device_iotlb = one_in(2),
        .dma_translation = true,
        .aw_bits = shape < 3 ? widths[shape] : widths[1 + below(2)],
        .superpages = one_in(3) ? below(4) : 3,
        .mamv = 18,
        .domains_lg2 = 16,
        .fault_records = 1,
    };
}

static void
boot(void)
{
    const uint64_t ttm =
        u.config.scalable && !one_in(40) ? (uint64_t)VTD_TTM_SCALABLE : 0;

    iommu_mmio_write(u.m, VTD_RTADDR, 8, ROOT | ttm << 10);
    iommu_mmio_write(u.m, VTD_GCMD, 4, VTD_GCMD_SRTP);
    iommu_mmio_write(u.m, VTD_GCMD, 4, VTD_GCMD_TE);
}

static void
universe_begin(unsigned shape)
{
    struct err e;

    u.seed = u.state;
    memset(&u.env, 0, sizeof(u.env));
    u.env.sim = sim_new(1);
    u.env.trace = &u.trace;
    u.env.mem = mem_new(NULL);
    mem_add_range(u.env.mem, 0, (UINT64_C(1) << 26) - 1, MEM_RAM);
    latencies_init(&u.env.latency, u.env.sim);
    draw_config(shape);
    u.m = vtd_new(&u.config, &u.env);
    u.truth = truth_new(&u.env, NULL, ignore_change, NULL);
    u.env.observer = (struct observer){ .self = u.truth, .switched = switched };
    u.m->ops->attach(u.m, SID, "a", &e);
    u.m->ops->attach(u.m, HIGH_SID, "b", &e);
    u.devices[0] = truth_add_device(u.truth, u.m, "a", SID);
    u.devices[2] = truth_add_device(u.truth, u.m, "b", HIGH_SID);
    if (u.config.first_stage) {
        map_tables();
    }
    boot();
    u.devices[1] = truth_pasid(u.devices[0], PASID_A);
    u.devices[3] = truth_pasid(u.devices[0], PASID_B);
    for (unsigned i = 0; i < (u.config.first_stage ? 1000 : 200); i++) {
        store_entry();
    }
    for (unsigned i = 0; i < 4; i++) {
        store_context();
    }
    for (unsigned i = 0; u.config.scalable && i < 6; i++) {
        store_pasid();
    }
}

static void
universe_end(void)
{
    u.m->ops->detach(u.m, SID);
    u.m->ops->detach(u.m, HIGH_SID);
    truth_free(u.truth);
    u.env.observer = (struct observer){ 0 };
    iommu_free(u.m);
    mem_free(u.env.mem);
    sim_free(u.env.sim);
}

/* ---- asking ---- */

static uint64_t
draw_address(void)
{
    uint64_t a = draw() & PAGE_MASK;

    if (one_in(25)) {
        return VTD_INTERRUPT_FIRST + (draw() & 0xfffff);
    }
    const unsigned levels = 3 + below(vtd_aw_code(u.config.aw_bits));
    for (unsigned level = 1; level <= levels; level++) {
        a |= (uint64_t)slot_of(level) << vtd_ss_span_lg2(level);
    }
    const unsigned top = vtd_ss_span_lg2(levels) + 8;
    if (u.config.first_stage && levels > 3 && (a >> top & 1) != 0 && one_in(2)) {
        a |= UINT64_MAX << top; /* canonical */
    }
    return one_in(30) ? a ^ VTD_BIT(below(64)) : a;
}

/*
 * The model says what the entries grant; that a page may not be written for want of a
 * dirty bit that cannot be set, below two stages, it finds when it is written.
 */
static bool
same_rights(const struct truth_device *d, enum perm model, enum perm checker)
{
    return d->state == TRUTH_IDENTITY || model == checker ||
           (d->view->stages.nested && model == (checker | PERM_W));
}

static unsigned
way_of(const struct truth_device *d)
{
    if (d->view == NULL) {
        return 3;
    }
    return d->view->stages.nested ? 2 : d->view->stages.table.first_stage;
}

static void
probe(unsigned i, uint64_t iova, enum perm access)
{
    const struct iommu_request q = { .sid = requesters[i].sid,
                                     .pasid = requesters[i].pasid,
                                     .iova = iova,
                                     .access = access };
    const struct truth_device *d = u.devices[i];
    struct range_piece p;
    struct xlate x = { .perm = PERM_NONE };

    truth_at(d, iova, iova, &p);
    bool granted = (p.perm & access) != 0;
    uint64_t target = p.target + (iova - p.first);
    if (d->state == TRUTH_IDENTITY) { /* not of memory alone */
        granted = !vtd_is_interrupt(iova);
        target = iova;
    }
    const bool ok = u.m->ops->translate(u.m, &q, &x) == XLATE_OK;
    ck_assert_msg(p.first <= iova && iova <= p.last && ok == granted &&
                      (!ok || (x.gpa.v == target && same_rights(d, x.perm, p.perm))),
                  "universe %" PRIu64 ": sid %#x pasid %#x, iova %#" PRIx64
                  " access %u: model %s %#" PRIx64 " perm %u, checker %s %#" PRIx64
                  " perm %u, piece %#" PRIx64 " to %#" PRIx64 ", state %d",
                  u.seed, q.sid, (unsigned)q.pasid, iova, (unsigned)access,
                  ok ? "grants" : "refuses", ok ? x.gpa.v : 0, (unsigned)x.perm,
                  granted ? "grants" : "refuses", target, (unsigned)p.perm, p.first,
                  p.last, (int)d->state);
    u.probed++;
    u.mapped += ok;
    u.granted[way_of(d)] += ok;
}

/* What the index keeps of two stages is what they say. */
static void
check_flat(const struct truth_device *d, uint64_t iova)
{
    struct range_piece p, kept;

    if (d->view == NULL || !d->view->stages.nested || d->view->tangled) {
        return;
    }
    walk_stages_at(&d->view->stages, iova, iova, &p);
    bool any = rangemap_lookup(&d->view->flat, iova, &kept);
    ck_assert_msg(
        any == (p.perm != PERM_NONE) &&
            (!any || (kept.perm == p.perm &&
                      kept.target + (iova - kept.first) == p.target + (iova - p.first))),
        "universe %" PRIu64 ": kept of %#" PRIx64 " is not what is said", u.seed, iova);
}

static unsigned
rounds(void)
{
    const char *n = getenv("IOMMUSIM_TEST_ROUNDS");

    return (n != NULL ? (unsigned)strtoul(n, NULL, 0) : ROUNDS) / SHAPES;
}

/* Legacy tables of 3, 4 and 5 levels; scalable: second stage, all stages, PASIDs. */
START_TEST(model_and_checker_read_the_same)
{
    const char *seed = getenv("IOMMUSIM_TEST_SEED");

    u.state = (seed != NULL ? strtoull(seed, NULL, 0) : FIRST_SEED) + (unsigned)_i;
    printf("# seed %" PRIu64 "\n", u.state);
    u.mapped = u.probed = 0;
    memset(u.granted, 0, sizeof(u.granted));
    for (unsigned round = 0; round < rounds(); round++) {
        if (round % UNIVERSE == 0) {
            if (round > 0) {
                universe_end();
            }
            universe_begin((unsigned)_i);
        }
        for (unsigned i = 1 + below(STORES); i > 0; i--) {
            store_something();
        }
        for (unsigned i = 0; i < PROBES; i++) {
            const uint64_t iova = draw_address();
            const unsigned who = below(u.config.scalable ? 4 : 3);
            probe(who, iova, PERM_R);
            probe(who, iova, PERM_W);
            check_flat(u.devices[who], iova);
        }
    }
    universe_end();
    printf("# shape %d: %" PRIu64 " of %" PRIu64 " accesses granted, %" PRIu64
           " by first stages, %" PRIu64 " by two stages\n",
           _i, u.mapped, u.probed, u.granted[1], u.granted[2]);
    ck_assert_uint_gt(u.mapped, u.probed / 50); /* else it says little */
    if (u.config.first_stage) {
        ck_assert_uint_gt(u.granted[1], u.probed / 1000);
        ck_assert_uint_gt(u.granted[2], u.probed / 1000);
    }
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("check/agreement");
    TCase *tc = tcase_create("agreement");

    tcase_set_timeout(tc, 1200);
    tcase_add_loop_test(tc, model_and_checker_read_the_same, 0, SHAPES);
    suite_add_tcase(s, tc);
    return s;
}
