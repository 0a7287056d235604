-- SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
--
-- The log of a fleet in ClickHouse, 18.16 or newer:
--
--   clickhouse-client --multiquery < /usr/share/execsnoopd/sql/clickhouse.sql
--   clickhouse-client --input_format_skip_unknown_fields=1 \
--     --query='INSERT INTO events FORMAT JSONEachRow' < /var/log/execsnoopd/exec.jsonl
--
-- Native format, execsnoopd-events(7). Lines may come twice and in any order. docs/fleet.md
-- explains the views, and what they cannot know. What a line has nested, such as `sinks`, is not
-- here: what DuckDB's and SQLite's views find by these counters, 'count' and 'tail', those here
-- don't.

CREATE TABLE IF NOT EXISTS events (
    event String, time String, seq UInt64, boot_id String, host String,
    machine_id String, version String, kernel String, down String,
    pid UInt32, tid UInt32, ppid UInt32, sid UInt32, pgid UInt32,
    uid Nullable(UInt32), gid Nullable(UInt32), euid Nullable(UInt32), egid Nullable(UInt32),
    user String, euser String, loginuid Nullable(UInt32), session Nullable(UInt32),
    comm String, parent_comm String, parent_uid Nullable(UInt32), parent_exe String,
    parent_argv Array(String), filename String, exe String, argv Array(String), argc UInt32,
    cwd String, tty String, cgroup String, unit String, slice String, user_unit String,
    container_id String, flags Array(String), process_id String, exec_id String,
    parent_process_id String, parent_exec_id String, retval Nullable(Int64), error String,
    tags Array(String), exit_code Nullable(UInt8), signal Nullable(UInt8), signal_name String,
    duration_ns UInt64, sha256 String, `of` String, rule String, `where` String, `count` UInt64,
    seen UInt64, filtered UInt64, in_rings UInt64, queued UInt64, unaccounted Int64,
    day Date MATERIALIZED toDateOrZero(substring(time, 1, 10)),
    received DateTime MATERIALIZED now())
ENGINE = ReplacingMergeTree()
PARTITION BY toYYYYMMDD(day)
ORDER BY (host, boot_id, time, seq, event);

-- Hosts that have to be there, if you know them: those without a line are silent, too.
CREATE TABLE IF NOT EXISTS inventory (host String) ENGINE = MergeTree() ORDER BY host;

-- What is now. For a log of the past make another view of that name.
CREATE VIEW IF NOT EXISTS clock AS SELECT now() AS now;

-- The number of each line, once.
DROP TABLE IF EXISTS numbers;
CREATE VIEW numbers AS
SELECT host, boot_id, time, seq, event, count() AS n_copies, any(`count`) AS n_told,
    any(`where`) AS of_place, any(down) AS is_counted, any(unaccounted) AS n_wrong
FROM events WHERE seq > 0 AND boot_id != '' AND host != ''  -- lines of others
GROUP BY host, boot_id, time, seq, event;

-- With the run of the daemon that it is of: by the moment of that run's start. Without one it is
-- empty: that start is not here. After an upgrade in place the last lines of the old run may be of
-- that very moment.
DROP TABLE IF EXISTS lines;
CREATE VIEW lines AS
SELECT host, boot_id, time, seq, event, any(n_copies) AS copies, any(n_told) AS told,
    any(of_place) AS place, any(is_counted) AS counted, any(n_wrong) AS wrong,
    maxIf(start, start < time OR (start = time AND event IN ('start', 'process'))) AS run
FROM numbers ALL LEFT JOIN (SELECT host, boot_id, time AS start
    FROM events WHERE event = 'start' GROUP BY host, boot_id, time) USING (host, boot_id)
GROUP BY host, boot_id, time, seq, event;

-- With the names that Sigma's pipeline and others make of our keys.
DROP TABLE IF EXISTS execs;
CREATE VIEW execs AS
SELECT *, arrayStringConcat(argv, ' ') AS command_line,
    arrayStringConcat(parent_argv, ' ') AS parent_command_line,
    if(substring(filename, 1, 1) = '/', filename, concat(replaceRegexpOne(cwd, '/$', ''), '/',
        replaceRegexpOne(filename, '^\\./', ''))) AS filename_absolute
FROM events WHERE event = 'exec' LIMIT 1 BY host, boot_id, time, seq;

-- Processes and eight generations below them:
-- INSERT INTO tree_of VALUES ('2fff7c11b208-78d598-3e8'); SELECT * FROM process_tree;
CREATE TABLE IF NOT EXISTS tree_of (process_id String) ENGINE = TinyLog;
DROP TABLE IF EXISTS tree_1;
CREATE VIEW tree_1 AS SELECT process_id FROM events
WHERE parent_process_id IN (SELECT process_id FROM tree_of);
DROP TABLE IF EXISTS tree_2;
CREATE VIEW tree_2 AS SELECT process_id FROM events
WHERE parent_process_id IN (SELECT process_id FROM tree_1);
DROP TABLE IF EXISTS tree_3;
CREATE VIEW tree_3 AS SELECT process_id FROM events
WHERE parent_process_id IN (SELECT process_id FROM tree_2);
DROP TABLE IF EXISTS tree_4;
CREATE VIEW tree_4 AS SELECT process_id FROM events
WHERE parent_process_id IN (SELECT process_id FROM tree_3);
DROP TABLE IF EXISTS tree_5;
CREATE VIEW tree_5 AS SELECT process_id FROM events
WHERE parent_process_id IN (SELECT process_id FROM tree_4);
DROP TABLE IF EXISTS tree_6;
CREATE VIEW tree_6 AS SELECT process_id FROM events
WHERE parent_process_id IN (SELECT process_id FROM tree_5);
DROP TABLE IF EXISTS tree_7;
CREATE VIEW tree_7 AS SELECT process_id FROM events
WHERE parent_process_id IN (SELECT process_id FROM tree_6);
DROP TABLE IF EXISTS tree_8;
CREATE VIEW tree_8 AS SELECT process_id FROM events
WHERE parent_process_id IN (SELECT process_id FROM tree_7);
DROP TABLE IF EXISTS process_tree;
CREATE VIEW process_tree AS
SELECT depth, time, host, pid, ppid, user, exe, arrayStringConcat(argv, ' ') AS command_line,
    process_id, parent_process_id, exec_id
FROM events ANY INNER JOIN (
    SELECT process_id, min(level) AS depth FROM (
        SELECT process_id, 0 AS level FROM tree_of
        UNION ALL SELECT process_id, 1 AS level FROM tree_1
        UNION ALL SELECT process_id, 2 AS level FROM tree_2
        UNION ALL SELECT process_id, 3 AS level FROM tree_3
        UNION ALL SELECT process_id, 4 AS level FROM tree_4
        UNION ALL SELECT process_id, 5 AS level FROM tree_5
        UNION ALL SELECT process_id, 6 AS level FROM tree_6
        UNION ALL SELECT process_id, 7 AS level FROM tree_7
        UNION ALL SELECT process_id, 8 AS level FROM tree_8)
    WHERE process_id != '' GROUP BY process_id) USING process_id
WHERE event IN ('exec', 'process') ORDER BY time, seq LIMIT 1 BY host, boot_id, time, seq;

-- When, where and by whom a program was executed for the first time in all that is here.
DROP TABLE IF EXISTS first_seen;
CREATE VIEW first_seen AS
SELECT exe, min(time) AS first_time, argMin(host, time) AS first_host,
    argMin(user, time) AS first_user, argMin(command_line, time) AS first_command,
    argMin(exec_id, time) AS first_exec_id, uniqExact(host) AS hosts, count() AS execs
FROM execs WHERE exe != '' GROUP BY exe;

DROP TABLE IF EXISTS runs;
CREATE VIEW runs AS
SELECT host, boot_id, run, min(time) AS first_time, max(time) AS last_time, min(seq) AS first_seq,
    max(seq) AS last_seq, count() AS n_lines, uniqExact(seq) AS n_numbers,
    countIf(event = 'stop') > 0 AS has_stop, max(counted) AS down
FROM lines GROUP BY host, boot_id, run;

-- What is missing, and what is odd: a row for each finding.
DROP TABLE IF EXISTS findings;
CREATE VIEW findings AS
-- Lines were lost behind the daemon.
SELECT host, boot_id, run, 'hole' AS kind, toUInt64(pair.1.1 + 1) AS from_seq,
    toUInt64(pair.2.1 - 1) AS to_seq, toInt64(to_seq - from_seq + 1) AS n, pair.2.2 AS time,
    '' AS detail
FROM (SELECT host, boot_id, run, arraySort(groupArray(tuple(seq, time))) AS all,
        arrayJoin(arrayFilter(p -> p.2.1 > p.1.1 + 1, arrayMap((a, b) -> tuple(a, b),
            arrayPopBack(all), arrayPopFront(all)))) AS pair
    FROM lines GROUP BY host, boot_id, run)
UNION ALL
-- The beginning of a run is missing: of a host's first one it may have been before all this.
SELECT host, boot_id, run, if(first_time = host_since, 'begins', 'beheaded') AS kind,
    toUInt64(1) AS from_seq, toUInt64(first_seq - 1) AS to_seq, toInt64(first_seq - 1) AS n,
    first_time AS time, '' AS detail
FROM runs ANY LEFT JOIN (SELECT host, min(time) AS host_since FROM events GROUP BY host) USING host
WHERE run = '' AND first_seq > 1
UNION ALL
-- Numbers that different lines have: a start between them is missing.
SELECT host, boot_id, run, 'start' AS kind, min(seq) AS from_seq, max(seq) AS to_seq,
    toInt64(sum(same) - count()) AS n, max(last) AS time, '' AS detail
FROM (SELECT host, boot_id, run, seq, count() AS same, max(time) AS last
    FROM lines GROUP BY host, boot_id, run, seq HAVING same > 1)
GROUP BY host, boot_id, run
UNION ALL
-- Those that are not merged away yet.
SELECT host, boot_id, run, 'duplicate' AS kind, seq AS from_seq, seq AS to_seq,
    toInt64(copies - 1) AS n, time, event AS detail
FROM lines WHERE copies > 1
UNION ALL
-- The daemon itself says so.
SELECT host, boot_id, run, 'lost' AS kind, seq AS from_seq, seq AS to_seq, toInt64(told) AS n,
    time, place AS detail
FROM lines WHERE event = 'lost'
UNION ALL
SELECT host, boot_id, run, 'unaccounted' AS kind, seq AS from_seq, seq AS to_seq, wrong AS n, time,
    '' AS detail
FROM lines WHERE wrong != 0
UNION ALL
-- Nobody has counted before this start, in a boot that had a daemon already.
SELECT host, boot_id, run, 'uncounted' AS kind, toUInt64(1) AS from_seq, toUInt64(1) AS to_seq,
    toInt64(0) AS n, first_time AS time, '' AS detail
FROM runs ANY LEFT JOIN (SELECT host, boot_id, min(time) AS boot_since FROM events
    GROUP BY host, boot_id) USING (host, boot_id)
WHERE run != '' AND down != 'counted' AND first_time != boot_since
UNION ALL
-- Another run follows, and this one has no end.
SELECT host, boot_id, run, 'no_stop' AS kind, last_seq AS from_seq, toUInt64(0) AS to_seq,
    toInt64(0) AS n, last_time AS time, '' AS detail
FROM runs ANY LEFT JOIN (SELECT host, max(first_time) AS last_run FROM runs GROUP BY host)
    USING host
WHERE first_time != last_run AND has_stop = 0
UNION ALL
-- A host says something each minute, or has said that it stops.
SELECT host, '' AS boot_id, '' AS run, if(last_event = 'stop', 'stopped', 'silent') AS kind,
    toUInt64(0) AS from_seq, toUInt64(0) AS to_seq,
    toInt64(toUnixTimestamp((SELECT now FROM clock)))
        - toInt64(toUnixTimestamp(parseDateTimeBestEffort(last))) AS n, last AS time, '' AS detail
FROM (SELECT host, max(time) AS last,
        argMax(event, concat(time, toString(event = 'stop'))) AS last_event
    FROM events GROUP BY host)
WHERE n > 300
UNION ALL
SELECT host, '' AS boot_id, '' AS run, 'silent' AS kind, toUInt64(0) AS from_seq,
    toUInt64(0) AS to_seq, toInt64(0) AS n, '' AS time, 'never seen' AS detail
FROM inventory WHERE host NOT IN (SELECT host FROM events);

-- One row for each host. `verdict` is what execsnoopctl verify says: complete; explained, where the
-- log itself says what is missing; or unexplained.
DROP TABLE IF EXISTS completeness;
CREATE VIEW completeness AS
SELECT host, sumIf(n, kind = 'lines') AS n_lines, max(last) AS last_time,
    sumIf(n, kind IN ('hole', 'beheaded')) AS n_missing,
    sumIf(n, kind = 'duplicate') AS n_duplicates, sumIf(n, kind = 'lost') AS n_lost,
    countIf(kind = 'silent') > 0 AS is_silent,
    multiIf(countIf(kind IN ('hole', 'beheaded', 'start', 'unaccounted')) > 0, 'unexplained',
        countIf(kind NOT IN ('lines', 'duplicate', 'stopped')) > 0, 'explained',
        'complete') AS verdict
FROM (SELECT host, 'lines' AS kind, toInt64(count()) AS n, max(time) AS last
    FROM numbers GROUP BY host
    UNION ALL SELECT host, kind, n, '' AS last FROM findings)
GROUP BY host;

-- Lines that came long after what they tell: a shipper that was behind, or a clock that is wrong.
DROP TABLE IF EXISTS late;
CREATE VIEW late AS
SELECT host, toStartOfHour(received) AS hour, count() AS n_lines,
    max(toUnixTimestamp(received) - toUnixTimestamp(parseDateTimeBestEffort(time))) AS most_seconds
FROM events
WHERE toInt64(toUnixTimestamp(received))
    > toInt64(toUnixTimestamp(parseDateTimeBestEffort(time))) + 900
GROUP BY host, hour;
