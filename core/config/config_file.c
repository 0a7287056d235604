/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Finds and splits configuration files as systemd does (config_parse(), conf_files_list()).
 *
 * The main file is the first on the search path; drop-ins of all folders are taken in order of
 * their names, and of equal names the first folder's counts, so that an empty file or a link to
 * /dev/null masks. In a file: [Section], Key=Value, comments after # or ; at the start of a line,
 * and a backslash at the end of a line stands for a space and joins the next one; comments in
 * between are skipped. A byte order mark and CRLF are tolerated. Values are not unquoted.
 *
 * Stricter than systemd, because a half-understood configuration of a security tool is worse than a
 * message: refuses, each with file:line, what has no meaning (no '=', no key, no section, a bad
 * header), NUL bytes, text that isn't UTF-8, overlong lines, and files that cannot be read or
 * aren't files. After an error it goes on, so that all errors are reported at once.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/text.h"
#include "config/config_file.h"
#include "config/config_report.h"

#define CONFIG_NAME "/execsnoopd.conf"

/* systemd's LONG_LINE_MAX, for a line and for lines joined. */
#define LINE_SIZE_MAX ((size_t)MIB)

/* A few of the longest lines; a sparse file or a wrong path must not eat our memory. */
#define FILE_SIZE_MAX ((size_t)(4 * MIB))

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

static const char *const search_path[] = { "/etc", "/run", "/usr/local/lib", "/usr/lib" };

struct parser {
        const struct config_reader *reader;
        struct config_position at; /* where the statement begins */
        unsigned line;             /* being read */
        struct buf section;
        bool in_section;
        bool is_joining;   /* the previous line ended in a backslash */
        struct buf joined; /* what came before */
        int error;
};

static void parser_done(struct parser *p)
{
        buf_done(&p->section);
        buf_done(&p->joined);
}

/* The first error stands for all, and reading goes on, unless there is no memory. */
static bool is_over(int *error, int r)
{
        if (r == -ENOMEM || (r < 0 && *error == 0))
                *error = r;
        return r == -ENOMEM;
}

static int parser_refuse(struct parser *p, const char *problem)
{
        config_report_add(&p->reader->report->errors, &p->at, "%s", problem);
        return -EINVAL;
}

static int parse_section(struct parser *p, struct span statement)
{
        const struct span name = { .data = statement.data + 1, .size = statement.size - 2 };

        /* Lines after a bad header are of an unknown section, and are not refused once more. */
        p->in_section = true;
        buf_reset(&p->section);
        if (statement.size < 2 || statement.data[statement.size - 1] != ']')
                return parser_refuse(p, "incomplete section header, expected [Section]");
        buf_append_span(&p->section, name);
        if (buf_error(&p->section))
                return -ENOMEM;
        return p->reader->on_section(p->reader->userdata, &p->at, name);
}

static int parse_assignment(struct parser *p, struct span statement)
{
        struct config_position at = p->at;
        struct span key, value;

        if (!span_split(statement, '=', &key, &value))
                return parser_refuse(p, "neither section nor assignment, expected Key=Value");
        at.key = span_trim(key);
        if (at.key.size == 0)
                return parser_refuse(p, "nothing before '=', expected Key=Value");
        if (!p->in_section) {
                config_report_add(&p->reader->report->errors, &at,
                                  "outside of a section, expected [Section] before it");
                return -EINVAL;
        }
        return p->reader->on_assignment(p->reader->userdata, &at, buf_span(&p->section),
                                        span_trim(value));
}

static int parse_statement(struct parser *p, struct span statement)
{
        statement = span_trim(statement);
        if (statement.size == 0)
                return 0;
        if (!text_is_valid(statement))
                return parser_refuse(p, "not valid text, expected UTF-8");
        return statement.data[0] == '[' ? parse_section(p, statement)
                                        : parse_assignment(p, statement);
}

/* Whether the last character is a backslash that isn't itself escaped. */
static bool is_continued(struct span line)
{
        bool escaped = false;

        for (size_t i = 0; i < line.size; i++)
                escaped = !escaped && line.data[i] == '\\';
        return escaped;
}

/* Takes the next line of a statement; parses the statement when this was its last. */
static int parser_add(struct parser *p, struct span line)
{
        const bool was_joining = p->is_joining;

        p->is_joining = is_continued(line);
        if (!was_joining && !p->is_joining)
                return parse_statement(p, line);
        if (!was_joining)
                buf_reset(&p->joined);
        buf_append_span(&p->joined, line);
        if (buf_error(&p->joined))
                return -ENOMEM;
        if (!p->is_joining)
                return parse_statement(p, buf_span(&p->joined));
        p->joined.data[p->joined.size - 1] = ' ';
        return 0;
}

static int parse_line(struct parser *p, struct span line)
{
        const size_t joined_size = p->is_joining ? p->joined.size : 0;
        const struct span content = span_trim_start(line);
        const char *problem = NULL;

        if (line.size > LINE_SIZE_MAX - joined_size)
                problem = "line too long, expected at most 1M";
        else if (line.size > 0 && memchr(line.data, '\0', line.size))
                problem = "NUL byte, expected text";
        if (problem || !p->is_joining)
                p->at.line = p->line;
        if (problem) {
                p->is_joining = false;
                return parser_refuse(p, problem);
        }
        if (content.size > 0 && (content.data[0] == '#' || content.data[0] == ';'))
                return 0;
        if (line.size > 0 && line.data[line.size - 1] == '\r')
                line.size--;
        return parser_add(p, line);
}

int config_read_text(const char *name, struct span text, const struct config_reader *reader)
{
        _cleanup_(parser_done) struct parser p = { .reader = reader, .at.file = name };
        struct span line;

        (void)span_strip_prefix(&text, BYTE_ORDER_MARK);
        while (span_cut(&text, '\n', &line)) {
                p.line++;
                if (is_over(&p.error, parse_line(&p, line)))
                        return p.error;
        }
        if (p.is_joining) /* nothing is left to join */
                (void)is_over(&p.error, parse_statement(&p, buf_span(&p.joined)));
        return p.error;
}

static bool is_dev_null(const struct stat *st)
{
        return S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);
}

static int read_all(int fd, struct buf *ret)
{
        ssize_t n;
        char *p;

        for (;;) {
                p = buf_reserve(ret, 4096);
                if (!p)
                        return -ENOMEM;
                n = read(fd, p, 4096);
                if (n == 0)
                        return 0;
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                ret->size += (size_t)n;
                if (ret->size > FILE_SIZE_MAX)
                        return -EFBIG;
        }
}

static int read_file(const char *path, struct buf *ret)
{
        /* Not to hang on a FIFO. */
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        struct stat st;

        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode))
                return -EISDIR;
        if (!S_ISREG(st.st_mode) && !is_dev_null(&st))
                return -ENOTSUP;
        return read_all(fd, ret);
}

static int refuse_path(const char *path, int error, const struct config_reader *reader)
{
        const struct config_position at = { .file = path };

        config_report_add(&reader->report->errors, &at, "cannot be read: %s",
                          error == -ENOTSUP ? "Not a regular file" : strerror(-error));
        return error;
}

static int load_file(const char *path, const struct config_reader *reader)
{
        _cleanup_(buf_done) struct buf text = { 0 };
        int r;

        r = read_file(path, &text);
        if (r < 0)
                return refuse_path(path, r, reader);
        return config_read_text(path, buf_span(&text), reader);
}

/* The main file of the i-th folder, or with ".d" its folder of drop-ins. */
static char *location_path(const struct config_location *l, size_t i, const char *suffix)
{
        char *path;
        int n;

        if (l->file)
                n = asprintf(&path, "%s%s", l->file, suffix);
        else
                n = asprintf(&path, "%s%s" CONFIG_NAME "%s", l->root ? l->root : "", search_path[i],
                             suffix);
        return n < 0 ? NULL : path;
}

struct drop_in {
        char *path;
        const char *name; /* in path */
        size_t rank;      /* of its folder: 0 masks all others */
};

struct drop_in_list {
        struct drop_in *items;
        size_t n;
        size_t capacity;
};

static void drop_in_list_done(struct drop_in_list *l)
{
        for (size_t i = 0; i < l->n; i++)
                free(l->items[i].path);
        free(l->items);
}

static int drop_in_list_add(struct drop_in_list *l, const char *folder, const char *name,
                            size_t rank)
{
        struct drop_in *items, *d;
        size_t capacity;

        if (l->n == l->capacity) {
                capacity = MAX(2 * l->capacity, (size_t)8);
                items = reallocarray(l->items, capacity, sizeof(*items));
                if (!items)
                        return -ENOMEM;
                l->items = items;
                l->capacity = capacity;
        }
        d = &l->items[l->n];
        if (asprintf(&d->path, "%s/%s", folder, name) < 0)
                return -ENOMEM;
        d->name = d->path + strlen(folder) + 1;
        d->rank = rank;
        l->n++;
        return 0;
}

static bool is_drop_in(const char *name)
{
        return name[0] != '.' && span_ends_with(span_of(name), ".conf");
}

static void closedirp(DIR **d)
{
        if (*d)
                (void)closedir(*d);
}

/* Adds what is in a folder; none at all is fine. */
static int drop_in_list_scan(struct drop_in_list *l, const char *folder, size_t rank)
{
        _cleanup_(closedirp) DIR *d = opendir(folder);
        const struct dirent *entry;
        int r;

        if (!d)
                return errno == ENOENT ? 0 : -errno;
        for (;;) {
                errno = 0;
                entry = readdir(d);
                if (!entry)
                        return -errno;
                if (!is_drop_in(entry->d_name))
                        continue;
                r = drop_in_list_add(l, folder, entry->d_name, rank);
                if (r < 0)
                        return r;
        }
}

static int drop_in_compare(const void *a, const void *b)
{
        const struct drop_in *x = a, *y = b;
        const int r = strcmp(x->name, y->name);

        return r != 0 ? r : (x->rank > y->rank) - (x->rank < y->rank);
}

static int load_drop_ins(struct drop_in_list *l, const struct config_reader *reader)
{
        int error = 0;

        if (l->n > 0)
                qsort(l->items, l->n, sizeof(l->items[0]), drop_in_compare);
        for (size_t i = 0; i < l->n; i++) {
                if (i > 0 && strcmp(l->items[i].name, l->items[i - 1].name) == 0)
                        continue; /* masked */
                if (is_over(&error, load_file(l->items[i].path, reader)))
                        break;
        }
        return error;
}

static int find_drop_ins(const struct config_location *location, const struct config_reader *reader,
                         struct drop_in_list *l)
{
        const size_t n_folders = location->file ? 1 : ELEMENTSOF(search_path);
        int error = 0, r;

        for (size_t i = 0; i < n_folders; i++) {
                _cleanup_(freep) char *folder = location_path(location, i, ".d");

                if (!folder)
                        return -ENOMEM;
                r = drop_in_list_scan(l, folder, i);
                if (r < 0 && r != -ENOMEM)
                        refuse_path(folder, r, reader);
                if (is_over(&error, r))
                        break;
        }
        return error;
}

static int load_main(const struct config_location *location, const struct config_reader *reader)
{
        if (location->file)
                return load_file(location->file, reader);
        for (size_t i = 0; i < ELEMENTSOF(search_path); i++) {
                _cleanup_(freep) char *path = location_path(location, i, "");

                if (!path)
                        return -ENOMEM;
                if (access(path, F_OK) == 0 || errno != ENOENT)
                        return load_file(path, reader);
        }
        return 0;
}

int config_read(const struct config_location *location, const struct config_reader *reader)
{
        _cleanup_(drop_in_list_done) struct drop_in_list drop_ins = { 0 };
        int error = 0;

        (void)(is_over(&error, load_main(location, reader)) ||
               is_over(&error, find_drop_ins(location, reader, &drop_ins)) ||
               is_over(&error, load_drop_ins(&drop_ins, reader)));
        return error;
}
