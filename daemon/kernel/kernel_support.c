/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * libbpf fails with an errno and pages of verifier log. The administrator wants to know which of
 * four things it is: no BTF, no tracefs, lockdown, or no permission.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/btf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/macro.h"
#include "host/log.h"
#include "kernel/kernel_support.h"

#define BTF_PATH "/sys/kernel/btf/vmlinux"
#define TRACEFS_PATH "/sys/kernel/tracing"
#define TRACEFS_IN_DEBUGFS_PATH "/sys/kernel/debug/tracing"
#define EVENT_PATH "/events/sched/sched_process_exec/id"
#define LOCKDOWN_PATH "/sys/kernel/security/lockdown"
#define CAP_LAST_CAP_PATH "/proc/sys/kernel/cap_last_cap"

/* Reads a small file as a string; empty if it cannot be read. */
static void read_small_file(const char *path, char *buf, size_t size)
{
        _cleanup_(closep) int fd = -1;
        ssize_t n = -1;

        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0)
                n = read(fd, buf, size - 1);
        buf[n > 0 ? n : 0] = '\0';
}

static bool is_locked_down(void)
{
        char mode[64];

        read_small_file(LOCKDOWN_PATH, mode, sizeof(mode));
        return strstr(mode, "[confidentiality]");
}

/* stat() and not access(), which would ask for the real user without capabilities. */
static bool exists(const char *path)
{
        struct stat st;

        return stat(path, &st) >= 0;
}

static bool has_tracepoints(void)
{
        return exists(TRACEFS_IN_DEBUGFS_PATH EVENT_PATH) || exists(TRACEFS_PATH EVENT_PATH);
}

int kernel_tracepoint_id(const char *name)
{
        static const char *const mounts[] = { TRACEFS_PATH, TRACEFS_IN_DEBUGFS_PATH };
        char path[128], text[16];
        int id;

        for (size_t i = 0; i < ELEMENTSOF(mounts); i++) {
                (void)snprintf(path, sizeof(path), "%s/events/%s/id", mounts[i], name);
                errno = ENOENT;
                read_small_file(path, text, sizeof(text));
                id = atoi(text);
                if (id > 0)
                        return id;
                if (errno == EACCES)
                        return -EACCES;
        }
        return -ENOENT;
}

static int check_tracefs(void)
{
        int r;

        if (has_tracepoints())
                return 0;
        if (errno == EACCES) {
                log_error("Cannot read " TRACEFS_PATH ": CAP_DAC_READ_SEARCH is needed");
                return -EACCES;
        }
        r = mount("tracefs", TRACEFS_PATH, "tracefs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
        if (r < 0) {
                r = errno == EPERM ? -EPERM : -EOPNOTSUPP;
                log_error("tracefs is not mounted, and mounting it failed: %s; try "
                          "'mount -t tracefs tracefs " TRACEFS_PATH "'",
                          strerror(errno));
                return r;
        }
        if (!has_tracepoints()) {
                log_error("This kernel has no tracepoint sched:sched_process_exec");
                return -EOPNOTSUPP;
        }
        log_notice("Mounted tracefs on " TRACEFS_PATH);
        return 0;
}

/* libbpf's message about an empty or damaged file depends on its version, and never names BTF. */
static int check_btf(void)
{
        _cleanup_(closep) int fd = -1;
        uint16_t magic = 0;

        fd = open(BTF_PATH, O_RDONLY | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT) {
                log_error("This kernel has no BTF: " BTF_PATH
                          " is missing (CONFIG_DEBUG_INFO_BTF is needed)");
                return -EOPNOTSUPP;
        }
        if (fd < 0 || read(fd, &magic, sizeof(magic)) != sizeof(magic) || magic != BTF_MAGIC) {
                log_error("This kernel has no usable BTF: " BTF_PATH
                          " cannot be read, or is not BTF");
                return -EOPNOTSUPP;
        }
        return 0;
}

int kernel_check(void)
{
        int r;

        /* First: a kernel locked down from boot on has no tracefs either. */
        if (is_locked_down()) {
                log_error("The kernel is locked down (lockdown=confidentiality forbids reading "
                          "its memory)");
                return -EPERM;
        }
        r = check_btf();
        if (r < 0)
                return r;
        return check_tracefs();
}

int kernel_explain_load_error(int error, const char *program)
{
        if (is_locked_down()) {
                log_error("Cannot load the BPF program '%s': the kernel is locked down "
                          "(lockdown=confidentiality forbids reading its memory)",
                          program);
                return -EPERM;
        }
        if (error == -EPERM) { /* EACCES is how the verifier refuses */
                log_error("Cannot load the BPF program '%s': not permitted (CAP_BPF and "
                          "CAP_PERFMON are needed)",
                          program);
                return -EPERM;
        }
        log_error("Cannot load the BPF program '%s': the kernel refused it: %s", program,
                  strerror(-error));
        return -EOPNOTSUPP;
}

int kernel_explain_attach_error(int error, const char *program)
{
        if (error == -EPERM || error == -EACCES) {
                log_error("Cannot attach the BPF program '%s': not permitted (CAP_PERFMON and "
                          "CAP_DAC_READ_SEARCH are needed)",
                          program);
                return -EPERM;
        }
        if (!has_tracepoints()) {
                log_error("Cannot attach the BPF program '%s': tracefs is not mounted; try "
                          "'mount -t tracefs tracefs " TRACEFS_PATH "'",
                          program);
                return -EOPNOTSUPP;
        }
        log_error("Cannot attach the BPF program '%s': this kernel lacks its tracepoint: %s",
                  program, strerror(-error));
        return -EOPNOTSUPP;
}

uint64_t kernel_all_capabilities(void)
{
        char text[16];
        unsigned long last;

        read_small_file(CAP_LAST_CAP_PATH, text, sizeof(text));
        last = strtoul(text, NULL, 10);
        if (last == 0 || last > 63)
                last = 40; /* CAP_CHECKPOINT_RESTORE, the last since 5.9 */
        return last == 63 ? UINT64_MAX : (UINT64_C(1) << (last + 1)) - 1;
}
