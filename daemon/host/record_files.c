/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* Words for the errors of recorder and source_replay, which are of the core and do not log. */
#include <errno.h>
#include <fcntl.h>

#include "flow/recorder.h"
#include "flow/source_replay.h"
#include "host/exit_code.h"
#include "host/log.h"
#include "host/record_files.h"

int record_files_open_replay(const char *path, struct source **ret)
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

int record_files_open_recorder(const char *path, const struct recording_header *header,
                               struct recorder **ret)
{
        int r;

        r = recorder_new(path, header, ret);
        if (r < 0)
                return log_errno(LOG_ERR, r, "Cannot record to %s", path);
        return 0;
}

int record_files_explain_end(const char *path, int error)
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
