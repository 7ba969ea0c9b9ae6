"""Every recorded case that is not a known gap is equal to AWS, event by event."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance import corpus, fidelity

FAST = ("interpreter", "api", "test_state", "local_mock")
SLOW = ("services",)
there = pytest.mark.skipif(not corpus.is_there(), reason=corpus.ABSENT)


@pytest.fixture(autouse=True, scope="module")
def world() -> Iterator[None]:
    with corpus.world():
        yield


def names(*suites: str) -> list[str]:
    return [name for suite in suites for name in corpus.of_suite(suite)]


@there
def test_there_are_cases_of_every_suite() -> None:
    assert {suite for suite in corpus.SUITES if not corpus.of_suite(suite)} == set()


@there
@pytest.mark.parametrize("name", names(*FAST))
def test_a_recorded_case_is_equal_or_a_known_gap(name: str) -> None:
    result = corpus.result(name)
    gaps = corpus.gaps_of(name)
    if result.history:
        assert not [gap.name for gap in gaps if name in gap.cases], "the gap is closed: take it out of known_gaps.toml"
    else:
        assert gaps, result.why


def floor_is_held(suite: str) -> None:
    results = [corpus.result(name) for name in corpus.of_suite(suite)]
    floor = corpus.known()["floors"][suite]
    equal = {"history": sum(each.history for each in results), "outcome": sum(each.outcome for each in results)}
    assert results
    assert {level for level in floor if equal[level] < floor[level]} == set(), equal


@there
@pytest.mark.parametrize("suite", FAST)
def test_no_fewer_cases_are_equal_than_before(suite: str) -> None:
    floor_is_held(suite)


@there
@pytest.mark.slow
@pytest.mark.parametrize("suite", SLOW)
def test_no_fewer_cases_of_the_other_suites_are_equal_than_before(suite: str) -> None:
    floor_is_held(suite)


@there
@pytest.mark.slow
@pytest.mark.parametrize("gap", corpus.gaps(), ids=lambda gap: gap.name)
def test_a_known_gap_is_open(gap: corpus.Gap) -> None:
    excused = [name for name in corpus.cases() if gap.has(name)]
    assert any(not corpus.result(name).history for name in excused), "take the gap out of known_gaps.toml"


@there
def test_known_gaps_name_cases_that_exist() -> None:
    named = {name for gap in corpus.gaps() for name in gap.cases}
    assert named - corpus.cases().keys() == set()


@there
def test_single_gaps_of_the_interpreter_are_two_in_a_hundred_at_most() -> None:
    plain = list(corpus.of_suite("interpreter"))
    named = [name for name in plain if any(name in gap.cases for gap in corpus.gaps())]
    assert len(named) <= len(plain) * 0.02


def test_every_gap_has_a_reason() -> None:
    assert all(gap.reason and (gap.cases or gap.features or gap.suites) for gap in corpus.gaps())


@there
@pytest.mark.slow
def test_the_page_on_fidelity_tells_the_results() -> None:
    text = fidelity.PAGE.read_text(encoding="utf-8")
    if f"({len(corpus.cases())} cases" not in text:
        pytest.skip("the page tells the results of other cases")
    assert text == fidelity.page(), "write it anew: python -m tests.conformance.fidelity"
