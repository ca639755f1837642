# SPDX-License-Identifier: Apache-2.0
"""Frames that are flooded at full rate, and each copy of them accounted for."""

import json
import subprocess

from .lab import SANITIZER_ENV

FINISH_S = 30


class FloodLoad:
    """tests/unit/flood-load, which says what its arguments are, in a namespace.
    It starts with the first question."""

    def __init__(self, lab, namespace, *args):
        self._popen = subprocess.Popen(
            namespace.argv(lab.build_dir / "tests/unit/flood-load", *args),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={"builddir": str(lab.build_dir)} | SANITIZER_ENV)

    def ask(self, command=""):
        """What has come of the frames up to now."""
        self._popen.stdin.write(f"{command}\n")
        self._popen.stdin.flush()
        return json.loads(self._popen.stdout.readline())

    def finish(self):
        """What has come of all frames."""
        said, _ = self._popen.communicate(timeout=FINISH_S)
        return json.loads(said)

    def close(self):
        self._popen.kill()
        self._popen.wait()
