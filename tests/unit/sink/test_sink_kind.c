/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * sink_kind: each place has a row; which sinks the settings ask for; when one can be kept.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/macro.h"
#include "base/span.h"
#include "config/config.h"
#include "config/config_report.h"
#include "sink/sink.h"
#include "sink/sink_kind.h"

#define BACKLOG (64 * KIB)

static struct config *parse(const char *text)
{
        _cleanup_(config_report_done) struct config_report report = {};
        struct config *config;

        assert_int_equal(config_parse("test", span_of(text), &report, &config), 0);
        return config;
}

static void each_place_has_a_row_and_a_name(void **state)
{
        (void)state;
        for (unsigned i = 0; i < _SINK_PLACE_MAX; i++) {
                assert_non_null(sink_kinds[i].is_wanted);
                assert_non_null(sink_kinds[i].open);
                assert_non_null(sink_place_name(i));
                assert_string_equal(loss_where_name(LOSS_SINK + i), sink_place_name(i));
                assert_true(loss_concerns(LOSS_SINK + i, i));
                assert_false(loss_concerns(LOSS_SINK + i, (i + 1) % _SINK_PLACE_MAX));
        }
}

static void settings_say_which_sinks_are_wanted(void **state)
{
        static const struct {
                const char *text;
                struct sink_options options;
                bool is_wanted[_SINK_PLACE_MAX];
        } cases[] = {
                { "", {}, { [SINK_JOURNAL] = true } },
                { "[File]\nEnabled=yes\n", {}, { [SINK_JOURNAL] = true, [SINK_FILE] = true } },
                { "[Journal]\nEnabled=no\n", {}, {} },
                { "[File]\nEnabled=yes\n", { .choice = SINKS_STDOUT }, { [SINK_STDOUT] = true } },
                { "[File]\nEnabled=yes\n", { .choice = SINKS_NONE }, {} },
        };

        (void)state;
        for (unsigned i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(config_freep) struct config *c = parse(cases[i].text);

                for (unsigned place = 0; place < _SINK_PLACE_MAX; place++)
                        assert_int_equal(sink_kinds[place].is_wanted(c, &cases[i].options),
                                         cases[i].is_wanted[place]);
        }
}

static void each_sink_has_the_format_that_was_asked_for(void **state)
{
        _cleanup_(config_freep) struct config *c = parse("[File]\nFormat=ecs\n");
        _cleanup_(config_freep) struct config *defaults = parse("");
        const struct sink_options options = { .stdout_format = FORMAT_ECS };

        (void)state;
        assert_int_equal(sink_kinds[SINK_JOURNAL].format(c, &options), FORMAT_NATIVE);
        assert_int_equal(sink_kinds[SINK_FILE].format(c, &(struct sink_options){}), FORMAT_ECS);
        assert_int_equal(sink_kinds[SINK_FILE].format(defaults, &options), FORMAT_NATIVE);
        assert_int_equal(sink_kinds[SINK_STDOUT].format(defaults, &options), FORMAT_ECS);
        assert_int_equal(sink_kinds[SINK_STDOUT].format(c, &(struct sink_options){}),
                         FORMAT_NATIVE);
}

static void file_with_another_path_or_format_is_another_sink(void **state)
{
        _cleanup_(config_freep) struct config *a = parse("[File]\nPath=/nowhere/a\n");
        _cleanup_(config_freep) struct config *b = parse("[File]\nPath=/nowhere/b\n");
        _cleanup_(config_freep) struct config *c = parse("[File]\nPath=/nowhere/a\nMaxFiles=3\n");
        _cleanup_(config_freep) struct config *d = parse("[File]\nPath=/nowhere/a\nFormat=ecs\n");
        const struct sink_kind *kind = &sink_kinds[SINK_FILE];
        _cleanup_(sink_freep) struct sink *s = NULL;

        (void)state;
        assert_int_equal(kind->open(a, BACKLOG, &s), 0);
        assert_true(kind->is_same(s, a));
        assert_false(kind->is_same(s, b));
        assert_true(kind->is_same(s, c));
        assert_false(kind->is_same(s, d));
        assert_int_equal(kind->configure(s, c), 0);
        assert_int_equal(kind->configure(s, b), -EINVAL);
}

static void messages_of_the_journal_are_a_setting(void **state)
{
        _cleanup_(config_freep) struct config *json = parse("");
        _cleanup_(config_freep) struct config *text = parse("[Journal]\nMessage=text\n");
        const struct sink_kind *kind = &sink_kinds[SINK_JOURNAL];
        _cleanup_(sink_freep) struct sink *s = NULL;

        (void)state;
        assert_int_equal(kind->open(text, BACKLOG, &s), 0);
        assert_true(s->wants_text); /* of its first line already */
        assert_int_equal(kind->configure(s, json), 0);
        assert_false(s->wants_text);
        assert_int_equal(kind->configure(s, text), 0);
        assert_true(s->wants_text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_place_has_a_row_and_a_name),
                cmocka_unit_test(settings_say_which_sinks_are_wanted),
                cmocka_unit_test(each_sink_has_the_format_that_was_asked_for),
                cmocka_unit_test(file_with_another_path_or_format_is_another_sink),
                cmocka_unit_test(messages_of_the_journal_are_a_setting),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
