/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every scenario runs in a process of its own, several at a time, and what it says goes
 * to a file that is read when it has ended. Results are printed in the order of the
 * scenarios, whichever ends first.
 */

#include "cli/test.h"

#include "cli/diff.h"
#include "cli/find.h"
#include "cli/message.h"
#include "cli/options.h"
#include "trace/output.h"
#include "util/alloc.h"
#include "util/err.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct test_case {
    const char *path; /* of the scenario */
    char *golden;     /* the trace beside it; NULL: none */
    char *trace;      /* what the run wrote, if golden */
    FILE *said;       /* standard output and error of the run */
    pid_t pid;        /* 0: not started */
    int wait_status;
    bool ended;
};

struct test_set {
    const struct options *opts;
    struct test_case *cases;
    size_t n, started, printed;
    unsigned running, failed;
    char *dir; /* for what the runs write */
};

/* --- running --- */

/* In the child: run, say what there is to say, leave with the status. */
__attribute__((noreturn)) static void
run_child(const struct test_case *c)
{
    struct test_result res = { STATUS_FAIL, NULL };
    int fd = fileno(c->said);

    if (dup2(fd, STDOUT_FILENO) >= 0 && dup2(fd, STDERR_FILENO) >= 0) {
        if (!test_run_scenario(c->path, c->trace, &res)) {
            res.status = STATUS_FAIL;
        }
        fputs(res.text != NULL ? res.text : "", stdout);
        fflush(NULL);
    }
    _exit(res.status);
}

static bool
start_case(struct test_set *set, struct err *e)
{
    struct test_case *c = &set->cases[set->started];

    c->said = tmpfile();
    if (c->said == NULL) {
        return err_set(e, "cannot create a temporary file: %s", strerror(errno));
    }
    c->pid = fork();
    if (c->pid < 0) {
        return err_set(e, "cannot start a process: %s", strerror(errno));
    }
    if (c->pid == 0) {
        run_child(c);
    }
    set->started++;
    set->running++;
    return true;
}

static bool
wait_one(struct test_set *set, struct err *e)
{
    int status;
    pid_t pid = waitpid(-1, &status, 0);

    if (pid < 0) {
        return errno == EINTR || err_set(e, "cannot wait: %s", strerror(errno));
    }
    for (size_t i = set->printed; i < set->started; i++) {
        if (set->cases[i].pid == pid && !set->cases[i].ended) {
            set->cases[i].ended = true;
            set->cases[i].wait_status = status;
            set->running--;
        }
    }
    return true;
}

/* --- judging --- */

/* What the run said, each line a TAP comment. */
static void
print_said(const struct test_case *c)
{
    bool at_start = true;
    int ch;

    rewind(c->said);
    while ((ch = getc(c->said)) != EOF) {
        if (at_start) {
            fputs("# ", stdout);
        }
        putchar(ch);
        at_start = ch == '\n';
    }
    if (!at_start) {
        putchar('\n');
    }
}

/* The bytes of a file, NULL and *e if it cannot be read. */
static char *
read_file(const char *path, size_t *len, struct err *e)
{
    FILE *f = fopen(path, "rb");
    size_t size = 64 * 1024;
    char *bytes = NULL;

    *len = 0;
    if (f == NULL) {
        err_at(e, path, 0, 0, "%s", strerror(errno));
        return NULL;
    }
    do {
        size *= 2;
        bytes = xrealloc(bytes, size, 1);
        *len += fread(bytes + *len, 1, size - *len, f);
    } while (*len == size);
    if (ferror(f)) {
        err_at(e, path, 0, 0, "%s", strerror(errno));
        free(bytes);
        bytes = NULL;
    }
    fclose(f);
    return bytes;
}

static void
print_error(const struct err *e)
{
    fputs("# ", stdout);
    cli_print_error(stdout, e);
}

/* The traces differ as bytes: say how. */
static void
explain_difference(const struct test_case *c)
{
    static const struct trace_diff_options opts = { .context = 3 };
    struct trace_diff d;
    struct err e;

    printf("# the trace is not that of %s\n", c->golden);
    if (!trace_diff_files(&d, c->golden, c->trace, &opts, &e)) {
        print_error(&e);
        return;
    }
    if (d.equal) {
        puts("# the records are equal: the header lines or the way of writing differ");
    } else {
        cli_print_diff(stdout, "# ", &d, c->golden, "the new trace");
    }
    trace_diff_fini(&d);
}

static bool
rewrite_golden(const struct test_case *c, const char *bytes, size_t len)
{
    struct trace_output out;
    struct err e;

    if (!trace_output_init_path(&out, c->golden, &e)) {
        print_error(&e);
        return false;
    }
    trace_output_add(&out, bytes, len);
    if (!trace_output_fini(&out, true, &e)) {
        print_error(&e);
        return false;
    }
    printf("# updated %s\n", c->golden);
    return true;
}

/* Is the trace the golden one, or has it become that? */
static bool
judge_trace(const struct test_set *set, const struct test_case *c)
{
    size_t want_len, got_len;
    struct err e;
    bool ok = false;

    char *want = read_file(c->golden, &want_len, &e);
    char *got = want != NULL ? read_file(c->trace, &got_len, &e) : NULL;
    if (got == NULL) {
        print_error(&e);
    } else if (want_len == got_len && memcmp(want, got, got_len) == 0) {
        ok = true;
    } else if (set->opts->update) {
        ok = rewrite_golden(c, got, got_len);
    } else {
        explain_difference(c);
    }
    free(want);
    free(got);
    return ok;
}

static bool
judge(const struct test_set *set, const struct test_case *c)
{
    if (WIFSIGNALED(c->wait_status)) {
        print_said(c);
        printf("# killed by signal %d (%s)\n", WTERMSIG(c->wait_status),
               strsignal(WTERMSIG(c->wait_status)));
        return false;
    }
    if (WEXITSTATUS(c->wait_status) != STATUS_OK) {
        print_said(c);
        printf("# exit status %d\n", WEXITSTATUS(c->wait_status));
        return false;
    }
    return c->golden == NULL || judge_trace(set, c);
}

/* A '#' in a TAP description would begin a directive. */
static void
print_result(bool ok, size_t number, const char *path)
{
    printf("%s %zu - ", ok ? "ok" : "not ok", number);
    for (; *path != '\0'; path++) {
        if (*path == '#') {
            putchar('\\');
        }
        putchar(*path);
    }
    putchar('\n');
}

static void
print_ended(struct test_set *set)
{
    while (set->printed < set->n && set->cases[set->printed].ended) {
        struct test_case *c = &set->cases[set->printed++];
        bool ok = judge(set, c);
        print_result(ok, set->printed, c->path);
        fflush(stdout);
        set->failed += !ok;
        fclose(c->said);
        if (c->trace != NULL) {
            (void)unlink(c->trace);
        }
    }
}

static bool
run_all(struct test_set *set, struct err *e)
{
    printf("1..%zu\n", set->n);
    while (set->printed < set->n) {
        fflush(stdout);
        while (set->running < set->opts->jobs && set->started < set->n) {
            if (!start_case(set, e)) {
                return false;
            }
        }
        if (!wait_one(set, e)) {
            return false;
        }
        print_ended(set);
    }
    return true;
}

/* --- the set --- */

/* foo.trace for foo.yaml; NULL if there is none. */
static char *
find_golden(const char *path)
{
    size_t len = strlen(path);
    bool yaml = len > 5 && strcmp(path + len - 5, ".yaml") == 0;
    char *golden = xasprintf("%.*s.trace", (int)(yaml ? len - 5 : len), path);

    if (access(golden, F_OK) == 0) {
        return golden;
    }
    free(golden);
    return NULL;
}

static bool
make_dir(struct test_set *set, struct err *e)
{
    const char *tmp = getenv("TMPDIR");

    set->dir = xasprintf("%s/iommusim-test-XXXXXX",
                         tmp != NULL && tmp[0] != '\0' ? tmp : P_tmpdir);
    if (mkdtemp(set->dir) == NULL) {
        return err_at(e, set->dir, 0, 0, "cannot create: %s", strerror(errno));
    }
    return true;
}

static bool
run_paths(struct test_set *set, const struct path_list *paths, struct err *e)
{
    if (!make_dir(set, e)) {
        return false;
    }
    set->n = paths->n;
    set->cases = xcalloc(set->n, sizeof *set->cases);
    for (size_t i = 0; i < set->n; i++) {
        struct test_case *c = &set->cases[i];
        c->path = paths->path[i];
        c->golden = find_golden(c->path);
        c->trace = c->golden != NULL ? xasprintf("%s/%zu.trace", set->dir, i) : NULL;
    }
    bool ok = run_all(set, e);
    for (size_t i = 0; i < set->n; i++) {
        free(set->cases[i].golden);
        free(set->cases[i].trace);
    }
    free(set->cases);
    (void)rmdir(set->dir);
    return ok;
}

int
cli_test(const struct options *o)
{
    struct test_set set = { .opts = o };
    struct path_list paths = { 0 };
    struct err e;
    bool ok = true;

    for (size_t i = 0; i < o->n_operands && ok; i++) {
        ok = find_scenarios(&paths, o->operands[i], &e);
    }
    if (ok && paths.n == 0) {
        ok = err_set(&e, "no scenarios (*.yaml) found");
    }
    ok = ok && run_paths(&set, &paths, &e);
    if (!ok) {
        cli_print_error(stderr, &e);
    }
    free(set.dir);
    path_list_fini(&paths);
    if (!ok) {
        return STATUS_FAIL;
    }
    return set.failed > 0 ? STATUS_DIFFER : STATUS_OK;
}
