/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The types of values that are one of some words: each is an enum, and a table of its words. */
#include <errno.h>

#include "config/config_report.h"
#include "config/config_value.h"

#define FORMAT_NAME(NAME, name) [FORMAT_##NAME] = #name,
static const char *const formats[_FORMAT_MAX] = { FORMATS(FORMAT_NAME) };

/* One of some words. */
static int parse_choice(struct span text, const char *const *words, size_t n, const char *what,
                        uint64_t *ret, struct buf *problem)
{
        for (size_t i = 0; i < n; i++)
                if (span_is(text, words[i])) {
                        *ret = i;
                        return 0;
                }
        (void)config_refuse(problem, text, "is not ");
        buf_printf(problem, "%s, expected one of:", what);
        for (size_t i = 0; i < n; i++)
                buf_printf(problem, " %s", words[i]);
        return -EINVAL;
}

static int parse_format(struct span text, uint64_t *ret, struct buf *problem)
{
        return parse_choice(text, formats, ELEMENTSOF(formats), "a format", ret, problem);
}

static void format_format(uint64_t value, struct buf *ret)
{
        buf_append_string(ret, formats[value]);
}

const struct value_type value_format = {
        .parse_number = parse_format,
        .format_number = format_format,
};

static const char *const fallbacks[_FILTER_MAX] = {
        [FILTER_KEEP] = "keep",
        [FILTER_DROP] = "drop",
};

static int parse_filter(struct span text, uint64_t *ret, struct buf *problem)
{
        return parse_choice(text, fallbacks, ELEMENTSOF(fallbacks), "a default", ret, problem);
}

static void format_filter(uint64_t value, struct buf *ret)
{
        buf_append_string(ret, fallbacks[value]);
}

const struct value_type value_filter = {
        .parse_number = parse_filter,
        .format_number = format_filter,
};

static const char *const redact_modes[_REDACT_MODE_MAX] = {
        [REDACT_CLEAR] = "clear",
        [REDACT_SECRETS] = "secrets",
        [REDACT_NAMES] = "names",
        [REDACT_NONE] = "none",
};

static int parse_redact(struct span text, uint64_t *ret, struct buf *problem)
{
        return parse_choice(text, redact_modes, ELEMENTSOF(redact_modes), "a mode", ret, problem);
}

static void format_redact(uint64_t value, struct buf *ret)
{
        buf_append_string(ret, redact_modes[value]);
}

const struct value_type value_redact = {
        .parse_number = parse_redact,
        .format_number = format_redact,
};

static const char *const hashes[_HASH_MAX] = {
        [HASH_NO] = "no",
        [HASH_SHA256] = "sha256",
};

static int parse_hash(struct span text, uint64_t *ret, struct buf *problem)
{
        return parse_choice(text, hashes, ELEMENTSOF(hashes), "a hash", ret, problem);
}

static void format_hash(uint64_t value, struct buf *ret)
{
        buf_append_string(ret, hashes[value]);
}

const struct value_type value_hash = {
        .parse_number = parse_hash,
        .format_number = format_hash,
};

static const char *const compressions[_COMPRESS_MAX] = {
        [COMPRESS_NO] = "no",
        [COMPRESS_ZSTD] = "zstd",
};

static int parse_compress(struct span text, uint64_t *ret, struct buf *problem)
{
        return parse_choice(text, compressions, ELEMENTSOF(compressions), "a compression", ret,
                            problem);
}

static void format_compress(uint64_t value, struct buf *ret)
{
        buf_append_string(ret, compressions[value]);
}

const struct value_type value_compress = {
        .parse_number = parse_compress,
        .format_number = format_compress,
};

static const char *const messages[_MESSAGE_MAX] = {
        [MESSAGE_JSON] = "json",
        [MESSAGE_TEXT] = "text",
};

static int parse_message(struct span text, uint64_t *ret, struct buf *problem)
{
        return parse_choice(text, messages, ELEMENTSOF(messages), "a message", ret, problem);
}

static void format_message(uint64_t value, struct buf *ret)
{
        buf_append_string(ret, messages[value]);
}

const struct value_type value_message = {
        .parse_number = parse_message,
        .format_number = format_message,
};
