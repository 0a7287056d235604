/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "pager.h"
#include "screen.h"

/* Of a terminal that does not say. */
#define WIDTH_DEFAULT 80
#define HEIGHT_DEFAULT 24

static unsigned size_of(const char *variable, unsigned known, unsigned otherwise)
{
        const char *text = getenv(variable);
        const long n = text ? strtol(text, NULL, 10) : 0;

        if (n > 0 && n < 10000)
                return (unsigned)n;
        return known > 0 ? known : otherwise;
}

static bool wants_colours(const struct options *o, bool is_terminal)
{
        const char *none = getenv("NO_COLOR");
        const char *terminal = getenv("TERM");

        if (o->colour != WHEN_AUTO)
                return o->colour == WHEN_ALWAYS;
        return is_terminal && !(none && *none) && terminal && strcmp(terminal, "dumb") != 0;
}

void screen_open(const struct options *o, bool pages, struct screen *ret)
{
        struct winsize size = { 0 };

        *ret = (struct screen){ .is_terminal = isatty(STDOUT_FILENO) };
        ret->has_colours = wants_colours(o, ret->is_terminal);
        (void)signal(SIGPIPE, SIG_IGN);
        if (!ret->is_terminal)
                return;
        (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
        ret->width = size_of("COLUMNS", size.ws_col, WIDTH_DEFAULT);
        ret->height = size_of("LINES", size.ws_row, HEIGHT_DEFAULT);
        if (pages && !o->no_pager)
                ret->pager = pager_open();
}

static int output_fails(struct screen *s, int error)
{
        if (error != -EPIPE && !s->has_failed) {
                (void)fprintf(stderr, "execsnoopctl: cannot write standard output: %s\n",
                              strerror(-error));
                s->has_failed = true;
        }
        return error;
}

int screen_flush(struct screen *s)
{
        const char *p = s->out.data;
        size_t left = s->out.size;

        if (buf_error(&s->out))
                return -ENOMEM;
        while (left > 0) {
                ssize_t n = write(STDOUT_FILENO, p, left);

                if (n < 0 && errno != EINTR)
                        return output_fails(s, -errno);
                if (n > 0) {
                        p += n;
                        left -= (size_t)n;
                }
        }
        buf_reset(&s->out);
        return 0;
}

void screen_close(struct screen *s)
{
        pager_close(s->pager);
        s->pager = 0;
        buf_done(&s->out);
}

unsigned screen_cut(const struct screen *s, const struct options *o)
{
        return s->pager > 0 || o->full || o->output != OUTPUT_SHORT ? 0 : s->width;
}
