/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * An event of any bytes, through the journal sink to a real socket: what arrives parses by the
 * documentation of the native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL), has exactly the fields
 * of the contract, and nothing in it that journalctl shows as null or as an array of numbers. A
 * second entry behind it shows where the first one has ended. All of it twice: the message is the
 * line, and a text.
 *
 * The first byte says by which way it goes: whether argv is repeated until the entry outgrows a
 * datagram, whether there are descriptors for a memfd, and the kind of the second event. The others
 * are a record: taken as they are, else put right (record_input.h).
 */
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <json-c/json.h>

#include "../unit/canonical_json.h"
#include "base/message_id.h"
#include "base/text.h"
#include "encode/describe.h"
#include "event/decode.h"
#include "event/enrich.h"
#include "record_input.h"
#include "sink/sink.h"

#define BOOT_ID "0123456789abcdef0123456789abcdef"

/* 128 KiB of argv in JSON, where a byte may become six, and eight with its base64. */
#define BACKLOG_SIZE (size_t)(2 * MIB)

#define CONTROL_IS_LARGE(byte) (((byte)&7) == 7) /* seldom: it takes milliseconds */
#define CONTROL_HAS_NO_FDS(byte) (((byte)&8) != 0)
#define CONTROL_NEXT_KIND(byte) ((byte)&16 ? EVENT_STOP : (byte) >> 5)

/* As journald and its readers accept it. */
#define NAME_SIZE_MAX 64
#define FIELD_SIZE_MAX 4095
#define DATAGRAM_SIZE_MAX (96 * KIB)
#define FIELDS_MAX 20

/* More than all fields but the lines ever take. */
#define FIELDS_SIZE_MAX (32 * KIB)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct receiver {
        char path[64];
        int fd;
};

struct field {
        struct span name, value;
};

struct entry {
        char *data; /* all spans point into it */
        size_t size;
        bool by_memfd;
        size_t n_fields;
        struct field fields[FIELDS_MAX];
};

/* An event on its way, and its lines. */
struct sent {
        struct exec_event event;
        struct line line, brief;
        struct span text; /* NULL: the message is the line */
        uint64_t seq;
        bool has_fds;
};

static void receiver_init(struct receiver *j)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int r;

        /* Without a folder of its own: to remove one takes longer than all the rest. */
        (void)snprintf(j->path, sizeof(j->path), "/tmp/fuzz_journal.%d", getpid());
        (void)unlink(j->path);
        strcpy(address.sun_path, j->path);
        j->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert(j->fd >= 0);
        r = bind(j->fd, (struct sockaddr *)&address, sizeof(address));
        assert(r == 0);
}

static void receiver_done(struct receiver *j)
{
        closep(&j->fd);
        (void)unlink(j->path);
}

static void entry_done(struct entry *e)
{
        free(e->data);
}

static void read_memfd(int fd, struct entry *ret)
{
        const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
        struct stat st;
        int r;

        r = fcntl(fd, F_GET_SEALS);
        assert(r == seals); /* older journalds compare for equality */
        r = fstat(fd, &st);
        assert(r == 0);
        ret->by_memfd = true;
        ret->size = (size_t)st.st_size;
        ret->data = malloc(ret->size);
        assert(ret->data);
        assert(pread(fd, ret->data, ret->size, 0) == st.st_size);
}

/* The next datagram, or what is in the memfd that came with it. */
static void receive(const struct receiver *j, struct entry *ret)
{
        char control[CMSG_SPACE(4 * sizeof(int))];
        struct iovec iov;
        struct msghdr m = { .msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = sizeof(control) };
        ssize_t size = recv(j->fd, NULL, 0, MSG_PEEK | MSG_TRUNC), n;
        _cleanup_(closep) int fd = -1;
        struct cmsghdr *c;

        assert(size >= 0);
        *ret = (struct entry){ .size = (size_t)size, .data = malloc((size_t)size) };
        assert(ret->data);
        iov = (struct iovec){ ret->data, ret->size };
        n = recvmsg(j->fd, &m, MSG_CMSG_CLOEXEC);
        assert(n == size);
        c = CMSG_FIRSTHDR(&m);
        if (!c) {
                assert(size > 0 && (uint64_t)size <= DATAGRAM_SIZE_MAX);
                return;
        }
        assert(size == 0); /* journald looks at one or the other */
        assert(c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS);
        assert(c->cmsg_len == CMSG_LEN(sizeof(int)));
        memcpy(&fd, CMSG_DATA(c), sizeof(fd));
        free(ret->data);
        read_memfd(fd, ret);
}

/* Takes a field off the front. */
static struct field parse_field(struct span *rest)
{
        const char *newline = memchr(rest->data, '\n', rest->size), *equals;
        const char *end = rest->data + rest->size, *p = rest->data;
        struct field f = { 0 };
        uint64_t size;

        assert(newline && newline > p); /* an empty line would begin the next entry */
        equals = memchr(p, '=', (size_t)(newline - p));
        f.name = (struct span){ p, (size_t)((equals ? equals : newline) - p) };
        if (equals) {
                f.value = (struct span){ equals + 1, (size_t)(newline - equals - 1) };
                p = newline + 1;
        } else {
                assert((size_t)(end - newline - 1) > sizeof(size));
                memcpy(&size, newline + 1, sizeof(size));
                size = le64toh(size);
                p = newline + 1 + sizeof(size);
                assert(size < (size_t)(end - p));
                f.value = (struct span){ p, size };
                p += size;
                assert(*p == '\n');
                p++;
        }
        *rest = (struct span){ p, (size_t)(end - p) };
        return f;
}

static struct span get(const struct entry *e, const char *name)
{
        struct span value = { 0 };

        for (size_t i = 0; i < e->n_fields; i++) {
                const struct field *f = &e->fields[i];

                if (f->name.size != strlen(name) || memcmp(f->name.data, name, f->name.size) != 0)
                        continue;
                assert(!value.data); /* once */
                value = f->value;
        }
        return value;
}

static bool is_name(struct span s)
{
        if (s.size == 0 || s.size > NAME_SIZE_MAX || s.data[0] == '_')
                return false;
        for (size_t i = 0; i < s.size; i++)
                if (s.data[i] != '_' && (s.data[i] < 'A' || s.data[i] > 'Z'))
                        return false;
        return true;
}

static bool is_shown(uint32_t c)
{
        return c < 0x20 ? c == '\t' || c == '\n' : canonical_is_shown(c);
}

static bool is_shown_text(struct span s)
{
        const uint8_t *p = (const uint8_t *)s.data, *end = p + s.size;

        if (!text_is_valid(s))
                return false;
        while (p < end)
                if (!is_shown(canonical_character(&p)))
                        return false;
        return true;
}

static bool is_json(const struct field *f)
{
        return f->name.size == strlen("EXECSNOOP_JSON") &&
               memcmp(f->name.data, "EXECSNOOP_JSON", f->name.size) == 0;
}

static void parse(struct entry *e)
{
        struct span rest = { e->data, e->size };

        while (rest.size > 0) {
                struct field *f = &e->fields[e->n_fields++];

                assert(e->n_fields <= FIELDS_MAX);
                *f = parse_field(&rest);
                assert(is_name(f->name));
                assert(is_shown_text(f->value));
                assert(is_json(f) || f->name.size + 1 + f->value.size <= FIELD_SIZE_MAX);
        }
}

static bool equals(struct span s, const char *string)
{
        return s.data && s.size == strlen(string) && memcmp(s.data, string, s.size) == 0;
}

static bool is_absent(const struct entry *e, const char *name)
{
        return !get(e, name).data;
}

/* Returns how many fields this is. */
static size_t check_number(const struct entry *e, const char *name, bool is_there, int64_t value)
{
        char digits[24];

        if (!is_there) {
                assert(is_absent(e, name));
                return 0;
        }
        (void)snprintf(digits, sizeof(digits), "%" PRId64, value);
        assert(equals(get(e, name), digits));
        return 1;
}

/* What can be shown of these bytes, or as much of that as fits; whole characters. */
static size_t check_text(const struct entry *e, const char *name, struct span bytes)
{
        const size_t room = FIELD_SIZE_MAX - 1 - strlen(name);
        _cleanup_(buf_done) struct buf repaired = { 0 }, shown = { 0 };
        const struct span value = get(e, name);
        const uint8_t *p;

        assert(!value.data == !bytes.data);
        if (!bytes.data)
                return 0;
        text_repair(bytes, &repaired);
        buf_append_char(&repaired, '\0');
        for (p = (const uint8_t *)repaired.data; *p;) {
                const uint8_t *start = p;
                uint32_t c = canonical_character(&p);
                struct span next = { (const char *)start, (size_t)(p - start) };

                if (!is_shown(c))
                        next = SPAN_LITERAL(TEXT_REPLACEMENT);
                if (shown.size + next.size > room)
                        break;
                buf_append_span(&shown, next);
        }
        assert(value.size == shown.size);
        assert(value.size == 0 || memcmp(value.data, shown.data, value.size) == 0);
        return 1;
}

static size_t check_about(const struct entry *e, const struct exec_event *x)
{
        const bool is_exec = x->kind == EVENT_EXEC;
        size_t n = 0;

        n += check_number(e, "EXECSNOOP_PID", true, x->facts.pid);
        n += check_number(e, "EXECSNOOP_PPID", x->facts.present & FACT_PARENT, x->facts.ppid);
        n += check_number(e, "EXECSNOOP_UID", x->facts.present & FACT_CREDS, x->facts.uid);
        n += check_number(e, "EXECSNOOP_LOGINUID", x->facts.present & FACT_LOGINUID,
                          x->facts.loginuid);
        n += check_number(e, "EXECSNOOP_RETVAL", is_exec || (x->facts.present & FACT_RETVAL),
                          is_exec ? 0 : x->facts.retval);
        n += check_text(e, "EXECSNOOP_COMM", x->comm);
        n += check_text(e, "EXECSNOOP_EXE", x->exe);
        n += check_text(e, "EXECSNOOP_UNIT", x->names.unit);
        n += check_text(e, "EXECSNOOP_CGROUP", x->cgroup);
        return n;
}

static size_t check_kind(const struct entry *e, enum event_kind kind, uint64_t seq)
{
        static const struct {
                const char *priority, *id;
        } expected[_EVENT_KIND_MAX] = {
                [EVENT_START] = { "5", MESSAGE_ID_START },
                [EVENT_EXEC] = { "6", MESSAGE_ID_EXEC },
                [EVENT_EXEC_FAILED] = { "6", MESSAGE_ID_EXEC_FAILED },
                [EVENT_EXEC_ATTEMPT] = { "6", MESSAGE_ID_EXEC_ATTEMPT },
                [EVENT_EXIT] = { "6", MESSAGE_ID_EXIT },
                [EVENT_PROCESS] = { "6", MESSAGE_ID_PROCESS },
                [EVENT_SUMMARY] = { "6", MESSAGE_ID_SUMMARY },
                [EVENT_FILE] = { "6", MESSAGE_ID_FILE },
                [EVENT_LOST] = { "4", MESSAGE_ID_LOST },
                [EVENT_STATS] = { "6", MESSAGE_ID_STATS },
                [EVENT_STOP] = { "5", MESSAGE_ID_STOP },
        };

        assert(equals(get(e, "SYSLOG_IDENTIFIER"), "execsnoopd"));
        assert(equals(get(e, "EXECSNOOP_EVENT"), event_kind_name(kind)));
        assert(equals(get(e, "PRIORITY"), expected[kind].priority));
        assert(equals(get(e, "MESSAGE_ID"), expected[kind].id));
        return 4 + check_number(e, "EXECSNOOP_SEQ", true, (int64_t)seq);
}

/* The line with this seq, byte for byte; and it is JSON. */
static void check_line(struct span value, const struct line *line, uint64_t seq)
{
        _cleanup_(buf_done) struct buf expected = { 0 };
        struct json_object *json;

        buf_append_span(&expected, line->head);
        buf_append_u64(&expected, seq);
        buf_append_span(&expected, line->tail);
        assert(buf_error(&expected) == 0);
        assert(value.size == expected.size);
        assert(memcmp(value.data, expected.data, value.size) == 0);
        json = canonical_parse(value);
        assert(json);
        json_object_put(json);
}

/* The text is there, and the whole line, but where nothing can carry it: then the brief one. */
static size_t check_message(const struct entry *e, const struct sent *s, bool is_cut)
{
        const struct span message = get(e, "MESSAGE"), line = get(e, "EXECSNOOP_JSON");
        const size_t size = s->line.head.size + s->line.tail.size;
        const bool is_brief = !s->has_fds && is_cut && size + FIELDS_SIZE_MAX > DATAGRAM_SIZE_MAX &&
                              line.size <= BRIEF_LINE_MAX;

        assert(message.size == s->text.size);
        assert(memcmp(message.data, s->text.data, message.size) == 0);
        check_line(line, is_brief ? &s->brief : &s->line, s->seq);
        assert(s->has_fds || !e->by_memfd);
        return 2;
}

/* The whole line is there if the brief one is another, but where nothing can carry it. */
static size_t check_lines(const struct entry *e, const struct sent *s)
{
        const struct span message = get(e, "MESSAGE"), whole = get(e, "EXECSNOOP_JSON");
        const size_t size = s->line.head.size + s->line.tail.size;
        const bool is_cut = s->brief.head.size + s->brief.tail.size != size ||
                            memcmp(s->brief.tail.data, s->line.tail.data, s->line.tail.size) != 0;

        if (s->text.data)
                return check_message(e, s, is_cut);
        check_line(message, &s->brief, s->seq);
        if (whole.data) {
                assert(is_cut);
                check_line(whole, &s->line, s->seq);
                assert(s->has_fds || !e->by_memfd);
                return 2;
        }
        if (is_cut)
                assert(!s->has_fds &&
                       e->size + strlen("EXECSNOOP_JSON=\n") + size + LINE_SEQ_DIGITS_MAX >
                               DATAGRAM_SIZE_MAX);
        return 1;
}

static void check_entry(const struct receiver *j, const struct sent *s)
{
        _cleanup_(entry_done) struct entry e;
        size_t n = 0;

        receive(j, &e);
        parse(&e);
        n += check_kind(&e, s->event.kind, s->seq);
        n += check_lines(&e, s);
        if (event_kind_is_kernel(s->event.kind))
                n += check_about(&e, &s->event);
        assert(n == e.n_fields);
}

/* With so many descriptors at most: 1 is what poll() needs for its array. */
static enum sink_state flush_limited(struct sink *sink, rlim_t n_fds)
{
        struct rlimit before, limit;
        enum sink_state state;
        int r;

        r = getrlimit(RLIMIT_NOFILE, &before);
        assert(r == 0);
        limit = (struct rlimit){ .rlim_cur = n_fds, .rlim_max = before.rlim_max };
        r = setrlimit(RLIMIT_NOFILE, &limit);
        assert(r == 0);
        state = sink_flush(sink);
        r = setrlimit(RLIMIT_NOFILE, &before);
        assert(r == 0);
        return state;
}

static void flush(struct sink *sink, bool has_fds)
{
        const enum sink_state state = has_fds ? sink_flush(sink) : flush_limited(sink, 1);

        assert(state == SINK_IDLE);
        assert(sink->error == 0 && sink->stats.backlog == 0);
}

static void send_event(struct sink *sink, struct sent *s)
{
        const bool is_kernel = event_kind_is_kernel(s->event.kind);
        const struct message m = { .kind = s->event.kind,
                                   .line = s->line,
                                   .brief = s->brief,
                                   .text = s->text,
                                   .events = s->event.kind == EVENT_LOST,
                                   .event = is_kernel ? &s->event : NULL };
        int r;

        r = sink_write(sink, &m);
        assert(r == 0);
        s->seq = sink->seq;
}

/* An event of which nothing is to be said, by which the sink is connected, too. */
static void send_plain(const struct receiver *j, struct sink *sink, enum event_kind kind)
{
        struct sent s = { .event = { .kind = kind },
                          .line = { SPAN_LITERAL("{\"seq\":"), SPAN_LITERAL("}") },
                          .has_fds = true };

        s.brief = s.line;
        send_event(sink, &s);
        flush(sink, true);
        check_entry(j, &s);
}

static void try_event(const struct exec_event *event, uint8_t control, bool has_text)
{
        const struct encode_context context = { .boot_id = BOOT_ID, .host = "box" };
        _cleanup_(encoder_freep) struct encoder *e = NULL;
        _cleanup_(receiver_done) struct receiver j = { .fd = -1 };
        _cleanup_(sink_freep) struct sink *sink = NULL;
        _cleanup_(buf_done) struct buf text = { 0 };
        struct sent s = { .event = *event, .has_fds = !CONTROL_HAS_NO_FDS(control) };
        int r;

        r = encoder_new(&context, &e);
        assert(r == 0);
        r = encode_event(e, event, 0, &s.line);
        assert(r == 0);
        s.brief = s.line;
        if (s.line.head.size + LINE_SEQ_DIGITS_MAX + s.line.tail.size > BRIEF_LINE_MAX) {
                r = encode_event(e, event, BRIEF_LINE_MAX, &s.brief);
                assert(r == 0);
        }
        receiver_init(&j);
        r = sink_journal_new(j.path, BACKLOG_SIZE, &sink);
        assert(r == 0);
        send_plain(&j, sink, EVENT_START);
        if (has_text) {
                sink_journal_configure(sink, true);
                describe_event(event, &text);
                assert(buf_error(&text) == 0);
                s.text = buf_span(&text);
        }
        send_event(sink, &s);
        flush(sink, s.has_fds);
        check_entry(&j, &s);
        send_plain(&j, sink, CONTROL_NEXT_KIND(control));
        assert(sink->stats.lines == 3);
        assert(recv(j.fd, NULL, 0, MSG_PEEK) < 0 && errno == EAGAIN);
}

static bool decode(struct decoder *d, char *record, size_t size, struct exec_event *ret)
{
        if (decode_record(d, record, size, ret) == DECODE_OK)
                return true;
        if (!record_input_has_size(size))
                return false;
        record_input_put_right(record, size);
        return decode_record(d, record, size, ret) == DECODE_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(decoder_freep) struct decoder *d = NULL;
        _cleanup_(enricher_freep) struct enricher *enricher = NULL;
        _cleanup_(freep) char *record = NULL;
        _cleanup_(buf_done) struct buf argv = { 0 };
        struct exec_event event;
        int r;

        if (size < 1)
                return 0;
        record = malloc(size - 1);
        assert(record);
        memcpy(record, data + 1, size - 1);
        r = decoder_new(&d);
        assert(r == 0);
        r = enricher_new(NULL, &enricher);
        assert(r == 0);
        if (!decode(d, record, size - 1, &event))
                return 0;
        if (CONTROL_IS_LARGE(data[0]) && event.argv.size > 0) {
                while (argv.size < DATAGRAM_SIZE_MAX)
                        buf_append_span(&argv, event.argv);
                assert(buf_error(&argv) == 0);
                event.argv = buf_span(&argv);
        }
        enrich_event(enricher, &event);
        try_event(&event, data[0], false);
        try_event(&event, data[0], true);
        return 0;
}
