/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The configuration is of the core and does not log: it reports, line by line. */
#include "host/config_log.h"

#include <errno.h>

#include "base/span.h"
#include "config/config.h"
#include "config/config_report.h"
#include "event/users.h"
#include "host/capabilities.h"
#include "host/clock.h"
#include "host/log.h"
#include "policy/rules.h"

#define ETC_PATH "/etc"

struct names {
        struct users *users, *groups;
};

static bool user_number(void *userdata, struct span name, uint32_t *ret)
{
        const struct names *n = userdata;

        return users_number(n->users, name, clock_boottime_ns(), ret);
}

static bool group_number(void *userdata, struct span name, uint32_t *ret)
{
        const struct names *n = userdata;

        return users_number(n->groups, name, clock_boottime_ns(), ret);
}

static int compile_rules(const struct config *config, struct config_report *report,
                         struct rules **ret)
{
        _cleanup_(users_freep) struct users *users = NULL, *groups = NULL;
        struct names names;
        int r;

        r = users_new(ETC_PATH, "passwd", &users);
        if (r < 0)
                return r;
        r = users_new(ETC_PATH, "group", &groups);
        if (r < 0)
                return r;
        names = (struct names){ users, groups };
        return rules_new(config,
                         &(struct key_names){ .user_number = user_number,
                                              .group_number = group_number,
                                              .userdata = &names },
                         report, ret);
}

void config_log_report(struct config_report *report)
{
        buf_append_char(&report->warnings, '\0');
        buf_append_char(&report->errors, '\0');
        log_lines(LOG_WARNING, report->warnings.data);
        log_lines(LOG_ERR, report->errors.data);
}

int config_load_logged(const struct config_location *location, bool is_strict, struct config **ret,
                       struct rules **ret_rules)
{
        _cleanup_(capabilities_lower) _unused_ uint64_t raised =
                capabilities_raise(CAPABILITIES_CONFIG);
        _cleanup_(config_report_done) struct config_report report = {};
        _cleanup_(config_freep) struct config *config = NULL;
        int r;

        r = config_load(location, &report, &config);
        if (r >= 0)
                r = compile_rules(config, &report, ret_rules);
        if (r >= 0 && is_strict && report.warnings.size > 0) {
                *ret_rules = rules_free(*ret_rules);
                r = -EINVAL;
        }
        config_log_report(&report);
        if (r >= 0)
                *ret = TAKE_PTR(config);
        return r;
}
