/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Process list: a record for each process that runs, from an iterator of the kernel over its tasks
 * (bpf/snapshot.bpf.c). Loaded with privilege, and read without, once, from its begin to its end,
 * by a process of its own (process_reader.h): nothing here waits.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "exec_control.h"

struct process_list {
        int fd;            /* of the iterator; -1: this kernel has none */
        int reader;        /* the socket of who reads it; -1: nobody does yet, or any longer */
        uint64_t since_ns; /* nothing has come from there (CLOCK_MONOTONIC); 0: something has */
        bool has_argv;     /* the records have arguments */
};

#define PROCESS_LIST_NONE                                                                          \
        {                                                                                          \
                .fd = -1, .reader = -1                                                             \
        }

/* Of the programs. */
struct process_list_means {
        const struct program_means *program;
        const struct exec_control *control; /* their knobs, of which a copy is taken */
        int images;                         /* their map of that name */
};

/* As program_open_object(). */
struct snapshot_bpf *process_list_open_object(int types);

/* Without an iterator nothing is lost but what it would have told, so that is no error. */
void process_list_open(const struct process_list_means *means, struct process_list *ret);
void process_list_close(struct process_list *list);

/* Some of it has been asked for, and there may be more. */
bool process_list_is_begun(const struct process_list *list);

/*
 * Whole records, as many as `size` bytes hold, EXEC_RECORD_SIZE_MAX at least; returns their bytes.
 * 0: no more, or there was none. -EAGAIN: nothing yet. -ETIMEDOUT: a process does not let itself be
 * read. Or another error. From then on there are no more.
 */
ssize_t process_list_read(struct process_list *list, void *buf, size_t size);
