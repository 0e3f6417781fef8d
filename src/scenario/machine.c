/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The `machine` of a scenario: memory, IOMMUs, devices. */
#include <stdlib.h>
#include <string.h>

#include "scenario/loader.h"
#include "scenario/scalar.h"
#include "util/names.h"

#define GPA_END (UINT64_C(1) << 52)

/* ---- memory ------------------------------------------------------------- */

struct range_list {
    struct scenario_range *v;
    size_t n;
};

static void
add_range(struct loader *l, struct range_list *list, struct val v,
          const struct scenario_range *r)
{
    if (((r->base | r->size) & PAGE_MASK) != 0 || r->size == 0) {
        load_error(l, v,
                   "memory is given in whole pages: multiples of 4KiB, at least one");
    } else if (r->base >= GPA_END || r->size > GPA_END - r->base) {
        load_error(l, v, "memory ends at 4PiB (52 bits)");
    } else {
        list->v = xrealloc(list->v, list->n + 1, sizeof(*list->v));
        list->v[list->n] = *r;
        list->v[list->n++].pos = val_pos(l, v);
    }
}

#define RANGE(member) offsetof(struct scenario_range, member)
#define RANGE_FIELDS                                                                     \
    { "base", field_size, RANGE(base), FIELD_REQUIRED, NULL },                           \
    {                                                                                    \
        "size", field_size, RANGE(size), FIELD_REQUIRED, NULL                            \
    }

SCHEMA(range_schema, "range", { RANGE_FIELDS });

enum { RAM_BLOCK = 2, RAM_POPULATED };

SCHEMA(ram_schema, "range",
       { RANGE_FIELDS, [RAM_BLOCK] = { "block", field_size, RANGE(block), 0, NULL },
         [RAM_POPULATED] = { "populated", field_size, RANGE(populated), 0, NULL } });

/* RAM in blocks: of a power of two, which the range consists of. */
static void
check_blocks(struct loader *l, const struct args *args, struct scenario_range *r)
{
    if (!args_has(args, RAM_BLOCK)) {
        if (args_has(args, RAM_POPULATED)) {
            load_error(l, arg_at(args, RAM_POPULATED), "'populated' needs 'block'");
        }
        return;
    }
    if (!is_pow2(r->block) || r->block < PAGE_BYTES) {
        load_error(l, arg_at(args, RAM_BLOCK), "a block is a power of two, 4KiB or more");
    } else if (((r->base | r->size) & (r->block - 1)) != 0) {
        load_error(l, arg_at(args, RAM_BLOCK), "base and size are multiples of 'block'");
    }
    if (!args_has(args, RAM_POPULATED)) {
        r->populated = r->size;
    } else if (r->populated > r->size ||
               (is_pow2(r->block) && (r->populated & (r->block - 1)) != 0)) {
        load_error(l, arg_at(args, RAM_POPULATED),
                   "'populated' is a multiple of 'block', at most 'size'");
    }
}

static void
read_range(struct loader *l, struct range_list *list, const struct node *n,
           enum scenario_range_kind kind)
{
    struct scenario_range r = { .kind = kind };
    struct args args;

    if (!schema_read(l, kind == SCENARIO_RAM ? &ram_schema : &range_schema, n, &r,
                     &args)) {
        return;
    }
    if (kind == SCENARIO_RAM) {
        check_blocks(l, &args, &r);
    }
    add_range(l, list, val_of(n), &r);
}

static void
read_ranges(struct loader *l, struct range_list *list, const struct node *n,
            const char *name, enum scenario_range_kind kind)
{
    struct scenario_range r = { .kind = kind };
    struct val v = val_of(n);

    if (kind == SCENARIO_RAM && v.s != NULL && v.len > 0) {
        if (read_ok(l, name, v, scalar_size(v.s, v.len, &r.size))) {
            add_range(l, list, v, &r);
        }
        return;
    }
    if (n->kind == NODE_MAP) { /* one range needs no list */
        read_range(l, list, n, kind);
        return;
    }
    if (want_list(l, name, v) == NULL) {
        return;
    }
    for (uint32_t i = 0; i < node_count(n); i++) {
        read_range(l, list, n->u.items[i], kind);
    }
}

static int
compare_ranges(const void *pa, const void *pb)
{
    const struct scenario_range *a = pa, *b = pb;

    return (a->base > b->base) - (a->base < b->base);
}

static void
finish_ranges(struct loader *l, struct range_list *list)
{
    struct scenario_range *v = list->v;

    if (list->n > 0) {
        qsort(v, list->n, sizeof(*v), compare_ranges);
    }
    for (size_t i = 1; i < list->n; i++) {
        if (v[i].base - v[i - 1].base < v[i - 1].size) {
            const struct scenario_range *late =
                v[i].pos.line >= v[i - 1].pos.line ? &v[i] : &v[i - 1];

            load_error_at(l, late->pos, 1, "this range overlaps the one given at line %u",
                          late == &v[i] ? v[i - 1].pos.line : v[i].pos.line);
        }
    }
    struct scenario_range *kept = arena_alloc(l->arena, list->n * sizeof(*kept) + 1);

    if (list->n > 0) {
        memcpy(kept, v, list->n * sizeof(*kept));
    }
    l->sc->ranges = kept;
    l->sc->n_ranges = list->n;
    free(v);
}

/* ---- IOMMUs ------------------------------------------------------------- */

WORDS(model_words, { "none", "papr-tce", "papr-vio", "intel-vtd" });

/* What firmware offers unless told otherwise, by log2. */
#define PAPR_PAGE_SIZES (UINT64_C(1) << 12 | 1 << 16 | 1 << 21 | 1 << 24)

struct window_config {
    uint64_t base, size;
    uint8_t page_lg2;
};

SCHEMA(window_schema, "window",
       {
           { "base", field_size, offsetof(struct window_config, base), 0, NULL },
           { "size", field_some, offsetof(struct window_config, size), 0, NULL },
           { "page", field_page, offsetof(struct window_config, page_lg2), 0, NULL },
       });

static void
field_window(struct loader *l, const struct field *f, struct val v, void *out)
{
    struct scenario_iommu *io = out;
    struct window_config w = { 0, io->papr.window_size, PAGE_LG2 };
    struct args args;

    (void)f;
    if (val_is(v, "none")) {
        io->papr.has_window = false;
        return;
    }
    if (want_map(l, "window", v) == NULL ||
        !schema_read(l, &window_schema, v.node, &w, &args)) {
        return;
    }
    if (((PAPR_PAGE_SIZES >> w.page_lg2) & 1) == 0) {
        load_error(l, arg_at(&args, 2),
                   "a window has pages of 4KiB, 64KiB, 2MiB or 16MiB");
    } else if (w.size >> w.page_lg2 > UINT32_MAX) {
        load_error(l, v, "a window has fewer than 2^32 pages");
    } else if (!is_aligned(w.base | w.size, w.page_lg2)) {
        load_error(l, v, "base and size of a window are multiples of its page size");
    } else if (w.size - 1 > UINT64_MAX - w.base) {
        load_error(l, v, "the window passes the end of the 64-bit address space");
    } else {
        io->papr.window_base = w.base;
        io->papr.window_size = w.size;
        io->papr.window_page_lg2 = w.page_lg2;
    }
}

/* A list of page sizes that a query has a bit for. */
static void
field_page_sizes(struct loader *l, const struct field *f, struct val v, void *out)
{
    static const uint64_t known =
        PAPR_PAGE_SIZES | 1 << 25 | 1 << 26 | 1 << 27 | 1 << 28 | UINT64_C(1) << 34;
    const struct node *list = want_list(l, f->name, v);
    uint64_t sizes = 0;

    for (uint32_t i = 0; list != NULL && i < node_count(list); i++) {
        struct val item = val_of(list->u.items[i]);
        uint64_t before = l->errors;
        uint8_t lg2 = 0;

        field_page(l, &(struct field){ .name = f->name }, item, &lg2);
        if (l->errors == before &&
            read_ok(l, f->name, item,
                    (known >> lg2) & 1
                        ? NULL
                        : "expected 4KiB, 64KiB, 2MiB, 16MiB, 32MiB, 64MiB, 128MiB, "
                          "256MiB or 16GiB")) {
            sizes |= UINT64_C(1) << lg2;
        }
    }
    if (list != NULL && node_count(list) == 0) {
        load_error(l, v, "'%s' needs at least one size", f->name);
    }
    *(uint64_t *)out = sizes;
}

static void
field_max_windows(struct loader *l, const struct field *f, struct val v, void *out)
{
    uint64_t before = l->errors;
    uint32_t n = 1;

    field_u32(l, f, v, &n);
    if (l->errors == before &&
        read_ok(l, f->name, v,
                n == 0 || n > PAPR_CONFIG_WINDOWS ? "expected 1 to 16" : NULL)) {
        *(uint32_t *)out = n;
    }
}

static void
field_dynamic_base(struct loader *l, const struct field *f, struct val v, void *out)
{
    uint64_t before = l->errors;

    field_size(l, f, v, out);
    if (l->errors == before &&
        (*(uint64_t *)out == 0 || !is_aligned(*(uint64_t *)out, 24))) {
        load_error(l, v, "'%s' must be a multiple of 16MiB, and not 0", f->name);
    }
}

/* A switch, or `until-heard`. */
static void
field_accelerated(struct loader *l, const struct field *f, struct val v, void *out)
{
    bool on = false;

    if (val_is(v, "until-heard")) {
        *(enum papr_accelerated *)out = ACCELERATED_UNTIL_HEARD;
    } else if (want_scalar(l, f->name, v) &&
               read_ok(l, f->name, v,
                       scalar_switch(v.s, v.len, &on) != NULL
                           ? "expected on, off or until-heard"
                           : NULL)) {
        *(enum papr_accelerated *)out = on ? ACCELERATED_ON : ACCELERATED_OFF;
    }
}

#define PAPR(member) offsetof(struct scenario_iommu, papr.member)
#define VTD(member)  offsetof(struct scenario_iommu, vtd.member)

SCHEMA(papr_tce_schema, "papr-tce",
       {
           { "model", field_ignore, 0, 0, NULL },
           { "liobn", field_u32, PAPR(liobn), 0, NULL },
           { "buid", field_u64, PAPR(buid), 0, NULL },
           { "window", field_window, 0, 0, NULL },
           { "ddw", field_switch, PAPR(ddw), 0, NULL },
           { "page_sizes", field_page_sizes, PAPR(page_sizes), 0, NULL },
           { "max_windows", field_max_windows, PAPR(max_windows), 0, NULL },
           { "dynamic_base", field_dynamic_base, PAPR(dynamic_base), 0, NULL },
           { "accelerated", field_accelerated, PAPR(accelerated), 0, NULL },
       });

SCHEMA(papr_vio_schema, "papr-vio",
       {
           { "model", field_ignore, 0, 0, NULL },
           { "liobn", field_u32, PAPR(liobn), 0, NULL },
           { "window", field_window, 0, 0, NULL },
           { "bypass", field_switch, PAPR(bypass), 0, NULL },
       });

SCHEMA(none_schema, "none", { { "model", field_ignore, 0, 0, NULL } });

static void
field_aw_bits(struct loader *l, const struct field *f, struct val v, void *out)
{
    if (val_is(v, "39") || val_is(v, "48") || val_is(v, "57")) {
        *(unsigned *)out = v.s[0] == '3' ? 39 : v.s[0] == '4' ? 48 : 57;
    } else if (want_scalar(l, f->name, v)) {
        read_ok(l, f->name, v, "expected 39, 48 or 57");
    }
}

/* Whether the mode is scalable. */
static void
field_mode(struct loader *l, const struct field *f, struct val v, void *out)
{
    static const char *const words[] = { "legacy", "scalable" };
    static const struct word_list list = { words, 2 };
    size_t i;

    if (read_choice(l, f->name, v, &list, &i)) {
        *(bool *)out = i == 1;
    }
}

static void
field_fault_records(struct loader *l, const struct field *f, struct val v, void *out)
{
    uint32_t n = 1;
    uint64_t before = l->errors;

    field_u32(l, f, v, &n);
    if (l->errors == before &&
        read_ok(l, f->name, v, n == 0 || n > 256 ? "expected 1 to 256" : NULL)) {
        *(uint32_t *)out = n;
    }
}

static void
field_superpages(struct loader *l, const struct field *f, struct val v, void *out)
{
    struct vtd_config *vtd = out;
    const struct node *list = val_is(v, "none") ? NULL : want_list(l, f->name, v);

    if (list == NULL && !val_is(v, "none")) {
        return;
    }
    vtd->superpage_2m = vtd->superpage_1g = false;
    for (uint32_t i = 0; list != NULL && i < node_count(list); i++) {
        struct val item = val_of(list->u.items[i]);
        uint64_t size = 0;

        if (!want_scalar(l, f->name, item) ||
            !read_ok(l, f->name, item, scalar_size(item.s, item.len, &size))) {
            continue;
        }
        read_ok(l, f->name, item,
                size == 2 << 20 || size == 1 << 30 ? NULL : "expected 2MiB or 1GiB");
        vtd->superpage_2m |= size == 2 << 20;
        vtd->superpage_1g |= size == 1 << 30;
    }
}

WORDS(replacement_words, { "lru", "fifo", "random" });

static void
field_entries(struct loader *l, const struct field *f, struct val v, void *out)
{
    if (val_is(v, "infinite")) {
        *(uint64_t *)out = UINT64_MAX;
    } else if (val_is(v, "none")) {
        *(uint64_t *)out = 0;
    } else {
        field_u64(l, f, v, out);
    }
}

SCHEMA(cache_schema, "cache",
       {
           { "entries", field_entries, offsetof(struct cache_config, entries), 0, NULL },
           { "replacement", field_enum, offsetof(struct cache_config, replacement), 0,
             &replacement_words },
       });

static void
field_cache(struct loader *l, const struct field *f, struct val v, void *out)
{
    struct cache_config *cache = out;
    struct args args;

    if (v.s != NULL && v.len > 0) {
        field_entries(l, f, v, &cache->entries);
    } else if (want_map(l, f->name, v) != NULL) {
        schema_read(l, &cache_schema, v.node, cache, &args);
    }
}

static void
field_mamv(struct loader *l, const struct field *f, struct val v, void *out)
{
    uint8_t mamv = 0;
    uint64_t before = l->errors;

    field_u8(l, f, v, &mamv);
    if (l->errors == before &&
        read_ok(l, f->name, v, mamv > 51 ? "expected 0 to 51" : NULL)) {
        *(unsigned *)out = mamv;
    }
}

static void
field_domains(struct loader *l, const struct field *f, struct val v, void *out)
{
    uint32_t n = 16;
    uint64_t before = l->errors;

    field_u32(l, f, v, &n);
    /* 2^(4 + 2 ND), ND 0 to 6 */
    if (l->errors == before &&
        read_ok(l, f->name, v,
                is_pow2(n) && n >= 16 && n <= 65536 && __builtin_ctz(n) % 2 == 0
                    ? NULL
                    : "expected 16, 64, 256, 1024, 4096, 16384 or 65536")) {
        *(uint32_t *)out = n;
    }
}

SCHEMA(vtd_schema, "intel-vtd",
       {
           { "model", field_ignore, 0, 0, NULL },
           { "base", field_size, VTD(base), 0, NULL },
           { "caching_mode", field_switch, VTD(caching_mode), 0, NULL },
           { "aw_bits", field_aw_bits, VTD(aw_bits), 0, NULL },
           { "mode", field_mode, VTD(scalable), 0, NULL },
           { "first_stage", field_switch, VTD(first_stage), 0, NULL },
           { "pasid", field_switch, VTD(pasid), 0, NULL },
           { "snoop_control", field_switch, VTD(snoop_control), 0, NULL },
           { "device_iotlb", field_switch, VTD(device_iotlb), 0, NULL },
           { "intremap", field_switch, VTD(intremap), 0, NULL },
           { "drain", field_switch, VTD(drain), 0, NULL },
           { "dma_translation", field_switch, VTD(dma_translation), 0, NULL },
           { "pass_through", field_switch, VTD(pass_through), 0, NULL },
           { "superpages", field_superpages, offsetof(struct scenario_iommu, vtd), 0,
             NULL },
           { "queued_invalidation", field_switch, VTD(queued_invalidation), 0, NULL },
           { "iotlb", field_cache, VTD(iotlb), 0, NULL },
           { "context_cache", field_cache, VTD(context_cache), 0, NULL },
           { "pasid_cache", field_cache, VTD(pasid_cache), 0, NULL },
           { "paging_cache", field_cache, VTD(paging_cache), 0, NULL },
           { "fault_records", field_fault_records, VTD(fault_records), 0, NULL },
           { "ats_timeout", field_time, VTD(ats_timeout), 0, NULL },
           { "mamv", field_mamv, VTD(mamv), 0, NULL },
           { "domains", field_domains, VTD(domains), 0, NULL },
           { "write_buffer_flush", field_switch, VTD(write_buffer_flush), 0, NULL },
       });

/* How many there are so far: their numbers follow from it. */
struct papr_counts {
    uint32_t bridges, vio;
};

static void
iommu_defaults(struct scenario_iommu *io, struct papr_counts *n)
{
    static const struct cache_config cache = { CACHE_LRU, 1024 };
    bool vio = io->model == IOMMU_PAPR_VIO;

    io->papr = (struct papr_config){
        .liobn = vio ? UINT32_C(0x71000000) + n->vio
                     : UINT32_C(0x80000000) + n->bridges * 0x100,
        .buid = UINT64_C(0x800000020000000) + n->bridges,
        .page_sizes = PAPR_PAGE_SIZES,
        .max_windows = 2,
        .dynamic_base = UINT64_C(1) << 59,
        .has_window = true,
        .window_size = vio ? UINT64_C(256) << 20 : UINT64_C(1) << 30,
        .window_page_lg2 = PAGE_LG2,
    };
    io->vtd = (struct vtd_config){
        .base = 0xfed90000,
        .pass_through = true,
        .queued_invalidation = true,
        .intremap = true,
        .drain = true,
        .dma_translation = true,
        .superpage_2m = true,
        .superpage_1g = true,
        .aw_bits = 48,
        .mamv = 18,
        .domains = 65536,
        .fault_records = 1,
        .ats_timeout = UINT64_C(60) * 1000 * 1000 * 1000,
        .iotlb = cache,
        .context_cache = cache,
        .pasid_cache = cache,
        .paging_cache = cache,
    };
}

static bool
is_papr(enum iommu_model m)
{
    return m == IOMMU_PAPR_TCE || m == IOMMU_PAPR_VIO;
}

static void
check_iommu(struct loader *l, const struct scenario_iommu *list, size_t n, struct val v)
{
    const struct scenario_iommu *io = &list[n];

    if (io->model == IOMMU_INTEL_VTD && !is_aligned(io->vtd.base, PAGE_LG2)) {
        load_error(l, v, "the registers of '%s' begin at a multiple of 4KiB", io->id);
    }
    if (io->model == IOMMU_INTEL_VTD && !io->vtd.scalable &&
        (io->vtd.pasid || io->vtd.first_stage)) {
        load_error(l, v, "'%s' needs 'mode: scalable' for '%s'", io->id,
                   io->vtd.pasid ? "pasid" : "first_stage");
    }
    if (io->model == IOMMU_INTEL_VTD && !io->vtd.queued_invalidation &&
        (io->vtd.scalable || io->vtd.device_iotlb)) {
        load_error(l, v, "'%s' needs 'queued_invalidation' for '%s'", io->id,
                   io->vtd.scalable ? "mode: scalable" : "device_iotlb");
    }
    for (size_t i = 0; i < n; i++) {
        const struct scenario_iommu *o = &list[i];

        if (is_papr(io->model) && is_papr(o->model) && io->papr.liobn == o->papr.liobn) {
            load_error(l, v, "'%s' and '%s' have the same liobn 0x%x", o->id, io->id,
                       io->papr.liobn);
        }
        if (io->model == IOMMU_PAPR_TCE && o->model == IOMMU_PAPR_TCE &&
            io->papr.buid == o->papr.buid) {
            load_error(l, v, "'%s' and '%s' have the same buid 0x%llx", o->id, io->id,
                       (unsigned long long)io->papr.buid);
        }
        if (io->model == IOMMU_INTEL_VTD && o->model == IOMMU_INTEL_VTD &&
            io->vtd.base == o->vtd.base) {
            load_error(l, v, "'%s' and '%s' have their registers at the same base 0x%llx",
                       o->id, io->id, (unsigned long long)io->vtd.base);
        }
    }
}

static void
no_model(struct loader *l, struct val id, const struct node *map)
{
    static const char *const model[] = { "model" };

    for (uint32_t i = 0; i < node_count(map); i++) {
        if (name_nearest(map->u.pairs[i].key->u.text, model, 1) != NULL) {
            load_unknown_key(l, val_of(map->u.pairs[i].key), "iommu", model, 1);
            return;
        }
    }
    load_error(l, id, "'%.*s' needs 'model'", (int)id.len, id.s);
}

static void
read_iommu(struct loader *l, const struct node_pair *p, struct scenario_iommu *list,
           size_t n, struct papr_counts *papr)
{
    static const struct schema *const schemas[] = {
        [IOMMU_NONE] = &none_schema,
        [IOMMU_PAPR_TCE] = &papr_tce_schema,
        [IOMMU_PAPR_VIO] = &papr_vio_schema,
        [IOMMU_INTEL_VTD] = &vtd_schema,
    };
    struct val key = val_of(p->key), v = val_of(p->value);
    struct scenario_iommu *io = &list[n];
    const struct node *model;
    struct args args;
    size_t word;

    check_new_id(l, "an iommu's name", key);
    io->pos = p->key->pos;
    io->id = load_strdup(l, key);
    strmap_put(&l->sc->index->iommus, io->id, key.len, (uint32_t)n);
    if (want_map(l, io->id, v) == NULL) {
        return;
    }
    io->unread = true;
    model = node_get(p->value, "model");
    if (model == NULL) {
        no_model(l, key, p->value);
        return;
    }
    if (!read_word(l, "model", val_of(model), &model_words, &word)) {
        return;
    }
    io->unread = false;
    io->model = (enum iommu_model)word;
    iommu_defaults(io, papr);
    papr->bridges += io->model == IOMMU_PAPR_TCE;
    papr->vio += io->model == IOMMU_PAPR_VIO;
    if (schema_read(l, schemas[word], p->value, io, &args)) {
        check_iommu(l, list, n, key);
    }
}

static void
read_iommus(struct loader *l, const struct node *map)
{
    uint32_t n = node_count(map);
    struct scenario_iommu *list = arena_alloc(l->arena, n * sizeof(*list) + 1);
    struct papr_counts papr = { 0, 0 };

    for (uint32_t i = 0; i < n; i++) {
        read_iommu(l, &map->u.pairs[i], list, i, &papr);
    }
    l->sc->iommus = list;
    l->sc->n_iommus = n;
}

/* ---- the whole ---------------------------------------------------------- */

SCHEMA(machine_schema, "machine",
       {
           { "ram", field_ignore, 0, 0, NULL },
           { "mmio", field_ignore, 0, 0, NULL },
           { "rom", field_ignore, 0, 0, NULL },
           { "iommus", field_ignore, 0, 0, NULL },
           { "devices", field_ignore, 0, 0, NULL },
       });

void
load_machine(struct loader *l, const struct node *map)
{
    struct range_list ranges = { 0 };
    char nothing;
    struct args args = { .given = 0 };
    const struct node *n;

    if (map != NULL) {
        schema_read(l, &machine_schema, map, &nothing, &args);
    }
    if (args_has(&args, 0)) {
        read_ranges(l, &ranges, args.v[0].node, "ram", SCENARIO_RAM);
    } else {
        ranges.v = xcalloc(1, sizeof(*ranges.v));
        ranges.v[ranges.n++] =
            (struct scenario_range){ .kind = SCENARIO_RAM, .size = UINT64_C(1) << 30 };
    }
    if (args_has(&args, 1)) {
        read_ranges(l, &ranges, args.v[1].node, "mmio", SCENARIO_MMIO);
    }
    if (args_has(&args, 2)) {
        read_ranges(l, &ranges, args.v[2].node, "rom", SCENARIO_ROM);
    }
    finish_ranges(l, &ranges);
    if (args_has(&args, 3) && (n = want_map(l, "iommus", args.v[3])) != NULL) {
        read_iommus(l, n);
    }
    if (args_has(&args, 4) && (n = want_map(l, "devices", args.v[4])) != NULL) {
        load_devices(l, n);
    }
}
