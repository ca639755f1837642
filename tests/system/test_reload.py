# SPDX-License-Identifier: Apache-2.0
"""SIGHUP gives tsn-tor-agent another configuration, and the ToRs that it does
not concern do not notice."""

import signal
from pathlib import Path

import pytest
import yaml

from lab import LabError, wait_until

SOON_S = 10
LISTEN_PORT = 6641
N_SWITCHES = 4
N_WORKERS = 3


@pytest.fixture(scope="module")
def lab(new_lab):
    lab = new_lab
    lab.switches.clear()
    lab.servers.clear()
    lab.tor_agent = {"workers": N_WORKERS}
    lab.make_underlay()
    for i in range(N_SWITCHES):
        lab.add_fake_switch(f"sw{i}", f"10.0.0.{30 + i}", ["p1"])
    lab.make_compute()
    lab.start_services(("tsn-controller", "tsn-tor-agent"))
    wait_tors(lab, names(lab))
    yield lab


@pytest.fixture(autouse=True)
def restored(lab):
    """Each test finds, and leaves, the lab's own configuration in use."""
    yield
    lab.write_config()
    reload(lab)
    wait_tors(lab, names(lab))


def names(lab):
    return [switch.name for switch in lab.switches]


def config_file(lab):
    return lab.state.dir / "tsn.yaml"


def edit(lab, change):
    """Has 'change' edit the configuration, and the agent read it."""
    config = yaml.safe_load(config_file(lab).read_text())
    change(config["tor-agent"]["tors"], config)
    config_file(lab).write_text(yaml.safe_dump(config, sort_keys=False))
    reload(lab)


def reload(lab):
    """Until the agent says that it has been there."""
    agent = lab.service("tsn-tor-agent")

    def answers():
        return (agent.log_text().count("configuration loaded file=")
                + agent.log_text().count("the old one stays"))

    before = answers()
    agent.signal(signal.SIGHUP)
    wait_until(lambda: answers() > before, SOON_S, "the agent to reload",
               log=agent.log)


def tors(lab):
    return {tor["tor"]: tor
            for tor in lab.tsnctl("show", "tors", as_json=True)["tors"]}


def wait_tors(lab, expected):
    """All of these, in this order, with a session on both sides."""
    def ready():
        listed = lab.tsnctl("tor", "list", as_json=True)["tors"]
        return ([tor["tor"] for tor in listed] == expected
                and all(tor["switch"] and tor["control_node"]
                        for tor in listed))

    wait_until(ready, SOON_S, f"the ToRs {expected} to be served",
               log=lab.service("tsn-tor-agent").log)


def connections(lab, *, of):
    """Ports from which the agent is connected to switches: a new connection
    has a new one."""
    def ports(switch):
        text = switch.ns.run("ss", "-tnH", "state", "established", "sport",
                             "=", ":6640")
        return sorted(line.split()[3] for line in text.splitlines())

    return {switch.name: ports(switch) for switch in lab.switches
            if switch.name in of}


def transactions(lab):
    return {name: tor["ovsdb"]["transactions"]
            for name, tor in tors(lab).items()}


def test_tor__removed_and_added__others_keep_their_sessions(lab):
    first, *others = names(lab)
    before = connections(lab, of=others)
    written = transactions(lab)
    edit(lab, lambda tors, _: tors.pop(0))
    wait_tors(lab, others)
    wait_until(lambda: not connections(lab, of=[first])[first], SOON_S,
               f"the session with {first} to end")
    assert connections(lab, of=others) == before

    lab.write_config()
    reload(lab)
    wait_tors(lab, names(lab))
    assert connections(lab, of=others) == before
    now = transactions(lab)
    assert {name: now[name] for name in others} == {name: written[name]
                                                    for name in others}
    # It found what it had written in its former life.
    assert now[first] == 0


def test_tor__other_remote__is_replaced_alone(lab):
    first, *others = lab.switches
    before = connections(lab, of=[switch.name for switch in others])
    old = connections(lab, of=[first.name])
    first.ns.ip("address", "add", "10.0.0.90/24", "dev", "und0")
    edit(lab, lambda tors, _: tors[0].update(ovsdb="tcp:10.0.0.90:6640"))
    wait_until(lambda: tors(lab)[first.name]["ovsdb"]["remote"]
               == "tcp:10.0.0.90:6640", SOON_S, "the new remote")
    wait_tors(lab, names(lab))
    assert connections(lab, of=[first.name]) != old
    assert connections(lab, of=[s.name for s in others]) == before
    assert transactions(lab)[first.name] == 0


@pytest.mark.parametrize("key,value", [
    ("probe-interval", 3000), ("max-backoff", 2000), ("cleanup-wait", 0)])
def test_tor__key_without_a_new_session__keeps_it(lab, key, value):
    before = connections(lab, of=names(lab))
    edit(lab, lambda tors, _: tors[1].update({key: value}))
    assert (f"changed in place by the new configuration tor=sw1 key={key}"
            in lab.service("tsn-tor-agent").log_text())
    assert connections(lab, of=names(lab)) == before


def test_tsn__other_address__changes_the_flood_row_in_place(lab):
    switch = lab.switches[2]
    before = connections(lab, of=names(lab))
    wait_until(switch.flood_rows, SOON_S, "a flood row")
    old, = switch.rows("Mcast_Macs_Remote")
    edit(lab, lambda tors, _: tors[2].update(tsn="10.0.0.101"))
    wait_until(lambda: list(switch.flood_rows().values())
               == [{"10.0.0.101"}], SOON_S, "the other TSN in the flood row")
    new, = switch.rows("Mcast_Macs_Remote")
    assert new["_uuid"] == old["_uuid"]
    assert connections(lab, of=names(lab)) == before


@pytest.mark.parametrize("what,change", [
    ("tors[1].ovsdb", lambda tors, _: tors[1].update(ovsdb="nonsense")),
    ("tors", lambda tors, _: tors.clear()),
    ("hold-time", lambda _, config: config.update({"hold-time": 0})),
    ("cannot listen", lambda tors, _: tors[0].update(
        ovsdb="ptcp:6640:192.0.2.1"))])
def test_file__bad__is_refused_as_a_whole(lab, what, change):
    def change_more(tors, config):
        # What is fine in it must not be applied either.
        if len(tors) > 3:
            tors.pop(3)
        change(tors, config)

    before = connections(lab, of=names(lab))
    edit(lab, change_more)
    status = lab.tsnctl("status", as_json=True)["tsn-tor-agent"]
    assert status["config"] == "refused"
    assert what in status["config_error"]
    assert what in lab.service("tsn-tor-agent").log_text()
    wait_tors(lab, names(lab))
    assert connections(lab, of=names(lab)) == before

    lab.write_config()
    reload(lab)
    status = lab.tsnctl("status", as_json=True)["tsn-tor-agent"]
    assert (status["config"], status["config_error"]) == ("loaded", None)


def threads(lab):
    """The workers by name, each with its thread's id."""
    tasks = Path(f"/proc/{lab.service('tsn-tor-agent').pid}/task")
    names = {task.name: (task / "comm").read_text() for task in
             tasks.iterdir()}
    return sorted((name.rstrip(), task) for task, name in names.items()
                  if name.startswith("tors"))


def test_workers__reload__stay(lab):
    before = threads(lab)
    assert len(before) == N_WORKERS
    assert lab.tsnctl("status", as_json=True)["tsn-tor-agent"]["workers"] \
        == N_WORKERS
    edit(lab, lambda tors, config: config["tor-agent"].update(workers=1))
    assert threads(lab) == before
    assert ("another number of workers takes a restart"
            in lab.service("tsn-tor-agent").log_text())


def test_reload__again_and_again__goes_well(lab):
    """Each before the last one is done everywhere."""
    agent = lab.service("tsn-tor-agent")
    config = yaml.safe_load(config_file(lab).read_text())
    tors = config["tor-agent"]["tors"]
    for i in range(40):
        some = [tor for j, tor in enumerate(tors) if (i >> j) & 1] or tors[:1]
        config["tor-agent"]["tors"] = some
        config_file(lab).write_text(yaml.safe_dump(config, sort_keys=False))
        agent.signal(signal.SIGHUP)
        lab.tsnctl("show", "tors")
        lab.tsnctl("tor", "diff")


def test_listener__added__serves_a_switch_that_connects(lab):
    """...and the listener's end is not that of the session."""
    first, *others = lab.switches
    before = connections(lab, of=[switch.name for switch in others])
    listen = [{"address": f"0.0.0.0:{LISTEN_PORT}", "tls": False}]

    def let_it_connect(tors, config):
        del tors[0]["ovsdb"]
        config["tor-agent"]["listen"] = listen

    edit(lab, let_it_connect)
    first.vtep_ctl("set-manager", f"tcp:{lab.tsn_address}:{LISTEN_PORT}")
    wait_tors(lab, names(lab))
    assert transactions(lab)[first.name] == 0
    session = wait_until(lambda: accepted(first), SOON_S, "its connection")

    def let_it_connect_elsewhere(tors, config):
        del tors[0]["ovsdb"]
        config["tor-agent"]["listen"] = [{"address":
                                          f"0.0.0.0:{LISTEN_PORT + 1}",
                                          "tls": False}]

    lab.write_config()
    edit(lab, let_it_connect_elsewhere)
    found = lab.tsnctl("show", "listeners", as_json=True)["listeners"]
    assert [l["listener"] for l in found] == [f"0.0.0.0:{LISTEN_PORT + 1}"]
    assert accepted(first) == session
    assert connections(lab, of=[s.name for s in others]) == before

    # Another one of that name.
    impostor = others[0]
    impostor.vtep_ctl("set", "Physical_Switch", impostor.name,
                      f"name={first.name}")
    impostor.vtep_ctl("set-manager",
                      f"tcp:{lab.tsn_address}:{LISTEN_PORT + 1}")
    try:
        wait_until(lambda: alarms(lab, "duplicate-device"), SOON_S,
                   "an alarm for two switches of one name")
        # The database that it has now lacks the switch that it had.
        wait_until(lambda: alarms(lab, "switch-missing")
                   or alarms(lab, "switch-away"), 90, "another alarm")
    finally:
        impostor.vtep_ctl("del-manager")
        impostor.vtep_ctl("set", "Physical_Switch", first.name,
                          f"name={impostor.name}")
        assert accepted(first) == session
    first.vtep_ctl("del-manager")


def accepted(switch):
    """Local ports of the switch's own connections to us."""
    text = switch.ns.run("ss", "-tnH", "state", "established", "dport", "=",
                         f":{LISTEN_PORT}")
    return sorted(line.split()[2] for line in text.splitlines())


def alarms(lab, kind):
    return [alarm for alarm in lab.tsnctl(
                "alarms", as_json=True)["tsn-tor-agent"]["alarms"]
            if alarm["alarm"] == kind]


# Operator's commands.

def test_name__short_but_of_one__is_enough(lab):
    lab.tsnctl("tor", "resync", "sw1")
    with pytest.raises(LabError, match="can be several ToRs: sw0 sw1"):
        lab.tsnctl("tor", "resync", "sw")
    with pytest.raises(LabError, match="there is no ToR \"x\""):
        lab.tsnctl("tor", "show", "x")
    shown = lab.tsnctl("show", "tors", "sw2", "sw0", as_json=True)["tors"]
    assert [tor["tor"] for tor in shown] == ["sw0", "sw2"]


def network_name(switch):
    network, = switch.rows("Logical_Switch")
    return network["name"]


def test_dry_run__foreign_edit__is_shown_and_not_mended(lab):
    switch = lab.switches[0]
    wait_until(switch.flood_rows, SOON_S, "a flood row")
    name = network_name(switch)
    lab.tsnctl("tor", "dry-run", "sw0")
    switch.vtep_ctl("del-mcast-remote", name, "unknown-dst", lab.tsn_address)

    def differs():
        tor, = lab.tsnctl("tor", "diff", "sw0", as_json=True)["tors"]
        return tor["mode"] == "dry-run" and tor["diff"]

    diff = wait_until(differs, SOON_S, "the row in the difference")
    assert diff[0]["action"] == "add"
    assert not switch.flood_rows()
    alarm, = wait_until(lambda: alarms(lab, "held-by-operator"), SOON_S,
                        "an alarm")
    assert alarm["tor"] == "sw0"
    assert lab.tsnctl("status", as_json=True)["tsn-tor-agent"]["alarms"] >= 1

    lab.tsnctl("tor", "unfreeze", "sw0")
    wait_until(switch.flood_rows, SOON_S, "the row again")
    wait_until(lambda: not alarms(lab, "held-by-operator"), SOON_S,
               "no alarm")


def test_mode__replaced_tor__stays(lab):
    lab.tsnctl("tor", "freeze", "sw3")
    edit(lab, lambda tors, _: tors[3].update({"ownership": "shared"}))
    wait_tors(lab, names(lab))
    tor, = lab.tsnctl("tor", "diff", "sw3", as_json=True)["tors"]
    assert tor["mode"] == "freeze"
    lab.tsnctl("tor", "unfreeze", "sw3")


def test_history__session_cut__tells_why(lab):
    switch = lab.switches[1]
    before = connections(lab, of=["sw1"])
    lab.tsnctl("tor", "reconnect", "sw1")
    wait_until(lambda: connections(lab, of=["sw1"]) not in (
        before, {"sw1": []}), SOON_S, "another session")
    wait_tors(lab, names(lab))
    tor, = lab.tsnctl("tor", "history", "sw1", as_json=True)["tors"]
    assert tor["closes"]
    assert switch.flood_rows()


@pytest.mark.parametrize("command", [
    ["tor", "list"], ["tor", "show", "sw0"], ["tor", "diff"],
    ["tor", "history", "sw0"], ["tor", "purge-stale", "sw0"], ["alarms"],
    ["tor", "alarms", "sw0"]], ids=" ".join)
def test_command__asked__answers_both_ways(lab, command):
    text = lab.tsnctl(*command)
    assert text.strip()
    lab.tsnctl(*command, as_json=True)
