# SPDX-License-Identifier: Apache-2.0
"""The XMPP library, measured by tests/bench/xmpp-bench.c.  Rates are for each
second of processor time of the thread that does the work: what it could do
with a core of its own."""

import functools
import json
import statistics
import subprocess

from bench import Context, Result, progress
from lab import LabError

# Every run takes at least a second.
N_DECODE = 400000
N_ENCODE = 200000
N_MEMORY = 1000000
N_IDENTITIES = 512
# Two rounds of keepalives.
IDLE_S = 60

CASES = {
    "decode": "EVPN routes of a control node into the table, 32 a message",
    "encode": "EVPN routes published: made and written to a socket",
    "memory": f"held for each of {N_MEMORY} EVPN routes, one control node",
    "memory-2": f"held for each of {N_MEMORY} EVPN routes, of two control "
                "nodes that both have it",
    "idle": f"share of a core for {N_IDENTITIES} idle identities with two "
            "control nodes each",
    "idle-memory": f"resident for each of {N_IDENTITIES} idle identities with "
                   "two control nodes each",
}


def xmpp_bench(context, *args):
    """One run.  Returns its findings."""
    command = [context.build_dir / "tests/bench/xmpp-bench", *map(str, args)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True,
                          timeout=600, check=False)
    if done.returncode:
        raise LabError(f"{' '.join(map(str, command))} failed")
    return json.loads(done.stdout)


def several(context, measure, key, *args):
    """Runs it as often as asked for.  Returns the median of 'key', and all
    runs' findings."""
    runs = []

    def once():
        runs.append(xmpp_bench(context, measure, *args))
        return runs[-1][key]

    median, _ = context.rounds({"ours": once})["ours"]
    return median, runs


def span(runs, key, digits=0):
    """What the runs say about 'key', for a note."""
    values = [run[key] for run in runs]
    return f"{min(values):.{digits}f} to {max(values):.{digits}f}"


def decode(context):
    rate, runs = several(context, "decode", "per_cpu_s", N_DECODE)
    return Result("routes/CPU-s", rate, note=(
        f"{N_DECODE} routes of {runs[0]['bytes']:.0f} bytes of XML in 100 "
        "networks, fed to the session as a socket gives them; routes/s of "
        f"processor time {span(runs, 'per_cpu_s')}, of the clock "
        f"{span(runs, 'per_wall_s')}; the same routes once more "
        f"{span(runs, 'again_per_cpu_s')}"))


def encode(context):
    rate, runs = several(context, "encode", "per_cpu_s", N_ENCODE)
    return Result("routes/CPU-s", rate, note=(
        f"{N_ENCODE} pairs of publish and collection, "
        f"{runs[0]['bytes']:.0f} bytes each, in 100 networks, over loopback "
        "to a process that reads; routes/s of processor time, the kernel's "
        f"included, {span(runs, 'per_cpu_s')}, of the clock "
        f"{span(runs, 'per_wall_s')}"))


def memory(context, n_nodes):
    held, runs = several(context, "memory", "resident", N_MEMORY, n_nodes)
    return Result("bytes/route", held, note=(
        "growth of the resident set, XML buffers included; after the "
        f"allocator gave back what it can {span(runs, 'trimmed')}; as the "
        f"limit of the table counts it {span(runs, 'counted')}"))


@functools.cache
def idle_runs(build_dir, n_rounds):
    """The runs of the two cases "idle", which take minutes."""
    progress(f"  {IDLE_S} s a round")
    return several(Context(build_dir, n_rounds), "idle", "share",
                   N_IDENTITIES, IDLE_S)[1]


def idle(context):
    runs = idle_runs(context.build_dir, context.n_rounds)
    share = statistics.median(run["share"] for run in runs)
    return Result("% of a core", 100 * share, note=(
        f"{IDLE_S} s with hold time 90 s; the busiest second, in which most "
        "keepalives go both ways, takes "
        f"{1000 * max(run['peak_s'] for run in runs):.0f} ms"))


def idle_memory(context):
    runs = idle_runs(context.build_dir, context.n_rounds)
    held = statistics.median(run["resident_later"] for run in runs)
    return Result("bytes/identity", held, note=(
        f"growth of the resident set, {IDLE_S} s after all sessions came up; "
        f"at once {span(runs, 'resident')}; no configuration, no routes"))


def run(case, context):
    return {
        "decode": decode,
        "encode": encode,
        "memory": lambda c: memory(c, 1),
        "memory-2": lambda c: memory(c, 2),
        "idle": idle,
        "idle-memory": idle_memory,
    }[case](context)
