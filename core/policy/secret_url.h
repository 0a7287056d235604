/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Secrets that show by the colon of a URL, of a data source, or of a token with its number. */
#pragma once

#include "policy/draft.h"

/* Shorter ones are names of users. */
#define URL_KEY_SIZE_MIN 20

/* Behind "://"; where the text goes on. */
size_t secret_url_hide(struct draft *d, size_t at);

/* At any other colon. */
void secret_colon_hide(struct draft *d, size_t at);

/* scheme://KEY@host: true of what is no name of a user but a key. */
bool url_user_is_key(const char *user, size_t size);
