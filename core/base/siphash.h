/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * SipHash-2-4 (Aumasson and Bernstein, 2012): a hash of bytes that others choose, for tables that
 * they must not be able to make slow. Without the key nobody can find two texts of the same hash.
 */
#pragma once

#include <stdint.h>

#include "base/buf.h"

#define SIPHASH_KEY_SIZE 16

/* The key is random, and secret. */
uint64_t siphash(const uint8_t key[static SIPHASH_KEY_SIZE], struct span text);
