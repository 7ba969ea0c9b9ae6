from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden histories are to be written anew: the option is that of sfn-sim's own plugin."""
    return bool(request.config.getoption("--sfn-update-golden"))
