/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* recorder and source_replay do the work; they are of the core and do not log. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "flow/flow.h"
#include "flow/recorder.h"
#include "flow/source_replay.h"
#include "host/exit_code.h"
#include "host/log.h"
#include "host/loop.h"
#include "host/recording.h"

struct recording {
        struct flow *flow;
        const char *path;
        struct recorder *recorder; /* NULL: it is over */
};

static void recording_flush(struct recording *r)
{
        int error;

        error = r->recorder ? recorder_flush(r->recorder) : 0;
        if (error >= 0)
                return;
        flow_set_recorder(r->flow, NULL);
        r->recorder = recorder_free(r->recorder);
        log_errno(LOG_ERR, error, "Recording to %s stopped", r->path);
}

static int on_post(sd_event_source *source _unused_, void *userdata)
{
        recording_flush(userdata);
        return 0;
}

int recording_new(struct sd_event *event, struct flow *flow, const char *path,
                  struct recording **ret)
{
        _cleanup_(recording_freep) struct recording *r = NULL;
        int error;

        r = calloc(1, sizeof(*r));
        if (!r)
                return log_errno(LOG_ERR, -ENOMEM, "Cannot record to %s", path);
        r->flow = flow;
        r->path = path;
        error = recorder_new(path, flow_identity(flow), &r->recorder);
        if (error >= 0)
                error = loop_add_post(event, on_post, r);
        if (error < 0)
                return log_errno(LOG_ERR, error, "Cannot record to %s", path);
        flow_set_recorder(flow, r->recorder);

        *ret = TAKE_PTR(r);
        return 0;
}

struct recording *recording_free(struct recording *r)
{
        if (!r)
                return NULL;
        recording_flush(r);
        flow_set_recorder(r->flow, NULL);
        recorder_free(r->recorder);
        free(r);
        return NULL;
}

int recording_open(const char *path, struct source **ret)
{
        _cleanup_(closep) int fd = -1;
        int r;

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return log_errno(LOG_ERR, -errno, "Cannot open the recording %s", path);
        r = source_replay_new(fd, ret);
        if (r == -EBADMSG)
                log_error("%s is not a recording", path);
        else if (r == -EPROTONOSUPPORT)
                log_error("%s was recorded by another version of execsnoopd", path);
        else if (r < 0)
                log_errno(LOG_ERR, r, "Cannot read the recording %s", path);
        return r;
}

int recording_explain_end(const char *path, int error)
{
        switch (-error) {
        case 0:
                return EXIT_CODE_OK;
        case ENODATA:
                log_error("The recording %s is cut short; all that was whole has been replayed",
                          path);
                break;
        case EBADMSG:
                log_error("The recording %s is damaged; all before that has been replayed", path);
                break;
        default:
                log_errno(LOG_ERR, error, "Cannot read the recording %s", path);
        }
        return EXIT_CODE_USAGE;
}
