/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A device with its own TLB: what it asks, what it keeps, what it drops (S111, S113,
 * S115, S116 as the device sees them).
 */
#include <check.h>
#include <string.h>

#include "support_main.h"
#include "support_nic.h"

/* How its IOMMU answers, and what it was asked. */
static struct {
    struct ask last;
    unsigned asked[3]; /* by kind */
    bool blocks;       /* translated requests are refused */
    bool forbids;      /* translation requests too */
} iommu;

static void
translate(void *self, const struct ask *q, struct dma_answer *out)
{
    const struct nic *r = self;
    struct range_piece p;

    iommu.last = *q;
    iommu.asked[q->kind]++;
    *out = (struct dma_answer){ .result = DMA_OK, .gpa = GPA(q->iova), .perm = PERM_RW };
    if (q->kind == ASK_TRANSLATED) {
        out->result = iommu.blocks ? DMA_FAULT : DMA_OK;
        return;
    }
    if (iommu.forbids) {
        out->result = DMA_FAULT;
    } else if (!rangemap_entry(&r->t.table, q->iova, &p) || (p.perm & q->access) == 0) {
        out->result = q->kind == ASK_TRANSLATION ? DMA_BLOCKED : DMA_FAULT;
    } else {
        *out = (struct dma_answer){ .result = DMA_OK,
                                    .gpa = GPA(p.target + (q->iova - p.first)),
                                    .first = p.first,
                                    .last = p.last,
                                    .perm = p.perm };
    }
}

static const struct space_section translated[] = {
    { .first = 0, .last = 0xfedfffff },
    { .first = 0xfef00000, .last = UINT64_MAX, .region_first = 0xfef00000 },
};

static void
rig_init(struct nic *r, const struct subscriber_config *c)
{
    struct subscriber_config config = *c;

    memset(&iommu, 0, sizeof(iommu));
    nic_init(r, UINT64_MAX, translated, 2);
    toy_trace(&r->t, TRACE_VERBOSE);
    config.name = "nic0/ats";
    config.device = "nic0";
    ck_assert(nic_attach(r, "ats", &config, (struct translator){ translate, r }, NULL));
    toy_lines(&r->t);
}

static const struct subscriber_config without_pasid = { .ats = true,
                                                        .pasid = ASK_NO_PASID };

/* The table behind everybody's back. */
static void
map(struct nic *r, uint64_t iova, uint64_t size, uint64_t gpa, enum perm perm)
{
    rangemap_remove(&r->t.table, iova, iova + size - 1);
    if (perm != PERM_NONE) {
        rangemap_insert(&r->t.table, iova, iova + size - 1, gpa, perm);
    }
}

static struct dma_answer
dma(struct nic *r, uint64_t iova, enum perm access)
{
    return r->s->ops->dma(r->s, iova, access);
}

static bool
keeps(const struct nic *r, uint64_t iova)
{
    struct range_piece p;

    return r->s->ops->lookup(r->s, iova, &p);
}

static void
invalidate(struct nic *r, uint64_t iova, uint64_t mask, bool has_pasid, uint32_t pasid)
{
    const struct notify_event ev = {
        .type = NOTIFY_DEVIOTLB_UNMAP,
        .cause = CAUSE_INVALIDATE,
        .foreign_as = true,
        .has_pasid = has_pasid,
        .pasid = pasid,
        .iova = iova,
        .mask = mask,
    };

    notify_all(&r->t.region, 0, &ev);
}

START_TEST(asks_once_keeps_the_answer_and_sends_translated_requests)
{
    struct nic r;

    rig_init(&r, &without_pasid);
    map(&r, 0x1000, 0x1000, 0x5000, PERM_RW);
    ck_assert_uint_eq(dma(&r, 0x1010, PERM_R).gpa.v, 0x5010);
    ck_assert_uint_eq(dma(&r, 0x1020, PERM_W).gpa.v, 0x5020);
    ck_assert_uint_eq(iommu.asked[ASK_TRANSLATION], 1);
    ck_assert_uint_eq(iommu.asked[ASK_TRANSLATED], 2);
    ck_assert_uint_eq(iommu.asked[ASK_UNTRANSLATED], 0);
    ck_assert_uint_eq(iommu.last.iova, 0x5020);
    ck_assert_uint_eq(iommu.last.pasid, ASK_NO_PASID);
    ck_assert_str_eq(toy_lines(&r.t),
                     "0 nic0/ats fill iova=0x1000 size=0x1000 gpa=0x5000 perm=rw\n");
    nic_fini(&r);
}
END_TEST

START_TEST(nothing_there_blocks_and_is_not_kept)
{
    struct nic r;

    rig_init(&r, &without_pasid);
    ck_assert_int_eq(dma(&r, 0x1000, PERM_R).result, DMA_BLOCKED);
    map(&r, 0x1000, 0x1000, 0x5000, PERM_R);
    ck_assert_int_eq(dma(&r, 0x1000, PERM_R).result, DMA_OK);
    iommu.forbids = true;
    ck_assert_int_eq(dma(&r, 0x2000, PERM_R).result, DMA_FAULT);
    iommu.blocks = true;
    ck_assert_int_eq(dma(&r, 0x1000, PERM_R).result, DMA_FAULT);
    nic_fini(&r);
}
END_TEST

START_TEST(a_translation_without_the_permission_is_asked_for_again)
{
    struct nic r;

    rig_init(&r, &without_pasid);
    map(&r, 0x1000, 0x1000, 0x5000, PERM_R);
    ck_assert_int_eq(dma(&r, 0x1000, PERM_R).result, DMA_OK);
    ck_assert_int_eq(dma(&r, 0x1000, PERM_W).result, DMA_BLOCKED);
    ck_assert(keeps(&r, 0x1000));
    map(&r, 0x1000, 0x1000, 0x6000, PERM_RW);
    ck_assert_uint_eq(dma(&r, 0x1000, PERM_R).gpa.v, 0x5000); /* kept */
    ck_assert_uint_eq(dma(&r, 0x1000, PERM_W).gpa.v, 0x6000); /* asked for */
    ck_assert_uint_eq(dma(&r, 0x1000, PERM_R).gpa.v, 0x6000);
    nic_fini(&r);
}
END_TEST

START_TEST(S111_an_invalidation_drops_its_pages_and_no_more)
{
    struct nic r;

    rig_init(&r, &without_pasid);
    for (uint64_t at = 0; at < 0x4000; at += 0x1000) {
        map(&r, at, 0x1000, 0x10000 + at, PERM_RW);
        dma(&r, at, PERM_R);
    }
    invalidate(&r, 0, 0x1fff, false, 0);
    ck_assert(!keeps(&r, 0) && !keeps(&r, 0x1000));
    ck_assert(keeps(&r, 0x2000) && keeps(&r, 0x3000));
    invalidate(&r, 0, UINT64_MAX, false, 0);
    ck_assert(!keeps(&r, 0x2000) && !keeps(&r, 0x3000));
    ck_assert_uint_eq(r.s->unmaps, 0);
    nic_fini(&r);
}
END_TEST

START_TEST(an_invalidation_in_a_superpage_drops_all_of_it)
{
    struct nic r;

    rig_init(&r, &without_pasid);
    map(&r, 2 * MIB, 2 * MIB, 0x400000, PERM_RW);
    dma(&r, 2 * MIB + 0x5000, PERM_R);
    ck_assert(keeps(&r, 3 * MIB));
    invalidate(&r, 2 * MIB, 0xfff, false, 0);
    ck_assert(!keeps(&r, 3 * MIB));
    nic_fini(&r);
}
END_TEST

START_TEST(S113_without_translation_there_is_no_ats_and_nothing_kept)
{
    struct nic r;

    rig_init(&r, &without_pasid);
    map(&r, 0x1000, 0x1000, 0x5000, PERM_RW);
    dma(&r, 0x1000, PERM_R);
    ck_assert(keeps(&r, 0x1000));
    space_set_bypass(&r.space);
    ck_assert(!keeps(&r, 0x1000));
    dma(&r, 0x1000, PERM_R);
    ck_assert_uint_eq(iommu.asked[ASK_UNTRANSLATED], 1);
    ck_assert(!keeps(&r, 0x1000));
    nic_sections(&r, translated, 2);
    dma(&r, 0x1000, PERM_R);
    ck_assert(keeps(&r, 0x1000));
    nic_fini(&r);
}
END_TEST

START_TEST(S113_a_device_with_ats_off_keeps_nothing)
{
    const struct subscriber_config off = { .pasid = ASK_NO_PASID };
    struct nic r;

    rig_init(&r, &off);
    map(&r, 0x1000, 0x1000, 0x5000, PERM_RW);
    ck_assert_int_eq(dma(&r, 0x1000, PERM_R).result, DMA_OK);
    ck_assert_uint_eq(iommu.asked[ASK_UNTRANSLATED], 1);
    ck_assert_ptr_null(r.t.region.head);
    nic_fini(&r);
}
END_TEST

START_TEST(S113_switched_off_it_forgets_and_sends_plain_requests)
{
    struct nic r;

    rig_init(&r, &without_pasid);
    map(&r, 0x1000, 0x1000, 0x5000, PERM_RW);
    dma(&r, 0x1000, PERM_R);
    ck_assert_uint_eq(iommu.asked[ASK_TRANSLATED], 1);
    subscriber_set_ats(r.s, false);
    ck_assert(!keeps(&r, 0x1000));
    ck_assert_ptr_null(r.t.region.head);
    dma(&r, 0x1000, PERM_R);
    ck_assert_uint_eq(iommu.asked[ASK_UNTRANSLATED], 1);
    ck_assert_uint_eq(iommu.asked[ASK_TRANSLATED], 1);
    subscriber_set_ats(r.s, true);
    dma(&r, 0x1000, PERM_R);
    ck_assert(keeps(&r, 0x1000));
    ck_assert_uint_eq(r.t.region.flags, NOTIFY_DEVIOTLB_UNMAP);
    nic_fini(&r);
}
END_TEST

START_TEST(pasids_hear_what_names_them)
{
    const struct subscriber_config five = { .ats = true, .pasid = 5 };
    struct nic r;

    rig_init(&r, &five);
    map(&r, 0x1000, 0x1000, 0x5000, PERM_RW);
    dma(&r, 0x1000, PERM_R);
    ck_assert_uint_eq(iommu.last.pasid, 5);
    invalidate(&r, 0x1000, 0xfff, false, 0);
    invalidate(&r, 0x1000, 0xfff, true, 4);
    ck_assert(keeps(&r, 0x1000));
    invalidate(&r, 0x1000, 0xfff, true, 5);
    ck_assert(!keeps(&r, 0x1000));
    dma(&r, 0x1000, PERM_R);
    invalidate(&r, 0x1000, 0xfff, true, NOTIFY_EVERY_PASID);
    ck_assert(!keeps(&r, 0x1000));
    nic_fini(&r);
}
END_TEST

START_TEST(what_it_would_not_be_told_about_is_not_kept)
{
    const struct subscriber_config five = { .ats = true, .pasid = 5 };
    struct nic r;

    rig_init(&r, &five);
    map(&r, 0xfee00000, 0x1000, 0x5000, PERM_RW);
    ck_assert_int_eq(dma(&r, 0xfee00000, PERM_R).result, DMA_OK);
    ck_assert(!keeps(&r, 0xfee00000));
    nic_fini(&r);
}
END_TEST

START_TEST(a_full_device_tlb_drops_the_eldest)
{
    const struct subscriber_config two = { .ats = true,
                                           .pasid = ASK_NO_PASID,
                                           .entries = 2 };
    struct nic r;

    rig_init(&r, &two);
    for (uint64_t at = 0; at < 0x3000; at += 0x1000) {
        map(&r, at, 0x1000, 0x10000 + at, PERM_RW);
        dma(&r, at, PERM_R);
    }
    ck_assert(!keeps(&r, 0) && keeps(&r, 0x1000) && keeps(&r, 0x2000));
    nic_fini(&r);
}
END_TEST

START_TEST(S115_completion_takes_as_long_as_the_device_needs)
{
    const struct dist cost = DIST_CONST(700);
    struct nic r;

    rig_init(&r, &without_pasid);
    latencies_set(&r.t.env.latency, LATENCY_ATS_INVALIDATE, &cost);
    invalidate(&r, 0, 0xfff, false, 0);
    ck_assert_uint_eq(sim_take_charge(r.t.env.sim), 700);
    invalidate(&r, 0, 0xfff, true, 3); /* of no concern: answered at once */
    ck_assert_uint_eq(sim_take_charge(r.t.env.sim), 0);
    nic_fini(&r);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("subscriber_ats");
    TCase *tc = tcase_create("ats");

    tcase_add_test(tc, asks_once_keeps_the_answer_and_sends_translated_requests);
    tcase_add_test(tc, nothing_there_blocks_and_is_not_kept);
    tcase_add_test(tc, a_translation_without_the_permission_is_asked_for_again);
    tcase_add_test(tc, S111_an_invalidation_drops_its_pages_and_no_more);
    tcase_add_test(tc, an_invalidation_in_a_superpage_drops_all_of_it);
    tcase_add_test(tc, S113_without_translation_there_is_no_ats_and_nothing_kept);
    tcase_add_test(tc, S113_a_device_with_ats_off_keeps_nothing);
    tcase_add_test(tc, S113_switched_off_it_forgets_and_sends_plain_requests);
    tcase_add_test(tc, pasids_hear_what_names_them);
    tcase_add_test(tc, what_it_would_not_be_told_about_is_not_kept);
    tcase_add_test(tc, a_full_device_tlb_drops_the_eldest);
    tcase_add_test(tc, S115_completion_takes_as_long_as_the_device_needs);
    suite_add_tcase(s, tc);
    return s;
}
