/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "encode/metrics.h"
#include "event/stats.h"
#include "flow/flow.h"
#include "host/log.h"
#include "host/metrics_file.h"
#include "host/timer.h"

/* As often as it is usually scraped; up to 1 s later, to join wake-ups. */
#define INTERVAL_NS (15 * NSEC_PER_SEC)
#define ACCURACY_NS NSEC_PER_SEC

/* Numbers of the whole host, without names of files or users. */
#define MODE 0644

struct metrics_file {
        const struct flow *flow; /* borrowed */
        const char *version;     /* borrowed */
        struct timer *timer;
        char *path, *new_path; /* or both NULL: nowhere */
        bool has_failed;
        struct buf text;
};

static int write_all(int fd, const struct buf *text)
{
        size_t done = 0;

        while (done < text->size) {
                const ssize_t n = write(fd, text->data + done, text->size - done);

                if (n < 0 && errno != EINTR)
                        return -errno;
                done += n > 0 ? (size_t)n : 0;
        }
        return 0;
}

/* A file of our own, whoever else may write in the folder: never through a link that is there. */
static int write_new(const struct metrics_file *m)
{
        _cleanup_(closep) int fd = -EBADF;

        if (unlink(m->new_path) < 0 && errno != ENOENT)
                return -errno;
        fd = open(m->new_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, MODE);
        if (fd < 0 || fchmod(fd, MODE) < 0) /* whatever the umask is */
                return -errno;
        return write_all(fd, &m->text);
}

static int write_file(struct metrics_file *m)
{
        struct stats stats;
        int r;

        flow_stats(m->flow, &stats);
        buf_reset(&m->text);
        metrics_encode(&stats, m->version, &m->text);
        r = buf_error(&m->text);
        if (r >= 0)
                r = write_new(m);
        if (r >= 0 && rename(m->new_path, m->path) < 0)
                r = -errno;
        if (r < 0)
                (void)unlink(m->new_path);
        return r;
}

static void update(struct metrics_file *m)
{
        int r;

        if (!m->path)
                return;
        r = write_file(m);
        if (r < 0 && !m->has_failed)
                log_errno(LOG_WARNING, r, "Cannot write the metrics to %s, will try again",
                          m->path);
        else if (r >= 0 && m->has_failed)
                log_notice("Writing the metrics to %s again", m->path);
        m->has_failed = r < 0;
}

static int on_time(void *userdata)
{
        struct metrics_file *m = userdata;

        update(m);
        return timer_start(m->timer, INTERVAL_NS);
}

int metrics_file_new(struct sd_event *event, const struct flow *flow, const char *version,
                     struct metrics_file **ret)
{
        const struct timer_config config = { .on_time = on_time, .accuracy_ns = ACCURACY_NS };
        _cleanup_(metrics_file_freep) struct metrics_file *m = calloc(1, sizeof(*m));
        int r;

        if (!m)
                return -ENOMEM;
        m->flow = flow;
        m->version = version;
        r = timer_new(event, &config, m, &m->timer);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}

static void forget(struct metrics_file *m)
{
        if (m->path)
                (void)unlink(m->path);
        free(m->path);
        free(m->new_path);
        m->path = m->new_path = NULL;
        m->has_failed = false;
}

struct metrics_file *metrics_file_free(struct metrics_file *m)
{
        if (!m)
                return NULL;
        timer_free(m->timer);
        forget(m);
        buf_done(&m->text);
        free(m);
        return NULL;
}

/* 0: nowhere. */
static int find_path(const char *setting, char **ret)
{
        const char *folder = getenv("RUNTIME_DIRECTORY"); /* of the unit's RuntimeDirectory= */
        int r;

        if (setting[0] == '\0' || (setting[0] != '/' && !folder))
                return 0;
        if (setting[0] == '/')
                r = asprintf(ret, "%s", setting);
        else
                r = asprintf(ret, "%s/%s", folder, setting);
        return r < 0 ? -ENOMEM : 1;
}

int metrics_file_configure(struct metrics_file *m, const char *setting)
{
        _cleanup_(freep) char *path = NULL;
        char *new_path;
        int r;

        r = find_path(setting, &path);
        if (r <= 0) {
                if (r == 0) {
                        forget(m);
                        timer_stop(m->timer);
                }
                return r;
        }
        if (!m->path || strcmp(m->path, path) != 0) {
                if (asprintf(&new_path, "%s.new", path) < 0)
                        return -ENOMEM;
                forget(m);
                m->path = TAKE_PTR(path);
                m->new_path = new_path;
        }
        return on_time(m);
}
