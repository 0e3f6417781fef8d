/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The `qi` action: descriptors for the invalidation queue of VT-d. */
#include <string.h>

#include "scenario/action.h"
#include "scenario/scalar.h"

static const char *const type_words[] = {
    [QI_RAW] = "raw",
    [QI_CONTEXT] = "context",
    [QI_IOTLB] = "iotlb",
    [QI_DEV_IOTLB] = "dev-iotlb",
    [QI_IEC] = "iec",
    [QI_WAIT] = "wait",
    [QI_PASID_IOTLB] = "pasid-iotlb",
    [QI_PASID_CACHE] = "pasid-cache",
    [QI_PASID_DEV_IOTLB] = "pasid-dev-iotlb",
    [QI_PAGE_RESPONSE] = "page-response",
};
static const struct word_list qi_types = { type_words, LEN(type_words) };

WORDS(context_granularity, { [QI_GLOBAL] = "global", "domain", "device" });
WORDS(iotlb_granularity, { [QI_GLOBAL] = "global", "domain", "page" });
WORDS(iec_granularity, { "global", "index" });
WORDS(pasid_iotlb_granularity, { [QI_PASID_ALL] = "pasid", "page" });
WORDS(pasid_cache_granularity,
      { [QI_PC_DOMAIN] = "domain", [QI_PC_PASID] = "pasid", [QI_PC_GLOBAL] = "global" });

enum {
    D_TYPE,
    D_RAW,
    D_GRANULARITY,
    D_DID,
    D_PASID,
    D_IOVA,
    D_AM,
    D_IH,
    D_DRAIN_READ,
    D_DRAIN_WRITE,
    D_SID,
    D_DEVICE,
    D_FM,
    D_SIZE,
    D_S,
    D_G,
    D_MIP,
    D_PFSID,
    D_INDEX,
    D_IM,
    D_ADDRESS,
    D_DATA,
    D_STATUS,
    D_IRQ,
    D_FENCE,
    D_SW,
    D_IF,
    D_FN,
    D_PD,
    D_CODE,
    D_PRGI,
};

#define D(member) offsetof(struct qi_descriptor, member)

/* Two words, or the four of a 256-bit descriptor. */
static void
field_qi_raw(struct loader *l, const struct field *f, struct val v, void *out)
{
    struct qi_descriptor *d = out;
    size_t n;
    const uint64_t *raw = read_numbers(l, f->name, v, UINT64_MAX, &n);

    if (raw != NULL && (n == 2 || n == QI_WORDS_MAX)) {
        memcpy(d->raw, raw, n * sizeof(*raw));
        d->n_raw = (uint8_t)n;
    } else if (raw != NULL) {
        load_error(l, v, "'raw' takes two numbers, [low, high], or four");
    }
}

static void
field_qi_device(struct loader *l, const struct field *f, struct val v, void *out)
{
    uint32_t device = SCENARIO_NONE;

    field_device(l, f, v, &device);
    if (device != SCENARIO_NONE) {
        *(uint16_t *)out = l->sc->devices[device].sid;
    }
}

/* log2 of a size; `all` is the whole address space. */
static void
field_qi_size(struct loader *l, const struct field *f, struct val v, void *out)
{
    uint64_t before = l->errors, size = 0;

    if (val_is(v, "all")) {
        *(uint8_t *)out = 64;
        return;
    }
    field_size(l, f, v, &size);
    if (l->errors == before &&
        read_ok(l, f->name, v,
                is_pow2(size) && size >= PAGE_BYTES
                    ? NULL
                    : "expected 'all' or a power of two from 4KiB on")) {
        *(uint8_t *)out = (uint8_t)__builtin_ctzll(size);
    }
}

SCHEMA(desc_schema, "descriptor",
       {
           [D_TYPE] = { "type", field_enum8, D(type), 0, &qi_types },
           [D_RAW] = { "raw", field_qi_raw, 0, 0, NULL },
           [D_GRANULARITY] = { "granularity", field_ignore, 0, 0, NULL },
           [D_DID] = { "did", field_u16, D(did), 0, NULL },
           [D_PASID] = { "pasid", field_u32, D(pasid), 0, NULL },
           [D_IOVA] = { "iova", field_size, D(address), 0, NULL },
           [D_AM] = { "am", field_u8, D(am), 0, NULL },
           [D_IH] = { "ih", field_bit, D(ih), 0, NULL },
           [D_DRAIN_READ] = { "drain_read", field_bit, D(drain_read), 0, NULL },
           [D_DRAIN_WRITE] = { "drain_write", field_bit, D(drain_write), 0, NULL },
           [D_SID] = { "sid", field_u16, D(sid), 0, NULL },
           [D_DEVICE] = { "device", field_qi_device, D(sid), 0, NULL },
           [D_FM] = { "fm", field_u8, D(fm), 0, NULL },
           [D_SIZE] = { "size", field_qi_size, D(size_lg2), 0, NULL },
           [D_S] = { "s", field_bit, D(sized), 0, NULL },
           [D_G] = { "g", field_bit, D(global), 0, NULL },
           [D_MIP] = { "mip", field_u8, D(mip), 0, NULL },
           [D_PFSID] = { "pfsid", field_u16, D(pfsid), 0, NULL },
           [D_INDEX] = { "index", field_u16, D(index), 0, NULL },
           [D_IM] = { "im", field_u8, D(im), 0, NULL },
           [D_ADDRESS] = { "address", field_size, D(address), 0, NULL },
           [D_DATA] = { "data", field_u32, D(data), 0, NULL },
           [D_STATUS] = { "status", field_bit, D(status), 0, NULL },
           [D_IRQ] = { "irq", field_bit, D(irq), 0, NULL },
           [D_FENCE] = { "fence", field_bit, D(fence), 0, NULL },
           /* The same by the specification's names. */
           [D_SW] = { "sw", field_bit, D(status), 0, NULL },
           [D_IF] = { "if", field_bit, D(irq), 0, NULL },
           [D_FN] = { "fn", field_bit, D(fence), 0, NULL },
           [D_PD] = { "pd", field_bit, D(page_drain), 0, NULL },
           [D_CODE] = { "code", field_u8, D(code), 0, NULL },
           [D_PRGI] = { "prgi", field_u16, D(prgi), 0, NULL },
       });

#define BIT(i) (UINT64_C(1) << (i))

struct qi_kind {
    uint64_t fields; /* that a descriptor of the type has */
    const struct word_list *granularity;
};

#define SOURCE (BIT(D_SID) | BIT(D_DEVICE))
#define DEVICE_TLB                                                                       \
    (SOURCE | BIT(D_IOVA) | BIT(D_SIZE) | BIT(D_ADDRESS) | BIT(D_S) | BIT(D_MIP) |       \
     BIT(D_PFSID))

static const struct qi_kind kinds[] = {
    [QI_RAW] = { BIT(D_RAW), NULL },
    [QI_CONTEXT] = { BIT(D_GRANULARITY) | BIT(D_DID) | SOURCE | BIT(D_FM),
                     &context_granularity },
    [QI_IOTLB] = { BIT(D_GRANULARITY) | BIT(D_DID) | BIT(D_IOVA) | BIT(D_AM) | BIT(D_IH) |
                       BIT(D_DRAIN_READ) | BIT(D_DRAIN_WRITE),
                   &iotlb_granularity },
    [QI_DEV_IOTLB] = { DEVICE_TLB, NULL },
    [QI_IEC] = { BIT(D_GRANULARITY) | BIT(D_INDEX) | BIT(D_IM), &iec_granularity },
    [QI_WAIT] = { BIT(D_ADDRESS) | BIT(D_DATA) | BIT(D_STATUS) | BIT(D_IRQ) |
                      BIT(D_FENCE) | BIT(D_SW) | BIT(D_IF) | BIT(D_FN) | BIT(D_PD),
                  NULL },
    [QI_PASID_IOTLB] = { BIT(D_GRANULARITY) | BIT(D_DID) | BIT(D_PASID) | BIT(D_IOVA) |
                             BIT(D_AM) | BIT(D_IH),
                         &pasid_iotlb_granularity },
    [QI_PASID_CACHE] = { BIT(D_GRANULARITY) | BIT(D_DID) | BIT(D_PASID),
                         &pasid_cache_granularity },
    [QI_PASID_DEV_IOTLB] = { DEVICE_TLB | BIT(D_PASID) | BIT(D_G), NULL },
    [QI_PAGE_RESPONSE] = { SOURCE | BIT(D_PASID) | BIT(D_CODE) | BIT(D_PRGI), NULL },
};

static void
check_width(struct loader *l, const struct args *args, unsigned i, uint64_t x,
            uint64_t max)
{
    if (args_has(args, i) && x > max) {
        load_error(l, arg_at(args, i), "'%s' is 0 to %llu", desc_schema.fields[i].name,
                   (unsigned long long)max);
    }
}

/* The range of a device TLB is an aligned power of two. */
static void
check_range(struct loader *l, const struct qi_descriptor *d, const struct args *args)
{
    uint64_t mask = d->size_lg2 == 0    ? PAGE_MASK
                    : d->size_lg2 == 64 ? UINT64_MAX
                                        : (UINT64_C(1) << d->size_lg2) - 1;

    if (args_has(args, D_SIZE) && (args_has(args, D_S) || args_has(args, D_ADDRESS))) {
        load_error(l, arg_at(args, D_SIZE),
                   "'size' goes with 'iova'; 'address' and 's' are the descriptor's own");
    } else if (args_has(args, D_IOVA) && (d->address & mask) != 0) {
        load_error(l, arg_at(args, D_IOVA), "'iova' must be a multiple of %s",
                   d->size_lg2 == 0 ? "4KiB" : "'size'");
    }
}

/* Widths of the descriptor's fields. */
static void
check_widths(struct loader *l, const struct qi_descriptor *d, const struct args *args)
{
    check_width(l, args, D_AM, d->am, 63);
    check_width(l, args, D_FM, d->fm, 3);
    check_width(l, args, D_IM, d->im, 31);
    check_width(l, args, D_MIP, d->mip, 31);
    check_width(l, args, D_CODE, d->code, 15);
    check_width(l, args, D_PRGI, d->prgi, 511);
    check_width(l, args, D_PASID, d->pasid, 0xfffff);
    check_range(l, d, args);
}

/* All keys of a descriptor have been read. */
static void
finish_descriptor(struct loader *l, struct qi_descriptor *d, struct args args)
{
    if (!args_has(&args, D_TYPE) && !args_has(&args, D_RAW)) {
        load_error(l, args.whole,
                   "a descriptor needs 'type' (context, iotlb, dev-iotlb, iec, wait, "
                   "pasid-iotlb, pasid-cache, pasid-dev-iotlb, page-response) or 'raw'");
        return;
    }
    for (unsigned i = D_RAW; i < desc_schema.n; i++) {
        if (args_has(&args, i) && !(kinds[d->type].fields & BIT(i))) {
            load_error(l, arg_at(&args, i), "a descriptor of type '%s' has no '%s'",
                       type_words[d->type], desc_schema.fields[i].name);
        }
    }
    if (kinds[d->type].granularity != NULL) {
        size_t g;

        if (!args_has(&args, D_GRANULARITY)) {
            load_error(l, args.whole, "a descriptor of type '%s' needs 'granularity'",
                       type_words[d->type]);
        } else if (read_choice(l, "granularity", args.v[D_GRANULARITY],
                               kinds[d->type].granularity, &g)) {
            d->granularity = (uint8_t)g;
        }
    }
    if (d->type == QI_RAW && !args_has(&args, D_RAW)) {
        load_error(l, args.whole, "a descriptor of type 'raw' needs 'raw'");
    }
    d->has_address = args_has(&args, D_ADDRESS);
    d->has_pasid = args_has(&args, D_PASID);
    check_widths(l, d, &args);
}

static void
read_descriptor(struct loader *l, const struct node *n, struct qi_descriptor *d)
{
    struct args args;

    d->status = true;
    if (schema_read(l, &desc_schema, n, d, &args)) {
        finish_descriptor(l, d, args);
    }
}

/* `raw:LO:HI` or four; what follows the type. */
static void
read_raw_parts(struct loader *l, struct val rest, struct qi_descriptor *d)
{
    while (d->n_raw < QI_WORDS_MAX && rest.len > 0) {
        struct val word = next_part(&rest, ':');

        if (!read_ok(l, "raw", word, scalar_u64(word.s, word.len, &d->raw[d->n_raw++]))) {
            return;
        }
    }
    if (rest.len > 0 || (d->n_raw != 2 && d->n_raw != QI_WORDS_MAX)) {
        load_error(l, rest, "'raw' takes two numbers, low and high, or four");
    }
}

/* One descriptor as a trace writes it: TYPE:GRANULARITY:key=value:switch... */
static void
read_descriptor_word(struct loader *l, struct val word, struct qi_descriptor *d)
{
    struct val on = { "on", 2, NULL }, rest = word, type = next_part(&rest, ':');
    uint64_t before = l->errors;
    struct args args;

    d->status = true;
    if (val_is(type, "raw")) {
        read_raw_parts(l, rest, d);
        return;
    }
    args_init(&args, word);
    schema_key(l, &desc_schema, (struct val){ "type", 4, NULL }, type, d, &args);
    if (l->errors == before && kinds[d->type].granularity != NULL && rest.len > 0) {
        schema_key(l, &desc_schema, (struct val){ "granularity", 11, NULL },
                   next_part(&rest, ':'), d, &args);
    }
    while (rest.len > 0) {
        struct val v = next_part(&rest, ':');
        bool bare = memchr(v.s, '=', v.len) == NULL;
        struct val key = next_part(&v, '=');
        schema_key(l, &desc_schema, key, bare ? on : v, d, &args);
    }
    if (l->errors == before) {
        finish_descriptor(l, d, args);
    }
}

static void
read_descriptor_words(struct loader *l, struct val v, struct step_qi *q)
{
    uint32_t n = 1;

    for (size_t i = 0; i < v.len; i++) {
        n += v.s[i] == ',';
    }
    struct qi_descriptor *desc = arena_alloc(l->arena, n * sizeof(*desc));

    for (uint32_t i = 0; i < n; i++) {
        read_descriptor_word(l, next_part(&v, ','), &desc[i]);
    }
    q->n = n;
    q->desc = desc;
}

enum { QI_FIELD_IOMMU, QI_FIELD_DESCRIPTORS, QI_FIELD_RAW, QI_FIELD_WIDTH };

static void
field_descriptors(struct loader *l, const struct field *f, struct val v, void *out)
{
    struct step_qi *q = out;

    if (v.node == NULL) {
        read_descriptor_words(l, v, q);
        return;
    }
    const struct node *list = want_list(l, f->name, v);
    uint32_t n = list != NULL ? node_count(list) : 0;
    struct qi_descriptor *desc = arena_alloc(l->arena, n * sizeof(*desc) + 1);

    for (uint32_t i = 0; i < n; i++) {
        read_descriptor(l, list->u.items[i], &desc[i]);
    }
    q->n = n;
    q->desc = desc;
}

/* Raw words, two for each descriptor: the form that fits a script line. */
static void
field_raw_words(struct loader *l, const struct field *f, struct val v, void *out)
{
    struct step_qi *q = out;
    size_t n;
    const uint64_t *words = read_numbers(l, f->name, v, UINT64_MAX, &n);

    if (words == NULL) {
        return;
    }
    if (n == 0 || n % 2 != 0) {
        load_error(l, v, "'raw' takes two numbers for each descriptor: low, high");
        return;
    }
    struct qi_descriptor *desc = arena_alloc(l->arena, n / 2 * sizeof(*desc));

    for (size_t i = 0; i < n / 2; i++) {
        desc[i].raw[0] = words[2 * i];
        desc[i].raw[1] = words[2 * i + 1];
        desc[i].n_raw = 2;
    }
    q->n = (uint32_t)(n / 2);
    q->desc = desc;
}

static void
field_qi_width(struct loader *l, const struct field *f, struct val v, void *out)
{
    bool narrow = val_is(v, "128");

    if (want_scalar(l, f->name, v) &&
        read_ok(l, f->name, v,
                narrow || val_is(v, "256") ? NULL : "expected 128 or 256 (bits)")) {
        *(uint16_t *)out = narrow ? 128 : 256;
    }
}

TABLE(qi, "qi",
      { [QI_FIELD_IOMMU] = { "iommu", field_iommu, U(qi.iommu), 0, NULL },
        [QI_FIELD_DESCRIPTORS] = { "descriptors", field_descriptors, U(qi), 0, NULL },
        [QI_FIELD_RAW] = { "raw", field_raw_words, U(qi), 0, NULL },
        [QI_FIELD_WIDTH] = { "width", field_qi_width, U(qi.width), 0, NULL } });

void
finish_qi(struct loader *l, const struct action *a, struct step *s,
          const struct args *args)
{
    if (args_has(args, QI_FIELD_RAW) == args_has(args, QI_FIELD_DESCRIPTORS)) {
        load_error(l, args->whole, "'qi' needs 'descriptors' or 'raw'");
    } else if (s->u.qi.n == 0) {
        load_error(l, arg_at(args, QI_FIELD_DESCRIPTORS),
                   "'descriptors' takes at least one");
    }
    want_vtd(l, a, args, &s->u.qi.iommu);
}
