/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include "base/macro.h"
#include "config/config.h"

/*
 * Natively, eight times its argv, when all arguments are one byte long and have to be escaped and
 * repeated in base64. Other formats may have it as one string, too, where each byte takes six more.
 * The rest is for its other parts, or for the lines of one run: natively these are no more than
 * eight times a record and the parent's arguments; OCSF has paths and the parent's command line
 * several times.
 */
uint64_t config_backlog_min(const struct config *c, enum config_format format)
{
        static const struct {
                unsigned argv;
                uint64_t rest;
        } sizes[_FORMAT_MAX] = {
                [FORMAT_NATIVE] = { 8, 256 * KIB },
                [FORMAT_ECS] = { 14, 320 * KIB },
                [FORMAT_OCSF] = { 14, 448 * KIB },
        };

        return sizes[format].argv * (uint64_t)c->capture.argv_max + sizes[format].rest;
}
