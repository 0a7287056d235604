/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The kernel as a source: BPF programs, their rings and their counters. */
#pragma once

#include "flow/source.h"

struct config;
struct handover;
struct loader;
struct sd_event;
struct source_perf;
struct stats;

/*
 * Loads the programs that `config` asks for, opens the rings of all online CPUs and adds itself to
 * the event loop. Nothing is attached yet. The handler is copied.
 *
 * -EPERM, -EACCES: not permitted. -EOPNOTSUPP, -ESRCH: the kernel lacks what is needed, BTF or a
 * tracepoint. The reason has been logged.
 */
int source_perf_new(const struct config *config, struct sd_event *event,
                    const struct source_handler *handler, struct handover *handover,
                    struct source_perf **ret);

/* From here on events are recorded, and the handler may be called. Its `config` is that of before.
 */
int source_perf_attach(struct source_perf *s, const struct config *config);

/*
 * All that was recorded has been handed over when this returns. From now on nothing is recorded, or
 * what is, is for the run after us.
 */
void source_perf_stop(struct source_perf *s);

struct source_perf *source_perf_free(struct source_perf *s);
DEFINE_FREEP(struct source_perf, source_perf_free)

/*
 * New settings: programs are loaded and attached, or detached, and knobs are set without touching
 * those that go on. On error everything is as it was.
 */
int source_perf_configure(struct source_perf *s, const struct config *config);

/* Drains all rings once, now, and tells the handler; returns the number of records. */
int source_perf_drain(struct source_perf *s);

/* Reads the kernel's counters, drains, and tells the handler what can no longer come. */
void source_perf_reconcile(struct source_perf *s);

/* Reads the kernel's counters; fills program, recursion_misses and wakeups. */
void source_perf_stats(struct source_perf *s, struct stats *stats);

/* The number given last by the program on the CPU, as of the last reading. */
uint64_t source_perf_seq(const struct source_perf *s, enum exec_program program, unsigned cpu);

/* The number given last before this run: events of the time before us. */
uint64_t source_perf_base(const struct source_perf *s, enum exec_program program, unsigned cpu);

/* Recursion misses of the program that the handler has been told, or that were before this run. */
uint64_t source_perf_missed(const struct source_perf *s, enum exec_program program);

/*
 * For as long as programs are loaded, by us or the image after us: larger rings, until
 * source_perf_configure() or that image makes them what is configured.
 */
void source_perf_grow_rings(struct source_perf *s);

/*
 * Before handover_exec(), after the last drain: passes the rings on, and notes in the page what has
 * come out of them. They live as long as somebody has them mapped: see source_perf_keep_rings().
 */
int source_perf_pass(struct source_perf *s);

/* In another process: keeps the rings alive as long as it runs. */
int source_perf_keep_rings(const struct source_perf *s);

/* The BPF side, for what is not the source's business. Valid as long as `s`. */
struct loader *source_perf_loader(const struct source_perf *s);

/* Keys of events that this kernel cannot give; NULL-terminated, valid as long as `s`. */
const char *const *source_perf_missing_keys(const struct source_perf *s);

/* Possible CPUs: one more than the highest number. */
unsigned source_perf_cpus(const struct source_perf *s);
