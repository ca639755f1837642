# SPDX-License-Identifier: Apache-2.0
"""Several switches in one agent, none of them with more than a database: what
one has learnt the others are told."""

import pytest

from lab import wait_until
from lab.hosts import Server

N_SWITCHES = 8
SOON_S = 5


@pytest.fixture(scope="module")
def lab(new_lab):
    lab = new_lab
    lab.switches.clear()
    lab.servers.clear()
    lab.make_underlay()
    for i in range(N_SWITCHES):
        switch = lab.add_fake_switch(f"sw{i}", f"10.0.0.{30 + i}", ["p1"])
        lab.servers.append(Server(lab, f"server{i}", mac_of(i),
                                  f"192.0.2.{30 + i}", switch, "p1"))
    lab.make_compute()
    lab.start_services()
    lab.wait_ready()
    return lab


def mac_of(i):
    return f"02:aa:00:00:00:{i:02x}"


def network_of(switch):
    network, = switch.rows("Logical_Switch")
    return network["name"]


def remote(switch, mac):
    """The VTEP behind which a switch is told a MAC is."""
    return {m.lower(): vtep
            for (_, m), vtep in switch.remote_macs().items()}.get(mac)


def wait_remote(switches, mac, vtep, timeout=SOON_S):
    for switch in switches:
        wait_until(lambda: remote(switch, mac) == vtep, timeout,
                   f"{mac} behind {vtep} in the database of {switch.name}")


def test_network__bound_port__is_made_with_its_vni(lab):
    for switch in lab.switches:
        network, = switch.rows("Logical_Switch")
        port, = switch.rows("Physical_Port")
        assert network["tunnel_key"] == lab.network.vni
        assert port["vlan_bindings"] == {0: network["_uuid"]}
        assert switch.flood_rows() == {
            (network["name"], "unknown-dst"): {lab.tsn_address}}


def test_mac__learnt_and_forgotten__others_are_told(lab):
    first, *others = lab.switches
    first.learn(network_of(first), mac_of(0))
    wait_remote(others, mac_of(0), first.address)
    assert remote(first, mac_of(0)) is None
    first.forget(network_of(first), mac_of(0))
    wait_remote(others, mac_of(0), None)


def test_mac__moves__others_follow(lab):
    old, new, *others = lab.switches
    old.learn(network_of(old), mac_of(1))
    wait_remote([new, *others], mac_of(1), old.address)
    new.learn(network_of(new), mac_of(1))
    wait_remote([old, *others], mac_of(1), new.address)
    old.forget(network_of(old), mac_of(1))
    wait_remote([old, *others], mac_of(1), new.address)
    assert remote(new, mac_of(1)) is None
    new.forget(network_of(new), mac_of(1))
    wait_remote([old, *others], mac_of(1), None)


def test_flood__switch_announces_itself__gets_copies(lab):
    switch = lab.switches[2]
    network = network_of(switch)
    assert switch.address not in lab.tsnctl("show", "flood")
    switch.vtep_ctl("add-mcast-local", network, "unknown-dst", switch.address)
    wait_until(lambda: switch.address in lab.tsnctl("show", "flood"), SOON_S,
               f"{switch.name} in the flood list")
    switch.vtep_ctl("del-mcast-local", network, "unknown-dst", switch.address)
    wait_until(lambda: switch.address not in lab.tsnctl("show", "flood"),
               SOON_S, f"{switch.name} out of the flood list")


def test_switch__gone_for_a_while__others_do_not_notice(lab):
    gone, speaker, *others = lab.switches
    gone.ovsdb.kill()
    speaker.learn(network_of(speaker), mac_of(3))
    wait_remote(others, mac_of(3), speaker.address)
    gone.start_database()
    wait_remote([gone], mac_of(3), speaker.address, timeout=10)
    speaker.forget(network_of(speaker), mac_of(3))
    wait_remote([gone, *others], mac_of(3), None)
