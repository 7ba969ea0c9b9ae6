from __future__ import annotations

import importlib
import pkgutil

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden histories are to be written anew: the option is that of sfn-sim's own plugin."""
    return bool(request.config.getoption("--sfn-update-golden"))


@pytest.fixture(scope="session")
def everything_loaded() -> None:
    """Import all of sfn-sim and rich.

    A session that pytester runs in this process forgets afterwards what it was the first to import; of a library that
    imports its parts when they are needed, one half would then be another copy than the other.
    """
    for package in ("rich", "sfn_sim"):
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            if not module.name.rpartition(".")[2].startswith(("_win", "__main__", "jupyter", "diagnose")):
                importlib.import_module(module.name)


@pytest.fixture
def pytester(everything_loaded: None, pytester: pytest.Pytester) -> pytest.Pytester:
    return pytester
