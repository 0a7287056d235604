/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Options have the names that journalctl(1) and execsnoop(8) give to the same. Where one letter
 * means something else in each of them, its argument tells: -n 20 are lines, -n bash is a name.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "options.h"
#include "view/moment.h"

const char options_help[] =
        "execsnoopctl [VERB] [OPTIONS...]\n"
        "\n"
        "Show what execsnoopd has logged, from the journal of this host.\n"
        "\n"
        "Verbs:\n"
        "  log                     Events as a table (the default)\n"
        "  tree                    Processes as a tree, with how they ended\n"
        "  plot                    A picture of the processes, as SVG\n"
        "  top                     What was executed most\n"
        "  stats                   The newest counters of the daemon\n"
        "  verify                  Is the log complete?\n"
        "\n"
        "From where, and when:\n"
        "      --file=PATH         The file PATH and its rotated siblings; -: standard input\n"
        "  -                       Standard input\n"
        "  -D, --directory=PATH    The journal in this folder\n"
        "  -b, --boot[=ID]         This boot, or the one with this ID or offset\n"
        "  -S, --since=TIME        Events from then on: '18:30', yesterday, -2h, ...\n"
        "  -U, --until=TIME        Events until then\n"
        "  -n, --lines=N           The last N events; of top: N rows of each table\n"
        "  -f, --follow            Go on with what is logged from now on\n"
        "      --cursor-file=PATH  Begin behind the entry named in PATH, and note the last in it\n"
        "\n"
        "Which events:\n"
        "  -m, --match='KEY=WORD'  As in a [Rule] of execsnoopd.conf(5)\n"
        "  -x, --failed            Failed execs and attempts, too\n"
        "  -u, --user=USER         Of this user\n"
        "  -n, --name=NAME         With NAME in the name of the command\n"
        "  -l, --line=TEXT         With TEXT in the arguments\n"
        "  -P, --ppid=PID          Of this parent\n"
        "      --unit=UNIT         Of this unit\n"
        "      --container=ID      Of this container\n"
        "      --login=USER        Of the logins of this user\n"
        "      --tree-of=ID        Of this process and all that come of it; a PID or process_id\n"
        "\n"
        "How:\n"
        "  -o, --output=FORM       short, wide, verbose, json or csv\n"
        "      --by=WHAT           Of top one table: exe, unit, user or parent; of plot the\n"
        "                          order of rows: parent, unit or session\n"
        "  -T, --time              The time of day (the default)\n"
        "  -t, --timestamp         Seconds since the first event\n"
        "  -q, --quote             All arguments in quotes\n"
        "      --full              Do not cut rows at the width of the terminal\n"
        "      --color=WHEN        auto, always or never\n"
        "      --no-pager          Do not show it in a pager\n"
        "      --utc               Times in UTC\n"
        "  -h, --help              Show this help\n"
        "  -V, --version           Show the version\n"
        "\n"
        "See execsnoopctl(1).\n";

enum {
        OPTION_FILE = 256,
        OPTION_CURSOR_FILE,
        OPTION_LINES,
        OPTION_NAME,
        OPTION_UNIT,
        OPTION_CONTAINER,
        OPTION_LOGIN,
        OPTION_TREE_OF,
        OPTION_FULL,
        OPTION_COLOR,
        OPTION_NO_PAGER,
        OPTION_UTC,
        OPTION_BY,
};

static const struct option long_options[] = {
        { "file", required_argument, NULL, OPTION_FILE },
        { "directory", required_argument, NULL, 'D' },
        { "boot", optional_argument, NULL, 'b' },
        { "since", required_argument, NULL, 'S' },
        { "until", required_argument, NULL, 'U' },
        { "lines", required_argument, NULL, OPTION_LINES },
        { "follow", no_argument, NULL, 'f' },
        { "cursor-file", required_argument, NULL, OPTION_CURSOR_FILE },
        { "match", required_argument, NULL, 'm' },
        { "failed", no_argument, NULL, 'x' },
        { "user", required_argument, NULL, 'u' },
        { "name", required_argument, NULL, OPTION_NAME },
        { "line", required_argument, NULL, 'l' },
        { "ppid", required_argument, NULL, 'P' },
        { "unit", required_argument, NULL, OPTION_UNIT },
        { "container", required_argument, NULL, OPTION_CONTAINER },
        { "login", required_argument, NULL, OPTION_LOGIN },
        { "tree-of", required_argument, NULL, OPTION_TREE_OF },
        { "output", required_argument, NULL, 'o' },
        { "by", required_argument, NULL, OPTION_BY },
        { "time", no_argument, NULL, 'T' },
        { "timestamp", no_argument, NULL, 't' },
        { "quote", no_argument, NULL, 'q' },
        { "full", no_argument, NULL, OPTION_FULL },
        { "color", required_argument, NULL, OPTION_COLOR },
        { "no-pager", no_argument, NULL, OPTION_NO_PAGER },
        { "utc", no_argument, NULL, OPTION_UTC },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'V' },
        {},
};

/* More digits are an ID that is not whole. */
#define BOOT_PLACE_SIZE_MAX 9

#define LINES_UNSET (UINT64_MAX - 1)

/* What is settled when all options are known. */
struct parsing {
        struct options *o;
        const char *since, *until, *by;
};

static int refuse(const char *option, const char *value, const char *expected)
{
        (void)fprintf(stderr, "execsnoopctl: %s: '%s' is not understood, expected %s\n", option,
                      value, expected);
        return -EINVAL;
}

static int contradict(const char *option, const char *why)
{
        (void)fprintf(stderr, "execsnoopctl: %s: %s\n", option, why);
        return -EINVAL;
}

static bool is_number(const char *text)
{
        return *text && span_count(span_of(text), is_digit) == strlen(text);
}

static int set_lines(struct options *o, const char *value)
{
        char *end;

        if (strcmp(value, "all") == 0) {
                o->n_lines = UINT64_MAX;
                return 0;
        }
        if (!is_number(value))
                return refuse("--lines", value, "a number, or all");
        errno = 0;
        o->n_lines = strtoull(value, &end, 10);
        return errno == 0 ? 0 : refuse("--lines", value, "a number, or all");
}

static int set_word(const char *value, const char *const *words, int *ret)
{
        for (int i = 0; words[i]; i++)
                if (strcmp(value, words[i]) == 0) {
                        *ret = i;
                        return 0;
                }
        return -EINVAL;
}

static int set_output(struct options *o, const char *value)
{
        static const char *const words[] = {
                [OUTPUT_SHORT] = "short", [OUTPUT_WIDE] = "wide", [OUTPUT_VERBOSE] = "verbose",
                [OUTPUT_JSON] = "json",   [OUTPUT_CSV] = "csv",   NULL
        };
        int output;

        if (set_word(value, words, &output) < 0)
                return refuse("--output", value, "short, wide, verbose, json or csv");
        o->output = (enum output)output;
        return 0;
}

static int set_colour(struct options *o, const char *value)
{
        static const char *const words[] = {
                [WHEN_AUTO] = "auto", [WHEN_ALWAYS] = "always", [WHEN_NEVER] = "never", NULL
        };
        int when;

        if (set_word(value, words, &when) < 0)
                return refuse("--color", value, "auto, always or never");
        o->colour = (enum when)when;
        return 0;
}

/* With or without the hyphens of a UUID. */
static bool parse_boot_id(const char *text, char ret[static BOOT_ID_SIZE + 1])
{
        size_t n = 0;

        for (; *text; text++) {
                if (*text == '-')
                        continue;
                if (n == BOOT_ID_SIZE || !strchr("0123456789abcdef", *text))
                        return false;
                ret[n++] = *text;
        }
        ret[n] = '\0';
        return n == BOOT_ID_SIZE;
}

static bool parse_boot_place(const char *text, long *ret)
{
        if (!is_number(text + (*text == '-' || *text == '+')) || strlen(text) > BOOT_PLACE_SIZE_MAX)
                return false;
        *ret = strtol(text, NULL, 10);
        return true;
}

static bool parse_boot(struct options *o, const char *text)
{
        if (strcmp(text, "all") == 0)
                o->boot_by = BOOT_ANY;
        else if (parse_boot_id(text, o->boot_id))
                o->boot_by = BOOT_ID;
        else if (parse_boot_place(text, &o->boot_place))
                o->boot_by = BOOT_PLACE;
        else
                return false;
        return true;
}

/* -b has an argument if what comes next is one, as of journalctl(1). */
static int set_boot(struct options *o, int argc, char **argv)
{
        if (optarg)
                return parse_boot(o, optarg)
                               ? 0
                               : refuse("--boot", optarg, "an ID of 32 digits, a number or all");
        o->boot_by = BOOT_THIS;
        if (optind < argc && parse_boot(o, argv[optind]))
                optind++;
        return 0;
}

static int chosen_problem(int r, const char *option, const struct buf *problem)
{
        if (r < 0 && r != -ENOMEM)
                (void)fprintf(stderr, "execsnoopctl: %s: %.*s\n", option, (int)problem->size,
                              problem->data ? problem->data : "");
        return r;
}

static int add_chosen(struct options *o, int c, const char *value)
{
        _cleanup_(buf_done) struct buf problem = { 0 };

        switch (c) {
        case 'm':
                return chosen_problem(chosen_add(o->chosen, span_of(value), &problem), "--match",
                                      &problem);
        case 'u':
                return chosen_problem(chosen_add_word(o->chosen, "User", value, &problem), "--user",
                                      &problem);
        case OPTION_NAME:
                return chosen_problem(chosen_add_part(o->chosen, "Comm", value, &problem), "--name",
                                      &problem);
        case 'l':
                return chosen_problem(chosen_add_part(o->chosen, "CommandLine", value, &problem),
                                      "--line", &problem);
        case OPTION_UNIT:
                return chosen_problem(chosen_add_word(o->chosen, "Unit", value, &problem), "--unit",
                                      &problem);
        case OPTION_CONTAINER:
                return chosen_problem(chosen_add_word(o->chosen, "Container", value, &problem),
                                      "--container", &problem);
        case OPTION_LOGIN:
                return chosen_problem(chosen_add_word(o->chosen, "LoginUser", value, &problem),
                                      "--login", &problem);
        case 'P':
                return chosen_set_parent(o->chosen, value) < 0 ? refuse("--ppid", value, "a number")
                                                               : 0;
        case OPTION_TREE_OF:
                return chosen_set_tree(o->chosen, value) < 0
                               ? refuse("--tree-of", value, "a PID or a process_id")
                               : 0;
        default:
                return -ENOKEY;
        }
}

static int set_view(struct options *o, int c)
{
        switch (c) {
        case 'o':
                return set_output(o, optarg);
        case OPTION_COLOR:
                return set_colour(o, optarg);

        case 'T':
                o->counts_seconds = false;
                return 0;
        case 't':
                o->counts_seconds = true;
                return 0;
        case 'q':
                o->quotes_all = true;
                return 0;
        case 'x':
                o->shows_failed = true;
                return 0;
        case OPTION_FULL:
                o->full = true;
                return 0;
        case OPTION_NO_PAGER:
                o->no_pager = true;
                return 0;
        case OPTION_UTC:
                o->utc = true;
                return 0;
        default:
                return -ENOKEY;
        }
}

static int set_option(struct parsing *p, int c, int argc, char **argv)
{
        struct options *o = p->o;
        int r;

        switch (c) {
        case OPTION_FILE:
                o->file = optarg;
                return 0;
        case 'D':
                o->directory = optarg;
                return 0;
        case OPTION_CURSOR_FILE:
                o->cursor_file = optarg;
                return 0;
        case 'b':
                return set_boot(o, argc, argv);
        case 'S':
                p->since = optarg;
                return 0;
        case 'U':
                p->until = optarg;
                return 0;
        case OPTION_BY:
                p->by = optarg;
                return 0;
        case 'n':
                if (!is_number(optarg) && strcmp(optarg, "all") != 0)
                        return add_chosen(o, OPTION_NAME, optarg);
                return set_lines(o, optarg);
        case OPTION_LINES:
                return set_lines(o, optarg);
        case 'f':
                o->follow = true;
                return 0;
        case 'h':
                o->verb = VERB_HELP;
                return 0;
        case 'V':
                o->verb = VERB_VERSION;
                return 0;
        default:
                r = set_view(o, c);
                return r == -ENOKEY ? add_chosen(o, c, optarg) : r;
        }
}

static int set_times(const struct parsing *p)
{
        static const char expected[] = "'2026-11-22 18:31', 18:31, yesterday, -2h or the like";
        const uint64_t now_ns = (uint64_t)time(NULL) * NSEC_PER_SEC;
        struct options *o = p->o;

        if (p->since && !moment_parse(span_of(p->since), now_ns, o->utc, &o->since_ns))
                return refuse("--since", p->since, expected);
        if (p->until && !moment_parse(span_of(p->until), now_ns, o->utc, &o->until_ns))
                return refuse("--until", p->until, expected);
        return 0;
}

#define FORM(output) (1u << (output))
#define FORMS_ALL                                                                                  \
        (FORM(OUTPUT_SHORT) | FORM(OUTPUT_WIDE) | FORM(OUTPUT_VERBOSE) | FORM(OUTPUT_JSON) |       \
         FORM(OUTPUT_CSV))

static const struct verb_info {
        const char *name;
        bool is_of_all; /* it can't be of some events */
        bool follows;
        unsigned forms;
        const char *expected_forms;
} verbs[] = {
        [VERB_LOG] = { "log", false, true, FORMS_ALL, NULL },
        [VERB_TREE] = { "tree", false, false, FORM(OUTPUT_SHORT) | FORM(OUTPUT_WIDE),
                        "short or wide" },
        [VERB_PLOT] = { "plot", false, false, FORM(OUTPUT_SHORT), "none: it is an SVG" },
        [VERB_TOP] = { "top", false, true, FORM(OUTPUT_SHORT) | FORM(OUTPUT_JSON),
                       "short or json" },
        [VERB_STATS] = { "stats", true, false, FORM(OUTPUT_SHORT) | FORM(OUTPUT_JSON),
                         "short or json" },
        [VERB_VERIFY] = { "verify", true, false, FORM(OUTPUT_SHORT) | FORM(OUTPUT_JSON),
                          "short or json" },
};

static int set_argument(struct options *o, const char *argument, bool is_first)
{
        for (size_t i = 0; is_first && i < ELEMENTSOF(verbs); i++)
                if (strcmp(argument, verbs[i].name) == 0) {
                        o->verb = (enum verb)i;
                        return 0;
                }
        if (strcmp(argument, "-") == 0) {
                o->file = argument;
                return 0;
        }
        return refuse(is_first ? "verb" : "argument", argument,
                      is_first ? "log, tree, plot, top, stats, verify, or - for standard input"
                               : "- for standard input");
}

/* Each verb has its own words for it. */
static int set_by(struct options *o, const char *value)
{
        for (unsigned by = 0; o->verb == VERB_TOP && by < _TOP_BY_MAX; by++)
                if (strcmp(value, top_by_name(by)) == 0) {
                        o->top_by = 1u << by;
                        return 0;
                }
        for (unsigned by = 0; o->verb == VERB_PLOT && by < _PLOT_BY_MAX; by++)
                if (strcmp(value, plot_by_name(by)) == 0) {
                        o->plot_by = by;
                        return 0;
                }
        return refuse("--by", value,
                      o->verb == VERB_TOP    ? "exe, unit, user or parent"
                      : o->verb == VERB_PLOT ? "parent, unit or session"
                                             : "it with top or plot");
}

/* What a verb can't do. */
static int check_verb(const struct options *o)
{
        const struct verb_info *verb = &verbs[o->verb];

        if (verb->is_of_all && (o->n_lines < LINES_UNSET || !chosen_is_all(o->chosen)))
                return refuse(verb->name, "a part of the log",
                              "all of it, or that of some time or boot");
        if (!verb->follows && o->follow)
                return refuse(verb->name, "--follow", "a log that has an end");
        if (!(verb->forms & FORM(o->output)))
                return refuse(verb->name, "--output", verb->expected_forms);
        return 0;
}

static bool is_stdin(const struct options *o)
{
        return o->file && strcmp(o->file, "-") == 0;
}

/* What contradicts itself. */
static int check(const struct options *o)
{
        if (o->file && o->directory)
                return refuse("--directory", o->directory, "it without --file");
        if (o->verb != VERB_TOP && chosen_has_tree(o->chosen) && o->n_lines < LINES_UNSET)
                return contradict("--lines",
                                  "a tree grows from its root, expected it without --tree-of");
        if (o->file && o->cursor_file)
                return refuse("--cursor-file", o->cursor_file, "the journal");
        if (is_stdin(o) && o->boot_by == BOOT_PLACE)
                return contradict("--boot",
                                  "standard input is read once, expected the ID of a boot");
        if (is_stdin(o) && o->verb != VERB_TOP && o->n_lines < LINES_UNSET)
                return contradict("--lines", "standard input has no end to begin at, expected "
                                             "--file or the journal");
        return 0;
}

/* As many as of head(1). */
#define ROWS_DEFAULT 10

/* How much of the end of the log is asked for, where that is not said. */
static uint64_t lines_of(const struct options *o, bool has_since)
{
        if (has_since || is_stdin(o) || chosen_has_tree(o->chosen))
                return UINT64_MAX;
        if (o->verb == VERB_STATS)
                return 2; /* there is a rate between two */
        if (!o->follow)
                return UINT64_MAX;
        return o->verb == VERB_TOP ? 0 : 10; /* as of journalctl(1) */
}

static void settle_lines(struct options *o, bool has_since)
{
        o->n_rows = o->n_lines == LINES_UNSET ? ROWS_DEFAULT : o->n_lines;
        if (o->n_lines == LINES_UNSET || o->verb == VERB_TOP)
                o->n_lines = lines_of(o, has_since);
}

int options_parse(int argc, char **argv, struct options *ret)
{
        struct options *o = ret;
        struct parsing p = { .o = o };
        int c, r;

        *o = (struct options){ .n_lines = LINES_UNSET,
                               .until_ns = UINT64_MAX,
                               .top_by = (1u << _TOP_BY_MAX) - 1 };
        r = chosen_new(&o->chosen);
        while (r >= 0 &&
               (c = getopt_long(argc, argv, "D:bS:U:n:fm:xu:l:P:o:TtqhV", long_options, NULL)) >= 0)
                r = c == '?' ? -EINVAL : set_option(&p, c, argc, argv);
        for (int i = optind; r >= 0 && i < argc; i++)
                r = set_argument(o, argv[i], i == optind);
        if (r >= 0)
                r = set_times(&p);
        if (r >= 0 && p.by)
                r = set_by(o, p.by);
        if (r >= 0 && o->verb < ELEMENTSOF(verbs))
                r = check_verb(o);
        if (r >= 0)
                r = check(o);
        if (r < 0)
                return r;
        settle_lines(o, p.since);
        return 0;
}

void options_done(struct options *o)
{
        o->chosen = chosen_free(o->chosen);
}
