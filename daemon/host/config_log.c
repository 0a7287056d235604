/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The configuration is of the core and does not log: it reports, line by line. */
#include "host/config_log.h"
#include "config/config.h"
#include "config/config_report.h"
#include "host/capabilities.h"
#include "host/log.h"

void config_log_report(struct config_report *report)
{
        buf_append_char(&report->warnings, '\0');
        buf_append_char(&report->errors, '\0');
        log_lines(LOG_WARNING, report->warnings.data);
        log_lines(LOG_ERR, report->errors.data);
}

int config_load_logged(const struct config_location *location, struct config **ret)
{
        _cleanup_(capabilities_lower) _unused_ uint64_t raised =
                capabilities_raise(CAPABILITIES_CONFIG);
        _cleanup_(config_report_done) struct config_report report = {};
        int r;

        r = config_load(location, &report, ret);
        config_log_report(&report);
        return r;
}
