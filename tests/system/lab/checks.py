# SPDX-License-Identifier: Apache-2.0
"""What a lab is for: each check returns a few words about what it found, or
fails with LabError saying what was expected."""

import time

from .base import LabError, wait_until
from .traffic import count_broadcast

# In how many seconds everything works again after something broke.
HEAL_S = 10


def check_lease(server, *, tries=5):
    """The server gets its own address by DHCP, with router and DNS."""
    server.flush()
    lease = server.dhcp(tries=tries)
    network = server.lab.network
    expected = {"ip": server.address, "mask": network.prefix.split("/")[1],
                "router": network.gateway, "dns": network.dns}
    found = {key: lease[key] for key in expected}
    if found != expected:
        raise LabError(f"{server.name} was to be told {expected}, its lease "
                       f"says {found}")
    address = f"{server.address}/{found['mask']}"
    if address not in server.addresses():
        raise LabError(f"{server.name} has {server.addresses()} instead of "
                       f"{address}")
    return f"{address} router {found['router']} dns {found['dns']}"


def check_ping(source, target, *, count=5, timeout=10):
    """Within 'timeout' seconds pings are answered, 'count' in a row.

    An emulated switch takes up to a second to program a MAC that was just
    learnt, and the two ends of a tunnel do it at different times: a frame
    that goes straight to a switch that does not know the sender's yet is
    lost.  So an answer may be followed by a gap, once."""
    start = time.monotonic()
    first = None

    def answers():
        nonlocal first
        if not source.ping(target):
            return False
        first = first or time.monotonic() - start
        return source.ping(target, count=count) == count

    wait_until(answers, timeout, f"{count} answers in a row of {target.name} "
               f"to pings of {source.name}")
    return f"{count} of {count} answered, the first after {first:.2f} s"


def check_broadcast(sender, others):
    """A broadcast reaches each of the others once, and not the sender."""
    copies = count_broadcast(sender, others)
    expected = {sender.name: 0} | {other.name: 1 for other in others}
    if copies != expected:
        raise LabError(f"of a broadcast by {sender.name} these numbers of "
                       f"copies were to arrive: {expected}, and these did: "
                       f"{copies}")
    return ", ".join(f"{name} {n}" for name, n in copies.items())


def check_everything(lab):
    """All of the above between all machines."""
    for server in lab.servers:
        check_lease(server)
    machines = [*lab.servers, lab.vm]
    for source in machines:
        for target in machines:
            if source is not target:
                check_ping(source, target, count=3)
    for sender in machines:
        check_broadcast(sender, [m for m in machines if m is not sender])


def lease_heals(server, deadline):
    left = deadline - time.monotonic()
    wait_until(lambda: server.dhcp(tries=1), left,
               f"a lease for {server.name}",
               log=server.lab.service("tsn-replicator").log)


def broadcast_heals(sender, others, deadline):
    """Each gets one copy, and never two on the way there."""
    def exactly_once():
        copies = count_broadcast(sender, others, watch=0.5)
        if copies[sender.name] or max(copies.values()) > 1:
            surplus.append(copies)
        return surplus or all(copies[other.name] == 1 for other in others)

    surplus = []
    left = deadline - time.monotonic()
    wait_until(exactly_once, left,
               f"a broadcast of {sender.name} to arrive everywhere",
               log=sender.lab.service("tsn-replicator").log)
    if surplus:
        raise LabError(f"too many copies of a broadcast: {surplus[0]}")


def heals(lab, deadline=None):
    """Everything works again HEAL_S seconds from now, or at 'deadline'."""
    deadline = deadline or time.monotonic() + HEAL_S
    broadcast_heals(lab.bms1, [lab.bms2, lab.vm], deadline)
    broadcast_heals(lab.vm, [lab.bms1, lab.bms2], deadline)
    lease_heals(lab.bms1, deadline)
    check_ping(lab.bms1, lab.bms2, count=1,
               timeout=deadline - time.monotonic())
