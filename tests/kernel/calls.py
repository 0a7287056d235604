# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""System calls that Python lacks, or that have to be made exactly so."""
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)


def call(name, *arguments):
    """A system call of libc's that Python lacks; raises OSError."""
    result = getattr(libc, name)(*arguments)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")
    return result


SYS_EXECVE, SYS_EXECVEAT = {"x86_64": (59, 322), "aarch64": (221, 281)}[os.uname().machine]
AT_FDCWD = -100
AT_SYMLINK_NOFOLLOW = 0x100
AT_EMPTY_PATH = 0x1000


def vector(strings):
    """char *argv[]; None is NULL."""
    if strings is None:
        return None
    return (ctypes.c_char_p * (len(strings) + 1))(*strings, None)


def execve(path, argv, environment=()):
    """The bare system call; path and argv may be addresses, too. Returns the errno."""
    argv = argv if isinstance(argv, int) else vector(argv)
    path = ctypes.c_void_p(path) if isinstance(path, int) else path
    libc.syscall(SYS_EXECVE, path, argv, vector(list(environment)))
    return ctypes.get_errno()


def execveat(fd, path, argv, flags=0):
    libc.syscall(SYS_EXECVEAT, fd, path, vector(argv), vector([]), flags)
    return ctypes.get_errno()


CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
MS_REC = 0x4000
MS_PRIVATE = 0x40000


def private_mounts():
    """In a child: mounts from here on are nobody else's."""
    call("unshare", CLONE_NEWNS)
    call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)


def mount(kind, where, options=""):
    call("mount", kind.encode(), os.fsencode(where), kind.encode(), 0, options.encode())
