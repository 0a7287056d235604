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

/* Shorter ones are names of users. */
#define URL_KEY_SIZE_MIN 20

/* scheme://KEY@host: true of what is no name of a user but a key. */
bool url_user_is_key(const char *user, size_t size);
