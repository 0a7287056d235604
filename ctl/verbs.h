/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* What each verb does; each returns the exit code of the program. */
#pragma once

#include "options.h"

int verb_log(const struct options *o);
int verb_plot(const struct options *o);
int verb_stats(const struct options *o);
int verb_top(const struct options *o);
int verb_tree(const struct options *o);
int verb_verify(const struct options *o);
