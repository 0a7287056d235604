/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/show.h"
#include "view/columns.h"
#include "view/gaps.h"
#include "view/moment.h"
#include "view/rows.h"
#include "view/table.h"
#include "view/width.h"

/* From here on there is room for the status. */
#define STATUS_WIDTH 100

/* The terminal that all columns are for. */
#define WIDE_WIDTH 1000

struct table {
        struct table_config config;
        struct buf *out;
        struct rows *rows;
        bool has_title;
        bool has_status;
        bool has_ends; /* of some process */
        uint64_t first_ns;
        uint64_t day; /* the last that was told: a number that no other day has */
        struct cells cells;
};

static void show_row(void *userdata, const struct row *row);

int table_new(const struct table_config *config, struct buf *out, struct table **ret)
{
        _cleanup_(table_freep) struct table *t = NULL;
        int r;

        t = calloc(1, sizeof(*t));
        if (!t)
                return -ENOMEM;
        t->config = *config;
        t->out = out;
        t->cells.has_colours = config->has_colours;
        r = rows_new(config->waits, show_row, t, &t->rows);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(t);
        return 0;
}

struct table *table_free(struct table *t)
{
        if (!t)
                return NULL;
        rows_free(t->rows);
        cells_done(&t->cells);
        free(t);
        return NULL;
}

static unsigned width_of(const struct table *t)
{
        return t->config.is_wide ? WIDE_WIDTH : t->config.width;
}

static struct cells *cells_in(struct table *t, struct buf *out)
{
        t->cells.out = out;
        t->cells.columns = 0;
        return &t->cells;
}

/* 18:31:07, 18:31:07.482 or, with -t, 0.231 */
static unsigned time_columns(const struct table *t)
{
        return t->config.counts_seconds ? 9 : width_of(t) >= STATUS_WIDTH ? 12 : 8;
}

static void put_time(struct table *t, struct cells *c, uint64_t ns)
{
        _cleanup_(buf_done) struct buf text = { 0 };

        if (!t->config.counts_seconds) {
                moment_show(ns, t->config.utc, false, time_columns(t) > 8 ? 3 : 0, &text);
        } else {
                const bool is_before = ns < t->first_ns;
                const uint64_t ms =
                        (is_before ? t->first_ns - ns : ns - t->first_ns) / NSEC_PER_MSEC;

                buf_printf(&text, "%s%" PRIu64 ".%03u", is_before ? "-" : "", ms / 1000,
                           (unsigned)(ms % 1000));
        }
        cell_put(c, buf_span(&text), time_columns(t), t->config.counts_seconds, CELL_PLAIN);
}

/* Which columns there are is settled by what is known when the first row is shown. */
static void show_title(struct table *t)
{
        struct cells *c = cells_in(t, t->out);

        t->has_title = true;
        t->has_status = t->config.has_status || t->has_ends || width_of(t) >= STATUS_WIDTH;
        cell_put(c, SPAN_LITERAL("TIME"), time_columns(t), t->config.counts_seconds, CELL_PLAIN);
        columns_put_left(c, NULL);
        if (t->has_status) {
                cell_put(c, SPAN_LITERAL("STATUS"), STATUS_COLUMNS, true, CELL_PLAIN);
                cell_put(c, SPAN_LITERAL("TOOK"), TOOK_COLUMNS, true, CELL_PLAIN);
        }
        columns_put_right(c, NULL, width_of(t), t->config.cuts);
        buf_append_string(t->out, "ARGS\n");
}

static const char *colour_of(const struct row *row)
{
        static const char *const colours[] = {
                [ROW_PLAIN] = "",      [ROW_FAILED] = SGR_BAD,  [ROW_NOTE] = "\x1b[36m",
                [ROW_LOSS] = SGR_LOSS, [ROW_AGAIN] = "\x1b[2m",
        };

        return colours[row->tone];
}

static void put_status(struct table *t, struct cells *c, const struct row *row)
{
        _cleanup_(buf_done) struct buf took = { 0 };
        const bool is_red = t->config.has_colours && row->is_bad && row->tone == ROW_PLAIN;

        if (!t->has_status)
                return;
        if (row->has_ended)
                show_duration(row->took_ns, &took);
        if (is_red)
                buf_append_string(t->out, colour_of(&(struct row){ .tone = ROW_FAILED }));
        cell_put(c, span_of(row->status), STATUS_COLUMNS, true, CELL_PLAIN);
        if (is_red)
                buf_append_string(t->out, SGR_RESET);
        cell_put(c, buf_span(&took), TOOK_COLUMNS, true, CELL_PLAIN);
}

/* As much of it as the terminal has room for, unless escapes are in it. */
static void put_cut(struct table *t, struct span text, unsigned used)
{
        const unsigned width = t->config.width;

        if (!t->config.cuts || used + text.size <= width || used + width_columns(text) <= width ||
            used + 1 >= width) {
                buf_append_span(t->out, text);
                return;
        }
        buf_append_span(t->out, width_head(text, width - used - 1));
        buf_append_string(t->out, "…");
}

static void show_row(void *userdata, const struct row *row)
{
        struct table *t = userdata;
        const bool is_note = row->tone == ROW_NOTE || row->tone == ROW_LOSS;
        const char *colour = t->config.has_colours ? colour_of(row) : "";
        struct cells *c;

        if (!t->has_title)
                show_title(t);
        c = cells_in(t, t->out);
        buf_append_string(t->out, colour);
        buf_append_span(t->out, buf_span(&row->left));
        if (!is_note)
                put_status(t, c, row);
        put_cut(t, buf_span(&row->right), row->left_columns + c->columns);
        if (*colour)
                buf_append_string(t->out, SGR_RESET);
        buf_append_char(t->out, '\n');
}

static struct row *note_begin(struct table *t, enum row_tone tone)
{
        struct row *row = rows_begin(t->rows);

        row->tone = tone;
        buf_append_string(&row->left, "-- ");
        row->left_columns = 3;
        return row;
}

static void note_put(struct table *t, struct row *row)
{
        buf_append_string(&row->right, " --");
        rows_put(t->rows, row);
}

static void append_boot(const struct event_line *line, struct buf *ret)
{
        buf_append_string(ret, "host ");
        show_text(line->host, ret);
        buf_append_string(ret, ", boot ");
        buf_append_span(ret, span_head(line->boot_id, 12));
}

static uint64_t day_of(const struct table *t, uint64_t ns)
{
        _cleanup_(buf_done) struct buf text = { 0 };
        uint64_t day = 0;

        moment_show(ns, t->config.utc, true, 0, &text);
        for (size_t i = 0; i < text.size && text.data[i] != ' '; i++)
                day = is_digit(text.data[i]) ? 10 * day + (uint64_t)(text.data[i] - '0') : day;
        return day;
}

/* The date, when it is another than that of the row before. */
static void note_day(struct table *t, const struct event_line *line)
{
        const uint64_t day = day_of(t, line->time_ns);
        struct row *row;

        if (day == t->day)
                return;
        t->day = day;
        row = note_begin(t, ROW_NOTE);
        buf_printf(&row->right, "%04u-%02u-%02u", (unsigned)(day / 10000),
                   (unsigned)(day / 100 % 100), (unsigned)(day % 100));
        note_put(t, row);
}

static void note_hole(struct table *t, const struct event_line *line, uint64_t last)
{
        struct row *row = note_begin(t, ROW_LOSS);
        const uint64_t from = last + 1, to = line->seq - 1;

        if (from == to)
                buf_printf(&row->right, "1 line is missing here: seq %" PRIu64, from);
        else
                buf_printf(&row->right,
                           "%" PRIu64 " lines are missing here: seq %" PRIu64 " to %" PRIu64,
                           to - from + 1, from, to);
        note_put(t, row);
}

static void note_back(struct table *t, const struct event_line *line, uint64_t last)
{
        struct row *row = note_begin(t, ROW_LOSS);

        if (line->seq == last)
                buf_printf(&row->right, "seq %" PRIu64 " comes again: a line is doubled", last);
        else
                buf_printf(&row->right,
                           "seq goes back from %" PRIu64 " to %" PRIu64
                           ": lines are doubled, or not in their order",
                           last, line->seq);
        note_put(t, row);
}

void table_step(struct table *t, const struct event_line *line, enum stream_step step,
                uint64_t last)
{
        struct row *row;

        if (t->first_ns == 0)
                t->first_ns = line->time_ns;
        note_day(t, line);
        switch (step) {
        case STREAM_NEW:
                row = note_begin(t, ROW_NOTE);
                append_boot(line, &row->right);
                note_put(t, row);
                break;
        case STREAM_HOLE:
                note_hole(t, line, last);
                break;
        case STREAM_BACK:
                note_back(t, line, last);
                break;
        case STREAM_BEGINS:
        case STREAM_NEXT:
                break;
        }
}

static void set_status(struct row *row, const struct event_line *line)
{
        row->has_ended = true;
        row->took_ns = line->event.duration_ns;
        row->is_bad = columns_status(line, row->status);
}

static void append_arguments(struct table *t, const struct event_line *line, struct buf *ret)
{
        const struct exec_event *e = &line->event;

        if (e->argv.data)
                show_words(e->argv, t->config.quotes_all, ret);
        else if (e->filename.data)
                show_word(e->filename, true, t->config.quotes_all, ret);
        if (e->cut & EXEC_CUT(FIELD_ARGV)) {
                buf_append_string(ret, " … (cut");
                if (event_has(e, FACT_ARGC))
                        buf_printf(ret, ", %u arguments", e->facts.argc);
                buf_append_char(ret, ')');
        }
}

static struct row *event_begin(struct table *t, const struct event_line *line)
{
        struct row *row = rows_begin(t->rows);
        struct cells *c = cells_in(t, &row->left);

        row->pid = line->event.facts.pid;
        put_time(t, c, line->time_ns);
        columns_put_left(c, line);
        row->left_columns = c->columns;
        return row;
}

static void put_exec(struct table *t, const struct event_line *line)
{
        const enum event_kind kind = line->event.kind;
        struct row *row = event_begin(t, line);

        if (kind == EVENT_EXEC && line->process_id.size > 0 && line->process_id.size < ROW_ID_SIZE)
                memcpy(row->process_id, line->process_id.data, line->process_id.size);
        if (kind == EVENT_EXEC_FAILED) {
                row->tone = ROW_FAILED;
                if (line->error.size > 0 && line->error.size < sizeof(row->status))
                        memcpy(row->status, line->error.data, line->error.size);
        }
        if (kind == EVENT_EXEC_ATTEMPT)
                memcpy(row->status, "attempt", sizeof("attempt"));
        columns_put_right(cells_in(t, &row->right), line, width_of(t), t->config.cuts);
        append_arguments(t, line, &row->right);
        rows_put(t->rows, row);
}

static void put_summary(struct table *t, const struct event_line *line)
{
        struct row *row = event_begin(t, line);

        columns_put_right(cells_in(t, &row->right), line, width_of(t), t->config.cuts);
        buf_printf(&row->right, "(%" PRIu64 " more", line->counters.count);
        if (!span_is(line->of, "exec")) {
                buf_append_char(&row->right, ' ');
                show_text(line->of, &row->right);
        }
        if (line->rule.data) {
                buf_append_string(&row->right, ", rule ");
                show_text(line->rule, &row->right);
        }
        buf_append_string(&row->right, ") ");
        append_arguments(t, line, &row->right);
        rows_put(t->rows, row);
}

/* How it ended, where there is no column for it. */
static void append_end(const struct row *row, struct buf *ret)
{
        buf_append_string(ret, "(ended");
        if (row->status[0]) {
                buf_append_char(ret, ' ');
                show_text(span_of(row->status), ret);
        }
        buf_append_string(ret, ", ");
        show_duration(row->took_ns, ret);
        buf_append_string(ret, ") ");
}

/* The end of a process whose row has been shown: that row again, or what is known of it. */
static void put_exit(struct table *t, const struct event_line *line, const struct row *of)
{
        _cleanup_(buf_done) struct buf command = { 0 };
        struct row *row;

        if (of)
                buf_append_span(&command, buf_span(&of->right)); /* its place may be needed now */
        row = event_begin(t, line);
        row->tone = ROW_AGAIN;
        set_status(row, line);
        if (t->has_title && !t->has_status)
                append_end(row, &row->right);
        else if (!of)
                buf_append_string(&row->right, "(ended)");
        buf_append_span(&row->right, buf_span(&command));
        rows_put(t->rows, row);
}

void table_event(struct table *t, const struct event_line *line)
{
        switch (line->event.kind) {
        case EVENT_EXIT:
                put_exit(t, line, NULL);
                break;
        case EVENT_SUMMARY:
                put_summary(t, line);
                break;
        default:
                put_exec(t, line);
                break;
        }
}

bool table_exit(struct table *t, const struct event_line *line)
{
        struct row *row;

        t->has_ends = true;
        row = rows_find(t->rows, line->process_id);
        if (!row || row->has_ended)
                return false;
        if (row->is_shown) {
                row->has_ended = true;
                put_exit(t, line, row);
        } else {
                set_status(row, line);
        }
        return true;
}

static void note_lost(struct table *t, const struct event_line *line)
{
        struct row *row = note_begin(t, ROW_LOSS);
        const char *text = loss_explain(line->where);

        buf_printf(&row->right, "LOST: %" PRIu64 " event%s", line->counters.count,
                   line->counters.count == 1 ? "" : "s");
        if (line->from_ns != TIME_UNKNOWN && line->to_ns != TIME_UNKNOWN) {
                buf_append_string(&row->right, ", ");
                moment_show(line->from_ns, t->config.utc, false, 3, &row->right);
                buf_append_string(&row->right, " to ");
                moment_show(line->to_ns, t->config.utc, false, 3, &row->right);
        }
        buf_append_string(&row->right, ", ");
        show_text(line->where, &row->right);
        if (text)
                buf_printf(&row->right, " (%s)", text);
        if (line->cpu != LOSS_ANY_CPU)
                buf_printf(&row->right, ", CPU %u", line->cpu);
        note_put(t, row);
}

static void note_start(struct table *t, const struct event_line *line)
{
        struct row *row = note_begin(t, ROW_NOTE);
        struct buf *b = &row->right;

        buf_append_string(b, "execsnoopd ");
        show_text(line->version, b);
        buf_append_string(b, " begins: ");
        append_boot(line, b);
        buf_append_string(b, ", kernel ");
        show_text(line->kernel, b);
        if (event_line_has(line, LINE_HAS(boot_age_ns))) {
                buf_append_string(b, ", ");
                show_duration(line->counters.boot_age_ns, b);
                buf_append_string(b, " after boot");
        }
        if (span_is(line->down, "counted"))
                buf_append_string(b, "; execs before were counted");
        else if (span_is(line->down, "unknown"))
                buf_append_string(b, "; nobody knows of execs before");
        note_put(t, row);
}

static void note_counters(struct table *t, const struct event_line *line, const char *what)
{
        const struct line_counters *c = &line->counters;
        struct row *row;

        row = note_begin(t, c->unaccounted != 0 ? ROW_LOSS : ROW_NOTE);
        buf_append_string(&row->right, what);
        buf_printf(&row->right, "%" PRIu64 " event%s seen, %" PRIu64 " filtered, %" PRIu64 " lost",
                   c->seen, c->seen == 1 ? "" : "s", c->filtered, c->lost);
        if (c->unaccounted != 0)
                buf_printf(&row->right, ", UNACCOUNTED: %" PRId64, c->unaccounted);
        note_put(t, row);
}

void table_daemon(struct table *t, const struct event_line *line)
{
        switch (line->event.kind) {
        case EVENT_START:
                note_start(t, line);
                break;
        case EVENT_LOST:
                note_lost(t, line);
                break;
        case EVENT_STOP:
                note_counters(t, line, "execsnoopd stops: ");
                break;
        case EVENT_STATS:
                if (line->counters.unaccounted != 0)
                        note_counters(t, line, "counters: ");
                break;
        default:
                break;
        }
}

void table_flush(struct table *t)
{
        rows_flush(t->rows);
}
