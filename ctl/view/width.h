/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The width of text on a terminal; of what base/show.h has made. */
#pragma once

#include "base/buf.h"

/* How many columns a terminal takes for it. */
unsigned width_columns(struct span s);

/* The longest beginning that takes at most `columns`. */
struct span width_head(struct span s, unsigned columns);
