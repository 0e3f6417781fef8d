/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The actions of steps: for each its arguments as a table of fields into struct
 * step, what they must agree on, and its documentation. YAML steps and script
 * lines go by the same tables.
 */
#ifndef IOMMUSIM_SCENARIO_ACTION_H
#define IOMMUSIM_SCENARIO_ACTION_H

#include "scenario/loader.h"

struct action;
typedef void action_fn(struct loader *l, const struct action *a, struct step *s,
                       const struct args *args);

struct action {
    struct step_doc doc; /* doc.name is the key */
    enum step_kind kind;
    const struct schema *schema;
    action_fn *finish;   /* after all arguments were read without error; may be NULL */
    field_fn *shorthand; /* `ACTION: word` instead of arguments; gets the step; or NULL */
};

/* Defines NAME_schema, from the table of its fields; U: where an argument goes. */
#define TABLE(name, text, ...)                                                           \
    static const struct field name##_fields[] = __VA_ARGS__;                             \
    const struct schema name##_schema = { .what = text,                                  \
                                          .fields = name##_fields,                       \
                                          .n = LEN(name##_fields) }
#define U(member) offsetof(struct step, u.member)

extern const struct schema map_schema, unmap_schema, change_schema, flush_schema;
extern const struct schema attach_schema, detach_schema, ats_schema, dma_schema,
    target_schema;
extern const struct schema subscribe_schema, unsubscribe_schema, announce_schema,
    check_schema, dump_schema, fail_schema, blocks_schema, migration_schema;
extern const struct schema workload_schema, replay_schema, mem_schema, mem_expect_schema;
extern const struct schema mmio_schema, mmio_expect_schema, pte_schema, root_schema;
extern const struct schema context_schema, pasid_dir_schema, pasid_schema;
extern const struct schema qi_schema, put_tce_schema, put_tce_indirect_schema;
extern const struct schema stuff_tce_schema, get_tce_schema, rtas_schema;

action_fn finish_map, finish_flush, finish_attach, finish_ats, finish_dma, finish_target;
action_fn finish_subscribe, finish_unsubscribe, finish_dump, finish_workload,
    finish_replay;
action_fn finish_mem, finish_mmio, finish_pte, finish_entry, finish_qi, finish_tce;
action_fn finish_rtas, finish_migrate, finish_fail, finish_blocks;
field_fn field_target, field_dump_what, field_migration;

/* The action called `key`, or NULL. */
const struct action *find_action(struct val key);

/* Report an unknown action. */
void unknown_action(struct loader *l, struct val key);

/* A zeroed step gets its kind and what is not zero by default. */
void step_init(struct loader *l, struct step *s, const struct action *a,
               struct src_pos pos);

/* The IOMMU of an intel-vtd step: *iommu as given, or the only one there is. */
bool want_vtd(struct loader *l, const struct action *a, const struct args *args,
              uint32_t *iommu);

/* The bytes of `key` in steps of that kind, or NULL if they have no such argument. */
uint64_t *step_number(struct step *s, enum stride_key key);

/* The keys of `stride`, by enum stride_key. */
extern const struct word_list stride_words;

/* The bits of IOVA that the tables of a map step have. */
unsigned map_bits(const struct loader *l, const struct step_map *m);

/*
 * Report at `where` the numbers of steps (s and those linked behind it) that the
 * strides of `o` carry too far.
 */
void check_strides(struct loader *l, struct val where, const struct step *s,
                   const struct step_options *o);

/*
 * Read the lines of a script block: its steps are appended at *tail. The new tail.
 */
struct step **load_script(struct loader *l, struct val v, struct step **tail);

/* `at` of the step being read: in order, and not in a loop. */
bool check_at(struct loader *l, struct val v, sim_time at);

#endif
