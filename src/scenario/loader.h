/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the parts of the loader share: its state, values with places, and tables
 * of fields that turn the keys of a mapping into members of a struct.
 *
 * A value comes from a YAML node or from a word of a script line; readers need
 * not know which, so that the same tables serve both.
 */
#ifndef IOMMUSIM_SCENARIO_LOADER_H
#define IOMMUSIM_SCENARIO_LOADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scenario/node.h"
#include "scenario/scenario.h"
#include "scenario/strmap.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Ids to indices; part of a scenario, for scripts that are read while it runs. */
struct scenario_index {
    struct strmap devices, iommus, domains;
    struct strmap subscribers; /* labels, to 0; those of `subscribe` steps too */
    struct strmap containers;  /* to device * BACKEND_COUNT + back end of the first */
    bool replays;              /* recordings may bring others */
};

/* The script line that is being read; words point into `begin`. */
struct script_line {
    uint32_t file, line;
    uint32_t indent; /* characters of the file's line before `begin` */
    const char *begin;
    size_t len;
};

/* A subscriber that something names; checked when all are known. */
struct name_ref;
struct args;

struct loader {
    struct scenario *sc;
    struct scenario_errors *errs;
    struct arena *arena; /* where what is read goes: the scenario's, or a line's */
    struct arena nodes;
    struct name_ref *refs;
    size_t n_refs;
    uint64_t errors;                  /* reported so far, repetitions included */
    const struct script_line *script; /* NULL outside of scripts */
    struct scenario_actor *timeline;  /* read item by item; NULL: not (yet) */
    struct step **timeline_tail;
    bool streaming; /* a script is read while the scenario runs: sc is as if const */
    struct scenario_device *devices; /* the scenario's, to note things */
    struct scenario_subscriber *sub; /* of the `subscribe` step being read, */
    struct args *sub_args;           /* and what was given for it */
    struct {                         /* what the steps of one actor carry along */
        sim_time last_at;
        unsigned loops; /* loops around the step being read */
    } actor;
};

struct val {
    const char *s; /* a scalar's text, else NULL */
    size_t len;
    const struct node *node; /* NULL: a word of a script line */
};

struct val val_of(const struct node *n);
struct src_pos val_pos(const struct loader *l, struct val v);

/* Report an error at a value. */
void load_error(struct loader *l, struct val v, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void load_error_at(struct loader *l, struct src_pos pos, uint32_t span, const char *fmt,
                   ...) __attribute__((format(printf, 4, 5)));

/*
 * "unknown WHAT 'v'" and "bad value 'v' for 'NAME'", with the name among `names` that
 * was meant, or (if they are few) all of them.
 */
void load_unknown(struct loader *l, struct val v, const char *what,
                  const char *const *names, size_t n);

void load_unknown_key(struct loader *l, struct val key, const char *where,
                      const char *const *names, size_t n);

void load_bad_choice(struct loader *l, struct val v, const char *name,
                     const char *const *names, size_t n);

/* The text of a value as a NUL-terminated copy for messages, cut to `size` - 1. */
const char *val_text(struct val v, char *buf, size_t size);
enum { VAL_TEXT = 72 };

/* Whether a scalar's text is `word`. */
bool val_is(struct val v, const char *word);

/* ---- fields ------------------------------------------------------------- */

struct field;
typedef void field_fn(struct loader *l, const struct field *f, struct val v, void *out);

enum {
    FIELD_REQUIRED = 1,
    FIELDS_MAX = 48, /* in one table */
};

struct field {
    const char *name;
    field_fn *read;
    size_t offset; /* of what `read` fills, in the struct that the table is for */
    unsigned flags;
    const void *arg; /* for `read` */
};

struct schema {
    const char *what; /* in messages: "unknown key 'x' in '<what>'" */
    const struct field *fields;
    size_t n;
    /* Keys of this table are taken, too, each by read_more, which gets its field. */
    const struct schema *more;
    field_fn *read_more;
};

#define SCHEMA(name, text, ...)                                                          \
    static const struct field name##_fields[] = __VA_ARGS__;                             \
    static const struct schema name = { .what = text,                                    \
                                        .fields = name##_fields,                         \
                                        .n = LEN(name##_fields) }

/* What was given, by the index of the field in its table. */
struct args {
    struct val whole; /* the mapping, or the action of a script line */
    uint64_t given;   /* bit i: v[i] is valid */
    uint64_t meant;   /* bit i: a misspelt key was probably field i */
    uint32_t next;    /* where the next key is looked for first */
    struct val v[FIELDS_MAX];
};

/*
 * Read a mapping (or an empty value) by its table into `out`. False if anything
 * was wrong; it has been reported.
 */
bool schema_read(struct loader *l, const struct schema *s, const struct node *map,
                 void *out, struct args *args);

/* The same in parts, for script lines: begin, each key, end. */
void args_init(struct args *args, struct val whole);
void schema_key(struct loader *l, const struct schema *s, struct val key, struct val v,
                void *out, struct args *args);
void schema_done(struct loader *l, const struct schema *s, const struct args *args);

static inline bool
args_has(const struct args *a, unsigned i)
{
    return (a->given >> i) & 1;
}

/* The field of that name, or NULL. */
const struct field *schema_field(const struct schema *s, struct val key);

/* Where an error about argument i belongs: at its value, else at the whole. */
static inline struct val
arg_at(const struct args *a, unsigned i)
{
    return args_has(a, i) ? a->v[i] : a->whole;
}

/* By name, for tables whose indices have no names; NULL if not given. */
const struct val *args_find(const struct schema *s, const struct args *a,
                            const char *name);

/* Readers; the comment says what they fill. */
field_fn field_ignore;     /* nothing: dealt with elsewhere */
field_fn field_u64;        /* uint64_t */
field_fn field_u32;        /* uint32_t */
field_fn field_u16;        /* uint16_t */
field_fn field_u8;         /* uint8_t */
field_fn field_count;      /* uint64_t, at least 1 */
field_fn field_size;       /* uint64_t; addresses too */
field_fn field_some;       /* uint64_t: a size, at least 1 */
field_fn field_time;       /* uint64_t */
field_fn field_switch;     /* bool */
field_fn field_unless_off; /* bool: a switch that sets it when off */
field_fn field_bit;        /* bool, written as a switch or as 0 or 1 */
field_fn field_perm;       /* uint8_t */
field_fn field_text;       /* const char * */
field_fn field_name;       /* const char *, fit for a trace field */
field_fn field_page;       /* uint8_t: log2; 0 for auto if arg is not NULL */
field_fn field_enum8;      /* uint8_t; arg is a struct word_list */
field_fn field_enum;       /* any enum; arg is a struct word_list */
field_fn field_dist_size;  /* struct dist */
field_fn field_dist_time;
field_fn field_device; /* uint32_t index */
field_fn field_iommu;
field_fn field_domain;
field_fn field_dirty; /* struct expect_dirty */
field_fn field_span;  /* struct scenario_span from [first, last] */

struct word_list {
    const char *const *words; /* NULLs are skipped; the index is the value */
    size_t n;
};

/* `v` up to the next `separator`; *rest moves behind it. Words of script lines. */
struct val next_part(struct val *rest, char separator);

#define WORDS(name, ...)                                                                 \
    static const char *const name##_words[] = __VA_ARGS__;                               \
    static const struct word_list name = { name##_words, LEN(name##_words) }

/* The index of v in a list; reports and gives false if there is none. */
bool read_word(struct loader *l, const char *what, struct val v,
               const struct word_list *list, size_t *out);

/* The same where the list is of a key's values rather than of named things. */
bool read_choice(struct loader *l, const char *name, struct val v,
                 const struct word_list *list, size_t *out);

/* A scalar with its `problem` as scalar.h gives it; true if that is NULL. */
bool read_ok(struct loader *l, const char *name, struct val v, const char *problem);

/* False, reported, unless v is a scalar. */
bool want_scalar(struct loader *l, const char *name, struct val v);

/* The node if v is a list (mapping) or empty; else reports and gives NULL. */
const struct node *want_list(struct loader *l, const char *name, struct val v);
const struct node *want_map(struct loader *l, const char *name, struct val v);

/* Items of a list or mapping that may be the empty scalar. */
static inline uint32_t
node_count(const struct node *n)
{
    return n->kind == NODE_SCALAR ? 0 : n->n;
}

/*
 * Numbers from a list, a single number, or (scripts) words with commas; each is
 * at most `max`. The array is in l->arena.
 */
const uint64_t *read_numbers(struct loader *l, const char *name, struct val v,
                             uint64_t max, size_t *n);

bool read_dist(struct loader *l, const char *name, struct val v, bool is_time,
               struct dist *out);

/* An id: letters, digits, '_', '-', '.' and ':', at most 64, none of the words kept. */
bool check_id(struct loader *l, const char *what, struct val v);

char *load_strdup(struct loader *l, struct val v);

/* ---- the parts ---------------------------------------------------------- */

void load_machine(struct loader *l, const struct node *map);
void load_devices(struct loader *l, const struct node *map);
/* An id that no device and no IOMMU has, and that is no word with a meaning. */
bool check_new_id(struct loader *l, const char *what, struct val v);
void load_guest(struct loader *l, const struct node *map);
void finish_table_memory(struct loader *l);
/* False, reported at v, unless a domain behind io can be attached to this PASID. */
bool check_domain_pasid(struct loader *l, struct val v, const struct scenario_iommu *io,
                        uint32_t pasid);
const struct word_list *guest_drivers(void);
void load_latency(struct loader *l, const struct node *map);
void load_actors(struct loader *l, const struct node *root);
/* The timeline as a stream: l->timeline from its key, then its steps one by one. */
void begin_timeline(struct loader *l, const struct node *key);
void add_timeline_step(struct loader *l, const struct node *step);
void load_expect(struct loader *l, const struct node *map, struct scenario_expect *out);
void load_runs(struct loader *l, const struct node *list);
void load_quirks(struct loader *l, const struct node *list, struct scenario_keys *keys);

/* A subscriber from `{backend: , ...}` (or its name alone) for a device. */
bool load_subscriber(struct loader *l, struct val v, const char *device,
                     struct scenario_subscriber *out);

/* The options of subscribers, which a `subscribe` step takes too. */
extern const struct schema subscriber_schema;
/* Defaults, and what the options of a subscriber must agree on. */
void subscriber_init(struct scenario_subscriber *sub);
bool subscriber_finish(struct loader *l, const struct args *args, const char *device,
                       struct scenario_subscriber *sub);

/* What `sub`, of that device, names as its container must be one that it can share. */
void check_container(struct loader *l, uint32_t device,
                     const struct scenario_subscriber *sub);

/* The `expect` of a step. */
const struct step_expect *load_step_expect(struct loader *l, struct val v);
/* One of ret, result, done and error from its text. */
void load_step_result(struct loader *l, const char *key, struct val v,
                      struct step_expect *x);

/*
 * Something names the subscriber `v` ("device/name"); reported in the end if there
 * is none. With `or_other` any device, IOMMU or actor will do as well.
 */
const char *refer_subscriber(struct loader *l, struct val v, bool or_other);
/* The same for the subscriber `label`, named at v in some other way. */
void refer_label(struct loader *l, const char *label, struct val v);
void check_references(struct loader *l);

/*
 * The root of the scenario with everything it includes laid under it.
 */
const struct node *load_includes(struct loader *l, const struct node *root);

/* Register a file; its index. `name` is copied, `text` taken. */
uint32_t add_file(struct loader *l, const char *name, char *text, size_t len);

/* `path` as seen from the directory of file `from`; in l->arena. */
const char *path_beside(struct loader *l, uint32_t from, const char *path);

#endif
