/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Exit codes of the process: those of sysexits.h that we give, and systemd knows. */
#pragma once

enum exit_code {
        EXIT_CODE_OK = 0,
        EXIT_CODE_FAILURE = 1,      /* no memory, I/O: nothing that we foresaw */
        EXIT_CODE_USAGE = 64,       /* also a recording that cannot be replayed */
        EXIT_CODE_UNAVAILABLE = 69, /* the kernel lacks what is needed */
        EXIT_CODE_NOT_PERMITTED = 77,
        EXIT_CODE_CONFIG = 78,
};

/*
 * Of a negative errno, or 0. The codes that say that the next attempt would fail, too, keep the
 * service manager from making one.
 */
enum exit_code exit_code_of(int error);
