# SPDX-License-Identifier: Apache-2.0
"""The lab as a whole.

    bms1 -- tor1 --+                          +-- compute1 -- vm1
                   |-- underlay 10.0.0.0/24 --|
    bms2 -- tor2 --+       |          |       +-- more switches
                          tsn      controller
"""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

import yaml

from . import config
from .base import LabError, run, wait_until
from .hosts import ComputeHost, Host, Server
from .netns import Namespace, connect
from .process import Process, stop_all
from .state import State
from .switch import FakeSwitch, Switch

SERVICES = ("tsn-controller", "tsn-replicator", "tsn-tor-agent")
SANITIZER_ENV = {
    "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
}


@dataclass(frozen=True)
class Network:
    """A virtual network."""
    name: str
    vni: int
    prefix: str
    gateway: str
    dns: str


class Lab:
    """Makes the lab piece by piece; up() makes it all.  As a context manager
    it is removed at the end, whatever happens.

    'name' goes in front of all namespaces and tells labs apart."""

    controller_address = "10.0.0.5"
    tsn_address = "10.0.0.100"

    def __init__(self, build_dir, *, name=None):
        self.build_dir = Path(build_dir)
        self.state = State(name or f"tsn-{secrets.token_hex(2)}")
        self.log_dir = self.state.dir / "logs"
        self.run_dir = self.state.dir / "run"
        self.network = Network("blue", 100, "192.0.2.0/24", "192.0.2.1",
                               "192.0.2.2")

        self.fabric = Namespace(self.state, "fab")
        self.controller_ns = Namespace(self.state, "ctl")
        self.tsn_ns = Namespace(self.state, "tsn")
        self.switches = [Switch(self, f"tor{i}", f"10.0.0.{i}", ["p1"])
                         for i in (1, 2)]
        self.servers = [Server(self, f"bms{i}", f"02:bb:00:00:00:0{i}",
                               f"192.0.2.1{i}", switch, "p1")
                        for i, switch in enumerate(self.switches, 1)]
        self.bms1, self.bms2 = self.servers
        self.compute = ComputeHost(self, "compute1", "10.0.0.21",
                                   self.network.vni)
        self.vm = Host(self, "vm1", "02:cc:00:00:00:01", "192.0.2.21")
        self.services = {}
        # What the settings name beside that: further control nodes, and
        # switches that a test plays itself.
        self.controllers = [self.controller_address]
        self.foreign_switches = []
        # More keys of tsn.yaml, and of its section "tor-agent".
        self.settings = {}
        self.tor_agent = {}
        # A Cloud: then the controller is told that, and nothing of the above.
        self.cloud = None
        # A Pki: then the sessions with control nodes use TLS.
        self.pki = None
        self._n_ports = 0

    # Life.

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc, trace):
        self.close(failed=exc_type is not None)

    def close(self, *, failed=False):
        """Removes the lab.  A service that does not end cleanly, or of which
        a sanitizer has something to tell, is an error; then, or when 'failed'
        says so, the logs stay."""
        problems = []
        try:
            problems = self.stop_services()
        finally:
            try:
                self.state.tear_down()
            finally:
                self.state.forget(keep_logs=failed or bool(problems))
        if problems and not failed:
            raise LabError("; ".join(problems))

    @staticmethod
    def remove(name):
        """Removes the lab of that name, whoever made it.  Returns whether
        there was one."""
        state = State.load(name)
        if state is None:
            return False
        state.tear_down()
        state.forget()
        return True

    def hand_over(self):
        """The lab is to stay when this process ends, until somebody calls
        Lab.remove(name).  For who likes to kill programs there are scripts
        that start them again."""
        starters = self.state.dir / "start"
        starters.mkdir(exist_ok=True)
        for process in [*self.services.values(),
                        *(p for switch in self.switches
                          for p in switch.processes)]:
            process.write_starter(starters / process.name.replace(" ", "-"))
        self.state.kept = True
        self.state.save()

    # Making it.

    def up(self, prepare=None):
        """'prepare(lab)' may add to it before the services start."""
        self.make_underlay()
        self.make_switches()
        self.make_compute()
        if prepare:
            prepare(self)
        self.start_services()
        self.wait_ready()
        return self

    def make_underlay(self):
        if os.geteuid():
            raise LabError("only root can make network namespaces")
        if State.load(self.state.name):
            raise LabError(f"a lab '{self.state.name}' is there already")
        self.state.create()
        self.log_dir.mkdir()
        self.run_dir.mkdir()
        self.fabric.create()
        self.fabric.ip("link", "add", "br0", "type", "bridge",
                       "forward_delay", "0")
        self.fabric.set_link("br0", True)
        for ns, address in ((self.controller_ns, self.controller_address),
                            (self.tsn_ns, self.tsn_address)):
            self.plug(ns.create(), address)

    def plug(self, namespace, address):
        """Connects a namespace to the underlay, by its interface und0."""
        port = f"f{self._n_ports}"
        self._n_ports += 1
        connect(namespace, "und0", self.fabric, port)
        self.fabric.ip("link", "set", port, "master", "br0")
        if address:
            namespace.ip("address", "add", f"{address}/24", "dev", "und0")

    def make_switches(self):
        for switch in self.switches:
            switch.create(servers=[server for server in self.servers
                                   if server.switch is switch])

    def make_compute(self):
        compute = self.compute.create()
        compute.add_machine(self.vm)
        self.vm.set_address(24)
        compute.flood_to([self.tsn_address])
        for server in self.servers:
            compute.reach(server.mac, server.switch.address)

    def add_fake_switch(self, name, address, ports=()):
        """One more switch, of which there is only the database."""
        switch = FakeSwitch(self, name, address, ports).create()
        self.switches.append(switch)
        return switch

    # The programs under test.

    def program(self, name):
        """The file of one of our programs."""
        for path in sorted(self.build_dir.glob(f"*/{name}")):
            if path.is_file() and os.access(path, os.X_OK):
                return path
        raise LabError(f"program {name} not found in {self.build_dir}: build "
                       "it first")

    def write_config(self):
        (self.state.dir / "controller.yaml").write_text(
            config.controller_yaml(self))
        (self.state.dir / "tsn.yaml").write_text(config.tsn_yaml(self))

    def start_services(self, names=SERVICES):
        self.write_config()
        for name in names:
            self.service(name).start()

    def service(self, name):
        """The process of one of our programs, running or not."""
        if name not in self.services:
            ours = name == "tsn-controller"
            file = "controller.yaml" if ours else "tsn.yaml"
            self.services[name] = Process(
                self.controller_ns if ours else self.tsn_ns, name,
                [self.program(name), "--config",
                 self.state.dir / file, "--run-dir", self.run_dir],
                self.log_dir / f"{name}.log", env=SANITIZER_ENV)
        return self.services[name]

    def stop_services(self):
        """Stops them and returns what was wrong with their ends."""
        stop_all(self.services.values())
        problems = []
        for service in self.services.values():
            status = service.status
            if status:
                problems.append(f"{service.name} ended with status {status}, "
                                f"see {service.log}")
            for line in service.findings():
                problems.append(f"{service.name}: {line}, see {service.log}")
        return problems

    def check_services(self):
        """All that were started are still the same processes."""
        for service in self.services.values():
            service.check_alive()

    def start_own(self, namespace, program, config, *, name=None,
                  run_dir=None, wrapper=()):
        """Starts a program of ours with a configuration of the caller's, under
        a name of its own if there are several."""
        name = name or program
        path = self.state.dir / f"{name}.yaml"
        path.write_text(yaml.safe_dump(config))
        process = Process(namespace, name,
                          [*wrapper, self.program(program), "--config", path,
                           "--run-dir", run_dir or self.run_dir],
                          self.log_dir / f"{name}.log", env=SANITIZER_ENV)
        self.services[name] = process
        process.start()

    def tsnctl(self, *argv, as_json=False, ok=(0,)):
        argv = ["--run-dir", self.run_dir, *argv]
        if as_json:
            argv.insert(0, "--json")
        text = run(self.program("tsnctl"), *argv, ok=ok, env=SANITIZER_ENV)
        return json.loads(text) if as_json else text

    # Is it as it should be?

    def wait_ready(self, timeout=30):
        """Until the services have told the switches what they need to know:
        whom to flood to, and where the virtual machine is."""
        for switch in self.switches:
            self.wait_switch_ready(switch, timeout)

    def wait_switch_ready(self, switch, timeout=30):
        def ready():
            self.check_services()
            flood = {vtep for vteps in switch.flood_rows().values()
                     for vtep in vteps}
            macs = {mac.lower() for _, mac in switch.remote_macs()}
            return self.tsn_address in flood and self.vm.mac in macs

        wait_until(ready, timeout,
                   f"the flood row and the virtual machine's MAC in the "
                   f"database of {switch.name}", interval=0.2,
                   log=self.service("tsn-tor-agent").log)
