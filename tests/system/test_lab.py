# SPDX-License-Identifier: Apache-2.0
"""Labs leave nothing behind, whatever becomes of those who made them."""

from pathlib import Path

from lab import Lab, run


def test_lab__closed_with_a_mount_in_it__nothing_is_left(build_dir):
    lab = Lab(build_dir)
    try:
        lab.make_underlay()
        for name in ("one", "one/two"):
            place = lab.state.dir / name
            place.mkdir()
            run("mount", "-t", "tmpfs", "tmpfs", place)
    finally:
        lab.close()
    assert str(lab.state.dir) not in Path("/proc/self/mounts").read_text()
    assert not lab.state.dir.exists()
