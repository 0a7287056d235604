/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Journal sink: systemd's native protocol, spoken by ourselves because sd_journal_sendv() blocks
 * when journald hangs and returns success when its socket is missing.
 *
 * An event is one entry of the backlog and one datagram: MESSAGE is the brief line; if that had to
 * be cut, EXECSNOOP_JSON is the whole one. Or MESSAGE is the text, and EXECSNOOP_JSON always there.
 * An entry stays in the backlog until the kernel has taken it, so none is lost or sent twice here,
 * even if journald dies. A connection that fails is made anew at once, but once per flush.
 *
 * Field values are what journalctl can show: bytes for which it would print an array of numbers are
 * replaced, and values are cut where it would print null; the JSON has them exact and whole.
 *
 * An entry too large for a datagram goes as a sealed memfd. Where none can be had (no fds, no
 * memory, a sandbox), the entry goes with the brief line alone rather than not at all: that says by
 * itself that it is cut. A file in /dev/shm, journald's other way, is none for us: we are
 * not root, so journald would want to find it by name, where others can reach it.
 *
 * Refuses: events that do not fit into the whole backlog.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "base/datagram.h"
#include "base/message_id.h"
#include "base/text.h"
#include "encode/describe.h"
#include "sink/sink_internal.h"

_Static_assert(DESCRIPTION_SIZE_MAX <= BRIEF_LINE_MAX, "a text is shown whole");

/* Name, "=" and value: one byte more, and journalctl -o json prints null without --all. */
#define FIELD_SIZE_MAX 4095

/* As libsystemd: room for as many datagrams as the queue of journald can hold. */
#define SEND_BUFFER_SIZE ((int)(8 * MIB))

/*
 * Of a datagram the kernel puts up to 17 pages into fragments and the rest into one contiguous
 * block: 28 KiB here, in 32 KiB with its overhead, the most that page allocation gives without
 * compacting memory for it. A memfd never needs contiguous pages.
 */
#define DATAGRAM_SIZE_MAX (96 * KIB)

/*
 * In memfds that journald has not taken yet: our memory, though no longer in the backlog, and its
 * queue holds hundreds. As much as a backlog of the default size; a larger one goes alone.
 */
#define MEMFD_BYTES_MAX (16 * MIB)

/*
 * Entries in one flush, at 10 to 60 us each: the rings must not wait longer for a journald that
 * takes a full backlog as fast as we send it.
 */
#define FLUSH_ENTRIES_MAX 256

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

struct sink_journal {
        struct sink sink;
        struct buf fields;
        struct buf repaired;
        char path[DATAGRAM_PATH_SIZE];
        int fd;               /* connected, or -1 */
        uint64_t memfd_bytes; /* sent since journald was seen to have taken all */
        bool awaits_memfds;   /* to be taken: no fd polls for that */
};

static struct sink_journal *sink_journal(struct sink *s)
{
        return (struct sink_journal *)s;
}

#define CONSTANT_FIELDS(name, id, priority)                                                        \
        {                                                                                          \
                .data = CONSTANT_TEXT(name, id, priority),                                         \
                .size = sizeof(CONSTANT_TEXT(name, id, priority)) - 1,                             \
        }
#define CONSTANT_TEXT(name, id, priority)                                                          \
        "SYSLOG_IDENTIFIER=execsnoopd\nEXECSNOOP_EVENT=" name "\nMESSAGE_ID=" id                   \
        "\nPRIORITY=" priority "\n"

static const struct span constant_fields[_EVENT_KIND_MAX] = {
        [EVENT_START] = CONSTANT_FIELDS("start", MESSAGE_ID_START, "5"),
        [EVENT_EXEC] = CONSTANT_FIELDS("exec", MESSAGE_ID_EXEC, "6"),
        [EVENT_EXEC_FAILED] = CONSTANT_FIELDS("exec_failed", MESSAGE_ID_EXEC_FAILED, "6"),
        [EVENT_EXEC_ATTEMPT] = CONSTANT_FIELDS("exec_attempt", MESSAGE_ID_EXEC_ATTEMPT, "6"),
        [EVENT_EXIT] = CONSTANT_FIELDS("exit", MESSAGE_ID_EXIT, "6"),
        [EVENT_PROCESS] = CONSTANT_FIELDS("process", MESSAGE_ID_PROCESS, "6"),
        [EVENT_SUMMARY] = CONSTANT_FIELDS("summary", MESSAGE_ID_SUMMARY, "6"),
        [EVENT_FILE] = CONSTANT_FIELDS("file", MESSAGE_ID_FILE, "6"),
        [EVENT_LOST] = CONSTANT_FIELDS("lost", MESSAGE_ID_LOST, "4"),
        [EVENT_STATS] = CONSTANT_FIELDS("stats", MESSAGE_ID_STATS, "6"),
        [EVENT_STOP] = CONSTANT_FIELDS("stop", MESSAGE_ID_STOP, "5"),
};

static void append_number(struct buf *b, const char *name, uint64_t value)
{
        buf_append_string(b, name);
        buf_append_char(b, '=');
        buf_append_u64(b, value);
        buf_append_char(b, '\n');
}

/* char is signed or not: both are right */
static bool is_plain(char c)
{
        return c >= ' ' && c <= '~';
}

static size_t character_size(uint8_t lead)
{
        if (lead < 0x80)
                return 1;
        if (lead < 0xe0)
                return 2;
        return lead < 0xf0 ? 3 : 4;
}

/* Accepted by systemd's utf8_is_printable(): newline and tab are, noncharacters are not. */
static bool is_shown(const uint8_t *p, size_t size)
{
        uint32_t c = size == 1 ? p[0] : p[0] & (0x7fU >> size);

        for (size_t i = 1; i < size; i++)
                c = c << 6 | (p[i] & 0x3f);
        if (c < ' ')
                return c == '\t' || c == '\n';
        if (c >= 0x7f && c <= 0x9f)
                return false;
        return (c < 0xfdd0 || c > 0xfdef) && (c & 0xfffe) != 0xfffe;
}

/* Whole characters of valid text, with U+FFFD for what is not shown, as long as they fit. */
static void append_shown(struct buf *b, struct span valid, size_t room)
{
        for (size_t i = 0; i < valid.size;) {
                const uint8_t *p = (const uint8_t *)valid.data + i;
                size_t size = character_size(p[0]);
                struct span shown = { .data = (const char *)p, .size = size };

                if (!is_shown(p, size))
                        shown = SPAN_LITERAL("\xef\xbf\xbd");
                if (shown.size > room)
                        return;
                buf_append_span(b, shown);
                room -= shown.size;
                i += size;
        }
}

/* A value with newlines has its size in front: 64 bits, little endian. */
static void append_lines(struct buf *b, struct span name, struct span valid, size_t room)
{
        uint64_t size = 0;
        size_t start;

        buf_append_span(b, name);
        buf_append_char(b, '\n');
        buf_append(b, &size, sizeof(size));
        start = b->size;
        append_shown(b, valid, room);
        if (buf_error(b))
                return;
        size = htole64(b->size - start);
        memcpy(b->data + start - sizeof(size), &size, sizeof(size));
        buf_append_char(b, '\n');
}

static void append_text(struct sink_journal *s, struct span name, struct span value)
{
        size_t room = FIELD_SIZE_MAX - 1 - name.size;
        struct buf *b = &s->fields;

        if (!value.data)
                return;
        if (!text_is_valid(value)) {
                buf_reset(&s->repaired);
                text_repair(value, &s->repaired);
                value = buf_span(&s->repaired);
                if (buf_error(&s->repaired)) {
                        b->error = buf_error(&s->repaired);
                        return;
                }
        }
        if (memchr(value.data, '\n', value.size)) {
                append_lines(b, name, value, room);
                return;
        }
        buf_append_span(b, name);
        buf_append_char(b, '=');
        if (value.size <= room && span_count(value, is_plain) == value.size)
                buf_append_span(b, value);
        else
                append_shown(b, value, room);
        buf_append_char(b, '\n');
}

/* No more than the contract names: journald pays 3 to 5 % for each field. */
static void append_event(struct sink_journal *s, const struct exec_event *e)
{
        struct buf *b = &s->fields;

        if (e->kind != EVENT_SUMMARY && e->kind != EVENT_FILE) /* those are of no single process */
                append_number(b, "EXECSNOOP_PID", e->facts.pid);
        if (event_has(e, FACT_PARENT))
                append_number(b, "EXECSNOOP_PPID", e->facts.ppid);
        if (event_has(e, FACT_CREDS))
                append_number(b, "EXECSNOOP_UID", e->facts.uid);
        if (event_has(e, FACT_LOGINUID))
                append_number(b, "EXECSNOOP_LOGINUID", e->facts.loginuid);
        if (e->kind == EVENT_EXEC) /* a success by definition, whether or not it says so */
                buf_append_string(b, "EXECSNOOP_RETVAL=0\n");
        else if (event_has(e, FACT_RETVAL))
                buf_printf(b, "EXECSNOOP_RETVAL=%d\n", e->facts.retval);
        append_text(s, SPAN_LITERAL("EXECSNOOP_COMM"), e->comm);
        append_text(s, SPAN_LITERAL("EXECSNOOP_EXE"), e->exe);
        append_text(s, SPAN_LITERAL("EXECSNOOP_UNIT"), e->names.unit);
        append_text(s, SPAN_LITERAL("EXECSNOOP_CGROUP"), e->cgroup);
        for (struct span rest = e->tags, tag; span_cut(&rest, '\0', &tag);)
                append_text(s, SPAN_LITERAL("EXECSNOOP_TAGS"), tag);
}

#define JSON_FIELD "EXECSNOOP_JSON="

/*
 * Behind an entry whose MESSAGE is a text there is something that is not sent: the brief line, if
 * it is another one, for the case that there is no way for the whole one; and this, which no other
 * entry ends with.
 */
#define SPARE_END '\0'

static bool is_cut(const struct message *m)
{
        return !span_equal(m->line.tail, m->brief.tail) || !span_equal(m->line.head, m->brief.head);
}

/* The lines have no newline of their own, and EXECSNOOP_JSON is last: see brief_part(). */
static int accept_line(struct sink *s, const struct message *m, struct span fields, struct span seq)
{
        const struct span parts[] = {
                fields,        SPAN_LITERAL("MESSAGE="),
                m->brief.head, seq,
                m->brief.tail, SPAN_LITERAL("\n" JSON_FIELD),
                m->line.head,  seq,
                m->line.tail,  SPAN_LITERAL("\n"),
        };
        const struct span parts_brief[] = { parts[0], parts[1], parts[2], seq, parts[4], parts[9] };

        if (is_cut(m))
                return sink_accept(s, m, parts, ELEMENTSOF(parts));
        return sink_accept(s, m, parts_brief, ELEMENTSOF(parts_brief));
}

/* Nor has the text a newline. */
static int accept_text(struct sink *s, const struct message *m, struct span fields, struct span seq)
{
        static const char spare_end = SPARE_END;
        const struct span none = { 0 }, end = { &spare_end, sizeof(spare_end) };
        const bool cut = is_cut(m);
        const struct span parts[] = {
                fields,
                SPAN_LITERAL("MESSAGE="),
                m->text,
                SPAN_LITERAL("\n" JSON_FIELD),
                m->line.head,
                seq,
                m->line.tail,
                SPAN_LITERAL("\n"),
                cut ? m->brief.head : none,
                cut ? seq : none,
                cut ? m->brief.tail : none,
                end,
        };

        return sink_accept(s, m, parts, ELEMENTSOF(parts));
}

static int sink_journal_write(struct sink *sink, const struct message *m)
{
        struct sink_journal *s = sink_journal(sink);
        struct span seq;
        size_t start;

        buf_reset(&s->fields);
        buf_append_string(&s->fields, "EXECSNOOP_SEQ=");
        start = s->fields.size;
        buf_append_u64(&s->fields, sink->seq + 1);
        seq.size = s->fields.size - start;
        buf_append_char(&s->fields, '\n');
        buf_append_span(&s->fields, constant_fields[m->kind]);
        if (m->event)
                append_event(s, m->event);
        if (buf_error(&s->fields))
                return buf_error(&s->fields);
        seq.data = s->fields.data + start;

        if (sink->wants_text && m->text.data)
                return accept_text(sink, m, buf_span(&s->fields), seq);
        return accept_line(sink, m, buf_span(&s->fields), seq);
}

/* What is sent of an entry. */
static struct span sent_part(struct span entry)
{
        if (entry.data[entry.size - 1] != SPARE_END)
                return entry;
        return span_head(entry, (size_t)((const char *)memrchr(entry.data, '\n', entry.size) + 1 -
                                         entry.data));
}

/* The entry up to EXECSNOOP_JSON, which is its last line; all of it if there is none. */
static struct span brief_part(struct span entry)
{
        const char *end = memrchr(entry.data, '\n', entry.size - 1);
        struct span brief;

        if (!end)
                return entry;
        brief = span_head(entry, (size_t)(end + 1 - entry.data));
        return span_starts_with(span_skip(entry, brief.size), JSON_FIELD) ? brief : entry;
}

/* Of an entry for whose whole line there is no way. */
static int send_brief(struct sink_journal *s, struct span entry)
{
        const struct span sent = sent_part(entry);
        const struct span spare = span_skip(entry, sent.size);

        if (spare.size == 0)
                return datagram_send(s->fd, brief_part(sent), -1);
        if (spare.size == 1)
                return datagram_send(s->fd, sent, -1);
        buf_reset(&s->fields);
        buf_append_span(&s->fields, brief_part(sent));
        buf_append_string(&s->fields, JSON_FIELD);
        buf_append_span(&s->fields, span_head(spare, spare.size - 1));
        buf_append_char(&s->fields, '\n');
        if (buf_error(&s->fields) < 0)
                return buf_error(&s->fields);
        return datagram_send(s->fd, buf_span(&s->fields), -1);
}

static int write_all(int fd, struct span data)
{
        while (data.size > 0) {
                ssize_t n = write(fd, data.data, data.size);

                if (n < 0 && errno != EINTR)
                        return -errno;
                data = span_skip(data, (size_t)MAX(n, 0));
        }
        return 0;
}

static int memfd_new(struct span data, int *ret)
{
        _cleanup_(closep) int fd = -1;
        int r;

        fd = memfd_create("execsnoopd", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        /* vm.memfd_noexec=2 insists on a fifth seal, which older journalds do not recognize. */
        if (fd < 0 && errno == EACCES)
                fd = memfd_create("execsnoopd", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
        if (fd < 0)
                return -errno;
        r = write_all(fd, data);
        if (r < 0)
                return r;
        if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
                return -errno;
        *ret = TAKE_FD(fd);
        return 0;
}

static bool is_writable(int fd)
{
        struct pollfd p = { .fd = fd, .events = POLLOUT };

        return poll(&p, 1, 0) == 1;
}

/* True as well if the kernel does not say. */
static bool is_all_taken(int fd)
{
        int unread = 0;

        return ioctl(fd, SIOCOUTQ, &unread) < 0 || unread == 0;
}

static bool has_memfd_room(struct sink_journal *s, size_t size)
{
        if (is_all_taken(s->fd))
                s->memfd_bytes = 0;
        s->awaits_memfds = s->memfd_bytes > 0 && s->memfd_bytes + size > MEMFD_BYTES_MAX;
        return !s->awaits_memfds;
}

static int send_entry(struct sink_journal *s, struct span entry)
{
        const struct span sent = sent_part(entry);
        _cleanup_(closep) int memfd = -1;
        int r = -EMSGSIZE;

        s->awaits_memfds = false;
        if (sent.size <= DATAGRAM_SIZE_MAX)
                r = datagram_send(s->fd, sent, -1);
        if (r != -EMSGSIZE && r != -ENOBUFS)
                return r;
        /* don't copy megabytes in vain */
        if (!is_writable(s->fd) || !has_memfd_room(s, sent.size))
                return -EAGAIN;
        if (memfd_new(sent, &memfd) < 0)
                return send_brief(s, entry);
        /* Without any bytes: journald then takes the entry from the memfd. */
        r = datagram_send(s->fd, (struct span){ 0 }, memfd);
        if (r >= 0)
                s->memfd_bytes += sent.size;
        return r;
}

static void sink_journal_reopen(struct sink *sink)
{
        struct sink_journal *s = sink_journal(sink);

        closep(&s->fd);
        s->fd = -1;
        s->memfd_bytes = 0;
        s->awaits_memfds = false;
}

static int sink_journal_connect(struct sink_journal *s)
{
        const int size = SEND_BUFFER_SIZE;
        int r;

        r = datagram_connect(s->path, &s->fd);
        if (r < 0)
                return sink_fail(&s->sink, "connect", r);
        /* FORCE needs CAP_NET_ADMIN, which the service has not; the rest is bounded by wmem_max. */
        if (setsockopt(s->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
                (void)setsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
        return 0;
}

/* Of the oldest entry, with a connection if there was none. */
static int sink_journal_deliver(struct sink_journal *s, struct span entry)
{
        int r;

        if (s->fd < 0) {
                r = sink_journal_connect(s);
                if (r < 0)
                        return r;
        }
        sink_sending(&s->sink);
        r = send_entry(s, entry);
        if (r < 0)
                sink_not_sent(&s->sink);
        if (r < 0 && r != -EAGAIN) {
                (void)sink_fail(&s->sink, "send", r);
                sink_journal_reopen(&s->sink);
        }
        return r;
}

static enum sink_state sink_journal_flush(struct sink *sink)
{
        struct sink_journal *s = sink_journal(sink);
        struct backlog_entry e;
        unsigned n_sent = 0;
        bool failed = false;
        int r;

        while (backlog_peek(sink->backlog, &e, 1) > 0) {
                if (n_sent == FLUSH_ENTRIES_MAX)
                        return SINK_BUSY;
                bool stale = s->fd >= 0 && !failed;

                r = sink_journal_deliver(s, e.data);
                if (r == 0) {
                        n_sent++;
                        sink_delivered(sink, 1);
                        sink_clear_error(sink);
                        continue;
                }
                sink->stats.retries++;
                if (r == -EAGAIN)
                        return SINK_BUSY;
                if (!stale)
                        return SINK_BROKEN;
                failed = true; /* a journald that was restarted is there again: try once more */
        }
        return SINK_IDLE;
}

static int sink_journal_poll_fd(const struct sink *s)
{
        const struct sink_journal *j = (const struct sink_journal *)s;

        return j->awaits_memfds ? -1 : j->fd;
}

static void sink_journal_free(struct sink *sink)
{
        struct sink_journal *s = sink_journal(sink);

        buf_done(&s->fields);
        buf_done(&s->repaired);
        closep(&s->fd);
        free(s);
}

static const struct sink_ops sink_journal_ops = {
        .write = sink_journal_write,
        .flush = sink_journal_flush,
        .poll_fd = sink_journal_poll_fd,
        .reopen = sink_journal_reopen,
        .free = sink_journal_free,
};

void sink_journal_configure(struct sink *s, bool has_text)
{
        s->wants_text = has_text;
}

int sink_journal_new(const char *socket_path, size_t backlog, struct sink **ret)
{
        _cleanup_(sink_freep) struct sink *sink = NULL;
        struct sink_journal *s;
        int r;

        if (strlen(socket_path) >= sizeof(s->path))
                return -ENAMETOOLONG;
        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->fd = -1;
        strcpy(s->path, socket_path);
        sink = &s->sink;
        r = sink_init(sink, &sink_journal_ops, backlog);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(sink);
        return 0;
}
