# SPDX-License-Identifier: Apache-2.0
"""The session with a switch that has all its rows is cut, and comes back."""

import statistics
import time

from bench import Result, progress
from bench._ovsdb import SwitchDatabase
from bench._relay import Relay
from bench._site import NODES, Site
from bench.macs_down import N_MACS, SWITCH_ADDRESS, SWITCH_VTEP, topology
from lab import LabError, wait_until

# The shortest that clouds use (OpenSDN's fast convergence), with three
# keepalives in it (contrail-control, xmpp_connection.cc).
HOLD_S = 15
KEEPALIVE_S = HOLD_S / 3
# The session is cut so long before one is due: after the second of back-off
# it is then that the rows are read.
LEAD_S = 1.5
PATIENCE_S = 180
# Nothing more follows.
QUIET_S = KEEPALIVE_S

CASES = {
    "transactions": f"sent to a switch that comes back with {N_MACS} rows as "
                    "they should be",
    "keepalive": "how late the one came that was due while the rows were "
                 "read; a control node waits for "
                 f"{HOLD_S - KEEPALIVE_S:.0f} s more",
    "time": f"from the cut until {N_MACS} rows have been read again",
}


def wait_quiet(site, agent):
    """Until nothing has been sent for a while.  Returns the status, and when
    the last of it was as it is."""
    last = {"seen": None, "time": 0.0}

    def quiet():
        tor = site.tor(agent)
        now = time.monotonic()
        seen = [tor["ovsdb"]["connected"], tor["ovsdb"]["since"],
                tor["ovsdb"]["transactions"], tor["rows"]]
        if seen != last["seen"]:
            last.update(seen=seen, time=now)
        return (tor["ovsdb"]["connected"] and not tor["rows"]["waiting"]
                and tor["rows"]["written"] >= N_MACS
                and now - last["time"] > QUIET_S and tor)

    return wait_until(quiet, PATIENCE_S, "a switch that has all",
                      log=agent.log, interval=0.05), last["time"]


def cut(site, db, agent, relay):
    """Cuts the session.  Returns what the return of the switch cost."""
    before, _ = wait_quiet(site, agent)
    size = db.file.stat().st_size
    wait_until(lambda: 0 < KEEPALIVE_S - relay.quiet_s() < LEAD_S,
               2 * KEEPALIVE_S, "a keepalive that is due soon",
               interval=0.01)
    relay.reset()
    start = time.monotonic()
    db.cut_sessions()
    wait_until(lambda: site.tor(agent)["ovsdb"]["since"]
               != before["ovsdb"]["since"], PATIENCE_S, "another session",
               log=agent.log)
    after, end = wait_quiet(site, agent)
    silence = relay.silence()
    if relay.n_connections != 1:
        raise LabError("the agent lost the control node")
    if db.count("Ucast_Macs_Remote") != N_MACS:
        raise LabError("rows were lost")
    n = after["ovsdb"]["transactions"] - before["ovsdb"]["transactions"]
    if not n and db.file.stat().st_size != size:
        raise LabError("the database was changed, nobody says by what")
    return {"transactions": n, "time": end - start,
            "keepalive": max(0.0, silence - KEEPALIVE_S)}


def measure(context):
    """One run."""
    with Site(context) as site:
        db = SwitchDatabase(site, "tor1", SWITCH_VTEP, SWITCH_ADDRESS).start()
        site.controllers(topology() | {"hold-time": HOLD_S}, NODES[:1])
        agent = site.agent([{"name": "tor1", "ovsdb": db.remote}], NODES[1:],
                           more={"hold-time": HOLD_S})
        with Relay(site.ns, NODES[1], NODES[0]) as relay:
            agent.start()
            found = cut(site, db, agent, relay)
            progress(f"    {found['transactions']} transactions, back in "
                     f"{found['time']:.2f} s, keepalive "
                     f"{found['keepalive']:.2f} s late")
            return found


def run(case, context):
    found = context.runs(measure, "time")
    values = [run[case] for run in found]
    unit = "transactions" if case == "transactions" else "s"
    return Result(unit, statistics.median(values), note=(
        f"{len(found)} runs, {min(values):.2f} to {max(values):.2f}; the "
        "database server closes the connection; a second of back-off is part "
        "of the time; no session with a control node was lost, and the "
        "database's file stayed as it was"))
