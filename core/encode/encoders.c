/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Encoders are small until they are used, so there is one for each shape from the beginning. */
#include "encode/encoders.h"

int encoders_init(struct encoders *encoders, const struct encode_context *context)
{
        struct encode_context own = *context;
        int r;

        for (enum config_format f = 0; f < _FORMAT_MAX; f++) {
                own.format = f;
                r = encoder_new(&own, &encoders->of[f]);
                if (r >= 0)
                        r = encoder_new(&own, &encoders->bounded[f]);
                if (r < 0)
                        return r;
        }
        return 0;
}

void encoders_done(struct encoders *encoders)
{
        for (enum config_format f = 0; f < _FORMAT_MAX; f++) {
                encoders->of[f] = encoder_free(encoders->of[f]);
                encoders->bounded[f] = encoder_free(encoders->bounded[f]);
        }
}

void encoders_set_clock(struct encoders *encoders, int64_t realtime_offset_ns)
{
        for (enum config_format f = 0; f < _FORMAT_MAX; f++) {
                encoder_set_clock(encoders->of[f], realtime_offset_ns);
                encoder_set_clock(encoders->bounded[f], realtime_offset_ns);
        }
}

int encoders_set_host(struct encoders *encoders, const struct encode_context *context)
{
        int r = 0;

        for (enum config_format f = 0; f < _FORMAT_MAX && r >= 0; f++) {
                r = encoder_set_host(encoders->of[f], context);
                if (r >= 0)
                        r = encoder_set_host(encoders->bounded[f], context);
        }
        return r;
}
