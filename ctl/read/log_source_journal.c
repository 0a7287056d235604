/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The journal's entries of the daemon. Any user can send an entry with our identifiers and fields;
 * what begins with an underscore is journald's own finding about the sender. So entries are chosen
 * by _SYSTEMD_UNIT, which is in the journal's index as well, and by the native protocol: the
 * daemon's words on its standard error are for people. Whoever has the unit's own control group is
 * root or the daemon; of the local journal it has to be the daemon's user, too, where it has one.
 */
#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <systemd/sd-journal.h>

#include "read/line_reader.h"
#include "read/log_source.h"

/* The sandboxed user of the unit: systemd/execsnoopd.sysusers. */
#define DAEMON_USER "execsnoopd"

/* How long sd_journal_wait() may sleep before a look at the signals. */
#define WAIT_USEC (100 * 1000)

struct source_journal {
        struct log_source source;
        sd_journal *journal;
        bool follow;
        bool checks_user;
        char uid[sizeof("4294967295")]; /* of the daemon */
};

static struct source_journal *journal_of(struct log_source *s)
{
        return (struct source_journal *)s;
}

static int journal_fails(struct source_journal *s, int error)
{
        buf_reset(&s->source.problem);
        buf_append_string(&s->source.problem, "the journal");
        return error;
}

/* The value of a field; false: the entry has none. */
static bool get_field(struct source_journal *s, const char *field, struct span *ret)
{
        const void *data;
        size_t size;

        if (sd_journal_get_data(s->journal, field, &data, &size) < 0 || size <= strlen(field))
                return false;
        *ret = span_skip((struct span){ data, size }, strlen(field) + 1);
        return true;
}

static bool is_ours(struct source_journal *s)
{
        struct span uid;

        if (!s->checks_user)
                return true;
        return get_field(s, "_UID", &uid) && (span_is(uid, s->uid) || span_is(uid, "0"));
}

static int journal_next(struct log_source *source, struct span *ret)
{
        struct source_journal *s = journal_of(source);
        struct span kind;
        int r;

        for (;;) {
                r = sd_journal_next(s->journal);
                if (r <= 0)
                        return r < 0 ? journal_fails(s, r) : 0;
                if (!is_ours(s)) {
                        source->n_forged++;
                        continue;
                }
                if (!get_field(s, "EXECSNOOP_EVENT", &kind))
                        continue;
                if (!get_field(s, "EXECSNOOP_JSON", ret) && !get_field(s, "MESSAGE", ret))
                        continue;
                if (ret->size <= LINE_SIZE_MAX)
                        return 1;
                source->n_too_long++;
        }
}

static int journal_wait(struct log_source *source, int signal_fd)
{
        struct source_journal *s = journal_of(source);
        struct pollfd p = { .fd = signal_fd, .events = POLLIN };
        int r;

        if (!s->follow)
                return 0;
        for (int msec = 0; msec < LOG_SOURCE_WAIT_MSEC; msec += WAIT_USEC / 1000) {
                r = sd_journal_wait(s->journal, WAIT_USEC);
                if (r < 0)
                        return journal_fails(s, r);
                if (poll(&p, 1, 0) > 0)
                        return 0;
                if (r != SD_JOURNAL_NOP)
                        break;
        }
        return 1;
}

static int journal_tail(struct log_source *source, uint64_t n, log_source_counts counts,
                        void *userdata)
{
        struct source_journal *s = journal_of(source);
        struct span line;
        int r;

        r = sd_journal_seek_tail(s->journal);
        if (r < 0)
                return journal_fails(s, r);
        for (r = 1; n > 0;) {
                r = sd_journal_previous(s->journal);
                if (r <= 0)
                        break;
                if (is_ours(s) &&
                    (get_field(s, "EXECSNOOP_JSON", &line) || get_field(s, "MESSAGE", &line)))
                        n -= counts(userdata, line);
        }
        if (r < 0)
                return journal_fails(s, r);
        if (r == 0) { /* all of it */
                r = sd_journal_seek_head(s->journal);
                return r < 0 ? journal_fails(s, r) : 0;
        }
        /* Either behind the last, or before the one that has just been counted. */
        r = sd_journal_previous(s->journal);
        if (r == 0)
                r = sd_journal_seek_head(s->journal);
        return r < 0 ? journal_fails(s, r) : 0;
}

static void journal_free(struct log_source *source)
{
        struct source_journal *s = journal_of(source);

        sd_journal_close(s->journal);
        free(s);
}

static const struct log_source_ops journal_ops = {
        .next = journal_next,
        .wait = journal_wait,
        .tail = journal_tail,
        .free = journal_free,
};

static int add_match(sd_journal *j, const char *field, const char *value)
{
        _cleanup_(freep) char *match = NULL;

        if (asprintf(&match, "%s=%s", field, value) < 0) {
                match = NULL;
                return -ENOMEM;
        }
        return sd_journal_add_match(j, match, 0);
}

static int add_matches(struct source_journal *s, const struct log_source_journal_config *config)
{
        int r;

        r = add_match(s->journal, "_SYSTEMD_UNIT", config->unit);
        if (r >= 0)
                r = add_match(s->journal, "_TRANSPORT", "journal");
        if (r >= 0 && config->boot_id)
                r = add_match(s->journal, "_BOOT_ID", config->boot_id);
        return r;
}

static int seek(struct source_journal *s, const struct log_source_journal_config *config)
{
        int r;

        if (config->after) {
                r = sd_journal_seek_cursor(s->journal, config->after);
                if (r >= 0)
                        r = sd_journal_next(s->journal);
                if (r <= 0 || sd_journal_test_cursor(s->journal, config->after) > 0)
                        return r;
                /* That entry is gone: this is the next. */
                r = sd_journal_previous(s->journal);
                return r == 0 ? sd_journal_seek_head(s->journal) : r;
        }
        /* An entry is sent after what it tells: none that is earlier can be of a later event. */
        return config->since_ns > 0
                       ? sd_journal_seek_realtime_usec(s->journal, config->since_ns / NSEC_PER_USEC)
                       : sd_journal_seek_head(s->journal);
}

/* Of this host's journal alone: on another host the number may be somebody else's. */
static void know_user(struct source_journal *s, const struct log_source_journal_config *config)
{
        const struct passwd *user = config->directory ? NULL : getpwnam(DAEMON_USER);

        s->checks_user = user;
        if (user)
                (void)snprintf(s->uid, sizeof(s->uid), "%u", user->pw_uid);
}

int log_source_journal_new(const struct log_source_journal_config *config, struct log_source **ret)
{
        _cleanup_(log_source_freep) struct log_source *source = NULL;
        struct source_journal *s;
        int r;

        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        source = &s->source;
        source->ops = &journal_ops;
        source->is_live = s->follow = config->follow;
        r = config->directory ? sd_journal_open_directory(&s->journal, config->directory, 0)
                              : sd_journal_open(&s->journal, SD_JOURNAL_LOCAL_ONLY);
        if (r < 0)
                return r;
        know_user(s, config);
        r = sd_journal_set_data_threshold(s->journal, 0);
        if (r >= 0)
                r = add_matches(s, config);
        if (r >= 0)
                r = seek(s, config);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(source);
        return 0;
}

int log_source_journal_cursor(struct log_source *s, char **ret)
{
        return sd_journal_get_cursor(journal_of(s)->journal, ret);
}
