# SPDX-License-Identifier: Apache-2.0
"""The long-running programs of a lab."""

import os
import re
import shlex
import signal
import subprocess
import time

from .base import LabError
from .state import TAG

FINDING = re.compile(r"ERROR: (Address|Leak)Sanitizer|LeakSanitizer: detected"
                     r"|: runtime error: |assertion .* failed"
                     r"|WARNING: ThreadSanitizer", re.MULTILINE)


class Process:
    """A program, started by its argv and known by its pid.  It outlives the
    runner if the lab is kept, so it gets its own session and writes to a
    file."""

    def __init__(self, namespace, name, argv, log, env=None):
        self.namespace = namespace
        self.name = name
        self.log = log
        self._argv = [str(arg) for arg in argv]
        self._env = env or {}
        self._popen = None

    @property
    def pid(self):
        return self._popen.pid if self._popen else None

    @property
    def status(self):
        """How it ended: an exit status, minus a signal, or None."""
        return self._popen.returncode if self._popen else None

    def alive(self):
        return self._popen is not None and self._popen.poll() is None

    def start(self):
        if self.alive():
            raise LabError(f"{self.name} is running already, pid {self.pid}")
        state = self.namespace.state
        env = os.environ | {TAG: state.name} | self._env
        with open(self.log, "ab") as log:
            self._popen = subprocess.Popen(
                self.namespace.argv(*self._argv), stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, env=env, start_new_session=True)
        state.add_process(self.pid)

    def write_starter(self, path):
        """A script that starts the program again when the lab is kept."""
        env = {TAG: self.namespace.state.name} | self._env
        argv = ["env", *(f"{name}={value}" for name, value in env.items()),
                "setsid", *self.namespace.argv(*self._argv)]
        path.write_text(f"#!/bin/sh\n# Starts {self.name}.\n"
                        f"{shlex.join(argv)} </dev/null "
                        f">>{shlex.quote(str(self.log))} 2>&1 &\n")
        path.chmod(0o755)

    def check_alive(self):
        if not self.alive():
            raise LabError(f"{self.name} is not running (status "
                           f"{self.status}), see {self.log}")

    def signal(self, sig):
        if self.alive():
            os.kill(self.pid, sig)

    def kill(self):
        """kill -9, as a crash would look like."""
        self.signal(signal.SIGKILL)
        self._reap(5)

    def stop(self, timeout=10):
        """Asks the program to end and returns its exit status; SIGKILL if it
        does not within 'timeout' seconds."""
        if self._popen is None:
            return None
        self.signal(signal.SIGTERM)
        return self.end(timeout)

    def end(self, timeout):
        """Waits for the end of a program that was asked for it, like
        stop()."""
        if self._popen is None:
            return None
        try:
            self._reap(timeout)
        except LabError:
            self.kill()
        return self._popen.returncode

    def findings(self):
        """What the sanitizers had to say, the first line of each."""
        if not self.log.exists():
            return []
        with open(self.log, errors="replace") as log:
            return [line.strip() for line in log if FINDING.search(line)]

    def log_text(self):
        return self.log.read_text(errors="replace")

    def _reap(self, timeout):
        if self._popen is None:
            return
        try:
            self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise LabError(f"{self.name} (pid {self.pid}) did not end within "
                           f"{timeout} s, see {self.log}") from None
        self.namespace.state.drop_process(self.pid)


def stop_all(processes, timeout=10):
    """Stops them together, so that it takes as long as the slowest."""
    processes = list(processes)
    for process in processes:
        process.signal(signal.SIGTERM)
    deadline = time.monotonic() + timeout
    for process in processes:
        process.end(max(0.1, deadline - time.monotonic()))
