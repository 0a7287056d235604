/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#pragma once

#include <stdbool.h>

#include "base/buf.h"

/*
 * Appends the bytes that text_base64() has made this of: RFC 4648, section 4, with padding. False:
 * it is something else, and part of it may have been appended.
 */
bool base64_decode(struct span s, struct buf *ret);
