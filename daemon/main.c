/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The command line: options, the commands that only look at the configuration, and the daemon. */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "config/config_report.h"
#include "daemon.h"
#include "host/config_log.h"
#include "host/exit_code.h"
#include "host/handover.h"
#include "host/hash_worker.h"
#include "host/log.h"
#include "host/pack_worker.h"
#include "policy/rules.h"
#include "sink/sink.h"
#include "trial.h"
#include "version.h"

enum command {
        COMMAND_RUN,
        COMMAND_TEST_CONFIG,
        COMMAND_CAT_CONFIG,
        COMMAND_HELP,
        COMMAND_VERSION,
};

static const char help_text[] =
        "execsnoopd [OPTIONS...]\n"
        "\n"
        "Log every exec on this host, as the kernel ran it, as JSON.\n"
        "\n"
        "      --stdout          Write events to stdout, and to no other sink\n"
        "      --format=NAME     ... in this format: native, ecs, ocsf\n"
        "      --config=FILE     Read FILE and FILE.d/*.conf instead of the search path\n"
        "  -t, --test-config     Check the configuration and exit\n"
        "      --strict          With -t: unknown keys and other warnings are errors\n"
        "      --cat-config      Show the merged configuration and where each part is from\n"
        "      --record=FILE     Write the raw records of the kernel to FILE, and events nowhere\n"
        "                        unless one of the options above says so\n"
        "      --replay=FILE     Take the records from FILE instead of the kernel\n"
        "  -h, --help            Show this help\n"
        "  -V, --version         Show the version\n"
        "\n"
        "See execsnoopd(8).\n";

static int parse_format(const char *text, enum config_format *ret)
{
        _cleanup_(buf_done) struct buf problem = {};
        uint64_t format;

        if (value_format.parse_number(span_of(text), &format, &problem) < 0) {
                (void)fprintf(stderr, "execsnoopd: --format: %.*s\n", (int)problem.size,
                              problem.data);
                return -EINVAL;
        }
        *ret = (enum config_format)format;
        return 0;
}

/* Options that do not go with others; and what they leave open. */
static int settle_options(struct daemon_options *options, enum command command, bool has_format)
{
        const char *problem = NULL;

        /* The service's own log is not written by two. */
        if (options->record_path && !options->location.file &&
            options->sinks.choice != SINKS_STDOUT)
                options->sinks.choice = SINKS_NONE;
        if (options->record_path && options->replay_path)
                problem = "--record and --replay exclude each other";
        else if (options->is_strict && command != COMMAND_TEST_CONFIG)
                problem = "--strict is for --test-config alone";
        else if (has_format && options->sinks.choice != SINKS_STDOUT)
                problem = "--format is for --stdout; for the file there is [File] Format=";
        if (!problem)
                return 0;
        (void)fprintf(stderr, "execsnoopd: %s\n", problem);
        return -EINVAL;
}

static int parse_options(int argc, char **argv, struct daemon_options *options,
                         enum command *ret_command)
{
        enum {
                OPTION_STDOUT = 256,
                OPTION_FORMAT,
                OPTION_CONFIG,
                OPTION_CAT_CONFIG,
                OPTION_STRICT,
                OPTION_RECORD,
                OPTION_REPLAY,
        };
        static const struct option long_options[] = {
                { "stdout", no_argument, NULL, OPTION_STDOUT },
                { "format", required_argument, NULL, OPTION_FORMAT },
                { "config", required_argument, NULL, OPTION_CONFIG },
                { "test-config", no_argument, NULL, 't' },
                { "cat-config", no_argument, NULL, OPTION_CAT_CONFIG },
                { "strict", no_argument, NULL, OPTION_STRICT },
                { "record", required_argument, NULL, OPTION_RECORD },
                { "replay", required_argument, NULL, OPTION_REPLAY },
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, 'V' },
                {},
        };
        enum command command = COMMAND_RUN;
        bool has_format = false;
        int c;

        while ((c = getopt_long(argc, argv, "thV", long_options, NULL)) >= 0) {
                switch (c) {
                case OPTION_STDOUT:
                        options->sinks.choice = SINKS_STDOUT;
                        break;
                case OPTION_FORMAT:
                        has_format = true;
                        if (parse_format(optarg, &options->sinks.stdout_format) < 0)
                                return -EINVAL;
                        break;
                case OPTION_CONFIG:
                        options->location.file = optarg;
                        break;
                case OPTION_RECORD:
                        options->record_path = optarg;
                        break;
                case OPTION_REPLAY:
                        options->replay_path = optarg;
                        break;
                case OPTION_STRICT:
                        options->is_strict = true;
                        break;
                case OPTION_CAT_CONFIG:
                        command = COMMAND_CAT_CONFIG;
                        break;
                case 't':
                        command = COMMAND_TEST_CONFIG;
                        break;
                case 'h':
                        command = COMMAND_HELP;
                        break;
                case 'V':
                        command = COMMAND_VERSION;
                        break;
                default: /* getopt_long() has said why */
                        return -EINVAL;
                }
        }
        *ret_command = command;
        if (optind == argc)
                return settle_options(options, command, has_format);
        (void)fprintf(stderr, "execsnoopd: unexpected argument '%s'\n", argv[optind]);
        return -EINVAL;
}

/* A write to stdout that failed is an error of the command. */
static int finish_stdout(void)
{
        if (fflush(stdout) == 0)
                return EXIT_CODE_OK;
        log_errno(LOG_ERR, -errno, "Cannot write to stdout");
        return EXIT_CODE_FAILURE;
}

static int cat_config(const struct daemon_options *options)
{
        _cleanup_(config_report_done) struct config_report report = {};
        _cleanup_(buf_done) struct buf text = {};
        int r;

        r = config_cat(&options->location, &report, &text);
        config_log_report(&report);
        if (r < 0)
                return EXIT_CODE_CONFIG;
        (void)fwrite(text.data, 1, text.size, stdout);
        return finish_stdout();
}

int main(int argc, char **argv)
{
        struct daemon_options options = { .argv = argv };
        enum command command = COMMAND_RUN;
        struct config *config = NULL;
        struct rules *rules = NULL;
        int r;

        if (argc == 1 && strcmp(argv[0], HASHER_NAME) == 0)
                return hash_worker_run(STDIN_FILENO);
        if (argc == 1 && strcmp(argv[0], PACKER_NAME) == 0)
                return pack_worker_run();
        log_open(STDERR_FILENO, JOURNAL_SOCKET);
        if (parse_options(argc, argv, &options, &command) < 0)
                return EXIT_CODE_USAGE;

        switch (command) {
        case COMMAND_HELP:
                (void)fputs(help_text, stdout);
                return finish_stdout();
        case COMMAND_VERSION:
                (void)puts("execsnoopd " EXECSNOOPD_VERSION);
                return finish_stdout();
        case COMMAND_CAT_CONFIG:
                return cat_config(&options);
        default:
                break;
        }
        if (config_load_logged(&options.location, options.is_strict, &config, &rules) < 0)
                return handover_is_coming() ? EXIT_CODE_FAILURE : EXIT_CODE_CONFIG;
        if (command == COMMAND_TEST_CONFIG) {
                r = trial_run(config);
                rules_free(rules);
                config_free(config);
                return r < 0 ? EXIT_CODE_FAILURE : EXIT_CODE_OK;
        }
        return daemon_run(&options, config, rules);
}
