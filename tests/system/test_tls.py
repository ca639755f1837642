# SPDX-License-Identifier: Apache-2.0
"""The whole lab with TLS between the services and the controller: it works,
certificates are replaced while it does, and who must not get in does not.
Clients of other make: openssl s_client, and Python's ssl."""

import re
import signal
import socket
import ssl
import time
from collections import Counter

import pytest

from lab import LabError, Pinger, wait_until
from lab.base import run
from lab.checks import check_ping
from lab.pki import Pki

HEADER = (b'<stream:stream from="%s" to="network-control@contrailsystems.com"'
          b' version="1.0" xml:lang="en" xmlns=""'
          b' xmlns:stream="http://etherx.jabber.org/streams" >')
STARTTLS = (b'<?xml version="1.0"?>\n'
            b'<starttls xmlns="urn:ietf:params:xml:ns:xmpp-tls" />\n')
SUBSCRIBE = (b'<iq type="set" from="%s"'
             b' to="network-control@contrailsystems.com/config">\n'
             b'<pubsub xmlns="http://jabber.org/protocol/pubsub">\n'
             b'<subscribe node="virtual-router:default-global-system-config:'
             b'%s" />\n</pubsub>\n</iq>\n')
AGENTS = ("tor1-agent", "tor2-agent")


def prepare_lab(lab):
    lab.pki = Pki(lab.state.dir / "pki")
    lab.pki.make_ca("ca")
    lab.pki.make_ca("other-ca")
    lab.pki.issue("controller", "ca")
    lab.pki.issue("tsn", "ca")


def controller_sessions(lab):
    """What the controller shows of its sessions, by the client's name."""
    status = lab.tsnctl("status", as_json=True)["tsn-controller"]
    return {session["name"]: session for session in status["sessions"]}


def times_up(lab):
    """How often each client of the controller has had a session: one that
    went and came back may be up for as long as before."""
    log = lab.service("tsn-controller").log_text()
    return Counter(re.findall(r"session is up session=(\S+)", log))


def replicator_session(lab):
    """What the replicator shows of its only session."""
    status = lab.tsnctl("status", as_json=True)["tsn-replicator"]
    if not status:
        raise LabError("tsn-replicator is not running")
    return status["sessions"][0]


def tor_sessions(lab):
    tors = lab.tsnctl("show", "tors", as_json=True)["tors"]
    return {tor["tor"]: tor["xmpp"]["sessions"][0] for tor in tors}


def wait_replicator(lab, condition, what):
    return wait_until(lambda: condition(replicator_session(lab)), 20, what,
                      log=lab.service("tsn-replicator").log)


def restart_replicator(lab):
    lab.service("tsn-replicator").stop()
    lab.service("tsn-replicator").start()


def wait_log(service, text, times=1):
    wait_until(lambda: service.log_text().count(text) >= times, 10,
               f"'{text}' in the log", log=service.log)


def renew(lab, name, **options):
    lab.pki.issue(name, "ca", **options)


def reload(lab, name):
    """Has a service read its certificates anew."""
    service = lab.service(name)
    what = ("configuration loaded" if name == "tsn-controller"
            else "certificate files loaded")
    n = service.log_text().count(what)
    service.signal(signal.SIGHUP)
    wait_log(service, what, n + 1)


@pytest.fixture
def mended(lab):
    """Certificates as they were, and the replicator up."""
    yield
    renew(lab, "controller")
    renew(lab, "tsn")
    for name in lab.services:
        reload(lab, name)
    wait_replicator(lab, lambda s: s["state"] == "up", "the replicator's "
                    "session")


def test_sessions__all__use_tls_and_show_it(lab):
    sessions = controller_sessions(lab)
    assert set(sessions) == {*AGENTS, "tsn1"}
    for session in sessions.values():
        assert session["tls"]["version"] == "TLSv1.3"
        assert session["tls"]["peer"] == "CN=tsn"
        assert session["tls"]["peer_expires"] > time.strftime("%Y")
    for session in [replicator_session(lab), *tor_sessions(lab).values()]:
        assert session["tls"]["peer"] == "CN=controller"
    text = lab.tsnctl("status")
    assert "version=TLSv1.3" in text
    assert "peer=CN=controller" in text


def test_ping__over_tls__is_answered(lab):
    check_ping(lab.bms1, lab.bms2)
    check_ping(lab.bms1, lab.vm)


def test_certificates__replaced__serve_new_sessions_and_keep_the_others(
        lab, mended):
    before = times_up(lab)
    with Pinger(lab.bms1, lab.bms2) as pinger:
        pinger.wait_answers(5, 10)
        start = time.time()
        for name, service in (("controller", "tsn-controller"),
                              ("tsn", "tsn-tor-agent")):
            renew(lab, name, subject=f"new-{name}")
            reload(lab, service)
        restart_replicator(lab)
        session = wait_replicator(
            lab, lambda s: s["state"] == "up" and s,
            "the replicator's session")
        assert session["tls"]["peer"] == "CN=new-controller"
        assert pinger.longest_gap(start) < 1
    sessions = controller_sessions(lab)
    assert sessions["tsn1"]["tls"]["peer"] == "CN=new-tsn"
    for name in AGENTS:
        assert sessions[name]["tls"]["peer"] == "CN=tsn"
    assert times_up(lab) == before + Counter(["tsn1"])
    for session in tor_sessions(lab).values():
        assert session["state"] == "up"
        assert session["tls"]["peer"] == "CN=controller"


def test_certificates__replaced_without_a_signal__serve_new_sessions(lab,
                                                                     mended):
    time.sleep(1)       # The files are looked at no more often.
    renew(lab, "controller", subject="by-itself")
    restart_replicator(lab)
    wait_replicator(lab, lambda s: s["state"] == "up"
                    and s["tls"]["peer"] == "CN=by-itself",
                    "the new certificate")


@pytest.mark.parametrize("service,name", [("tsn-controller", "controller"),
                                          ("tsn-tor-agent", "tsn")])
def test_certificates__replaced_by_bad_ones__are_refused(lab, mended, service,
                                                         name):
    files = lab.pki.files(name)
    good = files.certificate.read_bytes()
    before = times_up(lab)
    process = lab.service(service)
    n = process.log_text().count(f"{files.certificate}: there is no PEM")
    files.certificate.write_text("junk")
    process.signal(signal.SIGHUP)
    wait_log(process, f"{files.certificate}: there is no PEM certificate in "
             "it", n + 1)
    if name == "controller":
        restart_replicator(lab)
        wait_replicator(lab, lambda s: s["state"] == "up",
                        "a session by the certificate of before")
        before["tsn1"] += 1
    files.certificate.write_bytes(good)
    assert set(controller_sessions(lab)) == {*AGENTS, "tsn1"}
    assert times_up(lab) == before


def test_client__of_another_ca__is_refused_others_stay(lab, mended):
    before = times_up(lab)
    lab.pki.issue("tsn", "other-ca", trusts="ca")
    restart_replicator(lab)
    session = wait_replicator(lab, lambda s: "TLS" in s.get("reason", "")
                              and s, "the refusal")
    assert session["reason"] == ("TLS failed: the peer refuses our "
                                 "certificate: its CA is another")
    wait_log(lab.service("tsn-controller"), "TLS failed: the peer's "
             "certificate (CN=tsn) is not signed by our CA")
    assert set(controller_sessions(lab)) == set(AGENTS)
    assert times_up(lab) == before


def test_server__of_another_ca__is_refused(lab, mended):
    lab.pki.issue("controller", "other-ca", trusts="ca")
    reload(lab, "tsn-controller")
    restart_replicator(lab)
    session = wait_replicator(lab, lambda s: "TLS" in s.get("reason", "")
                              and s, "the refusal")
    assert "(CN=controller) is not signed by our CA" in session["reason"]


# Clients of other make.

def s_client(lab, name, *argv):
    files = lab.pki.files(name)
    return run(*lab.controller_ns.argv(
        "openssl", "s_client", "-starttls", "xmpp", "-connect",
        "127.0.0.1:5269", "-CAfile", files.ca, "-verify_return_error",
        *argv), ok=(0, 1))


def test_openssl__with_certificate__is_served(lab):
    files = lab.pki.files("tsn")
    text = s_client(lab, "tsn", "-cert", files.certificate, "-key", files.key)
    assert "Verify return code: 0 (ok)" in text
    assert "subject=CN = controller" in text


def test_openssl__tls_1_1__is_refused(lab):
    text = s_client(lab, "tsn", "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0")
    assert "Cipher is (NONE)" in text
    wait_log(lab.service("tsn-controller"),
             "TLS failed: the peer has no TLS 1.2 or later")


class Client:
    """An agent made of Python's ssl, on the host of the services: the name of
    one that has just gone is kept for its address."""

    def __init__(self, lab, name):
        with lab.tsn_ns.entered():
            self.socket = socket.create_connection(
                (lab.controller_address, 5269), 10)
        self.name = name.encode()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def receive_until(self, end):
        data = b""
        while end not in data:
            more = self.socket.recv(65536)
            if not more:
                raise LabError(f"closed after {data!r}")
            data += more
        return data

    def start_tls(self, files, *, certificate=True):
        self.send(HEADER % self.name)
        self.receive_until(b"</stream:features>\n")
        self.send(STARTTLS)
        self.receive_until(b'xmpp-tls" />\n')
        context = ssl.create_default_context(cafile=files.ca)
        context.check_hostname = False
        if certificate:
            context.load_cert_chain(files.certificate, files.key)
        self.socket = context.wrap_socket(self.socket)
        self.send(HEADER % self.name)


def test_python__with_certificate__gets_its_configuration(lab):
    with Client(lab, "tor1-agent-x") as client:
        client.start_tls(lab.pki.files("tsn"))
        assert b"features" not in client.receive_until(b"/streams\" >")
        assert controller_sessions(lab)["tor1-agent-x"]["tls"]["peer"] \
            == "CN=tsn"
    lab.service("tsn-replicator").stop()
    try:
        wait_until(lambda: "tsn1" not in controller_sessions(lab), 10,
                   "the replicator's session to end")
        with Client(lab, "tsn1") as client:
            client.start_tls(lab.pki.files("tsn"))
            client.receive_until(b"/streams\" >")
            client.send(SUBSCRIBE % (client.name, client.name))
            client.receive_until(b"<display-name>tsn1</display-name>")
    finally:
        lab.service("tsn-replicator").start()
        wait_replicator(lab, lambda s: s["state"] == "up",
                        "the replicator's session")


def test_python__without_certificate__is_refused(lab):
    with Client(lab, "nobody") as client:
        with pytest.raises((ssl.SSLError, ConnectionError, LabError)):
            client.start_tls(lab.pki.files("tsn"), certificate=False)
            client.receive_until(b"/streams\" >")
    wait_log(lab.service("tsn-controller"), "the peer shows no certificate")


def test_client__in_the_clear__is_closed(lab):
    with Client(lab, "clear") as client:
        client.send(HEADER % client.name)
        client.receive_until(b"</stream:features>\n")
        client.send(SUBSCRIBE % (client.name, client.name))
        assert client.socket.recv(100) == b""
    wait_log(lab.service("tsn-controller"), "peer does not use TLS")
    assert "clear" not in controller_sessions(lab)
