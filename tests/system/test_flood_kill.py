# SPDX-License-Identifier: Apache-2.0
"""tsn-replicator is killed again and again, and started again, while frames
are flooded as fast as their copies come back: no copy is lost, none is made
twice."""

import contextlib
import time

import pytest

from lab import run, wait_until
from lab.agent import Agent
from lab.floods import FloodLoad
from lab.netns import Namespace, connect

TIMEOUT = 30
KILLS = 3
DOWN_S = 1
BLUE = "default-domain:default-project:blue:blue"
VNI = 100
ID = 7
AGENT = "10.0.0.21"
NODE, NODE_MAC = "10.5.0.1", "02:00:00:00:05:01"
PEER, PEER_MAC = "10.5.0.2", "02:00:00:00:05:02"
# The first one sends.
SWITCHES = [f"10.7.0.{i}" for i in range(1, 10)]
TAKEN_OVER = "took over from the process before"


class Site:
    """A replicator, whose underlay is a veth of its own to namespace "cloud",
    where the switches are."""

    def __init__(self, lab):
        self.lab = lab
        lab.make_underlay()
        self.cloud = Namespace(lab.state, "cloud").create()
        lab.plug(self.cloud, AGENT)
        connect(lab.tsn_ns, "u0", self.cloud, "p0")
        for ns, name, mac, address in (
                (lab.tsn_ns, "u0", NODE_MAC, NODE),
                (self.cloud, "p0", PEER_MAC, PEER)):
            ns.ip("link", "set", name, "address", mac)
            ns.ip("address", "add", f"{address}/24", "dev", name)
            # Both ends must take frames of XDP programs of the other.
            ns.run("ethtool", "-K", name, "gro", "on")
        lab.tsn_ns.ip("route", "add", "10.7.0.0/16", "via", PEER)
        self.pins = lab.state.dir / "bpf"
        self.pins.mkdir()
        run("mount", "-t", "bpf", "bpf", self.pins)
        self.start("tsn-controller", lab.controller_ns, {
            "name": "ctrl1", "listen": "0.0.0.0:5269",
            "networks": [{"name": "blue", "vni": VNI, "id": ID}],
            "switches": [{"name": "tor1", "vtep": SWITCHES[0],
                          "agent": "tor1-agent",
                          "ports": [{"name": "p1", "network": "blue"}]}],
            "tsns": [{"name": "tsn1", "address": NODE}]})
        self.start("tsn-replicator", lab.tsn_ns, {
            "controllers": [lab.controller_address],
            "replicator": {"name": "tsn1", "address": NODE,
                           "labels": "5000-5999", "engine": "ebpf"}})
        self.agent = wait_until(
            lambda: Agent(self.cloud, "tor1-agent", AGENT,
                          lab.controller_address), TIMEOUT, "a session")
        self.agent.subscribe(BLUE, ID)
        for switch in SWITCHES:
            self.agent.announce(BLUE, switch, VNI, VNI, "vxlan",
                                replicator=NODE)

    def start(self, program, namespace, config):
        """The programs outlive the process in a BPF file system, which no
        namespace of "ip netns" has."""
        shell = f"mount --bind {self.pins} /sys/fs/bpf && exec \"$@\""
        self.lab.start_own(namespace, program, config,
                           wrapper=("sh", "-c", shell, "sh"))

    def ask(self, *words):
        return self.lab.tsnctl(*words, as_json=True)

    def floods_to_all(self):
        sets = self.ask("flood", "show")
        status = self.ask("status")["tsn-replicator"]["forwarder"]
        return (sets and len(sets[0]["members"]) == len(SWITCHES)
                and not status["unresolved"] and status)

    def close(self):
        self.agent.close()


@pytest.fixture(scope="module")
def site(new_lab):
    site = Site(new_lab)
    yield site
    site.close()


def test_replicator__killed_while_flooding__no_copy_lost(site):
    load = FloodLoad(site.lab, site.cloud, "p0", PEER_MAC, NODE, NODE_MAC,
                     SWITCHES[0], SWITCHES[1], len(SWITCHES) - 1, VNI)
    with contextlib.closing(load):
        status = wait_until(site.floods_to_all, TIMEOUT, "the flood set")
        assert status["engine"] == "ebpf" and status["pinned"]
        start = time.monotonic()
        load.ask()
        for kill in range(1, KILLS + 1):
            time.sleep(DOWN_S)
            site.lab.service("tsn-replicator").kill()
            before = load.ask()
            time.sleep(DOWN_S)
            # It floods without the process ...
            assert load.ask()["copies"] > before["copies"]
            site.lab.service("tsn-replicator").start()
            wait_until(lambda: site.lab.service("tsn-replicator").log_text()
                       .count(TAKEN_OVER) == kill, TIMEOUT, "the take-over")
            before = load.ask()
            # ... and by the programs of the next one.
            wait_until(lambda: load.ask()["copies"] > before["copies"]
                       + 10000, TIMEOUT, "frames to go on")
        seconds = time.monotonic() - start
        result = load.finish()
    print(result, f"{result['frames'] / seconds:.0f} frames/s")
    assert (result["lost"], result["twice"], result["bad"]) == (0, 0, 0)
    assert result["copies"] == result["frames"] * (len(SWITCHES) - 1)
