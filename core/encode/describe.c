/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Descriptions of what the kernel has seen: who, from where, what, below what.
 *
 * Only the command can be long. It comes in the middle, so that the beginning and the end of the
 * line always say the same things in the same places, and has a fixed room for that reason; as has
 * each name, which a process or an administrator has chosen.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/wait.h>

#include "base/show.h"
#include "encode/describe.h"

/* More than one wants to read; journalctl shows the first 300 of a message unless asked for all. */
#define COMMAND_SIZE_MAX 2000

/* The longest unit with a meaning is that of a container: 64 digits and some words. */
#define NAME_SIZE_MAX 128

/* user, euser, tty, unit, user_unit, container, rule and all tags, each at most NAME_SIZE_MAX */
#define NAMES_MAX 8

/* Each byte of a comm as \x00, and " < " between. */
#define ANCESTORS_SIZE_MAX (EXEC_ANCESTORS_MAX * (4 * (EXEC_COMM_SIZE - 1) + 3))

/* Numbers, the words around them, and all flags there are. */
#define FIXED_SIZE_MAX 512

_Static_assert(COMMAND_SIZE_MAX + NAMES_MAX * NAME_SIZE_MAX + ANCESTORS_SIZE_MAX + FIXED_SIZE_MAX <=
                       DESCRIPTION_SIZE_MAX,
               "a description fits without being measured");

#define CUT_MARK "..."

/* The end of the last whole character that is within `max` bytes. */
static struct span whole_head(struct span s, size_t max)
{
        if (s.size <= max)
                return s;
        while (max > 0 && ((uint8_t)s.data[max] & 0xc0) == 0x80)
                max--;
        return span_head(s, max);
}

/* Of what has been shown from `start` on at most `max` bytes are left, with a mark; or false. */
static bool cut_to(struct buf *b, size_t start, size_t max)
{
        if (buf_error(b) || b->size - start <= max)
                return false;
        b->size = start + whole_head(span_skip(buf_span(b), start), max - strlen(CUT_MARK)).size;
        buf_append_string(b, CUT_MARK);
        return true;
}

static void append_name(struct span name, struct buf *ret)
{
        const size_t start = ret->size;

        /* one character more than there is room for is enough to see that it is cut */
        show_text(whole_head(name, NAME_SIZE_MAX + 4), ret);
        (void)cut_to(ret, start, NAME_SIZE_MAX);
}

static void append_user(struct span name, uint32_t uid, struct buf *ret)
{
        if (name.size > 0) {
                append_name(name, ret);
                buf_printf(ret, "(%" PRIu32 ")", uid);
        } else {
                buf_printf(ret, "uid %" PRIu32, uid);
        }
}

static struct span last_part(struct span path)
{
        const char *slash = path.size > 0 ? memrchr(path.data, '/', path.size) : NULL;

        return slash ? span_skip(path, (size_t)(slash + 1 - path.data)) : path;
}

/*
 * How a session came about, by the program that makes it, which stays its ancestor. Where the path
 * of its program is not known it is by a name that others can take, too: good enough for a hint.
 */
static const char *way_in(const struct exec_event *event)
{
        static const struct {
                const char *program, *way;
        } ways[] = {
                { "sshd", "ssh" },     { "sshd-session", "ssh" }, { "dropbear", "ssh" },
                { "login", "login" },  { "cron", "cron" },        { "crond", "cron" },
                { "anacron", "cron" }, { "atd", "at" },
        };

        for (unsigned i = 0; i < event->n_ancestors; i++) {
                const struct event_ancestor *a = &event->ancestors[i];
                const struct span name = a->exe.size > 0 ? last_part(a->exe) : span_of(a->comm);

                for (size_t k = 0; k < ELEMENTSOF(ways); k++)
                        if (span_is(name, ways[k].program))
                                return ways[k].way;
        }
        return NULL;
}

/* root(0) ssh pts/0; ann(1000) as root(0) of one that has become another only in effect. */
static void append_who(const struct exec_event *event, struct buf *ret)
{
        const struct exec_facts *f = &event->facts;
        const char *way = way_in(event);

        if (event_has(event, FACT_CREDS)) {
                append_user(event->user, f->uid, ret);
                if (f->euid != f->uid) {
                        buf_append_string(ret, " as ");
                        append_user(event->euser, f->euid, ret);
                }
        } else {
                buf_append_char(ret, '?');
        }
        if (event_has(event, FACT_LOGINUID) && f->loginuid != f->uid)
                buf_printf(ret, " login %" PRIu32, f->loginuid);
        if (way)
                buf_printf(ret, " %s", way);
        if (event->tty.size > 0) {
                buf_append_char(ret, ' ');
                append_name(event->tty, ret);
        }
        buf_append_string(ret, ": ");
}

/* As one would type it. What is longer in the event has a mark, whoever has cut it. */
static void append_command(const struct exec_event *event, struct buf *ret)
{
        const size_t max = COMMAND_SIZE_MAX - strlen(" " CUT_MARK), start = ret->size;
        const struct span argv = event->argv;
        struct span name = event->filename;

        if (argv.size > 0) {
                show_words(whole_head(argv, max), false, ret);
        } else {
                if (name.size == 0)
                        name = event->exe.size > 0 ? event->exe : event->comm;
                show_word(whole_head(name, max), true, false, ret);
        }
        if (!cut_to(ret, start, max) &&
            (argv.size > max || name.size > max || (event->cut & EXEC_CUT(FIELD_ARGV))))
                buf_append_string(ret, " " CUT_MARK);
}

/* "  [session-5.scope]"; of what is not there nothing. */
static void append_unit(const struct cgroup_names *names, struct buf *ret)
{
        const struct span parts[] = { names->unit, names->user_unit, names->container_id };
        const char *before = "  [";

        for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
                if (parts[i].size == 0)
                        continue;
                buf_append_string(ret, before);
                if (i == 2)
                        buf_append_string(ret, "container ");
                append_name(parts[i], ret);
                before = ", ";
        }
        if (*before == ',')
                buf_append_char(ret, ']');
}

static void append_tags(struct span tags, struct buf *ret)
{
        const size_t start = ret->size;
        struct span tag;

        while (span_cut(&tags, '\0', &tag) && ret->size - start <= NAME_SIZE_MAX) {
                buf_append_string(ret, " #");
                show_text(tag, ret);
        }
        (void)cut_to(ret, start, NAME_SIZE_MAX);
}

/* " < bash < sshd": the nearest first, without PID 1, below which all are. */
static void append_ancestors(const struct exec_event *event, struct buf *ret)
{
        if (event->n_ancestors == 0 && event->parent_comm.size > 0) {
                buf_append_string(ret, " < ");
                append_name(event->parent_comm, ret);
        }
        for (unsigned i = 0; i < event->n_ancestors; i++) {
                if (i > 0 && event->ancestors[i].pid == 1)
                        break;
                buf_append_string(ret, " < ");
                append_name(span_of(event->ancestors[i].comm), ret);
        }
}

static void append_where(const struct exec_event *event, struct buf *ret)
{
        append_unit(&event->names, ret);
        if (event->facts.traits) {
                buf_append_string(ret, " (");
                event_append_traits(event->facts.traits, ret);
                buf_append_char(ret, ')');
        }
        append_tags(event->tags, ret);
        append_ancestors(event, ret);
}

static void append_error(uint32_t error, struct buf *ret)
{
        const char *name = error <= INT32_MAX ? strerrorname_np((int)error) : NULL;

        if (name)
                buf_printf(ret, "%s, %s", name, strerrordesc_np((int)error));
        else
                buf_printf(ret, "error %" PRIu32, error);
}

static void append_result(const struct exec_event *event, struct buf *ret)
{
        switch (event->kind) {
        case EVENT_EXEC_FAILED:
                buf_append_string(ret, "failed");
                if (event_has(event, FACT_RETVAL) && event->facts.retval < 0) {
                        buf_append_string(ret, " (");
                        append_error(-(uint32_t)event->facts.retval, ret);
                        buf_append_char(ret, ')');
                }
                buf_append_string(ret, ": ");
                break;
        case EVENT_EXEC_ATTEMPT:
                buf_append_string(ret, "attempt: ");
                break;
        case EVENT_PROCESS:
                buf_append_string(ret, "runs already: ");
                break;
        default:
                break;
        }
}

static void describe_exec(const struct exec_event *event, struct buf *ret)
{
        append_who(event, ret);
        append_result(event, ret);
        append_command(event, ret);
        append_where(event, ret);
}

static void describe_exit(const struct exec_event *event, struct buf *ret)
{
        const int status = (int)event->status;
        const char *signal = WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : NULL;

        append_name(event->comm, ret);
        buf_printf(ret, "[%" PRIu32 "] of uid %" PRIu32, event->facts.pid, event->facts.uid);
        if (signal)
                buf_printf(ret, " was killed by SIG%s", signal);
        else if (WIFSIGNALED(status))
                buf_printf(ret, " was killed by signal %d", WTERMSIG(status));
        else
                buf_printf(ret, " has ended with status %d", WEXITSTATUS(status));
        if (WIFSIGNALED(status) && WCOREDUMP(status))
                buf_append_string(ret, " (core dumped)");
        buf_append_string(ret, " after ");
        show_duration(event->duration_ns, ret);
        append_tags(event->tags, ret);
}

static void describe_summary(const struct exec_event *event, struct buf *ret)
{
        static const char *const words[_EVENT_KIND_MAX] = {
                [EVENT_EXEC] = "exec",
                [EVENT_EXEC_FAILED] = "failed exec",
                [EVENT_EXEC_ATTEMPT] = "attempt",
                [EVENT_EXIT] = "end",
        };
        const struct event_summary *s = event->summary;
        const char *word = words[s->kind] ? words[s->kind] : event_kind_name(s->kind);

        buf_printf(ret, "%" PRIu64 " more %s%s within ", s->count, word, s->count == 1 ? "" : "s");
        show_duration(s->to_ns - MIN(s->from_ns, s->to_ns), ret);
        if (s->rule) {
                buf_append_string(ret, " (rule ");
                append_name(span_of(s->rule), ret);
                buf_append_char(ret, ')');
        }
        buf_append_string(ret, ": ");
        append_who(event, ret);
        append_command(event, ret);
        append_where(event, ret);
}

static void append_sha256(const uint8_t sha256[static SHA256_SIZE], struct buf *ret)
{
        for (size_t i = 0; i < SHA256_SIZE; i++)
                buf_printf(ret, "%02x", sha256[i]);
}

static void describe_file(const struct exec_event *event, struct buf *ret)
{
        static const char *const reasons[_HASH_RESULT_MAX] = {
                [HASH_NO_NAME] = "it is not where it was",
                [HASH_OTHER_FILE] = "another file has its name",
                [HASH_CHANGED] = "it has changed",
                [HASH_TOO_LARGE] = "it is too large",
                [HASH_TIMEOUT] = "reading it took too long",
                [HASH_HASHER] = "the process that reads has ended",
        };
        const char *reason = reasons[event->hash_result];
        const size_t start = ret->size;

        buf_append_string(ret, "new program ");
        show_word(whole_head(event->exe, COMMAND_SIZE_MAX), false, false, ret);
        (void)cut_to(ret, start, COMMAND_SIZE_MAX);
        if (event->exe_sha256) {
                buf_append_string(ret, ", SHA-256 ");
                append_sha256(event->exe_sha256, ret);
                return;
        }
        buf_append_string(ret, ", without a hash: ");
        if (event->hash_result == HASH_UNREADABLE)
                append_error(event->hash_error, ret);
        else
                buf_append_string(ret, reason ? reason : hash_result_name(event->hash_result));
}

void describe_event(const struct exec_event *event, struct buf *ret)
{
        switch (event->kind) {
        case EVENT_EXIT:
                describe_exit(event, ret);
                break;
        case EVENT_SUMMARY:
                describe_summary(event, ret);
                break;
        case EVENT_FILE:
                describe_file(event, ret);
                break;
        default:
                describe_exec(event, ret);
                break;
        }
}
