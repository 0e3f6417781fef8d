/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Arguments of the actions about subscribers, dumps and generated traffic. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scenario/action.h"

/* ---- subscribe, unsubscribe, announce ----------------------------------- */

static void
field_replay_choice(struct loader *l, const struct field *f, struct val v, void *out)
{
    bool on = false;
    uint64_t before = l->errors;

    field_switch(l, f, v, &on);
    if (l->errors == before) {
        *(uint8_t *)out = on ? REPLAY_ON : REPLAY_OFF;
    }
}

/* All but `device` and `replay` are options of the subscriber, read by its own table. */
static void
field_option(struct loader *l, const struct field *f, struct val v, void *out)
{
    struct val key = { f->name, strlen(f->name), v.node };

    (void)out;
    if (v.node == NULL) {
        key.s = v.s - key.len - 1; /* key=value: for the place of an error */
    }
    schema_key(l, &subscriber_schema, key, v, l->sub, l->sub_args);
}

/* Several at once, as a trace writes them: NAME=VALUE:NAME=VALUE. */
static void
field_options(struct loader *l, const struct field *f, struct val v, void *out)
{
    (void)out;
    if (v.node != NULL) {
        load_error(l, v, "'%s' is for lines; write each option by itself", f->name);
        return;
    }
    while (v.len > 0) {
        struct val value = next_part(&v, ':');
        struct val key = next_part(&value, '=');

        schema_key(l, &subscriber_schema, key, value, l->sub, l->sub_args);
    }
}

enum { SUBSCRIBE_DEVICE };

static const struct field subscribe_fields[] = {
    [SUBSCRIBE_DEVICE] = { "device", field_device, U(subscribe.device), FIELD_REQUIRED,
                           NULL },
    { "replay", field_replay_choice, U(subscribe.replay), 0, NULL },
    { "backend", field_option, 0, FIELD_REQUIRED, NULL },
    { "options", field_options, 0, 0, NULL },
};
const struct schema subscribe_schema = { .what = "subscribe",
                                         .fields = subscribe_fields,
                                         .n = LEN(subscribe_fields),
                                         .more = &subscriber_schema,
                                         .read_more = field_option };

void
finish_subscribe(struct loader *l, const struct action *a, struct step *s,
                 const struct args *args)
{
    struct step_subscribe *u = &s->u.subscribe;
    struct args sub_args = *l->sub_args;

    (void)a;
    sub_args.whole = args->whole;
    if (subscriber_finish(l, &sub_args, l->sc->devices[u->device].id, l->sub)) {
        u->sub = l->sub;
        check_container(l, u->device, u->sub);
        if (!l->streaming) {
            strmap_put(&l->sc->index->subscribers, u->sub->label, strlen(u->sub->label),
                       0);
        }
    }
}

enum { UNSUBSCRIBE_DEVICE, UNSUBSCRIBE_BACKEND, UNSUBSCRIBE_NAME };

#define UNSUBSCRIBE_FIELDS                                                               \
    [UNSUBSCRIBE_DEVICE] = { "device", field_device, U(unsubscribe.device),              \
                             FIELD_REQUIRED, NULL },                                     \
    [UNSUBSCRIBE_BACKEND] = { "backend", field_name, U(unsubscribe.name), 0, NULL },     \
    [UNSUBSCRIBE_NAME] = { "name", field_name, U(unsubscribe.name), 0, NULL }
TABLE(unsubscribe, "unsubscribe", { UNSUBSCRIBE_FIELDS });
TABLE(announce, "announce", { UNSUBSCRIBE_FIELDS });

/* Refer to `device`/`name` where the name stands. */
static void
refer_by_name(struct loader *l, uint32_t device, struct val name)
{
    const char *id = l->sc->devices[device].id;
    size_t n = strlen(id);
    char *label = arena_alloc(l->arena, n + name.len + 2);

    memcpy(label, id, n);
    label[n] = '/';
    memcpy(label + n + 1, name.s, name.len);
    refer_label(l, label, name);
}

void
finish_unsubscribe(struct loader *l, const struct action *a, struct step *s,
                   const struct args *args)
{
    bool named = args_has(args, UNSUBSCRIBE_NAME);

    if (!named && !args_has(args, UNSUBSCRIBE_BACKEND)) {
        load_error(l, args->whole, "'%s' needs 'backend' or 'name'", a->doc.name);
        return;
    }
    struct val v = args->v[named ? UNSUBSCRIBE_NAME : UNSUBSCRIBE_BACKEND];

    s->u.unsubscribe.name = load_strdup(l, v);
    refer_by_name(l, s->u.unsubscribe.device, v);
}

/* ---- check, dump -------------------------------------------------------- */

const struct schema check_schema = { .what = "check" };

WORDS(dump_words, { "tables", "shadow", "caches" });

/* ---- fail ---------------------------------------------------------------- */

WORDS(fail_ops, { "register", "map", "unmap", "message", "replay", "track", "sync" });

static void
field_fail_subscriber(struct loader *l, const struct field *f, struct val v, void *out)
{
    (void)f;
    *(const char **)out = refer_subscriber(l, v, false);
}

static void
field_fail_errno(struct loader *l, const struct field *f, struct val v, void *out)
{
    char buf[VAL_TEXT];

    if (want_scalar(l, f->name, v) &&
        !errno_by_name(val_text(v, buf, sizeof(buf)), out)) {
        read_ok(l, f->name, v, "expected the name of an error, such as ENOMEM");
    }
}

enum { FAIL_FIELD_SUBSCRIBER, FAIL_FIELD_OP, FAIL_FIELD_NTH, FAIL_FIELD_ERRNO };

TABLE(fail, "fail",
      {
          [FAIL_FIELD_SUBSCRIBER] = { "subscriber", field_fail_subscriber,
                                      U(fail.subscriber), FIELD_REQUIRED, NULL },
          [FAIL_FIELD_OP] = { "op", field_enum8, U(fail.op), FIELD_REQUIRED, &fail_ops },
          [FAIL_FIELD_NTH] = { "nth", field_u64, U(fail.nth), 0, NULL },
          [FAIL_FIELD_ERRNO] = { "errno", field_fail_errno, U(fail.error), 0, NULL },
      });

void
finish_fail(struct loader *l, const struct action *a, struct step *s,
            const struct args *args)
{
    (void)a;
    if (!args_has(args, FAIL_FIELD_NTH)) {
        s->u.fail.nth = 1;
    } else if (s->u.fail.nth == 0) {
        load_error(l, arg_at(args, FAIL_FIELD_NTH), "'nth' counts from 1");
    }
}

/* ---- migration ----------------------------------------------------------- */

WORDS(migration_ops, { "start", "sync", "stop" });

TABLE(migration, "migration",
      { { "op", field_enum, U(migration), FIELD_REQUIRED, &migration_ops } });

void
field_migration(struct loader *l, const struct field *f, struct val v, void *out)
{
    struct step *s = out;

    field_enum(l, &(struct field){ .name = f->name, .arg = &migration_ops }, v,
               &s->u.migration);
}

/* ---- discard, populate --------------------------------------------------- */

TABLE(blocks, "blocks",
      {
          { "gpa", field_size, U(blocks.gpa), FIELD_REQUIRED, NULL },
          { "size", field_some, U(blocks.size), FIELD_REQUIRED, NULL },
      });

void
finish_blocks(struct loader *l, const struct action *a, struct step *s,
              const struct args *args)
{
    const uint64_t gpa = s->u.blocks.gpa, size = s->u.blocks.size;

    for (size_t i = 0; i < l->sc->n_ranges; i++) {
        const struct scenario_range *r = &l->sc->ranges[i];
        if (r->block == 0 || gpa < r->base || gpa - r->base >= r->size) {
            continue;
        }
        if (size > r->size - (gpa - r->base)) {
            load_error(l, args->whole, "the range passes the end of its RAM");
        } else if (((gpa | size) & (r->block - 1)) != 0) {
            load_error(l, args->whole,
                       "RAM comes and goes here in blocks of 0x%llx bytes",
                       (unsigned long long)r->block);
        }
        return;
    }
    load_error(l, args->whole, "'%s' is for RAM that is in blocks (ram: {block: })",
               a->doc.name);
}

/* ---- dump --------------------------------------------------------------- */

enum { DUMP_FIELD_WHAT, DUMP_FIELD_IOMMU, DUMP_FIELD_DEVICE, DUMP_FIELD_SUBSCRIBER };

TABLE(dump, "dump",
      {
          [DUMP_FIELD_WHAT] = { "what", field_enum8, U(dump.what), FIELD_REQUIRED,
                                &dump_words },
          [DUMP_FIELD_IOMMU] = { "iommu", field_iommu, U(dump.iommu), 0, NULL },
          [DUMP_FIELD_DEVICE] = { "device", field_device, U(dump.device), 0, NULL },
          [DUMP_FIELD_SUBSCRIBER] = { "subscriber", field_ignore, 0, 0, NULL },
      });

void
field_dump_what(struct loader *l, const struct field *f, struct val v, void *out)
{
    struct step *s = out;

    field_enum8(l, &(struct field){ .name = f->name, .arg = &dump_words }, v,
                &s->u.dump.what);
}

/* "device/name" in full, or the name alone beside `device`. */
static void
dump_subscriber(struct loader *l, struct step_dump *d, struct val v)
{
    const char *slash = v.s != NULL ? memchr(v.s, '/', v.len) : NULL;

    if (!want_scalar(l, "subscriber", v)) {
        return;
    }
    if (slash != NULL) {
        struct val device = { v.s, (size_t)(slash - v.s), v.node };

        refer_subscriber(l, v, false);
        strmap_get(&l->sc->index->devices, device.s, device.len, &d->device);
        d->subscriber =
            arena_strndup(l->arena, slash + 1, v.len - (size_t)(slash + 1 - v.s));
    } else if (d->device == SCENARIO_NONE) {
        load_error(l, v, "a subscriber is written device/name");
    } else {
        refer_by_name(l, d->device, v);
        d->subscriber = load_strdup(l, v);
    }
}

void
finish_dump(struct loader *l, const struct action *a, struct step *s,
            const struct args *args)
{
    (void)a;
    if (args_has(args, DUMP_FIELD_SUBSCRIBER)) {
        dump_subscriber(l, &s->u.dump, args->v[DUMP_FIELD_SUBSCRIBER]);
    }
}

/* ---- workload ----------------------------------------------------------- */

static struct step_workload *
workload_of(struct step *s)
{
    union { /* the loader made it, readers get it as const */
        const struct step_workload *read;
        struct step_workload *made;
    } w = { .read = s->u.workload };

    return w.made;
}

#define W(member) offsetof(struct step_workload, member)

SCHEMA(buffer_schema, "buffer",
       { { "size", field_dist_size, W(buffer_size), FIELD_REQUIRED, NULL } });

static void
field_buffer(struct loader *l, const struct field *f, struct val v, void *out)
{
    struct args args;

    if (v.s != NULL) {
        field_dist_size(l, f, v, (char *)out + W(buffer_size));
    } else if (want_map(l, f->name, v) != NULL) {
        schema_read(l, &buffer_schema, v.node, out, &args);
    }
}

enum { WORKLOAD_DEVICE, WORKLOAD_DRIVER };

/* Fields of struct step_workload; in_workload takes them there. */
static const struct field workload_inner_fields[] = {
    [WORKLOAD_DEVICE] = { "device", field_device, W(device), FIELD_REQUIRED, NULL },
    [WORKLOAD_DRIVER] = { "driver", field_ignore, 0, 0, NULL },
    { "ring", field_count, W(ring), 0, NULL },
    { "count", field_count, W(count), FIELD_REQUIRED, NULL },
    { "buffer", field_buffer, 0, 0, NULL },
    { "arrivals", field_dist_time, W(arrivals), 0, NULL },
};

static void
in_workload(struct loader *l, const struct field *f, struct val v, void *out)
{
    const struct field *inner = f->arg;

    inner->read(l, inner, v, (char *)workload_of(out) + inner->offset);
}

#define INNER(i, name, flags)                                                            \
    {                                                                                    \
        name, in_workload, 0, flags, &workload_inner_fields[i]                           \
    }
TABLE(workload, "workload",
      {
          INNER(0, "device", FIELD_REQUIRED),
          INNER(1, "driver", 0),
          INNER(2, "ring", 0),
          INNER(3, "count", FIELD_REQUIRED),
          INNER(4, "buffer", 0),
          INNER(5, "arrivals", 0),
      });

void
finish_workload(struct loader *l, const struct action *a, struct step *s,
                const struct args *args)
{
    struct step_workload *w = workload_of(s);
    uint32_t iommu = l->sc->devices[w->device].iommu;
    size_t driver;

    (void)a;
    if (args_has(args, WORKLOAD_DRIVER) &&
        read_choice(l, "driver", args->v[WORKLOAD_DRIVER], guest_drivers(), &driver)) {
        w->has_driver = true;
        w->driver = (enum guest_driver)driver;
    }
    if (iommu != SCENARIO_NONE && l->sc->iommus[iommu].model == IOMMU_NONE) {
        load_error(l, arg_at(args, WORKLOAD_DEVICE),
                   "'workload' cannot be done here: '%s' does not translate",
                   l->sc->iommus[iommu].id);
    }
    if (w->buffer_size.kind == DIST_CONSTANT && w->buffer_size.a == 0) {
        load_error(l, args->whole, "a buffer has at least 1 byte");
    }
}

/* ---- replay ------------------------------------------------------------- */

static const char *const from_words[] = {
    [REPLAY_QEMU_LOG] = "qemu-log",
    [REPLAY_LINUX_TRACE] = "linux-trace",
    [REPLAY_IOMMUSIM] = "iommusim",
    [REPLAY_SCRIPT] = "script",
};
static const struct word_list replay_from = { from_words, LEN(from_words) };

enum { REPLAY_CAPTURE, REPLAY_FROM, REPLAY_DMA };

TABLE(replay, "replay",
      {
          [REPLAY_CAPTURE] = { "capture", field_text, U(replay.capture), FIELD_REQUIRED,
                               NULL },
          [REPLAY_FROM] = { "from", field_enum, U(replay.from), FIELD_REQUIRED,
                            &replay_from },
          [REPLAY_DMA] = { "dma", field_switch, U(replay.dma), 0, NULL },
      });

void
finish_replay(struct loader *l, const struct action *a, struct step *s,
              const struct args *args)
{
    struct step_replay *r = &s->u.replay;
    struct stat st;
    int failed;

    (void)a;
    if (l->streaming) {
        load_error(l, args->whole, "a script that is replayed cannot replay another");
        return;
    }
    l->sc->index->replays = true;
    if (r->dma && r->from != REPLAY_QEMU_LOG) {
        load_error(l, args->v[REPLAY_DMA],
                   "only a log of QEMU shows accesses of devices");
    }
    r->path = path_beside(l, s->pos.file, r->capture);
    failed = access(r->path, R_OK) != 0 ? errno : 0;
    if (failed == 0 && stat(r->path, &st) == 0 && S_ISDIR(st.st_mode)) {
        failed = EISDIR;
    }
    if (failed != 0) {
        load_error(l, arg_at(args, REPLAY_CAPTURE), "cannot read '%.200s': %s",
                   r->capture, strerror(failed));
        return;
    }
    r->file = add_file(l, r->path, NULL, 0);
}
