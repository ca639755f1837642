# SPDX-License-Identifier: Apache-2.0
"""One MAC that a switch learns, until another switch has the row."""

import statistics
import time

from bench import Result
from bench._ovsdb import SwitchDatabase
from bench._site import NODES, Site, mac
from lab import LabError, wait_until

N_SAMPLES = 200
N_KNOWN = 1000
# A row that does not come.
PATIENCE_S = 10

CASES = {
    "median": "from the transaction of switch A to the update from switch B",
    "p99": f"the same, of {N_SAMPLES} one in a hundred is slower",
}


class Pair:
    """Two of the switches of a site, in service: what 'one' learns is to
    appear in 'other'."""

    def __init__(self, one, other):
        self._one = one
        self._network = wait_until(
            one.networks, PATIENCE_S, f"a network in {one.name}").popitem()[1]
        self._updates = other.watch("Ucast_Macs_Remote", ["MAC"])

    def measure(self, address):
        """Seconds from learning 'address' until the other has it."""
        start = time.monotonic()
        self._one.learn(self._network, [address])
        self._wait(address)
        return time.monotonic() - start

    def _wait(self, address):
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            update = self._updates.receive()
            if update.get("method") != "update":
                continue
            for row in update["params"][1]["Ucast_Macs_Remote"].values():
                if row.get("new", {}).get("MAC") == address:
                    return
        raise LabError(f"{address} does not arrive")


def percentile(values, p):
    """The smallest that 'p' percent are not above."""
    values = sorted(values)
    return values[max(0, -(-len(values) * p // 100) - 1)]


def two_switches(site):
    switches = [SwitchDatabase(site, f"tor{i}", f"10.0.0.{i}",
                               f"127.0.1.{i}").start() for i in (1, 2)]
    site.controllers({
        "networks": [{"name": "net", "vni": 5000}], "tsns": [],
        "switches": [{"name": db.name, "vtep": db.vtep, "ports": [
            {"name": "p1", "vlan": 0, "network": "net"}]}
            for db in switches]})
    agent = site.agent([{"name": db.name, "ovsdb": db.remote}
                        for db in switches])
    agent.start()
    site.wait_served(agent, len(switches))
    return switches


def measure(context):
    """One run: milliseconds, by case."""
    with Site(context) as site:
        one, other = two_switches(site)
        pair = Pair(one, other)
        one.learn(one.networks().popitem()[1],
                  [mac(i) for i in range(N_KNOWN)])
        wait_until(lambda: other.count("Ucast_Macs_Remote") == N_KNOWN,
                   PATIENCE_S, f"{N_KNOWN} rows in {other.name}")
        samples = [1000 * pair.measure(mac(N_KNOWN + i))
                   for i in range(N_SAMPLES)]
        return {"median": percentile(samples, 50),
                "p99": percentile(samples, 99)}


def run(case, context):
    found = context.runs(measure, "median")
    values = [run[case] for run in found]
    return Result("ms", statistics.median(values), note=(
        f"{len(found)} runs of {N_SAMPLES} MACs, one after the other, "
        f"{min(values):.2f} to {max(values):.2f} ms; {N_KNOWN} other MACs are "
        f"known; {len(NODES)} tsn-controllers between the agent and itself, "
        "two ovsdb-servers, all on two cores"))
