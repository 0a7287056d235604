/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A child, which is the trial, and a pipe from it. We do not wait for the child: the pipe ends when
 * it does, and the kernel ends it when it takes too long. A trial that nobody wants to know the
 * result of is ended at once; by a descriptor, as its number may be another's by then.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "config/config.h"
#include "host/capabilities.h"
#include "host/handover.h"
#include "host/log.h"
#include "host/loop.h"
#include "kernel/loader.h"
#include "trial.h"

#define VARIABLE "EXECSNOOPD_TRIAL"

/* To load all programs takes a second or, on a slow host, ten. */
#define TRIAL_SECONDS 60

struct trial {
        const struct trial_ops *ops;
        void *userdata;
        sd_event_source *io;
        int fd, process;
        char *path;
        dev_t dev;
        ino_t ino;
};

static char **arguments_of(char *const *argv)
{
        size_t n = 0;
        char **copy;

        while (argv[n])
                n++;
        copy = calloc(n + 2, sizeof(*copy));
        if (!copy)
                return NULL;
        memcpy(copy, argv, n * sizeof(*copy));
        copy[n] = (char *)"--test-config";
        return copy;
}

/* In the child. The image inherits its capabilities, and the alarm. */
static _Noreturn void become_trial(const char *path, char *const *argv, int result)
{
        char number[16];
        sigset_t none;

        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)alarm(TRIAL_SECONDS);
        (void)snprintf(number, sizeof(number), "%d", result);
        if (fcntl(result, F_SETFD, 0) < 0 || setenv(VARIABLE, number, true) < 0 ||
            capabilities_bequeath(true) < 0)
                _exit(EXIT_FAILURE);
        (void)execv(path, argv);
        log_errno(LOG_ERR, -errno, "Cannot execute %s", path);
        _exit(EXIT_FAILURE);
}

static int start_child(const char *path, char *const *argv, int *ret_fd, int *ret_process)
{
        int ends[2];
        pid_t pid;

        if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
                return -errno;
        pid = fork();
        if (pid == 0)
                become_trial(path, argv, ends[1]);
        (void)close(ends[1]);
        if (pid < 0) {
                (void)close(ends[0]);
                return -errno;
        }
        *ret_fd = ends[0];
        *ret_process = (int)syscall(SYS_pidfd_open, pid, 0); /* -1: it has ended already */
        return 0;
}

/* A file that has replaced it since comes with a request for another upgrade. */
static bool is_tried(const struct trial *t)
{
        struct stat st;

        return stat(t->path, &st) == 0 && st.st_dev == t->dev && st.st_ino == t->ino;
}

static int on_io(sd_event_source *source, int fd, uint32_t revents _unused_, void *userdata)
{
        struct trial *t = userdata;
        bool can_run;
        char c;

        can_run = read(fd, &c, sizeof(c)) == sizeof(c);
        if (!can_run)
                log_error("Not upgrading to %s: it cannot run here", t->path);
        else if (!is_tried(t))
                log_warning("Upgrade to %s cancelled: the file was replaced meanwhile", t->path);
        (void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
        t->ops->on_tried(t->userdata, can_run && is_tried(t));
        return 0;
}

static int trial_start(struct trial *t, struct sd_event *event, char *const *argv)
{
        _cleanup_(freep) char **arguments = arguments_of(argv);
        struct stat st;
        int r;

        if (!t->path || !arguments)
                return -ENOMEM;
        if (stat(t->path, &st) < 0)
                return -errno;
        t->dev = st.st_dev;
        t->ino = st.st_ino;
        r = start_child(t->path, arguments, &t->fd, &t->process);
        if (r < 0)
                return r;
        return loop_add_io(event, t->fd, EPOLLIN, on_io, t, &t->io);
}

int trial_new(struct sd_event *event, const char *path, char *const *argv,
              const struct trial_ops *ops, void *userdata, struct trial **ret)
{
        _cleanup_(trial_freep) struct trial *t = NULL;
        int r;

        t = calloc(1, sizeof(*t));
        if (!t)
                return -ENOMEM;
        t->fd = -1;
        t->process = -1;
        t->ops = ops;
        t->userdata = userdata;
        t->path = strdup(path);
        r = trial_start(t, event, argv);
        if (r < 0)
                return log_errno(LOG_ERR, r, "Cannot test whether %s can run here", path);

        *ret = TAKE_PTR(t);
        return 0;
}

struct trial *trial_free(struct trial *t)
{
        if (!t)
                return NULL;
        sd_event_source_disable_unref(t->io);
        closep(&t->fd);
        if (t->process >= 0)
                (void)syscall(SYS_pidfd_send_signal, t->process, SIGKILL, NULL, 0);
        closep(&t->process);
        free(t->path);
        free(t);
        return NULL;
}

static int load_programs(const struct config *config)
{
        _cleanup_(capabilities_lower) _unused_ uint64_t raised = 0;
        _cleanup_(handover_freep) struct handover *handover = NULL;
        _cleanup_(loader_freep) struct loader *programs = NULL;
        int r;

        r = capabilities_begin();
        if (r < 0)
                return log_errno(LOG_ERR, r, "Cannot drop capabilities");
        raised = capabilities_raise(CAPABILITIES_PROGRAMS);
        r = handover_open(false, &handover);
        if (r < 0)
                return r;
        r = loader_new(config, handover, &programs);
        if (r < 0)
                return r;
        return loader_attach(programs);
}

int trial_run(const struct config *config)
{
        const char *number = getenv(VARIABLE);
        char c = 0;
        int r;

        if (!number)
                return 0;
        r = load_programs(config);
        if (r >= 0 && write(atoi(number), &c, sizeof(c)) != sizeof(c))
                r = log_errno(LOG_INFO, -errno,
                              "Cannot report the result of the test before an upgrade");
        return r;
}
