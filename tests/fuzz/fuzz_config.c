/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Any bytes as a configuration file: refused with a message, or accepted, and then what
 * --cat-config shows loads back to the same settings without any message.
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"
#include "config/config.h"
#include "config/config_file.h"
#include "config/config_report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int append_setting(void *userdata, const char *section, const char *key, const char *value)
{
        buf_printf(userdata, "[%s] %s=%s\n", section, key, value);
        return buf_error(userdata);
}

static void list_settings(const struct config *c, struct buf *ret)
{
        int r;

        r = config_each(c, append_setting, ret);
        assert(r == 0);
}

static void assert_messages(const struct config_report *report, bool is_error)
{
        assert((report->errors.size > 0) == is_error);
        assert(text_is_valid(buf_span(&report->errors)));
        assert(text_is_valid(buf_span(&report->warnings)));
}

static void assert_same_rules(const struct config_sections *a, const struct config_sections *b)
{
        assert(a->n == b->n);
        for (size_t i = 0; i < a->n; i++) {
                const struct config_section *x = &a->items[i], *y = &b->items[i];
                const size_t named = y->n_entries - x->n_entries; /* it has a name now */

                assert(strcmp(x->name, y->name) == 0);
                assert(named <= 1);
                for (size_t k = 0; k < x->n_entries; k++) {
                        assert(strcmp(x->entries[k].key, y->entries[k + named].key) == 0);
                        assert(strcmp(x->entries[k].value, y->entries[k + named].value) == 0);
                }
        }
}

static void assert_loads_back(const struct config *original, struct span cat)
{
        _cleanup_(config_report_done) struct config_report report = { 0 };
        _cleanup_(config_freep) struct config *c = NULL;
        _cleanup_(buf_done) struct buf before = { 0 }, after = { 0 };
        int r;

        r = config_parse("cat", cat, &report, &c);
        assert(r == 0);
        assert(report.errors.size == 0 && report.warnings.size == 0);
        assert_same_rules(&original->rules, &c->rules);
        list_settings(original, &before);
        list_settings(c, &after);
        assert(before.size == after.size && memcmp(before.data, after.data, after.size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(config_report_done) struct config_report report = { 0 }, cat_report = { 0 };
        _cleanup_(config_freep) struct config *c = NULL;
        _cleanup_(buf_done) struct buf cat = { 0 };
        const struct span text = { .data = (const char *)data, .size = size };
        int r;

        r = config_parse("fuzz.conf", text, &report, &c);
        assert(r == 0 || r == -EINVAL);
        assert_messages(&report, r < 0);
        if (r < 0)
                return 0;
        r = config_cat_text("fuzz.conf", text, &cat_report, &cat);
        assert(r == 0);
        assert_loads_back(c, buf_span(&cat));
        return 0;
}
