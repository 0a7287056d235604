/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Shared by the encoder's files: the encoder, and lines that are begun, filled key by key with
 * json_writer.h, and ended.
 *
 * A failure (there is only one: no memory) is remembered in the line; it comes back from
 * line_end(). No key is put twice.
 */
#pragma once

#include "base/json_writer.h"
#include "base/text.h"
#include "encode/line.h"
#include "event/event.h"

/* Digits of boot_id that go in a process_id: enough to distinguish the boots of one host. */
#define BOOT_PREFIX_DIGITS 12

struct half_lines {
        struct buf head, tail;
};

struct shape;

struct encoder {
        const struct shape *shape;
        int64_t realtime_offset_ns;
        char boot_prefix[BOOT_PREFIX_DIGITS + 1];
        uint32_t namespaces[_NAMESPACE_MAX]; /* of PID 1 */
        struct buf common; /* the keys after seq that are the same in every event */
        struct buf apart;  /* likewise; where they go is the shape's business */
        struct half_lines whole, brief;
        struct half_lines *halves; /* those of the line that is being made */
        struct buf *out;           /* where its keys go: the tail */
        struct buf text;           /* scratch: repaired */
        struct buf names;          /* of the environment's variables, in the object being made */
        struct buf marks;          /* the keys of this line that are cut, strings with commas */
        bool is_cut;               /* something of this line is not all there, and marked */
        uint64_t inexact;          /* PART_BIT()s whose exact bytes are still to be put */
        uint64_t caps;             /* the set that was put last, and its names as an array */
        struct buf caps_names;
};

/*
 * Begins a line, of an event or, with NULL, of what is none of a process or file; returns e->out,
 * an object that has the common keys.
 */
struct buf *line_begin(struct encoder *e, enum event_kind kind, const struct exec_event *event,
                       uint64_t boot_ns, bool is_brief);

/* Ends the object, and the line. */
int line_end(struct encoder *e, struct line *ret);

void encoder_put_time(struct encoder *e, const char *key, uint64_t boot_ns);
void encoder_time(const struct encoder *e, uint64_t boot_ns, char ret[static TEXT_TIME_SIZE]);

/* Milliseconds since 1970, without what is beyond them; of a time that text_has_time(). */
static inline int64_t time_ms(int64_t sec, uint32_t nsec)
{
        return sec * (int64_t)(NSEC_PER_SEC / NSEC_PER_MSEC) + nsec / (uint32_t)NSEC_PER_MSEC;
}
int64_t encoder_time_ms(const struct encoder *e, uint64_t boot_ns);

/* "major:minor"; `dev`: as the kernel has it. */
void encoder_put_dev(struct encoder *e, const char *key, uint32_t dev);
/* "major:minor:inode" */
void encoder_put_file_id(struct encoder *e, const char *key, uint32_t dev, uint64_t ino);

/* boot, start and PID: what no two processes of a host share; PIDs alone come again. */
void encoder_put_process_id(struct encoder *e, const char *key, uint64_t start_ns, uint32_t pid);

/* One exec of that process, by the kernel's count: what no two execs of a host share. */
void encoder_put_exec_id(struct encoder *e, const char *key, uint64_t start_ns, uint32_t pid,
                         uint32_t count);
