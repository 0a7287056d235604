/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Which errors say that the next attempt would fail, too. */
#include <errno.h>

#include "host/exit_code.h"

enum exit_code exit_code_of(int error)
{
        switch (-error) {
        case 0:
                return EXIT_CODE_OK;
        case EPERM:
        case EACCES:
                return EXIT_CODE_NOT_PERMITTED;
        case EOPNOTSUPP:
        case ENODEV:
                return EXIT_CODE_UNAVAILABLE;
        default:
                return EXIT_CODE_FAILURE;
        }
}
