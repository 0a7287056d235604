/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The value of an event for each key. A new key is a row and its function here, and a row in the
 * manual.
 *
 * A fact that is absent is told apart from one that is not known: a host process has no container,
 * but of a path that was cut nobody knows the beginning. Whatever is not known may be anything.
 */
#include <string.h>

#include "policy/key_words.h"
#include "policy/keys.h"

void event_view_done(struct event_view *v)
{
        buf_done(&v->command_line);
        buf_done(&v->parent_command_line);
        buf_done(&v->ancestors);
}

void event_view_set(struct event_view *v, const struct exec_event *event, bool is_enriched)
{
        v->event = event;
        v->is_enriched = is_enriched;
        v->known = 0;
}

static const struct value unknown = { .state = VALUE_UNKNOWN };
static const struct value unfit = { .state = VALUE_UNFIT };
static const struct value absent = { .state = VALUE_ABSENT };

static struct value number(uint64_t n)
{
        return (struct value){ .state = VALUE_KNOWN, .number = n };
}

static struct value bits(uint64_t set)
{
        return set ? number(set) : absent;
}

static struct value string(struct span text)
{
        return text.data ? (struct value){ .state = VALUE_KNOWN, .text = text } : absent;
}

static bool has(const struct event_view *v, enum exec_fact fact)
{
        return v->event->facts.present & fact;
}

static bool is_cut(const struct event_view *v, enum exec_field field)
{
        return v->event->cut & EXEC_CUT(field);
}

/* A string that comes in a field of the record. */
static struct value field(const struct event_view *v, enum exec_field f, struct span text)
{
        return is_cut(v, f) ? unknown : string(text);
}

static struct value get_event(struct event_view *v)
{
        return bits(KEY_KIND_BIT(v->event->kind));
}

static struct value get_exe(struct event_view *v)
{
        return field(v, FIELD_EXE, v->event->exe);
}

static struct value get_filename(struct event_view *v)
{
        return field(v, FIELD_FILENAME, v->event->filename);
}

static struct value get_comm(struct event_view *v)
{
        return string(v->event->comm);
}

static struct value get_cwd(struct event_view *v)
{
        return field(v, FIELD_CWD, v->event->cwd);
}

static struct value get_argument(struct event_view *v)
{
        struct value value = string(v->event->argv);

        value.is_partial = is_cut(v, FIELD_ARGV);
        if (value.is_partial && value.state == VALUE_ABSENT)
                return unknown;
        return value;
}

/* The strings with blanks in between; false: no memory for it. */
static bool join(struct span strings, struct buf *ret)
{
        buf_reset(ret);
        buf_append_span(ret, strings);
        if (buf_error(ret))
                return false;
        if (ret->size == 0)
                return true;
        if (ret->data[ret->size - 1] == '\0')
                ret->size--;
        for (char *p = ret->data, *end = p + ret->size; p < end; p++) {
                p = memchr(p, '\0', (size_t)(end - p));
                if (!p)
                        break;
                *p = ' ';
        }
        return true;
}

static struct value joined(struct span argv, struct buf *line)
{
        if (!argv.data)
                return absent;
        if (!join(argv, line))
                return unknown;
        return string(line->data ? buf_span(line) : SPAN_LITERAL(""));
}

static struct value get_command_line(struct event_view *v)
{
        if (is_cut(v, FIELD_ARGV))
                return unknown;
        return joined(v->event->argv, &v->command_line);
}

static struct value get_uid(struct event_view *v)
{
        return has(v, FACT_CREDS) ? number(v->event->facts.uid) : unknown;
}

static struct value get_euid(struct event_view *v)
{
        return has(v, FACT_CREDS) ? number(v->event->facts.euid) : unknown;
}

static struct value get_gid(struct event_view *v)
{
        return has(v, FACT_CREDS) ? number(v->event->facts.gid) : unknown;
}

static struct value get_loginuid(struct event_view *v)
{
        return has(v, FACT_LOGINUID) ? number(v->event->facts.loginuid) : absent;
}

static struct value get_capability(struct event_view *v)
{
        return has(v, FACT_CAPS) ? bits(v->event->facts.caps_effective) : unknown;
}

static struct value get_unit(struct event_view *v)
{
        return field(v, FIELD_CGROUP, v->event->names.unit);
}

static struct value get_slice(struct event_view *v)
{
        return field(v, FIELD_CGROUP, v->event->names.slice);
}

static struct value get_user_unit(struct event_view *v)
{
        return field(v, FIELD_CGROUP, v->event->names.user_unit);
}

static struct value get_container(struct event_view *v)
{
        return field(v, FIELD_CGROUP, v->event->names.container_id);
}

static struct value get_cgroup(struct event_view *v)
{
        return field(v, FIELD_CGROUP, v->event->cgroup);
}

static struct value get_tty(struct event_view *v)
{
        return string(v->event->tty);
}

static struct value get_parent_exe(struct event_view *v)
{
        /* Not known is not the same as none: a rule that hides must not take it for another. */
        return v->event->parent_exe.data ? field(v, FIELD_PARENT_EXE, v->event->parent_exe)
                                         : unknown;
}

static struct value get_parent_comm(struct event_view *v)
{
        return has(v, FACT_PARENT) ? string(v->event->parent_comm) : unknown;
}

static struct value get_parent_command_line(struct event_view *v)
{
        if (!v->event->parent_argv.data || (v->event->cut & EVENT_CUT_PARENT_ARGV))
                return unknown;
        return joined(v->event->parent_argv, &v->parent_command_line);
}

/* PID 1, or 2, of which all kernel threads come. */
#define TOP_PID_MAX 2

static struct value get_ancestor(struct event_view *v)
{
        const unsigned n = MIN(v->event->n_ancestors, (unsigned)EXEC_ANCESTORS_MAX);
        const struct event_ancestor *a = v->event->ancestors;
        bool lacks_paths = false;
        struct value value;

        buf_reset(&v->ancestors);
        for (unsigned i = 0; i < n; i++) {
                buf_append(&v->ancestors, a[i].comm, strnlen(a[i].comm, sizeof(a[i].comm)));
                buf_append_char(&v->ancestors, '\0');
                lacks_paths = lacks_paths || !a[i].exe.data;
                if (a[i].exe.data) {
                        buf_append_span(&v->ancestors, a[i].exe);
                        buf_append_char(&v->ancestors, '\0');
                }
        }
        if (buf_error(&v->ancestors))
                return unknown;
        value = n > 0 ? string(buf_span(&v->ancestors)) : absent;
        value.lacks_paths = lacks_paths;
        /* The kernel side gives the nearest ones only. */
        value.is_partial = is_cut(v, FIELD_ANCESTORS) ||
                           (n == EXEC_ANCESTORS_MAX && a[n - 1].pid > TOP_PID_MAX);
        return value.is_partial && n == 0 ? unknown : value;
}

static struct value get_flags(struct event_view *v)
{
        return bits(v->event->facts.traits);
}

static struct value get_error(struct event_view *v)
{
        if (v->event->kind != EVENT_EXEC_FAILED)
                return unfit;
        return has(v, FACT_RETVAL) ? number(-(uint32_t)v->event->facts.retval) : unknown;
}

static struct value get_env(struct event_view *v)
{
        struct value value = string(v->event->env);

        value.is_partial = is_cut(v, FIELD_ENV);
        return value.is_partial && value.state == VALUE_ABSENT ? unknown : value;
}

#define ID_MAX (UINT32_MAX - 1)
#define USER_WORDS                                                                                 \
        .type = KEY_NUMBER, .number_of = key_word_user, .max = ID_MAX,                             \
        .expected = "is not a user, expected a name of this host, a number, a range like "         \
                    "1000-60000, or unset"

const struct key keys[] = {
        { .name = "Event",
          .type = KEY_BITS,
          .get = get_event,
          .is_of_exit = true,
          .number_of = key_word_kind,
          .expected = "is not a kind of event, expected one of: exec exec_failed exec_attempt "
                      "exit" },
        { .name = "Exe", .type = KEY_STRING, .get = get_exe, .is_absolute = true },
        { .name = "Filename", .type = KEY_STRING, .get = get_filename, .is_chosen = true },
        { .name = "Comm",
          .type = KEY_STRING,
          .get = get_comm,
          .is_comm = true,
          .is_of_exit = true,
          .is_chosen = true },
        { .name = "Cwd",
          .type = KEY_STRING,
          .get = get_cwd,
          .is_absolute = true,
          .is_chosen = true },
        { .name = "Argument", .type = KEY_STRINGS, .get = get_argument, .is_chosen = true },
        { .name = "CommandLine", .type = KEY_STRING, .get = get_command_line, .is_chosen = true },
        { .name = "User", .get = get_uid, .is_of_exit = true, USER_WORDS },
        { .name = "Uid", .get = get_uid, .is_of_exit = true, USER_WORDS },
        { .name = "Euid", .get = get_euid, USER_WORDS },
        { .name = "Gid",
          .get = get_gid,
          .type = KEY_NUMBER,
          .number_of = key_word_group,
          .max = ID_MAX,
          .expected = "is not a group, expected a name of this host, a number, a range like "
                      "1000-60000, or unset" },
        { .name = "LoginUser", .get = get_loginuid, .may_be_absent = true, USER_WORDS },
        { .name = "Capability",
          .type = KEY_BITS,
          .get = get_capability,
          .may_be_absent = true,
          .number_of = key_word_capability,
          .expected = "is not a capability, expected a name like cap_net_admin, any or none" },
        { .name = "Unit",
          .type = KEY_STRING,
          .get = get_unit,
          .is_late = true,
          .may_be_absent = true,
          .suffixed = ".service" },
        { .name = "Slice",
          .type = KEY_STRING,
          .get = get_slice,
          .is_late = true,
          .may_be_absent = true,
          .suffixed = ".slice" },
        { .name = "UserUnit",
          .type = KEY_STRING,
          .get = get_user_unit,
          .is_late = true,
          .is_chosen = true,
          .may_be_absent = true,
          .suffixed = ".service" },
        { .name = "Cgroup",
          .type = KEY_STRING,
          .get = get_cgroup,
          .is_absolute = true,
          .may_be_absent = true },
        { .name = "Container",
          .type = KEY_STRING,
          .get = get_container,
          .is_late = true,
          .may_be_absent = true },
        { .name = "Tty",
          .type = KEY_STRING,
          .get = get_tty,
          .is_chosen = true,
          .may_be_absent = true },
        { .name = "ParentExe",
          .type = KEY_STRING,
          .get = get_parent_exe,
          .is_absolute = true,
          .may_be_absent = true },
        { .name = "ParentComm",
          .type = KEY_STRING,
          .get = get_parent_comm,
          .is_comm = true,
          .is_chosen = true,
          .may_be_absent = true },
        { .name = "ParentCommandLine",
          .type = KEY_STRING,
          .get = get_parent_command_line,
          .is_chosen = true,
          .may_be_absent = true },
        { .name = "Ancestor",
          .type = KEY_STRINGS,
          .get = get_ancestor,
          .is_comm = true,
          .is_chosen = true,
          .may_be_absent = true,
          .may_lack_paths = true },
        { .name = "Flags",
          .type = KEY_BITS,
          .get = get_flags,
          .may_be_absent = true,
          .number_of = key_word_flag,
          .expected = "is not a flag, expected words like memfd setuid, as in the events, any or "
                      "none" },
        { .name = "Error",
          .type = KEY_NUMBER,
          .get = get_error,
          .number_of = key_word_error,
          .max = UINT32_MAX,
          .expected = "is not an error, expected a name like ENOENT or a number" },
        { .name = "Env",
          .type = KEY_STRINGS,
          .get = get_env,
          .is_chosen = true,
          .may_be_absent = true,
          .is_variable = true },
        { .name = NULL },
};

_Static_assert(ELEMENTSOF(keys) - 1 == KEYS_COUNT, "KEYS_COUNT is how many there are");

const struct value *key_value_slowly(const struct key *k, struct event_view *v)
{
        struct value *value = &v->values[k - keys];

        if (v->event->kind == EVENT_EXIT && !k->is_of_exit)
                *value = unfit;
        else
                *value = k->get(v);
        v->known |= UINT32_C(1) << (k - keys);
        return value;
}

const struct key *key_find(struct span name)
{
        for (const struct key *k = keys; k->name; k++)
                if (span_is(name, k->name))
                        return k;
        return NULL;
}
