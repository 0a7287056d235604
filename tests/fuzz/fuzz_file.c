/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The file sink on a file of any bytes and a disk that fails by script (file_disk.h), with an
 * administrator and another writer about, and now and then killed. Its counters and its account say
 * at any moment what the files hold; and in the end each line that it has written is in one file,
 * whole and once, with those of the same file in order.
 *
 * Input up to the first newline is the script: letters, some with an argument byte (run_with(),
 * run_plain()). The rest is what the file holds at first.
 */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "file_disk.h"
#include "sink/packing.h"

#define STEPS_MAX GIVEN_MAX
#define BACKLOG_SIZE (size_t)(32 * KIB)
#define CHUNK_MIN 16                   /* less than any line; each costs several system calls */
#define MAX_FILES_MANY (2 * STEPS_MAX) /* none is ever removed */
#define FOREIGN "another writer's line\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[64];

struct world {
        struct sink *sink;
        struct sink_file_config config;
        struct account account;
        struct span initial; /* whole lines */
        bool may_prune;
        unsigned n_moved;
        unsigned n_torn;     /* files whose last line was not ended; of those of the rotation */
        uint64_t n_kernel;   /* events of the kernel that this sink has accepted */
        size_t first_line;   /* of this sink */
        uint64_t first_byte; /* likewise */
};

static void check_counters(const struct world *w)
{
        const struct sink_stats *s = &w->sink->stats;

        assert(s->written + s->backlog == w->n_kernel);
        assert(s->lines == model.n_written - w->first_line);
        assert(s->bytes == (model.n_written < model.n_lines ? model.lines[model.n_written].start
                                                            : model.text.size) -
                                   w->first_byte);
        assert(account_read(&w->account).accounted == model.accounted);
        assert(account_read(&w->account).sending == 0);
        check_killed();
}

static void sink_open(struct world *w)
{
        int r;

        r = sink_file_new_on(&disk_system, &w->config, BACKLOG_SIZE, &w->sink);
        assert(r == 0);
        sink_keep_account(w->sink, &w->account);
        w->n_kernel = 0;
        w->first_line = model.n_written;
        w->first_byte = model.text.size;
}

static void flush(struct world *w)
{
        const enum sink_state state = sink_flush(w->sink);

        assert(state == SINK_BROKEN || model.partial == 0);
        assert(state != SINK_IDLE || model.n_written == model.n_lines);
        assert(state != SINK_BROKEN || (w->sink->error < 0 && w->sink->error_what));
        check_counters(w);
}

/* Gives the sink a line of this kind, which says how long it is. */
static void give(struct world *w, enum event_kind kind, uint32_t lost, size_t pad)
{
        _cleanup_(buf_done) struct buf head = { 0 }, tail = { 0 };
        struct message m = { .kind = kind,
                             .events = kind == EVENT_LOST || kind == EVENT_SUMMARY ? lost : 0 };
        struct given *l = &model.lines[model.n_lines];

        buf_printf(&head, "{\"event\":\"%s\",\"seq\":", event_kind_name(kind));
        buf_printf(&tail, ",\"id\":%zu", model.n_lines);
        if (kind == EVENT_LOST)
                buf_printf(&tail, ",\"where\":\"ring\",\"count\":%" PRIu32, lost);
        if (kind == EVENT_SUMMARY)
                buf_printf(&tail, ",\"count\":%" PRIu32, lost);
        buf_printf(&tail, ",\"pad\":\"%0*d\"}", (int)pad, 0);
        m.line = m.brief = (struct line){ buf_span(&head), buf_span(&tail) };
        if (sink_write(w->sink, &m) < 0) {
                check_counters(w);
                return;
        }
        w->n_kernel += event_kind_is_kernel(kind);
        l->start = model.text.size;
        buf_append_span(&model.text, buf_span(&head));
        buf_append_u64(&model.text, w->sink->seq);
        buf_append_span(&model.text, buf_span(&tail));
        buf_append_char(&model.text, '\n');
        assert(buf_error(&model.text) == 0);
        l->size = model.text.size - l->start;
        l->worth = event_kind_is_kernel(kind) ? 1 : m.events;
        model.n_lines++;
        check_counters(w);
}

static void configure(struct world *w)
{
        int r;

        r = sink_file_configure(w->sink, &w->config);
        assert(r == 0);
}

/* A copy of a rotated file is made, or one more step is taken with it: it is not compressed here.
 */
static void pack(struct world *w, uint8_t step)
{
        struct packing *p = sink_file_packing(w->sink);
        struct packing_files files;
        char block[4096];
        off_t done = 0;
        ssize_t n;

        switch (step % 5) {
        case 0:
                packing_look(p);
                if (packing_begin(p, &files) <= 0)
                        return;
                while ((n = (ssize_t)read_at(files.file, done, block, sizeof(block))) > 0) {
                        assert(write(files.copy, block, (size_t)n) == n);
                        done += n;
                }
                return;
        case 1:
                if (packing_is_busy(p) && !p->is_named)
                        (void)packing_name(p);
                return;
        case 2: /* where neither of the two can be removed, both stay */
                if (packing_is_busy(p) && p->is_named && !disk.unlink_error)
                        (void)packing_end(p);
                return;
        case 3:
                if (!disk.unlink_error)
                        packing_give_up(p, -EIO, NULL);
                return;
        default:
                w->config.compresses = !w->config.compresses || packing_is_busy(p);
                configure(w);
        }
}

/* The copy that is being made stays as it is; one that has its name goes, as the next one sees to.
 */
static void leave_copy(struct world *w)
{
        struct packing *p = sink_file_packing(w->sink);
        const int unlink_error = disk.unlink_error;

        disk.unlink_error = 0;
        if (p->is_named)
                packing_give_up(p, 0, NULL);
        disk.unlink_error = unlink_error;
        closep(&p->files.file);
        closep(&p->files.copy);
        closep(&p->files.folder);
        p->files.file = p->files.copy = p->files.folder = -1;
}

/* We are killed: nothing is put right, nothing is delivered; the next one starts. */
static void killed(struct world *w)
{
        const int truncate_error = disk.truncate_error;

        leave_copy(w);
        disk.truncate_error = EIO;
        disk.interrupt = 0;
        w->sink = sink_free(w->sink);
        disk.truncate_error = truncate_error;
        if (model.n_written < model.n_lines)
                model.text.size = model.lines[model.n_written].start;
        model.n_lines = model.n_written;
        if (access(path, F_OK) < 0)
                model_leave();
        model.partial = 0;
        account_recover_file(&w->account, path);
        sink_open(w);
        check_counters(w);
}

static int open_other(const char *name, int flags)
{
        int fd = open(name, flags | O_CLOEXEC, 0600);

        assert(fd >= 0 || errno == ENOENT);
        return fd;
}

/* As an administrator, who moves the file away, or copies and truncates it. */
static void take_away(struct world *w, bool by_copy)
{
        _cleanup_(closep) int from = open_other(path, O_RDWR), to = -1;
        char name[sizeof(folder) + 32], block[4096];
        off_t done = 0;
        ssize_t n;

        if (from < 0)
                return;
        (void)snprintf(name, sizeof(name), "%s/moved.%u", folder, w->n_moved++);
        model.partial = 0;
        if (!by_copy) {
                assert(rename(path, name) == 0);
                return;
        }
        to = open_other(name, O_WRONLY | O_CREAT | O_EXCL);
        while ((n = (ssize_t)read_at(from, done, block, sizeof(block))) > 0) {
                assert(write(to, block, (size_t)n) == n);
                done += n;
        }
        assert(ftruncate(from, 0) == 0);
}

/* As somebody who does not know what the name is for; beside a copy both would be in the way. */
static void make_folder(unsigned number)
{
        char name[sizeof(path) + 32];

        (void)snprintf(name, sizeof(name), "%s.%u.zst", path, number);
        if (access(name, F_OK) == 0)
                return;
        (void)snprintf(name, sizeof(name), "%s.%u", path, number);
        assert(mkdir(name, 0700) == 0 || errno == EEXIST);
}

/* As another writer, of a line, or of so many bytes of one. */
static void append_foreign(const char *data, size_t size)
{
        _cleanup_(closep) int fd = open_other(path, O_RDWR | O_APPEND);

        if (fd >= 0 && ends_in_newline(fd, size_of(fd)))
                assert(write(fd, data, size) == (ssize_t)size);
}

static int error_of(uint8_t arg)
{
        static const int errors[] = { ENOSPC, EDQUOT, EIO, EFBIG, EAGAIN, 0 };

        return errors[arg % ELEMENTSOF(errors)];
}

/* The disk, from now on. */
static bool run_fault(uint8_t op, uint8_t arg)
{
        switch (op) {
        case 's':
                disk.space = arg;
                return true;
        case 'S':
                disk.space = (size_t)arg * 97;
                return true;
        case 'e':
                disk.space_error = error_of(arg);
                return true;
        case 'c':
                disk.chunk = arg > 0 ? CHUNK_MIN + arg : 0;
                return true;
        case 'i':
                disk.interrupt = arg % 8;
                return true;
        case 'u':
                disk.unlink_error = arg % 2 ? EPERM : EIO;
                return true;
        case 'n':
                disk.rename_error = EACCES;
                disk.rename_after = arg % 4;
                return true;
        default:
                return false;
        }
}

/* The same, without an argument. */
static void run_plain_fault(uint8_t op)
{
        switch (op) {
        case 't':
                disk.truncate_error = EPERM;
                break;
        case 'o':
                disk.open_error = EACCES;
                break;
        case 'x':
                disk.create_error = EACCES;
                break;
        case 'y':
                disk.sync_error = EIO;
                break;
        case 'h':
                disk.ahead_ns += 3600 * NSEC_PER_SEC;
                break;
        case 'a':
                disk_works();
                break;
        default:
                break;
        }
}

/* The deeds of others, without an argument. */
static void run_plain(struct world *w, uint8_t op)
{
        switch (op) {
        case 'f':
                flush(w);
                break;
        case 'r':
                sink_reopen(w->sink);
                check_counters(w);
                break;
        case 'X':
                killed(w);
                break;
        case 'm':
        case 'T':
                take_away(w, op == 'T');
                break;
        case 'l':
                append_foreign(FOREIGN, strlen(FOREIGN));
                break;
        case 'Y':
                w->config.sync = !w->config.sync;
                configure(w);
                break;
        case 'G':
                w->config.max_age_ns = w->config.max_age_ns ? 0 : 1800 * NSEC_PER_SEC;
                configure(w);
                break;
        default:
                run_plain_fault(op);
        }
}

/* False: nothing that has an argument. */
static bool run_with(struct world *w, uint8_t op, uint8_t arg)
{
        switch (op) {
        case 'w':
                give(w, EVENT_EXEC, 0, arg);
                return true;
        case 'W':
                give(w, EVENT_EXIT, 0, (size_t)arg * 64);
                return true;
        case 'k':
                give(w, arg % _EVENT_KIND_MAX, arg * UINT32_C(8421505) % LOSS_COUNT_MAX, arg / 8);
                return true;
        case 'g':
                append_foreign("{\"event\":\"exec\",\"torn\":\"................", arg % 40);
                return true;
        case 'R':
                w->config.max_size = arg * UINT64_C(32);
                configure(w);
                return true;
        case 'M':
                w->config.max_files = arg % 4 + 1;
                w->may_prune = true;
                configure(w);
                return true;
        case 'd':
                make_folder(arg % 4 + 1);
                return true;
        case 'p':
                pack(w, arg);
                return true;
        case 'z':
                (void)sink_resize(w->sink, 1024 + (size_t)arg * 256);
                check_counters(w);
                return true;
        default:
                return run_fault(op, arg);
        }
}

static void run_script(struct world *w, struct span script)
{
        size_t i = 0;

        for (unsigned n = 0; n < STEPS_MAX && i < script.size; n++, i++)
                if (i + 1 < script.size &&
                    run_with(w, (uint8_t)script.data[i], (uint8_t)script.data[i + 1]))
                        i++;
                else
                        run_plain(w, (uint8_t)script.data[i]);
}

/* Once the disk works again, nothing is left behind. */
static void finish(struct world *w)
{
        enum sink_state state;
        int r;

        disk_works();
        r = sink_resize(w->sink, BACKLOG_SIZE);
        assert(r == 0 || r == -ENOBUFS);
        state = sink_flush(w->sink);
        assert(state == SINK_IDLE);
        check_counters(w);
        assert(model.n_written == model.n_lines && w->sink->stats.backlog == 0);
        w->sink = sink_free(w->sink);
        check_killed();
}

/* Our line, or that of another writer; returns the id, or GIVEN_MAX. */
static size_t check_line(struct span line)
{
        char text[128];
        const char *p;
        size_t id;

        if (line.size == strlen(FOREIGN) && memcmp(line.data, FOREIGN, line.size) == 0)
                return GIVEN_MAX;
        (void)snprintf(text, sizeof(text), "%.*s", (int)MIN(line.size, sizeof(text) - 1),
                       line.data);
        p = strstr(text, "\"id\":");
        assert(p && sscanf(p, "\"id\":%zu", &id) == 1);
        assert(id < model.n_written && !model.lines[id].is_seen);
        assert(line.size == model.lines[id].size);
        assert(memcmp(line.data, model.text.data + model.lines[id].start, line.size) == 0);
        model.lines[id].is_seen = true;
        return id;
}

/* Returns the first of our lines, or GIVEN_MAX: there is none. */
static size_t check_lines(struct span text, bool is_torn)
{
        size_t first = GIVEN_MAX, next = GIVEN_MAX;

        while (text.size > 0) {
                const char *newline = memchr(text.data, '\n', text.size);
                struct span line = { text.data, newline ? (size_t)(newline + 1 - text.data) : 0 };
                size_t id;

                assert(newline || is_torn);
                if (!newline)
                        break;
                text.data += line.size;
                text.size -= line.size;
                id = check_line(line);
                if (id == GIVEN_MAX)
                        continue;
                assert(next == GIVEN_MAX || id == next);
                next = id + 1;
                first = MIN(first, id);
        }
        return first;
}

static bool starts_with(struct span s, struct span prefix)
{
        return s.size >= prefix.size && memcmp(s.data, prefix.data, prefix.size) == 0;
}

/*
 * Only files in a row are minded when old ones are removed; but a rotation that has failed leaves
 * a gap at number 1, which the next one fills.
 */
static bool is_in_rotation(const char *name)
{
        const char *digits = name + strlen(path);
        char lower[sizeof(path) + 32];

        if (strncmp(name, path, strlen(path)) != 0)
                return false;
        for (unsigned n = *digits ? (unsigned)atoi(digits + 1) : 0; n > 2; n--) {
                (void)snprintf(lower, sizeof(lower), "%s.%u.zst", path, n - 1);
                if (access(lower, F_OK) == 0)
                        continue;
                lower[strlen(lower) - strlen(".zst")] = '\0';
                if (access(lower, F_OK) < 0)
                        return false;
        }
        return true;
}

/* Sets *first to what is oldest in the files of the rotation; takes the initial lines off. */
static void check_file(struct world *w, const char *name, size_t *first)
{
        _cleanup_(closep) int fd = openat(AT_FDCWD, name, O_RDONLY | O_CLOEXEC);
        _cleanup_(freep) char *data = NULL;
        bool is_torn;
        struct span text;
        size_t id;

        assert(fd >= 0);
        is_torn = !ends_in_newline(fd, size_of(fd));
        w->n_torn += is_torn && !strstr(name, "/moved.");
        text.size = (size_t)size_of(fd);
        data = malloc(text.size + 1);
        assert(data);
        text.data = data;
        assert(read_at(fd, 0, data, text.size) == text.size);
        if (w->initial.size > 0 && starts_with(text, w->initial)) {
                text.data += w->initial.size;
                text.size -= w->initial.size;
                w->initial.size = 0;
        }
        id = check_lines(text, is_torn);
        if (is_in_rotation(name))
                *first = MIN(*first, id);
}

/* For each file of the folder, which is NULL if there is none any more. */
static bool next_file(DIR *d, char ret[static sizeof(folder) + 256])
{
        const struct dirent *e;

        do
                e = readdir(d);
        while (e && (e->d_name[0] == '.' || e->d_type == DT_DIR));
        if (e)
                (void)snprintf(ret, sizeof(folder) + 256, "%s/%s", folder, e->d_name);
        return e;
}

/* While a copy is put in the place of its file, both are there. */
static bool is_copy(const char *name)
{
        char file[sizeof(folder) + 256];
        struct stat st;
        char *suffix;

        (void)snprintf(file, sizeof(file), "%s", name);
        suffix = strstr(file, ".zst");
        if (!suffix)
                return false;
        *suffix = '\0';
        return lstat(file, &st) == 0 && S_ISREG(st.st_mode);
}

/* Each line that was written is in one file; but the oldest may have gone by rotation. */
static void check_files(struct world *w)
{
        char name[sizeof(folder) + 256];
        size_t first = GIVEN_MAX;
        DIR *d = opendir(folder);

        assert(d);
        while (next_file(d, name))
                if (!is_copy(name))
                        check_file(w, name, &first);
        (void)closedir(d);
        assert(w->n_torn == model.n_torn || (w->may_prune && w->n_torn < model.n_torn));
        assert(w->initial.size == 0 || w->may_prune);
        for (size_t id = 0; id < model.n_written; id++)
                assert(model.lines[id].is_seen || (w->may_prune && id < first));
}

static void folder_empty(void)
{
        DIR *d = opendir(folder);
        const struct dirent *e;

        assert(d);
        while ((e = readdir(d)))
                if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
                        (void)unlinkat(dirfd(d), e->d_name, e->d_type == DT_DIR ? AT_REMOVEDIR : 0);
        (void)closedir(d);
}

static void folder_remove(void)
{
        folder_empty();
        (void)rmdir(folder);
}

/* One for all inputs: to remove one takes longer than all the rest. */
static void folder_make(void)
{
        char *made;

        if (folder[0])
                return;
        (void)snprintf(folder, sizeof(folder), "%s/fuzz_file.XXXXXX",
                       access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        made = mkdtemp(folder);
        assert(made);
        (void)snprintf(path, sizeof(path), "%s/exec.jsonl", folder);
        (void)atexit(folder_remove);
}

static void try_script(struct span script, struct span content)
{
        const char *newline = content.size > 0 ? memrchr(content.data, '\n', content.size) : NULL;
        struct world w = { .config = { .path = path, .max_files = MAX_FILES_MANY, .mode = 0640 } };

        w.initial.data = content.data;
        w.initial.size = newline ? (size_t)(newline + 1 - content.data) : 0;
        memset(&model, 0, sizeof(model));
        model.account = &w.account;
        disk_works();
        sink_open(&w);
        run_script(&w, script);
        finish(&w);
        check_files(&w);
        buf_done(&model.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct span script = { (const char *)data, size }, content = { 0 };
        const char *newline = memchr(data, '\n', size);
        int fd;

        if (newline) {
                script.size = (size_t)(newline - script.data);
                content = (struct span){ newline + 1, size - script.size - 1 };
        }
        /* Our lines and those that were there must differ. */
        if (content.size > 0 && memmem(content.data, content.size, "\"id\":", 5))
                return 0;
        folder_make();
        if (newline) {
                fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
                assert(fd >= 0);
                assert(write(fd, content.data, content.size) == (ssize_t)content.size);
                (void)close(fd);
        }
        try_script(script, content);
        folder_empty();
        return 0;
}
