/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Secrets that show without knowledge of the program: by their shape, or by the name before them.
 */
#pragma once

#include "policy/draft.h"
#include "policy/secret_name.h"

/*
 * Hides tokens, private keys, passwords of URLs, and the values of pairs (NAME=VALUE, "name":
 * "value", Header: value) whose names are those of secrets, wherever they are in the text.
 */
void secret_text_hide(struct draft *d, const struct secret_names *names);
