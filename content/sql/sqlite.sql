-- SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
--
-- The log of one host or of some in SQLite, 3.39 or newer:
--
--   sqlite3 log.db < /usr/share/execsnoopd/sql/sqlite.sql
--   sqlite3 log.db -cmd '.mode ascii' -cmd '.separator "\037" "\n"' \
--     '.import /var/log/execsnoopd/exec.jsonl log'
--
-- Native format, execsnoopd-events(7). Lines may come twice and in any order; what is no line of
-- ours is refused, and said. docs/fleet.md explains the views, and what they cannot know.

CREATE TABLE IF NOT EXISTS events (
    line TEXT NOT NULL,
    received TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    event TEXT NOT NULL AS (line ->> 'event') STORED,
    time TEXT NOT NULL AS (line ->> 'time') STORED,
    seq INTEGER NOT NULL AS (line ->> 'seq') STORED,
    boot_id TEXT NOT NULL AS (line ->> 'boot_id') STORED,
    host TEXT NOT NULL AS (line ->> 'host') STORED,
    process_id TEXT AS (line ->> 'process_id') STORED,
    parent_process_id TEXT AS (line ->> 'parent_process_id') STORED,
    exe TEXT AS (line ->> 'exe') STORED,
    "count" INTEGER AS (line ->> 'count') STORED,
    "where" TEXT AS (line ->> 'where') STORED,
    down TEXT AS (line ->> 'down') STORED,
    unaccounted INTEGER AS (line ->> 'unaccounted') STORED,
    sinks TEXT AS (line -> 'sinks') STORED);
-- Where lines go in: .import takes no table that computes columns.
CREATE VIEW IF NOT EXISTS log AS SELECT line FROM events;
CREATE TRIGGER IF NOT EXISTS log_insert INSTEAD OF INSERT ON log
BEGIN
    INSERT INTO events (line) VALUES (new.line);
END;
CREATE INDEX IF NOT EXISTS events_by_number ON events (host, boot_id, time, seq, event,
    "count", "where", down, unaccounted);   -- all that `lines` has
CREATE INDEX IF NOT EXISTS events_by_process ON events (process_id);
CREATE INDEX IF NOT EXISTS events_by_parent ON events (parent_process_id);

-- Hosts that have to be there, if you know them: those without a line are silent, too.
CREATE TABLE IF NOT EXISTS inventory (host TEXT PRIMARY KEY);

-- What is now. For a log of the past make another view of that name.
CREATE VIEW IF NOT EXISTS clock AS SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now') AS now;

-- The destination that the lines are of: file, stdout or journal.
CREATE VIEW IF NOT EXISTS place AS SELECT 'file' AS place;

-- Each line once, with the run of the daemon that it is of: by the moment of that run's start.
-- Without one it is NULL: that start is not here. After an upgrade in place the last lines of the
-- old run may be of that very moment. The line itself is in `events`, by `id`.
DROP VIEW IF EXISTS lines;
CREATE VIEW lines AS
SELECT *, max(CASE WHEN event = 'start' THEN time END) OVER (PARTITION BY host, boot_id
        ORDER BY time, CASE event WHEN 'start' THEN 1 WHEN 'process' THEN 2 ELSE 0 END, seq) AS run
FROM (SELECT rowid AS id, event, time, seq, boot_id, host, "count", "where", down, unaccounted,
        count(*) OVER same AS copies, row_number() OVER same AS copy
    FROM events
    WINDOW same AS (PARTITION BY host, boot_id, time, seq, event
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING))
WHERE copy = 1;

-- With the names that Sigma's pipeline and others make of our keys. What is not known is empty:
-- else NOT (x LIKE y) would be unknown, too, and a rule with a filter would miss the event.
DROP VIEW IF EXISTS execs;
CREATE VIEW execs AS
SELECT l.event, l.time, l.seq, l.boot_id, l.host, run, line ->> 'pid' AS pid,
    line ->> 'ppid' AS ppid, line ->> 'uid' AS uid, line ->> 'euid' AS euid,
    coalesce(line ->> 'user', '') AS user, line ->> 'loginuid' AS loginuid,
    line ->> 'comm' AS comm, coalesce(exe, '') AS exe,
    coalesce(line ->> 'filename', '') AS filename,
    coalesce(CASE WHEN line ->> 'filename' LIKE '/%' THEN line ->> 'filename'
        ELSE rtrim(line ->> 'cwd', '/') || '/' || CASE WHEN line ->> 'filename' LIKE './%'
            THEN substr(line ->> 'filename', 3) ELSE line ->> 'filename' END
        END, '') AS filename_absolute,
    coalesce((SELECT group_concat(value, ' ') FROM json_each(line, '$.argv')), '')
        AS command_line,
    coalesce(line ->> 'parent_exe', '') AS parent_exe,
    coalesce((SELECT group_concat(value, ' ') FROM json_each(line, '$.parent_argv')), '')
        AS parent_command_line,
    coalesce(line ->> 'cwd', '') AS cwd, line ->> 'tty' AS tty, line ->> 'unit' AS unit,
    line ->> 'container_id' AS container_id, line -> 'flags' AS flags,
    process_id, line ->> 'exec_id' AS exec_id, parent_process_id,
    line ->> 'parent_exec_id' AS parent_exec_id, line
FROM lines l JOIN events e ON e.rowid = l.id WHERE l.event = 'exec';

-- Processes and all below them: INSERT INTO tree_of VALUES ('2fff7c11b208-78d598-3e8');
-- SELECT * FROM process_tree ORDER BY path;
CREATE TABLE IF NOT EXISTS tree_of (process_id TEXT PRIMARY KEY);
DROP VIEW IF EXISTS process_tree;
CREATE VIEW process_tree AS
WITH RECURSIVE family (process_id, depth, path) AS (
    SELECT process_id, 0, process_id FROM tree_of
    UNION
    SELECT e.process_id, f.depth + 1, f.path || ' ' || (
        SELECT min(time) FROM events WHERE process_id = e.process_id) || e.process_id
    FROM family f JOIN events e ON e.parent_process_id = f.process_id
    WHERE e.event IN ('exec', 'process') AND f.depth < 1000)
SELECT DISTINCT f.depth, l.time, l.host, l.line ->> 'pid' AS pid, l.line ->> 'ppid' AS ppid,
    l.line ->> 'user' AS user, l.exe,
    (SELECT group_concat(value, ' ') FROM json_each(l.line, '$.argv')) AS command_line,
    x.line ->> 'exit_code' AS exit_code, x.line ->> 'signal_name' AS signal_name,
    x.line ->> 'duration_ns' AS duration_ns, l.process_id, l.line ->> 'exec_id' AS exec_id, f.path
FROM family f
JOIN events l ON l.process_id = f.process_id AND l.event IN ('exec', 'process')
LEFT JOIN events x ON x.process_id = f.process_id AND x.event = 'exit';

-- When, where and by whom a program was executed for the first time in all that is here.
DROP VIEW IF EXISTS first_seen;
CREATE VIEW first_seen AS
SELECT exe, min(time) AS first_time, host AS first_host, user AS first_user,
    command_line AS first_command, exec_id AS first_exec_id, count(DISTINCT host) AS hosts,
    count(*) AS execs
FROM execs WHERE exe <> '' GROUP BY exe;  -- the other columns are those of the minimum

DROP VIEW IF EXISTS runs;
CREATE VIEW runs AS
SELECT *, row_number() OVER (PARTITION BY host, boot_id ORDER BY first_time) AS nth,
    lead(first_time) OVER (PARTITION BY host ORDER BY first_time) AS next_time,
    min(first_time) OVER (PARTITION BY host) AS host_since
FROM (SELECT host, boot_id, run, min(time) AS first_time, max(time) AS last_time,
        min(seq) AS first_seq, max(seq) AS last_seq, count(*) AS n_lines,
        count(DISTINCT seq) AS n_numbers, sum(copies - 1) AS n_duplicates,
        count(*) FILTER (WHERE event IN ('exec', 'exec_failed', 'exec_attempt', 'exit'))
            AS n_events,
        coalesce(sum("count") FILTER (WHERE event = 'summary'), 0) AS n_summarized,
        coalesce(sum("count") FILTER (WHERE event = 'lost'
            AND ("where" = (SELECT place FROM place)
                OR "where" NOT IN ('blind', 'file', 'journal', 'stdout'))), 0) AS n_lost,
        count(*) FILTER (WHERE event = 'stop') > 0 AS has_stop,
        max(down) FILTER (WHERE event = 'start') AS down
    FROM lines GROUP BY host, boot_id, run);

-- The counters of a stats or stop against the lines: how many events the destination accepted in
-- this run, and how many of its lines were before this one; what earlier runs account for, by the
-- daemon and by their lines, lost events and summaries.
DROP VIEW IF EXISTS counters;
CREATE VIEW counters AS
SELECT l.host, l.boot_id, l.run, l.seq, l.time, l.events,
    (sink ->> 'written') + (sink ->> 'backlog') AS accepted, sink ->> 'before' AS before,
    r.told_before, r.is_whole, r.nth, r.boot_down, r.n_lines = r.n_numbers AS run_is_one,
    r.n_lines = r.n_numbers AND r.n_numbers = r.last_seq AS run_is_whole
FROM (SELECT n.*, e.sinks -> (SELECT place FROM place) AS sink
    FROM (SELECT *, count(*) FILTER (WHERE event IN ('exec', 'exec_failed', 'exec_attempt', 'exit'))
            OVER (PARTITION BY host, boot_id, run ORDER BY seq) AS events
        FROM lines) n
    JOIN events e ON e.rowid = n.id WHERE n.event IN ('stats', 'stop')) l
JOIN (SELECT *, coalesce(sum(n_events + n_summarized + n_lost) OVER earlier, 0) AS told_before,
        first_value(down) OVER (PARTITION BY host, boot_id ORDER BY nth) AS boot_down,
        coalesce(min(n_numbers = last_seq AND n_lines = n_numbers) OVER earlier, 1) AS is_whole
    FROM runs WINDOW earlier AS (PARTITION BY host, boot_id ORDER BY nth
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) r
    ON r.host = l.host AND r.boot_id = l.boot_id AND r.run = l.run
WHERE sink IS NOT NULL;

-- What is missing, and what is odd: a row for each finding.
DROP VIEW IF EXISTS findings;
CREATE VIEW findings AS
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
    FROM lines l JOIN runs r ON r.host = l.host AND r.boot_id = l.boot_id AND r.run IS l.run
    WHERE r.n_lines > r.n_numbers)
WHERE n_same > 1 GROUP BY host, boot_id, run
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
FROM runs WHERE nth > 1 AND down IS NOT 'counted' AND run IS NOT NULL
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
    CAST((julianday(now) - julianday(substr(time, 1, 23))) * 86400 AS INTEGER), time, NULL
FROM (SELECT *, row_number() OVER (PARTITION BY host ORDER BY time DESC, seq DESC) AS nth
    FROM lines), clock
WHERE nth = 1 AND julianday(substr(time, 1, 23)) < julianday(now) - 5.0 / 1440
UNION ALL
SELECT host, NULL, NULL, 'silent', NULL, NULL, NULL, NULL, 'never seen'
FROM inventory WHERE host NOT IN (SELECT host FROM events);

-- One row for each host. `verdict` is what execsnoopctl verify says: complete; explained, where the
-- log itself says what is missing; or unexplained.
DROP VIEW IF EXISTS completeness;
CREATE VIEW completeness AS
SELECT host, coalesce(n_lines, 0) AS n_lines, last_time,
    coalesce(sum(n) FILTER (WHERE kind IN ('hole', 'beheaded')), 0) AS n_missing,
    coalesce(sum(n) FILTER (WHERE kind = 'duplicate'), 0) AS n_duplicates,
    coalesce(sum(n) FILTER (WHERE kind = 'lost'), 0) AS n_lost,
    count(*) FILTER (WHERE kind = 'silent') > 0 AS is_silent,
    CASE WHEN count(*) FILTER (WHERE kind IN ('hole', 'beheaded', 'start', 'unaccounted', 'count',
            'tail')) > 0 THEN 'unexplained'
        WHEN count(*) FILTER (WHERE kind NOT IN ('duplicate', 'stopped')) > 0 THEN 'explained'
        ELSE 'complete' END AS verdict
FROM (SELECT host, count(*) AS n_lines, max(time) AS last_time FROM lines GROUP BY host) h
FULL JOIN findings USING (host)
GROUP BY host, n_lines, last_time;

-- Lines that came long after what they tell: a shipper that was behind, or a clock that is wrong.
DROP VIEW IF EXISTS late;
CREATE VIEW late AS
SELECT host, substr(received, 1, 13) AS hour, count(*) AS n_lines, CAST(max(
    julianday(received) - julianday(substr(time, 1, 23))) * 86400 AS INTEGER) AS most_seconds
FROM events WHERE julianday(received) > julianday(substr(time, 1, 23)) + 15.0 / 1440
GROUP BY host, hour;
