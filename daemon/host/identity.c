/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The identity has the form of a recording's header, because a replay takes it from there. A name
 * longer than the header has room for is cut, as the kernel would.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <systemd/sd-id128.h>

#include "host/clock.h"
#include "host/identity.h"
#include "host/log.h"

int identity_read(unsigned n_cpus, struct recording_header *ret)
{
        struct recording_header h = { .magic = RECORDING_MAGIC, .version = RECORDING_VERSION };
        struct utsname name;
        sd_id128_t boot_id, machine_id;
        int r;

        r = sd_id128_get_boot(&boot_id);
        if (r < 0)
                return log_errno(LOG_ERR, r, "Cannot read the boot id");
        if (uname(&name) < 0)
                return log_errno(LOG_ERR, -errno, "Cannot read the host's name");
        h.n_cpus = n_cpus;
        h.start_ns = clock_boottime_ns();
        h.realtime_offset_ns = clock_realtime_offset_ns();
        (void)sd_id128_to_string(boot_id, h.boot_id);
        /* There is none in an initramfs, and at the first boot of an image it comes later. */
        if (sd_id128_get_machine(&machine_id) >= 0)
                (void)sd_id128_to_string(machine_id, h.machine_id);
        (void)snprintf(h.host, sizeof(h.host), "%s", name.nodename);
        (void)snprintf(h.kernel, sizeof(h.kernel), "%s", name.release);

        *ret = h;
        return 0;
}

bool identity_is_ours(const struct recording_header *identity)
{
        char boot_id[SD_ID128_STRING_MAX];
        sd_id128_t id;

        if (sd_id128_get_boot(&id) < 0)
                return false;
        return strcmp(sd_id128_to_string(id, boot_id), identity->boot_id) == 0;
}
