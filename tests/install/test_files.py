#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""test_files.py BUILD: what `cmake --install` puts where, and that it works from there."""
import os
import subprocess
import sys
import tempfile

EXPECTED = [
    "etc/execsnoopd.conf",
    "usr/sbin/execsnoopd",
    "usr/libexec/execsnoopd/update-service",
    "usr/bin/execsnoopctl",
    "lib/systemd/system/execsnoopd.service",
    "usr/share/execsnoopd/event.schema.json",
    "usr/share/execsnoopd/chronicle/execsnoopd.conf",
    "usr/share/execsnoopd/lnav/execsnoopd.json",
    "usr/share/execsnoopd/sentinel/ASimProcessEventExecsnoopd.kql",
    "usr/share/execsnoopd/ship/filebeat.yml",
    "usr/share/execsnoopd/ship/fluent-bit.yaml",
    "usr/share/execsnoopd/ship/journal-remote.conf",
    "usr/share/execsnoopd/ship/journal-upload.conf",
    "usr/share/execsnoopd/ship/otelcol.yaml",
    "usr/share/execsnoopd/ship/rsyslog-elasticsearch.conf",
    "usr/share/execsnoopd/ship/rsyslog-file.conf",
    "usr/share/execsnoopd/ship/rsyslog-kafka.conf",
    "usr/share/execsnoopd/ship/syslog-ng.conf",
    "usr/share/execsnoopd/ship/vector.toml",
    "usr/share/execsnoopd/sigma/execsnoopd-ecs.yml",
    "usr/share/execsnoopd/sigma/execsnoopd-ocsf.yml",
    "usr/share/execsnoopd/sigma/execsnoopd-native.yml",
    "usr/share/execsnoopd/splunk/eventtypes.conf",
    "usr/share/execsnoopd/splunk/props.conf",
    "usr/share/execsnoopd/splunk/tags.conf",
    "usr/share/execsnoopd/splunk/transforms.conf",
    "usr/share/execsnoopd/sql/clickhouse.sql",
    "usr/share/execsnoopd/sql/duckdb.sql",
    "usr/share/execsnoopd/sql/sqlite.sql",
    "usr/share/man/man1/execsnoopctl.1",
    "usr/share/man/man5/execsnoopd.conf.5",
    "usr/share/man/man7/execsnoopd-events.7",
    "usr/share/man/man7/execsnoopd-shapes.7",
    "usr/share/man/man8/execsnoopd.8",
    "usr/share/bash-completion/completions/execsnoopd",
    "usr/share/bash-completion/completions/execsnoopctl",
    "usr/share/zsh/site-functions/_execsnoopctl",
    "usr/share/doc/execsnoopd/README.md",
    "usr/share/doc/execsnoopd/NEWS.md",
    "usr/share/doc/execsnoopd/content.md",
    "usr/share/doc/execsnoopd/fleet.md",
    "usr/share/doc/execsnoopd/operators.md",
    "usr/share/doc/execsnoopd/examples/execsnoopd.conf.d/05-watch.conf",
    "usr/share/doc/execsnoopd/examples/execsnoopd.conf.d/10-log-shipper.conf",
    "usr/share/doc/execsnoopd/examples/execsnoopd.conf.d/20-monitoring.conf",
    "usr/share/doc/execsnoopd/examples/execsnoopd.conf.d/21-guest-tools.conf",
    "usr/share/doc/execsnoopd/examples/execsnoopd.conf.d/30-health-checks.conf",
    "usr/share/doc/execsnoopd/examples/execsnoopd.conf.d/40-cron.conf",
    "usr/share/doc/execsnoopd/examples/execsnoopd.conf.d/41-builds.conf",
    "usr/share/doc/execsnoopd/examples/execsnoopd.conf.d/50-package-manager.conf",
    "usr/share/doc/execsnoopd/examples/execsnoopd.conf.d/51-configuration-management.conf",
    "usr/share/doc/execsnoopd/examples/execsnoopd.conf.d/90-people-only.conf",
    "usr/share/doc/execsnoopd/examples/execsnoopd.logrotate",
    "usr/share/doc/execsnoopd/examples/execsnoopd.rules.yml",
    "usr/lib/sysusers.d/execsnoopd.conf",
    "usr/lib/tmpfiles.d/execsnoopd.conf",
]


def main():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["cmake", "--install", sys.argv[1]], check=True, stdout=subprocess.DEVNULL,
                       env=dict(os.environ, DESTDIR=folder))
        installed = [os.path.relpath(os.path.join(path, name), folder)
                     for path, _, names in os.walk(folder) for name in names]
        # With merged /usr, systemd.pc names either.
        plain = {name.removeprefix("usr/") for name in installed}
        missing = [name for name in EXPECTED if name.removeprefix("usr/") not in plain]
        assert not missing, (missing, installed)
        assert any(name.endswith(".catalog") for name in installed)

        daemon = folder + "/usr/sbin/execsnoopd"
        config = folder + "/etc/execsnoopd.conf"
        subprocess.run([daemon, "--test-config", "--config=" + config], check=True)
        shown = subprocess.run([daemon, "--cat-config", "--config=" + config], check=True,
                               stdout=subprocess.PIPE, text=True).stdout
        assert "Interval=1min" in shown, shown
        unit = [name for name in installed if name.endswith("execsnoopd.service")][0]
        with open(os.path.join(folder, unit), encoding="utf-8") as file:
            assert "ExecStart=/usr/sbin/execsnoopd\n" in file.read()


def check_readme(source):
    """The event that the README shows is one by the schema."""
    with open(source + "/README.md", encoding="utf-8") as file:
        shown = file.read().split("```json\n")[1].split("```")[0]
    line = "".join(part.strip() for part in shown.splitlines()) + "\n"
    subprocess.run([sys.executable, source + "/tests/validate.py", "--no-seq", "-"],
                   input=line.encode(), check=True)


main()
check_readme(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
