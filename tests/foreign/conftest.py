"""The built wheel, installed in an empty folder; and a project that knows nothing of this repository's layout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
_NEEDED = 77  # the first setuptools that reads pyproject.toml's licence, as [build-system] says
_BLOCKER = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
"""


@dataclass
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that has what the wheel installs, and nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    # Built from a copy: setuptools would leave a folder in the clone, and take what an older build left there.
    copy = folder / "source"
    shutil.copytree(ROOT / "sfn_sim", copy / "sfn_sim", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    there = int(version("setuptools").partition(".")[0]) >= _NEEDED
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    options = ["--no-deps", *(["--no-build-isolation"] if there else []), "--wheel-dir", str(folder), str(copy)]
    subprocess.run([*pip, "wheel", *options], check=True, capture_output=True)
    (wheel,) = folder.glob("sfn_sim-*.whl")
    target = folder / "target"
    subprocess.run([*pip, "install", "--no-deps", "--target", str(target), str(wheel)], check=True, capture_output=True)
    shutil.rmtree(copy)
    return target


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a copy of the foreign project in a folder of its own."""
    return Path(
        shutil.copytree(
            Path(__file__).with_name("project"), tmp_path / "parcels", ignore=shutil.ignore_patterns("__pycache__")
        )
    )


@pytest.fixture
def python(installed: Path, project: Path, tmp_path: Path) -> Callable[..., Ended]:
    """Return a function that runs Python in the foreign project, with the wheel's package before any other.

    `without` names modules that shall not be there.
    """

    def run(*arguments: str, without: tuple[str, ...] = (), cwd: Path = project) -> Ended:
        blocker = tmp_path / "blocker"
        blocker.mkdir(exist_ok=True)
        (blocker / "sitecustomize.py").write_text(_BLOCKER.format(names=without))
        environment = {
            **os.environ, "PYTHONPATH": os.pathsep.join(map(str, (blocker, installed))), "COLUMNS": "100",
            "PYTHONIOENCODING": "utf-8", "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip
        ended = subprocess.run(
            [sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, encoding="utf-8", check=False
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    return run


@pytest.fixture
def sfn_sim(python: Callable[..., Ended]) -> Callable[..., Ended]:
    """Return a function that runs `sfn-sim` in the foreign project."""
    return lambda *arguments, **options: python("-m", "sfn_sim.cli", *arguments, **options)
