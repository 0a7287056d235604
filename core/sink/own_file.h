/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Files of our own in a folder where others may have put something under our names.
 *
 * A file that is there is only opened if it is a regular one, has no other name, and is ours: who
 * owns a file can read it whatever its mode is, and behind another name may be a file that is no
 * log at all. Root, who is run by hand beside a service, shares with the owner of the folder: a new
 * file is the owner's, and the owner's files are root's own.
 */
#pragma once

#include <sys/types.h>

struct sink_file_system;

/*
 * -ENOENT: there is none. *ret_refusal is NULL, or says in words what is wrong with the one that is
 * there; the error fits them. `access`: O_RDONLY, or O_RDWR to append to it.
 */
int own_file_open(const struct sink_file_system *system, const char *path, int access, int *ret,
                  const char **ret_refusal);

/* Makes it, with this mode, whatever umask(2) is. -EEXIST: there is something. */
int own_file_make(const struct sink_file_system *system, const char *path, mode_t mode, int *ret);
