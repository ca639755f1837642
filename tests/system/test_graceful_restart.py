# SPDX-License-Identifier: Apache-2.0
"""Agents and controllers die and come back, on loopback: nothing that is still
true is ever deleted at another switch, not for a moment.  A monitor of its
database sees every row that goes, and every change."""

import contextlib
import json
import re
import signal
import socket
import subprocess
import time

import pytest
import yaml

from lab import run, wait_until

TIMEOUT = 20
NETWORK = "default-domain:default-project:blue:blue"
MAC1, MAC2, MAC3 = (f"02:bb:00:00:00:0{i}" for i in (1, 2, 3))

# A TOR agent has told all after 15 s without configuration, and 15 s more
# without a change.
TOLD_ALL_S = 30


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Program:
    """One of the services, with a directory of its own."""

    def __init__(self, build_dir, name, directory, config):
        directory.mkdir()
        self.name = name
        self.dir = directory
        self.log = directory / "log"
        self.tsnctl = build_dir / "tsnctl/tsnctl"
        subdir = "controller" if name == "tsn-controller" else "tor-agent"
        path = directory / "config.yaml"
        path.write_text(yaml.safe_dump(config))
        self.argv = [build_dir / subdir / name, "--config", path,
                     "--run-dir", directory]
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.argv, stderr=log)

    def kill(self):
        assert self.process.poll() is None, self.log.read_text()
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self):
        """Ends it, unless a test has.  What has ended by itself, or does not
        end well, is a failure."""
        if not self.process:
            return
        self.process.terminate()
        try:
            status = self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        assert status == 0, self.log.read_text()

    def ask(self, *words):
        return json.loads(run(self.tsnctl, "--json", "--run-dir", self.dir,
                              *words))

    def status(self):
        return self.ask("status")[self.name]


class Switch:
    """The database of a switch that nobody forwards for, and a monitor of the
    rows that a TOR agent has in it."""

    def __init__(self, name, address, directory):
        self.name = name
        self.address = address
        self.dir = directory
        self.remote = f"unix:{directory / 'db.sock'}"
        self.server = None
        self.monitors = []

    def start(self):
        directory = self.dir
        directory.mkdir()
        run("ovsdb-tool", "create", directory / "vtep.db",
            "/usr/share/openvswitch/vtep.ovsschema")
        self.server = subprocess.Popen(
            ["ovsdb-server", "-vconsole:off",
             f"--unixctl={directory}/ovsdb.ctl",
             f"--remote=p{self.remote}", directory / "vtep.db"])
        wait_until((directory / "db.sock").exists, TIMEOUT, "ovsdb-server")
        self.ctl("add-ps", self.name, "--", "add-port", self.name, "p1", "--",
                 "set", "Physical_Switch", self.name,
                 f"tunnel_ips={self.address}")
        for table in ("Ucast_Macs_Remote", "Mcast_Macs_Remote",
                      "Logical_Switch"):
            self.watch(table)

    def watch(self, table):
        path = self.dir / table
        with open(path, "wb") as out:
            self.monitors.append((path, subprocess.Popen(
                ["ovsdb-client", "monitor", "--format=csv", self.remote,
                 "hardware_vtep", table], stdout=out)))

    def ctl(self, *argv):
        return run("vtep-ctl", f"--db={self.remote}", *argv)

    def logical_switch(self):
        return self.ctl("list-ls").strip()

    def learns(self, mac):
        self.ctl("add-ucast-local", self.logical_switch(), mac, self.address)

    def forgets(self, mac):
        self.ctl("del-ucast-local", self.logical_switch(), mac)

    def remote_macs(self):
        return dict(re.findall(r"^\s*(\S+) -> vxlan_over_ipv4/(\S+)$",
                               self.ctl("list-remote-macs",
                                        self.logical_switch()), re.M))

    def changes(self):
        """How often rows went, or were changed, since the beginning."""
        return len(re.findall(r",(?:delete|old),", self.seen()))

    def seen(self):
        for path, process in self.monitors:
            assert process.poll() is None
        return "".join(path.read_text() for path, _ in self.monitors)

    def stop(self):
        for process in (*(m[1] for m in self.monitors), self.server):
            if process:
                process.terminate()
                process.wait()


class Site:
    """Two switches with a TOR agent each, and 'n' controllers."""

    def __init__(self, build_dir, directory, n_controllers,
                 graceful_restart=None):
        self.switches = [Switch(f"tor{i}", f"10.0.0.{i}",
                                directory / f"tor{i}") for i in (1, 2)]
        self.controllers = []
        ports = [free_port() for _ in range(n_controllers)]
        for i, port in enumerate(ports):
            config = {
                "name": f"ctrl{i}", "listen": f"127.0.0.1:{port}",
                "networks": [{"name": "blue", "vni": 100}],
                "switches": [{"name": switch.name, "vtep": switch.address,
                              "ports": [{"name": "p1", "network": "blue"}]}
                             for switch in self.switches]}
            if graceful_restart:
                config["graceful-restart"] = graceful_restart
            self.controllers.append(Program(build_dir, "tsn-controller",
                                            directory / f"ctrl{i}", config))
        self.agents = [
            Program(build_dir, "tsn-tor-agent",
                    directory / f"agent-{switch.name}",
                    {"controllers": [f"127.0.0.1:{port}" for port in ports],
                     "tor-agent": {"tsn": "10.0.0.9", "tors": [
                         {"name": switch.name, "agent-name": switch.name,
                          "ovsdb": switch.remote}]}})
            for switch in self.switches]

    def start(self):
        for part in [*self.switches, *self.controllers, *self.agents]:
            part.start()
        for switch in self.switches:
            wait_until(switch.logical_switch, TIMEOUT, "logical switches")

    def close(self):
        """Agents first; each is stopped, whatever became of the others."""
        with contextlib.ExitStack() as stack:
            for part in [*self.switches, *self.controllers, *self.agents]:
                stack.callback(part.stop)


@pytest.fixture
def make_site(build_dir, tmp_path):
    sites = []

    def make(*args, **kwargs):
        sites.append(Site(build_dir, tmp_path, *args, **kwargs))
        sites[-1].start()
        return sites[-1]

    yield make
    with contextlib.ExitStack() as stack:
        for site in sites:
            stack.callback(site.close)


def expect_remote(switch, macs, timeout=TIMEOUT):
    """It has these rows of other switches' MACs."""
    def has_them():
        found = switch.remote_macs()
        found.pop("unknown-dst", None)
        return found == macs

    wait_until(has_them, timeout, f"{switch.name} to have {macs}, it has "
               f"{switch.remote_macs()}")


def stays_so(switch, macs, seconds):
    n = switch.changes()
    time.sleep(seconds)
    expect_remote(switch, macs, 0)
    assert switch.changes() == n, switch.seen()


def test_tor_agent__killed_and_restarted__others_rows_never_flap(make_site):
    site = make_site(1)
    tor1, tor2 = site.switches
    agent, controller = site.agents[0], site.controllers[0]
    tor1.learns(MAC1)
    tor1.learns(MAC2)
    tor2.learns(MAC3)
    both = {MAC1: tor1.address, MAC2: tor1.address}
    expect_remote(tor2, both)
    expect_remote(tor1, {MAC3: tor2.address})
    n = tor2.changes()

    agent.kill()
    wait_until(lambda: controller.status()["restarting"], TIMEOUT,
               "the controller to see it")
    away, = controller.status()["restarting"]
    assert away["name"] == "tor1" and away["state"] == "away"
    # Two servers and a flood endpoint, if the switch has announced one.
    assert away["stale_routes"] >= 2
    assert 590 <= away["left_s"] <= 600
    stays_so(tor2, both, 3)

    # What the switch forgets meanwhile goes once the agent has told all.
    tor1.forgets(MAC2)
    agent.start()
    wait_until(lambda: controller.status()["restarting"][0]["state"]
               .startswith("back"), TIMEOUT, "the agent to be back")
    stays_so(tor2, both, 5)
    expect_remote(tor2, {MAC1: tor1.address}, TOLD_ALL_S + 10)
    wait_until(lambda: not controller.status()["restarting"], TIMEOUT,
               "an end of the restart")
    assert tor2.changes() == n + 1, tor2.seen()
    expect_remote(tor1, {MAC3: tor2.address})


def test_tor_agent__killed_without_graceful_restart__rows_go(make_site):
    """What the test above watches is able to see it."""
    site = make_site(1, graceful_restart={"enable": False})
    tor1, tor2 = site.switches
    tor1.learns(MAC1)
    expect_remote(tor2, {MAC1: tor1.address})
    n = tor2.changes()
    site.agents[0].kill()
    expect_remote(tor2, {})
    site.agents[0].start()
    expect_remote(tor2, {MAC1: tor1.address})
    assert tor2.changes() == n + 1
    assert not site.controllers[0].status()["restarting"]


def test_tor_agent__back_before_its_switch__says_nothing_too_early(make_site):
    """The switch's database is away while its agent restarts.  What is behind
    it is still there, and is not to be swept by the agent's End-of-RIB."""
    site = make_site(1)
    tor1, tor2 = site.switches
    tor1.learns(MAC1)
    expect_remote(tor2, {MAC1: tor1.address})
    site.agents[0].kill()
    tor1.server.send_signal(signal.SIGSTOP)
    try:
        site.agents[0].start()
        stays_so(tor2, {MAC1: tor1.address}, TOLD_ALL_S + 10)
        back, = site.controllers[0].status()["restarting"]
        assert back["state"].startswith("back")
    finally:
        tor1.server.send_signal(signal.SIGCONT)
    wait_until(lambda: not site.controllers[0].status()["restarting"],
               TOLD_ALL_S + TIMEOUT, "the end of the restart")
    stays_so(tor2, {MAC1: tor1.address}, 1)


def test_controller__killed_and_restarted__no_row_flaps(make_site):
    site = make_site(1)
    tor1, tor2 = site.switches
    tor1.learns(MAC1)
    tor2.learns(MAC3)
    expect_remote(tor2, {MAC1: tor1.address})
    expect_remote(tor1, {MAC3: tor2.address})
    n = [switch.changes() for switch in site.switches]

    def xmpp(agent):
        return agent.ask("show", "tors")["tors"][0]["xmpp"]

    site.controllers[0].kill()
    for agent in site.agents:
        wait_until(lambda: (xmpp(agent)["frozen_s"] or 0) >= 1, TIMEOUT,
                   f"{agent.dir} to be frozen")
    site.controllers[0].start()
    for agent in site.agents:
        wait_until(lambda: xmpp(agent)["sessions"][0].get("synced"),
                   2 * TIMEOUT, "End-of-RIB")
        assert xmpp(agent)["frozen_s"] is None
    tor1.learns(MAC2)
    expect_remote(tor2, {MAC1: tor1.address, MAC2: tor1.address})
    expect_remote(tor1, {MAC3: tor2.address})
    assert [switch.changes() for switch in site.switches] == n


def test_two_controllers__one_fails_then_the_other__no_row_flaps(make_site):
    def config_servers():
        return [[s["config"] for s in
                 agent.ask("show", "tors")["tors"][0]["xmpp"]["sessions"]]
                for agent in site.agents]

    site = make_site(2)
    tor1, tor2 = site.switches
    first, second = site.controllers
    tor1.learns(MAC1)
    expect_remote(tor2, {MAC1: tor1.address})
    wait_until(lambda: all(len(c.status()["sessions"]) == 2
                           for c in site.controllers), TIMEOUT,
               "all sessions")
    n = tor2.changes()

    first.kill()
    wait_until(lambda: config_servers() == [[False, True]] * 2, TIMEOUT,
               "the other one to be asked for the configuration")
    tor1.learns(MAC2)
    both = {MAC1: tor1.address, MAC2: tor1.address}
    expect_remote(tor2, both)
    first.start()
    wait_until(lambda: len(first.status()["sessions"]) == 2, TIMEOUT,
               "sessions with the one that is back")
    stays_so(tor2, both, 15)
    second.kill()
    wait_until(lambda: config_servers() == [[True, False]] * 2, TIMEOUT,
               "the first one to be asked again")
    tor1.learns(MAC3)
    expect_remote(tor2, both | {MAC3: tor1.address})
    second.start()
    wait_until(lambda: len(second.status()["sessions"]) == 2, TIMEOUT,
               "sessions with the other one")
    stays_so(tor2, both | {MAC3: tor1.address}, 3)
    assert tor2.changes() == n
