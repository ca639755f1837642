# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks of the TOR agent run against: database servers, control
nodes and the agent, in one network namespace without a way out, all on
loopback addresses."""

import json
import time
from pathlib import Path

from lab import LabError, run, wait_until
from lab.netns import Namespace
from lab.pki import Pki
from lab.process import Process, stop_all
from lab.state import State

TSN_ADDRESS = "10.255.0.1"
# Where switches connect to the agent.
LISTEN = "127.0.0.1:6640"
# The control nodes.
NODES = ("127.0.0.11", "127.0.0.12")
# Until programs are up, and have told each other everything.
PATIENCE_S = 120


def mac(i):
    """The i-th of 2^24 MAC addresses."""
    return "02:bb:00:" + ":".join(f"{i >> s & 255:02x}" for s in (16, 8, 0))


class Site:
    """As a context manager it is removed at the end, whatever happens."""

    def __init__(self, context):
        self.context = context
        self.state = State(f"bench-{time.monotonic_ns() & 0xffffff:06x}")
        self.ns = Namespace(self.state, "ns")
        self.processes = []

    def __enter__(self):
        self.state.create()
        self.ns.create()
        return self

    def __exit__(self, exc_type, exc, trace):
        try:
            stop_all(reversed(self.processes))
        finally:
            self.state.tear_down()
            self.state.forget(keep_logs=exc_type is not None)

    def process(self, name, argv, env=None):
        process = Process(self.ns, name, argv, self.state.dir / f"{name}.log",
                          env)
        self.processes.append(process)
        return process

    def certificates(self):
        """Files for the agent and for a switch."""
        pki = Pki(self.state.dir / "pki")
        pki.make_ca("ca")
        return pki.issue("agent", "ca"), pki.issue("switch", "ca")

    def controllers(self, config, addresses=NODES):
        """Control nodes of one configuration, running."""
        processes = [self._service("tsn-controller", f"ctl{i + 1}", {
            "name": f"ctl{i + 1}", "listen": f"{address}:5269", **config})
            for i, address in enumerate(addresses)]
        for process in processes:
            process.start()
        for process in processes:
            wait_until(lambda p=process: self.tsnctl(p, "status"), PATIENCE_S,
                       f"the answer of {process.name}", log=process.log)
        return processes

    def agent(self, tors, controllers=NODES, tls=None, more=None):
        """A tsn-tor-agent, not started."""
        # What the databases are taken for has no VLANs of its own.
        section = {"tsn": TSN_ADDRESS, "tors": tors, "profile": "ovs-vtep",
                   "listen": [{"address": LISTEN, "tls": False}]}
        if tls:
            section["tls"] = {"certificate": str(tls.certificate),
                              "private-key": str(tls.key), "ca": str(tls.ca)}
        return self._service("tsn-tor-agent", "agent", {
            "controllers": list(controllers), **(more or {}),
            "tor-agent": section})

    def tsnctl(self, process, *argv):
        """The reply of a command of a service, as data."""
        return json.loads(run(self._program("tsnctl"), "--json", "--socket",
                              process.ctl, *argv, timeout=PATIENCE_S))

    def tor(self, agent, name=None):
        """What the agent says about a ToR, or its only one."""
        for tor in self.tsnctl(agent, "show", "tors")["tors"]:
            if name in (None, tor["tor"]):
                return tor
        raise LabError(f"the agent does not know {name}")

    def wait_served(self, agent, n_tors=1, n_nodes=len(NODES)):
        """Until the switches have all that is wanted of them, and all control
        nodes all routes."""
        def served():
            tors = self.tsnctl(agent, "show", "tors")["tors"]
            return len(tors) == n_tors and all(
                is_settled(tor, n_nodes) for tor in tors)

        wait_until(served, PATIENCE_S, f"{n_tors} switches in service",
                   interval=0.2, log=agent.log)

    def _program(self, name):
        for path in self.context.build_dir.glob(f"*/{name}"):
            if path.is_file():
                return path
        raise LabError(f"program {name} not found in {self.context.build_dir}")

    def _service(self, name, instance, config):
        run_dir = self.state.dir / f"run-{instance}"
        run_dir.mkdir(exist_ok=True)
        path = self.state.dir / f"{instance}.yaml"
        # JSON is YAML, and much faster to write.
        path.write_text(json.dumps(config))
        process = self.process(instance, [
            self._program(name), "--config", path, "--run-dir", run_dir])
        process.ctl = run_dir / f"{name}.ctl"
        return process


def is_settled(tor, n_nodes):
    sessions = [session for session in tor["xmpp"]["sessions"]
                if session["state"] == "up"]
    return (tor["state"] == "serving" and tor["rows"]["written"]
            and not tor["rows"]["waiting"] and len(sessions) == n_nodes
            and all(session["synced"] for session in sessions))


def peak_rss(process):
    """Bytes that were resident at most."""
    return _status(process, "VmHWM")


def rss(process):
    return _status(process, "VmRSS")


def cpu_seconds(process):
    """Processor time so far, of all threads, to the millisecond."""
    stats = Path(f"/proc/{process.pid}/task").glob("*/schedstat")
    return sum(int(stat.read_text().split()[0]) for stat in stats) / 1e9


def _status(process, key):
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    raise LabError(f"no {key} of {process.name}")
