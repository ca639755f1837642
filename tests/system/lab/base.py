# SPDX-License-Identifier: Apache-2.0
"""Commands, waiting, and the error everything in the lab fails with."""

import os
import shlex
import subprocess
import time

# Not the caller's: a python3 of pyenv in front would hide Debian's modules
# from ovs-vtep.
os.environ["PATH"] = "/usr/bin:/usr/sbin:/bin:/sbin"
os.environ["LC_ALL"] = "C"


class LabError(Exception):
    """Something in the lab is not as it should be.  The text says what was
    expected, what was found, and which log file tells more."""


def run(*argv, timeout=30, env=None, ok=(0,)):
    """Runs a short command to its end and returns its standard output."""
    argv = [str(arg) for arg in argv]
    try:
        done = subprocess.run(argv, timeout=timeout, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, errors="replace",
                              env=None if env is None else os.environ | env)
    except subprocess.TimeoutExpired:
        raise LabError(f"'{shlex.join(argv)}' did not end within "
                       f"{timeout} s") from None
    except FileNotFoundError:
        raise LabError(f"program '{argv[0]}' is missing: "
                       "run scripts/setup") from None
    if done.returncode not in ok:
        said = (done.stderr.strip() or done.stdout.strip())[-2000:]
        raise LabError(f"'{shlex.join(argv)}' ended with status "
                       f"{done.returncode}: {said}")
    return done.stdout


def wait_until(condition, timeout, what, *, interval=0.05, log=None):
    """Polls 'condition' until it returns something true, which is returned.

    Fails with LabError after 'timeout' seconds.  'what' completes the sentence
    "waited for ..."; 'log' is the file to look into, or a function that names
    it.  A LabError of 'condition' counts as "not yet" and is quoted."""
    deadline = time.monotonic() + timeout
    while True:
        last = None
        try:
            found = condition()
            if found:
                return found
        except LabError as error:
            last = error
        if time.monotonic() >= deadline:
            break
        time.sleep(interval)
    text = f"waited {timeout:g} s for {what}"
    if last:
        text += f"; last answer: {last}"
    if log:
        text += f"; see {log() if callable(log) else log}"
    raise LabError(text)
