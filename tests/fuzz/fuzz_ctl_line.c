/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Any bytes as lines of a log. json-c, which shares no code with our reader, says which of them are
 * JSON and what their strings are; where both take a line, they agree. Nothing that is shown of one
 * has a control character in it, whatever it has; what a shell gets is quoted to the end.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include <json-c/json.h>

#include "base/show.h"
#include "base/text.h"
#include "read/event_line.h"
#include "read/streams.h"
#include "view/audit_show.h"
#include "view/counters.h"
#include "view/lines.h"
#include "view/plot.h"
#include "view/table.h"
#include "view/tops.h"
#include "view/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct event_line line;

/* No bytes of a terminal's commands; the newline that ends a line is ours. */
static void check_harmless(struct buf *b)
{
        struct span rest = buf_span(b);

        while (rest.size > 0) {
                const struct text_unit unit = text_unit((const uint8_t *)rest.data, rest.size);

                assert(unit.is_valid);
                assert(unit.character >= ' ' || unit.character == '\n' || unit.character == '\t' ||
                       unit.character == '\r');
                assert(unit.character < 0x7f || unit.character > 0x9f);
                assert(unit.character < 0x202a || unit.character > 0x202e);
                rest = span_skip(rest, unit.size);
        }
        buf_reset(b);
}

/* By json-c; NULL: it is not an object, or not only that. */
static json_object *parse(struct span text)
{
        json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH_MAX + 1);
        json_object *object;

        assert(tokener);
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        object = json_tokener_parse_ex(tokener, text.data, (int)text.size);
        if (json_tokener_get_error(tokener) != json_tokener_success ||
            json_tokener_get_parse_end(tokener) < text.size ||
            !json_object_is_type(object, json_type_object)) {
                json_object_put(object);
                object = NULL;
        }
        json_tokener_free(tokener);
        return object;
}

/* Ours replaces NUL, and half pairs of surrogates, which are told elsewhere. */
static void compare_text(json_object *object, const char *key, struct span ours)
{
        json_object *value = NULL;
        const char *theirs;
        size_t size;

        if (!ours.data || !json_object_object_get_ex(object, key, &value) ||
            !json_object_is_type(value, json_type_string))
                return;
        theirs = json_object_get_string(value);
        size = (size_t)json_object_get_string_len(value);
        if (memchr(theirs, '\0', size) || memmem(theirs, size, "\xef\xbf\xbd", 3) ||
            memmem(ours.data, ours.size, "\xef\xbf\xbd", 3))
                return;
        assert(ours.size == size && memcmp(ours.data, theirs, size) == 0);
}

static bool has_twice(struct span text, const char *key)
{
        const char *first = memmem(text.data, text.size, key, strlen(key));

        return first &&
               memmem(first + 1, text.size - (size_t)(first + 1 - text.data), key, strlen(key));
}

static void compare(struct span text, int kind)
{
        json_object *object;

        if (text.size == 0 || text.size > 4096 || memchr(text.data, '\0', text.size))
                return;
        object = parse(text);
        /* json-c takes more: comments in front, raw control characters, `1.`, other words. */
        if (!object) {
                assert(kind == LINE_BAD || memchr(text.data, '\\', text.size) ||
                       text.data[text.size - 1] != '}' || text.data[0] != '{');
                return;
        }
        if (kind == LINE_EVENT && !memchr(text.data, '\\', text.size)) {
                if (!has_twice(text, "\"host\""))
                        compare_text(object, "host", line.host);
                if (!has_twice(text, "\"process_id\"") && !has_twice(text, "process_id_base64"))
                        compare_text(object, "process_id", line.process_id);
        }
        json_object_put(object);
}

static void show_all(struct table *table, struct streams *streams, struct buf *out)
{
        enum stream_step step;
        uint64_t last;

        step = streams_step(streams, &line, &last);
        table_step(table, &line, step, last);
        if (line.event.kind == EVENT_EXIT && table_exit(table, &line))
                return;
        if (event_kind_is_kernel(line.event.kind) || line.event.kind == EVENT_SUMMARY)
                table_event(table, &line);
        else
                table_daemon(table, &line);
        check_harmless(out);
        line_show_verbose(&line, true, out);
        check_harmless(out);
        line_show_csv(&line, out);
        check_harmless(out);
        line_show_json(&line, true, out);
        assert(memchr(out->data, '\x7f', out->size) == NULL);
        check_harmless(out);
}

/* More members than that are left out. */
#define FAMILY_MEMBERS 200

static void sum_up(struct family *family, struct tops *tops, struct gaps *gaps, struct buf *out)
{
        const struct counters_before before = { line.time_ns / 2, line.counters.seen / 2 };
        uint64_t since_ns;

        (void)gaps_take(gaps, &line, &since_ns);
        if (line.event.kind == EVENT_EXIT)
                family_exit(family, &line);
        else if (event_kind_is_kernel(line.event.kind) || line.event.kind == EVENT_SUMMARY)
                family_event(family, &line);
        if (event_kind_is_kernel(line.event.kind) || line.event.kind == EVENT_SUMMARY)
                tops_event(tops, &line);
        if (line.event.kind == EVENT_STATS || line.event.kind == EVENT_STOP)
                counters_show(&line, &before, true, false, out);
        check_harmless(out);
}

static size_t count(struct span text, const char *what)
{
        const char *at;
        size_t n = 0;

        for (; (at = memmem(text.data, text.size, what, strlen(what))); n++)
                text = span_skip(text, (size_t)(at - text.data) + 1);
        return n;
}

/* Each process is in the tree once, and has one tooltip in the picture; no text ends a tag. */
static void show_family(const struct family *family, enum plot_by by, struct buf *out)
{
        const struct tree_config config = { .width = 80, .cuts = by > 0, .utc = true };
        const struct plot_config plot = { .by = by, .utc = true };
        const struct member *members;
        uint32_t n, n_seen = 0, n_execs = 0;
        uint64_t from_ns, to_ns;

        members = family_members(family, &n);
        for (uint32_t at = 0; at != NO_MEMBER; at = family_next(family, at), n_seen++) {
                const enum member_kind kind = members[at].kind;

                n_execs += kind == MEMBER_EXEC || kind == MEMBER_FAILED || kind == MEMBER_SUMMARY;
                if (kind != MEMBER_ROOT)
                        tree_show_row(&config, family, at, out);
                check_harmless(out);
        }
        assert(n_seen == n && n <= FAMILY_MEMBERS);
        family_span(family, &from_ns, &to_ns);
        if (to_ns == 0)
                return;
        assert(plot_show(&plot, family, out) == 0);
        assert(count(buf_span(out), "<title>") == n_execs);
        assert(count(buf_span(out), "<") == count(buf_span(out), ">"));
        check_harmless(out);
}

/* Whatever it finds is said in words that are harmless, and in JSON. */
static void show_audit(struct audit *audit, struct buf *out)
{
        json_object *object;

        assert(audit_finish(audit) == 0);
        for (size_t i = 0; i < audit->n_boots; i++) {
                const enum sink_place place = audit_place(audit, i, _SINK_PLACE_MAX);

                assert(audit->boots[i].host <= i);
                if (audit->boots[i].host < i)
                        continue;
                buf_reset(out);
                audit_show_json(audit, i, place, out);
                assert(out->data[out->size - 1] == '\n');
                object = parse(span_head(buf_span(out), out->size - 1));
                assert(object);
                json_object_put(object);
                check_harmless(out);
                audit_show(audit, i, place, true, out);
                check_harmless(out);
        }
        audit_done(audit);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const struct table_config config = { .width = size > 0 ? data[0] : 0,
                                             .cuts = size % 2,
                                             .is_wide = size % 3 == 0,
                                             .utc = true,
                                             .waits = size % 5 == 0,
                                             .quotes_all = size % 7 == 0 };
        struct span rest = { (const char *)data, size }, text;
        const struct tops_config tops_config = { .by = 1u << size % _TOP_BY_MAX, .n_rows = 3 };
        struct audit audit = { 0 };
        struct streams *streams;
        struct family *family;
        struct table *table;
        struct tops *tops;
        struct gaps *gaps;
        struct buf out = { 0 };

        assert(streams_new(&streams) == 0);
        assert(table_new(&config, &out, &table) == 0);
        assert(family_new(FAMILY_MEMBERS, &family) == 0 && gaps_new(&gaps) == 0);
        assert(tops_new(&tops_config, &tops) == 0);
        while (span_cut(&rest, '\n', &text)) {
                const int kind = event_line_read(&line, text);

                assert(kind >= 0);
                compare(text, kind);
                if (kind == LINE_EVENT) {
                        show_all(table, streams, &out);
                        sum_up(family, tops, gaps, &out);
                }
                if (kind == LINE_EVENT || kind == LINE_UNKNOWN)
                        assert(audit_take(&audit, &line, CHOSEN_TIME, kind == LINE_EVENT) == 0);
        }
        show_family(family, size % _PLOT_BY_MAX, &out);
        tops_show(tops, gaps, size, &out);
        check_harmless(&out);
        table_flush(table);
        check_harmless(&out);
        show_audit(&audit, &out);
        table_free(table);
        family_free(family);
        tops_free(tops);
        gaps_free(gaps);
        streams_free(streams);
        buf_done(&out);
        return 0;
}
