# SPDX-License-Identifier: Apache-2.0
"""Two ToR agents for one switch, which has a session with one of them at a
time: what is behind the switch stays announced when that one goes.  Graceful
restart is off, so that nothing but the other agent keeps it."""

import re
import threading

import pytest
from lab import run, wait_until
from test_graceful_restart import (MAC1, MAC2, MAC3, TIMEOUT, Program, Switch,
                                   expect_remote, free_port)

TSNS = ("10.0.0.8", "10.0.0.9")


class Watch(threading.Thread):
    """Looks at the routes to a MAC all the time."""

    def __init__(self, site, mac):
        super().__init__()
        self.site = site
        self.mac = mac
        self.n = self.n_missing = 0
        self.ending = threading.Event()

    def run(self):
        while not self.ending.is_set():
            self.n += 1
            self.n_missing += not self.site.paths(self.mac)

    def __enter__(self):
        self.start()
        wait_until(lambda: self.n, TIMEOUT, "a first look")
        return self

    def __exit__(self, *exc):
        n = self.n
        wait_until(lambda: self.n > n + 1, TIMEOUT, "a last look")
        self.ending.set()
        self.join()


class Site:
    """Switch tor1 has two agents, to which it can connect; tor2 has one."""

    def __init__(self, build_dir, directory):
        self.tor1, self.tor2 = (Switch(f"tor{i}", f"10.0.0.{i}",
                                       directory / f"tor{i}") for i in (1, 2))
        self.ovsdb_ctl = directory / "tor1/ovsdb.ctl"
        port = free_port()
        self.controller = Program(
            build_dir, "tsn-controller", directory / "ctrl",
            {"name": "ctrl", "listen": f"127.0.0.1:{port}",
             "graceful-restart": {"enable": False},
             "networks": [{"name": "blue", "vni": 100}],
             "switches": [
                 {"name": "tor1", "vtep": self.tor1.address, "agent": "a0",
                  "standby-agent": "a1",
                  "ports": [{"name": "p1", "network": "blue"}]},
                 {"name": "tor2", "vtep": self.tor2.address,
                  "ports": [{"name": "p1", "network": "blue"}]}]})
        self.ports = [free_port() for _ in TSNS]

        def agent(name, tsn, tor, **settings):
            return Program(build_dir, "tsn-tor-agent", directory / name,
                           {"controllers": [f"127.0.0.1:{port}"],
                            "tor-agent": {"tsn": tsn, "tors": [tor],
                                          **settings}})

        self.agents = []
        for i in range(2):
            way, settings = self.way_to(i)
            self.agents.append(agent(f"a{i}", TSNS[i],
                                     {"name": "tor1", "agent-name": f"a{i}",
                                      **way}, **settings))
        self.other = agent("other", TSNS[0],
                           {"name": "tor2", "ovsdb": self.tor2.remote})

    def way_to(self, i):
        """How the switch reaches that agent: settings of the ToR, and of the
        agent."""
        return {"ovsdb": f"ptcp:{self.ports[i]}:127.0.0.1"}, {}

    def programs(self):
        return [self.controller, *self.agents, self.other]

    def connect(self, i, verb="add"):
        """The switch connects to that agent, or does so no longer."""
        run("ovs-appctl", "-t", self.ovsdb_ctl, f"ovsdb-server/{verb}-remote",
            f"tcp:127.0.0.1:{self.ports[i]}")

    def paths(self, mac):
        """Preferences and agents of the routes to 'mac'."""
        reply = self.controller.ask("show", "routes")
        routes = reply["tsn-controller"]["routes"]
        return sorted((route["local_preference"], route["publisher"])
                      for route in routes if route["mac"] == mac)

    def expect_paths(self, mac, *expected):
        wait_until(lambda: self.paths(mac) == sorted(expected), TIMEOUT,
                   f"{mac} to have {expected}, it has {self.paths(mac)}")

    def role(self, i):
        return self.agents[i].ask("show", "tors")["tors"][0]["role"]

    def start(self):
        for part in (self.tor1, self.tor2, *self.programs()):
            part.start()
        wait_until(self.tor2.logical_switch, TIMEOUT, "tor2's network")
        self.connect(0)
        wait_until(self.tor1.logical_switch, TIMEOUT, "tor1's network")

    def close(self):
        try:
            for program in self.programs():
                program.stop()
        finally:
            for program in self.programs():
                if program.process and program.process.poll() is None:
                    program.kill()
            self.tor1.stop()
            self.tor2.stop()


@pytest.fixture
def site(build_dir, tmp_path):
    site = Site(build_dir, tmp_path)
    try:
        site.start()
        yield site
    finally:
        site.close()


def flood_tsn(switch):
    """Whom the switch sends what it floods."""
    return re.findall(r"^\s*unknown-dst -> vxlan_over_ipv4/(\S+)$",
                      switch.ctl("list-remote-macs", switch.logical_switch()),
                      re.M)


def prepare(site):
    """A server here, one there, and an agent that is ready to take over."""
    site.tor1.learns(MAC1)
    site.tor2.learns(MAC3)
    expect_remote(site.tor1, {MAC3: site.tor2.address})
    expect_remote(site.tor2, {MAC1: site.tor1.address})
    site.expect_paths(MAC1, (100, "a0"), (1, "a1"))
    assert site.role(0) == "active"
    wait_until(lambda: site.role(1) == "standby", TIMEOUT, "a standby agent")
    tor, = site.agents[1].ask("show", "tors")["tors"]
    assert tor["state"] == "another agent serves the switch"
    assert site.agents[1].status()["tors_up"] == 1
    assert flood_tsn(site.tor1) == [TSNS[0]]


def take_over(site, n):
    """The switch finds the other agent."""
    site.connect(0, "remove")
    site.connect(1)
    site.expect_paths(MAC1, (100, "a1"))
    wait_until(lambda: flood_tsn(site.tor1) == [TSNS[1]], TIMEOUT,
               "the other TSN")
    # Nothing went for a moment: not a row of the other switch, and of this
    # one's the locator set alone was replaced.
    assert site.tor2.changes() == n[1], site.tor2.seen()
    assert ",delete," not in site.tor1.seen()
    assert site.role(1) == "active"


def test_active_agent__killed__its_macs_stay_until_the_other_has_them(site):
    prepare(site)
    n = [tor.changes() for tor in (site.tor1, site.tor2)]
    with Watch(site, MAC1) as watch:
        site.agents[0].kill()
        site.expect_paths(MAC1, (1, "a1"))
        assert site.tor1.changes() == n[0]
        take_over(site, n)
    assert not watch.n_missing

    # A MAC that is learnt meanwhile, and the agent that is back stands by.
    site.tor1.learns(MAC2)
    expect_remote(site.tor2, {MAC1: site.tor1.address,
                              MAC2: site.tor1.address})
    site.agents[0].start()
    site.expect_paths(MAC1, (1, "a0"), (100, "a1"))
    site.expect_paths(MAC2, (1, "a0"), (100, "a1"))
    wait_until(lambda: site.role(0) == "standby", TIMEOUT, "a standby agent")


def test_active_agent__stopped__hands_over(site):
    prepare(site)
    n = [tor.changes() for tor in (site.tor1, site.tor2)]
    with Watch(site, MAC1) as watch:
        site.agents[0].stop()
        site.expect_paths(MAC1, (1, "a1"))
        assert site.tor1.changes() == n[0]
        take_over(site, n)
    assert not watch.n_missing


def test_switch__moves_to_the_other_agent__both_alive(site):
    prepare(site)
    n = [tor.changes() for tor in (site.tor1, site.tor2)]
    with Watch(site, MAC1) as watch:
        site.connect(0, "remove")
        site.connect(1)
        # Above what the first one announces, which yields at once.
        site.expect_paths(MAC1, (1, "a0"), (100, "a1"))
    assert not watch.n_missing
    assert site.tor2.changes() == n[1], site.tor2.seen()
    wait_until(lambda: site.role(0) == "standby", TIMEOUT, "a standby agent")


def test_mac__moves_while_copied__copy_goes(site):
    prepare(site)
    site.agents[0].kill()
    site.expect_paths(MAC1, (1, "a1"))
    site.tor2.learns(MAC1)
    site.expect_paths(MAC1, (100, "tor2"))
