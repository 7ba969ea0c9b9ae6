"""Which Retrier or Catcher takes which error, as AWS was recorded to match them."""

from __future__ import annotations

import pytest

import sfn_sim
from sfn_sim import errors
from sfn_sim.errors import ERROR_NAMES, SfnSimError, error_matches


@pytest.mark.parametrize(
    ("error", "names", "taken"),
    [
        ("Busy", ["Busy"], True),
        ("Busy", ["busy"], False),
        ("Busy", ["Other", "Busy"], True),
        ("Busy", ["States.ALL"], True),
        ("Busy", ["States.TaskFailed"], True),
        ("Busy", [], False),
        ("States.Timeout", ["States.TaskFailed"], False),
        ("States.HeartbeatTimeout", ["States.TaskFailed"], False),
        ("States.Timeout", ["States.Timeout"], True),
        ("States.HeartbeatTimeout", ["States.Timeout"], True),
        ("States.Timeout", ["States.HeartbeatTimeout"], False),
        ("States.Timeout", ["States.ALL"], True),
        ("States.Runtime", ["States.ALL"], False),
        ("States.Runtime", ["States.Runtime"], False),
        ("States.Runtime", ["States.TaskFailed"], False),
        ("States.DataLimitExceeded", ["States.ALL"], True),
        ("States.DataLimitExceeded", ["States.DataLimitExceeded"], True),
        (None, ["States.ALL"], True),
        (None, ["Busy"], False),
    ],
)
def test_an_error_is_taken_by_the_names_that_aws_was_seen_to_take_it_by(
    error: str | None, names: list[str], taken: bool
) -> None:
    assert error_matches(error, names) is taken


@pytest.mark.parametrize("name", sorted(set(ERROR_NAMES) - {"States.Runtime"}))
def test_every_predefined_error_but_runtime_is_taken_by_its_own_name_and_by_all(name: str) -> None:
    assert error_matches(name, [name])
    assert error_matches(name, ["States.ALL"])


def test_everything_that_is_raised_to_a_caller_has_one_root_and_stands_in_the_tree_of_the_docstring() -> None:
    raised = [
        each
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, Exception) and each.__name__ != "StatesError"
    ]
    assert len(raised) > 10
    for each in raised:
        assert issubclass(each, SfnSimError)
        assert each.__name__ in str(errors.__doc__)
        assert each is SfnSimError or getattr(sfn_sim, each.__name__) is each
