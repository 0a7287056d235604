/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * MESSAGE_ID of what we send to the journal: constants for ever, each with an entry in
 * systemd/execsnoopd.catalog. `journalctl MESSAGE_ID=...` finds by them, `journalctl -x` explains.
 */
#pragma once

/* Events, by kind. */
#define MESSAGE_ID_START "81fdf529bfae4298999832b798393477"
#define MESSAGE_ID_EXEC "77a21cf824814c1bbea12745f0889f8e"
#define MESSAGE_ID_EXEC_FAILED "b922821b715b43eab5d399c1b90f230e"
#define MESSAGE_ID_EXEC_ATTEMPT "ff198a7bda3b4506b9da7c2a1085c4de"
#define MESSAGE_ID_EXIT "7442ef83a27b4a86981c195b3f060e03"
#define MESSAGE_ID_PROCESS "22c5a5d687554d7caa7434bb43b195a4"
#define MESSAGE_ID_SUMMARY "5e0f6c1d3a7b4f1e9d2c8b4a60f7e913"
#define MESSAGE_ID_FILE "0b6ad0a4c29f4f0f9b0f8a4b6c7c1d52"
#define MESSAGE_ID_LOST "f3167e8119844354903bb38d595be67e"
#define MESSAGE_ID_STATS "fd2ed494c9b447e79a1c41db1a536db8"
#define MESSAGE_ID_STOP "43a1f157994e4b2e9712e715ad69cb38"

/*
 * The daemon's own words, for log_catalog(). Not for a last word: of a process that has exited
 * journald may no longer find the unit; stderr is a stream that it knows from before.
 */
#define MESSAGE_ID_SINK_BROKEN "6622c4b5ff33483d9259a9e06cda5a67"
#define MESSAGE_ID_SINK_RECOVERED "86b9563a76244aeaadc6fd4eb39183d4"
#define MESSAGE_ID_RELOAD_FAILED "722a4eba13334ef5a5fac1c270ece3f8"
#define MESSAGE_ID_RELOADED "8c1978734fc54cd590e848662efd2e42"
#define MESSAGE_ID_BLIND "40b1bd2a8ff64a4b9c1f1f1b0c0b7a55"
