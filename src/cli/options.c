/* SPDX-License-Identifier: GPL-3.0-or-later */
/* getopt_long does the parsing; the tables are in usage.c. */

#include <config.h>

#include "cli/options.h"

#include "cli/usage.h"
#include "scenario/scalar.h"
#include "util/alloc.h"
#include "util/names.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LEN(a) (sizeof(a) / sizeof *(a))

enum {
    JOBS_MAX = 256,
    CONTEXT_MAX = 1000,
    LISTED_MAX = 8, /* so many names are listed where none is near */
};

static const char *
command_name(enum command c)
{
    return commands[c].name;
}

/* --- messages --- */

__attribute__((format(printf, 2, 3))) static bool
bad_usage(const struct options *o, const char *fmt, ...)
{
    va_list ap;

    fputs("iommusim: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\nTry 'iommusim %s%s--help'.\n",
            o->command == COMMAND_RUN ? "" : command_name(o->command),
            o->command == COMMAND_RUN ? "" : " ");
    return false;
}

/* A value that is none of `names`. */
static bool
bad_name(const struct options *o, const char *option, const char *value,
         const char *const *names, size_t n)
{
    const char *near = name_nearest(value, names, n);

    if (near != NULL) {
        return bad_usage(o, "unknown %s '%s'; did you mean '%s'?", option, value, near);
    }
    if (n > LISTED_MAX) {
        return bad_usage(o, "unknown %s '%s'; see 'iommusim explain --list %ss'", option,
                         value, option);
    }
    char list[LISTED_MAX * 24] = "";
    for (size_t i = 0; i < n; i++) {
        const char *before = i == 0 ? "" : i + 1 == n ? " or " : ", ";
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", before, names[i]);
    }
    return bad_usage(o, "unknown %s '%s'; expected %s", option, value, list);
}

/* --- values --- */

static bool
parse_count(const struct options *o, const char *option, const char *s, uint64_t min,
            uint64_t max, unsigned *out)
{
    uint64_t v;

    if (scalar_u64(s, strlen(s), &v) != NULL || v < min || v > max) {
        return bad_usage(o, "bad value '%s' for %s: expected %u to %u", s, option,
                         (unsigned)min, (unsigned)max);
    }
    *out = (unsigned)v;
    return true;
}

/* The place of s in names. */
static bool
parse_choice(const struct options *o, const char *option, const char *s,
             const char *const *names, size_t n, size_t *out)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(names[i], s) == 0) {
            *out = i;
            return true;
        }
    }
    return bad_name(o, option, s, names, n);
}

static bool
parse_seed(struct options *o, const char *s)
{
    const char *wrong = scalar_u64(s, strlen(s), &o->seed);

    if (wrong != NULL) {
        return bad_usage(o, "bad value '%s' for --seed: %s", s, wrong);
    }
    o->has_seed = true;
    return true;
}

static bool
parse_profile(struct options *o, const char *s)
{
    const char *names[64];
    size_t n = 0;

    o->profile = profile_by_name(s);
    if (o->profile != NULL) {
        return true;
    }
    for (; n < LEN(names) && profile_at(n) != NULL; n++) {
        names[n] = profile_at(n)->name;
    }
    return bad_name(o, "profile", s, names, n);
}

static bool
parse_quirk(struct options *o, const char *s)
{
    struct quirk_option q = { .on = s[0] != '-' };
    const char *names[QUIRK_COUNT];

    if (!quirk_by_name(q.on ? s : s + 1, &q.id)) {
        for (unsigned i = 0; i < QUIRK_COUNT; i++) {
            names[i] = quirk_info((enum quirk)i)->name;
        }
        return bad_name(o, "quirk", q.on ? s : s + 1, names, QUIRK_COUNT);
    }
    o->quirks = xrealloc(o->quirks, o->n_quirks + 1, sizeof *o->quirks);
    o->quirks[o->n_quirks++] = q;
    return true;
}

static bool
parse_watch(struct options *o, char *s)
{
    struct trace_watch w = { .device = s };
    char *colon = strrchr(s, ':');

    if (colon == NULL || colon == s) {
        return bad_usage(o, "bad value '%s' for --watch: expected DEVICE:IOVA", s);
    }
    const char *wrong = scalar_size(colon + 1, strlen(colon + 1), &w.iova);
    if (wrong != NULL) {
        return bad_usage(o, "bad IOVA '%s' for --watch: %s", colon + 1, wrong);
    }
    *colon = '\0';
    o->watches = xrealloc(o->watches, o->n_watches + 1, sizeof *o->watches);
    o->watches[o->n_watches++] = w;
    return true;
}

static void
add_subscriber(struct options *o, const char *s)
{
    o->subscribers =
        xrealloc(o->subscribers, o->n_subscribers + 1, sizeof *o->subscribers);
    o->subscribers[o->n_subscribers++] = s;
}

static const char *const format_names[] = { "text", "jsonl" };
static const enum trace_format formats[] = { TRACE_FORMAT_TEXT, TRACE_FORMAT_JSONL };
static const char *const color_names[] = { "auto", "always", "never" };
static const enum color_option colors[] = { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };
static const char *const from_names[] = { "qemu-log", "linux-trace" };
static const char *const stop_names[] = { "violation" };
static const char *const ignore_names[] = { "time" };

static bool
take_choice(struct options *o, const struct option_info *info, const char *arg)
{
    size_t i = 0;

    switch (info->key) {
    case OPT_FORMAT:
        if (!parse_choice(o, "format", arg, format_names, LEN(format_names), &i)) {
            return false;
        }
        o->format = formats[i];
        return true;
    case OPT_COLOR:
        if (!parse_choice(o, "color", arg, color_names, LEN(color_names), &i)) {
            return false;
        }
        o->color = colors[i];
        return true;
    case OPT_FROM:
        o->from = arg;
        return parse_choice(o, "kind of capture", arg, from_names, LEN(from_names), &i);
    case OPT_STOP_ON:
        o->stop_on_violation = true;
        return parse_choice(o, "event to stop on", arg, stop_names, LEN(stop_names), &i);
    default:
        o->ignore_time = true;
        return parse_choice(o, "thing to ignore", arg, ignore_names, LEN(ignore_names),
                            &i);
    }
}

static bool
take(struct options *o, const struct option_info *info, char *arg)
{
    switch (info->key) {
    case 'o':
        o->output = strcmp(arg, "-") == 0 ? NULL : arg;
        return true;
    case 'v':
        o->level = TRACE_VERBOSE;
        return true;
    case 'q':
        o->level = TRACE_QUIET;
        return true;
    case 'j':
        return parse_count(o, "--jobs", arg, 1, JOBS_MAX, &o->jobs);
    case 'C':
        return parse_count(o, "--context", arg, 0, CONTEXT_MAX, &o->context);
    case OPT_SUBSCRIBER:
        add_subscriber(o, arg);
        return true;
    case OPT_SPLIT:
        o->split = arg;
        return true;
    case OPT_WATCH:
        return parse_watch(o, arg);
    case OPT_SEED:
        return parse_seed(o, arg);
    case OPT_PROFILE:
        return parse_profile(o, arg);
    case OPT_QUIRK:
        return parse_quirk(o, arg);
    case OPT_PROGRESS:
        o->progress = true;
        return true;
    case OPT_FAIL_NTH:
        o->fail_table = arg == NULL;
        o->fail_nth = 0;
        return arg == NULL ||
               parse_count(o, "--fail-nth", arg, 1, UINT32_MAX, &o->fail_nth);
    case OPT_UPDATE:
        o->update = true;
        return true;
    case OPT_DUMP:
        o->dump = true;
        return true;
    case OPT_DMA:
        o->dma = true;
        return true;
    case OPT_LIST:
        o->list = arg;
        return true;
    default:
        return take_choice(o, info, arg);
    }
}

/* --- getopt --- */

struct getopt_tables {
    char letters[3 * OPTION_COUNT + 3];
    struct option longs[OPTION_COUNT + 1];
};

static void
fill_tables(struct getopt_tables *t, bool permute)
{
    char *p = t->letters;

    if (!permute) {
        *p++ = '+';
    }
    *p++ = ':';
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        t->longs[i] = (struct option){
            .name = option_infos[i].name,
            .has_arg = option_infos[i].arg == NULL                ? no_argument
                       : option_arg_is_optional(&option_infos[i]) ? optional_argument
                                                                  : required_argument,
            .val = option_infos[i].key,
        };
        if (option_infos[i].key < 256) {
            *p++ = (char)option_infos[i].key;
            if (option_infos[i].arg != NULL) {
                *p++ = ':';
            }
        }
    }
    *p = '\0';
    t->longs[OPTION_COUNT] = (struct option){ 0 };
}

static const struct option_info *
info_of(int key)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (option_infos[i].key == key) {
            return &option_infos[i];
        }
    }
    return NULL;
}

/*
 * The subcommand is the first operand, wherever options stand. Its place in argv, or 0
 * if it is left out; then o->command is `run`.
 */
static int
find_command(struct options *o, int argc, char **argv)
{
    struct getopt_tables t;

    fill_tables(&t, false);
    opterr = 0;
    optind = 0;
    while (getopt_long(argc, argv, t.letters, t.longs, NULL) != -1) {
    }
    if (optind >= argc || (optind > 1 && strcmp(argv[optind - 1], "--") == 0)) {
        return 0;
    }
    for (int c = 0; c < COMMAND_COUNT; c++) {
        if (strcmp(argv[optind], commands[c].name) == 0) {
            o->command = (enum command)c;
            return optind;
        }
    }
    return 0;
}

static bool
unknown_option(const struct options *o, const char *arg)
{
    const char *names[OPTION_COUNT];
    char word[64];

    if (optopt != 0 && info_of(optopt) == NULL) {
        return bad_usage(o, "unknown option '-%c'", optopt);
    }
    if (optopt != 0) {
        return bad_usage(o, "option '--%s' takes no value", info_of(optopt)->name);
    }
    snprintf(word, sizeof word, "%.*s", (int)strcspn(arg + 2, "="), arg + 2);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        bool mine = (option_infos[i].commands & (1 << o->command)) != 0;
        names[i] = mine && option_infos[i].what != NULL ? option_infos[i].name : NULL;
    }
    const char *near = name_nearest(word, names, OPTION_COUNT);
    if (near != NULL) {
        return bad_usage(o, "unknown option '--%s'; did you mean '--%s'?", word, near);
    }
    return bad_usage(o, "unknown or ambiguous option '--%s'", word);
}

static bool
missing_argument(const struct options *o)
{
    const struct option_info *info = info_of(optopt);

    if (info->key == OPT_LIST) {
        return bad_usage(o, "option '--list' needs a value: %s", EXPLAIN_KINDS);
    }
    return bad_usage(o, "option '--%s' needs a value: %s", info->name, info->arg);
}

/* One key from getopt_long. */
static enum options_result
take_key(struct options *o, int key, char **argv, bool command_given)
{
    const struct option_info *info = info_of(key);

    if (key == '?') {
        unknown_option(o, argv[optind - 1]);
        return OPTIONS_BAD;
    }
    if (key == ':') {
        missing_argument(o);
        return OPTIONS_BAD;
    }
    if (key == 'h') {
        if (command_given) {
            print_command_help(o->command);
        } else {
            print_program_help();
        }
        return OPTIONS_DONE;
    }
    if (key == OPT_VERSION) {
        puts("iommusim " PACKAGE_VERSION);
        return OPTIONS_DONE;
    }
    if ((info->commands & (1 << o->command)) == 0) {
        bad_usage(o, "option '--%s' is not one of '%s'", info->name,
                  command_name(o->command));
        return OPTIONS_BAD;
    }
    return take(o, info, optarg) ? OPTIONS_RUN : OPTIONS_BAD;
}

/* --- operands --- */

/* `iommusim chek x.yaml` is a misspelt command more likely than a missing file. */
static bool
check_first(const struct options *o, bool command_given)
{
    const char *names[COMMAND_COUNT];
    const char *first = o->n_operands > 0 ? o->operands[0] : "-";

    if (command_given || strchr(first, '.') != NULL || strchr(first, '/') != NULL ||
        strcmp(first, "-") == 0 || access(first, F_OK) == 0) {
        return true;
    }
    for (int c = 0; c < COMMAND_COUNT; c++) {
        names[c] = commands[c].name;
    }
    const char *near = name_nearest(first, names, COMMAND_COUNT);
    return near == NULL || strcmp(near, first) == 0 || /* after -- it is a file */
           bad_usage(o, "unknown command '%s'; did you mean '%s'?", first, near);
}

static bool
check_operands(const struct options *o, bool command_given)
{
    const struct command_info *c = &commands[o->command];

    if (!check_first(o, command_given)) {
        return false;
    }
    if (o->n_operands < c->min_operands || o->n_operands > c->max_operands) {
        return bad_usage(o, "%s operand: iommusim %s",
                         o->n_operands < c->min_operands ? "missing" : "extra", c->usage);
    }
    if (o->command == COMMAND_EXPLAIN && (o->list == NULL) == (o->n_operands == 0)) {
        return bad_usage(o, "expected either a name or --list: iommusim %s", c->usage);
    }
    if (o->fail_table && (o->output != NULL || o->split != NULL || o->n_subscribers > 0 ||
                          o->n_watches > 0 || o->stop_on_violation)) {
        return bad_usage(o, "--fail-nth writes no trace: it goes without -o, --split, "
                            "--subscriber, --watch and --stop-on");
    }
    if (o->command == COMMAND_IMPORT && o->from == NULL) {
        return bad_usage(o, "missing --from: iommusim %s", c->usage);
    }
    return true;
}

/* Take the word at `at` out of argv. */
static void
remove_arg(int *argc, char **argv, int at)
{
    memmove(&argv[at], &argv[at + 1], (size_t)(*argc - at) * sizeof *argv);
    (*argc)--;
}

enum options_result
options_parse(struct options *o, int argc, char **argv)
{
    struct getopt_tables t;
    int key;

    *o = (struct options){
        .format = TRACE_FORMAT_TEXT,
        .level = TRACE_NORMAL,
        .jobs = 1,
        .context = 3,
    };
    int at = find_command(o, argc, argv);
    if (at > 0) {
        remove_arg(&argc, argv, at);
    }
    fill_tables(&t, true);
    optind = 0;
    while ((key = getopt_long(argc, argv, t.letters, t.longs, NULL)) != -1) {
        enum options_result result = take_key(o, key, argv, at > 0);
        if (result != OPTIONS_RUN) {
            return result;
        }
    }
    o->operands = argv + optind;
    o->n_operands = (size_t)(argc - optind);
    return check_operands(o, at > 0) ? OPTIONS_RUN : OPTIONS_BAD;
}

void
options_fini(struct options *o)
{
    free(o->subscribers);
    free(o->watches);
    free(o->quirks);
}

static bool
terminal_wants_color(void)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");

    return isatty(STDOUT_FILENO) && (no_color == NULL || no_color[0] == '\0') &&
           term != NULL && strcmp(term, "dumb") != 0;
}

void
options_trace(const struct options *o, struct trace_options *t)
{
    bool to_stdout = o->output == NULL && o->split == NULL;

    *t = (struct trace_options){
        .format = o->format,
        .level = o->level,
        .path = o->output,
        .fd = STDOUT_FILENO,
        .split_dir = o->split,
        .color = o->color == COLOR_ALWAYS ||
                 (o->color == COLOR_AUTO && to_stdout && terminal_wants_color()),
        .subscribers = o->subscribers,
        .n_subscribers = o->n_subscribers,
        .watches = o->watches,
        .n_watches = o->n_watches,
    };
}
