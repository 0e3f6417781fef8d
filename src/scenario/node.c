/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libyaml's events to nodes: see node.h. The parser is stopped at the first
 * syntax error; what comes after would be guesswork.
 */
#include "scenario/node.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "scenario/diag.h"
#include "scenario/source.h"
#include "scenario/strmap.h"

struct anchor {
    const struct node *node; /* NULL while it is being read */
    uint64_t weight;         /* nodes it stands for */
};

struct bracket {
    struct src_pos pos;
    char c; /* 0: none is open */
};

struct reader {
    yaml_parser_t yaml;
    struct arena *arena;
    const struct node_stream *stream; /* NULL: none, or none any more */
    struct scenario_errors *errs;
    uint32_t file;
    const char *text;
    size_t len;
    unsigned depth;
    struct bracket bracket; /* the innermost that is open */
    uint64_t nodes;         /* read or stood for so far */
    uint64_t aliased;       /* of them by aliases */
    struct strmap anchor_of;
    struct anchor *anchors;
    size_t n_anchors;
    const struct node **stack; /* items and pairs of unfinished collections */
    size_t n_stack, stack_size;
};

static const struct node *read_node(struct reader *r, yaml_event_t *ev);

static struct src_pos
pos_of(const struct reader *r, yaml_mark_t m)
{
    return (struct src_pos){ r->file, (uint32_t)m.line + 1, (uint32_t)m.column + 1 };
}

static void __attribute__((format(printf, 4, 5)))
fail(struct reader *r, struct src_pos pos, uint32_t span, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    diag_add(r->errs, pos, span, fmt, args);
    va_end(args);
}

/* libyaml gives no position for bytes that it cannot read. */
static struct src_pos
pos_of_offset(const struct reader *r, size_t offset)
{
    struct src_pos pos = { r->file, 1, 1 };
    size_t len;
    const char *line = r->text;

    for (;; pos.line++) {
        const char *next = diag_line(line, r->len - (size_t)(line - r->text), 2, &len);

        if (next == NULL || (size_t)(next - r->text) > offset) {
            break;
        }
        line = next;
    }
    pos.col = 1 + diag_chars(line, offset - (size_t)(line - r->text));
    return pos;
}

static bool
is_tab(const struct reader *r, struct src_pos pos)
{
    size_t len = 0;
    const char *line = diag_line(r->text, r->len, pos.line, &len);

    return line != NULL && pos.col <= len && memchr(line, '\t', pos.col) != NULL;
}

/*
 * A syntax error. Where libyaml knows what was begun and not ended, that place
 * is shown: the end of the file helps nobody to find a bracket.
 */
static void
syntax_error(struct reader *r)
{
    const yaml_parser_t *y = &r->yaml;
    const char *context = y->context != NULL ? y->context : "";
    const char *problem = y->problem != NULL ? y->problem : "out of memory";
    struct src_pos begun = pos_of(r, y->context_mark), at = pos_of(r, y->problem_mark);

    if (strstr(context, "quoted scalar") && strstr(problem, "end of stream")) {
        fail(r, begun, 1, "this quote is not closed");
    } else if (r->bracket.c != 0 &&
               y->problem_mark.index >= diag_chars(r->text, r->len)) {
        fail(r, r->bracket.pos, 1, "'%c' is not closed: the file ends", r->bracket.c);
    } else if (strstr(context, "flow sequence") || strstr(context, "flow mapping")) {
        bool list = strstr(context, "sequence") != NULL;

        fail(r, begun, 1,
             "'%c' is not closed: expected ',' or '%c' at line %u, column %u",
             list ? '[' : '{', list ? ']' : '}', at.line, at.col);
    } else if (strstr(problem, "cannot start any token") && is_tab(r, at)) {
        fail(r, at, 1, "not YAML: a tab cannot indent; use spaces");
    } else if (y->context != NULL && (begun.line != at.line || begun.col != at.col)) {
        fail(r, at, 1, "not YAML: %s %s that begins at line %u, column %u", problem,
             context, begun.line, begun.col);
    } else {
        fail(r, at, 1, "not YAML: %s", problem);
    }
}

static bool
next_event(struct reader *r, yaml_event_t *ev)
{
    if (!yaml_parser_parse(&r->yaml, ev)) {
        syntax_error(r);
        return false;
    }
    return true;
}

static void
push(struct reader *r, const struct node *n)
{
    if (r->n_stack == r->stack_size) {
        r->stack_size = r->stack_size == 0 ? 256 : r->stack_size * 2;
        r->stack = xrealloc(r->stack, r->stack_size, sizeof(*r->stack));
    }
    r->stack[r->n_stack++] = n;
}

/* `extra` bytes for text follow the node. */
static struct node *
new_node(struct reader *r, enum node_kind kind, const yaml_event_t *ev, size_t extra)
{
    struct node *n = arena_alloc(r->arena, sizeof(*n) + extra);
    const yaml_mark_t *a = &ev->start_mark, *b = &ev->end_mark;

    n->pos = pos_of(r, *a);
    n->span = a->line == b->line && b->column > a->column
                  ? (uint32_t)(b->column - a->column)
                  : 1;
    n->kind = (uint8_t)kind;
    r->nodes++;
    return n;
}

static const struct node *
read_scalar(struct reader *r, const yaml_event_t *ev)
{
    size_t len = ev->data.scalar.length;
    yaml_scalar_style_t style = ev->data.scalar.style;
    struct node *n = new_node(r, NODE_SCALAR, ev, len + 1);
    char *text = (char *)(n + 1);

    memcpy(text, ev->data.scalar.value, len);
    n->u.text = text;
    n->n = (uint32_t)len;
    n->plain = style == YAML_PLAIN_SCALAR_STYLE;
    n->literal = style == YAML_LITERAL_SCALAR_STYLE;
    if (!n->literal && len > NODE_TEXT_MAX) {
        fail(r, n->pos, 1, "a text of %zu bytes; at most %d are allowed here", len,
             NODE_TEXT_MAX);
        n->n = 0;
        text[0] = '\0';
    } else if (style == YAML_DOUBLE_QUOTED_SCALAR_STYLE &&
               memchr(text, '\0', len) != NULL) {
        fail(r, n->pos, n->span, "a NUL byte in a text");
        n->n = (uint32_t)strlen(text);
    }
    return n;
}

/* What was open before is to be put back at the collection's end. */
static void
open_bracket(struct reader *r, const yaml_event_t *ev)
{
    if (ev->type == YAML_MAPPING_START_EVENT) {
        if (ev->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE) {
            r->bracket = (struct bracket){ pos_of(r, ev->start_mark), '{' };
        }
    } else if (ev->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE) {
        r->bracket = (struct bracket){ pos_of(r, ev->start_mark), '[' };
    }
}

static const struct node *
read_list(struct reader *r, const yaml_event_t *begin)
{
    struct node *list = new_node(r, NODE_LIST, begin, 0);
    size_t base = r->n_stack;
    yaml_event_t ev;

    for (;;) {
        if (!next_event(r, &ev)) {
            return NULL;
        }
        if (ev.type == YAML_SEQUENCE_END_EVENT) {
            break;
        }
        const struct node *item = read_node(r, &ev);

        if (item == NULL) {
            return NULL;
        }
        push(r, item);
    }
    size_t n = r->n_stack - base;

    list->n = (uint32_t)n;
    list->u.items = arena_alloc(r->arena, n * sizeof(*list->u.items) + 1);
    if (n > 0) {
        memcpy(list->u.items, r->stack + base, n * sizeof(*list->u.items));
    }
    r->n_stack = base;
    return list;
}

static bool
same_key(const struct node *a, const struct node *b)
{
    return a->n == b->n && memcmp(a->u.text, b->u.text, a->n) == 0;
}

static bool
is_merge(const struct node *key)
{
    return key->plain && key->n == 2 && memcmp(key->u.text, "<<", 2) == 0;
}

enum { FEW_KEYS = 16 }; /* so many are compared each with each */

/* The index of `key` among the pairs before `n`, or n. */
static size_t
find_pair(const struct node_pair *pairs, size_t n, const struct node *key)
{
    size_t i = 0;

    while (i < n && !same_key(pairs[i].key, key)) {
        i++;
    }
    return i;
}

static void
duplicate(struct reader *r, const struct node *key, const struct node *first)
{
    fail(r, key->pos, key->span,
         "key '%.100s' is there twice; it was first given at line %u", key->u.text,
         first->pos.line);
}

static void
check_duplicates(struct reader *r, const struct node_pair *pairs, size_t n)
{
    if (n <= FEW_KEYS) {
        for (size_t i = 1; i < n; i++) {
            size_t first = find_pair(pairs, i, pairs[i].key);

            if (first != i) {
                duplicate(r, pairs[i].key, pairs[first].key);
            }
        }
        return;
    }
    struct strmap seen = { 0 };

    for (size_t i = 0; i < n; i++) {
        const struct node *key = pairs[i].key;
        uint32_t first;

        if (strmap_get(&seen, key->u.text, key->n, &first)) {
            duplicate(r, key, pairs[first].key);
        } else {
            strmap_put(&seen, key->u.text, key->n, (uint32_t)i);
        }
    }
    strmap_fini(&seen);
}

/* Push those pairs of `from` whose keys are not yet among the pairs above `base`. */
static void
merge_from(struct reader *r, size_t base, const struct node *from)
{
    for (size_t i = 0; i < from->n; i++) {
        const struct node_pair *p = &from->u.pairs[i];
        bool there = false;

        for (size_t j = base; j < r->n_stack && !there; j += 2) {
            there = same_key(r->stack[j], p->key);
        }
        if (!there) {
            push(r, p->key);
            push(r, p->value);
            r->aliased += 2;
        }
    }
}

static void
merge(struct reader *r, size_t base, const struct node *value)
{
    if (value->kind == NODE_MAP) {
        merge_from(r, base, value);
        return;
    }
    bool good = value->kind == NODE_LIST;

    for (size_t i = 0; good && i < value->n; i++) {
        good = value->u.items[i]->kind == NODE_MAP;
    }
    if (!good) {
        fail(r, value->pos, value->span, "'<<' takes a mapping or a list of mappings");
        return;
    }
    for (size_t i = 0; i < value->n; i++) {
        merge_from(r, base, value->u.items[i]);
    }
}

static struct node_pair *
copy_pairs(struct reader *r, size_t base, uint32_t *n)
{
    *n = (uint32_t)((r->n_stack - base) / 2);
    struct node_pair *pairs = arena_alloc(r->arena, *n * sizeof(*pairs) + 1);

    for (size_t i = 0; i < *n; i++) {
        pairs[i].key = r->stack[base + 2 * i];
        pairs[i].value = r->stack[base + 2 * i + 1];
    }
    return pairs;
}

/* Keys and values from the stack above `base` become the pairs of `map`. */
static void
finish_map(struct reader *r, struct node *map, size_t base, const struct node *merged)
{
    size_t own = (r->n_stack - base) / 2;

    if (merged != NULL) {
        merge(r, base, merged);
    }
    map->u.pairs = copy_pairs(r, base, &map->n);
    check_duplicates(r, map->u.pairs, own);
    r->n_stack = base;
}

enum { STREAM_BATCH = 64 }; /* items built before their memory is used again */

/*
 * The items of a list go to the stream. An anchor among them ends the reuse of
 * memory: an alias may come back to it.
 */
static const struct node *
stream_list(struct reader *r, const yaml_event_t *begin)
{
    const struct node_stream *stream = r->stream;
    struct node *list = new_node(r, NODE_LIST, begin, 1);
    struct arena *kept = r->arena;
    const struct bracket outer = r->bracket;
    size_t anchors = r->n_anchors, n = 0;
    yaml_event_t ev;
    bool more;

    list->u.items = (const struct node **)(list + 1);
    r->stream = NULL;
    r->arena = stream->items;
    open_bracket(r, begin);
    r->depth++;
    while ((more = next_event(r, &ev)) && ev.type != YAML_SEQUENCE_END_EVENT) {
        const struct node *item = read_node(r, &ev);

        if (item == NULL) {
            more = false;
            break;
        }
        stream->item(stream->self, item);
        if (++n % STREAM_BATCH == 0 && r->n_anchors == anchors) {
            arena_fini(stream->items);
        }
    }
    r->depth--;
    r->bracket = outer;
    r->arena = kept;
    return more ? list : NULL;
}

/* Whether the value that begins with *ev is to be streamed. */
static bool
wants_stream(struct reader *r, const struct node *key, const struct node *map,
             size_t base, const yaml_event_t *ev)
{
    if (r->stream == NULL || r->depth != 1 || ev->type != YAML_SEQUENCE_START_EVENT ||
        ev->data.sequence_start.anchor != NULL || ev->data.sequence_start.tag != NULL ||
        strcmp(key->u.text, r->stream->key) != 0) {
        return false;
    }
    struct node so_far = *map;

    so_far.u.pairs = copy_pairs(r, base, &so_far.n);
    return r->stream->begin(r->stream->self, key, &so_far);
}

static const struct node *
read_value(struct reader *r, const struct node *key, const struct node *map, size_t base)
{
    const struct node *value;
    yaml_event_t ev;

    if (!next_event(r, &ev)) {
        return NULL;
    }
    if (key->kind != NODE_SCALAR || !wants_stream(r, key, map, base, &ev)) {
        return read_node(r, &ev);
    }
    value = stream_list(r, &ev);
    yaml_event_delete(&ev);
    return value;
}

static const struct node *
read_map(struct reader *r, const yaml_event_t *begin)
{
    struct node *map = new_node(r, NODE_MAP, begin, 0);
    const struct node *merged = NULL;
    size_t base = r->n_stack;
    yaml_event_t ev;

    for (;;) {
        if (!next_event(r, &ev)) {
            return NULL;
        }
        if (ev.type == YAML_MAPPING_END_EVENT) {
            break;
        }
        const struct node *key = read_node(r, &ev);
        const struct node *value = key != NULL ? read_value(r, key, map, base) : NULL;

        if (value == NULL) {
            return NULL;
        }
        if (key->kind != NODE_SCALAR) {
            fail(r, key->pos, key->span, "a key must be a text, not a %s",
                 key->kind == NODE_LIST ? "list" : "mapping");
        } else if (!is_merge(key)) {
            push(r, key);
            push(r, value);
        } else if (merged != NULL) {
            fail(r, key->pos, key->span, "'<<' is there twice; give it a list");
        } else {
            merged = value;
        }
    }
    finish_map(r, map, base, merged);
    return map;
}

static size_t
begin_anchor(struct reader *r, const yaml_char_t *name)
{
    const char *s = (const char *)name;
    size_t len = strlen(s);

    if ((r->n_anchors & (r->n_anchors + 1)) == 0) {
        r->anchors = xrealloc(r->anchors, (r->n_anchors + 1) * 2, sizeof(*r->anchors));
    }
    r->anchors[r->n_anchors] = (struct anchor){ .weight = r->nodes };
    strmap_put(&r->anchor_of, arena_strndup(r->arena, s, len), len,
               (uint32_t)r->n_anchors);
    return r->n_anchors++;
}

static const struct node *
read_alias(struct reader *r, const yaml_event_t *ev)
{
    const char *name = (const char *)ev->data.alias.anchor;
    struct src_pos pos = pos_of(r, ev->start_mark);
    uint32_t span = (uint32_t)strlen(name) + 1, i;

    if (!strmap_get(&r->anchor_of, name, strlen(name), &i)) {
        fail(r, pos, span, "unknown alias '*%.100s': no '&%.100s' comes before it", name,
             name);
        return NULL;
    }
    const struct anchor *a = &r->anchors[i];

    if (a->node == NULL) {
        fail(r, pos, span, "alias '*%.100s' stands inside what it names", name);
        return NULL;
    }
    r->nodes += a->weight;
    r->aliased += a->weight;
    if (r->aliased > NODE_ALIASED_MAX) {
        fail(r, pos, span, "aliases expand to more than %d items", NODE_ALIASED_MAX);
        return NULL;
    }
    return a->node;
}

static const struct node *
read_collection(struct reader *r, const yaml_event_t *ev)
{
    const struct bracket outer = r->bracket;
    const struct node *n;

    if (r->depth == NODE_DEPTH_MAX) {
        fail(r, pos_of(r, ev->start_mark), 1, "nested more than %d levels deep",
             NODE_DEPTH_MAX);
        return NULL;
    }
    open_bracket(r, ev);
    r->depth++;
    n = ev->type == YAML_MAPPING_START_EVENT ? read_map(r, ev) : read_list(r, ev);
    r->depth--;
    r->bracket = outer;
    return n;
}

/* The anchor and the tag of a node's first event. */
static void
event_names(const yaml_event_t *ev, const yaml_char_t **anchor, const yaml_char_t **tag)
{
    if (ev->type == YAML_SCALAR_EVENT) {
        *anchor = ev->data.scalar.anchor;
        *tag = ev->data.scalar.tag;
    } else if (ev->type == YAML_SEQUENCE_START_EVENT) {
        *anchor = ev->data.sequence_start.anchor;
        *tag = ev->data.sequence_start.tag;
    } else {
        *anchor = ev->data.mapping_start.anchor;
        *tag = ev->data.mapping_start.tag;
    }
}

/* Reads one node that begins with *ev, and frees the event. NULL: give up. */
static const struct node *
read_node(struct reader *r, yaml_event_t *ev)
{
    const struct node *n;

    if (ev->type == YAML_ALIAS_EVENT) {
        n = read_alias(r, ev);
        yaml_event_delete(ev);
        return n;
    }
    const yaml_char_t *name, *tag;
    size_t anchor = SIZE_MAX;

    event_names(ev, &name, &tag);
    if (name != NULL) {
        anchor = begin_anchor(r, name);
    }
    if (tag != NULL && strncmp((const char *)tag, YAML_STR_TAG, 18) != 0) {
        fail(r, pos_of(r, ev->start_mark), 1, "tag '%.100s' is not supported", tag);
    }
    n = ev->type == YAML_SCALAR_EVENT ? read_scalar(r, ev) : read_collection(r, ev);
    if (anchor != SIZE_MAX) {
        r->anchors[anchor].node = n;
        r->anchors[anchor].weight = r->nodes - r->anchors[anchor].weight;
    }
    yaml_event_delete(ev);
    return n;
}

static const struct node *
read_document(struct reader *r)
{
    static const struct src_pos whole = { 0 };
    const struct node *root = NULL;
    yaml_event_t ev;

    while (next_event(r, &ev)) {
        yaml_event_type_t type = ev.type;
        struct src_pos pos = pos_of(r, ev.start_mark);

        if (type == YAML_DOCUMENT_START_EVENT && root != NULL) {
            yaml_event_delete(&ev);
            fail(r, pos, 3, "a second document begins here; a scenario is one document");
            return NULL;
        }
        if (type == YAML_STREAM_END_EVENT) {
            yaml_event_delete(&ev);
            if (root == NULL) {
                struct src_pos at = whole;

                at.file = r->file;
                fail(r, at, 1, "nothing in it; a scenario begins with 'iommusim: 1'");
            }
            return root;
        }
        if (type == YAML_SCALAR_EVENT || type == YAML_SEQUENCE_START_EVENT ||
            type == YAML_MAPPING_START_EVENT || type == YAML_ALIAS_EVENT) {
            root = read_node(r, &ev);
            if (root == NULL) {
                return NULL;
            }
        } else {
            yaml_event_delete(&ev);
        }
    }
    return NULL;
}

const struct node *
node_parse(struct arena *arena, const struct scenario_file *files, uint32_t file,
           struct scenario_errors *errs, const struct node_stream *stream)
{
    struct reader r = { .arena = arena, .stream = stream, .errs = errs, .file = file };
    const struct node *root = NULL;
    const char *problem = NULL;

    r.text = files[file].text;
    r.len = files[file].len;
    size_t good = source_check(r.text, r.len, &problem);

    if (good < r.len) {
        fail(&r, pos_of_offset(&r, good), 1, "byte 0x%02x: %s",
             (unsigned)(unsigned char)r.text[good], problem);
        return NULL;
    }
    if (yaml_parser_initialize(&r.yaml)) {
        yaml_parser_set_encoding(&r.yaml, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&r.yaml, (const unsigned char *)r.text, r.len);
        root = read_document(&r);
        yaml_parser_delete(&r.yaml);
    }
    strmap_fini(&r.anchor_of);
    free(r.anchors);
    free(r.stack);
    return root;
}
