"""What all tests share: the one option of the golden cases."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--sfn-update-golden",
        action="store_true",
        help="rewrite history.json of the golden cases whose origin is sfn-sim; recorded ones are never touched",
    )


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--sfn-update-golden"))
