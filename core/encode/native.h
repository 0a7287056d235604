/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Native keys for other shapes: what has no words there is carried as it is in the native shape, in
 * an object of its own, which has begun.
 */
#pragma once

#include "encode/encode_parts.h"
#include "encode/shape.h"

struct start_info;
struct stats;

extern const struct shape_part native_parts[_PART_MAX];

/*
 * Rows of a shape's table of parts: what has its native key; what has another one, and its exact
 * bytes apart; and what is there once more.
 */
#define PART_NATIVE(name, how) .key = name, .key_base64 = name "_base64", .form = &(how)
#define PART_RENAMED(name, native, how)                                                            \
        .key = name, .key_base64 = native "_base64", .mark = native, .form = &(how),               \
        .is_exact_apart = true
#define PART_AGAIN(name, native, how) .key = name, .mark = native, .form = &(how)

/*
 * Left out of a start event without room, in this order: the next stats has nearly
 * the same as the first, --cat-config the others.
 */
enum left_out {
        LEFT_OUT_NOTHING,
        LEFT_OUT_INHERITED,
        LEFT_OUT_RULES,    /* as well */
        LEFT_OUT_SETTINGS, /* likewise */
};

/*
 * All of an event, or of what is about the daemon, behind what is common. `with_rules`: with what
 * each of them has counted, too.
 */
void native_put_event(struct encoder *e, const struct exec_event *event, const struct plan *plan);
void native_put_lost(struct encoder *e, const struct loss *loss);
void native_put_start(struct encoder *e, uint64_t boot_ns, const struct start_info *info,
                      enum left_out left_out);
void native_put_stats(struct encoder *e, const struct stats *stats, bool with_rules);

/* Some of it; what is absent has no key. */
void native_put_session(struct encoder *e, const struct exec_event *event); /* setsid(2)'s */
void native_put_caps(struct buf *b, const struct exec_event *event);
void native_put_exec_id(struct encoder *e, const struct exec_event *event);
void native_put_parent_exec_id(struct encoder *e, const struct exec_event *event);
void native_put_exe_file(struct encoder *e, const struct exec_event *event, bool with_sha256);
void native_put_flags(struct buf *b, uint32_t traits);
void native_put_argv(struct encoder *e, const struct exec_event *event, const struct plan *plan);
void native_put_argv_marks(struct encoder *e, const struct exec_event *event,
                           const struct plan *plan);
void native_put_signal(struct buf *b, int status); /* as from wait(2) */
void native_put_sha256(struct buf *b, const char *key, const uint8_t sha256[static SHA256_SIZE]);

/* Those that are known and differ from `usual`. */
void native_put_namespaces(struct buf *b, const uint32_t namespaces[static _NAMESPACE_MAX],
                           const uint32_t usual[static _NAMESPACE_MAX]);

/* How many arguments there were, also if not all are there. False: that is not known. */
bool native_count_argv(const struct exec_event *event, uint64_t *ret);

/* The name of an error, or its number. */
#define NATIVE_ERROR_SIZE 32
void native_error(uint32_t error, char ret[static NATIVE_ERROR_SIZE]);
