/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Screen: what of the events may leave, by the settings: rules and redaction together, as the
 * pipeline uses them.
 *
 *   decoded event → rules → (hidden, and counted) or tagged → redacted → encode
 *
 * For one thread, in the order of time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/macro.h"
#include "event/event.h"
#include "event/stats.h"
#include "policy/policy.h"

struct config;
struct screen;

/*
 * Takes over the rules, also if it fails; NULL: there are none. Keeps nothing of the settings.
 * 0 or -ENOMEM, -EIO: no random numbers.
 */
int screen_new(const struct config *config, struct rules *rules, struct screen **ret);
struct screen *screen_free(struct screen *s);
DEFINE_FREEP(struct screen, screen_free)

/* Other settings; takes over the rules likewise. A commit cannot fail; a revert undoes a prepare.
 */
int screen_prepare(struct screen *s, const struct config *config, struct rules *rules);
void screen_commit(struct screen *s);
void screen_revert(struct screen *s);

/*
 * The fate of an event of the kernel; see policy_decide(). POLICY_LOG: it has its tags, valid
 * until the next call.
 */
enum policy_result screen_decide(struct screen *s, struct exec_event *event, bool is_enriched);

/*
 * Hides the secrets of the event: its strings are then borrowed from the screen, until the next
 * call. -ENOMEM: nothing of it may leave.
 */
int screen_redact(struct screen *s, struct exec_event *event);

/*
 * The next summary that is due by `now_ns` (UINT64_MAX: all), as an event, redacted; valid until
 * the next call. 1, 0: there is none, or -ENOMEM: it is lost, and *ret_count says of how many
 * events.
 */
int screen_take_summary(struct screen *s, uint64_t now_ns, struct exec_event *ret,
                        uint64_t *ret_count);

/* When there may be one; UINT64_MAX: never. And how many bytes of strings it has. */
uint64_t screen_due_ns(const struct screen *s);
size_t screen_next_size(const struct screen *s);

/* The rules in force, borrowed until the next commit; NULL: there are none. */
const struct rules *screen_rules(const struct screen *s);

/* Fills in what rules and redaction have done. */
void screen_fill_stats(const struct screen *s, struct stats *stats);
