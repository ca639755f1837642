# SPDX-License-Identifier: Apache-2.0
"""Whatever is sent to any port, and whatever a peer answers: all programs go
on, as the same processes, and so does the traffic."""

import random
import socket
from dataclasses import dataclass

import pytest

from lab import wait_until
from lab.checks import check_everything, heals
from lab.junk import (PUBLISH, SUBSCRIBE, XMPP_PORT, JunkServer,
                      bad_control_node, bad_database, hard_cases, stanzas)
from lab.netns import Namespace
from lab.switch import OVSDB_PORT

BAD_ADDRESS = "10.0.0.66"
VXLAN_PORT = 4789
N_SWITCHES = 12
CLIENT_OPEN = (b'<?xml version="1.0"?><stream:stream from="%s" '
               b'to="network-control@contrailsystems.com" version="1.0" '
               b'xml:lang="en" xmlns="jabber:client" '
               b'xmlns:stream="http://etherx.jabber.org/streams">')


@dataclass
class ForeignSwitch:
    """A switch that the configuration names and somebody else plays."""
    name: str
    address: str
    remote: str
    ports: list


def prepare_lab(lab):
    """One more control node and some more switches, all of which are us.
    Several, as who is disappointed by a peer takes his time to come back."""
    lab.bad_ns = Namespace(lab.state, "bad").create()
    lab.plug(lab.bad_ns, BAD_ADDRESS)
    lab.controllers.append(BAD_ADDRESS)
    lab.foreign_switches = [
        ForeignSwitch(f"junk{i}", f"10.0.0.{70 + i}",
                      f"tcp:{BAD_ADDRESS}:{OVSDB_PORT + i}", ["p1"])
        for i in range(N_SWITCHES)]


def send(namespace, address, *pieces, linger=0.2):
    """Connects, sends, and listens for a moment."""
    with namespace.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
        s.settimeout(5)
        s.connect(address)
        s.settimeout(linger)
        try:
            for piece in pieces:
                s.sendall(piece)
            while s.recv(65536):
                pass
        except OSError:
            pass        # It may well have closed: that is what it should do.


def send_unix(path, data):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(2)
        s.connect(str(path))
        try:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            while s.recv(65536):
                pass
        except OSError:
            pass


def test_controller__garbage_as_first_bytes__goes_on(lab):
    target = (lab.controller_address, XMPP_PORT)
    for case in hard_cases():
        send(lab.bad_ns, target, case)
    heals(lab)


def test_controller__garbage_in_a_session__goes_on(lab):
    target = (lab.controller_address, XMPP_PORT)
    for i, case in enumerate(hard_cases()):
        send(lab.bad_ns, target, CLIENT_OPEN % b"bad%d" % i, case)
    heals(lab)


def test_controller__mutated_stanzas__goes_on(lab):
    target = (lab.controller_address, XMPP_PORT)
    for seed in range(20):
        send(lab.bad_ns, target, CLIENT_OPEN % b"bad%d" % seed, SUBSCRIBE,
             *stanzas([PUBLISH], seed, 50))
        send(lab.bad_ns, target, CLIENT_OPEN % b"worse%d" % seed,
             *stanzas([SUBSCRIBE, PUBLISH], seed, 5))
    heals(lab)


def test_controller__idle_connections__goes_on(lab):
    sockets = []
    try:
        for _ in range(300):
            s = lab.bad_ns.socket(socket.AF_INET, socket.SOCK_STREAM)
            sockets.append(s)
            s.settimeout(5)
            s.connect((lab.controller_address, XMPP_PORT))
        heals(lab)
    finally:
        for s in sockets:
            s.close()


@pytest.mark.parametrize("program", ["tsn-controller", "tsn-tor-agent",
                                     "tsn-replicator"])
def test_control_socket__garbage__goes_on(lab, program):
    path = lab.run_dir / f"{program}.ctl"
    rng = random.Random(program)
    for data in (b"", b"\n", b"\0" * 100 + b"\n", b"x" * 100000,
                 b"show " * 1000 + b"\n", rng.randbytes(4000) + b"\n",
                 b"show tors\nshow tors\n" * 100, b"status \xff\xfe\n",
                 b"show networks " + b"%s" * 100 + b"\n"):
        send_unix(path, data)
    # Clients that say nothing do not keep others out.
    silent = []
    try:
        for _ in range(10):
            s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            s.connect(str(path))
            silent.append(s)
        assert lab.tsnctl("status", as_json=True)
    finally:
        for s in silent:
            s.close()


def vxlan(inner, vni=100, flags=0x08):
    return bytes([flags, 0, 0, 0]) + vni.to_bytes(3, "big") + b"\0" + inner


def dhcp_discover(mac):
    mac = bytes.fromhex(mac.replace(":", ""))
    bootp = (b"\x01\x01\x06\x00" + b"abcd" + bytes(20) + mac + bytes(10 + 192)
             + b"\x63\x82\x53\x63\x35\x01\x01\x37\x03\x01\x03\x06\xff")
    udp = (b"\0\x44\0\x43" + (8 + len(bootp)).to_bytes(2, "big") + b"\0\0"
           + bootp)
    ip = (b"\x45\0" + (20 + len(udp)).to_bytes(2, "big")
          + b"\0\0\0\0\x40\x11\0\0" + bytes(4) + b"\xff" * 4)
    return b"\xff" * 6 + mac + b"\x08\0" + ip + udp


def arp_request(mac, sender, target):
    mac = bytes.fromhex(mac.replace(":", ""))
    return (b"\xff" * 6 + mac + b"\x08\x06\0\x01\x08\0\x06\x04\0\x01" + mac
            + socket.inet_aton(sender) + bytes(6) + socket.inet_aton(target))


def bad_frames(lab):
    """VXLAN payloads: cut off at each byte, with each byte wrong, noise."""
    rng = random.Random(4789)
    good = [vxlan(dhcp_discover(lab.bms1.mac)),
            vxlan(arp_request(lab.bms1.mac, lab.bms1.address,
                              lab.bms2.address))]
    for frame in good:
        for end in range(len(frame)):
            yield frame[:end]
        for at in range(len(frame)):
            yield (frame[:at] + bytes([rng.randrange(256)]) + frame[at + 1:])
    for _ in range(300):
        yield rng.randbytes(rng.randrange(1500))
        yield vxlan(rng.randbytes(rng.randrange(1400)))
        yield vxlan(b"\xff" * 6 + rng.randbytes(rng.randrange(1300)))
    for vni in (0, 1, 0xffffff):
        yield vxlan(dhcp_discover(lab.bms1.mac), vni=vni)
    for flags in (0x00, 0x09, 0xff):
        yield vxlan(dhcp_discover(lab.bms1.mac), flags=flags)
    for tpid in (b"\x81\0", b"\x88\xa8"):
        yield vxlan(b"\xff" * 6 + bytes(6) + (tpid + b"\0\x64") * 50)


@pytest.mark.parametrize("role", ["bad", "tor1", "compute1"])
def test_replicator__bad_frames__goes_on(lab, role):
    """From a stranger, a switch, and a compute host, as what is done with a
    frame depends on where it is from."""
    namespace = next(ns for ns in (lab.bad_ns, lab.switches[0].ns,
                                   lab.compute.ns) if ns.role == role)
    with namespace.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for frame in bad_frames(lab):
            s.sendto(frame, (lab.tsn_address, VXLAN_PORT))
    heals(lab)


@pytest.mark.parametrize("port", [6635, 51234, 3784, 67, 53])
def test_replicator__noise_at_other_ports__goes_on(lab, port):
    rng = random.Random(port)
    with lab.bad_ns.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for _ in range(200):
            try:
                s.sendto(rng.randbytes(rng.randrange(1400)),
                         (lab.tsn_address, port))
            except ConnectionRefusedError:
                pass
    heals(lab)


def test_services__control_node_talks_nonsense__go_on(lab):
    server = JunkServer(lab.bad_ns, XMPP_PORT, bad_control_node)
    try:
        wait_until(lambda: server.n_connections >= 40, 120,
                   "40 connections to the bad control node",
                   log=lab.service("tsn-tor-agent").log)
        lab.check_services()
    finally:
        server.close()
    heals(lab)


def test_services__only_control_node_talks_nonsense__go_on(lab):
    """With nobody else there, they take their configuration from it."""
    controller = lab.service("tsn-controller")
    controller.stop()
    server = JunkServer(lab.bad_ns, XMPP_PORT,
                        lambda connection, n: bad_control_node(
                            connection, n + len(hard_cases())))
    try:
        wait_until(lambda: server.n_connections >= 40, 120,
                   "40 connections to the bad control node",
                   log=lab.service("tsn-tor-agent").log)
    finally:
        server.close()
        controller.start()
    heals(lab)
    check_everything(lab)


def test_tor_agent__databases_talk_nonsense__goes_on(lab):
    def talk(i):
        return lambda connection, n: bad_database(connection,
                                                  i + n * N_SWITCHES)

    servers = [JunkServer(lab.bad_ns, OVSDB_PORT + i, talk(i))
               for i in range(N_SWITCHES)]
    try:
        wait_until(lambda: all(server.n_connections >= 2
                               for server in servers), 120,
                   "two connections to each of the bad databases",
                   log=lab.service("tsn-tor-agent").log)
        lab.check_services()
    finally:
        for server in servers:
            server.close()
    heals(lab)
