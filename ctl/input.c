/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>

#include "encode/encode.h"
#include "input.h"
#include "read/unpack.h"

/* The unit whose entries are trusted; for tests, which have no service manager. */
#define DAEMON_UNIT "execsnoopd.service"

#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"

/* Boots that are told apart when one is asked for by its place. */
#define BOOTS_MAX 4096

/* Between two looks at the clock: some 10 ms. */
#define LINES_PER_LOOK 16384

/* Between two looks for a signal: less than what a slow reader has before it at a time. */
#define LINES_PER_SIGNAL 64

static int say(const char *what, int error)
{
        (void)fprintf(stderr, "execsnoopctl: cannot read %s: %s\n", what, strerror(-error));
        return error;
}

static uint64_t now_ns(void)
{
        struct timespec ts = { 0 };

        (void)clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

/* A file with one short line; without its end. */
static int read_small(const char *path, char *ret, size_t size)
{
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n;

        if (fd < 0)
                return -errno;
        n = read(fd, ret, size - 1);
        if (n < 0)
                return -errno;
        ret[n] = '\0';
        ret[strcspn(ret, "\n")] = '\0';
        return 0;
}

static int this_boot(char ret[static BOOT_ID_SIZE + 1])
{
        char text[64] = "";
        size_t n = 0;
        int r;

        r = read_small(BOOT_ID_PATH, text, sizeof(text));
        if (r < 0)
                return r;
        for (const char *p = text; *p && n < BOOT_ID_SIZE; p++)
                if (*p != '-')
                        ret[n++] = *p;
        ret[n] = '\0';
        return 0;
}

static int open_source(const struct options *o, const char *boot_id, const char *cursor,
                       struct log_source **ret)
{
        const struct log_source_journal_config config = {
                .directory = o->directory,
                .after = cursor,
                .since_ns = o->since_ns,
                .boot_id = boot_id,
                .unit = DAEMON_UNIT,
                .follow = o->follow,
        };

        if (!o->file)
                return log_source_journal_new(&config, ret);
        if (strcmp(o->file, "-") == 0)
                return log_source_stream_new(STDIN_FILENO, ret);
        return log_source_file_new(o->file, o->follow, ret);
}

static const char *name_of(const struct options *o)
{
        if (o->directory)
                return o->directory;
        if (!o->file)
                return "the journal";
        return strcmp(o->file, "-") == 0 ? "standard input" : o->file;
}

static void show_progress(struct input *in)
{
        const struct log_source *s = in->source;
        const uint64_t elapsed_ns = now_ns() - in->begun_ns;

        in->next_look = in->n_lines + LINES_PER_LOOK;
        if (!in->shows_progress || elapsed_ns < NSEC_PER_SEC)
                return;
        in->has_shown_progress = true;
        if (s->n_bytes_total > 0)
                (void)fprintf(stderr, "\r%3" PRIu64 "%% of %" PRIu64 " MB ",
                              100 * s->n_bytes / MAX(s->n_bytes_total, s->n_bytes),
                              s->n_bytes_total / 1000000);
        else
                (void)fprintf(stderr, "\r%" PRIu64 " lines ", in->n_lines);
}

static bool has_signal(const struct input *in)
{
        struct pollfd p = { .fd = in->signal_fd, .events = POLLIN };

        return in->signal_fd >= 0 && poll(&p, 1, 0) > 0;
}

/* Of what is later the next call has to begin with the first. */
static void keep_cursor(struct input *in)
{
        char *cursor;

        if (!in->cursor_path || in->line.time_ns > in->until_ns ||
            log_source_journal_cursor(in->source, &cursor) < 0)
                return;
        free(in->cursor);
        in->cursor = cursor;
}

/* Of another format than the native one, which would be no foreign line. */
static void count_foreign(struct input *in, struct span text)
{
        enum config_format format;

        if (encoded_format(text, &format) && format != FORMAT_NATIVE)
                in->n_of_format[format]++;
        else
                in->n_foreign++;
}

/*
 * The next line of ours, as an enum line_kind; -EAGAIN: no more at the moment; -ECANCELED: a signal
 * has come; or another -errno, and it has been said why.
 */
static int input_next(struct input *in)
{
        struct span text;
        int r;

        for (;;) {
                if (in->n_lines % LINES_PER_SIGNAL == 0 && has_signal(in))
                        return -ECANCELED;
                r = log_source_next(in->source, &text);
                if (r == 0)
                        return -EAGAIN;
                if (r < 0)
                        return say(in->name, r);
                if (in->n_lines++ >= in->next_look)
                        show_progress(in);
                r = event_line_read(&in->line, text);
                if (r < 0)
                        return say(in->name, r);
                if (r == LINE_EVENT || r == LINE_UNKNOWN)
                        in->n_strange += in->line.n_strange;
                if (in->until_ns != UINT64_MAX && (r == LINE_EVENT || r == LINE_UNKNOWN))
                        keep_cursor(in);
                switch (r) {
                case LINE_EVENT:
                        return r;
                case LINE_UNKNOWN:
                        in->n_unknown++;
                        return r;
                case LINE_FOREIGN:
                        count_foreign(in, text);
                        break;
                default:
                        in->n_bad++;
                        break;
                }
        }
}

struct boots {
        char id[BOOTS_MAX][BOOT_ID_SIZE];
        size_t n;
};

static void add_boot(struct boots *b, const char *id)
{
        for (size_t i = b->n; i-- > 0;)
                if (memcmp(b->id[i], id, BOOT_ID_SIZE) == 0)
                        return;
        if (b->n < BOOTS_MAX)
                memcpy(b->id[b->n++], id, BOOT_ID_SIZE);
}

static int list_boots(const struct options *o, struct boots *ret)
{
        struct options all = *o;
        struct input in;
        int r;

        all.boot_by = BOOT_ANY;
        all.cursor_file = NULL; /* that is where to begin among those of the boot */
        all.follow = false;
        all.since_ns = 0;
        all.n_lines = UINT64_MAX;
        r = input_open(&all, &in);
        if (r < 0)
                return r;
        while ((r = input_next(&in)) >= 0)
                add_boot(ret, in.line.boot_id.data);
        input_done(&in);
        return r == -EAGAIN ? 0 : r;
}

/* 1 is the first boot of the log, 0 the last, -1 the one before. */
static int find_boot(const struct options *o, long place, char ret[static BOOT_ID_SIZE + 1])
{
        _cleanup_(freep) struct boots *boots = calloc(1, sizeof(*boots));
        long at;
        int r;

        if (!boots)
                return -ENOMEM;
        r = list_boots(o, boots);
        if (r < 0)
                return r;
        at = place > 0 ? place - 1 : (long)boots->n - 1 + place;
        if (at < 0 || at >= (long)boots->n) {
                (void)fprintf(stderr, "execsnoopctl: --boot=%ld: %s tells of %zu boot%s\n", place,
                              name_of(o), boots->n, boots->n == 1 ? "" : "s");
                return -EINVAL;
        }
        memcpy(ret, boots->id[at], BOOT_ID_SIZE);
        ret[BOOT_ID_SIZE] = '\0';
        return 0;
}

/* 1: it is in `ret`; 0: any boot. */
static int settle_boot(const struct options *o, char ret[static BOOT_ID_SIZE + 1])
{
        int r = 0;

        switch (o->boot_by) {
        case BOOT_ANY:
                return 0;
        case BOOT_THIS:
                r = this_boot(ret);
                r = r < 0 ? say(BOOT_ID_PATH, r) : 0;
                break;
        case BOOT_ID:
                memcpy(ret, o->boot_id, sizeof(o->boot_id));
                break;
        case BOOT_PLACE:
                r = find_boot(o, o->boot_place, ret);
                break;
        }
        return r < 0 ? r : 1;
}

struct counting {
        const struct options *o;
        struct event_line line;
};

/* For -n: whether a row will be made of it; or whether it has what `stats` shows. */
static bool counts(void *userdata, struct span text)
{
        struct counting *c = userdata;
        int kind = event_line_read(&c->line, text);

        if (kind != LINE_EVENT || chosen_in_time(c->o->chosen, &c->line) != CHOSEN_TIME)
                return false;
        if (c->o->verb == VERB_STATS)
                return c->line.event.kind == EVENT_STATS || c->line.event.kind == EVENT_STOP;
        if (c->line.event.kind == EVENT_EXIT)
                return false; /* it is in the row of its exec */
        return (event_kind_is_kernel(c->line.event.kind) || c->line.event.kind == EVENT_SUMMARY) &&
               chosen_match(c->o->chosen, &c->line);
}

static int seek_tail(const struct options *o, struct input *in)
{
        struct counting c = { .o = o };
        int r;

        if (o->n_lines == UINT64_MAX)
                return 0;
        r = log_source_tail(in->source, o->n_lines, counts, &c);
        event_line_done(&c.line);
        chosen_begin(o->chosen);
        return r < 0 ? say(in->name, r) : 0;
}

static int block_signals(struct input *in)
{
        sigset_t set;

        (void)sigemptyset(&set);
        (void)sigaddset(&set, SIGINT);
        (void)sigaddset(&set, SIGTERM);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        in->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        return in->signal_fd < 0 ? -errno : 0;
}

static int open_all(const struct options *o, struct input *in)
{
        char boot_id[BOOT_ID_SIZE + 1], cursor[512] = "";
        bool has_boot;
        int r;

        r = settle_boot(o, boot_id);
        if (r < 0)
                return r;
        has_boot = r > 0;
        if (has_boot)
                chosen_set_boot(o->chosen, boot_id);
        chosen_set_times(o->chosen, o->since_ns, o->until_ns);
        if (o->cursor_file) {
                r = read_small(o->cursor_file, cursor, sizeof(cursor));
                if (r < 0 && r != -ENOENT)
                        return say(o->cursor_file, r);
        }
        r = open_source(o, has_boot ? boot_id : NULL, *cursor ? cursor : NULL, &in->source);
        if (r < 0)
                return say(in->name, r);
        if (o->cursor_file) {
                in->cursor_path = strdup(o->cursor_file);
                if (!in->cursor_path)
                        return -ENOMEM;
        }
        if (*cursor)
                return 0; /* that is where to begin */
        return seek_tail(o, in);
}

int input_open(const struct options *o, struct input *ret)
{
        struct input in = {
                .signal_fd = -1, .name = name_of(o), .until_ns = o->until_ns, .begun_ns = now_ns()
        };
        int r;

        in.shows_progress = !o->follow && isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO);
        r = open_all(o, &in);
        if (r >= 0 && o->follow)
                r = block_signals(&in);
        if (r < 0) {
                input_done(&in);
                return r;
        }
        *ret = in;
        return 0;
}

void input_done(struct input *in)
{
        in->source = log_source_free(in->source);
        event_line_done(&in->line);
        closep(&in->signal_fd);
        free(in->cursor_path);
        free(in->cursor);
}

int input_shown(struct input *in, int r)
{
        in->has_no_reader |= r == -EPIPE;
        return r;
}

int input_each(struct input *in, int (*take)(void *userdata, int kind), int (*idle)(void *userdata),
               void *userdata)
{
        int r;

        for (;;) {
                r = input_next(in);
                if (r >= 0) {
                        r = input_shown(in, take(userdata, r));
                        if (r < 0)
                                return r;
                        continue;
                }
                if (r != -EAGAIN)
                        return r == -ECANCELED ? 0 : r;
                r = idle ? input_shown(in, idle(userdata)) : 0;
                if (r < 0)
                        return r;
                r = log_source_wait(in->source, in->signal_fd);
                if (r <= 0)
                        return r < 0 ? say(in->name, r) : 0;
        }
}

int verb_result(const struct input *in, const struct screen *s, int r)
{
        if (r >= 0 || r == -EPIPE)
                return in->has_no_cursor ? EXIT_CODE_OUTPUT : EXIT_SUCCESS;
        if (s->has_failed)
                return EXIT_CODE_OUTPUT;
        if (r != -ENOMEM)
                return EXIT_CODE_NO_INPUT;
        (void)fputs("execsnoopctl: out of memory\n", stderr);
        return EXIT_CODE_SYSTEM;
}

void input_say(uint64_t n, const char *one, const char *many)
{
        if (n > 0)
                (void)fprintf(stderr, "execsnoopctl: %" PRIu64 " %s\n", n, n == 1 ? one : many);
}

static int write_to(int fd, const char *text, size_t size)
{
        ssize_t n;

        if (fd < 0)
                return -errno;
        n = write(fd, text, size);
        if (n < 0)
                return -errno;
        return n == (ssize_t)size ? 0 : -ENOSPC;
}

/* What is no file can't be replaced; nor can one in a folder that is somebody else's. */
static bool is_replaceable(const char *path, char **ret_new, int *ret_fd)
{
        struct stat st;

        if ((lstat(path, &st) == 0 && !S_ISREG(st.st_mode)) ||
            asprintf(ret_new, "%s.%d.new", path, getpid()) < 0) {
                *ret_new = NULL;
                return false;
        }
        *ret_fd = open(*ret_new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        return *ret_fd >= 0;
}

/* All of it or, on a full disk, what was there before. */
static int replace_file(const char *path, const char *text, size_t size)
{
        _cleanup_(freep) char *new = NULL;
        _cleanup_(closep) int fd = -1;
        int r;

        if (!is_replaceable(path, &new, &fd)) {
                fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
                return write_to(fd, text, size);
        }
        r = write_to(fd, text, size);
        if (r >= 0 && rename(new, path) < 0)
                r = -errno;
        if (r < 0)
                (void)unlink(new);
        return r;
}

static void note_cursor(struct input *in)
{
        _cleanup_(freep) char *cursor = NULL;
        size_t size;
        int r;

        if (!in->cursor_path || in->has_no_reader)
                return;
        if (in->until_ns == UINT64_MAX)
                (void)log_source_journal_cursor(in->source, &cursor);
        else
                cursor = TAKE_PTR(in->cursor);
        if (!cursor)
                return; /* not one entry was read: the old one stays */
        size = strlen(cursor);
        cursor[size] = '\n'; /* in place of its NUL */
        r = replace_file(in->cursor_path, cursor, size + 1);
        if (r == 0)
                return;
        (void)fprintf(stderr, "execsnoopctl: cannot write %s: %s\n", in->cursor_path, strerror(-r));
        in->has_no_cursor = true;
}

/* Whoever sees it has asked for the wrong file, or has changed Format=. */
static void say_formats(const struct input *in)
{
        _cleanup_(buf_done) struct buf name = { 0 };

        for (enum config_format f = 0; f < _FORMAT_MAX; f++) {
                if (in->n_of_format[f] == 0)
                        continue;
                buf_reset(&name);
                value_format.format_number(f, &name);
                (void)fprintf(stderr,
                              "execsnoopctl: %" PRIu64 " line%s of the format %.*s, which is not "
                              "read here: the journal has the native one, and so has a file with "
                              "Format=native\n",
                              in->n_of_format[f], in->n_of_format[f] == 1 ? " is" : "s are",
                              (int)name.size, name.data);
        }
}

void input_finish(struct input *in)
{
        const struct log_source *s = in->source;

        if (in->has_shown_progress)
                (void)fputs("\r\x1b[K", stderr);
        note_cursor(in);
        input_say(in->n_bad, "line is no JSON, and was passed over",
                  "lines are no JSON, and were passed over");
        say_formats(in);
        input_say(in->n_foreign, "line is not of execsnoopd, and was passed over",
                  "lines are not of execsnoopd, and were passed over");
        input_say(in->n_unknown, "event is of a kind that this version does not know",
                  "events are of kinds that this version does not know");
        input_say(in->n_strange, "value is not as execsnoopd writes it, and was ignored",
                  "values are not as execsnoopd writes them, and were ignored");
        input_say(s->n_cut, "line has no end, and was passed over",
                  "lines have no end, and were passed over");
        input_say(s->n_too_long, "line is longer than 16 MiB, and was passed over",
                  "lines are longer than 16 MiB, and were passed over");
        input_say(s->n_packed, "older file is compressed, and zstd or gzip are not here to read it",
                  "older files are compressed, and zstd or gzip are not here to read them");
        input_say(s->n_broken, "older file is compressed, and its end can't be read",
                  "older files are compressed, and their ends can't be read");
        if (s->n_not_unpacked > 0)
                (void)fprintf(stderr,
                              "execsnoopctl: %" PRIu64 " older file%s compressed, and in %s no "
                              "file can be made to unpack %s; choose another by TMPDIR\n",
                              s->n_not_unpacked, s->n_not_unpacked == 1 ? " is" : "s are",
                              unpack_folder(), s->n_not_unpacked == 1 ? "it" : "them");
        input_say(s->n_forged, "entry of the journal is not by the daemon's user",
                  "entries of the journal are not by the daemon's user");
}
