/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A capture is read twice: once for the machine that it was taken on, once for what
 * happened. Hypercalls become lines of scripts, calls of the firmware, resets and
 * subscribers steps between them.
 */
#include "cli/import.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/message.h"
#include "cli/options.h"
#include "iommu/papr_fmt.h"
#include "scenario/scenario.h"
#include "trace/capture.h"
#include "util/alloc.h"
#include "util/names.h"

enum { ID_SIZE = 32 };

/* What QEMU offers, and a scenario that says nothing. */
#define USUAL_PAGE_SIZES                                                                 \
    (UINT64_C(1) << 12 | UINT64_C(1) << 16 | UINT64_C(1) << 21 | UINT64_C(1) << 24)

struct importer {
    struct trace_output *out;
    const char *path;
    const struct import_wish *wish; /* with at least one back end */
    struct capture_summary machine;
    bool spans;           /* subscribers come and go as the log says */
    uint64_t subscribers; /* that are there now */
    bool in_script;       /* the step being written is a script */
    uint64_t assumed;     /* steps that are not in the log */
};

#define say(im, ...) trace_output_print((im)->out, __VA_ARGS__)

/* --- the machine --- */

/* What the scenario calls a bridge or VIO table. */
static const char *
table_id(const struct capture_table *t, char id[static ID_SIZE])
{
    if (t->vio) {
        snprintf(id, ID_SIZE, "vio%" PRIx64, t->liobn);
    } else {
        snprintf(id, ID_SIZE, "phb%" PRIu64, (t->liobn & 0x7fffffff) >> 8);
    }
    return id;
}

static void
say_backends(struct importer *im)
{
    const char *separator = "";

    say(im, ", backend: %s", im->wish->n_backends > 1 ? "[" : "");
    for (size_t i = 0; i < im->wish->n_backends; i++) {
        say(im, "%s%s", separator, im->wish->backends[i]);
        separator = ", ";
    }
    say(im, "%s", im->wish->n_backends > 1 ? "]" : "");
}

/* Whether the devices of this table are without a subscriber until the log shows one. */
static bool
is_spanned(const struct importer *im, const struct capture_table *t)
{
    return im->spans && !t->vio;
}

/* A bit for each page size that the bridges offer. */
static uint64_t
offered_pages(const struct capture_summary *m)
{
    uint64_t sizes = 0;

    for (unsigned lg2 = PAGE_LG2; lg2 < 40; lg2++) {
        const uint64_t size = UINT64_C(1) << lg2;
        sizes |= (papr_page_mask(size) & m->page_mask) != 0 ? size : 0;
    }
    if (m->page_mask == 0) {
        sizes = USUAL_PAGE_SIZES;
    }
    for (size_t i = 0; i < m->n_dynamics; i++) {
        sizes |= UINT64_C(1) << m->dynamics[i].page_lg2;
    }
    return sizes;
}

static void
say_page_sizes(struct importer *im, uint64_t sizes)
{
    const char *separator = "";

    say(im, ", page_sizes: [");
    for (unsigned lg2 = PAGE_LG2; lg2 < 64; lg2++) {
        const uint64_t size = sizes & UINT64_C(1) << lg2;
        if (size != 0) {
            say(im, "%s%" PRIu64 "%s", separator, size >> (lg2 < 20 ? 10 : 20),
                lg2 < 20 ? "KiB" : "MiB");
            separator = ", ";
        }
    }
    say(im, "]");
}

/* Where windows are that are made beside others; 0: the log does not show it. */
static uint64_t
dynamic_base(const struct importer *im, uint64_t bridge)
{
    for (size_t i = 0; i < im->machine.n_dynamics; i++) {
        const struct capture_dynamic *d = &im->machine.dynamics[i];
        if (papr_liobn_bridge(d->liobn) == bridge && d->base != 0) {
            return d->base;
        }
    }
    return 0;
}

/* What a bridge offers its guest beside the default window. */
static void
say_firmware(struct importer *im, const struct capture_table *t)
{
    const struct capture_summary *m = &im->machine;
    const uint64_t base = dynamic_base(im, t->liobn), sizes = offered_pages(m);

    if (m->page_mask == 0 && m->n_dynamics == 0 && m->loads == 0) {
        return;
    }
    say(im, ", buid: 0x%" PRIx64 ", ddw: on", capture_buid(t->liobn));
    if (m->page_mask != 0 || sizes != USUAL_PAGE_SIZES) {
        say_page_sizes(im, sizes);
    }
    if (base != 0 && base != PAPR_DYNAMIC_BASE) {
        say(im, ", dynamic_base: 0x%" PRIx64, base);
    }
}

static void
say_machine(struct importer *im)
{
    const struct capture_summary *m = &im->machine;
    char id[ID_SIZE];

    say(im, "machine:\n  ram: 0x%" PRIx64 "\n  iommus:\n", m->ram > 0 ? m->ram : 1 << 24);
    for (size_t i = 0; i < m->n_tables; i++) {
        const struct capture_table *t = &m->tables[i];

        say(im,
            "    %s: {model: %s, liobn: 0x%" PRIx64 ", window: {base: 0, size: 0x%" PRIx64
            ", page: 4KiB}",
            table_id(t, id), t->vio ? "papr-vio" : "papr-tce", t->liobn, t->size);
        if (!t->vio) {
            say_firmware(im, t);
        }
        say(im, "}\n");
    }
    say(im, "  devices:\n");
    for (size_t i = 0; i < m->n_tables; i++) {
        const struct capture_table *t = &m->tables[i];

        table_id(t, id);
        say(im, "    %s-dev: {iommu: %s", id, id);
        if (!is_spanned(im, t)) {
            say_backends(im);
        }
        say(im, "}\n");
    }
    say(im, "guest: {driver: manual}\n");
}

void
import_say_quoted(struct trace_output *out, const char *text)
{
    trace_output_print(out, "\"");
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '"' || *p == '\\') {
            trace_output_print(out, "\\%c", *p);
        } else if ((unsigned char)*p < 0x20) {
            trace_output_print(out, "\\x%02x", (unsigned)*p);
        } else {
            trace_output_print(out, "%c", *p);
        }
    }
    trace_output_print(out, "\"");
}

static void
say_head(struct importer *im)
{
    const char *slash = strrchr(im->path, '/');
    const char *base = slash != NULL ? slash + 1 : im->path;

    say(im, "iommusim: 1\nname: ");
    import_say_quoted(im->out, base);
    say(im,
        "\ndescription: >-\n"
        "  Imported from a QEMU log with %" PRIu64 " hypercalls. Inner values of\n"
        "  H_PUT_TCE_INDIRECT, which the log does not carry, are those of a contiguous "
        "buffer;\n"
        "  the size of a default window is 1 GiB unless calls show another.\n",
        im->machine.calls);
    if (im->machine.per_entry_checks || im->machine.sticky_default) {
        say(im, "quirks: [%s%s%s]\n",
            im->machine.per_entry_checks ? "papr.per-entry-checks" : "",
            im->machine.per_entry_checks && im->machine.sticky_default ? ", " : "",
            im->machine.sticky_default ? "papr.sticky-default-window" : "");
    }
}

/* --- what happened --- */

static void
say_step(struct importer *im, const char *action, const char *argument)
{
    im->in_script = false;
    say(im, "  - %s: %s\n", action, argument);
}

static void
say_list(struct importer *im, const struct capture_op *op)
{
    if (op->npages == 0) {
        say(im, " list=0x%" PRIx64, op->list);
        return;
    }
    for (uint64_t k = 0; k < op->npages; k++) {
        say(im, "%s0x%" PRIx64, k == 0 ? " list=" : ",", capture_list_entry(op, k));
    }
    if (op->npages == 1) {
        say(im, ",0"); /* one number alone would be the address of a list */
    }
}

static void
begin_script(struct importer *im)
{
    if (!im->in_script) {
        say(im, "  - script: |\n");
        im->in_script = true;
    }
}

/* Calls as the guest made them, with the status that the log has as what is expected. */
static void
say_call(struct importer *im, const struct capture_op *op)
{
    static const char *const words[] = {
        [CAPTURE_PUT] = "h_put_tce",
        [CAPTURE_INDIRECT] = "h_put_tce_indirect",
        [CAPTURE_STUFF] = "h_stuff_tce",
        [CAPTURE_GET] = "h_get_tce",
    };
    const char *ret = hret_name(op->ret);

    begin_script(im);
    say(im, "      %s liobn=0x%" PRIx64 " ioba=0x%" PRIx64, words[op->kind], op->liobn,
        op->ioba);
    if (op->kind == CAPTURE_PUT || op->kind == CAPTURE_STUFF) {
        say(im, " tce=0x%" PRIx64, op->tce);
    }
    if (op->kind == CAPTURE_INDIRECT) {
        say_list(im, op);
    }
    if (op->kind == CAPTURE_STUFF || op->kind == CAPTURE_INDIRECT) {
        say(im, " npages=%" PRIu64, op->npages);
    }
    if (ret != NULL) {
        say(im, " ret=%s\n", ret);
    } else {
        say(im, " ret=%" PRId64 "\n", op->ret);
    }
}

/*
 * One byte at the address that a device used: the log has neither the size nor, where the
 * page permits both, the direction. Of what the log does not know nothing can be asked.
 */
static void
say_access(struct importer *im, const struct capture_op *op)
{
    const uint64_t table =
        papr_liobn_is_pci(op->liobn) ? papr_liobn_bridge(op->liobn) : op->liobn;
    char id[ID_SIZE];

    for (size_t i = 0; i < im->machine.n_tables && !op->unknown; i++) {
        const struct capture_table *t = &im->machine.tables[i];
        if (t->liobn != table) {
            continue;
        }
        begin_script(im);
        say(im, "      dma device=%s-dev iova=0x%" PRIx64 " size=1 access=%s",
            table_id(t, id), op->ioba, op->perm == PERM_W ? "write" : "read");
        if (op->perm != PERM_NONE) {
            say(im, " result=ok gpa=0x%" PRIx64, capture_access_gpa(op));
        }
        say(im, "\n");
    }
}

/* The words by which firmware calls name the bridge of a LIOBN. */
static const char *
bridge_words(uint64_t liobn, char who[static 64])
{
    const uint64_t buid = capture_buid(papr_liobn_bridge(liobn));

    snprintf(who, 64, "0, 0x%" PRIx64 ", 0x%" PRIx64, buid >> 32, buid & UINT32_MAX);
    return who;
}

/* Before a step that is not in the log. */
static void
say_assumed(struct importer *im, const struct capture_op *op)
{
    if (op->assumed) {
        say(im, "  # assumed, where the log begins late or has a gap:\n");
        im->assumed++;
    }
}

static void
say_create(struct importer *im, uint64_t liobn, const struct capture_geometry *g)
{
    char who[64];

    im->in_script = false;
    say(im,
        "  - {rtas: {call: create-pe-dma-window, args: [%s, %u, %d]}, "
        "expect: {rets: [0, 0x%" PRIx64 ", 0x%" PRIx64 ", 0x%" PRIx64 "]}}\n",
        bridge_words(liobn, who), g->page_lg2,
        (int)g->page_lg2 + __builtin_ctzll(g->entries), liobn, g->base >> 32,
        g->base & UINT32_MAX);
}

static void
say_remove(struct importer *im, uint64_t liobn)
{
    im->in_script = false;
    say(im,
        "  - {rtas: {call: remove-pe-dma-window, args: [0x%" PRIx64
        "]}, expect: {ret: 0}}\n",
        liobn);
}

/* A query or reset. */
static void
say_bridge_call(struct importer *im, const char *call, uint64_t liobn)
{
    char who[64];

    im->in_script = false;
    say(im, "  - {rtas: {call: %s-pe-dma-window, args: [%s]}, expect: {ret: 0}}\n", call,
        bridge_words(liobn, who));
}

/*
 * Calls by which a guest gets the windows that a migration brought. A window is made in
 * the lowest table that is free; it begins at 0 if it is the only one, else high up. So
 * one that is to be alone high up is made beside another, which goes then.
 */
static void
say_loaded(struct importer *im, const struct capture_op *op)
{
    const struct capture_geometry *low = &op->loaded[0], *high = &op->loaded[1];
    const bool has_low = low->state == CAPTURE_WINDOW_DYNAMIC;
    const bool has_high = high->state == CAPTURE_WINDOW_DYNAMIC;
    const bool low_is_far = has_low && low->base != 0;
    const bool high_first = low_is_far || !has_low;
    const struct capture_geometry other = { .base = low->base,
                                            .page_lg2 = low->page_lg2,
                                            .entries = 1 };

    say_bridge_call(im, "reset", op->liobn);
    if (high_first && (has_high || low_is_far)) {
        say_create(im, op->liobn + 1, has_high ? high : &other);
    }
    if (low->state != CAPTURE_WINDOW_DEFAULT) {
        say_remove(im, op->liobn);
    }
    if (has_low) {
        say_create(im, op->liobn, low);
    }
    if (has_high && !high_first) {
        say_create(im, op->liobn + 1, high);
    }
    if (low_is_far && !has_high) {
        say_remove(im, op->liobn + 1);
    }
}

/* A call of the firmware, with what it answered. */
static void
say_rtas(struct importer *im, const struct capture_op *op)
{
    const struct capture_geometry made = { .base = op->base,
                                           .entries = op->entries,
                                           .page_lg2 = op->page_lg2 };

    say_assumed(im, op);
    switch (op->kind) {
    case CAPTURE_WINDOW_QUERY:
        say_bridge_call(im, "query", op->liobn);
        break;
    case CAPTURE_WINDOW_CREATE:
        say_create(im, op->liobn, &made);
        break;
    case CAPTURE_WINDOW_REMOVE:
        say_remove(im, op->liobn);
        break;
    case CAPTURE_WINDOWS_LOADED:
        say_loaded(im, op);
        break;
    default:
        say_bridge_call(im, "reset", op->liobn);
    }
}

/* A bridge that the guest gets while the log runs. */
static bool
is_hotplugged(const struct importer *im, uint64_t liobn)
{
    for (size_t i = 0; i < im->machine.n_tables; i++) {
        const struct capture_table *t = &im->machine.tables[i];
        if (t->liobn == liobn) {
            return t->hotplugged && !t->vio;
        }
    }
    return false;
}

/* An action on one bridge, or (vio) on every VIO table. */
static void
say_iommu_step(struct importer *im, const char *action, bool vio, uint64_t liobn)
{
    char id[ID_SIZE];

    for (size_t i = 0; i < im->machine.n_tables; i++) {
        const struct capture_table *t = &im->machine.tables[i];

        if (t->vio == vio && (vio || t->liobn == liobn)) {
            say_step(im, action, table_id(t, id));
        }
    }
}

static void
say_span(struct importer *im, const char *action, const char *key)
{
    char id[ID_SIZE], argument[4 * ID_SIZE];

    for (size_t i = 0; i < im->machine.n_tables; i++) {
        const struct capture_table *t = &im->machine.tables[i];

        for (size_t k = 0; is_spanned(im, t) && k < im->wish->n_backends; k++) {
            snprintf(argument, sizeof(argument), "{device: %s-dev, %s: %s}",
                     table_id(t, id), key, im->wish->backends[k]);
            say_step(im, action, argument);
        }
    }
}

static void
say_subscriber(struct importer *im, bool comes)
{
    if (comes && im->subscribers++ == 0) {
        say_span(im, "subscribe", "backend");
    } else if (!comes && im->subscribers > 0 && --im->subscribers == 0) {
        say_span(im, "unsubscribe", "name");
    }
}

static void
say_op(struct importer *im, const struct capture_op *op)
{
    switch (op->kind) {
    case CAPTURE_PUT:
    case CAPTURE_INDIRECT:
    case CAPTURE_STUFF:
    case CAPTURE_GET:
        say_call(im, op);
        break;
    case CAPTURE_WINDOW_QUERY:
    case CAPTURE_WINDOW_CREATE:
    case CAPTURE_WINDOW_REMOVE:
    case CAPTURE_WINDOW_RESET:
    case CAPTURE_WINDOWS_LOADED:
        say_rtas(im, op);
        break;
    case CAPTURE_BRIDGE_RESET:
        say_iommu_step(im, "reset", false, op->liobn);
        break;
    case CAPTURE_VIO_RESET:
        say_iommu_step(im, "reset", true, 0);
        break;
    case CAPTURE_SUBSCRIBER_START:
    case CAPTURE_SUBSCRIBER_STOP:
        if (im->spans) {
            say_subscriber(im, op->kind == CAPTURE_SUBSCRIBER_START);
        }
        break;
    case CAPTURE_BRIDGE:
        if (is_hotplugged(im, op->liobn)) {
            say_iommu_step(im, "hotplug", false, op->liobn);
        }
        break;
    case CAPTURE_XLATE:
        if (im->wish->dma) {
            say_access(im, op);
        }
        break;
    case CAPTURE_VIO:
        break;
    }
}

/* What is there before the log begins is, and what comes later is not. */
static void
say_start(struct importer *im)
{
    const struct capture_summary *m = &im->machine;

    for (size_t i = 0; i < m->n_tables; i++) {
        if (is_hotplugged(im, m->tables[i].liobn)) {
            say_iommu_step(im, "unplug", false, m->tables[i].liobn);
        }
    }
    if (im->spans && m->subscribed > 0) {
        say(im, "  # assumed: a subscriber that leaves was there from the start\n");
        im->assumed++;
        say_subscriber(im, true);
        im->subscribers = m->subscribed;
    }
}

/* What the scenario has otherwise than the log. */
static void
say_notes(struct importer *im)
{
    size_t tables = 0;

    for (size_t i = 0; i < im->machine.n_tables; i++) {
        tables += im->machine.tables[i].assumed;
    }
    if (tables > 0) {
        say(im,
            "# The log does not show where %zu of the tables come from: they are taken "
            "to be\n# there, and empty, from the start.\n",
            tables);
    }
    if (im->assumed > 0) {
        say(im, "# %" PRIu64 " steps are assumed, each of which says so.\n", im->assumed);
    }
}

static bool
say_traffic(struct importer *im, struct err *e)
{
    struct capture *c = capture_open(im->path, e);
    enum capture_result r;
    struct capture_op op;

    if (c == NULL) {
        return false;
    }
    while ((r = capture_next(c, &op, e)) == CAPTURE_OP) {
        say_op(im, &op);
    }
    capture_close(c);
    return r == CAPTURE_END;
}

bool
import_qemu_log(const char *path, const struct import_wish *wish,
                struct trace_output *out, struct err *e)
{
    static const char *const usual[] = { "vfio-spapr" };
    struct import_wish with = *wish;
    struct importer im = { .out = out, .path = path, .wish = &with };
    bool ok;

    if (with.n_backends == 0) {
        with.backends = usual;
        with.n_backends = 1;
    }

    if (!capture_summarize(path, &im.machine, e)) {
        return false;
    }
    if (im.machine.n_tables == 0) {
        capture_summary_fini(&im.machine);
        return err_at(e, path, 0, 0, "no TCE table in this log (spapr_iommu_new_table)");
    }
    im.spans = im.machine.subscriptions > 0;
    say_head(&im);
    say_machine(&im);
    say(&im, "timeline:\n");
    say_start(&im);
    ok = say_traffic(&im, e);
    say_step(&im, "check", "{}");
    if (wish->dump) {
        say_step(&im, "dump", "tables");
    }
    say_notes(&im);
    capture_summary_fini(&im.machine);
    return ok;
}

/* --- the subcommand --- */

static bool
check_backend(const char *name, struct err *e)
{
    const char *names[BACKEND_COUNT];

    for (unsigned b = 0; b < BACKEND_COUNT; b++) {
        names[b] = backend_name((enum backend)b);
        if (strcmp(name, names[b]) == 0) {
            return true;
        }
    }
    const char *near = name_nearest(name, names, BACKEND_COUNT);

    return near == NULL
               ? err_set(e, "--subscriber: unknown backend '%.64s'", name)
               : err_set(e, "--subscriber: unknown backend '%.64s'; did you mean '%s'?",
                         name, near);
}

static bool
check_usage(const struct options *o, struct err *e)
{
    for (size_t i = 0; i < o->n_subscribers; i++) {
        if (!check_backend(o->subscribers[i], e)) {
            return false;
        }
    }
    return true;
}

static bool
import(const struct options *o, struct err *e)
{
    const struct import_wish wish = { .backends = o->subscribers,
                                      .n_backends = o->n_subscribers,
                                      .dump = o->dump,
                                      .dma = o->dma };
    struct trace_output out;

    if (!check_usage(o, e)) {
        return false;
    }
    if (o->output == NULL) {
        trace_output_init_fd(&out, STDOUT_FILENO);
    } else if (!trace_output_init_path(&out, o->output, e)) {
        return false;
    }
    bool ok = strcmp(o->from, "linux-trace") == 0
                  ? import_linux_trace(o->operands[0], &wish, &out, e)
                  : import_qemu_log(o->operands[0], &wish, &out, e);

    return trace_output_fini(&out, ok, ok ? e : NULL) && ok;
}

int
cli_import(const struct options *o)
{
    struct err e = { .file = NULL };

    if (!import(o, &e)) {
        cli_print_error(stderr, &e);
        return STATUS_FAIL;
    }
    return STATUS_OK;
}
