# SPDX-License-Identifier: Apache-2.0
"""A switch misbehaves in each way that a proxy can think of: tsn-tor-agent
goes on, the other switches do not notice, tsnctl says why, and the switch has
what it should have once it behaves."""

import json
import os
import random

import pytest

from lab import FakeSwitch, wait_until
from lab.cloud import remove_all
from lab.hosts import Server
from lab.proxy import BadSwitch

SOON_S = 5              # In which everything has to converge.
# A session is noticed to be dead after two probe intervals, and is tried anew
# after the longest back-off.
PROBE_MS = 1000
RECONNECT_S = 20
TRANSACTION_S = 60      # OVC_TXN_TIMEOUT_MS of ovsdb-client/private.h.
N_EDITS = 12
KINDS = ["Logical_Switch", "Mcast_Macs_Remote", "Ucast_Macs_Remote",
         "Physical_Port"]


class OldSwitch(FakeSwitch):
    """The database of a switch with schema 1.3.0, of 2014: today's without
    what came later."""

    def schema_file(self, name):
        with open(super().schema_file(name)) as f:
            schema = json.load(f)
        schema["version"] = "1.3.0"
        del schema["cksum"]
        tables = schema["tables"]
        for table in ("ACL", "ACL_entry"):
            del tables[table]
        for table, column in (("Physical_Port", "acl_bindings"),
                              ("Logical_Router", "acl_binding"),
                              ("Logical_Router", "LR_fault_status"),
                              ("Logical_Switch", "replication_mode"),
                              ("Physical_Locator", "tunnel_key")):
            del tables[table]["columns"][column]
        for table in tables.values():
            table["columns"].pop("other_config", None)
        tables["Physical_Locator"]["indexes"] = [["encapsulation_type",
                                                  "dst_ip"]]
        path = self.dir / "old.ovsschema"
        path.write_text(json.dumps(schema))
        return path


@pytest.fixture(scope="module")
def lab(new_lab):
    lab = new_lab
    lab.switches.clear()
    lab.servers.clear()
    lab.make_underlay()
    for i in range(3):
        switch = lab.add_fake_switch(f"sw{i}", f"10.0.0.{30 + i}", ["p1"])
        switch.settings = {"probe-interval": PROBE_MS, "max-backoff": 1000}
        lab.servers.append(Server(lab, f"server{i}", f"02:aa:00:00:00:{i:02x}",
                                  f"192.0.2.{30 + i}", switch, "p1"))
    lab.switches.append(OldSwitch(lab, "old", "10.0.0.40", ["p1"]).create())
    lab.servers.append(Server(lab, "old-server", "02:aa:00:00:00:40",
                              "192.0.2.40", lab.switches[-1], "p1"))
    lab.make_compute()
    lab.bad = BadSwitch(lab.switches[0])
    try:
        lab.start_services()
        lab.wait_ready()
        lab.wanted = content(lab.switches[0])
        yield lab
    finally:
        lab.bad.close()


@pytest.fixture(autouse=True)
def restored(lab):
    """What a test breaks is mended here, by the agent alone."""
    yield
    lab.bad.calm()
    wait_content(lab, RECONNECT_S)


def content(switch):
    """What the agent has written, without uuids, one item per row, so that a
    row too many shows."""
    tables = switch.tables()
    names = {uuid: row["name"] for uuid, row
             in tables["Logical_Switch"].items()}
    return (
        sorted((row["name"], row["tunnel_key"])
               for row in tables["Logical_Switch"].values()),
        sorted((row["name"], vlan, names[ls])
               for row in tables["Physical_Port"].values()
               for vlan, ls in row["vlan_bindings"].items()),
        sorted((row["MAC"], names[row["logical_switch"]])
               for row in tables["Ucast_Macs_Remote"].values()),
        sorted(switch.remote_macs().items()),
        len(tables["Mcast_Macs_Remote"]),
        sorted((key, sorted(vteps))
               for key, vteps in switch.flood_rows().items()))


def wait_content(lab, timeout=SOON_S):
    wait_until(lambda: content(lab.switches[0]) == lab.wanted, timeout,
               "the bad switch to have what it should have",
               log=lab.service("tsn-tor-agent").log)


def check_others(lab):
    """A MAC that one of the others learns, the next is told of; and
    forgets."""
    check_told(lab, lab.switches[2])


def check_told(lab, listener):
    speaker = lab.switches[1]
    (network, _), = speaker.flood_rows()
    mac = "02:aa:00:00:00:01"

    def told():
        return mac in {m.lower() for _, m in listener.remote_macs()}

    speaker.learn(network, mac)
    try:
        wait_until(told, SOON_S, "the others to hear of a MAC")
    finally:
        speaker.forget(network, mac)
    wait_until(lambda: not told(), SOON_S, "the others to forget a MAC")


def ask(lab, *argv):
    return lab.tsnctl("tor", *argv, "sw0", as_json=True)


def ovsdb(lab):
    tor, = [tor for tor in lab.tsnctl("show", "tors", as_json=True)["tors"]
            if tor["tor"] == "sw0"]
    return tor["ovsdb"]


@pytest.mark.parametrize("table", KINDS)
def test_transaction__refused_by_kind_of_row__says_why(lab, table):
    words = f"no room for {table}"
    lab.bad.refuse = lambda operation: (
        operation.get("table") == table
        and operation["op"] in ("insert", "update", "mutate") and words)
    remove_all(lab.switches[0])
    wait_until(lambda: words in json.dumps(ask(lab, "diff")), SOON_S,
               f"tor diff to say '{words}'")
    wait_until(lambda: words in json.dumps(ask(lab, "alarms")), SOON_S,
               f"an alarm to say '{words}'")
    check_others(lab)
    lab.bad.calm()
    ask(lab, "resync")
    wait_content(lab)
    wait_until(lambda: words not in json.dumps(ask(lab, "alarms")), SOON_S,
               "the alarm to be cleared")


def test_replies__slow__are_waited_for(lab):
    lab.bad.reply_delay_s = 0.7
    remove_all(lab.switches[0])
    check_others(lab)
    wait_content(lab, RECONNECT_S)


def test_replies__dropped__session_is_renewed(lab):
    before = ovsdb(lab)["since"]
    lab.bad.drop_replies = True
    remove_all(lab.switches[0])
    wait_until(lambda: lab.bad.n_dropped, SOON_S, "a reply to be dropped")
    check_others(lab)
    lab.bad.calm()
    wait_content(lab, RECONNECT_S)
    # The rows came all the same; the session must not be stuck with it.
    lab.switches[0].vtep_ctl("clear-remote-macs", lab.wanted[0][0][0])
    wait_content(lab, TRANSACTION_S + RECONNECT_S)
    assert ovsdb(lab)["since"] != before


def test_connection__half_open__is_noticed(lab):
    lab.bad.half_open = True
    wait_until(lambda: not ovsdb(lab)["connected"], RECONNECT_S,
               "the session to be given up")
    assert ovsdb(lab)["reason"]
    check_others(lab)
    lab.bad.calm()
    wait_until(lambda: ovsdb(lab)["connected"], RECONNECT_S, "a new session")


@pytest.mark.parametrize("data", [
    random.Random(1).randbytes(4096), b"[" * 200000, b'{"id":' * 1000,
    b'{"method":"update","params":[1],"id":null}',
    b'"' + b"x" * (80 << 20)],
    ids=["noise", "deep", "nested", "update", "oversized"])
def test_session__garbage_in_its_middle__heals(lab, data):
    def seen():
        state = ovsdb(lab)
        return state["since"], state["bad_messages"]

    before = seen()
    lab.bad.say(data)
    check_others(lab)
    wait_until(lambda: seen() != before, RECONNECT_S,
               "tsnctl to tell of bad messages, or a new session")
    wait_until(lambda: ovsdb(lab)["connected"], RECONNECT_S, "a session")
    remove_all(lab.switches[0])
    wait_content(lab, RECONNECT_S)


def duplicate(switch, table):
    row = switch.rows(table)[0]
    columns = {"MAC": row["MAC"],
               "logical_switch": ["uuid", row["logical_switch"]]}
    target = {"Ucast_Macs_Remote": "locator",
              "Mcast_Macs_Remote": "locator_set"}[table]
    switch.transact({"op": "insert", "table": table,
                     "row": columns | {target: ["uuid", row[target]]}})


@pytest.mark.parametrize("table", ["Ucast_Macs_Remote", "Mcast_Macs_Remote"])
def test_rows__duplicate__are_removed(lab, table):
    duplicate(lab.switches[0], table)
    wait_content(lab)
    check_others(lab)


def test_switch__renamed_in_place__is_told_and_taken_back(lab):
    switch = lab.switches[0]
    switch.vtep_ctl("set", "Physical_Switch", "sw0", "name=other")
    try:
        wait_until(lambda: "switch-missing" in json.dumps(
            ask(lab, "alarms")), SOON_S, "alarm switch-missing")
        check_others(lab)
    finally:
        switch.vtep_ctl("set", "Physical_Switch", "other", "name=sw0")
    wait_until(lambda: "switch-missing" not in json.dumps(
        ask(lab, "alarms")), SOON_S, "the alarm to be cleared")


def test_switch__other_tunnel_address__is_told(lab):
    switch = lab.switches[0]
    switch.vtep_ctl("set", "Physical_Switch", "sw0", "tunnel_ips=10.0.0.99")
    try:
        wait_until(lambda: "address-mismatch" in json.dumps(
            ask(lab, "alarms")), SOON_S, "alarm address-mismatch")
        check_others(lab)
    finally:
        switch.vtep_ctl("set", "Physical_Switch", "sw0",
                        f"tunnel_ips={switch.address}")
    wait_until(lambda: "address-mismatch" not in json.dumps(
        ask(lab, "alarms")), SOON_S, "the alarm to be cleared")


def test_schema__of_2014__is_served(lab):
    """The lab has seen that its flood row and MACs are written."""
    old = lab.switches[3]
    tor, = [tor for tor in lab.tsnctl("show", "tors", as_json=True)["tors"]
            if tor["tor"] == "old"]
    assert tor["ovsdb"]["schema"] == "1.3.0"
    assert "Logical_Switch.replication_mode" in json.dumps(
        tor["ovsdb"]["without"])
    assert tor["ovsdb"]["refused"] == 0
    check_told(lab, old)


def random_edit(switch, rng):
    kind = rng.randrange(5)
    if kind == 0:
        remove_all(switch)
    elif kind == 1:
        switch.transact({"op": "update", "table": "Physical_Port",
                         "where": [], "row": {"vlan_bindings": ["map", []]}})
    elif kind == 2:
        switch.transact({"op": "delete", "where": [],
                         "table": rng.choice(KINDS[1:3])})
    elif kind == 3:
        table = rng.choice(KINDS[1:3])
        if switch.rows(table):
            duplicate(switch, table)
    else:
        switch.transact({"op": "update", "table": "Logical_Switch",
                         "where": [],
                         "row": {"tunnel_key": rng.randrange(200, 300)}})


def test_database__edited_at_random__converges(lab):
    """TSN_SEED repeats a run."""
    seed = int(os.environ.get("TSN_SEED") or random.randrange(1 << 32))
    print(f"TSN_SEED={seed}")
    rng = random.Random(seed)
    for _ in range(N_EDITS):
        for _ in range(rng.randrange(1, 4)):
            random_edit(lab.switches[0], rng)
        wait_content(lab)
    before = lab.bad.n_transactions
    # A MAC comes and goes: nothing else is to be written.
    check_told(lab, lab.switches[0])
    assert lab.bad.n_transactions - before == 2
    lab.switches[0].cut_connections()
    wait_until(lambda: ovsdb(lab)["connected"], RECONNECT_S, "a new session")
    check_told(lab, lab.switches[0])
    assert lab.bad.n_transactions - before == 4
