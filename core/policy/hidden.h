/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Processes whose exec was hidden, so that their exits can be hidden with it. Bounded: the ones
 * that were put in first are forgotten first, and then their exits are logged rather than hidden.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/macro.h"

struct hidden;

int hidden_new(struct hidden **ret);
struct hidden *hidden_free(struct hidden *h);
DEFINE_FREEP(struct hidden, hidden_free)

/* The process as it is known now: its last exec was hidden by that rule. */
void hidden_put(struct hidden *h, uint32_t pid, uint64_t start_ns, int rule);

/* Takes the process out; false: it is not there, and *ret_rule is not set. */
bool hidden_take(struct hidden *h, uint32_t pid, uint64_t start_ns, int *ret_rule);

/* Other rules: rule_of() says what each is now; a negative number: none, and its processes are
 * forgotten.
 */
void hidden_renumber(struct hidden *h, int (*rule_of)(const void *userdata, int rule),
                     const void *userdata);

/* Forgets all. */
void hidden_clear(struct hidden *h);
