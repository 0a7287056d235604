/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Recorder: writes what a source says into a file, from which source_replay.c says it again.
 *
 * A recording is a header and frames, in host byte order, and is read only by a build with the same
 * EXEC_RECORD_VERSION. Each frame is struct recording_frame and its payload, padded to 8 bytes. The
 * last frame is FRAME_END; a file without it was cut short.
 *
 * Writes are collected and made once per round. They may block: recording is for diagnosis.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"
#include "exec_record.h"

#define RECORDING_MAGIC "EXECREC\n"
#define RECORDING_VERSION (2u << 16 | EXEC_RECORD_VERSION)
#define RECORDING_NAME_SIZE 72

struct recording_header {
        char magic[8];
        uint32_t version;           /* RECORDING_VERSION */
        uint32_t n_cpus;            /* possible ones: all CPU numbers are below */
        uint64_t start_ns;          /* CLOCK_BOOTTIME when the recording began */
        int64_t realtime_offset_ns; /* CLOCK_REALTIME minus CLOCK_BOOTTIME */
        char boot_id[40];           /* these are NUL-terminated */
        char host[RECORDING_NAME_SIZE];
        char kernel[RECORDING_NAME_SIZE];
        char machine_id[40];                 /* empty: the host has none */
        uint32_t namespaces[_NAMESPACE_MAX]; /* of PID 1: inode numbers, 0: not known */
};

EXEC_ASSERT_SIZE(struct recording_header, 288);

enum recording_frame_kind {
        FRAME_RECORD = 1, /* the record */
        FRAME_ROUND,      /* struct recording_mark: value = watermark_ns */
        FRAME_DRAINED,    /* struct recording_mark: program, cpu, value = seq */
        FRAME_MISSED,     /* struct recording_mark: program, value = count */
        FRAME_CLOCK,      /* struct recording_clock */
        FRAME_END,        /* nothing */
        FRAME_COUNTED,    /* struct recording_mark: value = until_ns */
};

struct recording_frame {
        uint32_t kind;
        uint32_t size; /* of the payload, without padding */
};

struct recording_mark {
        uint32_t program;
        uint32_t cpu;
        uint64_t value;
};

struct recording_clock {
        uint64_t from_ns; /* 0: from where it stands */
        int64_t realtime_offset_ns;
};

EXEC_ASSERT_SIZE(struct recording_mark, 16);
EXEC_ASSERT_SIZE(struct recording_clock, 16);

struct recorder;

/* Creates or truncates the file, mode 0600: it holds command lines. */
int recorder_new(const char *path, const struct recording_header *header, struct recorder **ret);

/* Writes FRAME_END, too. */
struct recorder *recorder_free(struct recorder *r);
DEFINE_FREEP(struct recorder, recorder_free)

void recorder_record(struct recorder *r, const void *record, size_t size);
void recorder_mark(struct recorder *r, enum recording_frame_kind kind,
                   const struct recording_mark *mark);
void recorder_clock(struct recorder *r, const struct recording_clock *clock);

/* Writes what was collected. After an error nothing more is written, and each call returns it. */
int recorder_flush(struct recorder *r);
