/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Filter: pure decisions about what of an event is wanted. */
#pragma once

#include "base/buf.h"

/*
 * The variables of `env` (NAME=value strings, each with its NUL; the last may lack it if it was
 * cut) whose names are in the NULL-terminated list. The kernel side compares first bytes only; this
 * is the exact word. Uses `scratch`, from which the result may borrow; data is NULL if nothing is
 * wanted.
 */
struct span filter_env(char *const *names, struct span env, struct buf *scratch);
