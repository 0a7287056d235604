/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include <inttypes.h>

#include "base/json_writer.h"
#include "base/show.h"
#include "base/text.h"
#include "view/audit_show.h"
#include "view/moment.h"

static const char *const verdict_words[] = {
        [AUDIT_COMPLETE] = "complete",
        [AUDIT_EXPLAINED] = "incomplete, and the log says what is missing",
        [AUDIT_UNEXPLAINED] = "NOT AS IT WAS WRITTEN",
        [AUDIT_NOT_OURS] = "not a log of execsnoopd",
};

/* Of JSON. */
static const char *const verdict_names[] = {
        [AUDIT_COMPLETE] = "complete",
        [AUDIT_EXPLAINED] = "explained",
        [AUDIT_UNEXPLAINED] = "unexplained",
        [AUDIT_NOT_OURS] = "not_ours",
};

static const char *const finding_names[_FINDING_KIND_MAX] = {
        [FINDING_LOST] = "lost",
        [FINDING_UNCOUNTED] = "uncounted",
        [FINDING_HEADLESS] = "begins_later",
        [FINDING_NO_STOP] = "no_stop",
        [FINDING_OPENED] = "not_in_use",
        [FINDING_CLOCK_BACK] = "clock_back",
        [FINDING_HOLE] = "hole",
        [FINDING_DOUBLED] = "doubled",
        [FINDING_ORDER] = "out_of_order",
        [FINDING_BEHEADED] = "no_start",
        [FINDING_EVENTS] = "events",
        [FINDING_LINES] = "lines",
        [FINDING_LOSSES] = "losses",
        [FINDING_SUM] = "sum",
        [FINDING_UNACCOUNTED] = "unaccounted",
        [FINDING_PARTS] = "parts",
        [FINDING_BACK] = "counter_back",
        [FINDING_SPAN] = "loss_times",
        [FINDING_TAIL] = "earlier_events",
};

static void append_lines(uint64_t from, uint64_t to, struct buf *ret)
{
        if (from == to)
                buf_printf(ret, "line %" PRIu64, from);
        else
                buf_printf(ret, "lines %" PRIu64 " to %" PRIu64, from, to);
}

static void describe_explained(const struct audit_finding *f, struct buf *ret)
{
        switch (f->kind) {
        case FINDING_LOST:
                buf_printf(ret, "%" PRIu64 " event%s lost: %s", f->a, f->a == 1 ? "" : "s",
                           f->text);
                break;
        case FINDING_UNCOUNTED:
                buf_append_string(ret, "before this start nobody has counted, or this destination "
                                       "was closed");
                break;
        case FINDING_HEADLESS:
                buf_printf(ret, "the log begins here, with line %" PRIu64 " of the run", f->a);
                break;
        case FINDING_OPENED:
                buf_printf(ret,
                           "this destination was not in use for a while: of %" PRIu64
                           " events before, it has %" PRIu64,
                           f->a, f->b);
                break;
        case FINDING_NO_STOP:
                buf_append_string(ret,
                                  "the boot has ended without a stop: what was executed last is "
                                  "not known");
                break;
        default:
                buf_append_string(ret, "the clock was set back by ");
                show_duration(f->a, ret);
                buf_printf(ret, " before line %" PRIu64, f->seq);
                break;
        }
}

static void describe_numbers(const struct audit_finding *f, struct buf *ret)
{
        switch (f->kind) {
        case FINDING_HOLE:
                append_lines(f->a, f->b, ret);
                buf_append_string(ret, f->a == f->b ? " is missing" : " are missing");
                break;
        case FINDING_DOUBLED:
                append_lines(f->a, f->b, ret);
                buf_append_string(ret, f->a == f->b ? " comes again" : " come again");
                break;
        case FINDING_ORDER:
                append_lines(f->a, f->b, ret);
                buf_append_string(ret, f->a == f->b ? " comes" : " come");
                buf_append_string(ret, " behind later ones");
                break;
        default:
                append_lines(1, f->a, ret);
                buf_append_string(ret, " of this run are missing, its start among them");
                break;
        }
}

/* What the counters in line `seq` have to do with the lines. */
static void describe_counters(const struct audit_finding *f, struct buf *ret)
{
        buf_printf(ret, "by the counters in line %" PRIu64 " ", f->seq);
        switch (f->kind) {
        case FINDING_EVENTS:
                buf_printf(ret,
                           "%" PRIu64 " events were written since those before, and %" PRIu64
                           " are here",
                           f->a, f->b);
                break;
        case FINDING_LINES:
                buf_printf(ret, "%" PRIu64 " lines were written, and it is number %" PRIu64, f->a,
                           f->b + 1);
                break;
        case FINDING_LOSSES:
                buf_printf(ret, "%" PRIu64 " events were lost, and %" PRIu64 " are reported", f->a,
                           f->b);
                break;
        case FINDING_SUM:
                buf_printf(ret, "the sum is wrong by %" PRId64, (int64_t)f->a);
                break;
        case FINDING_UNACCOUNTED:
                buf_printf(ret, "%" PRId64 " events are unaccounted for", (int64_t)f->a);
                break;
        case FINDING_PARTS:
                buf_printf(ret, "%s is %" PRIu64 ", and its parts are %" PRIu64, f->text, f->a,
                           f->b);
                break;
        case FINDING_BACK:
                buf_printf(ret, "%s went back from %" PRIu64 " to %" PRIu64, f->text, f->a, f->b);
                break;
        default:
                buf_printf(ret,
                           "earlier runs have %" PRIu64 " events, written or reported as lost, and "
                           "%" PRIu64
                           " are here: lines of one are missing, or this destination was "
                           "not in use for a while",
                           f->a, f->b);
                break;
        }
}

static void describe_span(const struct audit_finding *f, struct buf *ret)
{
        buf_printf(ret, "the loss that line %" PRIu64 " reports was from ", f->seq);
        moment_show(f->a, true, true, 3, ret);
        buf_append_string(ret, " to ");
        moment_show(f->b, true, true, 3, ret);
        buf_append_string(ret, " (UTC), which is backwards or not over by then");
}

static void describe(const struct audit_finding *f, struct buf *ret)
{
        if (finding_is_explained(f->kind))
                describe_explained(f, ret);
        else if (f->kind <= FINDING_BEHEADED)
                describe_numbers(f, ret);
        else if (f->kind == FINDING_SPAN)
                describe_span(f, ret);
        else
                describe_counters(f, ret);
}

static void show_run(const struct audit_run *run, size_t n, bool utc, struct buf *ret)
{
        buf_printf(ret, "    run %zu: ", n + 1);
        moment_show(run->from_ns, utc, true, 0, ret);
        buf_append_string(ret, " to ");
        moment_show(run->to_ns, utc, true, 0, ret);
        buf_printf(ret, ", %" PRIu64 " line%s, %" PRIu64 " event%s", run->n_lines,
                   run->n_lines == 1 ? "" : "s", run->n_events, run->n_events == 1 ? "" : "s");
        if (run->n_summarized > 0)
                buf_printf(ret, ", %" PRIu64 " in summaries", run->n_summarized);
        if (run->redacted > 0)
                buf_printf(ret, ", %" PRIu64 " secret%s hidden", run->redacted,
                           run->redacted == 1 ? "" : "s");
        buf_append_string(ret, run->has_stop ? ", stopped" : "");
        if (run->has_start && run->is_unknown && n == 0 && run->boot_age_ns > 0) {
                buf_append_string(ret, "; began ");
                show_duration(run->boot_age_ns, ret);
                buf_append_string(ret, " after boot");
        }
        buf_append_char(ret, '\n');
}

static void show_rules(const struct audit *a, size_t host, struct buf *ret)
{
        struct audit_rules_walk walk = { 0 };
        const char *name;
        uint64_t count;

        while (audit_next_rule(a, host, &walk, &name, &count)) {
                if (count == 0)
                        continue;
                buf_append_string(ret, "  hidden by ");
                show_text(span_of(name), ret);
                buf_printf(ret, ": %" PRIu64 "\n", count);
        }
        if (a->has_more_rules)
                buf_append_string(ret, "  there are more rules than are kept apart\n");
}

static const char *name_of(const struct audit_boot *b)
{
        return b->names.name[b->names.last];
}

/* The name that it has in the last of its boots. */
static const char *last_name(const struct audit *a, size_t host)
{
        const char *name = "";

        for (size_t i = host; i < a->n_boots; i++)
                if (a->boots[i].host == host)
                        name = name_of(&a->boots[i]);
        return name;
}

/* And those that it had beside that. */
static void show_names(const struct audit_boot *b, const char *last, struct buf *ret)
{
        const char *separator = ", also called ";

        for (size_t i = 0; i < b->names.n; i++) {
                if (strcmp(b->names.name[i], last) == 0)
                        continue;
                buf_append_string(ret, separator);
                show_text(span_of(b->names.name[i]), ret);
                separator = ", ";
        }
        if (b->names.n_more > 0)
                buf_append_string(ret, " and more");
}

static void show_boot(const struct audit_boot *b, enum sink_place place, bool utc, struct buf *ret)
{
        for (size_t n = 0; n < b->n_runs; n++) {
                show_run(&b->runs[n], n, utc, ret);
                for (size_t i = 0; i < b->n_findings; i++) {
                        const struct audit_finding *f = &b->findings[i];

                        if (f->run != n || !finding_counts(f, place))
                                continue;
                        buf_append_string(ret,
                                          finding_is_explained(f->kind) ? "      - " : "      ! ");
                        describe(f, ret);
                        buf_append_char(ret, '\n');
                }
        }
        if (b->n_more > 0)
                buf_printf(ret, "    and %" PRIu64 " more\n", b->n_more);
}

void audit_show(const struct audit *a, size_t host, enum sink_place place, bool utc,
                struct buf *ret)
{
        const char *name = last_name(a, host);

        buf_append_string(ret, "host ");
        show_text(span_of(name), ret);
        buf_append_string(ret, ": ");
        buf_append_string(ret, verdict_words[audit_verdict(a, host, place)]);
        buf_append_char(ret, '\n');
        for (const struct audit_boot *b = a->boots; b < a->boots + a->n_boots; b++) {
                if (b->host != host)
                        continue;
                buf_printf(ret, "  boot %s", b->boot_id);
                show_names(b, name, ret);
                buf_append_char(ret, '\n');
                show_boot(b, place, utc, ret);
        }
        show_rules(a, host, ret);
}

static void put_time(struct buf *b, const char *key, uint64_t ns)
{
        char text[TEXT_TIME_SIZE];

        if (text_time((int64_t)(ns / NSEC_PER_SEC), (uint32_t)(ns % NSEC_PER_SEC), text))
                json_put_string(b, key, text);
}

static void put_run(const struct audit_run *run, struct buf *b)
{
        json_begin_object(b);
        put_time(b, "from", run->from_ns);
        put_time(b, "to", run->to_ns);
        json_put_u64(b, "lines", run->n_lines);
        json_put_u64(b, "events", run->n_events);
        json_put_u64(b, "summarized", run->n_summarized);
        if (run->has_redacted)
                json_put_u64(b, "redacted", run->redacted);
        json_key(b, "lost");
        json_begin_object(b);
        for (unsigned w = 0; w < _LOSS_WHERE_MAX; w++)
                if (run->n_reported[w] > 0)
                        json_put_u64(b, loss_where_name(w), run->n_reported[w]);
        json_end_object(b);
        if (run->has_start)
                json_put_true(b, "started");
        if (run->has_stop)
                json_put_true(b, "stopped");
        json_end_object(b);
}

static void put_finding(const struct audit_boot *boot, const struct audit_finding *f, struct buf *b)
{
        struct buf text = { 0 };

        describe(f, &text);
        json_begin_object(b);
        json_put_string(b, "kind", finding_names[f->kind]);
        if (!finding_is_explained(f->kind))
                json_put_true(b, "unexplained");
        json_put_string(b, "boot_id", boot->boot_id);
        json_put_u64(b, "run", f->run + 1);
        json_put_text(b, "text", buf_span(&text));
        json_end_object(b);
        buf_done(&text);
}

static void put_boot(const struct audit_boot *boot, struct buf *b)
{
        json_begin_object(b);
        json_put_string(b, "boot_id", boot->boot_id);
        json_key(b, "hosts");
        json_begin_array(b);
        for (size_t i = 0; i < boot->names.n; i++)
                json_text(b, span_of(boot->names.name[i]));
        json_end_array(b);
        json_key(b, "runs");
        json_begin_array(b);
        for (size_t n = 0; n < boot->n_runs; n++)
                put_run(&boot->runs[n], b);
        json_end_array(b);
        json_end_object(b);
}

static void put_boots(const struct audit *a, size_t host, struct buf *b)
{
        json_key(b, "boots");
        json_begin_array(b);
        for (size_t i = host; i < a->n_boots; i++)
                if (a->boots[i].host == host)
                        put_boot(&a->boots[i], b);
        json_end_array(b);
}

static void put_findings(const struct audit *a, size_t host, enum sink_place place, struct buf *b)
{
        uint64_t n_more = 0;

        json_key(b, "findings");
        json_begin_array(b);
        for (size_t i = host; i < a->n_boots; i++) {
                const struct audit_boot *boot = &a->boots[i];

                if (boot->host != host)
                        continue;
                n_more += boot->n_more;
                for (size_t k = 0; k < boot->n_findings; k++)
                        if (finding_counts(&boot->findings[k], place))
                                put_finding(boot, &boot->findings[k], b);
        }
        json_end_array(b);
        json_put_u64(b, "findings_not_kept", n_more);
}

static void put_rules(const struct audit *a, size_t host, struct buf *b)
{
        struct audit_rules_walk walk = { 0 };
        const char *name;
        uint64_t count;

        json_key(b, "hidden_by");
        json_begin_object(b);
        while (audit_next_rule(a, host, &walk, &name, &count)) {
                json_text_key(b, span_of(name));
                json_u64(b, count);
        }
        json_end_object(b);
        if (a->has_more_rules)
                json_put_true(b, "hidden_by_is_cut");
}

void audit_show_json(const struct audit *a, size_t host, enum sink_place place, struct buf *ret)
{
        json_begin_object(ret);
        json_put_text(ret, "host", span_of(last_name(a, host)));
        if (a->boots[host].machine_id[0])
                json_put_string(ret, "machine_id", a->boots[host].machine_id);
        json_put_string(ret, "verdict", verdict_names[audit_verdict(a, host, place)]);
        json_put_string(ret, "log_of", sink_place_name(place));
        put_boots(a, host, ret);
        put_findings(a, host, place, ret);
        put_rules(a, host, ret);
        json_end_object(ret);
        buf_append_char(ret, '\n');
}

enum audit_result audit_log_verdict(const uint64_t n[static _LOG_FAULT_MAX])
{
        for (unsigned i = 0; i < FAULT_UNREAD; i++)
                if (n[i] > 0)
                        return AUDIT_UNEXPLAINED;
        return n[FAULT_UNREAD] > 0 ? AUDIT_EXPLAINED : AUDIT_COMPLETE;
}

static const struct {
        const char *key, *words;
} log_faults[_LOG_FAULT_MAX] = {
        [FAULT_NO_JSON] = { "no_json", "lines that are no JSON" },
        [FAULT_VALUE] = { "strange_values", "values that execsnoopd does not write" },
        [FAULT_CUT] = { "cut", "lines without an end" },
        [FAULT_TOO_LONG] = { "too_long", "lines longer than 16 MiB" },
        [FAULT_DAMAGED] = { "damaged_files", "compressed files without their end" },
        [FAULT_IGNORED] = { "ignored", "lines of more hosts or runs than are told apart" },
        [FAULT_UNREAD] = { "unread_files", "compressed files that can't be read here" },
};

void audit_show_log(const uint64_t n[static _LOG_FAULT_MAX], struct span files, struct buf *ret)
{
        const enum audit_result verdict = audit_log_verdict(n);
        const char *separator = "read from ";
        struct span name;

        if (verdict != AUDIT_COMPLETE) {
                buf_printf(ret, "the log itself: %s\n", verdict_words[verdict]);
                for (unsigned i = 0; i < _LOG_FAULT_MAX; i++)
                        if (n[i] > 0)
                                buf_printf(ret, "  %c %s: %" PRIu64 "\n",
                                           i < FAULT_UNREAD ? '!' : '-', log_faults[i].words, n[i]);
        }
        if (files.size == 0)
                return;
        while (span_cut(&files, '\0', &name)) {
                buf_append_string(ret, separator);
                show_text(name, ret);
                separator = ", ";
        }
        buf_append_char(ret, '\n');
}

void audit_show_log_json(const uint64_t n[static _LOG_FAULT_MAX], struct span files,
                         struct buf *ret)
{
        const enum audit_result verdict = audit_log_verdict(n);
        struct span name;

        if (verdict == AUDIT_COMPLETE && files.size == 0)
                return; /* it has nothing to say */
        json_begin_object(ret);
        json_key(ret, "log");
        json_begin_object(ret);
        json_put_string(ret, "verdict", verdict_names[verdict]);
        for (unsigned i = 0; i < _LOG_FAULT_MAX; i++)
                json_put_u64(ret, log_faults[i].key, n[i]);
        if (files.size > 0) {
                json_key(ret, "files");
                json_begin_array(ret);
                while (span_cut(&files, '\0', &name))
                        json_text(ret, name);
                json_end_array(ret);
        }
        json_end_object(ret);
        json_end_object(ret);
        buf_append_char(ret, '\n');
}
