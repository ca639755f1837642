# SPDX-License-Identifier: Apache-2.0
"""Stands between an agent and a control node, and knows when the agent said
something."""

import select
import socket
import threading
import time

PORT = 5269
CHUNK = 1 << 18


class Relay:
    """As a context manager: takes one connection to 'address' at a time and
    passes it on to 'target'."""

    def __init__(self, ns, address, target):
        self._ns = ns
        self._target = target
        self._listener = ns.socket(socket.AF_INET)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((address, PORT))
        self._listener.listen()
        self._stop_us, self._stopped = socket.socketpair()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._heard = None
        self._silence = 0
        self.n_connections = 0

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc):
        self._stop_us.close()
        self._thread.join()
        self._listener.close()
        self._stopped.close()

    def reset(self):
        """Silence counts from now."""
        self._silence = 0

    def silence(self):
        """The longest that the agent said nothing, in seconds, the silence
        that is not over included."""
        return max(self._silence, self.quiet_s())

    def quiet_s(self):
        """Seconds since the agent said something."""
        return time.monotonic() - self._heard

    def _run(self):
        while True:
            ready = select.select([self._listener, self._stopped], [], [])[0]
            if self._stopped in ready:
                return
            agent = self._listener.accept()[0]
            node = self._ns.socket(socket.AF_INET)
            node.connect((self._target, PORT))
            self.n_connections += 1
            self._heard = time.monotonic()
            with agent, node:
                self._pass(agent, node)

    def _pass(self, agent, node):
        other = {agent: node, node: agent}
        while True:
            ready = select.select([agent, node, self._stopped], [], [])[0]
            if self._stopped in ready:
                return
            for source in ready:
                data = source.recv(CHUNK)
                if not data:
                    return
                if source is agent:
                    now = time.monotonic()
                    self._silence = max(self._silence, now - self._heard)
                    self._heard = now
                other[source].sendall(data)
