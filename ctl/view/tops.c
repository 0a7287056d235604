/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>

#include "base/json_writer.h"
#include "base/show.h"
#include "base/text.h"
#include "view/columns.h"
#include "view/moment.h"
#include "view/ranking.h"
#include "view/tops.h"
#include "view/width.h"

#define COUNT_WIDTH 9
#define SHARE_WIDTH 5
#define RATE_WIDTH 8

/* Names of what an event does not say. */
#define UNKNOWN "-"

struct tops {
        struct tops_config config;
        struct ranking *ranking[_TOP_BY_MAX]; /* of those that are shown */
        uint64_t n_events;
        uint64_t from_ns, to_ns;
};

const char *top_by_name(enum top_by by)
{
        static const char *const names[_TOP_BY_MAX] = {
                [TOP_EXE] = "exe", [TOP_UNIT] = "unit", [TOP_USER] = "user", [TOP_PARENT] = "parent"
        };

        return names[by];
}

struct tops *tops_free(struct tops *t)
{
        if (!t)
                return NULL;
        for (unsigned by = 0; by < _TOP_BY_MAX; by++)
                ranking_free(t->ranking[by]);
        free(t);
        return NULL;
}

int tops_new(const struct tops_config *config, struct tops **ret)
{
        _cleanup_(tops_freep) struct tops *t = NULL;
        int r = 0;

        t = calloc(1, sizeof(*t));
        if (!t)
                return -ENOMEM;
        t->config = *config;
        t->from_ns = UINT64_MAX;
        for (unsigned by = 0; r >= 0 && by < _TOP_BY_MAX; by++)
                if (config->by & 1u << by)
                        r = ranking_new(&t->ranking[by]);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(t);
        return 0;
}

static struct span first_of(struct span a, struct span b)
{
        return a.size > 0 ? a : b;
}

static struct span name_of(const struct exec_event *e, enum top_by by,
                           char uid[static UID_TEXT_SIZE])
{
        switch (by) {
        case TOP_EXE: /* what failed is known by what was asked for */
                return e->kind == EVENT_EXEC_FAILED ? first_of(e->filename, e->exe)
                                                    : first_of(e->exe, e->filename);
        case TOP_UNIT:
                return columns_unit(e);
        case TOP_USER:
                return columns_user(e, uid);
        case TOP_PARENT:
                return first_of(e->parent_exe, e->parent_comm);
        case _TOP_BY_MAX:
                break;
        }
        return (struct span){ 0 };
}

void tops_event(struct tops *t, const struct event_line *line)
{
        const bool is_summary = line->event.kind == EVENT_SUMMARY;
        const uint64_t count = is_summary ? line->counters.count : 1;
        char uid[UID_TEXT_SIZE];

        t->n_events += count;
        t->from_ns = MIN(t->from_ns, line->time_ns);
        t->to_ns = MAX(t->to_ns, line->time_ns);
        for (unsigned by = 0; by < _TOP_BY_MAX; by++)
                if (t->ranking[by])
                        ranking_add(t->ranking[by],
                                    first_of(name_of(&line->event, by, uid), SPAN_LITERAL(UNKNOWN)),
                                    count);
}

/* A row of text, as wide as the terminal. */
static void put_row(const struct tops *t, struct span text, struct buf *ret)
{
        if (t->config.width > 1 && width_columns(text) > t->config.width) {
                buf_append_span(ret, width_head(text, t->config.width - 1));
                buf_append_string(ret, "…");
        } else {
                buf_append_span(ret, text);
        }
        buf_append_char(ret, '\n');
}

static void show_title(const struct tops *t, enum top_by by, bool has_rate, struct buf *ret)
{
        const char *name = top_by_name(by);

        buf_append_string(ret, t->config.has_colours ? "\x1b[1m" : "");
        buf_printf(ret, "%*s %*s ", COUNT_WIDTH, "COUNT", SHARE_WIDTH, "SHARE");
        if (has_rate)
                buf_printf(ret, "%*s ", RATE_WIDTH, "A SECOND");
        while (*name)
                buf_append_char(ret, (char)toupper(*name++));
        buf_append_string(ret, t->config.has_colours ? SGR_RESET "\n" : "\n");
}

static void show_rank(const struct tops *t, const struct rank *rank, uint64_t elapsed_ns,
                      struct buf *ret)
{
        _cleanup_(buf_done) struct buf row = { 0 };
        const double share =
                t->n_events > 0 ? 100.0 * (double)rank->count / (double)t->n_events : 0;

        buf_printf(&row, "%*" PRIu64 " %*.*f%% ", COUNT_WIDTH, rank->count, SHARE_WIDTH - 1,
                   share < 9.95 ? 1 : 0, share);
        if (elapsed_ns > 0)
                buf_printf(&row, "%*.1f ", RATE_WIDTH,
                           (double)(rank->count - rank->before) * 1e9 / (double)elapsed_ns);
        show_text(span_of(rank->name), &row);
        put_row(t, buf_span(&row), ret);
}

static void show_by(struct tops *t, enum top_by by, uint64_t elapsed_ns, struct buf *ret)
{
        struct ranking *ranking = t->ranking[by];
        const struct rank *ranks;
        uint64_t rest;
        size_t n;

        ranks = ranking_sort(ranking, &n);
        rest = ranking_total(ranking);
        show_title(t, by, elapsed_ns > 0, ret);
        for (size_t i = 0; i < n && i < t->config.n_rows; i++) {
                show_rank(t, &ranks[i], elapsed_ns, ret);
                rest -= ranks[i].count;
        }
        if (n > t->config.n_rows || ranking_forgotten(ranking) > 0) {
                buf_printf(ret, "%*" PRIu64 "        %sof %zu others", COUNT_WIDTH, rest,
                           elapsed_ns > 0 ? "         " : "",
                           n > t->config.n_rows ? n - (size_t)t->config.n_rows : 0);
                if (ranking_forgotten(ranking) > 0)
                        buf_append_string(ret, " and more, of which the rarest are not told apart");
                buf_append_char(ret, '\n');
        }
        ranking_mark(ranking);
}

static void show_head_line(const struct tops *t, const struct gaps *gaps, struct buf *ret)
{
        _cleanup_(buf_done) struct buf missing = { 0 };

        buf_printf(ret, "%" PRIu64 " %s", t->n_events, t->n_events == 1 ? "exec" : "execs");
        if (t->n_events > 0) {
                buf_append_string(ret, " from ");
                moment_show(t->from_ns, t->config.utc, true, 0, ret);
                buf_append_string(ret, " to ");
                moment_show(t->to_ns, t->config.utc, true, 0, ret);
        }
        buf_append_char(ret, '\n');
        gaps_show(gaps, &missing);
        if (missing.size == 0)
                return;
        buf_append_string(ret, t->config.has_colours ? SGR_LOSS : "");
        buf_append_span(ret, buf_span(&missing));
        buf_append_string(ret, t->config.has_colours ? SGR_RESET "\n" : "\n");
}

void tops_show(struct tops *t, const struct gaps *gaps, uint64_t elapsed_ns, struct buf *ret)
{
        show_head_line(t, gaps, ret);
        for (unsigned by = 0; by < _TOP_BY_MAX; by++) {
                if (!t->ranking[by])
                        continue;
                buf_append_char(ret, '\n');
                show_by(t, by, elapsed_ns, ret);
        }
}

static void put_ranks(struct tops *t, enum top_by by, struct buf *b)
{
        const struct rank *ranks;
        size_t n;

        json_key(b, top_by_name(by));
        json_begin_array(b);
        ranks = ranking_sort(t->ranking[by], &n);
        for (size_t i = 0; i < n && i < t->config.n_rows; i++) {
                json_begin_object(b);
                json_put_text(b, "name", span_of(ranks[i].name));
                json_put_u64(b, "count", ranks[i].count);
                json_end_object(b);
        }
        json_end_array(b);
}

void tops_show_json(struct tops *t, struct buf *ret)
{
        json_begin_object(ret);
        json_put_u64(ret, "execs", t->n_events);
        for (unsigned by = 0; by < _TOP_BY_MAX; by++)
                if (t->ranking[by])
                        put_ranks(t, by, ret);
        json_end_object(ret);
}
