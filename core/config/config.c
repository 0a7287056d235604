/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * One table of settings drives everything: defaults, parsing, ranges, showing, listing. A new
 * setting is a member of struct config and a line here (and one in execsnoopd.conf and the manual).
 *
 * A configuration is built from the defaults by one assignment after the other, in the order in
 * which config_file.c reads them, while the builder remembers for each setting where its value
 * comes from. What depends on several settings is settled at the end. The result is never changed
 * again.
 *
 * Refuses every value outside of its range. An unknown section or key is only a warning, so that
 * one configuration serves several versions.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "config/config.h"
#include "config/config_file.h"
#include "config/config_report.h"
#include "config/config_section.h"
#include "config/config_value.h"

struct setting {
        const char *section;
        const char *key;
        const struct value_type *type;
        size_t offset, size; /* of the member of struct config */
        const char *fallback;
        uint64_t min, max; /* of a number; none if max is 0 */
        bool or_zero;      /* 0 is fine too: no limit */
};

#define GIB (1024 * MIB)
#define TIB (1024 * GIB)
#define DAY (24 * 3600 * NSEC_PER_SEC)

#define SETTING(in, name, type_name, member, text, ...)                                            \
        {                                                                                          \
                .section = (in), .key = (name), .type = &value_##type_name,                        \
                .offset = offsetof(struct config, member),                                         \
                .size = sizeof(((struct config *)NULL)->member), .fallback = (text), __VA_ARGS__   \
        }

/* The order in which they are shown; settings of a section follow each other. */
static const struct setting settings[] = {
        SETTING("Capture", "Exits", flag, capture.exits, "no"),
        SETTING("Capture", "FailedExecs", flag, capture.failed_execs, "no"),
        SETTING("Capture", "FailedExecsIgnore", errnos, capture.failed_execs_ignore, "ENOENT"),
        SETTING("Capture", "Attempts", flag, capture.attempts, "no"),
        SETTING("Capture", "ArgvMax", size, capture.argv_max, "64K", .min = 4 * KIB,
                .max = 6 * MIB),
        SETTING("Capture", "Parents", flag, capture.parents, "yes"),
        SETTING("Capture", "ParentArgvMax", size, capture.parent_argv_max, "1K", .min = 64,
                .max = 8 * KIB),
        SETTING("Capture", "Environment", names, capture.environment,
                "LD_PRELOAD LD_LIBRARY_PATH LD_AUDIT"),
        SETTING("Capture", "Descriptors", flag, capture.descriptors, "yes"),
        SETTING("Capture", "Snapshot", flag, capture.snapshot, "yes"),
        SETTING("Capture", "RingSize", size, capture.ring_size, "1M", .min = 4 * KIB, .max = GIB),
        SETTING("Capture", "MaxLatency", time, capture.max_latency_ns, "100ms",
                .min = NSEC_PER_MSEC, .max = 10 * NSEC_PER_SEC),
        SETTING("Capture", "ExeHash", hash, capture.exe_hash, "no"),

        SETTING("Redact", "Arguments", redact, redact.arguments, "secrets"),
        SETTING("Redact", "Environment", redact, redact.environment, "secrets"),
        SETTING("Redact", "Names", globs, redact.names, BUILTIN_GLOBS),
        SETTING("Redact", "KeepNames", globs, redact.keep_names, BUILTIN_GLOBS),

        SETTING("Journal", "Enabled", flag, journal.enabled, "yes"),
        SETTING("Journal", "Message", message, journal.message, "json"),

        SETTING("File", "Enabled", flag, file.enabled, "no"),
        SETTING("File", "Path", path, file.path, "/var/log/execsnoopd/exec.jsonl"),
        SETTING("File", "Format", format, file.format, "native"),
        SETTING("File", "MaxSize", size, file.max_size, "64M", .min = 4 * KIB, .max = 1024 * TIB,
                .or_zero = true),
        SETTING("File", "MaxAge", time, file.max_age_ns, "0", .min = NSEC_PER_SEC,
                .max = 5200 * 7 * DAY, .or_zero = true),
        SETTING("File", "MaxFiles", count, file.max_files, "10", .min = 1, .max = 10000),
        SETTING("File", "LineMax", size, file.line_max, "128K", .min = 8 * KIB, .max = 128 * MIB,
                .or_zero = true),
        SETTING("File", "Compress", compress, file.compress, "no"),
        SETTING("File", "Mode", mode, file.mode, "0640", .max = 0777),
        SETTING("File", "Sync", flag, file.sync, "no"),

        SETTING("Queue", "Size", size, queue.size, "16M", .min = 64 * KIB, .max = 16 * GIB),
        SETTING("Queue", "Backlog", size, queue.backlog, "16M", .min = 64 * KIB, .max = 16 * GIB),

        SETTING("Stats", "Interval", time, stats.interval_ns, "1min", .min = NSEC_PER_SEC,
                .max = DAY),
        SETTING("Stats", "SelfTest", time, stats.self_test_ns, "10min", .min = NSEC_PER_SEC,
                .max = DAY, .or_zero = true),
        SETTING("Stats", "Metrics", place, stats.metrics, "metrics.prom"),

        SETTING("Filter", "Default", filter, filter.fallback, "keep"),
};

/* Keys of earlier versions: the warning says why they have no effect any more. */
static const struct {
        const char *section, *key, *reason;
} removed[] = {
        { "Journal", "Format", "events in the journal always have the native format" },
};

/* The section that may come again, and is another one each time. */
#define RULE_SECTION "Rule"

/* Where the value of a setting comes from. */
struct origin {
        struct buf text;    /* lines for config_cat(): of a list its assignments; empty: default */
        struct buf changed; /* lines that say why the value is another one than was set */
        bool is_explicit;
};

struct builder {
        struct config *config;
        struct config_report *report;
        struct origin origins[ELEMENTSOF(settings)];
};

static void builder_done(struct builder *b)
{
        config_free(b->config);
        for (size_t i = 0; i < ELEMENTSOF(b->origins); i++) {
                buf_done(&b->origins[i].text);
                buf_done(&b->origins[i].changed);
        }
}

static void *setting_member(const struct setting *s, struct config *c)
{
        return (char *)c + s->offset;
}

static void store_number(const struct setting *s, struct config *c, uint64_t value)
{
        config_number_store(setting_member(s, c), s->size, value);
}

static uint64_t load_number(const struct setting *s, const struct config *c)
{
        return config_number_load((const char *)c + s->offset, s->size);
}

static int check_range(const struct setting *s, uint64_t value, struct buf *problem)
{
        if (s->max == 0 || (value >= s->min && value <= s->max) || (value == 0 && s->or_zero))
                return 0;
        buf_append_string(problem, "out of range, expected ");
        if (s->or_zero)
                buf_append_string(problem, "0, or ");
        s->type->format_number(s->min, problem);
        buf_append_string(problem, " to ");
        s->type->format_number(s->max, problem);
        return -EINVAL;
}

/* Of a list: adds to what is there. */
static int setting_parse(const struct setting *s, struct config *c, struct span text,
                         struct buf *problem)
{
        uint64_t value;
        int r;

        if (s->type->parse)
                return s->type->parse(text, setting_member(s, c), problem);
        r = s->type->parse_number(text, &value, problem);
        if (r < 0)
                return r;
        r = check_range(s, value, problem);
        if (r < 0)
                return r;
        store_number(s, c, value);
        return 0;
}

static void setting_format(const struct setting *s, const struct config *c, struct buf *ret)
{
        if (s->type->format)
                s->type->format((const char *)c + s->offset, ret);
        else
                s->type->format_number(load_number(s, c), ret);
}

static int setting_restore(const struct setting *s, struct config *c)
{
        _cleanup_(buf_done) struct buf problem = { 0 };
        const struct span text = span_of(s->fallback);
        int r;

        if (s->type->clear)
                s->type->clear(setting_member(s, c));
        r = setting_parse(s, c, text, &problem);
        assert(r != -EINVAL); /* our own table */
        return r;
}

static int builder_init(struct builder *b, struct config_report *report)
{
        int r;

        b->report = report;
        b->config = calloc(1, sizeof(*b->config));
        if (!b->config)
                return -ENOMEM;
        for (size_t i = 0; i < ELEMENTSOF(settings); i++) {
                r = setting_restore(&settings[i], b->config);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Makes room in a list for the assignment `value`; what it replaces has no origin any more. */
static void builder_make_list(struct builder *b, size_t i, struct span value)
{
        struct origin *o = &b->origins[i];

        if ((o->is_explicit || settings[i].type->keeps_default) && value.size > 0)
                return;
        settings[i].type->clear(setting_member(&settings[i], b->config));
        buf_reset(&o->text);
}

static void builder_note_origin(struct builder *b, size_t i, const struct config_position *at,
                                struct span value)
{
        struct origin *o = &b->origins[i];

        o->is_explicit = true;
        if (!settings[i].type->is_list)
                buf_reset(&o->text);
        buf_append_string(&o->text, "# ");
        config_append_origin(&o->text, at);
        buf_append_char(&o->text, '\n');
        if (!settings[i].type->is_list)
                return;
        buf_append_string(&o->text, settings[i].key);
        buf_append_char(&o->text, '=');
        buf_append_span(&o->text, value);
        buf_append_char(&o->text, '\n');
}

/* Reports what is in `problem` if that is what came out. */
static int builder_refuse(struct builder *b, const struct config_position *at, int r,
                          const struct buf *problem)
{
        if (buf_error(problem))
                return -ENOMEM;
        if (r == -EINVAL)
                config_report_add(&b->report->errors, at, "%.*s", (int)problem->size,
                                  problem->data);
        return r;
}

static int builder_assign(struct builder *b, size_t i, const struct config_position *at,
                          struct span value)
{
        _cleanup_(buf_done) struct buf problem = { 0 };
        const struct setting *s = &settings[i];
        int r;

        if (value.size == 0 && !s->type->is_list) {
                b->origins[i].is_explicit = false;
                buf_reset(&b->origins[i].text);
                return setting_restore(s, b->config);
        }
        if (s->type->is_list)
                builder_make_list(b, i, value);
        r = setting_parse(s, b->config, value, &problem);
        r = builder_refuse(b, at, r, &problem);
        if (r < 0)
                return r;
        builder_note_origin(b, i, at, value);
        return buf_error(&b->origins[i].text);
}

/* The section of that name, whatever its capitals, or NULL. */
static const char *find_section(struct span name)
{
        if (span_is_nocase(name, RULE_SECTION))
                return RULE_SECTION;
        for (size_t i = 0; i < ELEMENTSOF(settings); i++)
                if (span_is_nocase(name, settings[i].section))
                        return settings[i].section;
        return NULL;
}

static bool is_section(struct span name)
{
        const char *section = find_section(name);

        return section && span_is(name, section);
}

/* A setting of that name with other capitals, or else one in another section, or NULL. */
static const struct setting *find_similar(struct span section, struct span key)
{
        const struct setting *similar = NULL;

        for (size_t i = 0; i < ELEMENTSOF(settings); i++) {
                if (!span_is_nocase(key, settings[i].key))
                        continue;
                if (!similar || span_is(section, settings[i].section))
                        similar = &settings[i];
        }
        return similar;
}

/* Why there is no such setting any more, or NULL: there never was. */
static const char *find_removed(struct span section, struct span key)
{
        for (size_t i = 0; i < ELEMENTSOF(removed); i++)
                if (span_is(section, removed[i].section) && span_is(key, removed[i].key))
                        return removed[i].reason;
        return NULL;
}

static int on_section(void *userdata, const struct config_position *at, struct span section)
{
        struct builder *b = userdata;
        _cleanup_(buf_done) struct buf header = { 0 };
        struct config_position position = *at;
        const char *similar = find_section(section);

        if (span_is(section, RULE_SECTION))
                return config_sections_begin(&b->config->rules, at);
        if (is_section(section))
                return 0;
        buf_append_char(&header, '[');
        buf_append_span(&header, section);
        buf_append_char(&header, ']');
        if (buf_error(&header))
                return -ENOMEM;
        position.key = buf_span(&header);
        config_report_add(&b->report->warnings, &position,
                          similar ? "unknown section, ignored; there is [%s]"
                                  : "unknown section, ignored",
                          similar);
        return 0;
}

static int builder_assign_rule(struct builder *b, const struct config_position *at,
                               struct span value)
{
        _cleanup_(buf_done) struct buf problem = { 0 };
        int r;

        r = config_sections_assign(&b->config->rules, at, value, &problem);
        return builder_refuse(b, at, r, &problem);
}

static int on_assignment(void *userdata, const struct config_position *at, struct span section,
                         struct span value)
{
        struct builder *b = userdata;
        const struct setting *similar;
        const char *reason;

        if (span_is(section, RULE_SECTION))
                return builder_assign_rule(b, at, value);
        for (size_t i = 0; i < ELEMENTSOF(settings); i++)
                if (span_is(section, settings[i].section) && span_is(at->key, settings[i].key))
                        return builder_assign(b, i, at, value);
        if (!is_section(section)) /* one warning has been given */
                return 0;
        similar = find_similar(section, at->key);
        reason = find_removed(section, at->key);
        if (reason)
                config_report_add(&b->report->warnings, at, "removed key, ignored: %s", reason);
        else if (similar)
                config_report_add(&b->report->warnings, at,
                                  "unknown key, ignored; there is %s= in [%s]", similar->key,
                                  similar->section);
        else
                config_report_add(&b->report->warnings, at, "unknown key, ignored");
        return 0;
}

static size_t setting_index(size_t offset)
{
        size_t i = 0;

        while (settings[i].offset != offset)
                i++;
        return i;
}

/* "file:line" of the setting at `offset`, for messages about what follows from it. */
static int builder_keep_origin(struct builder *b, size_t offset, char **ret)
{
        const struct buf *text = &b->origins[setting_index(offset)].text;

        if (text->size == 0)
                return 0;
        *ret = strndup(text->data + strlen("# "), text->size - strlen("# \n"));
        return *ret ? 0 : -ENOMEM;
}

/* A value that would be of no use with this ArgvMax is the least one that is. */
static void builder_raise(struct builder *b, size_t i, uint64_t least)
{
        const size_t argv_max = setting_index(offsetof(struct config, capture.argv_max));
        struct buf *changed = &b->origins[i].changed;

        if (load_number(&settings[i], b->config) >= least)
                return;
        store_number(&settings[i], b->config, least);
        buf_append_string(changed, "# raised for ArgvMax=");
        setting_format(&settings[argv_max], b->config, changed);
        buf_append_char(changed, '\n');
}

static void builder_round_up(struct builder *b, size_t i)
{
        uint64_t value = load_number(&settings[i], b->config);
        uint64_t power = (uint64_t)sysconf(_SC_PAGESIZE);

        while (power < value)
                power *= 2;
        if (power == value)
                return;
        store_number(&settings[i], b->config, power);
        buf_append_string(&b->origins[i].changed, "# rounded up to a power of two\n");
}

/*
 * Sizes that depend on several settings, or on the machine: the value in force is the one shown.
 *
 * The largest event that ArgvMax allows must fit, or it would be lost for want of room
 * each time. In the queue, its argv and the heads of the chunks, and again 256 KiB for its other
 * parts. In a ring, half is still for everybody else while it is in there; but that is locked
 * memory, for each CPU: if it was set, it stays.
 */
static int builder_settle(struct builder *b)
{
        const uint64_t argv_max = b->config->capture.argv_max;
        const size_t ring = setting_index(offsetof(struct config, capture.ring_size));
        const size_t queue = setting_index(offsetof(struct config, queue.size));
        const size_t backlog = setting_index(offsetof(struct config, queue.backlog));

        builder_raise(b, queue, 2 * argv_max + 256 * KIB);
        builder_raise(b, backlog, config_backlog_min(b->config, b->config->file.format));
        if (!b->origins[ring].is_explicit)
                builder_raise(b, ring, 2 * argv_max);
        builder_round_up(b, ring);
        for (size_t i = 0; i < ELEMENTSOF(b->origins); i++)
                if (buf_error(&b->origins[i].changed))
                        return -ENOMEM;
        return builder_keep_origin(b, offsetof(struct config, filter.fallback),
                                   &b->config->filter.origin);
}

/* Of `text`, or else of what is at `location`. */
static int build(struct builder *b, const struct config_location *location, const char *name,
                 struct span text, struct config_report *report)
{
        const struct config_reader reader = {
                .on_section = on_section,
                .on_assignment = on_assignment,
                .userdata = b,
                .report = report,
        };
        int r;

        r = builder_init(b, report);
        if (r < 0)
                return r;
        r = location ? config_read(location, &reader) : config_read_text(name, text, &reader);
        if (buf_error(&report->errors) || buf_error(&report->warnings))
                return -ENOMEM;
        return r < 0 ? r : builder_settle(b);
}

static void builder_show(const struct builder *b, struct buf *ret)
{
        const char *section = NULL;

        for (size_t i = 0; i < ELEMENTSOF(settings); i++) {
                const struct setting *s = &settings[i];
                const struct origin *o = &b->origins[i];

                if (!section || strcmp(section, s->section) != 0)
                        buf_printf(ret, "%s[%s]\n", section ? "\n" : "", s->section);
                section = s->section;
                if (o->text.size == 0)
                        buf_append_string(ret, "# default\n");
                buf_append_span(ret, buf_span(&o->text));
                buf_append_span(ret, buf_span(&o->changed));
                if (s->type->is_list && o->is_explicit)
                        continue;
                buf_printf(ret, "%s=", s->key);
                setting_format(s, b->config, ret);
                buf_append_char(ret, '\n');
        }
        config_sections_show(&b->config->rules, RULE_SECTION, ret);
}

static int load(const struct config_location *location, const char *name, struct span text,
                struct config_report *report, struct config **ret)
{
        _cleanup_(builder_done) struct builder b = { 0 };
        int r;

        r = build(&b, location, name, text, report);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(b.config);
        return 0;
}

int config_load(const struct config_location *location, struct config_report *report,
                struct config **ret)
{
        return load(location, NULL, (struct span){ 0 }, report, ret);
}

int config_parse(const char *name, struct span text, struct config_report *report,
                 struct config **ret)
{
        return load(NULL, name, text, report, ret);
}

int config_new(struct config **ret)
{
        _cleanup_(builder_done) struct builder b = { 0 };
        int r;

        r = builder_init(&b, NULL);
        if (r < 0)
                return r;
        r = builder_settle(&b);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(b.config);
        return 0;
}

struct config *config_free(struct config *c)
{
        if (!c)
                return NULL;
        for (size_t i = 0; i < ELEMENTSOF(settings); i++)
                if (settings[i].type->clear)
                        settings[i].type->clear(setting_member(&settings[i], c));
        free(c->filter.origin);
        config_sections_done(&c->rules);
        free(c);
        return NULL;
}

static int cat(const struct config_location *location, const char *name, struct span text,
               struct config_report *report, struct buf *ret)
{
        _cleanup_(builder_done) struct builder b = { 0 };
        int r;

        r = build(&b, location, name, text, report);
        if (r < 0)
                return r;
        builder_show(&b, ret);
        return buf_error(ret);
}

int config_cat(const struct config_location *location, struct config_report *report,
               struct buf *ret)
{
        return cat(location, NULL, (struct span){ 0 }, report, ret);
}

int config_cat_text(const char *name, struct span text, struct config_report *report,
                    struct buf *ret)
{
        return cat(NULL, name, text, report, ret);
}

int config_each(const struct config *c,
                int (*on_setting)(void *userdata, const char *section, const char *key,
                                  const char *value),
                void *userdata)
{
        _cleanup_(buf_done) struct buf value = { 0 };
        int r;

        for (size_t i = 0; i < ELEMENTSOF(settings); i++) {
                buf_reset(&value);
                setting_format(&settings[i], c, &value);
                buf_append_char(&value, '\0');
                if (buf_error(&value))
                        return -ENOMEM;
                r = on_setting(userdata, settings[i].section, settings[i].key, value.data);
                if (r != 0)
                        return r;
        }
        return 0;
}
