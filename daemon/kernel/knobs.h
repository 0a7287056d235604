/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/*
 * Knobs: the settings as the BPF programs read them while they run.
 */
#pragma once

struct config;
struct exec_control;

/*
 * `control` is the control map in shared memory, `env_map` the map env_keys. Each knob changes by
 * itself; while the names of the environment change, an exec may have some of both. Negative errno,
 * not logged: a name of a variable could not be added, and nothing else has changed.
 */
int knobs_set(struct exec_control *control, int env_map, const struct config *config);
