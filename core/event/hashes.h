/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Hashes: what is known of the content of programs' files, and the files that are still to be read.
 *
 * A file is what the kernel says that it is: device, inode, size, mtime, ctime. With another of
 * these it is another file, so that a hash that is kept for long can be useless, never wrong. Reads
 * no file itself: somebody takes the requests, one after the other, and answers each.
 *
 * Bounded: a table of HASHES_SIZE bytes, in which a file that was not executed for long gives way
 * to another; and HASH_REQUESTS_MAX requests, beyond which files are counted as dropped, and asked
 * for again when they are executed again.
 */
#pragma once

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "event/event.h"

struct hash_stats;
struct hashes;

/* Every byte of it is compared: no holes, and pad is 0. */
struct file_key {
        uint64_t ino, size;
        int64_t mtime_sec, ctime_sec;
        uint32_t mtime_nsec, ctime_nsec;
        uint32_t dev; /* as in struct exec_file */
        uint32_t pad;
};

static_assert(sizeof(struct file_key) == 48, "no padding: it is hashed and compared as bytes");

/* Of a file that has become known: the answer, or why there is none. */
struct hash_answer {
        struct file_key key;
        uint32_t result; /* enum hash_result */
        uint32_t error;  /* HASH_UNREADABLE: errno */
        uint8_t sha256[SHA256_SIZE];
};

static_assert(sizeof(struct hash_answer) == 48 + 8 + SHA256_SIZE,
              "no padding: it goes over a pipe");

/* A file that is to be read. */
struct hash_request {
        struct file_key key;
        struct exec_file file;
        char *path; /* where it was executed; not absolute: it has no name. Owned */
};

#define HASH_REQUESTS_MAX 256

/* 8,192 files, 88 bytes each, and what finds them. */
#define HASHES_SIZE (size_t)(8192 * 88 + 64)

/*
 * `memory` of HASHES_SIZE bytes, on a boundary of 8, borrowed: what an earlier run has left there,
 * or anything else, which is cleared. Files that could not be read then may be now: they are
 * forgotten.
 */
int hashes_new(void *memory, struct hashes **ret);
struct hashes *hashes_free(struct hashes *h);
DEFINE_FREEP(struct hashes, hashes_free)

/*
 * The hash of the event's file, valid until the next call; NULL: not known. A successful exec of a
 * file that is new makes a request.
 */
const uint8_t *hashes_look_up(struct hashes *h, const struct exec_event *event);

/* The oldest request, or NULL: there is none. Valid until it is answered. */
const struct hash_request *hashes_next(const struct hashes *h);

/* Ends that request, whose key the answer has. */
void hashes_answer(struct hashes *h, const struct hash_answer *answer);

/* Somebody else has to read the files from now on. */
void hashes_count_restart(struct hashes *h);

void hashes_fill_stats(const struct hashes *h, struct hash_stats *ret);

/* The event that tells an answer to the request. Borrows both. */
struct exec_event hashes_event(const struct hash_request *request, const struct hash_answer *answer,
                               uint64_t boot_ns);
