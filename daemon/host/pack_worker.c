/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The level is that of the zstd program: of our lines it makes a twentieth at some 300 MB/s, with
 * 5 MB of memory. The frame is one that every decoder reads (a window of 2 MiB).
 *
 * What is compared is what the disk gives, as far as the kernel lets go of what it has in memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <zstd.h>

#include "base/macro.h"
#include "host/exit_code.h"
#include "host/helper.h"
#include "host/pack_worker.h"

#define LEVEL 3

/* Some ms of work, after which is looked whether it is still wanted. */
#define BLOCK_SIZE (128 * KIB)

/* Of the disk, for the log's own next lines: this or a part of it all, whichever is less. */
#define ROOM_MIN (16 * MIB)
#define ROOM_PART 16

struct pack {
        int file, copy;
        uint64_t size; /* of the file */
        int (*step)(void *userdata);
        void *userdata;
        ZSTD_CCtx *compressor;
        ZSTD_DCtx *decompressor;
        uint64_t n_compared;
        char block[BLOCK_SIZE], other[BLOCK_SIZE], out[BLOCK_SIZE];
};

static void pack_free(struct pack **p)
{
        if (!*p)
                return;
        ZSTD_freeCCtx((*p)->compressor);
        ZSTD_freeDCtx((*p)->decompressor);
        free(*p);
}

static int next_step(const struct pack *p)
{
        return p->step ? p->step(p->userdata) : 0;
}

/* Up to the size of the buffer; less at the end alone. */
static ssize_t read_block(int fd, uint64_t offset, char *buf, size_t size)
{
        size_t done = 0;

        while (done < size) {
                const ssize_t n = pread(fd, buf + done, size - done, (off_t)(offset + done));

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                done += (size_t)n;
        }
        return (ssize_t)done;
}

static int check_room(int fd)
{
        struct statvfs st;

        if (fstatvfs(fd, &st) < 0)
                return -errno;
        return st.f_bavail < MIN(ROOM_MIN / st.f_frsize, st.f_blocks / ROOM_PART) ? -ENOSPC : 0;
}

static int write_all(int fd, const char *data, size_t size)
{
        int r;

        if (size == 0)
                return 0;
        r = check_room(fd);
        while (r >= 0 && size > 0) {
                const ssize_t n = write(fd, data, size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                data += n;
                size -= (size_t)n;
        }
        return r;
}

/* With the last one the frame ends. */
static int compress_block(struct pack *p, size_t size, bool is_last)
{
        const ZSTD_EndDirective directive = is_last ? ZSTD_e_end : ZSTD_e_continue;
        ZSTD_inBuffer in = { p->block, size, 0 };
        size_t rest;
        int r;

        do {
                ZSTD_outBuffer out = { p->out, sizeof(p->out), 0 };

                rest = ZSTD_compressStream2(p->compressor, &out, &in, directive);
                if (ZSTD_isError(rest))
                        return -ENOMEM; /* nothing else is left to go wrong */
                r = write_all(p->copy, p->out, out.pos);
                if (r < 0)
                        return r;
        } while (is_last ? rest > 0 : in.pos < in.size);
        return 0;
}

static int compress(struct pack *p)
{
        uint64_t offset = 0;
        bool is_last;

        do {
                const ssize_t n = read_block(p->file, offset, p->block, sizeof(p->block));
                int r;

                if (n < 0)
                        return (int)n;
                offset += (uint64_t)n;
                is_last = n < (ssize_t)sizeof(p->block);
                if (is_last ? offset != p->size : offset > p->size)
                        return -EBUSY;
                r = compress_block(p, (size_t)n, is_last);
                if (r >= 0)
                        r = next_step(p);
                if (r != 0)
                        return r;
        } while (!is_last);
        return 0;
}

/* What has come out of the copy is what is next in the file. */
static int compare(struct pack *p, size_t size)
{
        const ssize_t n = read_block(p->file, p->n_compared, p->other, size);

        if (n < 0)
                return (int)n;
        if ((size_t)n != size || memcmp(p->out, p->other, size) != 0)
                return -EBADMSG;
        p->n_compared += size;
        return 0;
}

/* *ret_rest is 0 where a frame ends. */
static int verify_block(struct pack *p, size_t size, size_t *ret_rest)
{
        ZSTD_inBuffer in = { p->block, size, 0 };
        size_t n_out;

        do {
                ZSTD_outBuffer out = { p->out, sizeof(p->out), 0 };
                int r;

                *ret_rest = ZSTD_decompressStream(p->decompressor, &out, &in);
                if (ZSTD_isError(*ret_rest))
                        return -EBADMSG;
                r = compare(p, out.pos);
                if (r < 0)
                        return r;
                n_out = out.pos;
                if (*ret_rest == 0) /* there is one frame, and nothing behind it */
                        return in.pos == in.size ? 0 : -EBADMSG;
        } while (in.pos < in.size || n_out == sizeof(p->out));
        return 0;
}

static int verify(struct pack *p)
{
        uint64_t offset = 0;
        size_t rest = 1;
        ssize_t n;
        int r;

        while ((n = read_block(p->copy, offset, p->block, sizeof(p->block))) > 0) {
                if (rest == 0)
                        return -EBADMSG;
                r = verify_block(p, (size_t)n, &rest);
                if (r >= 0)
                        r = next_step(p);
                if (r != 0)
                        return r;
                offset += (uint64_t)n;
        }
        if (n < 0)
                return (int)n;
        return rest == 0 && p->n_compared == p->size ? 0 : -EBADMSG;
}

static int set_up(struct pack *p)
{
        struct stat st;

        if (fstat(p->file, &st) < 0)
                return -errno;
        p->size = (uint64_t)st.st_size;
        p->compressor = ZSTD_createCCtx();
        p->decompressor = ZSTD_createDCtx();
        if (!p->compressor || !p->decompressor ||
            ZSTD_isError(ZSTD_CCtx_setParameter(p->compressor, ZSTD_c_compressionLevel, LEVEL)) ||
            ZSTD_isError(ZSTD_CCtx_setParameter(p->compressor, ZSTD_c_checksumFlag, 1)) ||
            ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(p->compressor, p->size)))
                return -ENOMEM;
        return 0;
}

int pack_file(int file, int copy, int (*step)(void *userdata), void *userdata)
{
        _cleanup_(pack_free) struct pack *p = calloc(1, sizeof(*p));
        int r;

        if (!p)
                return -ENOMEM;
        p->file = file;
        p->copy = copy;
        p->step = step;
        p->userdata = userdata;
        r = set_up(p);
        if (r >= 0)
                r = compress(p);
        if (r != 0)
                return r;
        if (fsync(copy) < 0)
                return -errno;
        (void)posix_fadvise(copy, 0, 0, POSIX_FADV_DONTNEED);
        return verify(p);
}

/* Nobody waits for us any more. */
static int on_step(void *userdata _unused_)
{
        struct pollfd other = { .fd = PACKER_SOCKET, .events = POLLRDHUP };

        return poll(&other, 1, 0) > 0 ? -ECANCELED : 0;
}

static int answer(int error)
{
        const struct pack_answer a = { .error = error };

        return send(PACKER_SOCKET, &a, sizeof(a), MSG_NOSIGNAL) == sizeof(a) ? 0 : -errno;
}

/* The name, with the times that the copy has got meanwhile. */
static int sync_name(void)
{
        return fsync(PACKER_COPY) < 0 || fsync(PACKER_FOLDER) < 0 ? -errno : 0;
}

int pack_worker_run(void)
{
        char word;
        int r;

        helper_lower_priority();
        if (helper_confine(_PACKER_FD_MAX, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
                return EXIT_CODE_FAILURE;
        r = pack_file(PACKER_FILE, PACKER_COPY, on_step, NULL);
        if (answer(r) < 0 || r < 0)
                return EXIT_CODE_FAILURE;
        if (recv(PACKER_SOCKET, &word, sizeof(word), 0) <= 0)
                return EXIT_CODE_OK;
        return answer(sync_name()) < 0 ? EXIT_CODE_FAILURE : EXIT_CODE_OK;
}
