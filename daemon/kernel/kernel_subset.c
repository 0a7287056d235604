/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * BTF has what a type consists of by number, so types are copied before those that consist of them.
 * By value none is within itself: each is copied once, however deep.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/btf.h>

#include "base/macro.h"
#include "kernel/kernel_subset.h"

/* What libbpf does not look at in a name: it tells forms of a type in our sources apart. */
#define FLAVOR "___"

struct subset {
        const struct btf *kernel;
        struct btf *btf;
        int *copies;        /* by number in the kernel; 0: none yet */
        const char **names; /* sorted */
        size_t n_names;
};

static void subset_done(struct subset *s)
{
        for (size_t i = 0; i < s->n_names; i++)
                free((char *)s->names[i]);
        free(s->names);
        free(s->copies);
        btf__free(s->btf);
}

static const char *name_of(const struct subset *s, const struct btf_type *type)
{
        return btf__name_by_offset(s->kernel, type->name_off);
}

static int copy(struct subset *s, uint32_t id);

static int copy_array(struct subset *s, const struct btf_type *type)
{
        const struct btf_array *array = btf_array(type);
        int index = copy(s, array->index_type), element = copy(s, array->type);

        if (index < 0 || element < 0)
                return index < 0 ? index : element;
        return btf__add_array(s->btf, index, element, array->nelems);
}

static int copy_enum(struct subset *s, const struct btf_type *type)
{
        int r, id = btf__add_enum(s->btf, name_of(s, type), type->size);

        for (unsigned i = 0; i < btf_vlen(type) && id >= 0; i++) {
                const struct btf_enum *e = &btf_enum(type)[i];

                r = btf__add_enum_value(s->btf, btf__name_by_offset(s->kernel, e->name_off),
                                        e->val);
                if (r < 0)
                        return r;
        }
        return id;
}

static int copy_fields(struct subset *s, const struct btf_type *type)
{
        const struct btf_member *members = btf_members(type);

        for (unsigned i = 0; i < btf_vlen(type); i++) {
                int r = btf__add_field(s->btf, btf__name_by_offset(s->kernel, members[i].name_off),
                                       s->copies[members[i].type], btf_member_bit_offset(type, i),
                                       btf_member_bitfield_size(type, i));
                if (r < 0)
                        return r;
        }
        return 0;
}

static int copy_composite(struct subset *s, const struct btf_type *type)
{
        int r, id;

        for (unsigned i = 0; i < btf_vlen(type); i++) {
                r = copy(s, btf_members(type)[i].type);
                if (r < 0)
                        return r;
        }
        id = (btf_is_struct(type) ? btf__add_struct : btf__add_union)(s->btf, name_of(s, type),
                                                                      type->size);
        if (id < 0)
                return id;
        r = copy_fields(s, type);
        return r < 0 ? r : id;
}

static int copy_by_kind(struct subset *s, const struct btf_type *type)
{
        int inner;

        switch (btf_kind(type)) {
        case BTF_KIND_INT:
                return btf__add_int(s->btf, name_of(s, type), type->size, btf_int_encoding(type));
        case BTF_KIND_PTR:
                return btf__add_ptr(s->btf, 0);
        case BTF_KIND_ARRAY:
                return copy_array(s, type);
        case BTF_KIND_STRUCT:
        case BTF_KIND_UNION:
                return copy_composite(s, type);
        case BTF_KIND_ENUM:
                return copy_enum(s, type);
        case BTF_KIND_TYPEDEF:
                inner = copy(s, type->type);
                return inner < 0 ? inner : btf__add_typedef(s->btf, name_of(s, type), inner);
        case BTF_KIND_CONST:
        case BTF_KIND_VOLATILE:
        case BTF_KIND_RESTRICT:
        case BTF_KIND_TYPE_TAG:
                return copy(s, type->type);
        default:
                return btf__add_fwd(s->btf, name_of(s, type), BTF_FWD_STRUCT);
        }
}

/* Its number in the subset. */
static int copy(struct subset *s, uint32_t id)
{
        int r;

        if (id == 0 || s->copies[id])
                return s->copies[id];
        r = copy_by_kind(s, btf__type_by_id(s->kernel, id));
        if (r >= 0)
                s->copies[id] = r;
        return r;
}

/* Of these kinds is what programs name: parts of structures, and whether an enum has a value. */
static bool is_nameable(const struct btf_type *type)
{
        return btf_is_composite(type) || btf_is_enum(type) || btf_is_typedef(type);
}

static size_t plain_size(const char *name)
{
        const char *flavor = strstr(name, FLAVOR);

        return flavor ? (size_t)(flavor - name) : strlen(name);
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int collect_names(struct subset *s, const struct btf *named)
{
        uint32_t n = btf__type_cnt(named);
        const char **names;

        names = reallocarray(s->names, s->n_names + n, sizeof(*names));
        if (!names)
                return -ENOMEM;
        s->names = names;
        for (uint32_t id = 1; id < n; id++) {
                const struct btf_type *type = btf__type_by_id(named, id);
                const char *name = btf__name_by_offset(named, type->name_off);

                if (!is_nameable(type) || *name == '\0')
                        continue;
                s->names[s->n_names] = strndup(name, plain_size(name));
                if (!s->names[s->n_names])
                        return -ENOMEM;
                s->n_names++;
        }
        return 0;
}

static int copy_named(struct subset *s)
{
        uint32_t n = btf__type_cnt(s->kernel);

        qsort(s->names, s->n_names, sizeof(*s->names), compare_names);
        for (uint32_t id = 1; id < n; id++) {
                const struct btf_type *type = btf__type_by_id(s->kernel, id);
                const char *name = name_of(s, type);
                int r;

                if (!is_nameable(type) || *name == '\0' ||
                    !bsearch(&name, s->names, s->n_names, sizeof(name), compare_names))
                        continue;
                r = copy(s, id);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int make_file(const struct btf *btf)
{
        _cleanup_(closep) int fd = -1;
        const uint8_t *data;
        uint32_t size;

        data = btf__raw_data(btf, &size);
        if (!data)
                return -ENOMEM;
        fd = memfd_create("execsnoopd-types", MFD_CLOEXEC);
        if (fd < 0)
                return -errno;
        for (ssize_t n; size > 0; data += n, size -= (uint32_t)n) {
                n = write(fd, data, size);
                if (n < 0)
                        return -errno;
        }
        return TAKE_FD(fd);
}

int kernel_subset_make(const struct btf *kernel, const struct btf *const *named)
{
        _cleanup_(subset_done) struct subset s = { .kernel = kernel, .btf = btf__new_empty() };
        int r = 0;

        s.copies = calloc(btf__type_cnt(kernel), sizeof(*s.copies));
        if (!s.btf || !s.copies)
                return -ENOMEM;
        for (; *named && r >= 0; named++)
                r = collect_names(&s, *named);
        if (r >= 0)
                r = copy_named(&s);
        return r < 0 ? r : make_file(s.btf);
}

const char *kernel_subset_path(int fd, char path[static KERNEL_SUBSET_PATH_SIZE])
{
        if (fd < 0)
                return NULL;
        (void)snprintf(path, KERNEL_SUBSET_PATH_SIZE, "/proc/self/fd/%d", fd);
        return path;
}
