# SPDX-License-Identifier: Apache-2.0
"""The main job, on real parts: bare-metal servers behind switches get their
address and talk to each other and to a virtual machine."""

import itertools

import pytest

from lab import LabError, Sniffer
from lab.checks import check_broadcast, check_lease, check_ping
from lab.traffic import collect_for

MACHINES = ["bms1", "bms2", "vm"]
PAIRS = list(itertools.permutations(MACHINES, 2))


@pytest.mark.parametrize("name", ["bms1", "bms2"])
def test_server__asks_by_dhcp__gets_its_lease(lab, name):
    check_lease(getattr(lab, name))


def test_server__unknown_mac__gets_no_lease(lab):
    server = lab.bms2
    server.ns.ip("link", "set", server.interface, "address",
                 "02:bb:00:00:00:99")
    try:
        with pytest.raises(LabError, match="got no lease"):
            server.dhcp(tries=2)
    finally:
        server.set_up_link()
        check_lease(server)


@pytest.mark.parametrize("source,target", PAIRS)
def test_ping__any_to_any__is_answered(lab, source, target):
    check_ping(getattr(lab, source), getattr(lab, target))


@pytest.mark.parametrize("source,target", PAIRS)
def test_ping__full_frames__are_answered(lab, source, target):
    source, target = getattr(lab, source), getattr(lab, target)
    check_ping(source, target)
    source.ns.run("ping", "-n", "-q", "-c", 3, "-i", 0.2, "-W", 1, "-M", "do",
                  "-s", 1400 - 28, target.address)


@pytest.mark.parametrize("sender", MACHINES)
def test_broadcast__any_sender__reaches_the_others_once(lab, sender):
    check_broadcast(getattr(lab, sender),
                    [getattr(lab, name) for name in MACHINES
                     if name != sender])


@pytest.mark.parametrize("source,target", PAIRS)
def test_arp_request__any_to_any__is_answered_once(lab, source, target):
    source, target = getattr(lab, source), getattr(lab, target)
    reply = (b"\x08\x06\x00\x01\x08\x00\x06\x04\x00\x02" +
             bytes.fromhex(target.mac.replace(":", "")))
    source.ns.ip("neighbour", "flush", "dev", source.interface)
    with Sniffer(source.ns, source.interface, reply) as sniffer:
        assert source.ping(target) == 1
        collect_for([sniffer], 0.5)
        assert len(sniffer.received) == 1
