/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The few macros that every file may use. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _printf_(fmt, args) __attribute__((format(printf, fmt, args)))
#define _unused_ __attribute__((unused))
#define _always_inline_ __attribute__((always_inline))
#define _noinline_ __attribute__((noinline))

#define ELEMENTSOF(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

#define NSEC_PER_USEC UINT64_C(1000)
#define NSEC_PER_MSEC UINT64_C(1000000)
#define NSEC_PER_SEC UINT64_C(1000000000)
#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)

/* Give a pointer or fd away: the cleanup attribute of the local then finds nothing to free. */
#define TAKE_PTR(p)                                                                                \
        ({                                                                                         \
                __auto_type _taken_ = (p);                                                         \
                (p) = NULL;                                                                        \
                _taken_;                                                                           \
        })
#define TAKE_FD(fd)                                                                                \
        ({                                                                                         \
                int _taken_ = (fd);                                                                \
                (fd) = -1;                                                                         \
                _taken_;                                                                           \
        })

/* void x_freep(struct x **), for _cleanup_(), from x_free() which takes NULL and returns NULL. */
#define DEFINE_FREEP(type, name)                                                                   \
        static inline void name##p(type **p)                                                       \
        {                                                                                          \
                name(*p);                                                                          \
        }

static inline void freep(void *p)
{
        free(*(void **)p);
}

static inline void closep(int *fd)
{
        if (*fd >= 0)
                (void)close(*fd);
}
