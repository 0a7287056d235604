/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* capget(2), capset(2) and the ambient set, as bit masks; libc has no names for the first two. */
#include <errno.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/capabilities.h"

struct sets {
        uint64_t effective, permitted, inheritable;
};

static bool is_root(void)
{
        return geteuid() == 0;
}

static int sets_read(struct sets *ret)
{
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

        if (syscall(SYS_capget, &header, data) < 0)
                return -errno;
        *ret = (struct sets){
                .effective = data[0].effective | (uint64_t)data[1].effective << 32,
                .permitted = data[0].permitted | (uint64_t)data[1].permitted << 32,
                .inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32,
        };
        return 0;
}

static int sets_write(const struct sets *s)
{
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

        for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
                data[i] = (struct __user_cap_data_struct){
                        .effective = (uint32_t)(s->effective >> (32 * i)),
                        .permitted = (uint32_t)(s->permitted >> (32 * i)),
                        .inheritable = (uint32_t)(s->inheritable >> (32 * i)),
                };
        return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

int capabilities_begin(void)
{
        struct sets s = {};
        int r;

        if (is_root())
                return 0;
        r = sets_read(&s);
        if (r < 0)
                return r;
        s.effective = s.inheritable = 0; /* only the inheritable can be ambient */
        return sets_write(&s);
}

uint64_t capabilities_raise(uint64_t wanted)
{
        uint64_t raised = 0;
        int before = errno;
        struct sets s = {};

        if (!is_root() && sets_read(&s) >= 0) {
                raised = wanted & s.permitted & ~s.effective;
                s.effective |= raised;
                if (raised && sets_write(&s) < 0)
                        raised = 0;
        }
        errno = before;
        return raised;
}

void capabilities_lower(uint64_t *raised)
{
        int before = errno;
        struct sets s = {};

        if (*raised && sets_read(&s) >= 0) {
                s.effective &= ~*raised;
                (void)sets_write(&s); /* to have less is never refused */
        }
        errno = before;
}

int capabilities_drop(uint64_t unwanted)
{
        struct sets s = {};
        int r;

        if (is_root())
                return 0;
        r = sets_read(&s);
        if (r < 0)
                return r;
        s.effective &= ~unwanted;
        s.permitted &= ~unwanted;
        s.inheritable &= ~unwanted;
        return sets_write(&s);
}

int capabilities_settle(bool (*perfmon_suffices)(void))
{
        const uint64_t perfmon = CAPABILITY(CAP_PERFMON), admin = CAPABILITY(CAP_SYS_ADMIN);
        uint64_t raised;
        struct sets s = {};
        bool suffices;
        int r;

        if (is_root())
                return 0;
        r = sets_read(&s);
        if (r < 0)
                return r;
        if ((s.permitted & (perfmon | admin)) != (perfmon | admin))
                return 0; /* those we have were enough */
        raised = capabilities_raise(perfmon);
        suffices = perfmon_suffices();
        capabilities_lower(&raised);
        return capabilities_drop(suffices ? admin : perfmon);
}

int capabilities_keep(uint64_t kept)
{
        struct sets s = {};
        int r;

        r = sets_read(&s);
        if (r < 0)
                return r;
        s.permitted &= kept;
        s.effective = s.permitted;
        s.inheritable = 0;
        return sets_write(&s);
}

int capabilities_bequeath(bool yes)
{
        return capabilities_lend(yes ? CAPABILITIES_ALL : 0);
}

int capabilities_lend(uint64_t lent)
{
        struct sets s = {};
        int r;

        if (is_root())
                return 0;
        r = sets_read(&s);
        if (r < 0)
                return r;
        s.inheritable = s.permitted & lent;
        r = sets_write(&s);
        for (unsigned long i = 0; i < 64 && r >= 0; i++)
                if (s.inheritable & CAPABILITY(i) &&
                    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0)
                        r = -errno;
        return r;
}
