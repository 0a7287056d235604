/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* What is no secret although its name is that of one. */
#pragma once

#include "base/span.h"
#include "policy/program_table.h"
#include "policy/secret_name.h"

/*
 * True for what says that there is no secret, or only where or of what kind it is: empty, "yes",
 * "0", a file, a method of authentication. `name`, of size 0 if there is none, is what it belongs
 * to.
 */
bool value_is_harmless(struct span name, struct span value);

/* False: the name says nothing of what is harmless. */
bool name_may_be_of_file(struct span name);

/* --creds=user:PASSWORD has more than the secret; all other names have it alone. */
enum value_kind value_kind_of(struct span name);

/* --password-command and its like: the value is a command that writes the secret. */
bool name_prints_secret(const struct secret_names *names, struct span name);

/*
 * "name": "DB_PASSWORD", "value": the bytes from `begin` to `name`, which is "value" or ends with
 * it, end with another name's value that is the name of a secret. A bounded look back.
 */
bool value_of_secret_name(const struct secret_names *names, const char *begin, struct span name);
