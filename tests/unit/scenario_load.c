/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scenarios that are right, as structs; and that no cut of one crashes the loader. */
#include "scenario/scenario.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support_main.h"

static const char papr[] =
    "iommusim: 1\n"
    "name: replay on hotplug\n"
    "tags: [a, b]\n"
    "machine:\n"
    "  ram: [{base: 0, size: 1GiB}, {base: 4GiB, size: 1MiB}]\n"
    "  iommus:\n"
    "    phb0: {model: papr-tce}\n"
    "    phb1: {model: papr-tce, window: none}\n"
    "    vio0: {model: papr-vio, window: {base: 0x10000, size: 1MiB, page: 64KiB}}\n"
    "  devices:\n"
    "    nic0: {iommu: phb0, backend: vfio, plugged: false}\n"
    "    nic1: {iommu: phb0, address: \"00:01.0\", backend: [vfio, {backend: observer, "
    "name: o,"
    " flags: [unmap], range: [0x1000, 0x1fff]}]}\n"
    "    nic2: {iommu: phb1}\n"
    "timeline:\n"
    "  - h_put_tce: {liobn: 0x80000000, ioba: 0x1000, tce: 0x20003}\n"
    "    expect: {ret: H_SUCCESS}\n"
    "  - hotplug: nic0\n"
    "  - after: 5us\n"
    "    dma: {device: nic0, iova: 0x1010, size: 4, access: write, data: [1, 2, 3, 4]}\n"
    "    expect: {result: ok, gpa: 0x20010}\n"
    "  - check\n"
    "  - check:\n"
    "  - check: {}\n"
    "expect:\n"
    "  events: {nic0/vfio: {map: 1, unmap: 0}}\n"
    "  violations: []\n";

static const char vtd[] =
    "iommusim: 1\n"
    "seed: 0x10\n"
    "profile: qemu-7.2\n"
    "quirks: [-papr.lone-map, core.no-replay-on-register]\n"
    "x-options: &options {backend: vfio, plugged: on}\n"
    "machine:\n"
    "  ram: 2GiB\n"
    "  iommus:\n"
    "    vtd0: {model: intel-vtd, caching_mode: on, superpages: [2MiB], iotlb: none,"
    " context_cache: {entries: 8, replacement: fifo}, domains: 256}\n"
    "  devices:\n"
    "    nic0: {iommu: vtd0, <<: *options}\n"
    "    nic1: {<<: *options, plugged: off, iommu: vtd0}\n"
    "guest:\n"
    "  driver: lazy\n"
    "  flush: {entries: 10, timer: 1.5ms}\n"
    "  domains:\n"
    "    d1: {iommu: vtd0, did: 5, aw: 39}\n"
    "    d2: {}\n"
    "latency:\n"
    "  mmio: 300ns\n"
    "  notify: {uniform: [1us, 2us]}\n"
    "  dma: {empirical: [[1us, 0.9], [10us, 0.1]]}\n"
    "  hcall: {lognormal: {median: 1us, sigma: 0.5}}\n"
    "actors:\n"
    "  a:\n"
    "    - attach: {device: nic0, domain: d1}\n"
    "    - change: {domain: d2, iova: 0x1000, size: 8KiB, perm: r, page: 4KiB, flush: "
    "none}\n"
    "    - {at: 1ms, wait: off, label: first, check: }\n"
    "    - qi: {descriptors: [{type: iotlb, granularity: page, did: 5, iova: 0x1000, am: "
    "1,"
    " ih: on}, {type: wait, data: 2}, {raw: [1, 2]}]}\n"
    "    - mmio_expect: {reg: GSTS, value: 0x80000000}\n"
    "    - mem: {gpa: 0x5000, u32: [1, 2]}\n"
    "    - mem: {gpa: 0x5000, fill: 0xff, size: 4KiB}\n"
    "    - reset: machine\n"
    "  b:\n"
    "    - script: |\n"
    "        # nothing\n"
    "        +5us unmap device=nic0 iova=0x1000 size=4KiB ret=H_PARAMETER # why\n"
    "\n"
    "        @7us  mem gpa=0x10 u64=1,2,3\n"
    "runs:\n"
    "  - {name: plain, profile: spec, quirks: []}\n"
    "  - name: other\n"
    "    expect: {violations: [stale-mapping, {class: dma-breach, subscriber: nic0/vfio,"
    " iova: 0x1000, blame: iommu, count: 2}], shadow: {nic0/vfio: [{iova: 0, size: 4KiB,"
    " gpa: 0x1000}]}, entries: {nic1/vfio: []}, stats: {time: \"<= 10us\"}}\n"
    "limits: {events: 5, memory: 1MiB}\n";

static struct scenario *sc;

static struct scenario *
load(const char *text)
{
    struct scenario *got;
    struct scenario_errors errs;

    if (!scenario_load_buffer("dir/x.yaml", text, strlen(text), &got, &errs)) {
        char *all = scenario_errors_text(&errs);

        ck_abort_msg("%s", all);
    }
    ck_assert_uint_eq(errs.n, 0);
    scenario_errors_fini(&errs);
    return got;
}

static void
free_scenario(void)
{
    scenario_free(sc);
    sc = NULL;
}

static const struct step *
nth(size_t actor, size_t n)
{
    const struct step *s = sc->actors[actor].steps;

    while (n-- > 0) {
        s = s->next;
    }
    return s;
}

START_TEST(machine_gets_its_defaults)
{
    sc = load(papr);
    ck_assert_str_eq(sc->name, "replay on hotplug");
    ck_assert_uint_eq(sc->n_tags, 2);
    ck_assert_uint_eq(sc->keys.seed, 1);
    ck_assert_str_eq(sc->keys.profile->name, "spec");
    ck_assert_uint_eq(sc->n_ranges, 2);
    ck_assert(sc->ranges[1].base == UINT64_C(4) << 30 &&
              sc->ranges[1].kind == SCENARIO_RAM);

    const struct papr_config *p0 = &sc->iommus[0].papr, *p1 = &sc->iommus[1].papr,
                             *p2 = &sc->iommus[2].papr;

    ck_assert_uint_eq(p0->liobn, 0x80000000);
    ck_assert(p0->buid == 0x800000020000000 && p0->has_window);
    ck_assert(p0->window_base == 0 && p0->window_size == 1 << 30);
    ck_assert_uint_eq(p0->window_page_lg2, 12);
    ck_assert_uint_eq(p1->liobn, 0x80000100);
    ck_assert(!p1->has_window);
    ck_assert_uint_eq(p2->liobn, 0x71000000);
    ck_assert(p2->window_base == 0x10000 && p2->window_page_lg2 == 16);
    ck_assert(!sc->guest.has_table_memory);
    ck_assert_int_eq(sc->guest.driver, GUEST_STRICT);
    ck_assert(sc->limits.events == UINT64_MAX);
}
END_TEST

START_TEST(devices_have_addresses_and_subscribers)
{
    sc = load(papr);
    ck_assert_uint_eq(sc->n_devices, 3);
    ck_assert(!sc->devices[0].plugged && sc->devices[1].plugged);
    ck_assert_uint_eq(sc->devices[0].sid, 0x10); /* 00:01.0 is nic1's */
    ck_assert_uint_eq(sc->devices[1].sid, 0x08);
    ck_assert_uint_eq(sc->devices[2].sid, 0x08); /* behind another bridge */
    ck_assert_uint_eq(sc->devices[2].n_subs, 0);
    ck_assert_uint_eq(sc->devices[1].n_subs, 2);

    const struct scenario_subscriber *v = &sc->devices[0].subs[0],
                                     *o = &sc->devices[1].subs[1];

    ck_assert_str_eq(v->label, "nic0/vfio");
    ck_assert(v->entry_limit == 0 && v->locked_memory == UINT64_MAX);
    ck_assert(v->container == NULL && !v->has_aperture);
    ck_assert_str_eq(o->label, "nic1/o");
    ck_assert_uint_eq(o->flags, SCENARIO_EVENT_UNMAP);
    ck_assert(o->range.first == 0x1000 && o->range.last == 0x1fff);
    ck_assert_uint_eq(scenario_find_device(sc, "nic2"), 2);
    ck_assert_uint_eq(scenario_find_device(sc, "nic3"), SCENARIO_NONE);
    ck_assert_uint_eq(scenario_find_iommu(sc, "vio0"), 2);
}
END_TEST

START_TEST(steps_keep_their_place_and_expectation)
{
    sc = load(papr);
    ck_assert_uint_eq(sc->n_actors, 1);
    ck_assert_str_eq(sc->actors[0].name, "guest");

    const struct step *put = nth(0, 0), *plug = nth(0, 1), *dma = nth(0, 2);

    ck_assert_int_eq(put->kind, STEP_H_PUT_TCE);
    ck_assert(put->pos.line == 15 && put->pos.col == 5);
    ck_assert_str_eq(scenario_file_name(sc, put->pos), "dir/x.yaml");
    ck_assert(put->u.tce.ioba == 0x1000 && put->u.tce.tce == 0x20003);
    ck_assert(put->opt->expect->given == EXPECT_RET && put->opt->expect->ret == 0);
    ck_assert(plug->u.target.device == 0 && plug->u.target.iommu == SCENARIO_NONE);
    ck_assert(dma->timing == STEP_AFTER && dma->when == 5000 && dma->u.dma.write);
    ck_assert_mem_eq(dma->u.dma.data, "\1\2\3\4", 4);
    ck_assert_uint_eq(dma->opt->expect->given, EXPECT_RESULT | EXPECT_GPA);
    for (size_t i = 3; i < 6; i++) {
        ck_assert_int_eq(nth(0, i)->kind, STEP_CHECK);
    }
    ck_assert_ptr_null(nth(0, 5)->next);
}
END_TEST

START_TEST(map_steps_are_small)
{
    ck_assert_uint_le(sizeof(struct step), 128);
}
END_TEST

START_TEST(vtd_options_and_merges_are_read)
{
    sc = load(vtd);
    const struct vtd_config *v = &sc->iommus[0].vtd;

    ck_assert(v->caching_mode && v->superpage_2m && !v->superpage_1g && v->pass_through);
    ck_assert(v->base == 0xfed90000 && v->aw_bits == 48 && v->mamv == 18 &&
              v->domains == 256);
    ck_assert(v->iotlb.entries == 0);
    ck_assert(v->context_cache.entries == 8 &&
              v->context_cache.replacement == CACHE_FIFO);
    ck_assert(sc->devices[0].plugged && !sc->devices[1].plugged);
    ck_assert_str_eq(sc->devices[1].subs[0].label, "nic1/vfio");
    ck_assert(sc->devices[0].attached_by_step && !sc->devices[1].attached_by_step);
    ck_assert(sc->guest.driver == GUEST_LAZY && sc->guest.flush_entries == 10);
    ck_assert(sc->guest.flush_timer == 1500000);
    ck_assert(sc->guest.domains[0].has_did && sc->guest.domains[0].did == 5);
    ck_assert(sc->guest.domains[0].aw_bits == 39 && sc->guest.domains[1].aw_bits == 48);
    ck_assert(!sc->guest.domains[1].has_did && sc->guest.domains[1].iommu == 0);
    ck_assert(sc->guest.table_base == UINT64_C(0x78000000));
    ck_assert(sc->guest.table_size == UINT64_C(0x8000000));
}
END_TEST

START_TEST(keys_runs_and_latencies_are_read)
{
    sc = load(vtd);
    ck_assert(sc->keys.has_seed && sc->keys.seed == 16);
    ck_assert_str_eq(sc->keys.profile->name, "qemu-7.2");
    ck_assert_uint_eq(sc->keys.n_quirks, 2);
    ck_assert(!sc->keys.quirks[0].on && sc->keys.quirks[0].id == QUIRK_PAPR_LONE_MAP);
    ck_assert(sc->keys.quirks[1].on && sc->keys.quirks[1].id == QUIRK_CORE_NO_REPLAY);
    ck_assert(sc->limits.events == 5 && sc->limits.memory == 1 << 20);

    ck_assert_uint_eq(sc->n_runs, 2);
    ck_assert(sc->runs[0].keys.has_quirks && sc->runs[0].keys.n_quirks == 0);
    ck_assert(sc->runs[0].keys.seed == 16 && !sc->runs[0].keys.has_seed);
    ck_assert_str_eq(sc->runs[0].keys.profile->name, "spec");

    const struct scenario_expect *x = &sc->runs[1].keys.expect;

    ck_assert(x->n_violations == 2 && x->violations[1].has_iova &&
              x->violations[1].count == 2);
    ck_assert(x->violations[0].class == VIOLATION_STALE_MAPPING &&
              !x->violations[0].has_count);
    ck_assert(x->violations[1].blame == BLAME_IOMMU);
    ck_assert(x->n_shadows == 2 && !x->shadows[0].unjoined && x->shadows[1].unjoined);
    ck_assert(x->shadows[0].n == 1 && x->shadows[0].mappings[0].perm == PERM_RW);
    ck_assert(x->stats[0].op == COMPARE_LE && x->stats[0].value == 10000);

    const struct dist *l = sc->latency;

    ck_assert(l[LATENCY_MMIO].kind == DIST_CONSTANT && l[LATENCY_MMIO].a == 300);
    ck_assert(l[LATENCY_NOTIFY].kind == DIST_UNIFORM && l[LATENCY_NOTIFY].b == 2000);
    ck_assert(l[LATENCY_DMA].n == 2 && l[LATENCY_DMA].rows[1].value == 10000);
    ck_assert(l[LATENCY_HCALL].shape > 0.49 && l[LATENCY_HCALL].shape < 0.51);
    ck_assert(l[LATENCY_QI_FETCH].kind == DIST_CONSTANT && l[LATENCY_QI_FETCH].a == 0);
}
END_TEST

START_TEST(hardware_steps_are_read)
{
    sc = load(vtd);
    const struct step_map *change = &nth(0, 1)->u.map;

    ck_assert(change->domain == 1 && change->device == SCENARIO_NONE);
    ck_assert(!change->has_gpa && change->has_perm && change->perm == PERM_R);
    ck_assert(change->page_lg2 == 12 && change->flush == FLUSH_NONE);
    ck_assert(nth(0, 2)->timing == STEP_AT && nth(0, 2)->when == 1000000 &&
              !nth(0, 2)->wait);
    ck_assert_str_eq(nth(0, 2)->opt->label, "first");

    const struct step_qi *qi = &nth(0, 3)->u.qi;

    ck_assert_uint_eq(qi->n, 3);
    ck_assert(qi->desc[0].type == QI_IOTLB && qi->desc[0].granularity == QI_PAGE);
    ck_assert(qi->desc[0].ih && qi->desc[0].am == 1 && qi->desc[0].address == 0x1000);
    ck_assert(qi->desc[1].type == QI_WAIT && qi->desc[1].status &&
              !qi->desc[1].has_address);
    ck_assert(qi->desc[2].type == QI_RAW && qi->desc[2].raw[1] == 2);

    const struct step_mmio *mmio = &nth(0, 4)->u.mmio;

    ck_assert(mmio->offset == 0x1c && mmio->width == 4 && mmio->mask == UINT32_MAX);
    ck_assert(nth(0, 5)->u.mem.width == 4 && nth(0, 5)->u.mem.n == 2);
    ck_assert(nth(0, 6)->u.mem.width == 0 && nth(0, 6)->u.mem.n == 4096);
    ck_assert(nth(0, 6)->u.mem.values[0] == 0xff);
}
END_TEST

START_TEST(script_blocks_become_steps_with_places)
{
    sc = load(vtd);
    const struct step *unmap = nth(1, 0), *mem = nth(1, 1);

    ck_assert(unmap->kind == STEP_UNMAP && unmap->timing == STEP_AFTER &&
              unmap->when == 5000);
    ck_assert_uint_eq(unmap->pos.line, 37);
    ck_assert_uint_eq(unmap->pos.col, 14);
    ck_assert(unmap->opt->expect->given == EXPECT_RET && unmap->opt->expect->ret == -4);
    ck_assert(mem->timing == STEP_AT && mem->when == 7000 && mem->u.mem.n == 3);
    ck_assert(mem->pos.line == 39 && mem->u.mem.values[2] == 3);
    ck_assert_ptr_null(mem->next);
}
END_TEST

START_TEST(steps_may_come_before_the_machine)
{
    sc = load(
        "iommusim: 1\n"
        "timeline: [{hotplug: d}]\n"
        "machine: {iommus: {i: {model: none}}, devices: {d: {iommu: i, plugged: no}}}\n");
    ck_assert_uint_eq(nth(0, 0)->u.target.device, 0);
}
END_TEST

START_TEST(equal_bytes_have_equal_hashes)
{
    sc = load(vtd);
    uint64_t hash = sc->hash;

    scenario_free(sc);
    sc = load(vtd);
    ck_assert(sc->hash == hash);
    scenario_free(sc);
    sc = load(papr);
    ck_assert(sc->hash != hash);
}
END_TEST

START_TEST(a_nested_domain_may_stand_before_its_parent)
{
    sc = load("iommusim: 1\nmachine:\n  ram: 1GiB\n"
              "  iommus: {v: {model: intel-vtd, mode: scalable, first_stage: on}}\n"
              "guest: {domains: {inner: {type: nested, parent: vm}, vm: {}}}\n");
    ck_assert_uint_eq(sc->guest.n_domains, 2);
    ck_assert_str_eq(sc->guest.domains[0].id, "inner");
    ck_assert_uint_eq(sc->guest.domains[0].parent, 1);
    ck_assert(sc->guest.domains[1].is_parent);
}
END_TEST

START_TEST(every_step_is_documented_and_its_example_loads)
{
    static const char head[] = "iommusim: 1\nmachine:\n"
                               "  ram: [{base: 0, size: 1GiB},"
                               " {base: 1GiB, size: 1GiB, block: 2MiB}]\n"
                               "  iommus:\n    %s\n  devices:\n"
                               "    nic0: {iommu: %s, backend: [vfio, vhost]}\n"
                               "%stimeline:\n  %s\n";
    char text[2048];

    for (size_t i = 0; scenario_step_doc(i) != NULL; i++) {
        const struct step_doc *d = scenario_step_doc(i);
        bool papr_only = strcmp(d->models, "papr") == 0;
        bool scalable = strncmp(d->name, "pasid", 5) == 0;

        ck_assert_uint_gt(strlen(d->what), 10);
        if (strcmp(d->name, "replay") == 0) {
            continue; /* needs a file */
        }
        snprintf(text, sizeof(text), head,
                 papr_only  ? "phb0: {model: papr-tce}"
                 : scalable ? "vtd0: {model: intel-vtd, device_iotlb: on, mode: scalable}"
                            : "vtd0: {model: intel-vtd, device_iotlb: on}",
                 papr_only ? "phb0" : "vtd0",
                 papr_only ? "" : "guest: {domains: {d1: {iommu: vtd0}}}\n", d->example);
        sc = load(text);
        if (strcmp(d->name, "steps") != 0 && strcmp(d->name, "script") != 0) {
            ck_assert_str_eq(step_name((enum step_kind)nth(0, 0)->kind), d->name);
        }
        scenario_free(sc);
        sc = NULL;
    }
}
END_TEST

/* Cut and damaged copies must load or be refused; a sanitizer build sees the rest. */
START_TEST(no_truncation_and_no_damaged_byte_crashes)
{
    static const char *const texts[] = { papr, vtd };
    unsigned state = 20241;

    for (size_t t = 0; t < 2; t++) {
        size_t len = strlen(texts[t]);
        char *copy = malloc(len);

        for (size_t i = 0; i < len; i++) {
            struct scenario *got;
            struct scenario_errors errs;

            memcpy(copy, texts[t], len);
            scenario_load_buffer("x", copy, i, &got, &errs);
            scenario_free(got);
            scenario_errors_fini(&errs);
            state = state * 1103515245U + 12345U;
            copy[i] = " :-{}[],&*#|'\"\n0x9"[(state >> 16) % 18];
            if (scenario_load_buffer("x", copy, len, &got, &errs) != (errs.n == 0)) {
                ck_abort_msg("byte %zu: a result without a reason", i);
            }
            scenario_free(got);
            scenario_errors_fini(&errs);
        }
        free(copy);
    }
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("scenario_load");
    TCase *t = tcase_create("all");

    tcase_add_checked_fixture(t, NULL, free_scenario);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, machine_gets_its_defaults);
    tcase_add_test(t, devices_have_addresses_and_subscribers);
    tcase_add_test(t, steps_keep_their_place_and_expectation);
    tcase_add_test(t, map_steps_are_small);
    tcase_add_test(t, vtd_options_and_merges_are_read);
    tcase_add_test(t, keys_runs_and_latencies_are_read);
    tcase_add_test(t, hardware_steps_are_read);
    tcase_add_test(t, script_blocks_become_steps_with_places);
    tcase_add_test(t, steps_may_come_before_the_machine);
    tcase_add_test(t, equal_bytes_have_equal_hashes);
    tcase_add_test(t, a_nested_domain_may_stand_before_its_parent);
    tcase_add_test(t, every_step_is_documented_and_its_example_loads);
    tcase_add_test(t, no_truncation_and_no_damaged_byte_crashes);
    suite_add_tcase(s, t);
    return s;
}
