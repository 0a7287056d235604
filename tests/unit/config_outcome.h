/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* For tests of the configuration: what a text came to, and what is expected of it. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "config/config.h"
#include "config/config_file.h"
#include "config/config_report.h"

/* The outcome of a configuration: settings by name, messages. */
struct outcome {
        int result;
        struct config *config;
        struct config_report report;
};

static inline void outcome_done(struct outcome *o)
{
        config_free(o->config);
        config_report_done(&o->report);
}

static inline struct outcome parse_bytes(const char *text, size_t size)
{
        struct outcome o = { 0 };

        o.result = config_parse("x.conf", (struct span){ .data = text, .size = size }, &o.report,
                                &o.config);
        assert_int_equal(!o.config, o.result < 0);
        assert_int_equal(o.report.errors.size > 0, o.result < 0);
        return o;
}

static inline struct outcome parse(const char *text)
{
        return parse_bytes(text, strlen(text));
}

static inline void assert_text(const struct buf *b, const char *expected)
{
        char *text = strndup(b->size > 0 ? b->data : "", b->size);

        assert_int_equal(buf_error(b), 0);
        assert_string_equal(text, expected);
        free(text);
}

struct config_wanted {
        const char *name;
        char value[1024];
};

static inline int on_wanted(void *userdata, const char *section, const char *key, const char *value)
{
        struct config_wanted *w = userdata;
        char name[64];

        (void)snprintf(name, sizeof(name), "%s.%s", section, key);
        if (strcmp(name, w->name) != 0)
                return 0;
        (void)snprintf(w->value, sizeof(w->value), "%s", value);
        return 1;
}

/* `name` is "Section.Key". */
static inline void assert_setting(const struct config *c, const char *name, const char *expected)
{
        struct config_wanted w = { .name = name };

        assert_int_equal(config_each(c, on_wanted, &w), 1);
        assert_string_equal(w.value, expected);
}

static inline void assert_parses(const char *text, const char *name, const char *expected)
{
        _cleanup_(outcome_done) struct outcome o = parse(text);

        assert_text(&o.report.errors, "");
        assert_text(&o.report.warnings, "");
        assert_setting(o.config, name, expected);
}

static inline void assert_refused(const char *text, const char *errors)
{
        _cleanup_(outcome_done) struct outcome o = parse(text);

        assert_int_equal(o.result, -EINVAL);
        assert_text(&o.report.errors, errors);
}
