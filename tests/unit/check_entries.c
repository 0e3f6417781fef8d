/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The checker's reading of root, context and PASID entries, in either mode. */
#include <check.h>
#include <inttypes.h>

#include "check/entries.h"

#include "support_main.h"

enum {
    SID = 0x18,
    HIGH_SID = 0x98, /* upper half of its bus */
    ROOT = 0x20000,
    CONTEXTS = 0x21000,
    UPPER = 0x22000,
    DIRECTORY = 0x23000,
    PASIDS = 0x24000,
    SECOND = 0x30000,
    FIRST = 0x31000,
};

static struct mem *mem;
static struct iommu_roots roots;
static struct entries e;

static void
word(uint64_t at, uint64_t value)
{
    mem_write64le(mem, GPA(at), value);
}

static void
setup(void)
{
    mem = mem_new(NULL);
    mem_add_range(mem, 0, (UINT64_C(1) << 30) - 1, MEM_RAM);
    roots = (struct iommu_roots){
        .translation = true,
        .root_table = GPA(ROOT),
        .aw_bits = 39,
        .pass_through = true,
    };
}

/* Both halves of bus 0 lead to contexts, whose directory has two tables at least. */
static void
setup_scalable(void)
{
    setup();
    roots.ttm = VTD_TTM_SCALABLE;
    roots.aw_bits = 48;
    roots.scalable = roots.first_stage = roots.device_iotlb = true;
    roots.pasid_bits = 20;
    word(ROOT, CONTEXTS | VTD_SM_ROOT_P);
    word(ROOT + 8, UPPER | VTD_SM_ROOT_P);
    word(CONTEXTS + 32 * SID, DIRECTORY | VTD_SM_CTX_P | VTD_SM_CTX_PASIDE);
    word(UPPER + 32 * (HIGH_SID - 128), DIRECTORY | VTD_SM_CTX_P);
    word(DIRECTORY, PASIDS | VTD_PASID_DIR_P);
}

static void
teardown(void)
{
    mem_free(mem);
}

static enum entries_state
look(uint32_t pasid)
{
    entries_read(mem, &roots, SID, pasid, &e);
    return e.state;
}

static enum entries_state
legacy(uint64_t lo, uint64_t hi)
{
    word(CONTEXTS + 16 * SID, lo);
    word(CONTEXTS + 16 * SID + 8, hi);
    return look(IOMMU_NO_PASID);
}

START_TEST(legacy_context_entries_read_as_the_specification_says)
{
    ck_assert_int_eq(look(IOMMU_NO_PASID), ENTRIES_BLOCKED); /* root entry absent */
    word(ROOT, CONTEXTS | 1);
    ck_assert_int_eq(legacy(0x30001, 0x0501), ENTRIES_TRANSLATED);
    ck_assert_uint_eq(e.did, 5);
    ck_assert_uint_eq(e.second, 0x30000);
    ck_assert_uint_eq(e.second_levels, 3);
    ck_assert_uint_eq(e.first_levels, 0);
    ck_assert(!e.ats);
    ck_assert_int_eq(look(3), ENTRIES_BLOCKED); /* a PASID */
    /* 48 bits on a 39-bit unit; but the entry names a domain. */
    ck_assert_int_eq(legacy(0x30001, 0x0502), ENTRIES_BLOCKED);
    ck_assert(e.led);
    ck_assert_uint_eq(e.did, 5);
    ck_assert_int_eq(legacy(0x09, 0x0501), ENTRIES_IDENTITY);
    roots.pass_through = false;
    ck_assert_int_eq(legacy(0x09, 0x0501), ENTRIES_BLOCKED);
    ck_assert_int_eq(legacy(0x30011, 0x0501), ENTRIES_BLOCKED); /* reserved bits */
    ck_assert_int_eq(legacy(0x30001, 0x80000501), ENTRIES_BLOCKED);
    ck_assert_int_eq(legacy(UINT64_C(1) << 39 | 1, 0x0501), ENTRIES_BLOCKED);
    roots.pass_through = true; /* which has no table: the address is ignored */
    ck_assert_int_eq(legacy(UINT64_C(1) << 39 | 9, 0x0501), ENTRIES_IDENTITY);
    ck_assert_int_eq(legacy(0x30005, 0x0501), ENTRIES_BLOCKED); /* TT 1, no device TLBs */
    roots.device_iotlb = true;
    ck_assert_int_eq(legacy(0x30005, 0x0501), ENTRIES_TRANSLATED);
    ck_assert(e.ats);
    roots.ttm = VTD_TTM_ABORT;
    ck_assert_int_eq(look(IOMMU_NO_PASID), ENTRIES_BLOCKED);
    roots.ttm = VTD_TTM_SCALABLE; /* of which the unit knows nothing */
    ck_assert_int_eq(look(IOMMU_NO_PASID), ENTRIES_BLOCKED);
}
END_TEST

static void
pasid_entry(uint32_t pasid, uint64_t v0, uint64_t v1, uint64_t v2)
{
    word(PASIDS + 64 * pasid + 8, v1);
    word(PASIDS + 64 * pasid + 16, v2);
    word(PASIDS + 64 * pasid, v0);
}

#define PGTT(t) (VTD_PASID_PGTT(VTD_PGTT_##t) | VTD_PASID_P)

START_TEST(pasid_entries_lead_to_one_stage_or_two)
{
    pasid_entry(0, SECOND | PGTT(SECOND) | VTD_PASID_AW(2), 7, 0);
    ck_assert_int_eq(look(IOMMU_NO_PASID), ENTRIES_TRANSLATED);
    ck_assert_uint_eq(e.did, 7);
    ck_assert_uint_eq(e.pasid, 0);
    ck_assert_uint_eq(e.second, SECOND);
    ck_assert_uint_eq(e.second_levels, 4);
    ck_assert_uint_eq(e.first_levels, 0);
    pasid_entry(3, PGTT(FIRST), 8, FIRST);
    ck_assert_int_eq(look(3), ENTRIES_TRANSLATED);
    ck_assert_uint_eq(e.first, FIRST);
    ck_assert_uint_eq(e.first_levels, 4);
    ck_assert_uint_eq(e.second_levels, 0);
    pasid_entry(3, SECOND | PGTT(NESTED) | VTD_PASID_AW(1), 8, FIRST);
    ck_assert_int_eq(look(3), ENTRIES_TRANSLATED);
    ck_assert_uint_eq(e.second_levels, 3);
    ck_assert_uint_eq(e.first_levels, 4);
    pasid_entry(3, PGTT(PASS) | VTD_PASID_AW(2), 8, 0);
    ck_assert_int_eq(look(3), ENTRIES_IDENTITY);
    ck_assert_int_eq(look(4), ENTRIES_BLOCKED); /* absent */
    ck_assert(!e.led);
}
END_TEST

START_TEST(pasid_entries_that_the_unit_cannot_follow_block)
{
    static const struct {
        uint64_t v0, v2;
    } rows[] = {
        { PGTT(FIRST) & ~VTD_PASID_P, FIRST },
        { VTD_PASID_P | VTD_PASID_PGTT(0), FIRST },
        { VTD_PASID_P | VTD_PASID_PGTT(5), FIRST },
        { PGTT(FIRST) | VTD_BIT(10), FIRST },
        { PGTT(FIRST), FIRST | VTD_BIT(8) },
        { PGTT(FIRST), FIRST | VTD_BIT(48) },
        { PGTT(FIRST), FIRST | VTD_PASID_FSPM(1) }, /* 5 levels, 48 bits */
        { PGTT(FIRST), FIRST | VTD_PASID_FSPM(2) },
        { SECOND | PGTT(SECOND) | VTD_PASID_AW(0), 0 },
        { SECOND | PGTT(SECOND) | VTD_PASID_AW(3), 0 },
        { VTD_BIT(50) | PGTT(SECOND) | VTD_PASID_AW(2), 0 },
        { SECOND | PGTT(NESTED) | VTD_PASID_AW(3), FIRST },
    };

    pasid_entry(1, rows[_i].v0, 5, rows[_i].v2);
    ck_assert_int_eq(look(1), ENTRIES_BLOCKED);
}
END_TEST

START_TEST(the_way_to_a_pasid_entry_may_be_barred)
{
    const uint64_t context = CONTEXTS + 32 * SID;

    pasid_entry(5, PGTT(FIRST), 8, FIRST);
    ck_assert_int_eq(look(5), ENTRIES_TRANSLATED);
    word(context, DIRECTORY | VTD_SM_CTX_P); /* requests with PASID are not allowed */
    ck_assert_int_eq(look(5), ENTRIES_BLOCKED);
    word(context + 8, 5);
    ck_assert_int_eq(look(IOMMU_NO_PASID), ENTRIES_TRANSLATED); /* RID_PASID */
    ck_assert_uint_eq(e.pasid, 5);
    word(DIRECTORY + 8 * 128, PASIDS | VTD_PASID_DIR_P);
    word(context + 8, 128 * 64 + 5); /* past the directory */
    ck_assert_int_eq(look(IOMMU_NO_PASID), ENTRIES_BLOCKED);
    word(context + 8, VTD_BIT(21));
    ck_assert_int_eq(look(IOMMU_NO_PASID), ENTRIES_BLOCKED);
    word(context + 8, 5);
    word(context + 16, 1);
    ck_assert_int_eq(look(IOMMU_NO_PASID), ENTRIES_BLOCKED);
    word(context + 16, 0);
    word(DIRECTORY, PASIDS | VTD_PASID_DIR_P | VTD_BIT(3));
    ck_assert_int_eq(look(IOMMU_NO_PASID), ENTRIES_BLOCKED);
    word(DIRECTORY, PASIDS);
    ck_assert_int_eq(look(IOMMU_NO_PASID), ENTRIES_BLOCKED);
    word(DIRECTORY, PASIDS | VTD_PASID_DIR_P);
    ck_assert_int_eq(look(IOMMU_NO_PASID), ENTRIES_TRANSLATED);
    word(ROOT, CONTEXTS | VTD_SM_ROOT_P | VTD_BIT(1));
    ck_assert_int_eq(look(IOMMU_NO_PASID), ENTRIES_BLOCKED);
}
END_TEST

/* Each of `bits` changed alone, the others of that word as they are. */
static void
each(uint64_t at, uint64_t bits, enum entries_state state)
{
    const uint64_t was = mem_read64le(mem, GPA(at));

    for (unsigned i = 0; i < 64; i++) {
        if ((bits >> i & 1) != 0) {
            word(at, was ^ VTD_BIT(i));
            ck_assert_msg(look(IOMMU_NO_PASID) == state, "0x%" PRIx64 " bit %u", at, i);
        }
    }
    word(at, was);
    ck_assert_int_eq(look(IOMMU_NO_PASID), ENTRIES_TRANSLATED);
}

START_TEST(each_reserved_bit_of_scalable_tables_blocks)
{
    const uint64_t beyond = VTD_BITS(63, 48), context = CONTEXTS + 32 * SID;

    pasid_entry(0, SECOND | PGTT(SECOND) | VTD_PASID_AW(2), 7, 0);
    each(ROOT, beyond | 0xffe, ENTRIES_BLOCKED);
    each(ROOT + 8, UINT64_MAX, ENTRIES_TRANSLATED);
    each(context, beyond | 0x1f0, ENTRIES_BLOCKED);
    each(context, 0xe0e, ENTRIES_TRANSLATED);
    each(context + 8, VTD_BITS(63, 21), ENTRIES_BLOCKED);
    each(context + 16, UINT64_MAX, ENTRIES_BLOCKED);
    each(context + 24, UINT64_MAX, ENTRIES_BLOCKED);
    each(DIRECTORY, beyond | 0xffc, ENTRIES_BLOCKED);
    each(PASIDS, beyond | 0xe20, ENTRIES_BLOCKED);
    each(PASIDS + 8, 0xf87f0000, ENTRIES_BLOCKED);
    each(PASIDS + 8, ~UINT64_C(0xf87f0000), ENTRIES_TRANSLATED);
    each(PASIDS + 16, 0xf00, ENTRIES_BLOCKED);
    for (unsigned i = 3; i < 8; i++) {
        each(PASIDS + 8 * i, UINT64_MAX, ENTRIES_BLOCKED);
    }
    word(context, DIRECTORY | VTD_SM_CTX_P); /* what is not offered is reserved */
    roots.device_iotlb = false;
    roots.pasid_bits = 0;
    each(context, VTD_SM_CTX_DTE | VTD_SM_CTX_PASIDE, ENTRIES_BLOCKED);
}
END_TEST

START_TEST(V38_upper_half_and_directory_slots)
{
    word(DIRECTORY + 8 * 2, (PASIDS + 0x1000) | VTD_PASID_DIR_P);
    word(PASIDS + 0x1000 + 64 * 3, PGTT(FIRST));
    word(PASIDS + 0x1000 + 64 * 3 + 8, 9);
    word(PASIDS + 0x1000 + 64 * 3 + 16, FIRST);
    word(UPPER + 32 * (HIGH_SID - 128) + 8, 2 * 64 + 3);
    entries_read(mem, &roots, HIGH_SID, IOMMU_NO_PASID, &e);
    ck_assert_int_eq(e.state, ENTRIES_TRANSLATED);
    ck_assert_uint_eq(e.did, 9);
    ck_assert_uint_eq(e.places[ENTRY_CONTEXT].at, UPPER + 32 * (HIGH_SID - 128));
    ck_assert_uint_eq(e.places[ENTRY_DIRECTORY].at, DIRECTORY + 16);
    ck_assert_uint_eq(e.places[ENTRY_PASID].at, PASIDS + 0x1000 + 64 * 3);
    ck_assert_uint_eq(e.places[ENTRY_PASID].bytes, 64);
}
END_TEST

/* One word changes between two readings. */
static unsigned
needs(uint32_t pasid, uint64_t at, uint64_t value, bool caching_mode)
{
    struct entries was;

    entries_read(mem, &roots, SID, pasid, &was);
    word(at, value);
    look(pasid);
    return entries_required(&was, &e, SID, caching_mode);
}

START_TEST(a_change_asks_for_what_its_own_entry_asks)
{
    const unsigned gone = VTD_NEED_PASID_CACHE | VTD_NEED_DEVICE_TLB;

    pasid_entry(1, PGTT(FIRST), 8, FIRST);
    ck_assert_uint_eq(needs(1, PASIDS + 64, 0, false), gone | VTD_NEED_PIOTLB_ALL);
    ck_assert_uint_eq(needs(1, PASIDS + 64, PGTT(FIRST), false), VTD_NEED_NONE);
    ck_assert_uint_eq(needs(1, PASIDS + 64, PGTT(FIRST) | VTD_PASID_FPD, false),
                      VTD_NEED_NONE);
    ck_assert_uint_eq(needs(1, DIRECTORY, 0, false),
                      VTD_NEED_PASID_DOMAIN | VTD_NEED_PIOTLB_ALL | VTD_NEED_DEVICE_TLB);
    ck_assert_uint_eq(needs(1, DIRECTORY, PASIDS | VTD_PASID_DIR_P, true),
                      VTD_NEED_PASID_ABSENT);
    ck_assert_uint_eq(needs(1, CONTEXTS + 32 * SID, 0, false),
                      VTD_NEED_CONTEXT_SOURCE | VTD_NEED_PASID_DOMAIN |
                          VTD_NEED_IOTLB_DOMAIN | VTD_NEED_DEVICE_TLB);
    ck_assert_uint_eq(needs(1, ROOT, 0, false),
                      VTD_NEED_CONTEXT_GLOBAL | VTD_NEED_PASID_GLOBAL |
                          VTD_NEED_IOTLB_GLOBAL | VTD_NEED_DEVICE_TLB);
    ck_assert_uint_eq(needs(1, ROOT + 8, 0, false), VTD_NEED_NONE); /* the other half */
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("check/entries");
    TCase *tc = tcase_create("legacy");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, legacy_context_entries_read_as_the_specification_says);
    suite_add_tcase(s, tc);
    tc = tcase_create("scalable");
    tcase_add_checked_fixture(tc, setup_scalable, teardown);
    tcase_add_test(tc, pasid_entries_lead_to_one_stage_or_two);
    tcase_add_loop_test(tc, pasid_entries_that_the_unit_cannot_follow_block, 0, 12);
    tcase_add_test(tc, the_way_to_a_pasid_entry_may_be_barred);
    tcase_add_test(tc, each_reserved_bit_of_scalable_tables_blocks);
    tcase_add_test(tc, V38_upper_half_and_directory_slots);
    tcase_add_test(tc, a_change_asks_for_what_its_own_entry_asks);
    suite_add_tcase(s, tc);
    return s;
}
