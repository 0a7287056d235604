/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Checks that the kernel has what the daemon needs; one clear line says what is missing.
 *
 * All functions that return an error have logged it: -EPERM or -EACCES if it is not permitted,
 * -EOPNOTSUPP if the kernel lacks it.
 */
#pragma once

#include <stdint.h>

/* BTF is there; tracefs is there or could be mounted. */
int kernel_check(void);

/* Says why loading or attaching a program failed. */
int kernel_explain_load_error(int error, const char *program);
int kernel_explain_attach_error(int error, const char *program);

/* The kernel's number for a tracepoint, such as "sched/sched_process_exec"; fails silently. */
int kernel_tracepoint_id(const char *name);

/* A bit for each capability that the kernel knows. */
uint64_t kernel_all_capabilities(void);
