# SPDX-License-Identifier: Apache-2.0
"""Peers that misbehave, and bytes that nobody should have to read.  All of it
is drawn from seeds, so a finding can be had again."""

import json
import random
import re
import socket
import threading

from .switch import SHARE

XMPP_PORT = 5269
SERVER_OPEN = (b'<stream:stream from="bad" to="you" id="++123" version="1.0" '
               b'xml:lang="en" xmlns="jabber:client" '
               b'xmlns:stream="http://etherx.jabber.org/streams" >')
NUMBERS = [b"0", b"-1", b"16777216", b"4294967296", b"99999999999999999999",
           b"1e9", b"", b"x", b"255.255.255.255", b"0.0.0.0/33", b"::1",
           b"ff:ff:ff:ff:ff:ff:ff", b"zz:zz:zz:zz:zz:zz", b"\xff\xfe"]

EVPN_ITEM = b"""<message from="network-control@contrailsystems.com" to="x/bgp-peer">
<event xmlns="http://jabber.org/protocol/pubsub">
<items node="25/242/default-domain:default-project:blue:blue">
<item id="100-02:dd:00:00:00:01,0.0.0.0/32"><entry><nlri><af>25</af>
<safi>242</safi><ethernet-tag>100</ethernet-tag><mac>02:dd:00:00:00:01</mac>
<address>192.0.2.77/32</address></nlri><next-hops><next-hop><af>1</af>
<address>10.0.0.77</address><label>100</label><tunnel-encapsulation-list>
<tunnel-encapsulation>vxlan</tunnel-encapsulation></tunnel-encapsulation-list>
</next-hop></next-hops><olist/><virtual-network>default-domain:default-project:blue
</virtual-network><mobility sticky="false" seqno="0"/>
<sequence-number>0</sequence-number><local-preference>100</local-preference>
<leaf-olist><next-hop><af>1</af><address>10.0.0.78</address><label>100</label>
<tunnel-encapsulation-list><tunnel-encapsulation>vxlan</tunnel-encapsulation>
</tunnel-encapsulation-list></next-hop></leaf-olist>
<replicator-address>10.0.0.100</replicator-address></entry></item>
<retract id="100-02:dd:00:00:00:02,0.0.0.0/32"/></items></event></message>"""
TREE_ITEM = b"""<message from="network-control@contrailsystems.com" to="x/bgp-peer">
<event xmlns="http://jabber.org/protocol/pubsub">
<items node="1/241/default-domain:default-project:blue:blue">
<item id="10.0.0.100:1:255.255.255.255,0.0.0.0"><entry><nlri><af>1</af>
<safi>241</safi><group>255.255.255.255</group><source>0.0.0.0</source>
<source-label>20000</source-label></nlri><next-hops/><olist><next-hop>
<af>1</af><address>10.0.0.79</address><label>20001</label>
<tunnel-encapsulation-list><tunnel-encapsulation>udp</tunnel-encapsulation>
</tunnel-encapsulation-list></next-hop></olist></entry></item></items></event>
</message>"""
CONFIG_PUSH = b"""<iq type="set" from="network-control@contrailsystems.com" to="x/config">
<config><update><node type="virtual-network"><name>default-domain:p:junk</name>
<virtual-network-network-id>7</virtual-network-network-id>
<virtual-network-properties><vxlan-network-identifier>777
</vxlan-network-identifier></virtual-network-properties></node>
<node type="routing-instance"><name>default-domain:p:junk:junk</name></node>
<link><node type="virtual-network"><name>default-domain:p:junk</name></node>
<node type="routing-instance"><name>default-domain:p:junk:junk</name></node>
<metadata type="virtual-network-routing-instance"/></link></update>
<delete><node type="virtual-network"><name>default-domain:p:gone</name></node>
</delete></config></iq>"""
PUBLISH = b"""<iq type="set" from="bad" to="network-control@contrailsystems.com/bgp-peer" id="p1">
<pubsub xmlns="http://jabber.org/protocol/pubsub">
<publish node="25/242/02:dd:00:00:00:01,192.0.2.77/32"><item><entry><nlri>
<af>25</af><safi>242</safi><ethernet-tag>100</ethernet-tag>
<mac>02:dd:00:00:00:01</mac><address>192.0.2.77/32</address></nlri>
<next-hops><next-hop><af>1</af><address>10.0.0.77</address><label>100</label>
</next-hop></next-hops></entry></item></publish></pubsub></iq>"""
SUBSCRIBE = b"""<iq type="set" from="bad" to="network-control@contrailsystems.com/bgp-peer" id="s1">
<pubsub xmlns="http://jabber.org/protocol/pubsub">
<subscribe node="default-domain:default-project:blue:blue"><options>
<instance-id>1</instance-id></options></subscribe></pubsub></iq>"""


def mutate(data, rng):
    """'data' with something wrong: a value, a tag, a byte, its end."""
    kind = rng.randrange(10)
    at = rng.randrange(len(data))
    if kind == 0:
        return data[:at]
    if kind == 1:
        return data[:at] + bytes([rng.randrange(256)]) + data[at + 1:]
    if kind == 2:
        end = min(len(data), at + rng.randrange(1, 200))
        return data[:at] + data[end:]
    if kind == 3:
        end = min(len(data), at + rng.randrange(1, 200))
        return data[:end] + data[at:]
    # The others leave it well-formed: another value between tags or quotes.
    values = list(re.finditer(rb"(?<=>)[^<>]+(?=<)|(?<==\")[^\"]*(?=\")",
                              data))
    value = rng.choice(values)
    return (data[:value.start()] + rng.choice(NUMBERS) + data[value.end():])


def stanzas(templates, seed, n):
    rng = random.Random(seed)
    return [mutate(rng.choice(templates), rng) for _ in range(n)]


def hard_cases():
    """XML that is known to be hard on its readers."""
    bomb = b"".join(b'<!ENTITY e%d "%s">' % (i, b"&e%d;" % (i - 1) * 10)
                    for i in range(1, 10))
    return [
        random.Random(1).randbytes(4096),
        bytes(4096),
        b"GET / HTTP/1.0\r\n\r\n",
        b"<a>" * 20000,
        b"<iq " + b"".join(b'a%d="1" ' % i for i in range(20000)) + b"/>",
        b"<iq from='" + b"x" * (8 << 20) + b"'/>",
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY e0 "lol">' + bomb
        + b"]><a>&e9;</a>",
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        b"</stream:stream>", b"<iq", b"</iq>", b"<iq/>", b"<message/>",
        b"&&&&", b"\xc8", b"\xc8\x80" * 1000, b"<\xff\xfe\x00>",
        b"<iq type='set'><pubsub/></iq>", b"<iq type='error'/>",
        b"<message><event><items/></event></message>",
    ]


class JunkServer:
    """Listens and hands each connection to 'talk(connection, index)', until
    it is closed.  What the other side does about it is no concern here."""

    def __init__(self, namespace, port, talk):
        self.n_connections = 0
        self._talk = talk
        self._closing = False
        self._open = set()
        self._listener = namespace.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("0.0.0.0", port))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self):
        self._closing = True
        for s in (self._listener, *self._open):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self._listener.close()
        self._thread.join(10)

    def _serve(self):
        while not self._closing:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            index, self.n_connections = (self.n_connections,
                                         self.n_connections + 1)
            threading.Thread(target=self._handle, daemon=True,
                             args=(connection, index)).start()

    def _handle(self, connection, index):
        self._open.add(connection)
        try:
            connection.settimeout(5)
            self._talk(connection, index)
        except OSError:
            pass
        finally:
            self._open.discard(connection)
            connection.close()


def bad_control_node(connection, index):
    """Opens the stream as it should be, most of the time, and then talks
    nonsense."""
    connection.recv(4096)
    cases = hard_cases()
    if index < len(cases):
        if index % 4:
            connection.sendall(SERVER_OPEN)
        connection.sendall(cases[index])
    else:
        connection.sendall(SERVER_OPEN)
        for stanza in stanzas([EVPN_ITEM, TREE_ITEM, CONFIG_PUSH], index, 20):
            connection.sendall(stanza)
    # Hears the other side out, so that nothing is lost to a reset.
    connection.shutdown(socket.SHUT_WR)
    while connection.recv(65536):
        pass


def _requests(connection):
    """The JSON-RPC requests that come in."""
    decoder = json.JSONDecoder()
    buffer = ""
    while data := connection.recv(65536):
        buffer += data.decode(errors="replace")
        while buffer:
            try:
                request, end = decoder.raw_decode(buffer)
            except ValueError:
                break
            yield request
            buffer = buffer[end:].lstrip()


def bad_database(connection, index):
    """An OVSDB server that breaks RFC 7047 in a way that depends on the
    connection's number: from noise, over wrong answers, to a schema and rows
    that are nearly right."""
    rng = random.Random(index)
    with open(f"{SHARE}/vtep.ovsschema") as f:
        schema = json.load(f)
    plain = [b"", rng.randbytes(4096), b"[" * 200000, b'{"id":', b"null" * 99,
             b'{"method":"update","params":[1],"id":null}',
             b'{"method":"echo","params":[],"id":"' + b"x" * (1 << 20)]
    if index < len(plain):
        connection.sendall(plain[index])
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
        return

    def answer(request):
        method = request.get("method")
        if index % 3 == 0:
            return rng.choice([None, 1, "x", [], {}, [1, {}], {"a": None}])
        if method == "list_dbs":
            return ["hardware_vtep", "_Server"]
        if method == "get_schema":
            if request["params"] == ["_Server"]:
                return None
            if index % 3 == 1:
                broken = json.loads(json.dumps(schema))
                for table in rng.sample(sorted(broken["tables"]), 3):
                    broken["tables"][table] = rng.choice(
                        [None, {}, {"columns": {"name": {"type": "nothing"}}}])
                return broken
            return schema
        if method and method.startswith("monitor"):
            table = rng.choice(sorted(schema["tables"]))
            row = {column: rng.choice([None, 1, "x", ["set", [1, "a"]],
                                       ["uuid", "no"], ["map", [[1]]], {}])
                   for column in schema["tables"][table]["columns"]}
            uuid = rng.choice(["no-uuid", "00000000-0000-0000-0000-000000000001"])
            rows = {table: {uuid: {rng.choice(["initial", "insert", "modify",
                                               "new", "x"]): row}}}
            return [False, "0", rows] if method.endswith("since") else rows
        return rng.choice([None, [], [{"error": "out of luck"}], {}, 7])

    for request in _requests(connection):
        if not isinstance(request, dict):
            continue
        reply = {"id": request.get("id"), "result": answer(request),
                 "error": None}
        if reply["result"] is None:
            reply["error"] = {"error": "unknown database"}
        connection.sendall(json.dumps(reply).encode())
        notification = {"id": None, "method": rng.choice(
            ["update", "update2", "update3", "locked", "stolen", "nonsense"]),
            "params": rng.choice([[], [None, {}], ["x", "y", {"T": 1}], {}])}
        connection.sendall(json.dumps(notification).encode())
