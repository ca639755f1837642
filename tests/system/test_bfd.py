# SPDX-License-Identifier: Apache-2.0
"""A switch that watches its service nodes by BFD inside VXLAN.  The switch is
ovs-vtep on Open vSwitch, and so is the BFD of the nodes."""

import re
import signal
import time

import pytest

from lab import wait_until
from lab.base import LabError, run
from lab.bfdnode import BFD_MS, BfdNode

NODES = ("10.0.0.101", "10.0.0.102")
# ovs-vtep reads and writes its database once a second.
SOON_S = 20


@pytest.fixture(scope="module")
def lab(new_lab):
    lab = new_lab
    del lab.switches[1:], lab.servers[1:]
    lab.tor_agent = {"profile": "ovs-vtep", "tsns": list(NODES),
                     "bfd": {"min-rx": BFD_MS, "min-tx": BFD_MS}}
    lab.make_underlay()
    lab.make_switches()
    lab.nodes = [BfdNode(lab, f"node{i}", address).create(lab.switches)
                 for i, address in enumerate(NODES)]
    lab.start_services(("tsn-controller", "tsn-tor-agent"))
    return lab


def tunnels(lab):
    entry, = lab.tsnctl("show", "rows", as_json=True)["tors"]
    return {t["node"]: t for t in entry["tunnels"]}


def flood(switch):
    vteps = [v for (_, mac), v in switch.flood_rows().items()
             if mac == "unknown-dst"]
    assert len(vteps) <= 1
    return vteps[0] if vteps else set()


def own_view(switch, node):
    """State and interval of the BFD session as the switch's own datapath has
    them, which is what a switch forwards by."""
    text = run("ovs-appctl", "-t", switch.dir / "vswitchd.ctl", "bfd/show",
               f"bfd{node}", env=switch.env, ok=(0, 2))
    state = re.search(r"Local Session State: (\w+)", text)
    interval = re.search(r"\bRX Interval: Approx (\d+)ms", text)
    return (state and state.group(1), interval and int(interval.group(1)))


def wait_bfd(lab, node, state):
    wait_until(lambda: tunnels(lab)[node]["bfd"] == state, SOON_S,
               f"BFD {state} with {node}",
               log=lab.service("tsn-tor-agent").log)


def fail_over(lab, dead, heir, record):
    """'dead' dies: how long until the switch knows, and until 'heir' gets its
    floods, without a moment in which nobody does."""
    switch, = lab.switches
    wait_bfd(lab, dead.address, "up")
    wait_until(lambda: own_view(switch, dead.address) == ("up", BFD_MS),
               SOON_S, f"BFD each {BFD_MS} ms")
    assert flood(switch) == {dead.address}
    start = time.monotonic()
    dead.vswitchd.signal(signal.SIGKILL)
    wait_until(lambda: own_view(switch, dead.address)[0] != "up", SOON_S,
               "the switch's own BFD to notice", interval=0.01)
    detected = time.monotonic() - start

    seen = []

    def moved():
        seen.append(flood(switch))
        return seen[-1] == {heir.address}

    wait_until(moved, SOON_S, f"the flood row to lead to {heir.address}",
               log=lab.service("tsn-tor-agent").log)
    total = time.monotonic() - start
    wait_until(lambda: "service-node-down" in {
        alarm["alarm"] for alarm in lab.tsnctl(
            "alarms", as_json=True)["tsn-tor-agent"]["alarms"]},
        SOON_S, "the alarm that a service node is lost")
    assert all(vteps in ({dead.address}, {heir.address}) for vteps in seen)
    dead.kill()
    record("bfd_detection_s", round(detected, 2))
    record("flood_row_moved_s", round(total, 2))
    print(f"detected after {detected:.2f} s, moved after {total:.2f} s")
    # Three times 300 ms, not counting the time that a look takes.
    assert detected < 1.2
    wait_bfd(lab, heir.address, "up")


def test_service_node__dies__floods_go_to_its_partner(
        lab, record_testsuite_property):
    first, second = lab.nodes
    wait_until(lambda: flood(lab.switches[0]) == {first.address}, SOON_S,
               "the flood row")
    fail_over(lab, first, second, record_testsuite_property)
    # A switch that has no traffic for a node may end its session: nothing is
    # known of the first one, and the second one works.
    first.start()
    assert flood(lab.switches[0]) == {second.address}
    fail_over(lab, second, first, record_testsuite_property)


def test_profiles__all_and_one__are_shown(lab):
    profiles = {p["name"]: p for p in lab.tsnctl("tor", "profile",
                                                 as_json=True)["profiles"]}
    assert profiles["generic"]["flood_row"] == "one service node"
    assert profiles["qfx5k"]["reserved_vlans"] == [1, 2, 4094]
    one, = lab.tsnctl("tor", "profile", "qfx5k", as_json=True)["profiles"]
    assert one == profiles["qfx5k"]
    with pytest.raises(LabError, match="there is no profile"):
        lab.tsnctl("tor", "profile", "qfx")
