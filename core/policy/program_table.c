/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Programs that take secrets in ways that only their manuals know: short options, words, "user:
 * password" in one. What they take by options that are named like a secret (--password=) is found
 * without any line here, so that it is not repeated; and programs that run others.
 *
 * A line belongs here if the manual of the program says so. Where versions differ, the one counts
 * in which there is a secret.
 */
#include <stddef.h>

#include "policy/program_table.h"

#define ATTACHED .place = PLACE_ATTACHED
#define NEXT .place = PLACE_NEXT
#define RULE(option_text, value, ...)                                                              \
        {                                                                                          \
                .option = (option_text), .kind = VALUE_##value, __VA_ARGS__                        \
        }

/* Letters of options with values in `docker run` and its like; -p is a port there. */
#define CONTAINER_VALUES "aceglmpuvwHh"

const struct program program_table[] = {
        /* Databases */
        { .names = "mysql mysqldump mysqlimport mysqlshow mysqlcheck mysqlslap mysqlbinlog "
                   "mysqlpump mysql_upgrade mysqlrepair mysqlanalyze mysqloptimize "
                   "mysql_secure_installation mysqlhotcopy mariadb mariadb-dump mariadb-import "
                   "mariadb-show mariadb-check mariadb-slap mariadb-binlog mariadb-backup "
                   "mariadb-upgrade mariabackup mysqlaccess innobackupex xtrabackup",
          .values = "DehPSu",
          .rules = { RULE("-p", ALL, ATTACHED) } },
        { .names = "mysqladmin mariadb-admin",
          .values = "DehPSu",
          .rules = { RULE("-p", ALL, ATTACHED), RULE("password", ALL),
                     RULE("old-password", ALL) } },
        { .names = "mycli mydumper myloader mysqlsh pt-query-digest pt-table-checksum "
                   "pt-table-sync pt-archiver pt-online-schema-change pt-heartbeat pt-kill "
                   "pt-show-grants",
          .values = "DehPSuBT",
          .rules = { RULE("-p", ALL), RULE("*", BEFORE_AT) } },
        { .names = "mongo mongosh mongodump mongorestore mongoexport mongoimport mongostat "
                   "mongotop mongofiles",
          .values = "uhdcojfq",
          .rules = { RULE("-p", ALL) } },
        { .names = "mongod mongos", .rules = { RULE("--auth", CLEAR, ATTACHED) } },
        { .names = "redis-cli valkey-cli keydb-cli",
          .rules = { RULE("-a", ALL, NEXT), RULE("AUTH", REST), RULE("auth", REST),
                     RULE("requirepass", ALL), RULE("masterauth", ALL) } },
        { .names = "sqlcmd bcp tsql osql fisql defncopy freebcp", .rules = { RULE("-P", ALL) } },
        { .names = "isql iusql", .rules = { RULE("3", ALL), RULE("-P", ALL) } },
        { .names = "sqlplus sqlldr exp imp expdp impdp rman sqlcl sql",
          .rules = { RULE("*", AFTER_SLASH) } },
        { .names = "cqlsh clickhouse-benchmark cypher-shell beeline hive",
          .rules = { RULE("-p", ALL) } },
        { .names = "nodetool", .rules = { RULE("-pw", ALL) } },
        { .names = "vsql", .values = "cCdfhopPUv", .rules = { RULE("-w", ALL) } },
        { .names = "db2", .rules = { RULE("using", ALL) } },
        { .names = "etcdctl", .rules = { RULE("--user", AFTER_COLON) } },
        { .names = "curator es2csv", .rules = { RULE("-a", AFTER_COLON) } },

        /* Transfer */
        { .names = "curl curl.exe",
          .values = "AbcCdDeEFHhKmoPQrtTuUwxXyYz",
          .rules = { RULE("-u", AFTER_COLON), RULE("--user", AFTER_COLON), RULE("-U", AFTER_COLON),
                     RULE("--proxy-user", AFTER_COLON), RULE("-E", AFTER_COLON),
                     RULE("--cert", AFTER_COLON), RULE("--proxy-cert", AFTER_COLON),
                     RULE("-b", COOKIE), RULE("--cookie", COOKIE), RULE("-x", BEFORE_AT),
                     RULE("--proxy", BEFORE_AT), RULE("*", BEFORE_AT) } },
        { .names = "http https httpie xh xhs",
          .rules = { RULE("-a", COLON_OR_ALL), RULE("--auth", COLON_OR_ALL) } },
        { .names = "ab siege",
          .values = "nctbTpusSXyzHAPCe",
          .rules = { RULE("-A", AFTER_COLON), RULE("-P", AFTER_COLON), RULE("-C", COOKIE) } },
        { .names = "lftp open",
          .values = "efpu",
          .rules = { RULE("-u", AFTER_COMMA), RULE("--user", AFTER_COMMA) } },
        { .names = "ncftp ncftpget ncftpput ncftpls ncftpbatch",
          .values = "uPjdft",
          .rules = { RULE("-p", ALL) } },
        { .names = "curlftpfs", .values = "o", .rules = { RULE("*", BEFORE_AT) } },
        { .names = "smbclient",
          .values = "RdsOliIEUMmtAWpDcTLPSbnB",
          .rules = { RULE("-U", AFTER_PERCENT), RULE("--user", AFTER_PERCENT), RULE("2", ALL) } },
        { .names = "rpcclient net smbget smbcacls smbcquotas smbtree smbspool sharesec "
                   "samba-tool wmic winexe smbtorture mvxattr ntlm_auth",
          .values = "dsOliIUMmtAWpcDSn",
          .rules = { RULE("-U", AFTER_PERCENT), RULE("--user", AFTER_PERCENT),
                     RULE("--username", AFTER_PERCENT), RULE("4", ALL, .needs = "create"),
                     RULE("4", ALL, .needs = "add") } },
        { .names = "smbpasswd",
          .values = "cDrRUuws",
          .rules = { RULE("-w", ALL), RULE("2", ALL) } },
        { .names = "smbmap crackmapexec cme netexec nxc evil-winrm hydra medusa",
          .rules = { RULE("-p", ALL) } },
        { .names = "psexec wmiexec smbexec atexec dcomexec secretsdump mssqlclient GetUserSPNs "
                   "GetNPUsers impacket-psexec impacket-wmiexec impacket-secretsdump "
                   "impacket-smbclient",
          .rules = { RULE("*", BEFORE_AT) } },
        { .names = "xfreerdp wlfreerdp xfreerdp3 wlfreerdp3 sdl-freerdp sdl-freerdp3",
          .rules = { RULE("/p", ALL, ATTACHED), RULE("/pth", ALL, ATTACHED),
                     RULE("/gp", ALL, ATTACHED), RULE("-p", ALL, NEXT) } },
        { .names = "rdesktop", .values = "cdgkmnorsuxaTP", .rules = { RULE("-p", ALL) } },
        { .names = "plink pscp psftp putty pageant", .rules = { RULE("-pw", ALL, NEXT) } },
        { .names = "yt-dlp youtube-dl",
          .values = "uofrRaIN",
          .rules = { RULE("-p", ALL), RULE("-2", ALL) } },
        { .names = "transmission-remote",
          .rules = { RULE("-n", AFTER_COLON), RULE("--auth", AFTER_COLON) } },
        { .names = "transmission-daemon", .rules = { RULE("-v", ALL) } },
        { .names = "mc mcli",
          .rules = { RULE("5", ALL, .needs = "alias"), RULE("6", ALL, .needs = "alias"),
                     RULE("6", ALL, .needs = "user") } },
        { .names = "rclone",
          .rules = { RULE("2", ALL, .needs = "obscure"), RULE("=", ALL, .needs = "config") } },

        /* Directories, mail, management of networks and machines */
        { .names = "ldapsearch ldapadd ldapmodify ldapdelete ldapmodrdn ldapcompare ldapwhoami "
                   "ldapexop ldapurl ldapvi ldap",
          .values = "abcdDeEfFhHloOpPRsSTUXyYz",
          .rules = { RULE("-w", ALL) } },
        { .names = "ldappasswd",
          .values = "dDefhHnoOpPRtTUXyY",
          .rules = { RULE("-w", ALL), RULE("-s", ALL), RULE("-a", ALL) } },
        { .names = "dsconf dsidm dsctl imtest pop3test smtptest sivtest mupdatetest "
                   "turnutils_uclient irssi",
          .values = "DuamphrstR",
          .rules = { RULE("-w", ALL) } },
        { .names = "slappasswd", .values = "chotT", .rules = { RULE("-s", ALL) } },
        { .names = "kadmin kadmin.local addprinc add_principal ank cpw change_password",
          .rules = { RULE("-w", ALL), RULE("-pw", ALL) } },
        { .names = "snmpget snmpwalk snmpset snmpbulkwalk snmpbulkget snmpgetnext snmptrap "
                   "snmpinform snmptable snmpdf snmpstatus snmptest snmpnetstat snmpusm "
                   "snmpvacm snmpdelta snmpps",
          .values = "vrteEnuxlamMOIPCdFLZ",
          .rules = { RULE("-c", ALL), RULE("-A", ALL), RULE("-X", ALL) } },
        { .names = "ipmitool",
          .values = "bBcCdDeEfHIlLmNoOpRStTU",
          .rules = { RULE("-P", ALL), RULE("-k", ALL), RULE("-y", ALL), RULE("password", REST) } },
        { .names = "ipmipower ipmi-sensors ipmi-sel ipmi-chassis ipmi-fru ipmi-config ipmi-raw "
                   "ipmiconsole bmc-info bmc-device",
          .values = "huDWI",
          .rules = { RULE("-p", ALL), RULE("-k", ALL) } },
        { .names = "racadm ilorest redfishtool twine xrdp-sesrun wsman wbemcli esxcli hponcfg "
                   "jboss-cli openfortivpn testsaslauthd turnadmin rabbitmqadmin argocd "
                   "cloudmonkey check_radius check_mysql check_mysql_query check_pgsql steghide "
                   "aescrypt",
          .rules = { RULE("-p", ALL) } },
        { .names = "vmrun", .rules = { RULE("-gp", ALL), RULE("-vp", ALL), RULE("-p", ALL) } },
        { .names = "check_http check_curl",
          .values = "HIpuwctkefrsP",
          .rules = { RULE("-a", AFTER_COLON), RULE("-b", AFTER_COLON) } },
        { .names = "check_snmp",
          .values = "HopwctrsReEmPLauU",
          .rules = { RULE("-C", ALL), RULE("-A", ALL), RULE("-X", ALL) } },
        { .names = "check_ldap check_ldaps", .rules = { RULE("-P", ALL) } },
        { .names = "check_nt", .rules = { RULE("-s", ALL) } },
        { .names = "radtest", .rules = { RULE("2", ALL), RULE("5", ALL) } },
        { .names = "radclient", .values = "cdfiprStDn", .rules = { RULE("3", ALL) } },
        { .names = "eapol_test", .values = "cCaApPMtNRrW", .rules = { RULE("-s", ALL) } },
        { .names = "iscsiadm", .rules = { RULE("-v", ALL, NEXT), RULE("--value", ALL) } },
        { .names = "nmcli",
          .rules = { RULE("wifi-sec.key-mgmt", CLEAR),
                     RULE("802-11-wireless-security.key-mgmt", CLEAR), RULE("=", ALL) } },
        { .names = "pppd", .rules = { RULE("=", ALL) } },
        { .names = "wpa_cli", .rules = { RULE("=", ALL), RULE("wep_key0", ALL) } },
        { .names = "wpa_passphrase", .rules = { RULE("2", ALL) } },
        { .names = "iwconfig iwpriv", .rules = { RULE("key", ALL), RULE("enc", ALL) } },
        { .names = "iw", .rules = { RULE("key", REST), RULE("keys", REST) } },
        { .names = "openvpn",
          .rules = { RULE("--auth", CLEAR), RULE("--tls-auth", CLEAR), RULE("--secret", CLEAR),
                     RULE("--auth-user-pass", CLEAR) } },
        { .names = "xauth", .values = "fin", .rules = { RULE("4", ALL, .needs = "add") } },
        { .names = "mosquitto_pub mosquitto_sub mosquitto_rr",
          .values = "hpuitmqLfIkMVx",
          .rules = { RULE("-P", ALL), RULE("--pw", ALL) } },
        { .names = "mosquitto_passwd", .values = "Hc", .rules = { RULE("3", ALL, .needs = "-b") } },
        { .names = "rabbitmqctl",
          .values = "npt",
          .rules = { RULE("3", ALL, .needs = "add_user"),
                     RULE("3", ALL, .needs = "change_password"),
                     RULE("3", ALL, .needs = "authenticate_user") } },
        { .names = "swaks",
          .rules = { RULE("-ap", ALL, NEXT), RULE("--auth", CLEAR), RULE("-a", CLEAR) } },
        { .names = "sendemail sendEmail", .rules = { RULE("-xp", ALL, NEXT) } },
        { .names = "sipsak", .rules = { RULE("-a", ALL) } },
        { .names = "sipp", .rules = { RULE("-ap", ALL, NEXT) } },
        { .names = "doveadm",
          .values = "su",
          .rules = { RULE("-p", ALL, .needs = "pw"), RULE("4", ALL, .needs = "auth") } },
        { .names = "p4", .values = "cCdHLpQrux", .rules = { RULE("-P", ALL) } },
        { .names = "virsh", .rules = { RULE("3", ALL, .needs = "secret-set-value") } },
        { .names = "qemu-img qemu-io qemu-nbd qemu-system-x86_64 qemu-system-aarch64 "
                   "qemu-system-i386 kvm qemu",
          .rules = { RULE("-object", AFTER_DATA), RULE("--object", AFTER_DATA) } },

        /* Accounts, keys, archives */
        { .names = "sshpass", .values = "fdP", .wraps = 1, .rules = { RULE("-p", ALL) } },
        { .names = "ssh-keygen",
          .values = "abCDEeFfGIiJjKMmnOrRSstTVwWYz",
          .rules = { RULE("-N", ALL), RULE("-P", ALL) } },
        { .names = "useradd usermod groupadd groupmod luseradd lusermod",
          .values = "bcdefgGklKRPsuvVwWZ",
          .rules = { RULE("-p", ALL), RULE("-P", ALL, .needs = "lusermod") } },
        { .names = "htpasswd htpasswd2",
          .values = "Cr",
          .rules = { RULE("3", ALL, .needs = "-b", .unless = "-n"),
                     RULE("2", ALL, .needs = "-n") } },
        { .names = "mkpasswd", .values = "mSRP", .rules = { RULE("1", ALL) } },
        { .names = "openssl",
          .rules = { RULE("-pass", PASS, NEXT), RULE("-passin", PASS, NEXT),
                     RULE("-passout", PASS, NEXT), RULE("-password", PASS, NEXT),
                     RULE("-k", ALL, NEXT), RULE("-K", ALL, NEXT), RULE("-hmac", ALL, NEXT),
                     RULE("-macopt", AFTER_COLON, NEXT),
                     RULE("-salt", CLEAR, NEXT, .needs = "passwd"),
                     RULE("2", ALL, .needs = "passwd") } },
        { .names = "keytool jarsigner apksigner",
          .rules = { RULE("-new", ALL, NEXT), RULE("--ks-pass", PASS), RULE("--key-pass", PASS) } },
        { .names = "pk12util",
          .values = "iodnwkhm",
          .rules = { RULE("-W", ALL), RULE("-K", ALL) } },
        { .names = "pki security signtool osslsigncode",
          .rules = { RULE("-w", ALL, NEXT), RULE("-p", ALL, NEXT), RULE("/p", ALL) } },
        { .names = "pkcs11-tool pkcs15-init pkcs15-tool softhsm2-util ykman yubico-piv-tool "
                   "p11tool tpm2_unseal tpm2_create tpm2_load tpm2_nvread tpm2_nvwrite "
                   "tpm2_nvdefine tpm2_changeauth",
          .rules = { RULE("-p", ALL), RULE("-P", ALL), RULE("--pin", ALL), RULE("--puk", ALL),
                     RULE("--new-puk", ALL) } },
        { .names = "chpasswd chgpasswd passwd", .rules = { RULE("<<<", ALL) } },
        { .names = "zip zipcloak", .values = "bnO", .rules = { RULE("-P", ALL) } },
        { .names = "unzip funzip zipinfo",
          .values = "dOI",
          .rules = { RULE("-P", ALL), RULE("-p", CLEAR, ATTACHED) } },
        { .names = "7z 7za 7zr 7zz 7zzs p7zip rar unrar",
          .rules = { RULE("-p", ALL, ATTACHED), RULE("-hp", ALL, ATTACHED) } },
        { .names = "fcrackzip mutool", .rules = { RULE("-p", ALL) } },
        { .names = "ccrypt ccencrypt ccdecrypt ccat",
          .values = "EkS",
          .rules = { RULE("-K", ALL) } },
        { .names = "mcrypt mdecrypt outguess", .values = "acomf", .rules = { RULE("-k", ALL) } },
        { .names = "gpg-preset-passphrase", .rules = { RULE("-P", ALL) } },
        { .names = "qpdf", .rules = { RULE("--encrypt", REST, NEXT) } },
        { .names = "pdftk",
          .rules = { RULE("owner_pw", ALL), RULE("user_pw", ALL), RULE("input_pw", ALL) } },
        { .names = "pdftotext pdftoppm pdfinfo pdfimages pdftocairo pdftohtml pdffonts "
                   "pdfseparate pdftops",
          .rules = { RULE("-upw", ALL, NEXT), RULE("-opw", ALL, NEXT) } },
        { .names = "keyctl",
          .rules = { RULE("4", ALL, .needs = "add"), RULE("3", ALL, .needs = "update") } },
        { .names = "bw",
          .rules = { RULE("3", ALL, .needs = "login"), RULE("2", ALL, .needs = "unlock") } },
        { .names = "caddy",
          .rules = { RULE("--plaintext", ALL), RULE("-p", ALL, .needs = "hash-password") } },

        /* Clouds and containers */
        { .names = "docker podman nerdctl buildah docker-compose finch",
          .values = CONTAINER_VALUES,
          .finds = true,
          .rules = { RULE("-p", ALL, .needs = "login"), RULE("--creds", AFTER_COLON),
                     RULE("--secret", CLEAR) } },
        { .names = "skopeo oras crane regctl",
          .values = "u",
          .rules = { RULE("-p", ALL, .needs = "login"), RULE("--creds", AFTER_COLON),
                     RULE("--src-creds", AFTER_COLON), RULE("--dest-creds", AFTER_COLON) } },
        { .names = "helm az cf ibmcloud oc-login heroku linode-cli nexus",
          .rules = { RULE("-p", ALL, .needs = "login"),
                     RULE("3", ALL, .needs = "auth", .unless = "login") } },
        { .names = "kubectl oc k3s microk8s k0s",
          .values = "nfclos",
          .finds = true,
          .rules = { RULE("-p", ALL, .needs = "login"),
                     RULE("--from-literal", AFTER_EQUALS, .needs = "secret"),
                     RULE("--from-file", CLEAR) } },
        { .names = "gcloud",
          .rules = { RULE("--secret", CLEAR), RULE("=", ALL, .needs = "config") } },
        { .names = "aws",
          .rules = { RULE("--secret-id", CLEAR), RULE("=", ALL, .needs = "configure") } },
        { .names = "gh glab",
          .values = "R",
          .rules = { RULE("-b", ALL, .needs = "secret"), RULE("--body", ALL, .needs = "secret"),
                     RULE("-v", ALL, .needs = "variable") } },
        { .names = "doctl flyctl fly", .rules = { RULE("-t", ALL) } },
        { .names = "vault bao",
          .rules = { RULE("2", ALL_BUT_PAIR, .needs = "login"),
                     RULE("*", AFTER_EQUALS, .needs = "put"),
                     RULE("*", AFTER_EQUALS, .needs = "patch"), RULE("unseal", ALL) } },
        { .names = "cargo wandb", .rules = { RULE("2", ALL, .needs = "login") } },
        { .names = "snyk", .rules = { RULE("2", ALL, .needs = "auth") } },
        { .names = "codecov vercel netlify", .rules = { RULE("-t", ALL), RULE("-a", ALL) } },
        { .names = "dotnet nuget",
          .rules = { RULE("-k", ALL, .needs = "push"),
                     RULE("3", ALL, .needs = "push", .unless = "nuget") } },
        { .names = "composer",
          .rules = { RULE("=", ALL, .needs = "config"), RULE("4", ALL, .needs = "config") } },
        { .names = "mount mount.cifs mount.smb3 sshfs",
          .values = "toLUO",
          .rules = { RULE("-o", LIST) } },
        { .names = "ngrok", .rules = { RULE("authtoken", ALL), RULE("add-authtoken", ALL) } },
        { .names = "wrangler pulumi firebase",
          .rules = { RULE("--secret", CLEAR, ATTACHED), RULE("4", ALL, .needs = "--secret") } },
        { .names = "grafana-cli grafana", .rules = { RULE("reset-admin-password", ALL) } },
        { .names = "git npm yarn pnpm pip pip3 poetry gem bundle snap",
          .finds = false,
          .rules = { RULE("=", ALL, .needs = "config"), RULE("=", ALL, .needs = "set") } },

        /* Programs that run others */
        { .names = "env nohup nice ionice stdbuf setsid time unshare nsenter dumb-init tini "
                   "catatonit eatmydata fakeroot proxychains proxychains4 torsocks torify "
                   "tsocks unbuffer dbus-run-session xvfb-run ssh-agent numactl cgexec prlimit "
                   "setpriv choom rlwrap pkexec busybox toybox systemd-run "
                   "systemd-inhibit systemd-cat run0 chronic firejail bwrap strace ltrace "
                   "valgrind xargs parallel watch daemonize daemon command exec eval builtin "
                   "then do else if elif while until ! { chpst softlimit caffeinate cronic ts "
                   "faketime-wrapper gdb perf capsh linux64 linux32 setarch i386 x86_64",
          .values = "uCgnIiPsdEoUhprtTDRSGwL",
          .wraps = 1,
          .rules = { RULE("--args", BEGINS_COMMAND, NEXT) } },
        { .names = "sudo doas",
          .values = "uCgnIiPsdEoUhprtTDRSGwL",
          .wraps = 1,
          .rules = { RULE("<<<", ALL, .needs = "-S") } },
        { .names = "timeout chrt taskset flock chroot gosu su-exec setuidgid envdir faketime "
                   "cpulimit ssh autossh mosh rsh dbclient slogin sem retry",
          .values = "bcDEeFIiJklLmOopPQRSWwBs",
          .wraps = 2 },
        { .names = "su runuser sg script newgrp",
          .values = "gGswTtoIOBEm",
          .rules = { RULE("-c", COMMAND), RULE("--command", COMMAND),
                     RULE("--session-command", COMMAND), RULE("-u", CLEAR, NEXT) },
          .finds = true },
        { .names = "sh bash dash zsh ksh mksh ash fish rbash ksh93 posh",
          .values = "Oo",
          .wraps = 1,
          .rules = { RULE("-c", COMMAND, NEXT) } },
        { .names = "python perl ruby node php pypy deno bun lua tclsh expect wish java pwsh",
          .wraps = 1,
          .rules = { RULE("-m", BEGINS_COMMAND, NEXT), RULE("-c", CLEAR, NEXT),
                     RULE("-e", CLEAR, NEXT), RULE("-jar", BEGINS_COMMAND, NEXT),
                     RULE("-cp", CLEAR, NEXT), RULE("-classpath", CLEAR, NEXT) } },
        { .names = "find fd fdfind",
          .rules = { RULE("-exec", BEGINS_COMMAND, NEXT), RULE("-execdir", BEGINS_COMMAND, NEXT),
                     RULE("-ok", BEGINS_COMMAND, NEXT), RULE("-okdir", BEGINS_COMMAND, NEXT),
                     RULE("-x", BEGINS_COMMAND, NEXT), RULE("-X", BEGINS_COMMAND, NEXT) } },
        { .names = "xterm konsole gnome-terminal urxvt rxvt st alacritty kitty terminator "
                   "start-stop-daemon screen tmux",
          .rules = { RULE("-e", BEGINS_COMMAND, NEXT), RULE("-x", BEGINS_COMMAND, NEXT),
                     RULE("--exec", BEGINS_COMMAND), RULE("--startas", BEGINS_COMMAND) },
          .finds = true },
        { .names = "lxc incus lxc-attach lxc-execute machinectl systemd-nspawn ip crictl ctr "
                   "runc crun vagrant singularity apptainer flatpak toolbox distrobox conda "
                   "mamba pipenv uv npx aws-vault op doppler chamber pdsh clush ansible salt "
                   "salt-call mpirun mpiexec srun sbatch qsub at batch cpuset cset schroot pct "
                   "qm",
          .finds = true },
        { .names = NULL },
};
