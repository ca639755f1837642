# SPDX-License-Identifier: Apache-2.0
"""Switches that connect to the agent, all to one address, in the clear and
with TLS, beside others that the agent connects to; and whoever else connects
there.  The switches are real ovsdb-servers."""

import signal
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from lab import wait_until
from lab.hosts import Server
from lab.netns import Namespace
from lab.pki import Pki
from lab.switch import OVSDB_PORT, FakeSwitch

TLS_PORT = 6641
OWN_PORT = 6650
PROBER_ADDRESS = "10.0.0.66"
SOON_S = 10
STORM_S = 5
PROBE_S = 5                     # How long a probe has patience.


class TlsSwitch(FakeSwitch):
    """Its ovsdb-server has a certificate, by its own name or another's."""

    shows = None

    def _ovsdb_argv(self):
        files = self.lab.switch_pki.files(self.shows or self.name)
        program, *argv = super()._ovsdb_argv()
        return [program, f"--private-key={files.key}",
                f"--certificate={files.certificate}",
                f"--ca-cert={files.ca}", *argv]


class TwinSwitch(TlsSwitch):
    """It is a copy of sw3, with all its files."""

    shows = "sw3"


class TlsServerSwitch(TlsSwitch):
    """Likewise, and it waits for us."""

    def _ovsdb_argv(self):
        return [*super()._ovsdb_argv(), f"--remote=pssl:{TLS_PORT}"]


def add_switch(lab, kind, i, *, remote=None, manager=None, **settings):
    switch = kind(lab, f"sw{i}", f"10.0.0.{30 + i}", ["p1"])
    switch.remote = remote and remote.format(address=switch.address)
    switch.settings = settings
    if kind is not FakeSwitch:
        lab.switch_pki.issue(switch.name, "ca")
    switch.create()
    if manager:
        switch.vtep_ctl("set-manager", f"{manager[0]}:{lab.tsn_address}:"
                        f"{manager[1]}")
    lab.switches.append(switch)
    lab.servers.append(Server(lab, f"server{i}", f"02:aa:00:00:00:{i:02x}",
                              f"192.0.2.{30 + i}", switch, "p1"))
    return switch


@pytest.fixture(scope="module")
def lab(new_lab):
    lab = new_lab
    lab.switches.clear()
    lab.servers.clear()
    lab.make_underlay()
    pki = lab.switch_pki = Pki(lab.state.dir / "pki")
    pki.make_ca("ca")
    ours = pki.issue("tsn", "ca")
    lab.tor_agent = {
        "tls": {"certificate": str(ours.certificate),
                "private-key": str(ours.key), "ca": str(ours.ca)},
        "listen": [{"address": f"0.0.0.0:{OVSDB_PORT}", "tls": False},
                   {"address": f"0.0.0.0:{TLS_PORT}"}],
    }
    lab.prober = Namespace(lab.state, "probe").create()
    lab.plug(lab.prober, PROBER_ADDRESS)
    plain, tls = ("tcp", OVSDB_PORT), ("ssl", TLS_PORT)
    add_switch(lab, FakeSwitch, 0, manager=plain)
    add_switch(lab, FakeSwitch, 1, manager=plain, address="10.0.0.31")
    add_switch(lab, TlsSwitch, 2, manager=tls)
    add_switch(lab, TlsSwitch, 3, manager=tls, certificate="sw3")
    add_switch(lab, TlsServerSwitch, 4, remote=f"ssl:{{address}}:{TLS_PORT}",
               certificate="sw4")
    add_switch(lab, FakeSwitch, 5, remote=f"ptcp:{OWN_PORT}",
               manager=("tcp", OWN_PORT))
    add_switch(lab, FakeSwitch, 6, remote=f"tcp:{{address}}:{OVSDB_PORT}")
    lab.make_compute()
    lab.start_services()
    lab.wait_ready()
    return lab


def listeners(lab):
    return lab.tsnctl("show", "listeners", as_json=True)


def sessions(lab):
    return {entry["tor"]: entry for entry in listeners(lab)["sessions"]}


def refused(lab, reason):
    return sum(entry["refused"].get(reason, 0)
               for entry in listeners(lab)["listeners"])


def network_of(switch):
    network, = switch.rows("Logical_Switch")
    return network["name"]


def check_learning(lab, mac):
    """What one switch learns, all others are told."""
    first, *others = lab.switches
    first.learn(network_of(first), mac)
    for switch in others:
        wait_until(lambda: mac in {m.lower() for _, m in
                                   switch.remote_macs()}, SOON_S,
                   f"{mac} in the database of {switch.name}")
    first.forget(network_of(first), mac)


def test_sessions__all_kinds__are_served_and_shown(lab):
    found = sessions(lab)
    assert set(found) == {f"sw{i}" for i in range(6)}
    for i, switch in enumerate(lab.switches[:6]):
        entry = found[switch.name]
        assert entry["state"] == "connected"
        assert entry["peer"] == switch.address
        assert entry["certificate"] == (f"CN=sw{i}" if i in (2, 3, 4)
                                        else None)
    check_learning(lab, "02:dd:00:00:00:01")


def test_tor_show__all_kinds__tells_where_the_switch_is(lab):
    found = {tor["tor"]: tor["ovsdb"]["remote"] for tor in
             lab.tsnctl("tor", "show", *(switch.name for switch
                                         in lab.switches),
                        as_json=True)["tors"]}
    for name, entry in sessions(lab).items():
        where = f"{entry['peer']}:{entry['port']}"
        if name == "sw4":
            assert found[name] == f"ssl:{entry['peer']}:{TLS_PORT}"
        elif entry["certificate"]:
            assert found[name] == f"ssl:{where} ({entry['certificate']})"
        else:
            assert found[name] == f"tcp:{where}"
    assert found["sw6"] == f"tcp:{lab.switches[6].address}:{OVSDB_PORT}"


def probe(lab, port, says):
    """Connects, and 'says' what it says.  Returns the socket; None if the
    agent has no time, or is done with the probe already."""
    s = lab.prober.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.settimeout(PROBE_S)
    try:
        s.connect((lab.tsn_address, port))
        s.sendall(says)
    except (TimeoutError, ConnectionResetError, BrokenPipeError):
        s.close()
        return None
    return s


def probe_port(lab, port, until):
    """A health check and its relatives: connects and hangs up; says something
    that is neither TLS nor OVSDB; says nothing and stays.  Returns how many of
    them there were."""
    n = 0
    silent = []
    while time.monotonic() < until:
        says = b"GET / HTTP/1.0\r\n\r\n" if n % 3 == 0 else b""
        s = probe(lab, port, says)
        if not s:
            continue
        n += 1
        if n % 3 == 2 and len(silent) < 50:
            silent.append(s)
        else:
            s.close()
    for s in silent:
        s.close()
    return n


def test_probe_storm__sessions_live__nothing_changes(lab):
    before = sessions(lab)
    agent = lab.service("tsn-tor-agent")
    log_lines = agent.log_text().count("\n")
    until = time.monotonic() + STORM_S
    ports = (OVSDB_PORT, TLS_PORT, OWN_PORT)
    with ThreadPoolExecutor(len(ports)) as pool:
        probes = [pool.submit(probe_port, lab, port, until) for port in ports]
        check_learning(lab, "02:dd:00:00:00:02")
    n_probes = sum(future.result() for future in probes)
    after = sessions(lab)
    for name, entry in after.items():
        assert entry["sessions"] == before[name]["sessions"]
        assert entry["up_s"] >= before[name]["up_s"] + STORM_S - 1
    assert n_probes > 3 * STORM_S
    assert refused(lab, "hung_up") > STORM_S
    assert refused(lab, "not_ovsdb") > 0
    # Rate-limited, and most of it at debug level.
    assert agent.log_text().count("\n") - log_lines < 60


def test_second_switch_of_the_name__first_answers__is_refused(lab):
    thief = FakeSwitch(lab, "thief", "10.0.0.67").create()
    thief.vtep_ctl("add-ps", "sw0", "--", "del-ps", "thief")
    n = sessions(lab)["sw0"]["sessions"]
    thief.vtep_ctl("set-manager", f"tcp:{lab.tsn_address}:{OVSDB_PORT}")
    wait_until(lambda: refused(lab, "duplicate") >= 2, 20,
               "the second switch to be refused twice",
               log=lab.service("tsn-tor-agent").log)
    entry = sessions(lab)["sw0"]
    assert entry["sessions"] == n
    assert entry["peer"] == "10.0.0.30"
    assert "10.0.0.67" in entry["alarm"]
    # What another switch's certificate or address is bound to is not had by
    # name.
    thief.vtep_ctl("add-ps", "sw1", "--", "del-ps", "sw0")
    wait_until(lambda: refused(lab, "wrong_identity") >= 1, 20,
               "the switch to be refused for its address")
    thief.ovsdb.stop()


def duplicates(lab):
    """What is told of switches that are there twice."""
    return {alarm["object"]: alarm["text"]
            for alarm in lab.tsnctl(
                "alarms", as_json=True)["tsn-tor-agent"]["alarms"]
            if alarm["alarm"] == "duplicate-device"}


def test_second_switch_of_the_certificate__is_told(lab):
    first = lab.switches[3]
    twin = TwinSwitch(lab, "twin", "10.0.0.68").create()
    assert f"switch={first.name}" not in duplicates(lab)
    twin.vtep_ctl("set-manager", f"ssl:{lab.tsn_address}:{TLS_PORT}")
    text = wait_until(lambda: duplicates(lab).get(f"switch={first.name}"), 30,
                      "an alarm for two switches of one certificate",
                      log=lab.service("tsn-tor-agent").log)
    assert first.address in text and "10.0.0.68" in text
    assert sessions(lab)[first.name]["alarm"]
    twin.ovsdb.stop()
    wait_until(lambda: sessions(lab)[first.name]["peer"] == first.address, 20,
               "the switch to have its session again")
    check_learning(lab, "02:dd:00:00:00:06")


def cut(switch):
    switch.ns.run("ss", "-K", "state", "established", "dport", "=",
                  f":{OVSDB_PORT}")
    switch.ns.run("ss", "-K", "state", "established", "dport", "=",
                  f":{TLS_PORT}")


def test_session__cut__comes_back(lab):
    before = sessions(lab)
    for switch in lab.switches[:4]:
        cut(switch)
    wait_until(lambda: all(
        entry["state"] == "connected"
        and (i >= 4 or entry["sessions"] > before[name]["sessions"])
        for i, (name, entry) in enumerate(sorted(sessions(lab).items()))),
        20, "the sessions to come back")
    check_learning(lab, "02:dd:00:00:00:03")


def our_certificate(lab):
    """As a switch is shown it."""
    files = lab.switch_pki.files("sw2")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_cert_chain(files.certificate, files.key)
    context.load_verify_locations(files.ca)
    with lab.prober.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
        s.settimeout(5)
        s.connect((lab.tsn_address, TLS_PORT))
        with context.wrap_socket(s) as tls:
            return tls.getpeercert(binary_form=True)


def test_certificates__replaced__sessions_stay_and_the_next_has_them(lab):
    before = sessions(lab)
    old = our_certificate(lab)
    lab.switch_pki.issue("tsn", "ca")
    lab.service("tsn-tor-agent").signal(signal.SIGHUP)
    wait_until(lambda: our_certificate(lab) != old, SOON_S,
               "the new certificate")
    for name, entry in sessions(lab).items():
        assert entry["sessions"] == before[name]["sessions"]
    cut(lab.switches[2])
    wait_until(lambda: sessions(lab)["sw2"]["sessions"]
               > before["sw2"]["sessions"], 20, "the session to come back")
    check_learning(lab, "02:dd:00:00:00:04")


def test_agent__restarted__switches_come_back(lab):
    agent = lab.service("tsn-tor-agent")
    assert agent.stop() == 0
    agent.start()
    wait_until(lambda: len(sessions(lab)) == 6
               and all(entry["state"] == "connected"
                       for entry in sessions(lab).values()), 30,
               "all switches to connect again", log=agent.log)
    check_learning(lab, "02:dd:00:00:00:05")
