"""The log: ids, its limit, and events in the shape of GetExecutionHistory."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sfn_sim.run.log import DETAILS, HistoryLimitReached, Log

START = datetime(2025, 1, 1, tzinfo=UTC)
# A value for each field that details can have.
VALUES: dict[str, Any] = {
    "index": 3, "length": 2, "timeoutInSeconds": 60, "heartbeatInSeconds": 30,
    "input": {"a": 1}, "output": [1], "parameters": {"p": 1}, "assignedVariables": {"v": 1},
}  # fmt: skip


@pytest.fixture(scope="module")
def api() -> Any:
    import botocore.session

    return botocore.session.get_session().get_service_model("stepfunctions")


def event_of(kind: str, *, empty: bool = False) -> dict[str, Any]:
    names = DETAILS[kind][1]
    given = [VALUES.get(name, name) for name in names]
    if empty:
        given = [
            value if name in ("name", "input", "output") else None for name, value in zip(names, given, strict=True)
        ]
    log = Log()
    log.append(kind, 0, tuple(given))
    return next(iter(log.to_api(START)))


@pytest.mark.parametrize("kind", sorted(DETAILS))
def test_every_event_is_one_that_the_api_knows_in_the_shape_that_it_knows(kind: str, api: Any) -> None:
    from botocore.validate import ParamValidator

    shape = api.shape_for("HistoryEvent")
    event = event_of(kind)
    assert kind in shape.members["type"].enum
    assert set(event) <= set(shape.members)
    report = ParamValidator().validate(event, shape)
    assert not report.has_errors(), report.generate_report()
    key = DETAILS[kind][0]
    if key:
        assert set(event[key]) <= set(shape.members[key].members)
        assert key == f"{_event_family(kind)}EventDetails"


def _event_family(kind: str) -> str:
    for ending in ("StateEntered", "StateExited"):
        if kind.endswith(ending):
            kind = ending
    return kind[0].lower() + kind[1:]


def test_fields_that_are_not_there_stay_away_and_json_comes_as_text() -> None:
    assert event_of("ExecutionFailed", empty=True)["executionFailedEventDetails"] == {}
    entered = event_of("PassStateEntered")["stateEnteredEventDetails"]
    assert entered == {"name": "name", "input": '{"a":1}', "inputDetails": {"truncated": False}}
    scheduled = event_of("TaskScheduled")["taskScheduledEventDetails"]
    assert scheduled["parameters"] == '{"p":1}'
    assert "parametersDetails" not in scheduled


def test_ids_count_from_one_and_times_are_virtual() -> None:
    log = Log()
    assert [log.append("PassStateEntered", 0, ("A", None)) for _ in range(3)] == [1, 2, 3]
    log.set_time(90_000)
    log.append("PassStateExited", 3, ("A", None, None))
    event = list(log.to_api(START))[-1]
    assert (event["id"], event["previousEventId"]) == (4, 3)
    assert event["timestamp"] == datetime(2025, 1, 1, 0, 1, 30, tzinfo=UTC)


def test_the_last_place_is_kept_for_the_event_that_ends_the_execution() -> None:
    log = Log(3)
    log.append("ExecutionStarted", 0, ({}, "role"))
    log.append("PassStateEntered", 0, ("A", None))
    with pytest.raises(HistoryLimitReached):
        log.append("PassStateExited", 2, ("A", None, None))
    assert log.append("ExecutionFailed", 2, (None, None)) == 3


def test_without_a_limit_a_log_takes_any_number() -> None:
    log = Log(None)
    for _ in range(30_000):
        log.append("PassStateEntered", 0, ("A", None))
    assert len(log.events) == 30_000
