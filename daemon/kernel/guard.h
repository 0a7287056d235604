/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Guard: whether the page by which the daemon controls its BPF programs is as it was set, and
 * whether one of them let events pass that it should have handled. Whoever may write to BPF maps
 * can change the page, and put it back; only programs that run count what passes.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "exec_control.h"

struct guard {
        struct exec_control wanted;
        uint64_t passed[_PROGRAM_MAX]; /* by then, by programs of the generation that is wanted */
        uint64_t set_ns, good_ns;      /* CLOCK_BOOTTIME: the last guard_set(), the last look */
        bool is_settled;               /* what passes from here on should not */
};

struct guard_findings {
        bool is_stopped[_PROGRAM_MAX]; /* did not do anything, or was told not to */
        bool settings;                 /* others of the page were changed */
        uint64_t n_passed;             /* events that these programs let pass; exact */
        uint64_t from_ns;              /* all was well then */
};

/* The page is as it should be: to be called after each change of it by the daemon itself. */
void guard_set(struct guard *g, const struct exec_control *control, uint64_t now_ns);

/* True if something was found, which is put right. `inflight` has one element per CPU. */
bool guard_check(struct guard *g, struct exec_control *control,
                 const struct exec_inflight *inflight, unsigned n_cpus, uint64_t now_ns,
                 struct guard_findings *ret);

/* To the administrator. */
void guard_explain(const struct guard_findings *f);
