# SPDX-License-Identifier: Apache-2.0
"""Switches have their own mind: each quirk that is known of real ones, played
by a proxy in front of a real database.  The operator is told the reason, other
networks of the switch are served meanwhile, and once the switch lets it, it
has what it should have and no row more."""

import json
import re

import pytest

from lab import FakeSwitch, wait_until
from lab.cloud import Cloud, content, make_lab, reload, remove_all
from lab.proxy import BadSwitch, bound_vlans, is_write

SOON_S = 5
# A row that was refused twice is tried again after 1 s and after 2 s more.
BACKED_OFF_S = 3 + SOON_S
# A session that was cut comes back after the longest back-off.
RECONNECT_S = 10
LOCAL_ROWS_S = 30       # LOCAL_ROWS_MS of ovsdb-client/profile.c.
HOST = "10.0.0.21"
MAC = "02:cc:00:00:00:01"
LEARNT = "02:aa:00:00:00:01"


@pytest.fixture(scope="module")
def lab(new_lab):
    lab = new_lab
    switches = [FakeSwitch(lab, f"sw{i}", f"10.0.0.{30 + i}", ["p1", "p2"])
                for i in range(2)]
    for switch in switches:
        switch.settings = {"max-backoff": 1000}
    make_lab(lab, switches)
    Cloud(lab).hosts["compute1"] = HOST
    restore(lab)
    lab.bad = BadSwitch(switches[0])
    try:
        lab.start_services(("tsn-controller", "tsn-tor-agent"))
        for switch in switches:
            lab.cloud.wait_served(switch, 30)
        yield lab
    finally:
        lab.bad.close()


def restore(lab):
    """What each test finds: network "blue", which nobody touches, and one
    that has a name of digits only."""
    cloud = lab.cloud
    cloud.networks = {"blue": 100, "4711": 200}
    cloud.ports = {(switch.name, "p1", vlan): network
                   for switch in lab.switches
                   for vlan, network in ((10, "blue"), (20, "4711"))}
    cloud.machines = {(network, MAC): "compute1"
                      for network in cloud.networks}
    lab.switches[0].settings["profile"] = "generic"


@pytest.fixture(autouse=True)
def restored(lab):
    yield
    lab.bad.calm()
    restore(lab)
    lab.cloud.tell()
    reload(lab.service("tsn-tor-agent"))
    lab.tsnctl("tor", "resync", "sw0")
    for switch in lab.switches:
        lab.cloud.wait_served(switch, RECONNECT_S)
    wait_until(lambda: not diff(lab), SOON_S, "nothing to be left to do")


def diff(lab):
    tor, = lab.tsnctl("tor", "diff", "sw0", as_json=True)["tors"]
    return tor["diff"]


def alarms(lab):
    return lab.tsnctl("tor", "alarms", "sw0", as_json=True)["alarms"]


def ovsdb(lab):
    tor, = [tor for tor in lab.tsnctl("show", "tors", as_json=True)["tors"]
            if tor["tor"] == "sw0"]
    return tor["ovsdb"]


def use_profile(lab, profile):
    lab.switches[0].settings["profile"] = profile
    lab.write_config()
    reload(lab.service("tsn-tor-agent"))


def wait_told(lab, words, alarm):
    """The operator sees why, in both places where he would look."""
    wait_until(lambda: words in json.dumps(diff(lab)), SOON_S,
               f"tor diff to say '{words}'")
    wait_until(lambda: alarm in {a["alarm"] for a in alarms(lab)}, SOON_S,
               f"alarm {alarm}")


def check_blue(lab):
    """A MAC of network "blue" comes to the switch, and goes again."""
    cloud, (bad, good) = lab.cloud, lab.switches

    def is_told():
        return (100, LEARNT, good.address) in content(bad)["macs"]

    cloud.learn(good, "blue", LEARNT)
    wait_until(is_told, SOON_S, "the switch to be told a MAC")
    cloud.forget(good, "blue", LEARNT)
    wait_until(lambda: not is_told(), SOON_S,
               "the switch to be told that a MAC is gone")


# VNIs.

def taken_vni(switch, operation):
    """As Junos: no two networks with one VNI, whatever comes later in the
    transaction (Launchpad 1466731)."""
    vni = operation.get("row", {}).get("tunnel_key")
    if not is_write(operation, "Logical_Switch") or not vni:
        return None
    here = operation.get("where", [[None, None, [None, None]]])[0][2][1]
    for row in switch.rows("Logical_Switch"):
        if row["tunnel_key"] == vni and row["_uuid"] != here:
            return f"VNI {vni} is in use by {row['name']}"
    return None


def test_vnis__swapped_on_switch_that_looks_row_by_row(lab):
    """With the wrong profile it refuses that for ever, and says why; with the
    right one it is not even asked."""
    cloud, (bad, good) = lab.cloud, lab.switches
    cloud.networks["red"] = 300
    cloud.ports |= {(s.name, "p2", 30): "red" for s in lab.switches}
    cloud.tell()
    cloud.wait_served(bad, SOON_S)

    lab.bad.refuse = lambda operation: taken_vni(bad, operation)
    use_profile(lab, "ovs-vtep")
    cloud.networks |= {"red": 200, "4711": 300}
    cloud.tell()
    wait_told(lab, "is in use by", "refused")
    check_blue(lab)
    cloud.wait_served(good, SOON_S)

    use_profile(lab, "qfx5k")
    cloud.wait_served(bad, SOON_S)
    n_refused = lab.bad.n_refused
    cloud.networks |= {"red": 300, "4711": 200}
    cloud.tell()
    cloud.wait_served(bad, SOON_S)
    assert lab.bad.n_refused == n_refused


def test_vni__refused_twice_as_the_hardware_has_it__is_tried_again(lab):
    """The row of the old network has gone from the database, what it stands
    for takes longer."""
    cloud, (bad, _) = lab.cloud, lab.switches
    words = "VNI 200 is still in the forwarding table"
    refused = []

    def refuse(operation):
        if (is_write(operation, "Logical_Switch", "insert")
                and operation["row"].get("tunnel_key") == 200
                and len(refused) < 2):
            refused.append(operation)
            return words
        return None

    lab.bad.refuse = refuse
    del cloud.networks["4711"]
    cloud.networks["red"] = 200
    cloud.machines = {("blue", MAC): "compute1", ("red", MAC): "compute1"}
    cloud.ports |= {(s.name, "p1", 20): "red" for s in lab.switches}
    cloud.tell()
    wait_told(lab, words, "refused")
    check_blue(lab)
    cloud.wait_served(bad, BACKED_OFF_S)
    assert len(refused) == 2
    wait_until(lambda: not alarms(lab), SOON_S, "the alarm to be cleared")


def test_learnt_rows__switch_never_removes_them__are_forced(lab):
    """A network goes, what the switch learnt in it stays (Launchpad 1466312,
    1696851); meanwhile another network is to have its VNI.  The switch even
    refuses, twice, to have them removed."""
    cloud, (bad, good) = lab.cloud, lab.switches
    words = "these rows are mine"
    refused = []

    def refuse(operation):
        if is_write(operation, "Ucast_Macs_Local") and len(refused) < 2:
            refused.append(operation)
            return words
        return None

    for i in range(3):
        cloud.learn(bad, "4711", f"02:ab:00:00:00:{i:02x}")
    cloud.wait_served(good, SOON_S)
    name = cloud.ls_name(bad, "4711")
    lab.bad.refuse = refuse
    del cloud.networks["4711"]
    cloud.networks["red"] = 200
    cloud.machines = {("blue", MAC): "compute1"}
    cloud.learnt.clear()
    cloud.ports |= {(s.name, "p1", 20): "red" for s in lab.switches}
    cloud.tell()
    # Where nothing is in the way there is nothing to wait for.
    cloud.wait_served(good, SOON_S)
    wait_told(lab, "the switch still has learnt rows", "vni-conflict")
    assert f"the VNI is taken: {name}" in json.dumps(diff(lab))
    check_blue(lab)

    wait_until(lambda: refused, LOCAL_ROWS_S + SOON_S,
               "the learnt rows to be removed by force")
    wait_told(lab, words, "refused")
    check_blue(lab)
    cloud.wait_served(bad, BACKED_OFF_S)
    assert not bad.rows("Ucast_Macs_Local")


# Names and VLANs.

def test_names__of_digits__are_never_written(lab):
    """The network's name in the cloud is one (Launchpad 1411795)."""
    asked = []

    def refuse(operation):
        if is_write(operation, "Logical_Switch", "insert", "update"):
            asked.append(operation["row"].get("name", "x"))
            return "a name must not be a number" if asked[-1].isdigit() \
                else None
        return None

    lab.bad.refuse = refuse
    remove_all(lab.switches[0])
    lab.cloud.wait_served(lab.switches[0], SOON_S)
    assert len(asked) == len(lab.cloud.networks)
    assert not [name for name in asked if name.isdigit()]


def reserved_vlan(operation):
    bad = bound_vlans(operation) & {1, 2, 4094}
    return f"VLAN {min(bad)} is reserved" if bad else None


@pytest.mark.parametrize("vlan", [2, 4094])
def test_vlan__reserved__others_of_the_port_are_bound(lab, vlan):
    """Held back by the right profile, refused by the switch with the wrong
    one (Launchpad 1463268)."""
    cloud, (bad, _) = lab.cloud, lab.switches
    lab.bad.refuse = reserved_vlan
    use_profile(lab, "qfx5k")
    cloud.networks["red"] = 300
    cloud.ports |= {("sw0", "p2", vlan): "4711", ("sw0", "p2", 30): "red",
                    ("sw0", "p2", 40): "blue"}
    n_refused = lab.bad.n_refused
    cloud.tell()
    wait_told(lab, "the switch keeps this VLAN for itself (profile qfx5k)",
              "against-profile")
    wait_without(lab, ("sw0", "p2", vlan))
    check_blue(lab)
    assert lab.bad.n_refused == n_refused

    use_profile(lab, "schema")
    wait_told(lab, f"VLAN {vlan} is reserved", "refused")
    wait_without(lab, ("sw0", "p2", vlan))
    check_blue(lab)
    del cloud.ports["sw0", "p2", vlan]
    cloud.tell()
    cloud.wait_served(bad, SOON_S)
    wait_until(lambda: not alarms(lab), SOON_S, "the alarm to be cleared")


def wait_without(lab, port):
    """The switch has what it should have, but for one binding."""
    cloud, bad = lab.cloud, lab.switches[0]
    network = cloud.ports.pop(port)
    try:
        cloud.wait_served(bad, SOON_S)
    finally:
        cloud.ports[port] = network


def mixed_tagging(switch, operation):
    vlans = bound_vlans(operation)
    uuid = operation.get("where", [[None, None, [None, None]]])[0][2][1]
    for row in switch.rows("Physical_Port"):
        if vlans and row["_uuid"] == uuid:
            vlans |= set(row["vlan_bindings"])
            if 0 in vlans and len(vlans) > 1:
                return f"{row['name']} is either an access port or a trunk"
    return None


def test_port__tagged_and_untagged__first_one_stays(lab):
    cloud, (bad, _) = lab.cloud, lab.switches
    lab.bad.refuse = lambda operation: mixed_tagging(bad, operation)
    use_profile(lab, "qfx5k")
    n_refused = lab.bad.n_refused
    cloud.ports["sw0", "p1", 0] = "blue"
    cloud.tell()
    wait_told(lab, "the port has tagged networks", "against-profile")
    wait_without(lab, ("sw0", "p1", 0))
    check_blue(lab)
    assert lab.bad.n_refused == n_refused

    use_profile(lab, "schema")
    wait_told(lab, "p1 is either an access port or a trunk", "refused")
    wait_without(lab, ("sw0", "p1", 0))
    check_blue(lab)

    # The operator makes it an access port.
    use_profile(lab, "qfx5k")
    del cloud.ports["sw0", "p1", 10], cloud.ports["sw0", "p1", 20]
    cloud.tell()
    cloud.wait_served(bad, SOON_S)


# Replies and sessions.

def test_replies__seconds_late__are_waited_for(lab):
    cloud, (bad, good) = lab.cloud, lab.switches
    since = ovsdb(lab)["since"]
    lab.bad.reply_delay_s = 2.5
    remove_all(bad)
    cloud.machines["blue", "02:cc:00:00:00:02"] = "compute1"
    cloud.tell()
    wait_until(lambda: "sent to the switch" in json.dumps(diff(lab)), SOON_S,
               "tor diff to say what it waits for")
    cloud.wait_served(good, SOON_S)
    cloud.wait_served(bad, 4 * SOON_S)
    wait_until(lambda: ovsdb(lab)["reply_ms"] >= 2000, SOON_S,
               "tsnctl to tell how slow the switch is")
    assert ovsdb(lab)["since"] == since


@pytest.mark.parametrize("what", ["cut_requests", "cut_replies"])
def test_session__cut_in_a_transaction__nothing_is_lost_or_doubled(lab, what):
    """Twice in a row, before the switch has it, or when it has done it and
    cannot say so any more."""
    cloud, (bad, good) = lab.cloud, lab.switches
    n_cut = lab.bad.n_cut
    n_closes = len(history(lab)["closes"])
    setattr(lab.bad, what, 2)
    remove_all(bad)
    cloud.machines |= {("4711", f"02:cc:00:00:01:{i:02x}"): "compute1"
                       for i in range(250)}
    cloud.tell()
    cloud.wait_served(good, SOON_S)
    cloud.wait_served(bad, 2 * RECONNECT_S)
    assert lab.bad.n_cut == n_cut + 2
    assert "lost" in {t["result"] for t in history(lab)["transactions"]}
    assert all(close["reason"] for close in history(lab)["closes"][n_closes:])
    check_blue(lab)


def test_session__cut_before_a_reply__row_that_nobody_wants_goes(lab):
    """A MAC is written, the reply is lost, and before there is a session again
    it is not wanted any more."""
    cloud, (bad, good) = lab.cloud, lab.switches
    lab.bad.cut_replies = 1
    n_cut = lab.bad.n_cut
    cloud.learn(good, "blue", LEARNT)
    wait_until(lambda: lab.bad.n_cut > n_cut, SOON_S, "the session to be cut")
    cloud.forget(good, "blue", LEARNT)
    try:
        cloud.wait_served(bad, RECONNECT_S)
    finally:
        bad.transact({"op": "delete", "table": "Ucast_Macs_Remote",
                      "where": [["MAC", "==", LEARNT]]})


def history(lab):
    tor, = lab.tsnctl("tor", "history", "sw0", as_json=True)["tors"]
    return tor


# Rows that come from nowhere.

def test_rows__doubled_again_and_again__are_removed_and_told(lab):
    """The second ones of a MAC and of a flood row."""
    cloud, (bad, _) = lab.cloud, lab.switches
    ls, = [row for row in bad.rows("Logical_Switch")
           if row["tunnel_key"] == 200]
    mac, = [row for row in bad.rows("Ucast_Macs_Remote")
            if row["logical_switch"] == ls["_uuid"]]
    flood, = [row for row in bad.rows("Mcast_Macs_Remote")
              if row["logical_switch"] == ls["_uuid"]]
    network = ["uuid", ls["_uuid"]]

    def double():
        bad.transact(
            {"op": "insert", "table": "Ucast_Macs_Remote", "row": {
                "MAC": mac["MAC"].upper(), "logical_switch": network,
                "locator": ["uuid", mac["locator"]]}},
            {"op": "insert", "table": "Mcast_Macs_Remote", "row": {
                "MAC": "unknown-dst", "logical_switch": network,
                "locator_set": ["uuid", flood["locator_set"]]}})

    def is_told():
        return "fight" in {a["alarm"] for a in alarms(lab)}

    told = False
    for _ in range(7):
        double()
        wait_until(lambda: cloud.is_served(bad) or is_told(), SOON_S,
                   "the doubles to go, or the operator to be told")
        told = told or is_told()
        check_blue(lab)
        cloud.wait_served(bad, SOON_S)
    assert told
    assert ls["_uuid"] in {row["_uuid"] for row in bad.rows("Logical_Switch")}


def test_fight__goes_on__alarm_stands(lab):
    """As long as somebody keeps changing a row there is one alarm, which does
    not come and go with each time it is put right."""
    cloud, (bad, _) = lab.cloud, lab.switches
    agent = lab.service("tsn-tor-agent")

    def count(what):
        return len(re.findall(rf"alarm {what}: somebody else .* mac=\d",
                              agent.log_text()))

    n_cleared = count("cleared")
    for _ in range(10):
        bad.transact({"op": "delete", "table": "Ucast_Macs_Remote",
                      "where": []})
        cloud.wait_served(bad, SOON_S)
    assert count("cleared") == n_cleared
    # One for each of the MACs.
    assert count("raised") - n_cleared == len(cloud.wanted(bad)["macs"])


def test_network__of_others_with_a_vni_of_ours__goes(lab):
    """It has no name of ours, and nobody wants it: it may stay for the hold
    time, but not keep ours away."""
    cloud, (bad, _) = lab.cloud, lab.switches
    remove_all(bad, {"op": "insert", "table": "Logical_Switch",
                     "row": {"name": "intruder", "tunnel_key": 200}})
    cloud.wait_served(bad, SOON_S)
    check_blue(lab)


# What the switch is called, and where it is.

def test_tunnel_address__changes__routes_and_rows_follow(lab):
    """...even to that of a host, whose MACs then are the switch's own."""
    cloud, (bad, good) = lab.cloud, lab.switches
    cloud.learn(bad, "4711", LEARNT)
    cloud.wait_served(good, SOON_S)
    try:
        for address in ("10.0.0.99", HOST):
            renumber(bad, address)
            bad.members["sw0"] = address
            if address == HOST:
                cloud.machines = {}
            wait_until(lambda: (200, LEARNT, address)
                       in content(good)["macs"], SOON_S,
                       "the other switch to follow")
            wait_until(lambda: content(bad)["macs"]
                       == cloud.wanted(bad)["macs"], SOON_S,
                       "MACs behind the own address to go")
            wait_until(lambda: "address-mismatch" in {
                a["alarm"] for a in alarms(lab)}, SOON_S,
                "alarm address-mismatch")
    finally:
        renumber(bad, bad.address)
        bad.members["sw0"] = bad.address
    restore(lab)
    cloud.wait_served(good, SOON_S)
    cloud.wait_served(bad, SOON_S)
    cloud.forget(bad, "4711", LEARNT)


def renumber(switch, address):
    """Its configuration changes, and so does what it has written."""
    before, locator = switch.locator(address)
    switch.transact(
        {"op": "update", "table": "Physical_Switch", "where": [],
         "row": {"tunnel_ips": address}}, *before,
        {"op": "update", "table": "Ucast_Macs_Local", "where": [],
         "row": {"locator": locator}})


def test_switch__renamed__is_left_alone_until_it_is_back(lab):
    cloud, (bad, good) = lab.cloud, lab.switches
    bad.vtep_ctl("set", "Physical_Switch", "sw0", "name=SW0.example.net")
    try:
        wait_until(lambda: "switch-missing" in {
            a["alarm"] for a in alarms(lab)}, SOON_S, "alarm switch-missing")
        assert [a for a in alarms(lab)
                if a["text"].endswith('is "SW0.example.net" meant?')]
        before, n = bad.tables(), lab.bad.n_transactions
        cloud.networks["red"] = 300
        cloud.ports |= {(s.name, "p2", 30): "red" for s in lab.switches}
        cloud.tell()
        cloud.wait_served(good, SOON_S)
        assert (bad.tables(), lab.bad.n_transactions) == (before, n)
        assert 'no session: no Physical_Switch named' in json.dumps(diff(lab))
    finally:
        bad.vtep_ctl("set", "Physical_Switch", "SW0.example.net", "name=sw0")
    cloud.wait_served(bad, SOON_S)
    wait_until(lambda: not alarms(lab), SOON_S, "the alarm to be cleared")
