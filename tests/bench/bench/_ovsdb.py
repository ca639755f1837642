# SPDX-License-Identifier: Apache-2.0
"""ovsdb-servers, and a client of theirs that the programs under test have
nothing to do with."""

import json
import shutil
import socket
from pathlib import Path

from lab import LabError, run, wait_until

SHARE = "/usr/share/openvswitch"
PORT = 6640
# Rows a transaction has when a benchmark fills a database: what
# ovsdb-server takes fastest.
FILL_ROWS = 100
# For an answer; a transaction of 100 000 rows takes many seconds.
PATIENCE_S = 120


class JsonRpc:
    """One connection to a Unix socket that speaks JSON-RPC (RFC 7047
    section 4): a database server's or that for its operator."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(PATIENCE_S)
        self._socket.connect(str(path))
        self._buffer = ""
        self._n = 0

    def close(self):
        self._socket.close()

    def request(self, method, params):
        self._n += 1
        self._send({"method": method, "id": self._n, "params": params})
        while True:
            message = self.receive()
            if message.get("id") == self._n and "result" in message:
                break
        if message.get("error"):
            raise LabError(f"{method}: {message['error']}")
        return message["result"]

    def receive(self):
        """The next message that is no echo request."""
        while True:
            message = self._receive()
            if message.get("method") != "echo":
                return message
            self._send({"id": message["id"], "result": message["params"],
                        "error": None})

    def _send(self, message):
        self._socket.sendall(json.dumps(message).encode())

    def _receive(self):
        decoder = json.JSONDecoder()
        while True:
            # Only a whole object can end like this: parts of a large one are
            # not parsed for each piece of it that comes.
            if "}" in self._buffer[-2:] or self._buffer.startswith('{"'):
                try:
                    value, end = decoder.raw_decode(self._buffer)
                    self._buffer = self._buffer[end:].lstrip()
                    return value
                except ValueError:
                    pass
            chunk = self._socket.recv(1 << 20)
            if not chunk:
                raise LabError("the database server hung up")
            self._buffer += chunk.decode()


class Ovsdb:
    """An ovsdb-server with one database."""

    def __init__(self, site, name, schema, address=None, tls=None):
        """Serves 'address', if there is one, with the files of 'tls'."""
        self.name = name
        self.dir = site.state.dir / name
        self.dir.mkdir()
        self.file = self.dir / "db"
        self.ctl = self.dir / "ctl"
        self.unix = f"unix:{self.dir}/sock"
        self._schema = schema
        self._templates = site.state.dir
        self._database = json.loads(Path(schema).read_text())["name"]
        self._client = self._operator = None
        scheme = "ssl" if tls else "tcp"
        self.remote = address and f"{scheme}:{address}:{PORT}"
        argv = ["ovsdb-server", f"--remote=p{self.unix}",
                f"--unixctl={self.ctl}", "-vconsole:warn", "-vsyslog:off"]
        if address:
            argv.append(f"--remote=p{scheme}:{PORT}:{address}")
        if tls:
            argv += [f"--private-key={tls.key}", f"--ca-cert={tls.ca}",
                     f"--certificate={tls.certificate}"]
        self.process = site.process(f"{name}-ovsdb", [*argv, self.file])

    def start(self):
        template = self._templates / f"{Path(self._schema).name}.db"
        if not template.exists():
            run("ovsdb-tool", "create", template, self._schema)
        if not self.file.exists():
            shutil.copy(template, self.file)
        self.process.start()
        self._client = wait_until(self.connect, 30,
                                  f"the database server of {self.name}",
                                  log=self.process.log)
        return self

    def connect(self):
        """A client of the database; nothing as long as it does not listen."""
        try:
            return JsonRpc(self.dir / "sock")
        except OSError:
            return None

    def transact(self, operations):
        """Returns the results; any error is one."""
        results = self._client.request("transact",
                                       [self._database, *operations])
        for result in results:
            if result and result.get("error"):
                raise LabError(f"{self.name}: {result}")
        return results

    def insert(self, table, rows):
        """Inserts any number of rows, in pieces."""
        for i in range(0, len(rows), FILL_ROWS):
            self.transact([{"op": "insert", "table": table, "row": row}
                           for row in rows[i:i + FILL_ROWS]])

    def insert_one(self, table, row):
        """Returns the row's uuid, as a value for a column."""
        return self.transact([{"op": "insert", "table": table,
                               "row": row}])[0]["uuid"]

    def select(self, table, columns, where=()):
        return self.transact([{"op": "select", "table": table,
                               "where": list(where),
                               "columns": columns}])[0]["rows"]

    def watch(self, table, columns):
        """A client that receive()s the table's changes from now on."""
        client = self.connect()
        client.request("monitor", [self._database, None, {
            table: {"columns": columns,
                    "select": {"initial": False}}}])
        return client

    def command(self, name, *argv):
        """As ovs-appctl, without another process for each."""
        if not self._operator:
            self._operator = JsonRpc(self.ctl)
        return self._operator.request(name, list(argv))

    def cut_sessions(self):
        """Closes all connections, as a restart of the server would."""
        self.command("ovsdb-server/reconnect")
        self._client.close()
        self._client = wait_until(self.connect, 30,
                                  f"the database server of {self.name}")

    def n_cells(self):
        """How much is in the database, without reading it: columns times
        rows, of which the server itself keeps count."""
        for word in self.command("memory/show").split():
            if word.startswith("cells:"):
                return int(word[6:])
        return 0

    def count(self, table):
        """Rows in a table, by reading them."""
        return len(self.select(table, ["_uuid"]))


class SwitchDatabase(Ovsdb):
    """The hardware_vtep database of a switch, with one port "p1".  With an
    'address' it is where the agent connects to; without, it connects to the
    agent when told to."""

    def __init__(self, site, name, vtep, address=None, tls=None):
        super().__init__(site, name, f"{SHARE}/vtep.ovsschema", address, tls)
        self.vtep = vtep

    def start(self):
        super().start()
        if not self.count("Physical_Switch"):
            self.transact([
                {"op": "insert", "table": "Physical_Port", "uuid-name": "p",
                 "row": {"name": "p1"}},
                {"op": "insert", "table": "Physical_Switch",
                 "uuid-name": "s",
                 "row": {"name": self.name, "tunnel_ips": self.vtep,
                         "ports": ["named-uuid", "p"]}},
                {"op": "insert", "table": "Global",
                 "row": {"switches": ["named-uuid", "s"]}}])
        return self

    def connect_to(self, remote):
        """Has it connect to an agent, now."""
        self.command("ovsdb-server/add-remote", remote)

    def disconnect_from(self, remote):
        self.command("ovsdb-server/remove-remote", remote)

    def networks(self):
        """Of the rows that the agent has written: names and uuids."""
        return {row["name"]: row["_uuid"] for row in self.select(
            "Logical_Switch", ["name", "_uuid"])}

    def learn(self, network, macs):
        """MACs appear behind port p1 in the network, by uuid."""
        for i in range(0, len(macs), FILL_ROWS):
            operations, locator = self._locator()
            self.transact(operations + [
                {"op": "insert", "table": "Ucast_Macs_Local",
                 "row": {"MAC": mac, "logical_switch": network,
                         "locator": locator}}
                for mac in macs[i:i + FILL_ROWS]])

    def _locator(self):
        """That of the switch itself, and what makes it if it is not there:
        unused ones go at the end of a transaction."""
        key = {"encapsulation_type": "vxlan_over_ipv4", "dst_ip": self.vtep}
        found = self.select("Physical_Locator", ["_uuid"],
                            [["dst_ip", "==", self.vtep]])
        if found:
            return [], found[0]["_uuid"]
        return ([{"op": "insert", "table": "Physical_Locator",
                  "uuid-name": "l", "row": key}], ["named-uuid", "l"])
