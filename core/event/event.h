/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * An event as the stages after decode see it: facts, not bytes of the wire.
 *
 * Every fact that can be absent says so: a span whose data is NULL, or event_has() (enum exec_fact
 * of the wire format). All spans are borrowed from the record and from the decoder; they are valid
 * until the next event is decoded. Nobody keeps one.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "event/cgroup.h"
#include "exec_record.h"

enum event_kind {
        EVENT_START,
        EVENT_EXEC,
        EVENT_EXEC_FAILED,
        EVENT_EXEC_ATTEMPT,
        EVENT_EXIT,
        EVENT_PROCESS, /* runs already when the daemon starts */
        EVENT_SUMMARY,
        EVENT_FILE,
        EVENT_LOST,
        EVENT_STATS,
        EVENT_STOP,
        _EVENT_KIND_MAX,
};

/* "exec_failed" and so on: the value of the key `event`. Static. */
const char *event_kind_name(enum event_kind kind);
enum event_kind event_kind_from_name(const char *name); /* _EVENT_KIND_MAX: there is none */

/*
 * "memfd" and so on: the word in `flags` for a bit of enum exec_trait. Static; NULL: there is no
 * such trait, and none with a higher bit.
 */
const char *event_trait_name(unsigned bit);

/* Those words, with commas between. */
void event_append_traits(uint32_t traits, struct buf *ret);

/* True for the kinds that the kernel counts in `seen`. */
static inline bool event_kind_is_kernel(enum event_kind kind)
{
        return kind >= EVENT_EXEC && kind <= EVENT_EXIT;
}

/* Events that one line stands for; what they have in common is in the event that has this. */
struct event_summary {
        const char *rule; /* that summed them up; NULL: one that is gone */
        enum event_kind kind;
        uint64_t count;
        uint64_t from_ns, to_ns; /* CLOCK_BOOTTIME of the first and the last of them */
};

/* A file that is open as standard input, output or error. */
struct event_descriptor {
        enum exec_descriptor_type type; /* DESCRIPTOR_CLOSED: it is not, or not known */
        uint64_t ino;                   /* of pipes and sockets */
        uint32_t dev;                   /* of pipes that have a name, else 0 */
        uint8_t family;                 /* of sockets: AF_INET and so on */
        bool is_cut;                    /* it has addresses, and they did not come */
        struct span local, peer;        /* of sockets, as text: "10.0.0.1:22", "[::1]:22", "/path",
                                           "@abstract", "CID:PORT" */
};

/* "tty" and so on: the value of the key `type`. Static; not of DESCRIPTOR_CLOSED. */
const char *event_descriptor_type_name(enum exec_descriptor_type type);

/* "inet" and so on; NULL: one of the rare ones, which its number has to name. */
const char *event_family_name(uint8_t family);

#define SHA256_SIZE 32

/* What has become of the attempt to read the file of a program. */
enum hash_result {
        HASH_OK,
        HASH_NO_NAME,    /* it is not where we could look for it */
        HASH_UNREADABLE, /* an error says why */
        HASH_OTHER_FILE, /* what has its name is another file */
        HASH_CHANGED,    /* it is no longer what was executed, or was changed meanwhile */
        HASH_TOO_LARGE,
        HASH_TIMEOUT,
        HASH_HASHER, /* the process that reads has ended in the middle */
        _HASH_RESULT_MAX,
};

/* "no_name" and so on: the value of the key `reason`; not of HASH_OK. Static. */
const char *hash_result_name(enum hash_result result);

struct event_ancestor {
        uint32_t pid;
        char comm[EXEC_COMM_SIZE];
        uint32_t exec_count; /* as in struct exec_facts */
        uint64_t start_ns;
        struct span exe; /* its program, if we have seen its last exec */
};

/*
 * exec_event.cut, behind the bits of the fields: a part that comes from elsewhere is not all there.
 */
#define EVENT_CUT_PARENT_ARGV EXEC_CUT(_FIELD_MAX)

struct exec_event {
        enum event_kind kind;
        uint64_t boot_ns; /* CLOCK_BOOTTIME when it happened */
        struct exec_facts facts;
        uint32_t cut; /* EXEC_CUT() of enum exec_field; EVENT_CUT_PARENT_ARGV */

        struct span comm, parent_comm, leader_comm;
        struct span parent_exe; /* absolute path; from the stage `parents` if not from the kernel */
        struct span tty;        /* device below /dev */
        struct span filename;
        struct span exe, cwd, cgroup; /* absolute paths, joined by the decoder */
        struct span argv;             /* strings, each with its NUL; the last may lack it if cut */
        struct span env;              /* NAME=value, likewise */
        struct event_ancestor ancestors[EXEC_ANCESTORS_MAX];
        unsigned n_ancestors;
        struct event_descriptor descriptors[EXEC_DESCRIPTORS];

        /*
         * Added by the stage `parents`, as are the programs of ancestors; borrowed from its cache,
         * of the exec by which the parent became what it is.
         */
        struct span parent_argv;     /* as argv */
        struct span parent_filename; /* where it says more than program and arguments */

        /* Added by the stage `enrich`; borrowed from its caches and from the spans above. */
        struct span user, euser; /* names of uid, and of euid if it is another */
        struct span group;       /* name of gid, if it is not that of the user */
        struct cgroup_names names;

        /* Added by the policy. */
        struct span tags;     /* strings, each with its NUL */
        struct span redacted; /* uint32_t each: indexes in argv of what has been changed */
        const struct event_summary *summary; /* EVENT_SUMMARY; else NULL */

        const uint8_t *exe_sha256; /* SHA256_SIZE bytes, of the file that runs; NULL: not known */

        /* EVENT_FILE */
        enum hash_result hash_result;
        uint32_t hash_error; /* HASH_UNREADABLE: errno */

        /* EVENT_EXIT */
        uint32_t status;      /* as from wait(2) */
        uint64_t duration_ns; /* since its last exec */
};

static inline bool event_has(const struct exec_event *event, enum exec_fact fact)
{
        return event->facts.present & fact;
}

/* True: its own terminal is its standard input and error, as of a command that is typed. */
static inline bool event_is_interactive(const struct exec_event *event)
{
        return event->descriptors[0].type == DESCRIPTOR_CONTROLLING_TTY &&
               event->descriptors[2].type == DESCRIPTOR_CONTROLLING_TTY;
}

/* The destinations of events. Those before _SINK_ACCOUNT_MAX have an account that outlives the
 * process. */
enum sink_place {
        SINK_JOURNAL,
        SINK_FILE,
        _SINK_ACCOUNT_MAX,
        SINK_STDOUT = _SINK_ACCOUNT_MAX,
        _SINK_PLACE_MAX,
};

/* "journal" and so on: its name in `stats`, in `lost`, in messages. Static. */
const char *sink_place_name(enum sink_place place);

/* The places where events can be lost: the value of the key `where` of a `lost` event. */
enum loss_where {
        LOSS_RING,      /* no room in a ring, or no ring on a CPU */
        LOSS_RECURSION, /* the kernel did not run our program */
        LOSS_QUEUE,     /* no room in the queue */
        LOSS_DECODE,    /* a record that does not decode */
        LOSS_SINK,      /* refused by the sink of the first place, and so on for the others: */
        LOSS_JOURNAL = LOSS_SINK + SINK_JOURNAL,
        LOSS_FILE = LOSS_SINK + SINK_FILE,
        LOSS_STDOUT = LOSS_SINK + SINK_STDOUT,
        LOSS_DOWN = LOSS_SINK + _SINK_PLACE_MAX, /* nobody was reading */
        LOSS_BLIND, /* programs were stopped, or our own exec was not seen */
        _LOSS_WHERE_MAX,
};

/* Static. And what it means, in some words. */
const char *loss_where_name(enum loss_where where);
const char *loss_where_text(enum loss_where where);

/* True of what one sink has lost, whichever it is. */
static inline bool loss_is_of_sink(enum loss_where where)
{
        return where >= LOSS_SINK && where < LOSS_SINK + _SINK_PLACE_MAX;
}

/* True if it is lost for the sink in this place. */
bool loss_concerns(enum loss_where where, enum sink_place place);

#define LOSS_ANY_CPU UINT32_MAX

/*
 * Of one line: more at once than ever was, and room beside two bits in the tag of a backlog's
 * entry (sink_internal.h).
 */
#define LOSS_COUNT_MAX (UINT32_MAX >> 2)

struct loss {
        enum loss_where where;
        uint32_t cpu;            /* or LOSS_ANY_CPU */
        uint64_t count;          /* events */
        uint64_t from_ns, to_ns; /* CLOCK_BOOTTIME: they happened within */
        uint64_t uncertain;      /* of count: may have been written all the same */
};
