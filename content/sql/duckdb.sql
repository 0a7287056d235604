-- SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
--
-- The log of one host or of many in DuckDB, 1.1 or newer:
--
--   duckdb fleet.db -f /usr/share/execsnoopd/sql/duckdb.sql
--   INSERT INTO events BY NAME SELECT * FROM read_log('/var/log/execsnoopd/exec.jsonl*');
--
-- Native format, execsnoopd-events(7). Lines may come twice and in any order; what is no line of
-- ours is left out. docs/fleet.md explains the views, and what they cannot know.

CREATE OR REPLACE MACRO read_log(files) AS TABLE
SELECT * FROM read_json(files, format = 'newline_delimited', ignore_errors = true, columns = {
    event: 'VARCHAR', time: 'VARCHAR', seq: 'UBIGINT', boot_id: 'VARCHAR', host: 'VARCHAR',
    machine_id: 'VARCHAR', version: 'VARCHAR', kernel: 'VARCHAR', down: 'VARCHAR',
    pid: 'UINTEGER', tid: 'UINTEGER', ppid: 'UINTEGER', sid: 'UINTEGER', pgid: 'UINTEGER',
    uid: 'UINTEGER', gid: 'UINTEGER', euid: 'UINTEGER', egid: 'UINTEGER',
    "user": 'VARCHAR', euser: 'VARCHAR', loginuid: 'UINTEGER', session: 'UINTEGER',
    comm: 'VARCHAR', parent_comm: 'VARCHAR', parent_uid: 'UINTEGER', parent_exe: 'VARCHAR',
    parent_argv: 'VARCHAR[]', filename: 'VARCHAR', exe: 'VARCHAR', argv: 'VARCHAR[]',
    argc: 'UINTEGER', argv_truncated: 'BOOLEAN', cwd: 'VARCHAR', tty: 'VARCHAR',
    interactive: 'BOOLEAN', cgroup: 'VARCHAR', unit: 'VARCHAR', slice: 'VARCHAR',
    user_unit: 'VARCHAR', container_id: 'VARCHAR', flags: 'VARCHAR[]', exe_file: 'JSON',
    stdin: 'JSON', stdout: 'JSON', stderr: 'JSON', process_id: 'VARCHAR', exec_id: 'VARCHAR',
    parent_process_id: 'VARCHAR', parent_exec_id: 'VARCHAR', retval: 'BIGINT', error: 'VARCHAR',
    tags: 'VARCHAR[]', redacted: 'JSON', exit_code: 'UINTEGER', signal: 'UINTEGER',
    signal_name: 'VARCHAR', duration_ns: 'UBIGINT', sha256: 'VARCHAR', "of": 'VARCHAR',
    rule: 'VARCHAR', "where": 'VARCHAR', "count": 'UBIGINT', uncertain: 'UBIGINT',
    "from": 'VARCHAR', "to": 'VARCHAR', seen: 'UBIGINT', filtered: 'UBIGINT', lost: 'JSON',
    in_rings: 'UBIGINT', queued: 'UBIGINT', sinks: 'JSON', unaccounted: 'BIGINT'})
WHERE seq > 0 AND boot_id <> '' AND event <> '' AND time <> '' AND host <> '';

-- The same of a log in ECS (Format=ecs): SELECT * FROM read_ecs(…). `comm` is process.name there.
CREATE OR REPLACE MACRO read_ecs(files) AS TABLE
SELECT event->>'code' AS event, "@timestamp" AS time,
    CAST(event->>'sequence' AS UBIGINT) AS seq, host->'boot'->>'id' AS boot_id,
    host->>'hostname' AS host, host->>'id' AS machine_id, own->>'version' AS version,
    own->>'kernel' AS kernel, own->>'down' AS down,
    CAST(coalesce(process->>'pid', own->>'pid') AS UINTEGER) AS pid,
    CAST(coalesce(process->'parent'->>'pid', own->>'ppid') AS UINTEGER) AS ppid,
    CAST(coalesce("user"->>'id', own->>'uid') AS UINTEGER) AS uid,
    CAST(coalesce(process->'user'->>'id', own->>'euid') AS UINTEGER) AS euid,
    coalesce("user"->>'name', own->>'user') AS "user",
    CAST(own->>'loginuid' AS UINTEGER) AS loginuid,
    coalesce(process->>'name', own->>'comm') AS comm,
    coalesce(process->'parent'->>'name', own->>'parent_comm') AS parent_comm,
    coalesce(process->'parent'->>'executable', own->>'parent_exe') AS parent_exe,
    CAST(coalesce(process->'parent'->'args', own->'parent_argv') AS VARCHAR[]) AS parent_argv,
    own->>'filename' AS filename, coalesce(process->>'executable', own->>'exe') AS exe,
    CAST(coalesce(process->'args', own->'argv') AS VARCHAR[]) AS argv,
    coalesce(process->>'working_directory', own->>'cwd') AS cwd, own->>'unit' AS unit,
    coalesce(container->>'id', own->>'container_id') AS container_id,
    CAST(own->'flags' AS VARCHAR[]) AS flags,
    coalesce(process->>'entity_id', own->>'process_id') AS process_id,
    own->>'exec_id' AS exec_id,
    coalesce(process->'parent'->>'entity_id', own->>'parent_process_id') AS parent_process_id,
    own->>'parent_exec_id' AS parent_exec_id,
    CAST(coalesce(process->>'exit_code', own->>'exit_code') AS UINTEGER) AS exit_code,
    own->>'signal_name' AS signal_name,
    CAST(coalesce(event->>'duration', own->>'duration_ns') AS UBIGINT) AS duration_ns,
    own->>'where' AS "where", CAST(own->>'count' AS UBIGINT) AS "count",
    CAST(own->>'uncertain' AS UBIGINT) AS uncertain, CAST(own->>'seen' AS UBIGINT) AS seen,
    CAST(own->>'filtered' AS UBIGINT) AS filtered, own->'lost' AS lost,
    CAST(own->>'in_rings' AS UBIGINT) AS in_rings, CAST(own->>'queued' AS UBIGINT) AS queued,
    own->'sinks' AS sinks, CAST(own->>'unaccounted' AS BIGINT) AS unaccounted
FROM (SELECT * RENAME (execsnoopd AS own) FROM read_json(files, format = 'newline_delimited',
    ignore_errors = true, columns = {"@timestamp": 'VARCHAR', event: 'JSON', host: 'JSON',
        process: 'JSON', "user": 'JSON', container: 'JSON', execsnoopd: 'JSON'}))
WHERE event->>'module' = 'execsnoopd';

-- The same of a log in OCSF (Format=ocsf): SELECT * FROM read_ocsf(…). `comm` is process.name there.
CREATE OR REPLACE MACRO read_ocsf(files) AS TABLE
SELECT metadata->>'event_code' AS event, metadata->>'original_time' AS time,
    CAST(metadata->>'sequence' AS UBIGINT) AS seq, device->>'boot_uid' AS boot_id,
    device->>'hostname' AS host, device->>'uid' AS machine_id, own->>'version' AS version,
    own->>'kernel' AS kernel, own->>'down' AS down,
    CAST(coalesce(process->>'pid', own->>'pid') AS UINTEGER) AS pid,
    CAST(coalesce(parent->>'pid', own->>'ppid') AS UINTEGER) AS ppid,
    CAST(coalesce(process->'user'->>'uid', own->>'uid') AS UINTEGER) AS uid,
    CAST(coalesce(process->>'euid', own->>'euid') AS UINTEGER) AS euid,
    coalesce(process->'user'->>'name', own->>'user') AS "user",
    CAST(coalesce(process->>'auid', own->>'loginuid') AS UINTEGER) AS loginuid,
    coalesce(process->>'name', own->>'comm') AS comm,
    coalesce(parent->>'name', own->>'parent_comm') AS parent_comm,
    coalesce(parent->'file'->>'path', own->>'parent_exe') AS parent_exe,
    CAST(own->'parent_argv' AS VARCHAR[]) AS parent_argv, own->>'filename' AS filename,
    coalesce(process->>'path', own->>'exe') AS exe, CAST(own->'argv' AS VARCHAR[]) AS argv,
    coalesce(process->>'working_directory', own->>'cwd') AS cwd, own->>'unit' AS unit,
    coalesce(process->'container'->>'uid', own->>'container_id') AS container_id,
    CAST(own->'flags' AS VARCHAR[]) AS flags,
    coalesce(process->>'uid', own->>'process_id') AS process_id, own->>'exec_id' AS exec_id,
    coalesce(parent->>'uid', own->>'parent_process_id') AS parent_process_id,
    own->>'parent_exec_id' AS parent_exec_id,
    coalesce(exit_code, CAST(own->>'exit_code' AS UINTEGER)) AS exit_code,
    own->>'signal_name' AS signal_name, CAST(own->>'duration_ns' AS UBIGINT) AS duration_ns,
    own->>'where' AS "where", CAST(own->>'count' AS UBIGINT) AS "count",
    CAST(own->>'uncertain' AS UBIGINT) AS uncertain, CAST(own->>'seen' AS UBIGINT) AS seen,
    CAST(own->>'filtered' AS UBIGINT) AS filtered, own->'lost' AS lost,
    CAST(own->>'in_rings' AS UBIGINT) AS in_rings, CAST(own->>'queued' AS UBIGINT) AS queued,
    own->'sinks' AS sinks, CAST(own->>'unaccounted' AS BIGINT) AS unaccounted
FROM (SELECT * RENAME (unmapped AS own), process->'parent_process' AS parent
    FROM read_json(files, format = 'newline_delimited', ignore_errors = true, columns = {
        metadata: 'JSON', device: 'JSON', process: 'JSON', exit_code: 'UINTEGER',
        unmapped: 'JSON'}))
WHERE metadata->'product'->>'name' = 'execsnoopd';

CREATE TABLE IF NOT EXISTS events (
    event VARCHAR, time VARCHAR, seq UBIGINT, boot_id VARCHAR, host VARCHAR,
    machine_id VARCHAR, version VARCHAR, kernel VARCHAR, down VARCHAR,
    pid UINTEGER, tid UINTEGER, ppid UINTEGER, sid UINTEGER, pgid UINTEGER,
    uid UINTEGER, gid UINTEGER, euid UINTEGER, egid UINTEGER,
    "user" VARCHAR, euser VARCHAR, loginuid UINTEGER, session UINTEGER,
    comm VARCHAR, parent_comm VARCHAR, parent_uid UINTEGER, parent_exe VARCHAR,
    parent_argv VARCHAR[], filename VARCHAR, exe VARCHAR, argv VARCHAR[],
    argc UINTEGER, argv_truncated BOOLEAN, cwd VARCHAR, tty VARCHAR,
    interactive BOOLEAN, cgroup VARCHAR, unit VARCHAR, slice VARCHAR,
    user_unit VARCHAR, container_id VARCHAR, flags VARCHAR[], exe_file JSON,
    stdin JSON, stdout JSON, stderr JSON, process_id VARCHAR, exec_id VARCHAR,
    parent_process_id VARCHAR, parent_exec_id VARCHAR, retval BIGINT, error VARCHAR,
    tags VARCHAR[], redacted JSON, exit_code UINTEGER, signal UINTEGER,
    signal_name VARCHAR, duration_ns UBIGINT, sha256 VARCHAR, "of" VARCHAR,
    rule VARCHAR, "where" VARCHAR, "count" UBIGINT, uncertain UBIGINT,
    "from" VARCHAR, "to" VARCHAR, seen UBIGINT, filtered UBIGINT, lost JSON,
    in_rings UBIGINT, queued UBIGINT, sinks JSON, unaccounted BIGINT,
    received TIMESTAMP DEFAULT (now() AT TIME ZONE 'UTC'));

-- Hosts that have to be there, if you know them: those without a line are silent, too.
CREATE TABLE IF NOT EXISTS inventory (host VARCHAR PRIMARY KEY);

-- What is now. For a log of the past make another view of that name.
CREATE VIEW IF NOT EXISTS clock AS SELECT now() AT TIME ZONE 'UTC' AS now;

-- The destination that the lines are of: file, stdout or journal.
CREATE VIEW IF NOT EXISTS place AS SELECT 'file' AS place;

-- Each line once, with the run of the daemon that it is of: by the moment of that run's start.
-- Without one it is NULL: that start is not here. After an upgrade in place the last lines of the
-- old run may be of that very moment.
CREATE OR REPLACE VIEW lines AS
SELECT *, max(CASE WHEN event = 'start' THEN time END) OVER (PARTITION BY host, boot_id
        ORDER BY time, CASE event WHEN 'start' THEN 1 WHEN 'process' THEN 2 ELSE 0 END, seq) AS run
FROM (SELECT *, count(*) OVER same AS copies, row_number() OVER same AS copy
    FROM events
    WINDOW same AS (PARTITION BY host, boot_id, time, seq, event))
WHERE copy = 1;

-- With the names that Sigma's pipeline and others make of our keys. What is not known is empty:
-- else NOT (x LIKE y) would be unknown, too, and a rule with a filter would miss the event.
CREATE OR REPLACE VIEW execs AS
SELECT * EXCLUDE (copy) REPLACE (coalesce(exe, '') AS exe, coalesce(filename, '') AS filename,
        coalesce(parent_exe, '') AS parent_exe, coalesce(cwd, '') AS cwd,
        coalesce("user", '') AS "user"),
    coalesce(array_to_string(argv, ' '), '') AS command_line,
    coalesce(array_to_string(parent_argv, ' '), '') AS parent_command_line,
    coalesce(CASE WHEN filename LIKE '/%' THEN filename
        ELSE rtrim(cwd, '/') || '/' || regexp_replace(filename, '^\./', '')
        END, '') AS filename_absolute
FROM lines WHERE event = 'exec';

-- A process and all below it: SELECT * FROM process_tree('2fff7c11b208-78d598-3e8') ORDER BY path;
CREATE OR REPLACE MACRO process_tree(root) AS TABLE
WITH RECURSIVE
processes AS (
    SELECT process_id, any_value(parent_process_id) AS parent, min(time) AS time FROM lines
    WHERE event IN ('exec', 'process') GROUP BY process_id),
family AS (
    SELECT process_id, 0 AS depth, [time || process_id] AS path
    FROM processes WHERE process_id = root
    UNION ALL
    SELECT p.process_id, f.depth + 1, list_append(f.path, p.time || p.process_id)
    FROM processes p JOIN family f ON p.parent = f.process_id WHERE f.depth < 1000)
SELECT f.depth, l.time, l.host, l.pid, l.ppid, l."user", l.exe,
    array_to_string(l.argv, ' ') AS command_line, x.exit_code, x.signal_name, x.duration_ns,
    l.process_id, l.exec_id, f.path
FROM family f
JOIN lines l ON l.process_id = f.process_id AND l.event IN ('exec', 'process')
LEFT JOIN lines x ON x.process_id = f.process_id AND x.event = 'exit';

-- When, where and by whom a program was executed for the first time in all that is here.
CREATE OR REPLACE VIEW first_seen AS
SELECT exe, min(time) AS first_time, arg_min(host, time) AS first_host,
    arg_min("user", time) AS first_user, arg_min(array_to_string(argv, ' '), time) AS first_command,
    arg_min(exec_id, time) AS first_exec_id, count(DISTINCT host) AS hosts, count(*) AS execs
FROM lines WHERE event = 'exec' AND exe IS NOT NULL GROUP BY exe;

CREATE OR REPLACE VIEW runs AS
SELECT host, boot_id, run, min(time) AS first_time, max(time) AS last_time,
    min(seq) AS first_seq, max(seq) AS last_seq, count(*) AS n_lines,
    count(DISTINCT seq) AS n_numbers, sum(copies - 1) AS n_duplicates,
    count(*) FILTER (event IN ('exec', 'exec_failed', 'exec_attempt', 'exit')) AS n_events,
    coalesce(sum("count") FILTER (event = 'summary'), 0) AS n_summarized,
    coalesce(sum("count") FILTER (event = 'lost' AND ("where" = (SELECT place FROM place)
        OR "where" NOT IN ('blind', 'file', 'journal', 'stdout'))), 0) AS n_lost,
    count(*) FILTER (event = 'stop') > 0 AS has_stop,
    any_value(down) FILTER (event = 'start') AS down,
    row_number() OVER (PARTITION BY host, boot_id ORDER BY min(time)) AS nth,
    lead(min(time)) OVER (PARTITION BY host ORDER BY min(time)) AS next_time,
    min(min(time)) OVER (PARTITION BY host) AS host_since
FROM lines GROUP BY host, boot_id, run;

-- The counters of a stats or stop against the lines: how many events the destination accepted in
-- this run, and how many of its lines were before this one; what earlier runs account for, by the
-- daemon and by their lines, lost events and summaries.
CREATE OR REPLACE VIEW counters AS
SELECT l.host, l.boot_id, l.run, l.seq, l.time, l.unaccounted, l.events,
    CAST(sink->>'written' AS BIGINT) + CAST(sink->>'backlog' AS BIGINT) AS accepted,
    CAST(sink->>'before' AS BIGINT) AS before, r.told_before, r.is_whole, r.nth, r.boot_down,
    r.n_lines = r.n_numbers AS run_is_one,
    r.n_lines = r.n_numbers AND r.n_numbers = r.last_seq AS run_is_whole
FROM (SELECT *, json_extract(sinks, '$.' || (SELECT place FROM place)) AS sink,
        count(*) FILTER (event IN ('exec', 'exec_failed', 'exec_attempt', 'exit')) OVER (
            PARTITION BY host, boot_id, run ORDER BY seq) AS events
    FROM lines) l
JOIN (SELECT *, coalesce(sum(n_events + n_summarized + n_lost) OVER earlier, 0) AS told_before,
        first_value(down) OVER (PARTITION BY host, boot_id ORDER BY nth) AS boot_down,
        coalesce(bool_and(n_numbers = last_seq AND n_lines = n_numbers) OVER earlier, true)
            AS is_whole
    FROM runs WINDOW earlier AS (PARTITION BY host, boot_id ORDER BY nth
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) r
    ON r.host = l.host AND r.boot_id = l.boot_id AND r.run = l.run
WHERE l.event IN ('stats', 'stop') AND l.sink IS NOT NULL;

-- What is missing, and what is odd: a row for each finding.
CREATE OR REPLACE VIEW findings AS
-- Lines were lost behind the daemon.
SELECT host, boot_id, run, 'hole' AS kind, seq + 1 AS from_seq, next_seq - 1 AS to_seq,
    next_seq - seq - 1 AS n, next_time AS time, NULL AS detail
FROM (SELECT *, lead(seq) OVER w AS next_seq, lead(time) OVER w AS next_time
    FROM lines WINDOW w AS (PARTITION BY host, boot_id, run ORDER BY seq))
WHERE next_seq > seq + 1
UNION ALL
-- The beginning of a run is missing: of a host's first one it may have been before all this.
SELECT host, boot_id, run, CASE WHEN first_time = host_since THEN 'begins' ELSE 'beheaded' END,
    1, first_seq - 1, first_seq - 1, first_time, NULL
FROM runs WHERE run IS NULL AND first_seq > 1
UNION ALL
-- Numbers that different lines have: a start between them is missing.
SELECT host, boot_id, run, 'start', min(seq), max(seq), n_lines - n_numbers, max(time), NULL
FROM (SELECT l.*, r.n_lines, r.n_numbers, count(*) OVER (
            PARTITION BY l.host, l.boot_id, l.run, l.seq) AS n_same
    FROM lines l JOIN runs r ON r.host = l.host AND r.boot_id = l.boot_id
        AND r.run IS NOT DISTINCT FROM l.run WHERE r.n_lines > r.n_numbers)
WHERE n_same > 1 GROUP BY host, boot_id, run, n_lines, n_numbers
UNION ALL
SELECT host, boot_id, run, 'duplicate', seq, seq, copies - 1, time, event
FROM lines WHERE copies > 1
UNION ALL
-- The daemon itself says so.
SELECT host, boot_id, run, 'lost', seq, seq, "count", time, "where"
FROM lines WHERE event = 'lost'
UNION ALL
SELECT host, boot_id, run, 'unaccounted', seq, seq, unaccounted, time, NULL
FROM lines WHERE unaccounted <> 0
UNION ALL
-- Nobody has counted before this start, in a boot that had a daemon already.
SELECT host, boot_id, run, 'uncounted', 1, 1, NULL, first_time, NULL
FROM runs WHERE nth > 1 AND down IS DISTINCT FROM 'counted' AND run IS NOT NULL
UNION ALL
-- Another run follows, and this one has no end.
SELECT host, boot_id, run, 'no_stop', last_seq, NULL, NULL, last_time, NULL
FROM runs WHERE next_time IS NOT NULL AND NOT has_stop
UNION ALL
-- Lines are missing, or too many, though no number is: the daemon has counted others.
SELECT host, boot_id, run, 'count', seq, seq, accepted - events, time, NULL
FROM counters WHERE accepted <> events AND run_is_whole
UNION ALL
-- Of earlier runs lines are missing behind the last ones that are here.
SELECT host, boot_id, run, 'tail', NULL, NULL, n, time, NULL
FROM (SELECT *, surplus - coalesce(lag(surplus) OVER (PARTITION BY host, boot_id ORDER BY nth),
            CASE WHEN boot_down = 'unknown' THEN 0 END) AS n    -- its account began with the boot
    FROM (SELECT *, before - told_before AS surplus,
            row_number() OVER (PARTITION BY host, boot_id, run ORDER BY seq) AS nth_counters
        FROM counters)
    WHERE nth_counters = 1)
WHERE n > 0 AND is_whole AND run_is_one
UNION ALL
-- A host says something each minute, or has said that it stops.
SELECT host, boot_id, run, CASE WHEN event = 'stop' THEN 'stopped' ELSE 'silent' END, seq, NULL,
    date_diff('second', CAST(time AS TIMESTAMP), now), time, NULL
FROM (SELECT *, row_number() OVER (PARTITION BY host ORDER BY time DESC, seq DESC) AS nth
    FROM lines), clock
WHERE nth = 1 AND CAST(time AS TIMESTAMP) < now - INTERVAL 5 MINUTE
UNION ALL
SELECT host, NULL, NULL, 'silent', NULL, NULL, NULL, NULL, 'never seen'
FROM inventory WHERE host NOT IN (SELECT host FROM events);

-- One row for each host. `verdict` is what execsnoopctl verify says: complete; explained, where the
-- log itself says what is missing; or unexplained.
CREATE OR REPLACE VIEW completeness AS
SELECT host, coalesce(n_lines, 0) AS n_lines, last_time,
    coalesce(sum(n) FILTER (kind IN ('hole', 'beheaded')), 0) AS n_missing,
    coalesce(sum(n) FILTER (kind = 'duplicate'), 0) AS n_duplicates,
    coalesce(sum(n) FILTER (kind = 'lost'), 0) AS n_lost,
    count(*) FILTER (kind = 'silent') > 0 AS is_silent,
    CASE WHEN count(*) FILTER (kind IN ('hole', 'beheaded', 'start', 'unaccounted', 'count',
            'tail')) > 0 THEN 'unexplained'
        WHEN count(*) FILTER (kind NOT IN ('duplicate', 'stopped')) > 0 THEN 'explained'
        ELSE 'complete' END AS verdict
FROM (SELECT host, count(*) AS n_lines, max(time) AS last_time FROM lines GROUP BY host) h
FULL JOIN findings USING (host)
GROUP BY host, n_lines, last_time;

-- Lines that came long after what they tell: a shipper that was behind, or a clock that is wrong.
CREATE OR REPLACE VIEW late AS
SELECT host, date_trunc('hour', received) AS hour, count(*) AS n_lines,
    max(date_diff('second', CAST(time AS TIMESTAMP), received)) AS most_seconds
FROM events WHERE received > CAST(time AS TIMESTAMP) + INTERVAL 15 MINUTE
GROUP BY host, hour;
