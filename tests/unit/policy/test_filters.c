/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * The filters that people run with tools of this kind, as rules: for each, events that must stay
 * and events that must go.
 */
#include "policy_fixture.h"

/* All events of a day, by name. */
struct named {
        const char *name;
        struct exec_event event;
};

static struct named day[40];
static size_t n_day;

static struct exec_event *add(const char *name, struct exec_event event)
{
        assert_true(n_day < ELEMENTSOF(day));
        day[n_day] = (struct named){ name, event };
        return &day[n_day++].event;
}

/* Makes it a run of that program. */
static void run(struct exec_event *e, const char *exe)
{
        const char *name = strrchr(exe, '/') + 1;

        e->exe = e->filename = (struct span){ exe, strlen(exe) };
        e->comm = (struct span){ name, MIN(strlen(name), (size_t)15) };
        e->argv = (struct span){ name, strlen(name) + 1 };
}

/* Makes it a child of that program, which has these arguments. */
static void run_by(struct exec_event *e, const char *exe, const char *line,
                   const char *const *ancestors)
{
        e->parent_exe = (struct span){ exe, strlen(exe) };
        e->parent_comm = (struct span){ ancestors[0], MIN(strlen(ancestors[0]), (size_t)15) };
        e->parent_argv = (struct span){ line, strlen(line) };
        set_ancestors(e, ancestors);
}

static void be_user(struct exec_event *e, uint32_t uid)
{
        e->facts.uid = e->facts.gid = e->facts.euid = e->facts.egid = uid;
}

static void be_in(struct exec_event *e, struct span unit)
{
        e->names.unit = unit;
        e->names.slice = SPAN("system.slice");
}

#define ANCESTORS(...)                                                                             \
        (const char *const[])                                                                      \
        {                                                                                          \
                __VA_ARGS__, NULL                                                                  \
        }

static void make_people(void)
{
        struct exec_event *e;

        add("alice-ls", person_event());
        e = add("bob-curl", person_event());
        run(e, "/usr/bin/curl");
        e->argv = SPAN("curl\0-H\0x-token: secret\0https://example.org/upload\0");
        be_user(e, 1001);
        e->facts.loginuid = 1001;

        e = add("alice-sudo-id", person_event());
        run(e, "/usr/bin/id");
        be_user(e, 0);
        run_by(e, "/usr/bin/sudo", "sudo id", ANCESTORS("sudo", "bash", "sshd", "systemd"));
        e = add("alice-sudo-sh-rm", person_event());
        run(e, "/usr/bin/rm");
        be_user(e, 0);
        run_by(e, "/bin/sh", "sh x", ANCESTORS("sh", "sudo", "bash", "sshd", "systemd"));
        e = add("alice-memfd", person_event());
        e->facts.traits = TRAIT_MEMFD;
        e = add("alice-deleted", person_event());
        e->facts.traits = TRAIT_DELETED;
        e = add("alice-ping", person_event());
        run(e, "/usr/bin/ping");
        e->facts.traits = TRAIT_FILECAPS;
        e->facts.caps_effective = 1 << 13;
}

static void make_daemons(void)
{
        struct exec_event *e;

        add("web-convert", service_event());
        e = add("cron-job", service_event());
        run(e, "/bin/sh");
        be_user(e, 0);
        be_in(e, SPAN("cron.service"));
        run_by(e, "/usr/sbin/cron", "/usr/sbin/cron -f -P", ANCESTORS("cron", "cron", "systemd"));
        e->ancestors[1].exe = SPAN("/usr/sbin/cron");
        e = add("nagios-check", service_event());
        run(e, "/usr/lib/nagios/plugins/check_disk");
        be_user(e, 110);
        be_in(e, SPAN("nagios.service"));
        e = add("zabbix-check", service_event());
        run(e, "/usr/bin/df");
        be_user(e, 111);
        be_in(e, SPAN("zabbix-agent.service"));
        e = add("prometheus-check", service_event());
        run(e, "/usr/bin/smartctl");
        be_user(e, 112);
        e = add("vmtoolsd", service_event());
        run(e, "/usr/bin/vmtoolsd");
        be_user(e, 0);
        e = add("filebeat", service_event());
        run(e, "/usr/share/filebeat/bin/filebeat");
        be_user(e, 0);
        be_in(e, SPAN("filebeat.service"));
        e = add("shipper-gzip", service_event());
        run(e, "/usr/bin/gzip");
        be_user(e, 0);
        be_in(e, SPAN("filebeat.service"));
        run_by(e, "/usr/share/filebeat/bin/filebeat", "filebeat -e",
               ANCESTORS("filebeat", "systemd"));
        e = add("ssm-session", service_event());
        run(e, "/bin/sh");
        run_by(e, "/usr/bin/ssm-session-worker", "ssm-session-worker x",
               ANCESTORS("ssm-session-wor", "ssm-agent-worke", "systemd"));
        e = add("ssm-agent", service_event());
        run(e, "/usr/bin/ssm-session-worker");
        run_by(e, "/usr/bin/ssm-agent-worker", "ssm-agent-worker",
               ANCESTORS("ssm-agent-worke", "systemd"));
        e = add("kernel-modprobe", service_event());
        run(e, "/sbin/modprobe");
        be_user(e, 0);
        e->facts.traits = TRAIT_KERNEL;
}

static void make_tools(void)
{
        struct exec_event *e;

        e = add("apt", person_event());
        run(e, "/usr/bin/apt-get");
        be_user(e, 0);
        e = add("dpkg-below-apt", person_event());
        run(e, "/usr/bin/dpkg");
        be_user(e, 0);
        run_by(e, "/usr/bin/apt-get", "apt-get upgrade",
               ANCESTORS("apt-get", "bash", "sudo", "bash", "systemd"));
        e = add("postinst-below-apt", person_event());
        run(e, "/usr/sbin/useradd");
        be_user(e, 0);
        run_by(e, "/bin/sh", "/bin/sh /var/lib/dpkg/info/x.postinst configure",
               ANCESTORS("x.postinst", "dpkg", "apt-get", "bash", "systemd"));
        e = add("puppet", service_event());
        run(e, "/opt/puppetlabs/puppet/bin/puppet");
        be_user(e, 0);
        be_in(e, SPAN("puppet.service"));
        e = add("facter-below-puppet", service_event());
        run(e, "/usr/bin/dmidecode");
        be_user(e, 0);
        be_in(e, SPAN("puppet.service"));
        run_by(e, "/bin/sh", "sh -c dmidecode", ANCESTORS("sh", "puppet", "systemd"));
        e = add("gcc-in-build", service_event());
        run(e, "/usr/bin/gcc");
        be_user(e, 1002);
        be_in(e, SPAN("build@4711.service"));
}

static void make_containers_and_failures(void)
{
        struct exec_event *e;

        e = add("container-health", container_event());
        e = add("container-health-wget", container_event());
        run(e, "/bin/wget");
        e->argv = SPAN("wget\0-q\0-O-\0http://localhost:8080/healthz\0");
        e = add("container-app", container_event());
        run(e, "/app/worker");
        e = add("container-shell-tty", container_event());
        run(e, "/bin/bash");
        e->facts.present |= FACT_TTY;
        e->tty = SPAN("pts/0");
        e = add("container-upper", container_event());
        run(e, "/usr/local/bin/miner");
        e->facts.traits = TRAIT_OVERLAY_UPPER;
        e = add("container-web", container_event());
        run(e, "/usr/sbin/nginx");
        e->names.container_id = SPAN("web");
        e->names.unit = (struct span){ 0 };

        add("enoent", failed_event(ENOENT));
        add("eacces", failed_event(EACCES));
        add("enoexec", failed_event(ENOEXEC));
        e = add("unset-root-daemon", service_event());
        be_user(e, 0);
        e = add("daemon-with-caps", service_event());
        e->facts.caps_effective = 1 << 12;
}

/* Words are names of events; a `-` stands for all others. */
static bool has_word(const char *words, const char *name)
{
        const size_t size = strlen(name);

        for (const char *p = words; (p = strstr(p, name)); p += size)
                if ((p == words || p[-1] == ' ') && (p[size] == ' ' || p[size] == '\0'))
                        return true;
        return false;
}

/* Each word is one of an event: a misspelt one would prove nothing. */
static void assert_events(const char *words)
{
        size_t size;

        for (; *words; words += size + (words[size] == ' ')) {
                size = strcspn(words, " ");
                bool is_known = size == 0 || (size == 1 && words[0] == '-');

                for (size_t i = 0; i < n_day; i++)
                        is_known |= strlen(day[i].name) == size &&
                                    memcmp(day[i].name, words, size) == 0;
                if (!is_known)
                        fail_msg("no such event: %s", words);
        }
}

static void assert_decisions(const char *text, const char *stay, const char *go)
{
        _cleanup_(rules_freep) struct rules *rules = good_rules(text);

        for (size_t i = 0; i < n_day; i++) {
                const char *name = day[i].name;
                const bool stays =
                        has_word(stay, name) || (has_word(stay, "-") && !has_word(go, name));
                const bool is_kept = decide(rules, &day[i].event).verdict == VERDICT_KEEP;

                if (is_kept != stays)
                        fail_msg("%s %s with\n%s", name, is_kept ? "stays" : "goes", text);
        }
        assert_events(stay);
        assert_events(go);
}

/* A filter that hides nothing, or everything, proves nothing. */
static void assert_filter(const char *text, const char *stay, const char *go)
{
        assert_true(stay[0] != '\0' && (go[0] != '\0' || strcmp(stay, "-") != 0));
        assert_decisions(text, stay, go);
}

static void read_example(const char *name, struct buf *ret)
{
        char path[512];
        FILE *f;
        int c;

        (void)snprintf(path, sizeof(path), "%s/../config/examples/%s", TESTS_DIR, name);
        f = fopen(path, "re");
        assert_non_null(f);
        while ((c = fgetc(f)) != EOF)
                buf_append_char(ret, (char)c);
        (void)fclose(f);
        buf_append_char(ret, '\0');
        assert_int_equal(buf_error(ret), 0);
}

#define DROP(conditions) "[Rule]\n" conditions "\nAction=drop\n"
#define KEEP(conditions) "[Filter]\nDefault=drop\n[Rule]\n" conditions "\nAction=keep\n"

/* These stay whatever the rules say, as none of them names Flags=. */
#define PROTECTED " alice-memfd alice-deleted alice-ping container-upper kernel-modprobe"

static void filter_01_all_but_crons_children(void **state)
{
        (void)state;
        assert_filter(DROP("ParentExe=/usr/sbin/cron /usr/sbin/crond"), "-", "cron-job");
        assert_filter(DROP("Ancestor=cron"), "-", "cron-job");
        assert_filter(DROP("Ancestor=/usr/sbin/cron"), "-", "cron-job");
        assert_filter(KEEP("ParentComm=!cron !crond"), "-", "cron-job");
}

static void filter_02_all_but_monitoring_users(void **state)
{
        (void)state;
        assert_filter(DROP("User=nagios zabbix prometheus"), "-",
                      "nagios-check zabbix-check prometheus-check");
        assert_filter(KEEP("User=!nagios !zabbix !112"), "-",
                      "nagios-check zabbix-check prometheus-check");
}

static void filter_03_only_people_who_logged_in(void **state)
{
        static const char people[] =
                "alice-ls bob-curl alice-sudo-id alice-sudo-sh-rm apt dpkg-below-apt "
                "postinst-below-apt enoent eacces enoexec" PROTECTED;

        (void)state;
        assert_filter(KEEP("LoginUser=1000-60000"), people, "");
        assert_filter(KEEP("LoginUser=1000-"), people, "");
        assert_filter(KEEP("LoginUser=!unset !0-999"), people, "");
        assert_filter(DROP("LoginUser=unset 0-999"), people, "");
}

static void filter_04_what_people_do_as_root(void **state)
{
        (void)state;
        assert_filter(KEEP("Euid=0\nLoginUser=1000-60000"),
                      "alice-sudo-id alice-sudo-sh-rm apt dpkg-below-apt "
                      "postinst-below-apt" PROTECTED,
                      "");
}

static void filter_05_only_the_web_servers_user(void **state)
{
        (void)state;
        assert_filter(KEEP("User=www-data"),
                      "web-convert ssm-session ssm-agent daemon-with-caps" PROTECTED, "");
        assert_filter(DROP("Uid=!33"),
                      "web-convert ssm-session ssm-agent daemon-with-caps" PROTECTED, "");
}

static void filter_06_not_vmtoolsd_and_filebeat(void **state)
{
        (void)state;
        assert_filter(DROP("Exe=/usr/bin/vmtoolsd /usr/share/filebeat/bin/filebeat"), "-",
                      "vmtoolsd filebeat");
        assert_filter(DROP("Comm=vmtoolsd filebeat"), "-", "vmtoolsd filebeat");
        assert_filter(KEEP("Exe=!*/vmtoolsd !*/filebeat"), "-", "vmtoolsd filebeat");
}

static void filter_07_a_folder_of_executables(void **state)
{
        (void)state;
        assert_filter(DROP("Exe=/usr/lib/nagios/plugins/*"), "-", "nagios-check");
        assert_filter(KEEP("Exe=/usr/lib/nagios/* /app/*"), "nagios-check container-app" PROTECTED,
                      "");
}

static void filter_08_not_system_accounts(void **state)
{
        static const char people[] = "alice-ls bob-curl gcc-in-build enoent eacces "
                                     "enoexec" PROTECTED;

        (void)state;
        assert_filter(DROP("Uid=0-999"), people, "");
        assert_filter(KEEP("User=1000-60000"), people, "");
        assert_filter(KEEP("User=!0-999"), people, "");
}

static void filter_09_not_what_has_no_login_user(void **state)
{
        static const char people[] =
                "alice-ls bob-curl alice-sudo-id alice-sudo-sh-rm apt dpkg-below-apt "
                "postinst-below-apt enoent eacces enoexec" PROTECTED;

        (void)state;
        assert_filter(DROP("LoginUser=unset"), people, "");
        assert_filter(KEEP("LoginUser=!unset"), people, "");
        assert_filter(KEEP("LoginUser=!4294967295"), people, "");
        assert_filter(KEEP("LoginUser=any"), people, "");
}

static void filter_10_only_children_of_a_session_worker(void **state)
{
        (void)state;
        assert_filter(KEEP("ParentExe=*/ssm-session-worker"), "ssm-session" PROTECTED, "");
        assert_filter(KEEP("ParentComm=ssm-session-wor*"), "ssm-session" PROTECTED, "");
}

static void filter_11_all_below_sudo(void **state)
{
        (void)state;
        assert_filter(KEEP("Ancestor=sudo"),
                      "alice-sudo-id alice-sudo-sh-rm dpkg-below-apt" PROTECTED, "");
}

static void filter_12_containers_or_not(void **state)
{
        static const char containers[] = "container-health container-health-wget container-app "
                                         "container-shell-tty container-upper container-web";

        (void)state;
        assert_filter(DROP("Container=any"), "- container-upper",
                      "container-health container-health-wget container-app container-shell-tty "
                      "container-web");
        assert_filter(KEEP("Container=none"), "- container-upper",
                      "container-health container-health-wget container-app container-shell-tty "
                      "container-web");
        assert_filter(DROP("Flags=any none\nContainer=none"), containers, "");
        assert_filter("[Filter]\nDefault=drop\n[Rule]\nContainer=any\nAction=keep\n"
                      "[Rule]\nFlags=any\nAction=drop\n",
                      containers, "");
}

static void filter_13_no_health_checks(void **state)
{
        (void)state;
        assert_filter(DROP("Container=any\nArgument=*/healthz* \"redis-cli ping\""), "-",
                      "container-health container-health-wget");
        assert_filter(DROP("Container=any\nCommandLine=\"*redis-cli ping\" *localhost*/healthz"),
                      "-", "container-health container-health-wget");
}

static void filter_14_not_the_host_and_not_one_container(void **state)
{
        static const char wanted[] = "container-health container-health-wget container-app "
                                     "container-shell-tty" PROTECTED;

        (void)state;
        assert_filter(KEEP("Container=any !web"), wanted, "");
        assert_filter(DROP("Container=none web"), wanted, "");
        assert_filter(DROP("Container=!" CONTAINER_ID), wanted, "");
        assert_filter(DROP("Container=!4f66ad9a0b2e*"), wanted, "");
}

static void filter_15_only_shells_with_a_terminal_in_containers(void **state)
{
        (void)state;
        assert_filter(KEEP("Container=any\nTty=any\nExe=*/sh */bash */dash */zsh"),
                      "container-shell-tty" PROTECTED, "");
}

static void filter_16_the_package_manager_and_all_below(void **state)
{
        static const char rules[] = "[Rule]\nExe=/usr/bin/apt-get /usr/bin/dpkg\nAction=drop\n"
                                    "[Rule]\nAncestor=apt-get dpkg\nAction=drop\n";

        (void)state;
        assert_filter(rules, "-", "apt dpkg-below-apt postinst-below-apt");
}

static void filter_17_the_configuration_agent_and_all_below(void **state)
{
        (void)state;
        assert_filter("[Rule]\nExe=/opt/puppetlabs/*\nAction=drop\n"
                      "[Rule]\nAncestor=puppet\nUser=root\nAction=drop\n",
                      "-", "puppet facter-below-puppet");
        assert_filter(DROP("Unit=puppet.service"), "-", "puppet facter-below-puppet");
}

static void filter_18_the_unit_of_a_build_service(void **state)
{
        (void)state;
        assert_filter(DROP("Unit=build@*.service"), "-", "gcc-in-build");
        assert_filter("[Filter]\nDefault=drop\n[Rule]\nUnit=build@4711\nAction=keep\n",
                      "gcc-in-build" PROTECTED, "");
}

static void filter_19_only_failures_other_than_enoent(void **state)
{
        (void)state;
        assert_filter(KEEP("Event=exec_failed\nError=!ENOENT"), "eacces enoexec" PROTECTED, "");
        assert_filter(KEEP("Error=!ENOENT"), "eacces enoexec" PROTECTED, "");
        assert_filter(DROP("Error=ENOENT"), "-", "enoent");
        assert_filter(DROP("Error=!EACCES"), "-", "enoent enoexec");
}

static void filter_20_arguments_with_a_word(void **state)
{
        (void)state;
        assert_filter(KEEP("Argument=*token*"), "bob-curl" PROTECTED, "");
        assert_filter(KEEP("CommandLine=\"*x-token: *\""), "bob-curl" PROTECTED, "");
}

/* Of each of these another parent's would do; not known, none does. */
static void filters_hide_nothing_for_a_parent_that_is_not_known(void **state)
{
        static const char *const rules[] = {
                DROP("ParentExe=*"),
                DROP("ParentExe=!/usr/bin/x"),
                DROP("ParentExe=none"),
                DROP("ParentCommandLine=*"),
                DROP("ParentCommandLine=!x"),
                KEEP("ParentExe=/usr/sbin/cron"),
                KEEP("ParentExe=!/usr/sbin/cron"),
                KEEP("ParentCommandLine=!cron*"),
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(rules); i++) {
                struct exec_event e = service_event();
                struct rules *r = good_rules(rules[i]);

                e.parent_exe = e.parent_argv = (struct span){ 0 };
                assert_int_equal(decide(r, &e).verdict, VERDICT_KEEP);
                rules_free(r);
        }
}

static void filter_21_by_the_binary_of_the_parent(void **state)
{
        (void)state;
        assert_filter(DROP("ParentExe=/usr/sbin/php-fpm*"), "-",
                      "web-convert nagios-check zabbix-check prometheus-check vmtoolsd filebeat "
                      "puppet gcc-in-build unset-root-daemon daemon-with-caps");
}

static void filter_22_by_the_arguments_of_the_parent(void **state)
{
        (void)state;
        assert_filter(KEEP("ParentCommandLine=*.postinst*"), "postinst-below-apt" PROTECTED, "");
        assert_filter(DROP("ParentCommandLine=\"php-fpm: pool *\""), "-",
                      "web-convert nagios-check zabbix-check prometheus-check vmtoolsd filebeat "
                      "puppet gcc-in-build unset-root-daemon daemon-with-caps");
}

static void filter_23_only_what_hides_its_file(void **state)
{
        (void)state;
        assert_filter(KEEP("Flags=memfd deleted overlay_upper"), PROTECTED + 1, "");
        assert_filter(DROP("Flags=!memfd !deleted !overlay_upper"),
                      "alice-memfd alice-deleted container-upper", "");
}

static void filter_24_holders_of_capabilities(void **state)
{
        (void)state;
        assert_filter(KEEP("Flags=filecaps"), PROTECTED + 1, "");
        assert_filter(KEEP("Capability=any"), "daemon-with-caps" PROTECTED, "");
        assert_filter(KEEP("Capability=cap_net_admin"), "daemon-with-caps" PROTECTED, "");
}

static void filter_25_only_root(void **state)
{
        static const char go[] =
                "alice-ls bob-curl web-convert nagios-check zabbix-check "
                "prometheus-check ssm-session ssm-agent gcc-in-build enoent eacces "
                "enoexec daemon-with-caps";

        (void)state;
        assert_filter(KEEP("User=root"), "-", go);
        assert_filter(DROP("Uid=!0"), "-", go);
        assert_filter(DROP("User=1-"), "-", go);
}

static void filter_26_not_the_log_shipper_itself(void **state)
{
        (void)state;
        assert_filter(DROP("Unit=filebeat"), "-", "filebeat shipper-gzip");
        assert_filter(DROP("Unit=filebeat.service\nUser=root"), "-", "filebeat shipper-gzip");
}

/* The examples that are installed, each as it is: what they hide of this day, and what they tag. */
static void examples_do_what_they_say(void **state)
{
        static const struct {
                const char *file, *stay, *go, *tagged;
        } examples[] = {
                { "05-watch.conf", "-", "",
                  "alice-memfd alice-deleted container-upper alice-sudo-id alice-sudo-sh-rm apt "
                  "dpkg-below-apt postinst-below-apt" },
                { "10-log-shipper.conf", "-", "filebeat shipper-gzip", "" },
                { "20-monitoring.conf", "-", "nagios-check zabbix-check", "" },
                { "21-guest-tools.conf", "-", "vmtoolsd", "" },
                { "30-health-checks.conf", "-", "container-health container-health-wget", "" },
                { "40-cron.conf", "-", "cron-job", "" },
                { "41-builds.conf", "-", "gcc-in-build", "" },
                { "50-package-manager.conf", "-", "", "apt dpkg-below-apt postinst-below-apt" },
                { "51-configuration-management.conf", "-", "puppet facter-below-puppet", "" },
                { "90-people-only.conf",
                  "alice-ls bob-curl alice-sudo-id alice-sudo-sh-rm apt dpkg-below-apt "
                  "postinst-below-apt enoent eacces enoexec" PROTECTED,
                  "", "" },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(examples); i++) {
                _cleanup_(buf_done) struct buf text = { 0 };
                _cleanup_(rules_freep) struct rules *rules = NULL;

                read_example(examples[i].file, &text);
                assert_decisions(text.data, examples[i].stay, examples[i].go);
                rules = good_rules(text.data);
                for (size_t k = 0; k < n_day; k++)
                        assert_int_equal(decide(rules, &day[k].event).tags != 0,
                                         has_word(examples[i].tagged, day[k].name));
        }
}

static int make_day(void **state)
{
        (void)state;
        make_people();
        make_daemons();
        make_tools();
        make_containers_and_failures();
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(filter_01_all_but_crons_children),
                cmocka_unit_test(filter_02_all_but_monitoring_users),
                cmocka_unit_test(filter_03_only_people_who_logged_in),
                cmocka_unit_test(filter_04_what_people_do_as_root),
                cmocka_unit_test(filter_05_only_the_web_servers_user),
                cmocka_unit_test(filter_06_not_vmtoolsd_and_filebeat),
                cmocka_unit_test(filter_07_a_folder_of_executables),
                cmocka_unit_test(filter_08_not_system_accounts),
                cmocka_unit_test(filter_09_not_what_has_no_login_user),
                cmocka_unit_test(filter_10_only_children_of_a_session_worker),
                cmocka_unit_test(filter_11_all_below_sudo),
                cmocka_unit_test(filter_12_containers_or_not),
                cmocka_unit_test(filter_13_no_health_checks),
                cmocka_unit_test(filter_14_not_the_host_and_not_one_container),
                cmocka_unit_test(filter_15_only_shells_with_a_terminal_in_containers),
                cmocka_unit_test(filter_16_the_package_manager_and_all_below),
                cmocka_unit_test(filter_17_the_configuration_agent_and_all_below),
                cmocka_unit_test(filter_18_the_unit_of_a_build_service),
                cmocka_unit_test(filter_19_only_failures_other_than_enoent),
                cmocka_unit_test(filter_20_arguments_with_a_word),
                cmocka_unit_test(filters_hide_nothing_for_a_parent_that_is_not_known),
                cmocka_unit_test(filter_21_by_the_binary_of_the_parent),
                cmocka_unit_test(filter_22_by_the_arguments_of_the_parent),
                cmocka_unit_test(filter_23_only_what_hides_its_file),
                cmocka_unit_test(filter_24_holders_of_capabilities),
                cmocka_unit_test(filter_25_only_root),
                cmocka_unit_test(filter_26_not_the_log_shipper_itself),
                cmocka_unit_test(examples_do_what_they_say),
        };

        return cmocka_run_group_tests(tests, make_day, NULL);
}
