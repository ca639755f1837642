# SPDX-License-Identifier: Apache-2.0
"""A switch that misbehaves: a proxy in front of a real ovsdb-server, which
reads the JSON-RPC of both sides (RFC 7047) message by message."""

import json
import socket
import threading

from .switch import OVSDB_PORT

PROXY_PORT = 6645
CHUNK = 65536


def messages(connection):
    """The JSON values that come in, each as a whole, until the end."""
    decoder = json.JSONDecoder()
    text = ""
    pending = b""
    while data := connection.recv(CHUNK):
        # A character may be cut in two.
        pending += data
        try:
            text, pending = text + pending.decode(), b""
        except UnicodeDecodeError as error:
            text += pending[:error.start].decode()
            pending = pending[error.start:]
        text = text.lstrip()
        while text:
            try:
                message, end = decoder.raw_decode(text)
            except ValueError:
                break
            yield message
            text = text[end:].lstrip()


def refusal(operations, refuse):
    """What ovsdb-server would answer to 'operations' if it refused the first
    for which 'refuse(operation)' has words to say; None if it has for none
    (RFC 7047, 4.1.3)."""
    for i, operation in enumerate(operations):
        words = refuse(operation)
        if words:
            return ([{}] * i
                    + [{"error": "constraint violation", "details": words}]
                    + [None] * (len(operations) - i - 1))
    return None


def bound_vlans(operation):
    """The VLANs of a port that 'operation' puts into networks."""
    if operation.get("table") != "Physical_Port":
        return set()
    bindings = operation.get("row", {}).get("vlan_bindings", ["map", []])
    added = [value for column, mutator, value
             in operation.get("mutations", [])
             if (column, mutator) == ("vlan_bindings", "insert")]
    return {vlan for _, pairs in [bindings, *added] for vlan, _ in pairs}


def is_write(operation, table, *kinds):
    """Whether it changes a row of the table, by one of these operations or by
    any."""
    return (operation.get("table") == table
            and operation["op"] in (kinds or ("insert", "update", "mutate",
                                              "delete")))


class BadSwitch:
    """The proxy of 'switch', which it makes the agent talk to.  The members
    below are its rules, which a test sets; calm() ends all."""

    def __init__(self, switch):
        self.n_refused = 0
        self.n_transactions = 0
        self.n_dropped = 0
        self.n_cut = 0
        self._switch = switch
        self._closing = threading.Event()
        self._pairs = set()
        self.calm()
        self._listener = switch.ns.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((switch.address, PROXY_PORT))
        self._listener.listen()
        switch.remote = f"tcp:{switch.address}:{PROXY_PORT}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def calm(self):
        """From now on the proxy only passes on."""
        self.refuse = lambda operation: None    # Words, to refuse it.
        self.reply_delay_s = 0                  # To transactions.
        self.drop_replies = False               # To transactions.
        # So many transactions end the session: before the database has them,
        # or so that it does them and the agent hears nothing of it.
        self.cut_requests = 0
        self.cut_replies = 0
        self.half_open = False                  # Nothing passes any more.

    def is_connected(self):
        return bool(self._pairs)

    def say(self, data):
        """Sends 'data' to the agent, in the middle of its session.  Returns
        whether it was taken."""
        taken = False
        for agent, _, lock in list(self._pairs):
            try:
                with lock:
                    agent.sendall(data)
                taken = True
            except OSError:
                pass    # It has closed, as it should on most of this.
        return taken

    def cut(self):
        """Ends the sessions, as if the switch had died; returns how many."""
        pairs = list(self._pairs)
        for pair in pairs:
            self._cut(pair)
        return len(pairs)

    def close(self):
        self._closing.set()
        self._shut(self._listener)
        for pair in list(self._pairs):
            self._cut(pair)
        self._listener.close()
        self._thread.join(10)

    @staticmethod
    def _shut(s):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def _cut(self, pair):
        for s in pair[:2]:
            self._shut(s)

    def _serve(self):
        while not self._closing.is_set():
            try:
                agent, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._session, args=(agent,),
                             daemon=True).start()

    def _session(self, agent):
        database = self._switch.ns.socket(socket.AF_INET, socket.SOCK_STREAM)
        pair = (agent, database, threading.Lock())
        self._pairs.add(pair)
        transactions = set()    # Ids of those without a reply yet.
        back = threading.Thread(target=self._pump, daemon=True, args=(
            pair, database, lambda m: self._reply(pair, transactions, m)))
        try:
            database.connect((self._switch.address, OVSDB_PORT))
            back.start()
            self._pump(pair, agent,
                       lambda m: self._request(pair, transactions, m))
            back.join()
        except OSError:
            pass        # No database: the agent is told by the close.
        finally:
            self._pairs.discard(pair)
            agent.close()
            database.close()

    def _pump(self, pair, source, handle):
        try:
            for message in messages(source):
                if not self.half_open:
                    handle(message)
        except OSError:
            pass
        self._cut(pair)

    def _request(self, pair, transactions, message):
        agent, database, lock = pair
        if "method" not in message and message.get("id") != "echo":
            return      # The answer to something that say() has said.
        if message.get("method") == "transact":
            self.n_transactions += 1
            if self.cut_requests > 0:
                self.cut_requests -= 1
                self.n_cut += 1
                self._cut(pair)
                return
            result = refusal(message["params"][1:], self.refuse)
            if result:
                self.n_refused += 1
                with lock:
                    agent.sendall(json.dumps(
                        {"id": message["id"], "result": result,
                         "error": None}).encode())
                return
            transactions.add(message["id"])
            if self.cut_replies > 0:
                self.cut_replies -= 1
                self.n_cut += 1
                self._shut(agent)
        database.sendall(json.dumps(message).encode())

    def _reply(self, pair, transactions, message):
        agent, _, lock = pair
        # Ids of the server's own requests are no concern here.
        if "method" not in message and message.get("id") in transactions:
            transactions.discard(message["id"])
            if self.drop_replies:
                self.n_dropped += 1
                return
            self._closing.wait(self.reply_delay_s)
        with lock:
            agent.sendall(json.dumps(message).encode())
