# SPDX-License-Identifier: Apache-2.0
"""The TOR agent and a control node made of Python's ssl, which says what a
live one with TLS said (recordings 11 and 14)."""

import contextlib
import json
import ssl
import subprocess

import pytest
from test_recorded_cloud import (TIMEOUT, TSN, VN1, VN2, ControlNode, Database,
                                 wait_until)

from lab.pki import Pki

FEATURES = (b'<?xml version="1.0"?>\n<stream:features>\n'
            b'<starttls xmlns="urn:ietf:params:xml:ns:xmpp-tls">\n'
            b'<required />\n</starttls>\n</stream:features>\n')
PROCEED = (b'<?xml version="1.0"?>\n'
           b'<proceed xmlns="urn:ietf:params:xml:ns:xmpp-tls" />\n')


def receive_until(connection, end):
    data = b""
    while not data.endswith(end):
        more = connection.recv(1)
        if not more:
            raise OSError("closed")
        data += more
    return data


class TlsListener:
    """Gives out connections that are through their handshake."""

    def __init__(self, node, listener):
        self.node = node
        self.listener = listener

    def accept(self):
        while True:
            connection, address = self.listener.accept()
            try:
                return self._start_tls(connection), address
            except OSError as error:
                self.node.refusals.append(str(error))
                connection.close()

    def _start_tls(self, connection):
        connection.settimeout(TIMEOUT)
        self.node.clear = receive_until(connection, b">")
        connection.sendall(self.node.blocks[0.909] + FEATURES)
        self.node.clear += receive_until(connection, b" />\n")
        connection.sendall(PROCEED)
        connection = self.node.context.wrap_socket(connection,
                                                   server_side=True)
        connection.settimeout(None)
        return connection

    def close(self):
        self.listener.close()


class TlsControlNode(ControlNode):
    def __init__(self, files):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(files.certificate, files.key)
        self.context.load_verify_locations(files.ca)
        # As a real one: asks for a certificate, and takes one that is good.
        self.context.verify_mode = ssl.CERT_OPTIONAL
        self.refusals = []
        super().__init__()

    def _serve(self):
        self.listener = TlsListener(self, self.listener)
        super()._serve()


@pytest.fixture
def pki(tmp_path):
    made = Pki(tmp_path / "pki")
    made.make_ca("ca")
    made.make_ca("other-ca")
    made.issue("agent", "ca")
    made.issue("control", "ca")
    made.issue("stranger", "other-ca", trusts="ca")
    return made


@pytest.fixture
def start(build_dir, tmp_path, pki):
    """Starts the agent and the node that has the named certificate."""
    running = contextlib.ExitStack()

    def start(name):
        node = TlsControlNode(pki.files(name))
        running.callback(node.close)
        database = Database(tmp_path)
        running.callback(database.stop)
        config = tmp_path / "tsn.yaml"
        config.write_text(f"""\
controllers: ["127.0.0.1:{node.port}"]
tls: {{certificate: pki/agent.pem, private-key: pki/agent.key, ca: pki/ca.pem}}
tor-agent:
  tsn: {TSN}
  tors:
  - name: tor1
    agent-name: tor-agent-1
    ovsdb: unix:{database.socket}
""")
        with open(tmp_path / "log", "wb") as log:
            agent = subprocess.Popen(
                [build_dir / "tor-agent/tsn-tor-agent", "--config", config,
                 "--run-dir", tmp_path], stderr=log)

        def stop():
            agent.terminate()
            try:
                status = agent.wait(TIMEOUT)
            except subprocess.TimeoutExpired:
                agent.kill()
                status = agent.wait()
            assert status == 0, (tmp_path / "log").read_text()
        running.callback(stop)
        return node, database

    with running:
        yield start


def session(build_dir, tmp_path):
    answer = subprocess.run(
        [build_dir / "tsnctl/tsnctl", "--json", "--run-dir", tmp_path, "show",
         "tors"], stdout=subprocess.PIPE, text=True).stdout
    return (json.loads(answer)["tors"][0]["xmpp"]["sessions"][0] if answer
            else {})


def test_control_node__with_tls__rows_are_written(start, build_dir, tmp_path):
    node, database = start("control")
    node.open()
    wait_until(lambda: database.bindings() == {100: VN1, 200: VN2},
               "bindings")
    # The header and the word to begin, and not a byte more.
    assert node.clear.startswith(b"<stream:stream")
    assert node.clear.endswith(
        b'<starttls xmlns="urn:ietf:params:xml:ns:xmpp-tls" />\n')
    assert b"<iq" not in node.clear
    shown = session(build_dir, tmp_path)["tls"]
    assert shown["peer"] == "CN=control"
    assert shown["version"] == "TLSv1.3"
    assert node.connection.getpeercert()["subject"] \
        == ((("commonName", "agent"),),)


def test_control_node__of_another_ca__is_told_nothing(start, build_dir,
                                                      tmp_path):
    node, _ = start("stranger")
    wait_until(lambda: node.refusals, "the agent refuses")
    assert "UNKNOWN_CA" in node.refusals[0]
    reason = wait_until(lambda: session(build_dir, tmp_path).get("reason"),
                        "the reason is shown")
    assert reason == ("TLS failed: the peer's certificate (CN=stranger) is "
                      "not signed by our CA")
    assert node.heard == b""
