/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* What a record says of standard input, output and error; for the decoder alone. */
#pragma once

#include <stdbool.h>

#include "event/event.h"

/* The longest: a Unix path; "[v6]:port" is shorter. */
#define ADDRESS_TEXT_SIZE EXEC_ADDRESS_SIZE_MAX

/* Whose bytes the addresses are that they are shown as. */
struct address_texts {
        char local[EXEC_DESCRIPTORS][ADDRESS_TEXT_SIZE];
        char peer[EXEC_DESCRIPTORS][ADDRESS_TEXT_SIZE];
};

/*
 * `addresses`: FIELD_ADDRESSES; `is_cut`: it may lack all of them. False: sizes and types do not
 * fit together. `texts` has to live as long as what is returned.
 */
bool descriptors_decode(const struct exec_facts *facts, struct span addresses, bool is_cut,
                        struct address_texts *texts,
                        struct event_descriptor ret[static EXEC_DESCRIPTORS]);
