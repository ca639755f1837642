# SPDX-License-Identifier: Apache-2.0
"""Several switches in one database, as behind Arista's CVX: one ToR of the
agent, of which each switch is known by its name, its ports and its VTEP."""

import json

import pytest

from lab import FakeSwitch, wait_until
from lab.cloud import Cloud, content, make_lab

SOON_S = 5
HOST = "10.0.0.21"
VM = "02:cc:00:00:00:01"
SERVER = "02:aa:00:00:00:01"
OTHER_SERVER = "02:aa:00:00:00:02"
LATE_SERVER = "02:aa:00:00:00:03"


class Controller(FakeSwitch):
    """The database of two switches, neither of which has its name."""

    def __init__(self, lab, name, address, members):
        super().__init__(lab, name, address, ["p1", "p2"])
        self.members = members
        self.settings = {"switches": list(members), "profile": "arista"}


@pytest.fixture(scope="module")
def lab(new_lab):
    lab = new_lab
    cvx = Controller(lab, "cvx", "10.0.0.30", {"leaf1": "10.0.0.31",
                                               "leaf2": "10.0.0.32"})
    tor = FakeSwitch(lab, "tor", "10.0.0.40", ["p1"])
    make_lab(lab, [cvx, tor])
    cloud = Cloud(lab)
    cloud.networks = {"both": 100, "first": 200, "second": 300}
    cloud.ports = {("leaf1", "p1", 10): "both", ("leaf2", "p1", 10): "both",
                   ("leaf1", "p2", 20): "first", ("leaf2", "p2", 20): "second",
                   ("tor", "p1", 10): "both", ("tor", "p1", 20): "first",
                   ("tor", "p1", 30): "second"}
    cloud.hosts = {"compute1": HOST}
    cloud.machines = {(network, VM): "compute1" for network in cloud.networks}
    lab.start_services()
    yield lab


@pytest.fixture(autouse=True)
def served(lab):
    """So each test finds and leaves the databases."""
    for switch in lab.switches:
        lab.cloud.wait_served(switch, 20)
    yield
    for switch in lab.switches:
        lab.cloud.wait_served(switch, SOON_S)


def routes(lab, mac):
    """The VTEPs behind which the ToR outside is told that a MAC is, by VNI."""
    return {vni: vtep for vni, m, vtep in content(lab.switches[1])["macs"]
            if m == mac}


def wait_route(lab, mac, vnis, timeout=SOON_S):
    wait_until(lambda: routes(lab, mac) == vnis, timeout,
               f"{mac} behind {vnis}", log=lab.service("tsn-tor-agent").log)


def cvx_status(lab):
    tor, = [tor for tor in lab.tsnctl("show", "tors", as_json=True)["tors"]
            if tor["tor"] == "cvx"]
    return tor["ovsdb"]


def alarms(lab):
    return {alarm["alarm"] for alarm in lab.tsnctl(
        "tor", "alarms", "cvx", as_json=True)["alarms"]}


def write_learnt(cvx, network, mac, vtep, op):
    """The switch that has heard the server last says so: in the row that is
    there, or in one more."""
    ls, = [["uuid", row["_uuid"]] for row in cvx.rows("Logical_Switch")
           if row["name"] == network]
    before, locator = cvx.locator(vtep)
    row = {"locator": locator}
    where = [["MAC", "==", mac], ["logical_switch", "==", ls]]
    if op == "insert":
        row |= {"MAC": mac, "logical_switch": ls}
    cvx.transact(*before, {"op": op, "table": "Ucast_Macs_Local", "row": row,
                           **({} if op == "insert" else {"where": where})})


def test_ports__of_both_switches__are_bound(lab):
    """Of one network there is one row, whoever has it."""
    cvx, _ = lab.switches
    found = content(cvx)
    assert found["networks"] == [100, 200, 300]
    assert ("leaf1", "p1", 10, 100) in found["bindings"]
    assert ("leaf2", "p1", 10, 100) in found["bindings"]
    assert ("leaf2", "p2", 20, 300) in found["bindings"]
    assert not alarms(lab)


def test_macs__learnt_on_each__are_routes_with_its_vtep(lab):
    cvx, tor = lab.switches
    cloud = lab.cloud
    cloud.learn(cvx, "both", SERVER, "leaf1")
    cloud.learn(cvx, "both", OTHER_SERVER, "leaf2")
    cloud.learn(cvx, "second", SERVER, "leaf2")
    wait_route(lab, SERVER, {100: "10.0.0.31", 300: "10.0.0.32"})
    wait_route(lab, OTHER_SERVER, {100: "10.0.0.32"})
    # Neither comes back as a remote one to where both are.
    cloud.wait_served(cvx, SOON_S)
    cloud.learn(tor, "first", OTHER_SERVER)
    wait_until(lambda: (200, OTHER_SERVER, tor.address)
               in content(cvx)["macs"], SOON_S, "a MAC from outside")
    for network, mac in list(cloud.learnt):
        cloud.forget(tor if network == "first" else cvx, network, mac)
    wait_route(lab, SERVER, {})
    wait_route(lab, OTHER_SERVER, {})


def test_floods__of_each__are_told(lab):
    """Each announces itself, and floods reach both."""
    cvx, _ = lab.switches
    network = lab.cloud.ls_name(cvx, "both")
    for vtep in cvx.members.values():
        cvx.vtep_ctl("add-mcast-local", network, "unknown-dst", vtep)
    wait_until(lambda: all(vtep in lab.tsnctl("show", "flood")
                           for vtep in cvx.members.values()), SOON_S,
               "both switches in the flood list")
    cvx.vtep_ctl("del-mcast-local", network, "unknown-dst", "10.0.0.31")
    wait_until(lambda: "10.0.0.31" not in lab.tsnctl("show", "flood"),
               SOON_S, "one switch out of the flood list")
    assert "10.0.0.32" in lab.tsnctl("show", "flood")
    cvx.vtep_ctl("del-mcast-local", network, "unknown-dst", "10.0.0.32")


def test_mac__moves_between_switches_of_one_database__route_follows(lab):
    cvx, _ = lab.switches
    cloud = lab.cloud
    cloud.learn(cvx, "both", SERVER, "leaf1")
    wait_route(lab, SERVER, {100: "10.0.0.31"})
    network = cloud.ls_name(cvx, "both")
    for member in ("leaf2", "leaf1", "leaf2"):
        write_learnt(cvx, network, SERVER, cvx.members[member], "update")
        cloud.learnt["both", SERVER] = member
        wait_route(lab, SERVER, {100: cvx.members[member]})
    # As a new row, the old one still being there.
    cloud.learn(cvx, "both", OTHER_SERVER, "leaf1")
    wait_route(lab, OTHER_SERVER, {100: "10.0.0.31"})
    old, = [row["_uuid"] for row in cvx.rows("Ucast_Macs_Local")
            if row["MAC"] == OTHER_SERVER]
    write_learnt(cvx, network, OTHER_SERVER, "10.0.0.32", "insert")
    cvx.transact({"op": "delete", "table": "Ucast_Macs_Local",
                  "where": [["_uuid", "==", ["uuid", old]]]})
    cloud.learnt["both", OTHER_SERVER] = "leaf2"
    wait_route(lab, OTHER_SERVER, {100: "10.0.0.32"})
    assert "duplicate-mac" not in alarms(lab)
    for mac in (SERVER, OTHER_SERVER):
        cloud.forget(cvx, "both", mac)
        wait_route(lab, mac, {})


def test_mac__moves_out_and_back__route_follows(lab):
    cvx, tor = lab.switches
    cloud = lab.cloud
    cloud.learn(cvx, "both", SERVER, "leaf2")
    wait_route(lab, SERVER, {100: "10.0.0.32"})
    tor.learn(cloud.ls_name(tor, "both"), SERVER)
    wait_until(lambda: (100, SERVER, tor.address) in content(cvx)["macs"],
               SOON_S, "the MAC behind the other ToR")
    cloud.forget(cvx, "both", SERVER)
    cloud.learnt["both", SERVER] = "tor"
    cloud.wait_served(cvx, SOON_S)
    cloud.forget(tor, "both", SERVER)
    cloud.learn(cvx, "both", SERVER, "leaf1")
    wait_route(lab, SERVER, {100: "10.0.0.31"})
    cloud.forget(cvx, "both", SERVER)
    wait_route(lab, SERVER, {})


def test_switch__vanishes_and_returns__other_is_served_meanwhile(lab):
    cvx, tor = lab.switches
    cloud = lab.cloud
    since = cvx_status(lab)["since"]
    cloud.learn(cvx, "both", SERVER, "leaf1")
    cloud.learn(cvx, "first", SERVER, "leaf1")
    cloud.learn(cvx, "both", LATE_SERVER, "leaf2")
    wait_route(lab, SERVER, {100: "10.0.0.31", 200: "10.0.0.31"})
    wait_route(lab, LATE_SERVER, {100: "10.0.0.32"})
    cvx.vtep_ctl("del-ps", "leaf2")
    wait_until(lambda: "switch-missing" in alarms(lab), SOON_S,
               "alarm switch-missing")
    assert "leaf2" in cvx_status(lab)["lacks"]
    diff = json.dumps(lab.tsnctl("tor", "diff", "cvx", as_json=True))
    assert "the database has no such switch" in diff

    # The one that is there is served, in the networks of both, in its own,
    # and in a new one.
    cloud.networks["new"] = 400
    cloud.ports |= {("leaf1", "p2", 30): "new", ("leaf2", "p2", 30): "new",
                    ("tor", "p1", 40): "new"}
    cloud.tell()
    lost = {key: cloud.ports.pop(key) for key in list(cloud.ports)
            if key[0] == "leaf2"}
    # It has no port in there, but may come back any time.
    cloud.ports["leaf1", "p2", 0] = "second"
    wanted = cloud.wanted(cvx)
    del cloud.ports["leaf1", "p2", 0]
    wanted["bindings"].remove(("leaf1", "p2", 0, 300))
    wait_until(lambda: content(cvx) == wanted, SOON_S,
               "the other switch to be served")
    for network in ("both", "new"):
        cloud.learn(tor, network, OTHER_SERVER)
        vni = cloud.networks[network]
        wait_until(lambda: (vni, OTHER_SERVER, tor.address)
                   in content(cvx)["macs"], SOON_S, "a MAC from outside")
        cloud.forget(tor, network, OTHER_SERVER)
    assert routes(lab, SERVER) == {100: "10.0.0.31", 200: "10.0.0.31"}
    cloud.forget(cvx, "first", SERVER)
    wait_route(lab, SERVER, {100: "10.0.0.31"})

    cloud.ports |= lost
    cvx.vtep_ctl("add-ps", "leaf2", "--", "set", "Physical_Switch", "leaf2",
                 "tunnel_ips=10.0.0.32")
    for port in cvx.ports:
        cvx.vtep_ctl("add-port", "leaf2", port)
    cloud.wait_served(cvx, SOON_S)
    wait_until(lambda: not alarms(lab), SOON_S, "the alarm to be cleared")
    assert cvx_status(lab)["since"] == since
    cloud.learn(cvx, "both", OTHER_SERVER, "leaf2")
    wait_route(lab, OTHER_SERVER, {100: "10.0.0.32"})
    for mac in (SERVER, OTHER_SERVER, LATE_SERVER):
        cloud.forget(cvx, "both", mac)
        wait_route(lab, mac, {})


def test_address__of_one_switch_is_not_there_yet__its_macs_wait(lab):
    """A switch without tunnel_ips is not told MACs, which could be its own:
    those of the networks that it has wait, others do not (J.14)."""
    cvx, tor = lab.switches
    cloud = lab.cloud
    cvx.vtep_ctl("clear", "Physical_Switch", "leaf2", "tunnel_ips")
    cloud.learn(tor, "first", SERVER)
    wait_until(lambda: (200, SERVER, tor.address) in content(cvx)["macs"],
               SOON_S, "a MAC in a network without the switch")
    cloud.learn(tor, "second", SERVER)
    wait_until(lambda: "the switch has no tunnel_ips" in json.dumps(
        lab.tsnctl("tor", "diff", "cvx", as_json=True)), SOON_S,
        "tor diff to say what is missing")
    assert (300, SERVER, tor.address) not in content(cvx)["macs"]
    cvx.vtep_ctl("set", "Physical_Switch", "leaf2", "tunnel_ips=10.0.0.32")
    cloud.wait_served(cvx, SOON_S)
    for network in ("first", "second"):
        cloud.forget(tor, network, SERVER)
