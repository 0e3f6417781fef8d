/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A topic is a kind of thing with names: how many there are, what each is called, and
 * its page. Quirks, profiles and steps bring their own tables; the rest is in
 * explain_text.def.
 */

#include "cli/explain.h"

#include "cli/options.h"
#include "cli/usage.h"
#include "scenario/scenario.h"
#include "util/alloc.h"
#include "util/names.h"
#include "util/quirks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LEN(a) (sizeof(a) / sizeof *(a))

enum { PART_MIN = 3 }; /* letters of a name that are enough to find it by */

struct class_page {
    const char *what, *who, *look, *example;
};

static const struct class_page class_pages[VIOLATION_COUNT] = {
#define CLASS_PAGE(id, what, who, look, example)                                         \
    [VIOLATION_##id] = { what, who, look, example },
#include "cli/explain_text.def"
};

/* A fault reason or an exit status: found by number or by name. */
struct number_page {
    const char *number;
    const char *name, *what, *look;
};

static const struct number_page fault_pages[] = {
#define FAULT_PAGE(reason, name, what, look) { #reason, name, what, look },
#include "cli/explain_text.def"
};

static const struct number_page exit_pages[] = {
#define EXIT_PAGE(status, name, what, look) { #status, name, what, look },
#include "cli/explain_text.def"
};

struct topic {
    const char *list; /* what --list calls it */
    /* The i-th name, NULL past the end; *also: a second name, or NULL. */
    const char *(*name)(size_t i, const char **also);
    void (*print)(size_t i);
};

enum { INDENT = 4, WIDTH = 84 };

/* A paragraph, filled: a newline is a blank. */
static void
print_text(const char *title, const char *text)
{
    size_t column = WIDTH;

    printf("\n%s", title);
    while (*text != '\0') {
        size_t len = strcspn(text, " \n");
        if (column + 1 + len > WIDTH) {
            printf("\n%*s", INDENT, "");
            column = INDENT;
        } else {
            putchar(' ');
            column++;
        }
        printf("%.*s", (int)len, text);
        column += len;
        text += len;
        text += strspn(text, " \n");
    }
    putchar('\n');
}

/* Lines as they are, indented. */
static void
print_lines(const char *title, const char *text)
{
    printf("\n%s\n", title);
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");
        printf("%*s%.*s\n", INDENT, "", (int)len, text);
        text += len;
        text += *text == '\n';
    }
}

static const char *
class_topic_name(size_t i, const char **also)
{
    *also = NULL;
    return i < VIOLATION_COUNT ? violation_name((enum violation_class)i) : NULL;
}

static void
print_class(size_t i)
{
    const struct class_page *p = &class_pages[i];

    printf("%s: a violation class\n", violation_name((enum violation_class)i));
    print_text("What it means", p->what);
    print_text("Who is usually to blame", p->who);
    print_text("What to look at", p->look);
    print_lines("Example", p->example);
}

static const char *
quirk_topic_name(size_t i, const char **also)
{
    *also = NULL;
    return i < QUIRK_COUNT ? quirk_info((enum quirk)i)->name : NULL;
}

static bool
profile_has(const struct profile_info *p, enum quirk id)
{
    for (size_t i = 0; i < p->n; i++) {
        if (p->quirks[i] == id) {
            return true;
        }
    }
    return false;
}

static const struct {
    const char *quirk, *scenario; /* or a profile */
} shown_by[] = {
#define SHOWN(quirk, scenario) { quirk, scenario },
#include "cli/quirk_shown.def"
};

static const char *
scenario_of(const char *name)
{
    for (size_t i = 0; i < LEN(shown_by); i++) {
        if (strcmp(shown_by[i].quirk, name) == 0) {
            return shown_by[i].scenario;
        }
    }
    return NULL;
}

/* By a scenario of its own, or one that runs with a profile that has it. */
static void
print_shown(size_t quirk)
{
    const char *scenario = scenario_of(quirk_info((enum quirk)quirk)->name);

    for (size_t k = 0; scenario == NULL && profile_at(k) != NULL; k++) {
        if (profile_has(profile_at(k), (enum quirk)quirk)) {
            scenario = scenario_of(profile_at(k)->name);
        }
    }
    printf("\nShown by\n    %s\n", scenario != NULL ? scenario : "no scenario yet");
}

static void
print_quirk(size_t i)
{
    const struct quirk_info *q = quirk_info((enum quirk)i);

    printf("%s: a quirk\n", q->name);
    print_text("Where it acts", q->where);
    print_text("What it does", q->what);
    print_text("Which behaviour it is", q->story);
    printf("\nOn in the profiles\n   ");
    bool any = false;
    for (size_t k = 0; profile_at(k) != NULL; k++) {
        if (profile_has(profile_at(k), (enum quirk)i)) {
            printf(" %s", profile_at(k)->name);
            any = true;
        }
    }
    puts(any ? "" : " (none)");
    print_shown(i);
}

static const char *
profile_topic_name(size_t i, const char **also)
{
    *also = NULL;
    return profile_at(i) != NULL ? profile_at(i)->name : NULL;
}

static void
print_profile(size_t i)
{
    const struct profile_info *p = profile_at(i);

    printf("%s: a profile\n", p->name);
    print_text("Whose behaviour", p->what);
    puts("\nQuirks");
    for (size_t k = 0; k < p->n; k++) {
        printf("    %s\n", quirk_info(p->quirks[k])->name);
    }
    if (p->n == 0) {
        puts("    none: every contract is kept");
    }
}

static const char *
step_topic_name(size_t i, const char **also)
{
    *also = NULL;
    return scenario_step_doc(i) != NULL ? scenario_step_doc(i)->name : NULL;
}

static void
print_step(size_t i)
{
    const struct step_doc *d = scenario_step_doc(i);

    printf("%s: a step\n", d->name);
    print_text("What it does", d->what);
    print_text("Models", d->models);
    print_text("Arguments", d->keys);
    print_lines("Example", d->example);
}

static const char *
fault_topic_name(size_t i, const char **also)
{
    *also = i < LEN(fault_pages) ? fault_pages[i].number : NULL;
    return i < LEN(fault_pages) ? fault_pages[i].name : NULL;
}

static void
print_fault(size_t i)
{
    const struct number_page *p = &fault_pages[i];

    printf("%s: fault reason %s of VT-d\n", p->name, p->number);
    print_text("What it means", p->what);
    print_text("What to look at", p->look);
}

static const char *
exit_topic_name(size_t i, const char **also)
{
    *also = i < LEN(exit_pages) ? exit_pages[i].number : NULL;
    return i < LEN(exit_pages) ? exit_pages[i].name : NULL;
}

static void
print_exit(size_t i)
{
    const struct number_page *p = &exit_pages[i];

    printf("%s: exit status %s\n", p->name, p->number);
    print_text("What it means", p->what);
    print_text("What to look at", p->look);
}

/* Where a name is in two topics, the first page is printed. */
static const struct topic topics[] = {
    { "classes", class_topic_name, print_class },
    { "quirks", quirk_topic_name, print_quirk },
    { "profiles", profile_topic_name, print_profile },
    { "steps", step_topic_name, print_step },
    { "faults", fault_topic_name, print_fault },
    { "exit", exit_topic_name, print_exit },
};

/* 0x06 is 0x6. */
static bool
same_name(const char *word, const char *name)
{
    if (strncmp(word, "0x0", 3) == 0 && word[3] != '\0' && strncmp(name, "0x", 2) == 0) {
        return strcasecmp(word + 3, name + 2) == 0;
    }
    return strcasecmp(word, name) == 0;
}

static bool
print_page(const char *word)
{
    const char *name, *also;

    for (size_t t = 0; t < LEN(topics); t++) {
        for (size_t i = 0; (name = topics[t].name(i, &also)) != NULL; i++) {
            if (same_name(word, name) || (also != NULL && same_name(word, also))) {
                topics[t].print(i);
                return true;
            }
        }
    }
    return false;
}

/* The nearest of all names, or one that `word` is a part of; NULL if there is none. */
static const char *
nearest(const char *word)
{
    const char **names = NULL;
    const char *name, *also;
    size_t n = 0;

    for (size_t t = 0; t < LEN(topics); t++) {
        for (size_t i = 0; (name = topics[t].name(i, &also)) != NULL; i++) {
            names = xrealloc(names, n + 1, sizeof *names);
            names[n++] = name;
        }
    }
    name = name_nearest(word, names, n);
    for (size_t i = 0; i < n && name == NULL && strlen(word) >= PART_MIN; i++) {
        name = strstr(names[i], word) != NULL ? names[i] : NULL;
    }
    free(names);
    return name;
}

static int
explain_name(const char *word)
{
    if (print_page(word)) {
        return STATUS_OK;
    }
    const char *near = nearest(word);
    fprintf(stderr, "iommusim: nothing is called '%s'", word);
    if (near != NULL) {
        fprintf(stderr, "; did you mean '%s'?\n", near);
    } else {
        fputs("; see 'iommusim explain --help' for --list\n", stderr);
    }
    return STATUS_FAIL;
}

static int
list_kind(const char *kind)
{
    const char *kinds[LEN(topics)];
    const char *name, *also;

    for (size_t t = 0; t < LEN(topics); t++) {
        kinds[t] = topics[t].list;
        if (strcmp(kind, topics[t].list) != 0) {
            continue;
        }
        for (size_t i = 0; (name = topics[t].name(i, &also)) != NULL; i++) {
            printf("%s%s%s\n", also != NULL ? also : "", also != NULL ? " " : "", name);
        }
        return STATUS_OK;
    }
    const char *near = name_nearest(kind, kinds, LEN(topics));
    fprintf(stderr, "iommusim: there is no list of '%s'; ", kind);
    if (near != NULL) {
        fprintf(stderr, "did you mean '%s'?\n", near);
    } else {
        fputs("there are " EXPLAIN_KINDS "\n", stderr);
    }
    return STATUS_FAIL;
}

int
cli_explain(const struct options *o)
{
    int status = STATUS_OK;

    if (o->list != NULL) {
        return list_kind(o->list);
    }
    for (size_t i = 0; i < o->n_operands; i++) {
        if (i > 0) {
            putchar('\n');
        }
        int one = explain_name(o->operands[i]);
        status = one > status ? one : status;
    }
    return status;
}
