/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines back to records: everything that the writers can say, and what nobody may. */

#include "trace/format.h"
#include "trace/parse.h"
#include "trace/read.h"
#include "trace/table.h"
#include "util/err.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "support_main.h"
#include "support_random.h"

enum { RECORDS = 20000 };

static const char *const words[] = { "map",  "",       "a b",  "100%",
                                     "%20",  "0x1:rw", "\"\\", "=x=y",
                                     "\t\n", "none",   "\x7f", "na\xc3\xafve" };

static uint64_t
draw_value(enum trace_type type, uint64_t *state)
{
    uint64_t v = rnd(state) >> rnd(state) % 64;

    switch (type) {
    case TRACE_HEX:
    case TRACE_HEX2:
    case TRACE_SIZE:
        return v;
    case TRACE_DEC: /* what a JSON number of 63 bits holds */
        return v >> 1;
    case TRACE_PERM:
        return v % 4;
    case TRACE_ERRNO:
        return v % 200;
    case TRACE_HRET:
        return (uint64_t)((int64_t)(v % 100) - 90);
    case TRACE_TEXT:
        break;
    }
    return 0;
}

static void
draw_record(struct trace_rec *r, uint64_t *state)
{
    const size_t n_words = sizeof words / sizeof *words;
    enum trace_event event = (enum trace_event)(rnd(state) % TRACE_EVENT_COUNT);
    const struct trace_event_info *ev = trace_event_info(event);

    trace_begin(r, rnd(state) >> (1 + rnd(state) % 63),
                rnd(state) % 2 ? "nic0/vfio" : "a b", event);
    for (unsigned i = 0; i < ev->n; i++) {
        enum trace_type type = trace_field_info(ev->field[i])->type;
        if (rnd(state) % 3 == 0) {
            continue;
        }
        if (type == TRACE_TEXT) {
            trace_text(r, ev->field[i], words[rnd(state) % n_words]);
        } else {
            trace_u64(r, ev->field[i], draw_value(type, state));
        }
    }
}

static void
expect_equal(const struct trace_rec *got, const struct trace_rec *want)
{
    ck_assert_uint_eq(got->time, want->time);
    ck_assert_str_eq(got->subject, want->subject);
    ck_assert_int_eq(got->event, want->event);
    ck_assert_uint_eq(got->n, want->n);
    for (unsigned i = 0; i < want->n; i++) {
        ck_assert_int_eq(got->item[i].field, want->item[i].field);
        if (trace_field_info(want->item[i].field)->type == TRACE_TEXT) {
            ck_assert_str_eq(got->item[i].v.s, want->item[i].v.s);
        } else {
            ck_assert_uint_eq(got->item[i].v.u, want->item[i].v.u);
        }
    }
}

/* Write r by `put`, read the line back. */
static void
round_trip(struct trace_parser *p, const struct trace_rec *r, bool json,
           struct trace_rec *out)
{
    struct trace_output o;
    struct err e = { 0 };

    trace_output_init_fd(&o, -1);
    if (json) {
        trace_format_jsonl(&o, r);
    } else {
        trace_format_text(&o, r, false);
    }
    ck_assert_msg(trace_parse_line(p, o.buf, o.used - 1, out, &e) == TRACE_PARSED_RECORD,
                  "%s: %.*s", e.text, (int)o.used, o.buf);
    o.used = 0;
    (void)trace_output_fini(&o, false, NULL);
}

START_TEST(text_to_records_to_jsonl_to_records_changes_nothing)
{
    uint64_t seed = (uint64_t)time(NULL), state = seed;
    struct trace_words kept;
    struct trace_parser p;

    printf("# seed %" PRIu64 "\n", seed);
    trace_words_init(&kept);
    trace_parser_init(&p, &kept, "x.trace");
    for (int i = 0; i < RECORDS; i++) {
        struct trace_rec drawn, from_text, from_json;
        draw_record(&drawn, &state);
        round_trip(&p, &drawn, false, &from_text);
        expect_equal(&from_text, &drawn);
        round_trip(&p, &from_text, true, &from_json);
        expect_equal(&from_json, &drawn);
    }
    trace_words_fini(&kept);
}
END_TEST

static const struct {
    const char *line, *error;
    uint32_t col;
} bad_lines[] = {
    { "", "expected TIME SUBJECT EVENT key=value ...", 1 },
    { "x guest map", "expected TIME SUBJECT EVENT key=value ...", 1 },
    { "18446744073709551616 guest map", "expected TIME SUBJECT EVENT key=value ...", 1 },
    { "0  map", "expected a subject", 3 },
    { "0 a%2 map", "expected a subject", 3 },
    { "0 a%00 map", "expected a subject", 3 },
    { "0 guest mop iova=0x1", "unknown event 'mop'", 9 },
    { "0 guest map iova", "expected key=value", 13 },
    { "0 guest map  iova=0x1", "expected key=value", 13 },
    { "0 guest map iova=0x1 ", "expected key=value", 22 },
    { "0 guest map liobn=0x1", "event 'map' has no key 'liobn'", 13 },
    { "0 guest map iova=0x1 iova=0x1", "'iova' is given twice", 22 },
    { "0 guest map iova=12",
      "'12' is no value of 'iova': expected a number in hex (0x...)", 18 },
    { "0 guest map iova=0x10000000000000000",
      "'0x10000000000000000' is no value of 'iova': expected a number in hex (0x...)",
      18 },
    { "0 guest map perm=x", "'x' is no value of 'perm': expected r, w, rw or none", 18 },
    { "0 guest map flush=%zz", "'%zz' is no value of 'flush': expected a word", 19 },
    { "0 a/b replay-end count=0x1",
      "'0x1' is no value of 'count': expected a decimal number", 24 },
    { "0 a/b error errno=EWHAT", "'EWHAT' is no value of 'errno': expected an errno",
      19 },
    { "0 guest map ret=H_NO",
      "'H_NO' is no value of 'ret': expected a hypercall's return code", 17 },
    { "# iommusim-trace 2", "trace format 2 is not known, only 1", 18 },
    { "{\"time\":0,\"subject\":\"iommusim\",\"event\":\"header\",\"format\":2}",
      "trace format is not known, only 1", 0 },
    { "{\"time\":\"0\",\"subject\":\"a\",\"event\":\"map\"}",
      "expected time, subject and event", 0 },
    { "{\"time\":0,\"subject\":\"a\",\"event\":\"mop\"}", "unknown event 'mop'", 0 },
    { "{\"time\":0,\"subject\":\"a\",\"event\":\"map\",\"iova\":1}",
      "'iova' must be a number in hex (0x...), as a string", 0 },
    { "{\"time\":0,\"subject\":\"a/b\",\"event\":\"replay-end\",\"count\":\"1\"}",
      "'count' must be a decimal number", 0 },
};

START_TEST(malformed_lines_are_errors_with_their_place)
{
    struct trace_words kept;
    struct trace_parser p;
    struct trace_rec r;
    struct err e;

    trace_words_init(&kept);
    trace_parser_init(&p, &kept, "x.trace");
    p.line = 7;
    enum trace_parsed got =
        trace_parse_line(&p, bad_lines[_i].line, strlen(bad_lines[_i].line), &r, &e);
    ck_assert_int_eq(got, TRACE_PARSED_ERROR);
    ck_assert_str_eq(e.text, bad_lines[_i].error);
    ck_assert_str_eq(e.file, "x.trace");
    ck_assert_uint_eq(e.line, 7);
    ck_assert_uint_eq(e.col, bad_lines[_i].col);
    trace_words_fini(&kept);
}
END_TEST

START_TEST(keys_may_come_in_any_order)
{
    static const char line[] = "3 guest map size=0x2000 device=nic0 iova=0x1000";
    struct trace_words kept;
    struct trace_parser p;
    struct trace_rec got, want;
    struct err e;

    trace_words_init(&kept);
    trace_parser_init(&p, &kept, "x.trace");
    ck_assert_int_eq(trace_parse_line(&p, line, sizeof line - 1, &got, &e),
                     TRACE_PARSED_RECORD);
    trace_begin(&want, 3, "guest", TE_STEP_MAP);
    trace_text(&want, TF_DEVICE, "nic0");
    trace_u64(&want, TF_IOVA, 0x1000);
    trace_u64(&want, TF_SIZE, 0x2000);
    expect_equal(&got, &want);
    trace_words_fini(&kept);
}
END_TEST

/* A file of these bytes; the caller unlinks it. */
static void
write_file(char *path, const char *bytes, size_t len)
{
    strcpy(path, P_tmpdir "/trace_read_XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
    close(fd);
}

START_TEST(reader_skips_headers_and_counts_lines)
{
    static const char bytes[] = "# iommusim-trace 1\n# seed 1\n0 a check\n"
                                "{\"time\":5,\"subject\":\"a\",\"event\":\"check\"}\n";
    struct trace_words kept;
    struct trace_rec r;
    struct err e;
    char path[64];

    write_file(path, bytes, sizeof bytes - 1);
    trace_words_init(&kept);
    struct trace_reader *reader = trace_reader_open(path, &kept, &e);
    ck_assert_int_eq(trace_reader_next(reader, &r, &e), TRACE_READ_RECORD);
    ck_assert_uint_eq(trace_reader_line(reader), 3);
    const char *subject = r.subject;
    ck_assert_int_eq(trace_reader_next(reader, &r, &e), TRACE_READ_RECORD);
    ck_assert_uint_eq(trace_reader_line(reader), 4);
    ck_assert_uint_eq(r.time, 5);
    ck_assert_ptr_eq(r.subject, subject);
    ck_assert_int_eq(trace_reader_next(reader, &r, &e), TRACE_READ_END);
    trace_reader_close(reader);
    trace_words_fini(&kept);
    unlink(path);
}
END_TEST

START_TEST(trace_that_ends_within_a_line_is_an_error)
{
    static const char bytes[] = "0 a check\n1 a map iova=0x1";
    struct trace_words kept;
    struct trace_rec r;
    struct err e;
    char path[64];

    write_file(path, bytes, sizeof bytes - 1);
    trace_words_init(&kept);
    struct trace_reader *reader = trace_reader_open(path, &kept, &e);
    ck_assert_int_eq(trace_reader_next(reader, &r, &e), TRACE_READ_RECORD);
    ck_assert_int_eq(trace_reader_next(reader, &r, &e), TRACE_READ_ERROR);
    ck_assert_uint_eq(e.line, 2);
    ck_assert_str_eq(e.text, "the last line has no newline: the trace is cut off");
    trace_reader_close(reader);
    trace_words_fini(&kept);
    unlink(path);
}
END_TEST

START_TEST(lines_longer_than_the_buffer_are_read)
{
    enum { LONG = 700000 };
    struct trace_words kept;
    struct trace_rec r;
    struct err e;
    char path[64];
    static char bytes[LONG + 64];

    int head = sprintf(bytes, "0 a check\n1 a mem u64=");
    memset(bytes + head, '7', LONG);
    strcpy(bytes + head + LONG, "\n2 a check\n");
    write_file(path, bytes, strlen(bytes));
    trace_words_init(&kept);
    struct trace_reader *reader = trace_reader_open(path, &kept, &e);
    ck_assert_int_eq(trace_reader_next(reader, &r, &e), TRACE_READ_RECORD);
    ck_assert_int_eq(trace_reader_next(reader, &r, &e), TRACE_READ_RECORD);
    ck_assert_uint_eq(strlen(r.item[0].v.s), LONG);
    ck_assert_int_eq(trace_reader_next(reader, &r, &e), TRACE_READ_RECORD);
    ck_assert_uint_eq(r.time, 2);
    ck_assert_int_eq(trace_reader_next(reader, &r, &e), TRACE_READ_END);
    trace_reader_close(reader);
    trace_words_fini(&kept);
    unlink(path);
}
END_TEST

START_TEST(file_that_is_not_there_is_an_error)
{
    struct trace_words kept;
    struct err e;

    trace_words_init(&kept);
    ck_assert_ptr_null(trace_reader_open("/no/such/file", &kept, &e));
    ck_assert_str_eq(e.text, "No such file or directory");
    trace_words_fini(&kept);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("trace/read");
    TCase *tc = tcase_create("read");

    tcase_add_test(tc, text_to_records_to_jsonl_to_records_changes_nothing);
    tcase_add_loop_test(tc, malformed_lines_are_errors_with_their_place, 0,
                        (int)(sizeof bad_lines / sizeof *bad_lines));
    tcase_add_test(tc, keys_may_come_in_any_order);
    tcase_add_test(tc, reader_skips_headers_and_counts_lines);
    tcase_add_test(tc, trace_that_ends_within_a_line_is_an_error);
    tcase_add_test(tc, lines_longer_than_the_buffer_are_read);
    tcase_add_test(tc, file_that_is_not_there_is_an_error);
    suite_add_tcase(s, tc);
    return s;
}
