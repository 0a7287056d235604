/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Values of options and words of a command line, by their kind (program_table.h). */
#pragma once

#include "policy/draft.h"
#include "policy/program_table.h"

/* Hides of [from, to) what is a secret, or notes in the draft what the value is. */
void value_hide(struct draft *d, enum value_kind kind, size_t from, size_t to);
