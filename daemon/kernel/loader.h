/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Programs: the BPF side as the daemon holds it. Loads and attaches what the settings ask for,
 * sets their knobs, reads their counters.
 *
 * Each program is an instance of the object of its own, sharing the maps of the first, so that one
 * can come or go while the others run.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/macro.h"
#include "exec_control.h"

struct config;
struct handover;
struct loader;
struct program_means;

/*
 * Loads the programs that `config` asks for, or takes those of the previous run, which have never
 * stopped; attaches nothing. Errors are logged: -EPERM, -EACCES: not permitted; -EOPNOTSUPP: the
 * kernel lacks what is needed. `handover` is borrowed.
 */
int loader_new(const struct config *config, struct handover *handover, struct loader **ret);

/* True: the programs of the previous run have never stopped, so the counters are complete. */
bool loader_counted_all(const struct loader *p);

/* Detaches, too, unless the next run is to find them. */
struct loader *loader_free(struct loader *p);
DEFINE_FREEP(struct loader, loader_free)

/* From here on the programs run. */
int loader_attach(struct loader *p);

/*
 * The programs do nothing any more, but for those in flight. They stay attached until
 * loader_free(): to detach one may take seconds. False: there is a next run, and they go on for it.
 */
bool loader_stop(struct loader *p);

/* True if loader_configure() would have to load one: that takes the kernel a while. */
bool loader_are_to_load(const struct loader *p, const struct config *config);

/*
 * Returns when what a program was just doing has been done: after 10 ms. It takes microseconds,
 * unless the hypervisor takes the CPU away.
 */
void loader_let_finish(void);

/* All or nothing: what `config` asks for runs, or all is as before. */
int loader_configure(struct loader *p, const struct config *config);

/* What this kernel has for programs; valid as long as `p`. */
const struct program_means *loader_means(const struct loader *p);

/* Possible CPUs: one more than the highest number. */
unsigned loader_cpus(const struct loader *p);

/* Memory shared with the programs; in-flight stamps by CPU. Valid as long as `p`. */
struct exec_control *loader_control(const struct loader *p);
const struct exec_inflight *loader_inflight(const struct loader *p);

int loader_records_map(const struct loader *p);
int loader_bells_map(const struct loader *p);
int loader_images_map(const struct loader *p);

/* Reads all counters from the kernel; the other functions give what was read last. */
int loader_read_counters(struct loader *p);
const struct exec_counters *loader_counters(const struct loader *p, enum exec_program program,
                                            unsigned cpu);
uint64_t loader_recursion_misses(const struct loader *p, enum exec_program program);
