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

#include "exec_record.h"
#include "macro.h"

struct config;
struct handover;
struct handover_page;
struct programs;

/*
 * Loads what `config` asks for, or takes it from the run before us, whose programs have never
 * stopped; attaches nothing. Errors are logged: -EPERM, -EACCES not permitted, -EOPNOTSUPP the
 * kernel lacks what is needed. `handover` is borrowed.
 */
int programs_new(const struct config *config, struct handover *handover, struct programs **ret);

/* True: what ran in the run before us has never stopped, so the counters have all there was. */
bool programs_counted_all(const struct programs *p);

/* Valid as long as the handover. */
struct handover_page *programs_page(const struct programs *p);

/* Detaches, too, unless the run after us is to find them. */
struct programs *programs_free(struct programs *p);
DEFINE_FREEP(struct programs, programs_free)

/* From here on the programs run. */
int programs_attach(struct programs *p);

/*
 * The programs do nothing any more, but for those in flight. They stay attached until
 * programs_free(): to detach one may take seconds. If there is a run after us, they go on for it.
 */
void programs_stop(struct programs *p);

/* True if programs_configure() would have to load one: that takes the kernel a while. */
bool programs_are_to_load(const struct programs *p, const struct config *config);

/*
 * Returns when what a program was just doing has been done: after 10 ms. It takes microseconds,
 * unless the hypervisor takes the CPU away.
 */
void programs_let_finish(void);

/* All or nothing: what `config` asks for runs, or all is as before. */
int programs_configure(struct programs *p, const struct config *config);

/* Keys of events that this kernel cannot give; NULL-terminated, valid as long as `p`. */
const char *const *programs_missing_keys(const struct programs *p);

/* Possible CPUs: one more than the highest number. */
unsigned programs_cpus(const struct programs *p);

/* Memory shared with the programs; in-flight stamps by CPU. Valid as long as `p`. */
struct exec_control *programs_control(const struct programs *p);
const struct exec_inflight *programs_inflight(const struct programs *p);

int programs_records_map(const struct programs *p);
int programs_bells_map(const struct programs *p);

/* Reads all counters from the kernel; the other functions give what was read last. */
int programs_read_counters(struct programs *p);
const struct exec_counters *programs_counters(const struct programs *p, enum exec_program program,
                                              unsigned cpu);
uint64_t programs_recursion_misses(const struct programs *p, enum exec_program program);
