# SPDX-License-Identifier: Apache-2.0
"""Any of the programs dies and is started again, while traffic flows: within
ten seconds everything works, without anybody's help."""

import time

import pytest

from lab import LabError, Pinger, wait_until
from lab.checks import HEAL_S, broadcast_heals, heals, lease_heals
from lab.lab import SERVICES

# Between servers, frames go from switch to switch, and a switch keeps its
# tables when the services are gone.
UNICAST_GAP_S = 1


@pytest.mark.parametrize("name", SERVICES)
def test_service__killed_and_restarted__heals(lab, name):
    with Pinger(lab.bms1, lab.bms2) as servers, \
            Pinger(lab.bms2, lab.vm) as machine:
        for pinger in (servers, machine):
            pinger.wait_answers(10, 10)
        start = time.time()
        lab.service(name).kill()
        lab.service(name).start()
        deadline = time.monotonic() + HEAL_S
        for pinger in (servers, machine):
            pinger.wait_answers(10, HEAL_S)
        broadcast_heals(lab.bms1, [lab.bms2, lab.vm], deadline)
        assert servers.longest_gap(start) < UNICAST_GAP_S
        assert machine.longest_gap(start) < UNICAST_GAP_S
    heals(lab, deadline)


@pytest.mark.parametrize("name", SERVICES)
def test_service__down_for_a_while__unicast_goes_on(lab, name):
    with Pinger(lab.bms1, lab.bms2) as pinger:
        pinger.wait_answers(10, 10)
        start = time.time()
        lab.service(name).kill()
        pinger.wait_answers(40, 10)
        assert pinger.longest_gap(start) < UNICAST_GAP_S
    lab.service(name).start()
    heals(lab)


@pytest.mark.parametrize("name", ["tsn-controller", "tsn-tor-agent"])
def test_service__restarted__leaves_the_rows_alone(lab, name):
    """A restart is a comparison; what is right already is not written again,
    so no switch reprograms its tables.  Rows of servers come and go as the
    switches learn and forget, so those of the virtual machine and the flood
    rows are looked at."""
    def rows():
        return {switch.name: (
            [row["_uuid"] for row in switch.rows("Mcast_Macs_Remote")],
            [row["_uuid"] for row in switch.rows("Ucast_Macs_Remote")
             if row["MAC"].lower() == lab.vm.mac],
            [row["_uuid"] for row in switch.rows("Logical_Switch")])
            for switch in lab.switches}

    before = rows()
    lab.service(name).kill()
    lab.service(name).start()
    heals(lab)
    assert rows() == before


def test_controller__restarted_before_the_tor_agents__floods_go_on(lab):
    """A control node that has just started knows of no switch yet.  Until its
    End-of-RIB the replicator floods to those that it knew, and serves them."""
    def told_again():
        replicator = lab.tsnctl("status", as_json=True)["tsn-replicator"]
        return any(s["state"] == "up" and s["items"] > items
                   for s in replicator["sessions"])

    agent = lab.service("tsn-tor-agent")
    controller = lab.service("tsn-controller")
    agent.kill()
    controller.kill()
    items = sum(s["items"] for s in lab.tsnctl(
        "status", as_json=True)["tsn-replicator"]["sessions"])
    controller.start()
    try:
        wait_until(told_again, HEAL_S, "the replicator to be told routes",
                   log=lab.service("tsn-replicator").log)
        deadline = time.monotonic() + 5
        for server in lab.servers:
            lease_heals(server, deadline)
        broadcast_heals(lab.bms1, [lab.bms2, lab.vm], deadline)
        broadcast_heals(lab.vm, [lab.bms1, lab.bms2], deadline)
    finally:
        agent.start()
        heals(lab)


def test_services__all_killed_at_once__heals(lab):
    for name in SERVICES:
        lab.service(name).kill()
    for name in SERVICES:
        lab.service(name).start()
    heals(lab)


@pytest.mark.parametrize("name", SERVICES)
def test_service__told_to_end__ends_cleanly_and_heals(lab, name):
    service = lab.service(name)
    assert service.stop() == 0
    assert not service.findings()
    service.start()
    heals(lab)


def test_switch__database_killed_and_restarted__heals(lab):
    switch = lab.switches[0]
    switch.restart_database()
    switch.wait_ports()
    heals(lab)


def test_switch__emulator_killed_and_restarted__heals(lab):
    """It starts with empty tables and forgets what it has learnt."""
    lab.switches[1].restart_vtep()
    lab.switches[1].wait_ports()
    heals(lab)


def test_lab__nothing_heals_by_itself__is_noticed(lab):
    """The checks above are able to fail."""
    lab.service("tsn-replicator").kill()
    try:
        with pytest.raises(LabError, match="to arrive everywhere"):
            broadcast_heals(lab.bms1, [lab.bms2, lab.vm],
                            time.monotonic() + 1)
        with pytest.raises(LabError, match="lease"):
            lease_heals(lab.bms1, time.monotonic() + 1)
    finally:
        lab.service("tsn-replicator").start()
        heals(lab)
