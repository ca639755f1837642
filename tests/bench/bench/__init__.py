# SPDX-License-Identifier: Apache-2.0
"""The frame of the benchmarks.  A benchmark is a module in here that has

    CASES   {case name: what it measures, in a line}
    run(case, context)  measures one case and returns a Result

and prints nothing on standard output: that is for results, one JSON object a
line.  Whoever takes part in a comparison is measured in the same call, taking
turns with the others (Context.rounds), and what counts is the median."""

import functools
import json
import statistics
import sys
from dataclasses import dataclass, field
from pathlib import Path

# Fewer runs than this are no measurement.
MIN_ROUNDS = 3


@dataclass
class Result:
    """What a case found out.  Of costs (a unit of time or memory) less is
    better, of rates more."""
    unit: str
    ours: float
    peers: dict = field(default_factory=dict)
    note: str = ""

    def to_json(self, bench, case):
        return json.dumps({"bench": bench, "case": case, "unit": self.unit,
                           "ours": _rounded(self.ours),
                           "peers": {name: _rounded(value)
                                     for name, value in self.peers.items()},
                           "note": self.note})


def _rounded(value):
    """Four digits are more than what is repeatable."""
    return float(f"{value:.4g}") if isinstance(value, float) else value


@dataclass
class Context:
    """What a benchmark gets to work with."""
    build_dir: Path
    n_rounds: int = MIN_ROUNDS

    def rounds(self, contenders):
        """Measures every contender, {name: function}, in turn, n_rounds times
        over, and returns {name: (median, values)}."""
        values = {name: [] for name in contenders}
        for i in range(self.n_rounds):
            for name, measure in contenders.items():
                value = measure()
                values[name].append(value)
                progress(f"  round {i + 1} of {self.n_rounds}: {name} "
                         f"{value:.4g}")
        return {name: (statistics.median(found), found)
                for name, found in values.items()}

    def runs(self, measure, key):
        """What 'measure(context)' found, by case, in each of n_rounds runs.
        All cases of a benchmark share them.  'key' is the progress."""
        return _runs(measure, key, self.build_dir, self.n_rounds)


@functools.cache
def _runs(measure, key, build_dir, n_rounds):
    context = Context(build_dir, n_rounds)
    found = []

    def once():
        found.append(measure(context))
        return found[-1][key]

    context.rounds({"ours": once})
    return found


def progress(text):
    print(text, file=sys.stderr, flush=True)
