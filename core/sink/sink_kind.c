/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "sink/account.h"
#include "sink/sink.h"
#include "sink/sink_kind.h"

static bool journal_is_wanted(const struct config *config, const struct sink_options *options)
{
        return config->journal.enabled && options->choice == SINKS_CONFIGURED;
}

/* Its fields are the native keys. */
static enum config_format journal_format(const struct config *config _unused_,
                                         const struct sink_options *options _unused_)
{
        return FORMAT_NATIVE;
}

static int journal_configure(struct sink *s, const struct config *config)
{
        sink_journal_configure(s, config->journal.message == MESSAGE_TEXT);
        return 0;
}

static int journal_open(const struct config *config, size_t backlog, struct sink **ret)
{
        int r;

        r = sink_journal_new(JOURNAL_SOCKET, backlog, ret);
        if (r < 0)
                return r;
        return journal_configure(*ret, config);
}

static struct sink_file_config file_config_of(const struct config *config)
{
        return (struct sink_file_config){
                .path = config->file.path,
                .format = config->file.format,
                .max_size = config->file.max_size,
                .max_age_ns = config->file.max_age_ns,
                .max_files = config->file.max_files,
                .line_max = config->file.line_max,
                .compresses = config->file.compress == COMPRESS_ZSTD,
                .mode = config->file.mode,
                .sync = config->file.sync,
        };
}

static bool file_is_wanted(const struct config *config, const struct sink_options *options)
{
        return config->file.enabled && options->choice == SINKS_CONFIGURED;
}

static enum config_format file_format(const struct config *config,
                                      const struct sink_options *options _unused_)
{
        return config->file.format;
}

static int file_open(const struct config *config, size_t backlog, struct sink **ret)
{
        const struct sink_file_config file = file_config_of(config);

        return sink_file_new(&file, backlog, ret);
}

/* With another path it is another file; so it is with another format: a file has one. */
static bool file_is_same(const struct sink *s, const struct config *config)
{
        return strcmp(sink_file_path(s), config->file.path) == 0 &&
               sink_file_format(s) == config->file.format;
}

static int file_configure(struct sink *s, const struct config *config)
{
        const struct sink_file_config file = file_config_of(config);

        return sink_file_configure(s, &file);
}

static void file_recover(struct account *account, const struct config *config)
{
        account_recover_file(account, config->file.path);
}

static bool stdout_is_wanted(const struct config *config _unused_,
                             const struct sink_options *options)
{
        return options->choice == SINKS_STDOUT;
}

static enum config_format stdout_format(const struct config *config _unused_,
                                        const struct sink_options *options)
{
        return options->stdout_format;
}

static int stdout_open(const struct config *config _unused_, size_t backlog, struct sink **ret)
{
        return sink_stdout_new(STDOUT_FILENO, backlog, ret);
}

const struct sink_kind sink_kinds[_SINK_PLACE_MAX] = {
        [SINK_JOURNAL] = {
                .line_limit = BRIEF_LINE_MAX,
                .is_wanted = journal_is_wanted,
                .format = journal_format,
                .open = journal_open,
                .configure = journal_configure,
        },
        [SINK_FILE] = {
                .is_wanted = file_is_wanted,
                .format = file_format,
                .open = file_open,
                .is_same = file_is_same,
                .configure = file_configure,
                .recover = file_recover,
                .lock = sink_file_lock,
                .inherit = sink_file_inherit_lock,
                .packing = sink_file_packing,
        },
        [SINK_STDOUT] = {
                .is_wanted = stdout_is_wanted,
                .format = stdout_format,
                .open = stdout_open,
        },
};
