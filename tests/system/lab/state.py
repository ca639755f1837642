# SPDX-License-Identifier: Apache-2.0
"""What a lab has made on this machine, on disk from the moment it exists, so
that it can be removed when the runner that made it is gone."""

import json
import os
import shutil
import signal
import time
from pathlib import Path

from .base import LabError, run

RUN_DIR = Path("/run/tsn-lab")
# Every process of a lab carries this, naming the lab it belongs to.
TAG = "TSN_LAB"


def start_time(pid):
    """When the process was started, in ticks since boot, or None if there is
    no such process.  With the pid it identifies a process for good.  A zombie
    does not count: pid 1 may take its time to reap it."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat[stat.rindex(")") + 2:].split()
    return None if fields[0] in "ZX" else int(fields[19])


class State:
    """The record of one lab: RUN_DIR/NAME/state.json."""

    def __init__(self, name):
        self.name = name
        self.dir = RUN_DIR / name
        self.path = self.dir / "state.json"
        self.namespaces = []
        self.processes = {}         # Pid to start time.
        self.runner = (os.getpid(), start_time(os.getpid()))
        self.kept = False

    @classmethod
    def load(cls, name):
        """The record on disk; None if there is none."""
        state = cls(name)
        try:
            data = json.loads(state.path.read_text())
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise LabError(f"{state.path}: {error}; remove {state.dir} and "
                           "the namespaces by hand") from None
        state.namespaces = data["namespaces"]
        state.processes = {int(pid): start
                           for pid, start in data["processes"].items()}
        state.runner = tuple(data["runner"])
        state.kept = data["kept"]
        return state

    @staticmethod
    def names():
        """All labs with a record on this machine."""
        return sorted(path.parent.name for path in RUN_DIR.glob("*/state.json"))

    def create(self):
        """Starts an empty record; what an older one left behind goes."""
        shutil.rmtree(self.dir, ignore_errors=True)
        self.dir.mkdir(mode=0o755, parents=True)
        self.save()

    def save(self):
        data = {"namespaces": self.namespaces, "processes": self.processes,
                "runner": self.runner, "kept": self.kept}
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps(data, indent=1) + "\n")
        fresh.rename(self.path)

    def add_namespace(self, name):
        self.namespaces.append(name)
        self.save()

    def add_process(self, pid):
        self.processes[pid] = start_time(pid)
        self.save()

    def drop_process(self, pid):
        if self.processes.pop(pid, None) is not None:
            self.save()

    def runner_alive(self):
        pid, started = self.runner
        return start_time(pid) == started

    def tear_down(self):
        """Stops every process of the lab and removes its namespaces, and what
        is mounted in its directory.  May be called any number of times, by any
        process."""
        self._stop(dict(self.processes))
        # What was started but not recorded before the runner was killed, and
        # children: found in our namespaces, known by its tag.  A shell that
        # somebody opened there is left alone.
        self._stop(self._tagged())
        self.processes = {}
        present = set(_list_namespaces())
        for name in self.namespaces:
            if name in present:
                run("ip", "netns", "delete", name)
        self.namespaces = []
        for place in reversed(self._mounts()):
            run("umount", place)
        if self.dir.exists():
            self.save()

    def _mounts(self):
        """In the order that they were mounted in."""
        mounts = Path("/proc/self/mounts").read_text().splitlines()
        places = [Path(line.split()[1]) for line in mounts]
        return [place for place in places if self.dir in place.parents]

    def forget(self, *, keep_logs=False):
        """Removes the record, and its directory unless the logs are wanted."""
        if keep_logs:
            self.path.unlink(missing_ok=True)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)

    def _tagged(self):
        found = {}
        tag = f"{TAG}={self.name}".encode()
        present = set(_list_namespaces())
        for name in present.intersection(self.namespaces):
            for pid in map(int, run("ip", "netns", "pids", name).split()):
                try:
                    environ = Path(f"/proc/{pid}/environ").read_bytes()
                except (FileNotFoundError, ProcessLookupError):
                    continue
                if tag in environ.split(b"\0") and pid != os.getpid():
                    found[pid] = start_time(pid)
        return found

    @staticmethod
    def _stop(processes):
        """SIGTERM, and SIGKILL for what is still there 3 s later."""
        def alive():
            return [pid for pid, started in processes.items()
                    if started is not None and start_time(pid) == started]

        for sig, patience in ((signal.SIGTERM, 3), (signal.SIGKILL, 3)):
            for pid in alive():
                try:
                    os.kill(pid, sig)
                except ProcessLookupError:
                    pass
            deadline = time.monotonic() + patience
            while alive() and time.monotonic() < deadline:
                time.sleep(0.02)


def _list_namespaces():
    return [line.split()[0] for line in run("ip", "netns", "list").splitlines()
            if line.strip()]


def remove_abandoned():
    """Removes the labs whose runner died without doing so, and the logs of
    failures of earlier runs."""
    for name in State.names():
        state = State.load(name)
        if state and not state.kept and not state.runner_alive():
            state.tear_down()
            state.forget()
    for path in RUN_DIR.glob("*"):
        # One without a record may just be in the making.
        if (not (path / "state.json").exists()
                and time.time() - path.stat().st_mtime > 60):
            shutil.rmtree(path, ignore_errors=True)
