/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The `qi` action: descriptors for the invalidation queue of VT-d. */
#include <string.h>

#include "scenario/action.h"
#include "scenario/scalar.h"

static const char *const type_words[] = {
    [QI_RAW] = "raw", [QI_CONTEXT] = "context", [QI_IOTLB] = "iotlb",
    [QI_IEC] = "iec", [QI_WAIT] = "wait",
};
static const char *const later_types[] = { "dev-iotlb", "pasid-iotlb" };
static const struct word_list qi_types = { type_words, LEN(type_words), later_types,
                                           LEN(later_types) };

WORDS(context_granularity, { [QI_GLOBAL] = "global", "domain", "device" });
WORDS(iotlb_granularity, { [QI_GLOBAL] = "global", "domain", "page" });
WORDS(iec_granularity, { "global", "index" });

enum {
    D_TYPE,
    D_RAW,
    D_GRANULARITY,
    D_DID,
    D_IOVA,
    D_AM,
    D_IH,
    D_DRAIN_READ,
    D_DRAIN_WRITE,
    D_SID,
    D_FM,
    D_INDEX,
    D_IM,
    D_ADDRESS,
    D_DATA,
    D_STATUS,
    D_IRQ,
    D_FENCE,
};

static void
field_qi_raw(struct loader *l, const struct field *f, struct val v, void *out)
{
    size_t n;
    const uint64_t *raw = read_numbers(l, f->name, v, UINT64_MAX, &n);

    if (raw != NULL && n == 2) {
        memcpy(out, raw, 2 * sizeof(*raw));
    } else if (raw != NULL) {
        load_error(l, v, "'raw' takes two numbers: [low, high]");
    }
}

#define D(member) offsetof(struct qi_descriptor, member)

SCHEMA(desc_schema, "descriptor",
       {
           [D_TYPE] = { "type", field_enum8, D(type), 0, &qi_types },
           [D_RAW] = { "raw", field_qi_raw, D(raw), 0, NULL },
           [D_GRANULARITY] = { "granularity", field_ignore, 0, 0, NULL },
           [D_DID] = { "did", field_u16, D(did), 0, NULL },
           [D_IOVA] = { "iova", field_size, D(address), 0, NULL },
           [D_AM] = { "am", field_u8, D(am), 0, NULL },
           [D_IH] = { "ih", field_switch, D(ih), 0, NULL },
           [D_DRAIN_READ] = { "drain_read", field_switch, D(drain_read), 0, NULL },
           [D_DRAIN_WRITE] = { "drain_write", field_switch, D(drain_write), 0, NULL },
           [D_SID] = { "sid", field_u16, D(sid), 0, NULL },
           [D_FM] = { "fm", field_u8, D(fm), 0, NULL },
           [D_INDEX] = { "index", field_u16, D(index), 0, NULL },
           [D_IM] = { "im", field_u8, D(im), 0, NULL },
           [D_ADDRESS] = { "address", field_size, D(address), 0, NULL },
           [D_DATA] = { "data", field_u32, D(data), 0, NULL },
           [D_STATUS] = { "status", field_switch, D(status), 0, NULL },
           [D_IRQ] = { "irq", field_switch, D(irq), 0, NULL },
           [D_FENCE] = { "fence", field_switch, D(fence), 0, NULL },
       });

#define BIT(i) (UINT32_C(1) << (i))

struct qi_kind {
    uint32_t fields; /* that a descriptor of the type has */
    const struct word_list *granularity;
};

static const struct qi_kind kinds[] = {
    [QI_RAW] = { BIT(D_RAW), NULL },
    [QI_CONTEXT] = { BIT(D_GRANULARITY) | BIT(D_DID) | BIT(D_SID) | BIT(D_FM),
                     &context_granularity },
    [QI_IOTLB] = { BIT(D_GRANULARITY) | BIT(D_DID) | BIT(D_IOVA) | BIT(D_AM) | BIT(D_IH) |
                       BIT(D_DRAIN_READ) | BIT(D_DRAIN_WRITE),
                   &iotlb_granularity },
    [QI_IEC] = { BIT(D_GRANULARITY) | BIT(D_INDEX) | BIT(D_IM), &iec_granularity },
    [QI_WAIT] = { BIT(D_ADDRESS) | BIT(D_DATA) | BIT(D_STATUS) | BIT(D_IRQ) |
                      BIT(D_FENCE),
                  NULL },
};

/* Widths of the descriptor's fields. */
static void
check_widths(struct loader *l, const struct qi_descriptor *d, const struct args *args)
{
    if (d->am > 63) {
        load_error(l, args->v[D_AM], "'am' is 0 to 63");
    }
    if (d->fm > 3) {
        load_error(l, args->v[D_FM], "'fm' is 0 to 3");
    }
    if (d->im > 31) {
        load_error(l, args->v[D_IM], "'im' is 0 to 31");
    }
    if (d->type == QI_IOTLB && (d->address & PAGE_MASK) != 0) {
        load_error(l, args->v[D_IOVA], "'iova' must be a multiple of 4KiB");
    }
}

/* All keys of a descriptor have been read. */
static void
finish_descriptor(struct loader *l, struct qi_descriptor *d, struct args args)
{
    if (!args_has(&args, D_TYPE) && !args_has(&args, D_RAW)) {
        load_error(l, args.whole,
                   "a descriptor needs 'type' (context, iotlb, iec, wait) or "
                   "'raw'");
        return;
    }
    for (unsigned i = D_RAW; i < desc_schema.n; i++) {
        if (args_has(&args, i) && !(kinds[d->type].fields & BIT(i))) {
            load_error(l, args.v[i], "a descriptor of type '%s' has no '%s'",
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

/* The words up to the next `separator`; *rest moves behind it. */
static struct val
next_part(struct val *rest, char separator)
{
    const char *end = memchr(rest->s, separator, rest->len);
    struct val part = *rest;

    part.len = end != NULL ? (size_t)(end - rest->s) : rest->len;
    rest->s += part.len + (end != NULL);
    rest->len -= part.len + (end != NULL);
    return part;
}

/* `raw:LO:HI`; what follows the type. */
static void
read_raw_parts(struct loader *l, struct val rest, struct qi_descriptor *d)
{
    struct val lo = next_part(&rest, ':');

    (void)(read_ok(l, "raw", lo, scalar_u64(lo.s, lo.len, &d->raw[0])) &&
           read_ok(l, "raw", rest, scalar_u64(rest.s, rest.len, &d->raw[1])));
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

enum { QI_FIELD_IOMMU, QI_FIELD_DESCRIPTORS, QI_FIELD_RAW };

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
    }
    q->n = (uint32_t)(n / 2);
    q->desc = desc;
}

#define U(member) offsetof(struct step, u.member)

static const struct field qi_fields[] = {
    [QI_FIELD_IOMMU] = { "iommu", field_iommu, U(qi.iommu), 0, NULL },
    [QI_FIELD_DESCRIPTORS] = { "descriptors", field_descriptors, U(qi), 0, NULL },
    [QI_FIELD_RAW] = { "raw", field_raw_words, U(qi), 0, NULL },
};
const struct schema qi_schema = { "qi", qi_fields, LEN(qi_fields) };

void
finish_qi(struct loader *l, const struct action *a, struct step *s,
          const struct args *args)
{
    if (args_has(args, QI_FIELD_RAW) == args_has(args, QI_FIELD_DESCRIPTORS)) {
        load_error(l, args->whole, "'qi' needs 'descriptors' or 'raw'");
    } else if (s->u.qi.n == 0) {
        load_error(l, args->v[QI_FIELD_DESCRIPTORS], "'descriptors' takes at least one");
    }
    want_vtd(l, a, args, &s->u.qi.iommu);
}
