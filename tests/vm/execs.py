# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
"""Execs beside what a check does meanwhile, of which none may be missing in the log."""
import os
import threading

PAUSE_SECONDS = 0.01


class Execs:
    """Goes on executing a program, until the end of the block; then `count` tells how often."""

    def __init__(self, program, mark):
        self.argv = [program, mark]
        self.mark = mark
        self.count = 0
        self.end = threading.Event()
        self.thread = threading.Thread(target=self.work)

    def work(self):
        while not self.end.wait(PAUSE_SECONDS):
            os.waitpid(os.posix_spawn(self.argv[0], self.argv, {}), 0)
            self.count += 1

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.end.set()
        self.thread.join()

    def logged(self, events):
        return sum(1 for event in events
                   if event["event"] == "exec" and event.get("argv") == self.argv)
