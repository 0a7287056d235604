/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include <inttypes.h>

#include "base/show.h"
#include "view/columns.h"
#include "view/counters.h"
#include "view/gaps.h"
#include "view/moment.h"

#define NUMBER_WIDTH 12
#define NAME_WIDTH 28

static uint64_t number_of(const struct json_value *v)
{
        uint64_t value = 0;

        (void)json_to_u64(v, &value);
        return value;
}

/* The number with that key; 0: there is none. */
static uint64_t member_of(struct span object, const char *name)
{
        struct json_value value;
        struct json_scan scan;
        struct span key;

        if (!json_scan_object(&scan, object))
                return 0;
        while (json_next_member(&scan, &key, &value) > 0)
                if (span_is(key, name))
                        return number_of(&value);
        return 0;
}

static void append_key(struct span key, struct buf *ret)
{
        _cleanup_(buf_done) struct buf text = { 0 };

        json_append_string(&(struct json_value){ .has_escapes = true, .text = key }, &text);
        show_text(buf_span(&text), ret);
}

static void begin(uint64_t n, bool is_bad, struct buf *ret)
{
        if (is_bad && n > 0)
                buf_append_string(ret, SGR_BAD);
        buf_printf(ret, "%*" PRIu64, NUMBER_WIDTH, n);
        if (is_bad && n > 0)
                buf_append_string(ret, SGR_RESET);
        buf_append_string(ret, "  ");
}

/* ": 38 monitoring, 46 shells", of members that are numbers, or of objects' members of that name.
 */
static void append_parts(const struct json_value *object, const char *of, const char *except,
                         struct buf *ret)
{
        struct json_value value;
        struct json_scan scan;
        struct span key;
        bool any = false;

        if (!json_scan_object(&scan, object->text))
                return;
        while (json_next_member(&scan, &key, &value) > 0) {
                const uint64_t n = of ? member_of(value.text, of) : number_of(&value);

                if (n == 0 || (except && span_is(key, except)))
                        continue;
                buf_printf(ret, "%s%" PRIu64 " ", any ? ", " : ": ", n);
                append_key(key, ret);
                any = true;
        }
}

static void show_seen(const struct event_line *line, const struct counters_before *before, bool utc,
                      struct buf *ret)
{
        const uint64_t seen = line->counters.seen;

        begin(seen, false, ret);
        buf_append_string(ret, seen == 1 ? "event seen" : "events seen");
        append_parts(&line->programs, "seen", NULL, ret);
        buf_append_char(ret, '\n');
        if (before->time_ns == 0 || line->time_ns <= before->time_ns || seen < before->seen)
                return;
        buf_printf(ret, "%*s  %.1f a second since ", NUMBER_WIDTH, "",
                   (double)(seen - before->seen) * 1e9 / (double)(line->time_ns - before->time_ns));
        moment_show(before->time_ns, utc, true, 0, ret);
        buf_append_char(ret, '\n');
}

static void show_sums(const struct event_line *line, bool has_colours, struct buf *ret)
{
        const struct line_counters *c = &line->counters;

        begin(c->filtered, false, ret);
        buf_append_string(ret, "left out, as the configuration says");
        append_parts(&line->filtered_by, NULL, NULL, ret);
        buf_append_char(ret, '\n');
        begin(c->lost, has_colours, ret);
        buf_append_string(ret, "lost before any destination");
        append_parts(&line->lost_by, NULL, "down", ret);
        buf_append_char(ret, '\n');
        begin(c->in_rings + c->queued, false, ret);
        buf_append_string(ret, "on their way to the destinations\n");
        if (c->redacted > 0) {
                begin(c->redacted, false, ret);
                buf_append_string(ret, "arguments or variables with a secret that was hidden\n");
        }
        if (c->cut > 0) {
                begin(c->cut, false, ret);
                buf_append_string(ret, "events of which something was cut\n");
        }
}

static void show_sink(struct span name, struct span sink, bool has_colours, struct buf *ret)
{
        const uint64_t lost = member_of(sink, "lost"), down = member_of(sink, "down");

        append_key(name, ret);
        buf_append_char(ret, '\n');
        begin(member_of(sink, "written"), false, ret);
        buf_printf(ret, "written; %" PRIu64 " lines, %" PRIu64 " bytes\n", member_of(sink, "lines"),
                   member_of(sink, "bytes"));
        begin(lost, has_colours, ret);
        buf_append_string(ret, "lost");
        if (down > 0)
                buf_printf(ret, ", %" PRIu64 " of them before this run (%s)", down,
                           loss_explain(SPAN_LITERAL("down")));
        buf_append_char(ret, '\n');
        begin(member_of(sink, "backlog"), false, ret);
        buf_append_string(ret, "waiting\n");
        if (member_of(sink, "before") > 0) {
                begin(member_of(sink, "before"), false, ret);
                buf_append_string(ret, "seen before it was opened\n");
        }
        if (member_of(sink, "deleted_files") > 0) {
                begin(member_of(sink, "deleted_files"), false, ret);
                buf_printf(ret, "older files deleted, %" PRIu64 " bytes\n",
                           member_of(sink, "deleted_bytes"));
        }
}

static void show_sinks(const struct event_line *line, bool has_colours, struct buf *ret)
{
        struct json_value value;
        struct json_scan scan;
        struct span key;

        if (!json_scan_object(&scan, line->sinks.text))
                return;
        while (json_next_member(&scan, &key, &value) > 0)
                show_sink(key, value.text, has_colours, ret);
}

/* Of `start` it is an array: there it is what the rules say. */
static void show_rules(const struct event_line *line, struct buf *ret)
{
        static const char *const columns[] = { "matched", "dropped", "summarized", "spared" };
        _cleanup_(buf_done) struct buf out = { 0 };
        struct json_value value;
        struct json_scan scan;
        struct cells cells = { .out = ret };
        struct span key;

        if (!json_scan_object(&scan, line->rules.text))
                return;
        cell_put(&cells, SPAN_LITERAL("rule"), NAME_WIDTH, false, CELL_PLAIN);
        for (size_t i = 0; i < ELEMENTSOF(columns); i++)
                cell_put(&cells, span_of(columns[i]), NUMBER_WIDTH - 2, true, CELL_PLAIN);
        while (json_next_member(&scan, &key, &value) > 0) {
                ret->data[ret->size - 1] = '\n'; /* in place of the blank behind a cell */
                buf_reset(&out);
                json_append_string(&(struct json_value){ .has_escapes = true, .text = key }, &out);
                cell_put(&cells, buf_span(&out), NAME_WIDTH, false, CELL_PLAIN);
                for (size_t i = 0; i < ELEMENTSOF(columns); i++)
                        cell_put_number(&cells, member_of(value.text, columns[i]),
                                        NUMBER_WIDTH - 2);
        }
        ret->data[ret->size - 1] = '\n';
        cells_done(&cells);
}

static void show_verdict(const struct event_line *line, bool has_colours, struct buf *ret)
{
        const int64_t n = line->counters.unaccounted;

        if (n == 0) {
                buf_append_string(ret, "Every event is accounted for.\n");
                return;
        }
        buf_printf(ret, "%s%" PRId64 " EVENTS ARE NOT ACCOUNTED FOR%s\n",
                   has_colours ? SGR_BAD : "", n, has_colours ? SGR_RESET : "");
}

void counters_show(const struct event_line *line, const struct counters_before *before, bool utc,
                   bool has_colours, struct buf *ret)
{
        buf_append_string(ret, "host ");
        show_text(line->host, ret);
        buf_append_string(ret, ", boot ");
        buf_append_span(ret, span_head(line->boot_id, 12));
        buf_append_string(ret, ", ");
        moment_show(line->time_ns, utc, true, 0, ret);
        buf_append_string(ret, line->event.kind == EVENT_STOP ? ", when the daemon stopped\n"
                                                              : ", while it runs\n");
        show_seen(line, before, utc, ret);
        show_sums(line, has_colours, ret);
        show_sinks(line, has_colours, ret);
        show_rules(line, ret);
        show_verdict(line, has_colours, ret);
}
