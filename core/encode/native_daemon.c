/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The native shape, the daemon's own events: start, lost, stats, stop. They are the heartbeat and
 * the ledger of the stream: they show a reader that nothing is missing, or how much, where and
 * when.
 *
 * All counters are there even when 0, so that a query needs no special case; only programs that
 * have never run are left out. The values come from one struct stats; what does not add up is
 * `unaccounted`, and is shown rather than explained away.
 */
#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "encode/encode_context.h"
#include "encode/encode_line.h"
#include "encode/native.h"
#include "event/stats.h"
#include "policy/rules.h"

void native_put_lost(struct encoder *e, const struct loss *loss)
{
        struct buf *b = e->out;

        json_put_string(b, "where", loss_where_name(loss->where));
        json_put_u64(b, "count", loss->count);
        if (loss->uncertain > 0)
                json_put_u64(b, "uncertain", loss->uncertain);
        if (loss->cpu != LOSS_ANY_CPU)
                json_put_u64(b, "cpu", loss->cpu);
        encoder_put_time(e, "from", loss->from_ns);
        encoder_put_time(e, "to", loss->to_ns);
}

static void put_lost_by(struct buf *b, const struct stats *s)
{
        json_key(b, "lost_by");
        json_begin_object(b);
        for (enum loss_where w = 0; w < _LOSS_WHERE_MAX; w++) {
                bool is_rare = loss_is_of_sink(w) || w == LOSS_BLIND;

                if (!is_rare || s->lost[w] > 0)
                        json_put_u64(b, loss_where_name(w), s->lost[w]);
        }
        json_end_object(b);
}

static void put_program(struct buf *b, const char *name, const struct exec_counters *c,
                        uint64_t recursion_misses)
{
        json_key(b, name);
        json_begin_object(b);
        json_put_u64(b, "seen", c->seen);
        json_put_u64(b, "sent", c->sent);
        json_put_u64(b, "filtered", c->filtered);
        json_put_u64(b, "lost_ring_full", c->lost_ring_full);
        json_put_u64(b, "lost_no_ring", c->lost_no_ring);
        json_put_u64(b, "lost_other", c->lost_other);
        json_put_u64(b, "recursion_misses", recursion_misses);
        json_put_u64(b, "bare", c->bare);
        json_put_u64(b, "lost_chunks", c->lost_chunks);
        json_put_u64(b, "faults", c->faults);
        json_put_u64(b, "untracked", c->untracked);
        json_end_object(b);
}

static void put_programs(struct buf *b, const struct stats *s)
{
        json_key(b, "programs");
        json_begin_object(b);
        for (enum exec_program p = 0; p < _PROGRAM_MAX; p++)
                if (p == PROGRAM_EXEC || s->program[p].seen > 0 || s->recursion_misses[p] > 0)
                        put_program(b, exec_program_name(p), &s->program[p],
                                    s->recursion_misses[p]);
        json_end_object(b);
}

/* What is gone for want of room, and of which time it was. */
static void put_deleted(struct buf *b, const struct sink_stats *sink)
{
        char to[TEXT_TIME_SIZE];

        json_put_u64(b, "deleted_files", sink->deleted_files);
        json_put_u64(b, "deleted_bytes", sink->deleted_bytes);
        if (sink->deleted_files > 0 &&
            text_time((int64_t)(sink->deleted_to_ns / NSEC_PER_SEC),
                      (uint32_t)(sink->deleted_to_ns % NSEC_PER_SEC), to))
                json_put_string(b, "deleted_to", to);
}

static void put_sink(struct buf *b, const struct stats *s, const struct sink_stats *sink)
{
        json_key(b, sink->name);
        json_begin_object(b);
        json_put_u64(b, "before", sink->before);
        if (sink->is_new && sink->before > 0)
                json_put_true(b, "opened");
        json_put_u64(b, "written", sink->written);
        json_put_u64(b, "lost", sink->lost);
        json_put_u64(b, "down", sink->down);
        json_put_u64(b, "backlog", sink->backlog);
        json_put_u64(b, "lines", sink->lines);
        json_put_u64(b, "bytes", sink->bytes);
        json_put_u64(b, "retries", sink->retries);
        json_put_u64(b, "backlog_bytes", sink->backlog_bytes);
        if (sink->has_files)
                put_deleted(b, sink);
        json_put_i64(b, "unaccounted", stats_unaccounted(s, sink));
        json_end_object(b);
}

static void put_sinks(struct buf *b, const struct stats *s)
{
        json_key(b, "sinks");
        json_begin_object(b);
        for (unsigned i = 0; i < s->n_sinks; i++)
                put_sink(b, s, &s->sink[i]);
        json_end_object(b);
        json_put_i64(b, "unaccounted", stats_worst_unaccounted(s));
}

/* Events left out, by the part of the configuration that says so: adds up to `filtered`. */
static void put_filtered_by(struct buf *b, const struct stats *s)
{
        json_key(b, "filtered_by");
        json_begin_object(b);
        for (size_t i = 0; i < s->n_rules; i++) {
                json_text_key(b, span_of(s->rules[i].name));
                json_u64(b, s->rules[i].dropped + s->rules[i].summarized);
        }
        if (s->hidden_by_default > 0)
                json_put_u64(b, NOT_A_RULE_DEFAULT, s->hidden_by_default);
        if (s->hidden_by_removed > 0)
                json_put_u64(b, NOT_A_RULE_REMOVED, s->hidden_by_removed);
        if (s->hidden_by_earlier > 0)
                json_put_u64(b, NOT_A_RULE_EARLIER, s->hidden_by_earlier);
        if (stats_filtered(s) > s->hidden)
                json_put_u64(b, NOT_A_RULE_ERRNOS, stats_filtered(s) - s->hidden);
        json_end_object(b);
}

/* A rule that never matches is seen here. */
static void put_rule_counters(struct buf *b, const struct stats *s)
{
        json_key(b, "rules");
        json_begin_object(b);
        for (size_t i = 0; i < s->n_rules; i++) {
                const struct rule_stats *rule = &s->rules[i];

                json_text_key(b, span_of(rule->name));
                json_begin_object(b);
                json_put_u64(b, "matched", rule->matched);
                json_put_u64(b, "dropped", rule->dropped);
                json_put_u64(b, "summarized", rule->summarized);
                json_put_u64(b, "spared", rule->spared);
                json_end_object(b);
        }
        json_end_object(b);
}

static void put_files(struct buf *b, const struct hash_stats *files)
{
        json_key(b, "files");
        json_begin_object(b);
        json_put_u64(b, "hashed", files->hashed);
        json_put_u64(b, "failed", files->failed);
        json_put_u64(b, "dropped", files->dropped);
        json_put_u64(b, "waiting", files->waiting);
        json_put_u64(b, "restarts", files->restarts);
        json_end_object(b);
}

static void put_stats(struct buf *b, const struct stats *s, bool with_rules)
{
        json_put_u64(b, "seen", stats_seen(s));
        json_put_u64(b, "filtered", stats_filtered(s));
        if (with_rules)
                put_filtered_by(b, s);
        json_put_u64(b, "lost", stats_lost(s));
        put_lost_by(b, s);
        json_put_u64(b, "in_rings", s->in_rings);
        json_put_u64(b, "queued", s->queued);
        json_put_u64(b, "queue_bytes", s->queue_bytes);
        json_put_u64(b, "wakeups", s->wakeups);
        json_put_u64(b, "cut", s->cut);
        json_put_u64(b, "redacted", s->redacted);
        json_put_u64(b, "summing", s->summing);
        if (s->files.is_on)
                put_files(b, &s->files);
        if (with_rules && s->n_rules > 0)
                put_rule_counters(b, s);
        put_programs(b, s);
        put_sinks(b, s);
}

void native_put_stats(struct encoder *e, const struct stats *stats, bool with_rules)
{
        struct buf *b = e->out;

        put_stats(b, stats, with_rules);
        if (with_rules)
                return;
        e->is_cut = true;
        json_key(b, "truncated");
        json_begin_array(b);
        json_string(b, "filtered_by");
        json_string(b, "rules");
        json_end_array(b);
}

struct settings {
        struct buf *out;
        const char *section; /* the one that is begun, or NULL */
};

/* They come section by section. */
static int on_setting(void *userdata, const char *section, const char *key, const char *value)
{
        struct settings *s = userdata;
        char key_base64[64];

        if (!s->section || strcmp(s->section, section) != 0) {
                if (s->section)
                        json_end_object(s->out);
                json_key(s->out, section);
                json_begin_object(s->out);
                s->section = section;
        }
        (void)snprintf(key_base64, sizeof(key_base64), "%s_base64", key);
        json_put_text_keys(s->out, key, key_base64, span_of(value)); /* a path is any bytes */
        return buf_error(s->out);
}

static void put_settings(struct buf *b, const struct config *config)
{
        struct settings settings = { .out = b };
        int r;

        json_key(b, "settings");
        json_begin_object(b);
        r = config_each(config, on_setting, &settings);
        if (r < 0)
                b->error = r;
        if (settings.section)
                json_end_object(b);
        json_end_object(b);
}

static void put_missing(struct buf *b, const char *const *missing)
{
        if (!missing || !missing[0])
                return;
        json_key(b, "missing");
        json_begin_array(b);
        for (size_t i = 0; missing[i]; i++)
                json_string(b, missing[i]);
        json_end_array(b);
}

static void put_inherited(struct buf *b, const struct stats *inherited)
{
        if (!inherited)
                return;
        json_key(b, "inherited");
        json_begin_object(b);
        put_stats(b, inherited, false);
        json_end_object(b);
}

static bool has_rules(const struct start_info *info)
{
        return info->rules && rules_count(info->rules) > 0;
}

/* In their order: the first that matches decides. */
static void put_rules(struct buf *b, const struct rules *rules)
{
        json_key(b, "rules");
        json_begin_array(b);
        for (size_t i = 0; i < rules_count(rules); i++) {
                json_begin_object(b);
                json_put_text(b, "name", span_of(rules_name(rules, (int)i)));
                json_put_text(b, "rule", span_of(rules_text(rules, (int)i)));
                json_end_object(b);
        }
        json_end_array(b);
}

void native_put_namespaces(struct buf *b, const uint32_t namespaces[static _NAMESPACE_MAX],
                           const uint32_t usual[static _NAMESPACE_MAX])
{
        static const char *const names[_NAMESPACE_MAX] = {
                [NAMESPACE_CGROUP] = "cgroup", [NAMESPACE_IPC] = "ipc", [NAMESPACE_MNT] = "mnt",
                [NAMESPACE_NET] = "net",       [NAMESPACE_PID] = "pid", [NAMESPACE_TIME] = "time",
                [NAMESPACE_USER] = "user",     [NAMESPACE_UTS] = "uts",
        };
        bool any = false;

        for (int i = 0; i < _NAMESPACE_MAX; i++) {
                if (namespaces[i] == 0 || namespaces[i] == usual[i])
                        continue;
                if (!any) {
                        json_key(b, "namespaces");
                        json_begin_object(b);
                        any = true;
                }
                json_put_u64(b, names[i], namespaces[i]);
        }
        if (any)
                json_end_object(b);
}

static void put_left_out(struct encoder *e, enum left_out left_out, const struct start_info *info)
{
        struct buf *b = e->out;

        if (left_out == LEFT_OUT_NOTHING)
                return;
        e->is_cut = true;
        json_key(b, "truncated");
        json_begin_array(b);
        if (info->inherited)
                json_string(b, "inherited");
        if (left_out >= LEFT_OUT_RULES && has_rules(info))
                json_string(b, "rules");
        if (left_out >= LEFT_OUT_SETTINGS)
                json_string(b, "settings");
        json_end_array(b);
}

void native_put_start(struct encoder *e, uint64_t boot_ns, const struct start_info *info,
                      enum left_out left_out)
{
        static const uint32_t none[_NAMESPACE_MAX];
        struct buf *b = e->out;

        json_put_string(b, "version", info->version);
        json_put_text(b, "kernel", span_of(info->kernel));
        if (info->machine_id && info->machine_id[0] != '\0')
                json_put_string(b, "machine_id", info->machine_id);
        json_put_u64(b, "boot_age_ns", boot_ns);
        native_put_namespaces(b, e->namespaces, none);
        if (left_out < LEFT_OUT_SETTINGS)
                put_settings(b, info->config);
        if (left_out < LEFT_OUT_RULES && has_rules(info))
                put_rules(b, info->rules);
        put_missing(b, info->missing);
        if (info->down)
                json_put_string(b, "down", info->down);
        if (left_out < LEFT_OUT_INHERITED)
                put_inherited(b, info->inherited);
        put_left_out(e, left_out, info);
}
