# SPDX-License-Identifier: Apache-2.0
"""What the system tests have in common."""

from pathlib import Path

import pytest

from lab import Lab, LabError
from lab.checks import check_lease
from lab.state import remove_abandoned

LOG_LINES = 40


def pytest_addoption(parser):
    parser.addoption("--build-dir", required=True,
                     help="where the programs under test were built")


def pytest_configure():
    remove_abandoned()


@pytest.fixture(scope="session")
def build_dir(pytestconfig):
    return Path(pytestconfig.getoption("--build-dir")).resolve()


@pytest.fixture(scope="module")
def new_lab(request, build_dir):
    """A lab with nothing in it yet.  In the end the services must end cleanly;
    if a test has failed the logs stay."""
    lab = Lab(build_dir)
    failed_before = request.session.testsfailed
    try:
        yield lab
    finally:
        lab.close(failed=request.session.testsfailed > failed_before)


@pytest.fixture(scope="module")
def lab(request, new_lab):
    """The whole lab, its servers with an address; one for each module, which
    may add to it by a function prepare_lab(lab).  What a test breaks it must
    mend."""
    new_lab.up(getattr(request.module, "prepare_lab", None))
    for server in new_lab.servers:
        check_lease(server)
    return new_lab


@pytest.fixture(autouse=True)
def same_processes(request):
    """No test may end a service that it does not start again, nor make a
    sanitizer speak."""
    yield
    lab = lab_of(request.node)
    if lab:
        lab.check_services()
        findings = [line for service in lab.services.values()
                    for line in service.findings()]
        if findings:
            raise LabError("; ".join(findings))


def lab_of(item):
    return getattr(item, "funcargs", {}).get("lab")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure shows the end of the services' logs: in a continuous
    integration run nobody can go and read them."""
    outcome = yield
    report = outcome.get_result()
    lab = lab_of(item)
    if not report.failed or not lab:
        return
    for service in lab.services.values():
        if service.log.exists():
            tail = service.log_text().splitlines()[-LOG_LINES:]
            report.sections.append((f"{service.log}", "\n".join(tail)))
