# SPDX-License-Identifier: Apache-2.0
"""An agent of the cloud, as far as trees and flood lists go: it talks XMPP to
a control node, and forwards nothing."""

import re
import socket
import threading

from .base import LabError, wait_until

NODE = "network-control@contrailsystems.com"
PUBSUB = 'xmlns="http://jabber.org/protocol/pubsub"'
KEEPALIVE = b"\xc8\x80"
TIMEOUT = 20


def _encapsulations(*names):
    return "".join(f"<tunnel-encapsulation>{name}</tunnel-encapsulation>"
                   for name in names)


class Agent:
    """Connected from 'address' in 'namespace'."""

    def __init__(self, namespace, name, address, controller):
        self.name = name
        self.address = address
        self._heard = ""
        self._next_id = 0
        self._published = {}
        self._socket = namespace.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.settimeout(TIMEOUT)
        try:
            self._socket.bind((address, 0))
            self._socket.connect((controller, 5269))
        except OSError as error:
            self._socket.close()
            raise LabError(f"{name}: {error}") from None
        self._socket.settimeout(None)
        self._thread = threading.Thread(target=self._hear, daemon=True)
        self._thread.start()
        self._send(f'<stream:stream from="{name}" to="{NODE}" version="1.0" '
                   'xml:lang="en" xmlns="" '
                   'xmlns:stream="http://etherx.jabber.org/streams" >')
        wait_until(lambda: "<stream:stream" in self._heard, TIMEOUT,
                   f"the answer to {name}")

    def _hear(self):
        while True:
            try:
                data = self._socket.recv(65536)
            except OSError:
                return
            if not data:
                return
            self._heard += data.replace(KEEPALIVE, b"").decode()

    def _send(self, text):
        self._socket.sendall(text.encode())

    def close(self):
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass                # The other side was faster.
        self._socket.close()
        self._thread.join(TIMEOUT)

    def _iq(self, kind, content):
        self._next_id += 1
        self._send(f'<iq type="set" from="{self.name}" to="{NODE}/bgp-peer" '
                   f'id="{kind}{self._next_id}"><pubsub {PUBSUB}>{content}'
                   "</pubsub></iq>")

    def subscribe(self, instance, number):
        self._iq("subscribe", f'<subscribe node="{instance}"><options>'
                 f"<instance-id>{number}</instance-id></options></subscribe>")

    def _publish(self, instance, node, entry):
        self._published[instance, node] = entry
        self._iq("pubsub", f'<publish node="{node}"><item><entry>{entry}'
                 "</entry></item></publish>")
        self._iq("collection", f'<collection node="{instance}">'
                 f'<associate node="{node}" /></collection>')

    def _withdraw(self, instance, node):
        entry = self._published.pop((instance, node))
        self._iq("pubsub", f'<publish node="{node}"><item><entry>{entry}'
                 "</entry></item></publish>")
        self._iq("collection", f'<collection node="{instance}">'
                 f'<dissociate node="{node}" /></collection>')

    @staticmethod
    def _tree_node(instance):
        return f"1/241/{instance}/255.255.255.255"

    def join_tree(self, instance, first, last):
        self._publish(
            instance, self._tree_node(instance),
            "<nlri><af>1</af><safi>241</safi><group>255.255.255.255</group>"
            "<source>0.0.0.0</source><source-label>0</source-label></nlri>"
            f"<next-hops><next-hop><af>1</af><address>{self.address}</address>"
            f"<label>{first}-{last}</label><tunnel-encapsulation-list>"
            f"{_encapsulations('gre', 'udp')}</tunnel-encapsulation-list>"
            "</next-hop></next-hops>")

    def leave_tree(self, instance):
        self._withdraw(instance, self._tree_node(instance))

    def announce(self, instance, vtep, tag, label, encapsulation, *,
                 replicator="", edge_replication=True):
        """The broadcast route of an endpoint: of a switch that leaves flooding
        to 'replicator', or of a node that replicates by itself."""
        self._publish(
            instance, f"25/242/ff:ff:ff:ff:ff:ff,{vtep}/32",
            f"<nlri><af>25</af><safi>242</safi><ethernet-tag>{tag}"
            f"</ethernet-tag><mac>ff:ff:ff:ff:ff:ff</mac><address>{vtep}/32"
            f"</address></nlri><next-hops><next-hop><af>1</af><address>{vtep}"
            f"</address><label>{label}</label><tunnel-encapsulation-list>"
            f"{_encapsulations(encapsulation)}</tunnel-encapsulation-list>"
            "</next-hop></next-hops><local-preference>100</local-preference>"
            "<edge-replication-not-supported>"
            f"{'false' if edge_replication else 'true'}"
            "</edge-replication-not-supported><replicator-address>"
            f"{replicator}</replicator-address>")

    def withdraw(self, instance, vtep):
        self._withdraw(instance, f"25/242/ff:ff:ff:ff:ff:ff,{vtep}/32")

    def place(self, instance):
        """Its label in the tree and those of its neighbours, by address; None
        if it has no place."""
        node = f'<items node="1/241/{instance}">'
        events = [part.split("</items>")[0] for part
                  in self._heard.split(node)[1:] if "</items>" in part]
        if not events or "<retract" in events[-1]:
            return None
        head, olist = events[-1].split("<olist", 1)
        label = int(re.search(r"<source-label>(\d+)<", head)[1])
        return label, {address: int(other) for address, other in re.findall(
            r"<address>([\d.]+)</address>\s*<label>(\d+)</label>", olist)}
