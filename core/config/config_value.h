/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The types of values in a configuration file: text → member of struct config, and back.
 *
 * `parse` returns 0, -ENOMEM, or -EINVAL having appended to `problem` what is wrong with the text
 * and what was expected. `format` appends what `parse` reads back to the same.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* All formats of lines: FORMAT_NAME, `Format=name`, and shape_name of encode/. */
#define FORMATS(X) X(NATIVE, native) X(ECS, ecs) X(OCSF, ocsf)

#define FORMAT_ENUM(NAME, name) FORMAT_##NAME,
enum config_format {
        FORMATS(FORMAT_ENUM) _FORMAT_MAX
};
#undef FORMAT_ENUM

/* The fate of an event that no rule decides. */
enum config_filter {
        FILTER_KEEP,
        FILTER_DROP,
        _FILTER_MAX,
};

/* The part of arguments or variables that is hidden before they leave. */
enum redact_mode {
        REDACT_CLEAR,   /* nothing */
        REDACT_SECRETS, /* what is known or named to be one */
        REDACT_NAMES,   /* all but argv[0] and names of options; of variables all but names */
        REDACT_NONE,    /* all but argv[0] */
        _REDACT_MODE_MAX,
};

/* How the files of programs are told by their content. */
enum config_hash {
        HASH_NO,
        HASH_SHA256,
        _HASH_MAX,
};

/* What becomes of rotated files. */
enum config_compress {
        COMPRESS_NO,
        COMPRESS_ZSTD,
        _COMPRESS_MAX,
};

/* What the MESSAGE of an entry of the journal is for. */
enum config_message {
        MESSAGE_JSON, /* programs */
        MESSAGE_TEXT, /* people */
        _MESSAGE_MAX,
};

/* Bits of errno values below 512: what FailedExecsIgnore= names. */
struct errno_set {
        uint64_t bits[8];
};

struct value_type {
        /* A number, of any width: flags and names of formats too. Saturates if it is too large. */
        int (*parse_number)(struct span text, uint64_t *ret, struct buf *problem);
        void (*format_number)(uint64_t value, struct buf *ret);

        /* Anything else: parse() replaces what is in the member, or, of a list, adds to it. */
        int (*parse)(struct span text, void *member, struct buf *problem);
        void (*format)(const void *member, struct buf *ret);
        void (*clear)(void *member);
        bool is_list;
        bool keeps_default; /* a list to which the first assignment adds, too */
};

/* Takes the first word off the text; false: there is none. */
bool value_take_word(struct span *text, struct span *ret);

extern const struct value_type value_flag;     /* bool */
extern const struct value_type value_size;     /* bytes */
extern const struct value_type value_time;     /* ns */
extern const struct value_type value_count;    /* unsigned */
extern const struct value_type value_mode;     /* unsigned, permission bits */
extern const struct value_type value_format;   /* enum config_format */
extern const struct value_type value_redact;   /* enum redact_mode */
extern const struct value_type value_filter;   /* enum config_filter */
extern const struct value_type value_hash;     /* enum config_hash */
extern const struct value_type value_compress; /* enum config_compress */
extern const struct value_type value_message;  /* enum config_message */
extern const struct value_type value_path;     /* char *, absolute */
extern const struct value_type value_place;    /* char *, absolute, or a name, or empty */
extern const struct value_type value_errnos;   /* struct errno_set */
extern const struct value_type value_names; /* char **, NULL-terminated, never NULL once parsed */
/* Of names of options; BUILTIN_GLOBS among them stands for those that redaction knows by itself. */
#define BUILTIN_GLOBS "@builtin"
extern const struct value_type value_globs; /* char **, likewise */

/* A number in a member of 1, 4 or 8 bytes. */
void config_number_store(void *member, size_t size, uint64_t value);
uint64_t config_number_load(const void *member, size_t size);

/* The number of "ENOENT", or 0: no such name. */
int errno_from_name(struct span name);
