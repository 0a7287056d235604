/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Processes and what came of them, as far as a log tells: each exec is a member, below that of the
 * parent. A parent that is not in the log, or was not chosen, is a member without an exec, known by
 * what its children say of it, up to the first process of the host.
 *
 * So many members and so much text as there is room for; what comes later is counted.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "read/event_line.h"
#include "view/columns.h"

/* A tree that people read is smaller; 8 MiB of members, and their places. */
#define FAMILY_MEMBERS_MAX 65535

/* Commands, names, ids: 250 bytes for each. */
#define FAMILY_TEXT_BYTES_MAX (16 * MIB)

/* Of one command; it is cut there. */
#define FAMILY_COMMAND_BYTES_MAX 1024

#define NO_MEMBER UINT32_MAX

enum member_kind {
        MEMBER_ROOT, /* the first of all: its children are boots */
        MEMBER_BOOT, /* command: "host vm, boot 2fff7c11b208"; its children have no known parent */
        MEMBER_EXEC,
        MEMBER_FAILED, /* an exec that failed, an attempt */
        MEMBER_SUMMARY,
        MEMBER_UNLOGGED,
};

struct text {
        uint32_t at, size;
};

struct member {
        enum member_kind kind;
        uint32_t parent, first_child, last_child, next;
        uint32_t depth; /* of a boot: 0 */
        uint32_t boot;  /* the member that it is */
        uint32_t pid;
        uint64_t begin_ns, end_ns; /* of MEMBER_UNLOGGED: of its first child; end 0: not known */
        uint64_t took_ns;          /* as the exit says */
        struct text command;       /* as a shell reads it; it can be shown */
        struct text user, unit;    /* bytes as they are in the log */
        struct text id;            /* process_id; of a boot: boot_id */
        uint32_t session;
        bool has_session;
        bool is_again;    /* the process of the member before this one, by another exec */
        bool is_replaced; /* by another exec, at its end */
        bool has_ended;
        bool is_bad; /* how it ended, or that it was not executed */
        bool is_elevated;
        char status[STATUS_SIZE];
};

struct family;

int family_new(uint32_t n_max, struct family **ret);
struct family *family_free(struct family *f);
DEFINE_FREEP(struct family, family_free)

/* An exec, also one that failed, an attempt or a summary, that was chosen, in the order of the log.
 */
void family_event(struct family *f, const struct event_line *line);

/* An exit, of whichever process. */
void family_exit(struct family *f, const struct event_line *line);

/* Member 0 is the root. Valid until the next event. */
const struct member *family_members(const struct family *f, uint32_t *ret_n);
struct span family_text(const struct family *f, struct text text);

/* The one behind it in a walk through all, from the top; NO_MEMBER: that was the last. */
uint32_t family_next(const struct family *f, uint32_t at);

/* When the first exec was, and the last exec or exit; 0: there was none. */
void family_span(const struct family *f, uint64_t *ret_from_ns, uint64_t *ret_to_ns);
bool family_has_exits(const struct family *f);

/* For which there was no room. */
uint64_t family_n_left_out(const struct family *f);
