/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * config_file: systemd's syntax, the message for each line that has none, which files count and in
 * which order, and what happens to files that cannot be read.
 *
 * Files are made below a temporary folder, which stands for the root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "config_outcome.h"

static void config_syntax_is_that_of_systemd(void **state)
{
        (void)state;
        assert_parses("", "File.Path", "/var/log/execsnoopd/exec.jsonl");
        assert_parses("[File]\nPath=/a", "File.Path", "/a");
        assert_parses("  [File]  \n\t Path \t=\t /a b  \n", "File.Path", "/a b");
        assert_parses("[File]\r\nPath=/a\r\n\r\nSync=yes\r\n", "File.Path", "/a");
        assert_parses("\xef\xbb\xbf[File]\nPath=/a\n", "File.Path", "/a");
        assert_parses("\xef\xbb\xbf# x\n[File]\nPath=/a\n", "File.Path", "/a");
        assert_parses("# c\n ;c\n[File]\n;Path=/b\nPath=/a#b ;c\n#Path=/c\n", "File.Path",
                      "/a#b ;c");
        assert_parses("[File]\nPath=/a=b\n", "File.Path", "/a=b");
        assert_parses("[File]\nPath=/a\n[Journal]\n[File]\nPath=/b\n", "File.Path", "/b");
        assert_parses("# Latin-1: \xe9\n[File]\nPath=/a\n", "File.Path", "/a");
}

static void config_backslash_joins_lines(void **state)
{
        (void)state;
        assert_parses("[Capture]\nEnvironment=A\\\nB \\\r\n C\nExits=yes", "Capture.Environment",
                      "A B C");
        assert_parses("[Capture]\nEnvironment=A \\\n# no\\\n  ; no\nB\n", "Capture.Environment",
                      "A B");
        assert_parses("[Capture]\nEnvironment=A\\\nB\nFailedExecsIgnore=EIO\\\nEPERM\n",
                      "Capture.FailedExecsIgnore", "EPERM EIO");
        assert_parses("[Capture]\nEnvironment=A\\", "Capture.Environment", "A");
        assert_parses("[Capture]\nEnvironment=A\\\n\nExits=yes\n", "Capture.Exits", "yes");
        assert_parses("[Capture]\nEnvironment\\\n=\\\nA", "Capture.Environment", "A");
        /* A comment is not continued. */
        assert_parses("[Capture]\n# x \\\nEnvironment=A\n", "Capture.Environment", "A");
        /* An escaped backslash, or one that isn't last, joins nothing. */
        assert_refused("[File]\nPath=/a\\\\\nPath=/b\\ \n",
                       "x.conf:2: Path: \"/a\\\\\" ends in a backslash, expected any other "
                       "character\nx.conf:3: Path: \"/b\\\" ends in a backslash, expected any "
                       "other character\n");
}

static void config_reports_every_error_with_its_line(void **state)
{
        (void)state;
        assert_refused("Exits=yes\n"
                       "[Capture\n"
                       "Exits=perhaps\n" /* of no section */
                       "[\n"
                       "[Capture]\n"
                       "Exits\n"
                       "= yes\n"
                       "Environment=A \\\n"
                       "# between\n"
                       "  B!\n"
                       "Exits=maybe\n"
                       "[File]\n"
                       "Mode=9",
                       "x.conf:1: Exits: outside of a section, expected [Section] before it\n"
                       "x.conf:2: incomplete section header, expected [Section]\n"
                       "x.conf:4: incomplete section header, expected [Section]\n"
                       "x.conf:6: neither section nor assignment, expected Key=Value\n"
                       "x.conf:7: nothing before '=', expected Key=Value\n"
                       "x.conf:8: Environment: \"B!\" "
                       "is not a variable's name, expected letters, digits and _\n"
                       "x.conf:11: Exits: \"maybe\" is not a boolean, expected yes or no\n"
                       "x.conf:13: Mode: \"9\" "
                       "is not a file mode, expected octal digits like 0640\n");
}

static void config_refuses_what_is_not_text(void **state)
{
        static const char nul[] = "[File]\n# a\0b\nPath=/a\\\n/b\0\nSync=9\n";
        _cleanup_(outcome_done) struct outcome o = parse_bytes(nul, sizeof(nul) - 1);

        (void)state;
        assert_text(&o.report.errors,
                    "x.conf:2: NUL byte, expected text\n"
                    "x.conf:4: NUL byte, expected text\n"
                    "x.conf:5: Sync: \"9\" is not a boolean, expected yes or no\n");
        assert_refused("[File]\nPath=/caf\xe9\n", "x.conf:2: not valid text, expected UTF-8\n");
        assert_refused("[Fil\xff]\n", "x.conf:1: not valid text, expected UTF-8\n");
}

/* `before`, so many bytes of `filler`, and `after`. */
static struct outcome parse_filled(const char *before, char filler, size_t size, const char *after)
{
        _cleanup_(buf_done) struct buf text = { 0 };
        char *p;

        buf_append_string(&text, before);
        p = buf_reserve(&text, size);
        assert_non_null(p);
        memset(p, filler, size);
        text.size += size;
        buf_append_string(&text, after);
        return parse_bytes(text.data, text.size);
}

static void config_refuses_overlong_lines(void **state)
{
        static const char next[] = "x.conf:3: Exits: \"8\" is not a boolean, expected yes or no\n";
        _cleanup_(outcome_done) struct outcome fits =
                parse_filled("[Capture]\n", '#', MIB, "\nExits=8\n");
        _cleanup_(outcome_done) struct outcome over =
                parse_filled("[Capture]\n#", '#', MIB, "\nExits=yes\n");

        (void)state;
        assert_text(&fits.report.errors, next);
        assert_text(&over.report.errors, "x.conf:2: line too long, expected at most 1M\n");
}

static void config_refuses_lines_too_long_together(void **state)
{
        static const char before[] = "[Capture]\nEnvironment=\\\n";
        const size_t room = MIB - strlen("Environment=\\");
        _cleanup_(outcome_done) struct outcome fits = parse_filled(before, ' ', room, "\n");
        _cleanup_(outcome_done) struct outcome over = parse_filled(before, ' ', room + 1, "\n");

        (void)state;
        assert_int_equal(fits.result, 0);
        assert_text(&over.report.errors, "x.conf:3: line too long, expected at most 1M\n");
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        (void)st;
        (void)type;
        (void)ftw;
        return remove(path);
}

struct tree {
        char root[32];
};

static int tree_setup(void **state)
{
        static struct tree tree;

        (void)snprintf(tree.root, sizeof(tree.root), "/tmp/test_config.XXXXXX");
        *state = &tree;
        return mkdtemp(tree.root) ? 0 : -1;
}

static int tree_teardown(void **state)
{
        const struct tree *tree = *state;

        return nftw(tree->root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static char *tree_path(const struct tree *tree, const char *name)
{
        char *path;

        assert_true(asprintf(&path, "%s%s", tree->root, name) > 0);
        return path;
}

/* The path of a file that may be made: its folders exist. */
static char *tree_new_path(const struct tree *tree, const char *name)
{
        char *path = tree_path(tree, name);

        for (char *slash = path + strlen(tree->root) + 1; (slash = strchr(slash, '/')); slash++) {
                *slash = '\0';
                assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
                *slash = '/';
        }
        return path;
}

static void tree_write(const struct tree *tree, const char *name, const char *text)
{
        _cleanup_(freep) char *path = tree_new_path(tree, name);
        FILE *f = fopen(path, "we");

        assert_non_null(f);
        assert_true(fputs(text, f) >= 0);
        assert_int_equal(fclose(f), 0);
}

static void tree_link(const struct tree *tree, const char *name, const char *target)
{
        _cleanup_(freep) char *path = tree_new_path(tree, name);

        assert_int_equal(symlink(target, path), 0);
}

/* From `file` below the root, or from the search path. */
static struct outcome load(const struct tree *tree, const char *file)
{
        _cleanup_(freep) char *path = file ? tree_path(tree, file) : NULL;
        const struct config_location location = { .root = tree->root, .file = path };
        struct outcome o = { 0 };

        o.result = config_load(&location, &o.report, &o.config);
        assert_int_equal(!o.config, o.result < 0);
        return o;
}

static void assert_loads(const struct tree *tree, const char *file, const char *name,
                         const char *expected)
{
        _cleanup_(outcome_done) struct outcome o = load(tree, file);

        assert_text(&o.report.errors, "");
        assert_setting(o.config, name, expected);
}

/* `problem` follows the root in the only message. */
static void assert_load_fails(const struct tree *tree, const char *file, int error,
                              const char *problem)
{
        _cleanup_(outcome_done) struct outcome o = load(tree, file);
        char expected[256];

        assert_int_equal(o.result, error);
        (void)snprintf(expected, sizeof(expected), "%s%s\n", tree->root, problem);
        assert_text(&o.report.errors, expected);
}

static void config_load_without_files_gives_defaults(void **state)
{
        assert_loads(*state, NULL, "Capture.Exits", "no");
}

static void config_load_takes_first_main_file(void **state)
{
        static const char *const folders[] = { "/usr/lib", "/usr/local/lib", "/run", "/etc" };
        char name[64], text[64], shown[16];

        for (unsigned i = 0; i < ELEMENTSOF(folders); i++) {
                (void)snprintf(name, sizeof(name), "%s/execsnoopd.conf", folders[i]);
                (void)snprintf(text, sizeof(text), "[File]\nMaxFiles=%u\n", i + 1);
                tree_write(*state, name, text);
                (void)snprintf(shown, sizeof(shown), "%u", i + 1);
                assert_loads(*state, NULL, "File.MaxFiles", shown);
        }
}

static void config_load_takes_main_file_linked_to_null_as_empty(void **state)
{
        tree_write(*state, "/usr/lib/execsnoopd.conf", "[Capture]\nExits=yes\n");
        assert_loads(*state, NULL, "Capture.Exits", "yes");
        tree_link(*state, "/etc/execsnoopd.conf", "/dev/null");
        assert_loads(*state, NULL, "Capture.Exits", "no");
}

static void config_load_orders_drop_ins_by_name_over_all_folders(void **state)
{
        tree_write(*state, "/etc/execsnoopd.conf", "[Capture]\nEnvironment=MAIN\n");
        tree_write(*state, "/etc/execsnoopd.conf.d/20.conf", "[Capture]\nEnvironment=B\n");
        tree_write(*state, "/run/execsnoopd.conf.d/30.conf", "[Capture]\nEnvironment=C\n");
        tree_write(*state, "/usr/lib/execsnoopd.conf.d/10.conf", "[Capture]\nEnvironment=A\n");
        tree_write(*state, "/usr/local/lib/execsnoopd.conf.d/9.conf", "[Capture]\nEnvironment=D\n");
        assert_loads(*state, NULL, "Capture.Environment", "MAIN A B C D");
}

static void config_load_needs_no_main_file_for_drop_ins(void **state)
{
        tree_write(*state, "/run/execsnoopd.conf.d/a.conf", "[Capture]\nExits=yes\n");
        assert_loads(*state, NULL, "Capture.Exits", "yes");
}

static void config_load_masks_drop_ins_of_the_same_name(void **state)
{
        tree_write(*state, "/usr/lib/execsnoopd.conf.d/a.conf", "[Capture]\nEnvironment=LIB_A\n");
        tree_write(*state, "/usr/lib/execsnoopd.conf.d/b.conf", "[Capture]\nEnvironment=LIB_B\n");
        tree_write(*state, "/usr/lib/execsnoopd.conf.d/c.conf", "[Capture]\nEnvironment=LIB_C\n");
        tree_write(*state, "/usr/lib/execsnoopd.conf.d/d.conf", "[Capture]\nEnvironment=LIB_D\n");
        tree_write(*state, "/run/execsnoopd.conf.d/a.conf", "[Capture]\nEnvironment=RUN_A\n");
        tree_write(*state, "/etc/execsnoopd.conf.d/a.conf", "[Capture]\nEnvironment=ETC_A\n");
        tree_write(*state, "/run/execsnoopd.conf.d/b.conf", "");
        tree_link(*state, "/etc/execsnoopd.conf.d/c.conf", "/dev/null");
        assert_loads(*state, NULL, "Capture.Environment", "ETC_A LIB_D");
}

static void config_load_ignores_other_names(void **state)
{
        tree_write(*state, "/etc/execsnoopd.conf.d/a.conf~", "nonsense");
        tree_write(*state, "/etc/execsnoopd.conf.d/.a.conf", "nonsense");
        tree_write(*state, "/etc/execsnoopd.conf.d/README", "nonsense");
        tree_write(*state, "/etc/execsnoopd.conf.d/conf", "nonsense");
        assert_loads(*state, NULL, "Capture.Exits", "no");
}

static void config_load_takes_named_file_and_its_drop_ins_only(void **state)
{
        tree_write(*state, "/etc/execsnoopd.conf", "[Capture]\nAttempts=yes\n");
        tree_write(*state, "/etc/execsnoopd.conf.d/a.conf", "[Capture]\nAttempts=yes\n");
        tree_write(*state, "/my.conf", "[Capture]\nExits=yes\nEnvironment=A\n");
        tree_write(*state, "/my.conf.d/2.conf", "[Capture]\nEnvironment=C\n");
        tree_write(*state, "/my.conf.d/1.conf", "[Capture]\nEnvironment=B\n");
        assert_loads(*state, "/my.conf", "Capture.Exits", "yes");
        assert_loads(*state, "/my.conf", "Capture.Environment", "A B C");
        assert_loads(*state, "/my.conf", "Capture.Attempts", "no");
}

static void config_load_refuses_missing_named_file(void **state)
{
        tree_write(*state, "/my.conf.d/1.conf", "[Capture]\nExits=yes\n");
        assert_load_fails(*state, "/my.conf", -ENOENT,
                          "/my.conf: cannot be read: No such file or directory");
}

static void config_load_refuses_what_is_not_a_file(void **state)
{
        _cleanup_(freep) char *fifo = tree_path(*state, "/fifo");

        assert_int_equal(mkfifo(fifo, 0600), 0);
        assert_load_fails(*state, "/fifo", -ENOTSUP, "/fifo: cannot be read: Not a regular file");
        tree_write(*state, "/folder/x", "");
        assert_load_fails(*state, "/folder", -EISDIR, "/folder: cannot be read: Is a directory");
}

static void config_load_refuses_unreadable_drop_in(void **state)
{
        tree_write(*state, "/etc/execsnoopd.conf", "[Capture]\nExits=yes\n");
        tree_link(*state, "/etc/execsnoopd.conf.d/a.conf", "a.conf");
        assert_load_fails(*state, NULL, -ELOOP,
                          "/etc/execsnoopd.conf.d/a.conf: cannot be read: "
                          "Too many levels of symbolic links");
}

static void config_load_refuses_unreadable_main_file(void **state)
{
        tree_link(*state, "/run/execsnoopd.conf", "execsnoopd.conf");
        tree_write(*state, "/usr/lib/execsnoopd.conf", "[Capture]\nExits=yes\n");
        assert_load_fails(*state, NULL, -ELOOP,
                          "/run/execsnoopd.conf: cannot be read: "
                          "Too many levels of symbolic links");
}

static void config_load_refuses_dangling_drop_in(void **state)
{
        tree_link(*state, "/run/execsnoopd.conf.d/a.conf", "nowhere");
        assert_load_fails(*state, NULL, -ENOENT,
                          "/run/execsnoopd.conf.d/a.conf: cannot be read: "
                          "No such file or directory");
}

static void config_load_refuses_drop_in_folder_that_is_a_file(void **state)
{
        tree_write(*state, "/etc/execsnoopd.conf.d", "");
        assert_load_fails(*state, NULL, -ENOTDIR,
                          "/etc/execsnoopd.conf.d: cannot be read: Not a directory");
}

static void config_load_refuses_endless_file(void **state)
{
        _cleanup_(freep) char *path = tree_path(*state, "/big.conf");

        tree_write(*state, "/big.conf", "");
        assert_int_equal(truncate(path, (off_t)(1024 * 1024 * MIB)), 0);
        assert_load_fails(*state, "/big.conf", -EFBIG, "/big.conf: cannot be read: File too large");
}

static void config_load_reports_errors_of_all_files(void **state)
{
        const struct tree *tree = *state;
        _cleanup_(outcome_done) struct outcome o = { 0 };
        char expected[512];

        tree_write(tree, "/etc/execsnoopd.conf", "[File]\nMode=9\n");
        tree_write(tree, "/etc/execsnoopd.conf.d/a.conf", "[File]\n\nSync=9\n");
        tree_write(tree, "/etc/execsnoopd.conf.d/b.conf", "Sync");
        tree_link(tree, "/etc/execsnoopd.conf.d/c.conf", "c.conf");
        o = load(tree, NULL);
        assert_int_equal(o.result, -EINVAL);
        (void)snprintf(expected, sizeof(expected),
                       "%1$s/etc/execsnoopd.conf:2: Mode: \"9\" is not a file mode, expected octal "
                       "digits like 0640\n"
                       "%1$s/etc/execsnoopd.conf.d/a.conf:3: Sync: \"9\" is not a boolean, "
                       "expected yes or no\n"
                       "%1$s/etc/execsnoopd.conf.d/b.conf:1: neither section nor assignment, "
                       "expected Key=Value\n"
                       "%1$s/etc/execsnoopd.conf.d/c.conf: cannot be read: Too many levels of "
                       "symbolic links\n",
                       tree->root);
        assert_text(&o.report.errors, expected);
}

static void config_sections_end_with_their_file(void **state)
{
        tree_write(*state, "/etc/execsnoopd.conf", "[Capture]\n");
        tree_write(*state, "/etc/execsnoopd.conf.d/a.conf", "Exits=yes\n");
        assert_load_fails(*state, NULL, -EINVAL,
                          "/etc/execsnoopd.conf.d/a.conf:1: Exits: outside of a section, expected "
                          "[Section] before it");
}

static void config_cat_names_the_files_it_comes_from(void **state)
{
        const struct tree *tree = *state;
        const struct config_location location = { .root = tree->root };
        _cleanup_(config_report_done) struct config_report report = { 0 };
        _cleanup_(buf_done) struct buf shown = { 0 };
        char expected[256];

        /* A name of a file must not become a line of the configuration. */
        tree_write(tree, "/etc/execsnoopd.conf", "[Capture]\nEnvironment=A\n");
        tree_write(tree, "/run/execsnoopd.conf.d/a\nb\xff.conf", "[Capture]\nEnvironment=B\n");
        assert_int_equal(config_cat(&location, &report, &shown), 0);
        buf_append_char(&shown, '\0');
        (void)snprintf(expected, sizeof(expected),
                       "\n# %1$s/etc/execsnoopd.conf:2\nEnvironment=A\n"
                       "# %1$s/run/execsnoopd.conf.d/a\\x0ab\\xff.conf:2\nEnvironment=B\n",
                       tree->root);
        assert_non_null(strstr(shown.data, expected));
}

#define tree_test(f) cmocka_unit_test_setup_teardown(f, tree_setup, tree_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(config_syntax_is_that_of_systemd),
                cmocka_unit_test(config_backslash_joins_lines),
                cmocka_unit_test(config_reports_every_error_with_its_line),
                cmocka_unit_test(config_refuses_what_is_not_text),
                cmocka_unit_test(config_refuses_overlong_lines),
                cmocka_unit_test(config_refuses_lines_too_long_together),
                tree_test(config_load_without_files_gives_defaults),
                tree_test(config_load_takes_first_main_file),
                tree_test(config_load_takes_main_file_linked_to_null_as_empty),
                tree_test(config_load_orders_drop_ins_by_name_over_all_folders),
                tree_test(config_load_needs_no_main_file_for_drop_ins),
                tree_test(config_load_masks_drop_ins_of_the_same_name),
                tree_test(config_load_ignores_other_names),
                tree_test(config_load_takes_named_file_and_its_drop_ins_only),
                tree_test(config_load_refuses_missing_named_file),
                tree_test(config_load_refuses_what_is_not_a_file),
                tree_test(config_load_refuses_unreadable_drop_in),
                tree_test(config_load_refuses_unreadable_main_file),
                tree_test(config_load_refuses_dangling_drop_in),
                tree_test(config_load_refuses_drop_in_folder_that_is_a_file),
                tree_test(config_load_refuses_endless_file),
                tree_test(config_load_reports_errors_of_all_files),
                tree_test(config_sections_end_with_their_file),
                tree_test(config_cat_names_the_files_it_comes_from),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
