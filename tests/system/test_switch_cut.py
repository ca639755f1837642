# SPDX-License-Identifier: Apache-2.0
"""A switch is cut off and comes back."""

import signal
import time

import pytest

from lab import wait_until
from lab.checks import HEAL_S, heals


def test_link__down_and_up__heals(lab):
    switch = lab.switches[0]
    switch.ns.set_link("und0", False)
    wait_until(lambda: not lab.bms1.ping(lab.bms2), 5,
               "the switch to be cut off")
    # Long enough for retransmissions to back off.
    time.sleep(5)
    switch.ns.set_link("und0", True)
    heals(lab)


def test_database_connection__reset__heals_without_loss(lab):
    before = [switch.rows("Mcast_Macs_Remote") for switch in lab.switches]
    for switch in lab.switches:
        switch.cut_connections()
    heals(lab)
    assert before == [switch.rows("Mcast_Macs_Remote")
                      for switch in lab.switches]


def test_database__stalls__heals(lab):
    """It accepts connections, and says nothing."""
    switch = lab.switches[1]
    switch.ovsdb.signal(signal.SIGSTOP)
    try:
        switch.cut_connections()
        time.sleep(3)
    finally:
        switch.ovsdb.signal(signal.SIGCONT)
    heals(lab)


@pytest.mark.parametrize("name", ["ctl", "tsn"])
def test_service_host__link_down_and_up__heals(lab, name):
    namespace = {"ctl": lab.controller_ns, "tsn": lab.tsn_ns}[name]
    namespace.set_link("und0", False)
    time.sleep(5)
    namespace.set_link("und0", True)
    heals(lab)


def test_rows__deleted_by_hand__are_put_back(lab):
    switch = lab.switches[0]
    (network, _), = switch.flood_rows()
    old, = (row["_uuid"] for row in switch.rows("Mcast_Macs_Remote"))
    switch.vtep_ctl("clear-remote-macs", network)

    def is_put_back():
        return [row for row in switch.rows("Mcast_Macs_Remote")
                if row["_uuid"] != old]

    wait_until(is_put_back, HEAL_S, "the flood row to be put back",
               log=lab.service("tsn-tor-agent").log)
    heals(lab)
