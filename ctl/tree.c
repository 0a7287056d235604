/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The verb `tree`: the processes of the log as a tree, with how long they took and how they ended.
 */
#include "view/tree.h"
#include "relatives.h"
#include "verbs.h"

static void show_gaps(struct relatives *r)
{
        _cleanup_(buf_done) struct buf text = { 0 };
        struct buf *out = &r->screen.out;

        gaps_show(r->gaps, &text);
        if (text.size == 0)
                return;
        buf_append_string(out, r->screen.has_colours ? SGR_LOSS "-- " : "-- ");
        buf_append_span(out, buf_span(&text));
        buf_append_string(out, r->screen.has_colours ? " --" SGR_RESET "\n" : " --\n");
}

static int show(struct relatives *r)
{
        const struct tree_config config = {
                .width = r->screen.width,
                .cuts = screen_cut(&r->screen, r->o) > 0,
                .has_colours = r->screen.has_colours,
                .utc = r->o->utc,
        };
        int e = 0;

        tree_show_titles(&config, r->family, &r->screen.out);
        for (uint32_t at = family_next(r->family, 0); e >= 0 && at != NO_MEMBER;
             at = family_next(r->family, at)) {
                tree_show_row(&config, r->family, at, &r->screen.out);
                if (r->screen.out.size >= SCREEN_OUT_BYTES)
                        e = screen_flush(&r->screen);
        }
        show_gaps(r);
        return e < 0 ? e : screen_flush(&r->screen);
}

int verb_tree(const struct options *o)
{
        struct relatives r = { 0 };
        int e;

        e = relatives_read(&r, o, FAMILY_MEMBERS_MAX);
        if (e == 0) {
                screen_open(o, true, &r.screen);
                e = show(&r);
                screen_close(&r.screen);
                relatives_finish(&r);
        }
        relatives_done(&r);
        return e > 0 ? e : verb_result(&r.in, &r.screen, e);
}
