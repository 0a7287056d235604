/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * A journald for tests: a datagram socket in a folder of its own, and a parser of the native
 * protocol that was written from its documentation (systemd.io/JOURNAL_NATIVE_PROTOCOL), not from
 * our sender. It accepts an entry in a datagram or in a sealed memfd, and fails the test for
 * anything that journald would drop.
 */
#pragma once

#include <endian.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"

#define FAKE_FIELDS_MAX 32
#define FAKE_ENTRY_SIZE_MAX (32 * MIB)

struct fake_journald {
        char folder[64];
        char path[96];
        int fd; /* -1: not running */
};

struct fake_field {
        struct span name, value;
};

struct fake_entry {
        char *data; /* all spans point into it */
        size_t size;
        bool by_memfd;
        size_t n_fields;
        struct fake_field fields[FAKE_FIELDS_MAX];
};

static inline void fake_journald_start(struct fake_journald *j)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        strcpy(address.sun_path, j->path);
        (void)unlink(j->path);
        j->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_true(j->fd >= 0);
        assert_int_equal(bind(j->fd, (struct sockaddr *)&address, sizeof(address)), 0);
}

/* The socket file stays, as after a crash. */
static inline void fake_journald_kill(struct fake_journald *j)
{
        closep(&j->fd);
        j->fd = -1;
}

static inline void fake_journald_new(struct fake_journald *j)
{
        strcpy(j->folder, "/tmp/execsnoopd-test-XXXXXX");
        assert_non_null(mkdtemp(j->folder));
        (void)snprintf(j->path, sizeof(j->path), "%s/socket", j->folder);
        fake_journald_start(j);
}

static inline void fake_journald_done(struct fake_journald *j)
{
        fake_journald_kill(j);
        (void)unlink(j->path);
        (void)rmdir(j->folder);
}

static inline void fake_entry_done(struct fake_entry *e)
{
        free(e->data);
        *e = (struct fake_entry){ 0 };
}

static inline void fake_entry_from_memfd(struct fake_entry *e, int fd)
{
        const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
        struct stat st;

        /* older journalds compare for equality */
        assert_int_equal(fcntl(fd, F_GET_SEALS), seals);
        assert_int_equal(fstat(fd, &st), 0);
        e->by_memfd = true;
        e->size = (size_t)st.st_size;
        e->data = malloc(e->size + 1);
        assert_non_null(e->data);
        assert_int_equal(pread(fd, e->data, e->size, 0), e->size);
}

/* False: the queue is empty. */
static inline bool fake_journald_receive(struct fake_journald *j, struct fake_entry *e)
{
        char control[CMSG_SPACE(4 * sizeof(int))];
        struct iovec iov = { .iov_base = NULL };
        struct msghdr m = { .msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = sizeof(control) };
        struct cmsghdr *c;
        ssize_t size;
        int fd;

        *e = (struct fake_entry){ 0 };
        size = recv(j->fd, NULL, 0, MSG_PEEK | MSG_TRUNC);
        if (size < 0)
                return false;
        iov.iov_base = e->data = malloc((size_t)size + 1);
        iov.iov_len = e->size = (size_t)size;
        assert_non_null(e->data);
        assert_int_equal(recvmsg(j->fd, &m, MSG_CMSG_CLOEXEC), size);
        c = CMSG_FIRSTHDR(&m);
        if (!c) {
                assert_true(size > 0);
                return true;
        }
        assert_int_equal(size, 0); /* journald looks at one or the other */
        assert_int_equal(c->cmsg_type, SCM_RIGHTS);
        assert_int_equal(c->cmsg_len, CMSG_LEN(sizeof(int)));
        memcpy(&fd, CMSG_DATA(c), sizeof(fd));
        free(e->data);
        fake_entry_from_memfd(e, fd);
        (void)close(fd);
        return true;
}

static inline void fake_entry_parse(struct fake_entry *e)
{
        const char *p = e->data, *end = e->data + e->size;

        while (p < end) {
                const char *newline = memchr(p, '\n', (size_t)(end - p));
                struct fake_field *f = &e->fields[e->n_fields++];
                const char *equals;
                uint64_t size;

                assert_non_null(newline); /* trailing noise */
                assert_true(newline > p); /* an entry separator */
                assert_true(e->n_fields <= FAKE_FIELDS_MAX);
                equals = memchr(p, '=', (size_t)(newline - p));
                if (equals) {
                        f->name = (struct span){ p, (size_t)(equals - p) };
                        f->value = (struct span){ equals + 1, (size_t)(newline - equals - 1) };
                        p = newline + 1;
                        continue;
                }
                f->name = (struct span){ p, (size_t)(newline - p) };
                p = newline + 1;
                assert_true((size_t)(end - p) >= sizeof(size) + 1);
                memcpy(&size, p, sizeof(size));
                size = le64toh(size);
                p += sizeof(size);
                assert_true(size < (size_t)(end - p));
                f->value = (struct span){ p, size };
                p += size;
                assert_int_equal(*p++, '\n');
        }
}

/* The field's value, or .data NULL; fails if it is there twice. */
static inline struct span fake_entry_get(const struct fake_entry *e, const char *name)
{
        struct span value = { 0 };

        for (size_t i = 0; i < e->n_fields; i++) {
                const struct fake_field *f = &e->fields[i];

                if (f->name.size != strlen(name) || memcmp(f->name.data, name, f->name.size) != 0)
                        continue;
                assert_null(value.data);
                value = f->value;
        }
        return value;
}

static inline void assert_field(const struct fake_entry *e, const char *name, const char *expected)
{
        struct span value = fake_entry_get(e, name);

        if (!expected) {
                assert_null(value.data);
                return;
        }
        assert_non_null(value.data);
        assert_int_equal(value.size, strlen(expected));
        assert_memory_equal(value.data, expected, value.size);
}
