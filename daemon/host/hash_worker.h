/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The process that reads files of programs: the daemon executes itself under the name HASHER_NAME,
 * with one end of a socket as its stdin. It takes one request at a time (the key of the file, then
 * its path, in one message), and answers it with a struct hash_answer. It ends when the other end
 * does.
 *
 * It has no privilege but that of reading any file, no descriptor but that socket, the lowest
 * priority, and no way to more than that. What it opens it has looked at before: no device, no FIFO
 * is ever opened, and a file is read only if it is what was executed, before and after.
 */
#pragma once

#include "event/hashes.h"

#define HASHER_NAME "execsnoopd-hasher"

/* How much of a file is read, and for how long, before it is given up. */
#define HASH_FILE_MAX (UINT64_C(1) << 30)
#define HASH_TIMEOUT_NS (120 * NSEC_PER_SEC)

/* A request as it is sent; the path with its NUL. */
struct hash_message {
        struct file_key key;
        char path[4096]; /* PATH_MAX */
};

#define HASH_MESSAGE_MIN (offsetof(struct hash_message, path) + sizeof("/"))

/* main() of that process: an exit code. */
int hash_worker_run(int socket);

/*
 * Fills the answer for the file at `path`, absolute, if it is that of the key. `step`, or NULL, is
 * called between two reads; not 0: give up (HASH_TIMEOUT).
 */
void hash_file(const struct file_key *key, const char *path, int (*step)(void *userdata),
               void *userdata, struct hash_answer *ret);
