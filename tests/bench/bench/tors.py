# SPDX-License-Identifier: Apache-2.0
"""Many switches, each with a database server of its own, in one agent."""

import statistics
import threading
import time

from bench import Result, progress
from bench._ovsdb import SwitchDatabase
from bench._site import LISTEN, NODES, Site, cpu_seconds, mac, rss
from bench.latency import Pair, percentile

N_TORS = 256
# Of each switch.
N_NETWORKS = 4
# That share a network.
N_SHARING = 16
VNI = 5000
IDLE_S = 60
N_SAMPLES = 100
# Between two cuts of the switch that flaps.
FLAP_S = 1

CASES = {
    "memory": f"resident for each of {N_TORS} idle switches, two control "
              "nodes",
    "cpu": f"share of a core for {N_TORS} idle switches, two control nodes",
    "flap": "median of the latency between two switches while a third one "
            f"comes and goes each {FLAP_S} s, against without",
}


def network(i, n):
    """The n-th one of switch 'i'."""
    return i // N_SHARING * N_NETWORKS + n


class Tors:
    """A site with the agent in service."""

    def __init__(self, context):
        self.site = Site(context)
        self.agent = None
        self.dbs = []

    def __enter__(self):
        self.site.__enter__()
        try:
            self._bring_up()
        except BaseException as error:
            self.site.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(self, *exc):
        self.site.__exit__(*exc)

    def _bring_up(self):
        """The last switch connects to the agent, the agent to the others."""
        for i in range(N_TORS):
            address = f"127.1.{i // 250}.{i % 250 + 1}"
            self.dbs.append(SwitchDatabase(
                self.site, f"tor{i}", f"10.0.{i // 250}.{i % 250 + 1}",
                None if i == N_TORS - 1 else address).start())
        self.site.controllers({
            "networks": [{"name": f"net{n}", "vni": VNI + n} for n in range(
                network(N_TORS - 1, N_NETWORKS))], "tsns": [],
            "switches": [{"name": db.name, "vtep": db.vtep, "ports": [
                {"name": "p1", "vlan": n + 1, "network": f"net{network(i, n)}"}
                for n in range(N_NETWORKS)]}
                for i, db in enumerate(self.dbs)]})
        self.agent = self.site.agent([
            {"name": db.name} | ({"ovsdb": db.remote} if db.remote else {})
            for db in self.dbs])
        self.agent.start()
        self.dbs[-1].connect_to(f"tcp:{LISTEN}")
        self.site.wait_served(self.agent, N_TORS)


class Flapper:
    """As a context manager: a switch that comes, stays for a while, and goes,
    over and over."""

    def __init__(self, db):
        self._db = db
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.n = 0

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc):
        self._stop.set()
        self._thread.join()

    def _run(self):
        while not self._stop.is_set():
            self._db.disconnect_from(f"tcp:{LISTEN}")
            self._db.connect_to(f"tcp:{LISTEN}")
            self.n += 1
            self._stop.wait(FLAP_S)


def sample(tors, first, n):
    """Milliseconds of 'n' MACs, spread over the time of as many tenths of a
    second, or a flap would be missed."""
    pair = Pair(tors.dbs[0], tors.dbs[1])
    found = []
    for i in range(n):
        found.append(1000 * pair.measure(mac(first + i)))
        time.sleep(0.1)
    return found


def measure(context):
    """One run."""
    with Tors(context) as tors:
        cpu, start = cpu_seconds(tors.agent), time.monotonic()
        time.sleep(IDLE_S)
        share = ((cpu_seconds(tors.agent) - cpu)
                 / (time.monotonic() - start) * 100)
        found = {"cpu": share, "memory": rss(tors.agent) / N_TORS}
        found["quiet"] = sample(tors, 0, N_SAMPLES)
        with Flapper(tors.dbs[-1]) as flapper:
            found["flap"] = sample(tors, N_SAMPLES, N_SAMPLES)
            found["flaps"] = flapper.n
        progress(f"    {found['memory']:.0f} bytes each, {share:.2f} % of a "
                 f"core; {statistics.median(found['quiet']):.2f} ms, "
                 f"{statistics.median(found['flap']):.2f} ms with "
                 f"{found['flaps']} flaps")
        return found


SETTING = (f"{N_NETWORKS} networks each, {N_SHARING} switches in a network, "
           "default probe and hold times")


def idle(found, case):
    values = [run[case] for run in found]
    unit = {"memory": "bytes/switch", "cpu": "% of a core"}[case]
    return Result(unit, statistics.median(values), note=(
        f"{SETTING}; {IDLE_S} s after all are in service; {len(found)} runs, "
        f"{min(values):.2f} to {max(values):.2f}"))


def flap(found):
    def across(key, p):
        return statistics.median(percentile(run[key], p) for run in found)

    return Result("ms", across("flap", 50), {"ours/quiet":
                                             across("quiet", 50)}, (
        f"{SETTING}; p99 {across('flap', 99):.2f} ms, quiet "
        f"{across('quiet', 99):.2f} ms; {len(found)} runs of {N_SAMPLES} "
        f"MACs, {sum(run['flaps'] for run in found)} flaps"))


def run(case, context):
    progress(f"  {IDLE_S} s of idling a round")
    found = context.runs(measure, "cpu")
    return flap(found) if case == "flap" else idle(found, case)
