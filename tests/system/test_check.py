# SPDX-License-Identifier: Apache-2.0
"""--check: a bad file is named with the line and what is wrong with it."""

import subprocess
from pathlib import Path

import pytest

from lab import Lab
from lab.lab import SANITIZER_ENV, SERVICES
from lab.pki import Pki

SAMPLES = Path(__file__).resolve().parents[2] / "etc"
SERVICE_PROGRAMS = ["tsn-tor-agent", "tsn-replicator"]

GOOD_TSN = """\
controllers: [10.0.0.5]
tor-agent:
  tsn: 10.0.0.100
  tors:
  - name: tor1
    ovsdb: tcp:10.0.0.1:6640
replicator:
  name: tsn1
  address: 10.0.0.100
"""
GOOD_CONTROLLER = """\
networks:
- name: blue
  vni: 100
  subnets:
  - prefix: 192.0.2.0/24
    gateway: 192.0.2.1
switches:
- name: tor1
  vtep: 10.0.1.1
  ports:
  - name: p1
    network: blue
    servers:
    - mac: 02:bb:00:00:00:01
      ip: 192.0.2.10
tsns:
- name: tsn1
  address: 10.0.0.100
"""
# What is replaced by what in the good file, the line in which the complaint
# is to be, and a word of it.
BAD_TSN = [
    ("controllers: [10.0.0.5]", "controllers: [10.0.0.555]", 1, "10.0.0.555"),
    ("controllers: [10.0.0.5]", "controllers: [\"10.0.0.5:99999\"]", 1,
     "99999"),
    ("controllers: [10.0.0.5]", "controllers: 7.5\nfoo: 1", 1, "controllers"),
    ("  tors:", "  torrs:", 4, "torrs"),
    ("ovsdb: tcp:10.0.0.1:6640", "ovsdb: carrier-pigeon", 6,
     "carrier-pigeon"),
    ("  tsn: 10.0.0.100", "  tsn: [", None, ""),
    ("  address: 10.0.0.100", "  address: nowhere", 9, "nowhere"),
]
BAD_CONTROLLER = [
    ("vni: 100", "vni: 16777216", 3, "16777216"),
    ("vni: 100", "vni: many", 3, "many"),
    ("prefix: 192.0.2.0/24", "prefix: 192.0.2.0/33", 5, "192.0.2.0/33"),
    ("vtep: 10.0.1.1", "vtep: tor1", 9, "tor1"),
    ("network: blue", "network: green", 12, "green"),
    ("mac: 02:bb:00:00:00:01", "mac: 02:bb:00:00:00", 14, "02:bb"),
    ("ip: 192.0.2.10", "ip: 198.51.100.10", 15, "198.51.100.10"),
    ("- name: tsn1", "- nom: tsn1", 17, "nom"),
    ("tsns:", "\ttsns:", None, ""),
]


def check(build_dir, program, *argv):
    return subprocess.run([Lab(build_dir).program(program), "--check", *argv],
                          capture_output=True, text=True, timeout=20,
                          env=SANITIZER_ENV)


def write(path, good, old, new):
    assert good.count(old) >= 1
    path.write_text(good.replace(old, new, 1))
    return path


def assert_refused(done, path, line, word):
    assert done.returncode == 1
    where = f"{path}:{line}:" if line else f"{path}:"
    assert where in done.stderr
    assert word in done.stderr.replace(str(path), "")
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("program", SERVICES)
def test_check__sample_file__is_fine(build_dir, program):
    name = "controller" if program == "tsn-controller" else "tsn"
    done = check(build_dir, program, SAMPLES / f"{name}.yaml")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("program", SERVICES)
def test_check__smallest_file__is_fine(build_dir, tmp_path, program):
    path = tmp_path / "good.yaml"
    path.write_text(GOOD_CONTROLLER if program == "tsn-controller"
                    else GOOD_TSN)
    done = check(build_dir, program, path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("program", SERVICE_PROGRAMS)
@pytest.mark.parametrize("old,new,line,word", BAD_TSN,
                         ids=[case[1].strip() for case in BAD_TSN])
def test_check__bad_tsn_yaml__says_where_and_what(
        build_dir, tmp_path, program, old, new, line, word):
    path = write(tmp_path / "tsn.yaml", GOOD_TSN, old, new)
    assert_refused(check(build_dir, program, path), path, line, word)


@pytest.mark.parametrize("old,new,line,word", BAD_CONTROLLER,
                         ids=[case[1].strip() for case in BAD_CONTROLLER])
def test_check__bad_controller_yaml__says_where_and_what(
        build_dir, tmp_path, old, new, line, word):
    path = write(tmp_path / "controller.yaml", GOOD_CONTROLLER, old, new)
    assert_refused(check(build_dir, "tsn-controller", path), path, line, word)


@pytest.mark.parametrize("program", SERVICES)
@pytest.mark.parametrize("content", [
    b"", b"\0", b"\xff\xfe\xfd", b"a: &a [*a]", b"- - - -", b"{" * 5000,
    b"x" * 100000, b"? ", b"%YAML 9.9\n---\n", b"controllers: [[]]\n"],
    ids=lambda content: str(content[:20]))
def test_check__no_sense_at_all__is_refused(build_dir, tmp_path, program,
                                            content):
    path = tmp_path / "noise.yaml"
    path.write_bytes(content)
    done = check(build_dir, program, path)
    assert done.returncode == 1
    assert str(path) in done.stderr


@pytest.mark.parametrize("program", SERVICES)
def test_check__no_such_file__says_so(build_dir, tmp_path, program):
    done = check(build_dir, program, tmp_path / "none.yaml")
    assert done.returncode == 1
    assert "none.yaml" in done.stderr


@pytest.mark.parametrize("program", SERVICES)
def test_start__bad_file__is_refused(build_dir, tmp_path, program):
    path = tmp_path / "bad.yaml"
    path.write_text("what: [is, this\n")
    done = subprocess.run(
        [Lab(build_dir).program(program), "--config", path, "--run-dir",
         tmp_path], capture_output=True, text=True, timeout=20,
        env=SANITIZER_ENV)
    assert done.returncode == 1
    assert f"{path}:" in done.stderr


@pytest.mark.parametrize("program", SERVICES)
def test_check__certificates__are_loaded_too(build_dir, tmp_path, program):
    pki = Pki(tmp_path / "pki")
    pki.make_ca("ca")
    pki.issue("ours", "ca")
    path = tmp_path / "with-tls.yaml"
    path.write_text(
        (GOOD_CONTROLLER if program == "tsn-controller" else GOOD_TSN) +
        "tls: {certificate: pki/ours.pem, private-key: pki/ours.key, "
        "ca: pki/ours-ca.pem}\n")
    assert check(build_dir, program, path).returncode == 0
    pki.files("ours").key.write_bytes((pki.dir / "ca.key").read_bytes())
    done = check(build_dir, program, path)
    assert done.returncode == 1
    assert f"{pki.files('ours').key}: the private key does not belong to " \
        f"the certificate in {pki.files('ours').certificate}" in done.stderr
