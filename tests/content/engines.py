# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""DuckDB, SQLite and ClickHouse behind one contract: the views of content/sql, lines in, rows out.

Values come as text, as numbers differ from engine to engine; what is not there is empty or "0".
"""
import contextlib
import fcntl
import json
import pathlib
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import time

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
SQL = SOURCE / "content/sql"
DUCKDB_VERSION = "1.5.6-r.1"
START_SECONDS = 100
CLICKHOUSE_CONFIG = """<yandex>
<logger><level>warning</level><console>1</console></logger>
<listen_host>127.0.0.1</listen_host><tcp_port>{port}</tcp_port>
<path>{folder}/data/</path><tmp_path>{folder}/tmp/</tmp_path>
<mark_cache_size>104857600</mark_cache_size>
<users_config>{folder}/users.xml</users_config>
<default_profile>default</default_profile><default_database>default</default_database>
</yandex>"""
CLICKHOUSE_USERS = """<yandex>
<profiles><default><max_threads>2</max_threads></default></profiles>
<users><default><password></password><networks><ip>127.0.0.1</ip></networks>
<profile>default</profile><quota>default</quota></default></users>
<quotas><default/></quotas>
</yandex>"""


class Missing(Exception):
    """The engine is not here."""


def text(value):
    if isinstance(value, bool):
        return str(int(value))
    return "" if value is None else str(value)


def install_duckdb(packages):
    """What npm installs stays, for the next time; one test at a time."""
    packages.mkdir(parents=True, exist_ok=True)
    with open(packages / "lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = packages / f"installed-{DUCKDB_VERSION}"
        if wanted.exists():
            return
        done = subprocess.run(
            ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts",
             "--prefix", ".", f"@duckdb/node-api@{DUCKDB_VERSION}"], cwd=packages, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise Missing(f"npm: {done.stdout}")
        wanted.touch()


class DuckDB:
    name = "duckdb"
    database = ":memory:"

    def __init__(self, folder):
        packages = pathlib.Path(folder).resolve() / "duckdb"
        if not shutil.which("node") or not shutil.which("npm"):
            raise Missing("node and npm are not here")
        install_duckdb(packages)
        self.process = subprocess.Popen(
            ["node", pathlib.Path(__file__).with_name("run_duckdb.mjs"), packages, self.database],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.run((SQL / "duckdb.sql").read_text("utf-8"))

    def ask(self, sql):
        self.process.stdin.write(json.dumps(sql) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert "error" not in answer, (answer, sql[:2000])
        return answer

    def run(self, sql):
        self.ask(sql)

    def rows(self, sql):
        answer = self.ask(sql)
        return [dict(zip(answer["columns"], map(text, row))) for row in answer["rows"]]

    def load(self, path):
        self.run(f"INSERT INTO events BY NAME SELECT * FROM read_log('{path}')")

    def forget(self):
        self.run("DELETE FROM events; DELETE FROM inventory")

    def set_clock(self, moment):
        self.run(f"CREATE OR REPLACE VIEW clock AS SELECT TIMESTAMP '{moment}' AS now")

    def tree(self, root):
        return self.rows(f"SELECT * FROM process_tree('{root}') ORDER BY path")

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class SQLite:
    name = "sqlite"

    def __init__(self, _):
        if not shutil.which("sqlite3"):
            raise Missing("sqlite3 is not here")
        self.folder = tempfile.mkdtemp(prefix="execsnoopd-test-")
        self.path = f"{self.folder}/log.db"
        self.connection = sqlite3.connect(self.path, isolation_level=None)
        self.connection.row_factory = sqlite3.Row
        self.run((SQL / "sqlite.sql").read_text("utf-8"))

    def run(self, sql):
        self.connection.executescript(sql)

    def rows(self, sql):
        return [{key: text(row[key]) for key in row.keys()}
                for row in self.connection.execute(sql)]

    def load(self, path):
        """As the file says how to. What is no line of ours is said."""
        done = subprocess.run(
            ["sqlite3", self.path, "-cmd", ".mode ascii", "-cmd", '.separator "\\037" "\\n"',
             f".import {path} log"], stderr=subprocess.PIPE, text=True, check=False)
        self.said = done.stderr

    def forget(self):
        self.run("DELETE FROM events; DELETE FROM inventory")

    def set_clock(self, moment):
        self.run(f"DROP VIEW clock; CREATE VIEW clock AS SELECT '{moment}Z' AS now")

    def tree(self, root):
        self.run(f"DELETE FROM tree_of; INSERT INTO tree_of VALUES ('{root}')")
        return self.rows("SELECT * FROM process_tree ORDER BY path, time")

    def close(self):
        self.connection.close()
        shutil.rmtree(self.folder)


class ClickHouse:
    name = "clickhouse"

    def __init__(self, _):
        if not shutil.which("clickhouse-server") or not shutil.which("clickhouse-client"):
            raise Missing("clickhouse-server and clickhouse-client are not here")
        self.folder = tempfile.mkdtemp(prefix="execsnoopd-test-")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        folder = pathlib.Path(self.folder)
        (folder / "config.xml").write_text(
            CLICKHOUSE_CONFIG.format(port=self.port, folder=folder), "utf-8")
        (folder / "users.xml").write_text(CLICKHOUSE_USERS, "utf-8")
        for name in ("data", "tmp"):
            (folder / name).mkdir()
        with open(folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                ["clickhouse-server", f"--config-file={folder}/config.xml"], stdout=log, stderr=log)
        end = time.monotonic() + START_SECONDS
        while self.client("SELECT 1", check=False).returncode != 0:
            assert self.process.poll() is None and time.monotonic() < end, \
                (folder / "log").read_text("utf-8")
            time.sleep(0.1)
        self.run((SQL / "clickhouse.sql").read_text("utf-8"))
        self.run("SYSTEM STOP MERGES")      # that copies are still there to be seen

    def client(self, sql, *options, stdin=subprocess.DEVNULL, check=True):
        done = subprocess.run(
            ["clickhouse-client", f"--port={self.port}", "--multiquery", *options,
             f"--query={sql}"], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, check=False)
        assert not check or done.returncode == 0, (done.stderr, sql[:2000])
        return done

    def run(self, sql):
        self.client(sql)

    def rows(self, sql):
        lines = self.client(sql + " FORMAT JSONEachRow").stdout.splitlines()
        return [{key: text(value) for key, value in json.loads(line).items()} for line in lines]

    def load(self, path):
        with open(path, "rb") as file:
            done = subprocess.run(
                ["clickhouse-client", f"--port={self.port}", "--input_format_skip_unknown_fields=1",
                 "--query=INSERT INTO events FORMAT JSONEachRow"], stdin=file,
                stderr=subprocess.PIPE, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def forget(self):
        self.run("TRUNCATE TABLE events; TRUNCATE TABLE inventory")

    def set_clock(self, moment):
        self.run("DROP TABLE clock; CREATE VIEW clock AS "
                 f"SELECT parseDateTimeBestEffort('{moment}Z') AS now")

    def tree(self, root):
        self.run(f"TRUNCATE TABLE tree_of; INSERT INTO tree_of VALUES ('{root}')")
        return self.rows("SELECT * FROM process_tree ORDER BY time")

    def close(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder)


@contextlib.contextmanager
def opened(folder, names=("duckdb", "sqlite", "clickhouse")):
    """Those that are here; and why others are not. `folder`: what npm installs."""
    engines, missing = [], []
    try:
        for kind in (DuckDB, SQLite, ClickHouse):
            if kind.name not in names:
                continue
            try:
                engines.append(kind(folder))
            except Missing as reason:
                missing.append(str(reason))
        yield engines, missing
    finally:
        for engine in engines:
            engine.close()
