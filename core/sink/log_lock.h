/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The lock of a log: one process at a time writes it, cuts its last line and renames its files.
 *
 * It is on a file of its own beside the log, ".NAME.lock": the log itself gets other names, and its
 * folder may hold several logs, is locked by programs that clean up, and could be locked by
 * everybody who may read it. This file can be opened by its owner alone. It stays there: to
 * remove it is to lock something that others do not find.
 *
 * It is a lock of fcntl(2): it belongs to the process, so no child can hold it longer, the kernel
 * says whose it is, and it goes on over execve(2) if its descriptor does. No other code may open
 * that file: the process that closes it has no lock any more.
 */
#pragma once

#include <sys/types.h>

struct sink_file_system;

struct log_lock {
        char *path; /* of its file */
        int fd;     /* -1: not locked */
        dev_t dev;
        ino_t ino;
        pid_t holder;        /* after -EBUSY: 0 if it is not known */
        const char *refusal; /* after another error: what is wrong with its file, or NULL */
};

/* For the log at `log_path`. Locks nothing yet. */
int log_lock_init(struct log_lock *l, const char *log_path);
void log_lock_done(struct log_lock *l);

/*
 * Locks, or sees that the lock is still on the file at its path. -EBUSY: another process has it.
 * 0 without a lock: where there is no such folder, where no file can be made, or nothing can be
 * locked; that the log cannot be written then is for its own file to say.
 */
int log_lock_take(struct log_lock *l, const struct sink_file_system *system);

/* The descriptor comes from the image that was in our place before, and is taken over. */
void log_lock_inherit(struct log_lock *l, int fd);
