"""The pytest plugin: options, fixtures and hooks.

It is imported in every test session of an environment that has sfn-sim, so that it imports nothing but pytest; what a
fixture or an option needs is imported when a test asks for it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sfn_sim.testing.executed import ExecutionUnderTest
    from sfn_sim.testing.ran import Ran
    from sfn_sim.testing.sfn import Sfn
    from sfn_sim.testing.worlds import OpenWorld, Worlds

_MARKER = (
    "sfn_world(machine, fixture, *, settings=None, check=True): the world and the run that the fixtures `world` and "
    "`execution` give; the fixture's expectations are checked after the test unless check=False"
)
_COVERAGE = ("sfn_coverage", "sfn_coverage_json", "sfn_coverage_xml", "sfn_coverage_lcov")
RAN: pytest.StashKey[Ran] = pytest.StashKey()
running: list[pytest.Item] = []
"""The test that runs, for what is not given its fixtures; inside it those of a session of its own."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and the ini settings."""
    group = parser.getgroup("sfn-sim", "state machines (sfn-sim)")
    group.addoption("--sfn-coverage", action="store_true",
                    help="tell which states, transitions and branches of the machines the tests took")  # fmt: skip
    group.addoption("--sfn-coverage-json", metavar="FILE", help="write that as JSON")
    group.addoption("--sfn-coverage-xml", metavar="FILE", help="write that in Cobertura's format")
    group.addoption("--sfn-coverage-lcov", metavar="FILE", help="write that in LCOV's format")
    group.addoption("--sfn-record", action="store_true", help="keep every run among the project's (sfn-sim runs)")
    group.addoption("--sfn-record-to", metavar="FILE", help="add every run to a file of runs")
    group.addoption("--sfn-update-golden", action="store_true", help="write the golden runs anew")
    parser.addini("sfn_definitions", "folder of definitions, relative to the root directory")
    parser.addini("sfn_handlers", "folder of handlers, relative to the root directory")
    parser.addini("sfn_fixtures", "folder of fixtures, relative to the root directory")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and what the options ask for."""
    config.addinivalue_line("markers", _MARKER)
    if any(config.getoption(name) for name in _COVERAGE):
        from sfn_sim.testing.session_coverage import SessionCoverage

        config.pluginmanager.register(SessionCoverage(config), "sfn_sim_coverage")
    if config.getoption("sfn_record") or config.getoption("sfn_record_to"):
        from sfn_sim.testing.session_record import SessionRecord

        config.pluginmanager.register(SessionRecord(config), "sfn_sim_record")


@pytest.fixture
def sfn(request: pytest.FixtureRequest) -> Iterator[Sfn]:
    """State machines of the project, with handlers and mocks of this test's own."""
    from sfn_sim.testing.sfn import Sfn

    made = Sfn(_ran(request))
    yield made
    made.close()


@pytest.fixture
def sfn_world(request: pytest.FixtureRequest) -> Iterator[Worlds]:
    """Open the world of a fixture: `sfn_world("line", "small").run()`."""
    from sfn_sim.testing.worlds import Worlds

    worlds = Worlds(_ran(request))
    yield worlds
    worlds.close()


@pytest.fixture
def world(request: pytest.FixtureRequest) -> OpenWorld:
    """The world that the marker `sfn_world` names."""
    marker = request.node.get_closest_marker("sfn_world")
    if marker is None or len(marker.args) != 2:
        pytest.fail(
            f'{request.node.name} asks for the fixture `world` or `execution`: mark it with '
            '@pytest.mark.sfn_world("MACHINE", "FIXTURE")',
            pytrace=False,
        )
    worlds: Worlds = request.getfixturevalue("sfn_world")
    return worlds(*marker.args, **marker.kwargs)


@pytest.fixture
def execution(world: OpenWorld) -> ExecutionUnderTest:
    """The run of the machine in the world that the marker `sfn_world` names."""
    return world.run()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Fail a test that passed by itself but left mocks over, or whose world is not as its fixture expects."""
    marker = item.get_closest_marker("sfn_world")
    if marker is not None and not {"world", "execution"} & set(getattr(item, "fixturenames", ())):
        told = "sfn_world has no effect on a test that asks for neither `world` nor `execution`: nothing is run"
        item.warn(pytest.PytestWarning(told))
    running.append(item)
    try:
        result = yield
    finally:
        running.pop()
    ran = item.stash.get(RAN, None)
    if ran is not None and (problems := ran.problems()):
        pytest.fail("\n".join(problems), pytrace=False)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Show the executions of a test that failed: their states, the stages where one failed, and the diagnosis."""
    report: pytest.TestReport = yield
    ran = item.stash.get(RAN, None)
    if ran is not None and report.failed and call.when != "teardown":
        from sfn_sim.testing.failures import sections

        try:
            report.sections += sections(ran)
        except Exception as error:  # a report that fails must not end the session of everybody's tests
            report.sections.append(("sfn-sim", f"its executions could not be told: {error!r}"))
    return report


def pytest_assertrepr_compare(config: pytest.Config, op: str, left: object, right: object) -> list[str] | None:
    """Show an output that is not as expected down to the stage that made the difference."""
    ran = config.stash.get(RAN, None)
    if ran is None or op != "==":
        return None
    from sfn_sim.testing.failures import output_differs

    return output_differs(ran, left, right)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Forget what a test ran once it is reported: items live as long as the session."""
    try:
        return (yield)
    finally:
        for stash in (item.stash, item.config.stash):
            if RAN in stash:
                del stash[RAN]


def _ran(request: pytest.FixtureRequest) -> Ran:
    """Return what the test of a fixture has run so far; its fixtures share it."""
    node: pytest.Item = request.node
    if RAN not in node.stash:
        from sfn_sim.testing.ran import Ran

        node.stash[RAN] = request.config.stash[RAN] = Ran(request.config, node)
    return node.stash[RAN]
