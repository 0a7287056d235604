/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The kernel's types that our programs name, as BTF of their own.
 *
 * For each type that a program names, libbpf looks at each of the kernel's 120,000 and more, once
 * for every object that is opened; and to look at them it reads them all. Of these few there are
 * so few that neither takes any time.
 */
#pragma once

struct btf;

/*
 * `named`: the BTF of our objects, up to a NULL. Returns a descriptor of a file of BTF, or -errno.
 * In it are all types of the kernel with a name that is in `named`, and all that lies within them;
 * what they point to is unknown, which no relocation asks for. Numbers of types are not those of
 * the kernel.
 */
int kernel_subset_make(const struct btf *kernel, const struct btf *const *named);

/* The path of it for btf_custom_path of libbpf, in `path`; NULL for a negative descriptor: libbpf
 * reads the kernel's own. */
#define KERNEL_SUBSET_PATH_SIZE sizeof("/proc/self/fd/2147483647")
const char *kernel_subset_path(int fd, char path[static KERNEL_SUBSET_PATH_SIZE]);
