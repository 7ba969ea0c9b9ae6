"""A first test for each branch of a machine, as text: with mocks that lead there, and what the run then did."""

from __future__ import annotations

import json
import pprint
import re
from collections.abc import Sequence
from pathlib import Path

from sfn_sim.machine import StateMachine
from sfn_sim.payload import Json
from sfn_sim.testing.branches import Branch, find_branches, targets_of

_WIDTH = 110
_LONGEST_PATH = 12
WORKFLOW = """\
# State machines are tested here offline: no AWS account, no credentials.
name: state machines
on: [push, pull_request]
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - run: python -m pip install {package} pytest
      - run: sfn-sim check {definitions}
      - run: python -m pytest --sfn-coverage
"""


def tests_of(machine: StateMachine, name: str) -> tuple[str, list[Branch]]:
    """Return the text of a machine's first tests, and the branches that they take or could not be led to.

    Args:
        machine: the machine.
        name: how tests name it: its name in the folder of definitions, or a path.
    """
    branches = find_branches(machine)
    targets = list(dict.fromkeys(targets_of(machine).values()))
    tests = [_test(branch, name, number, targets) for number, branch in enumerate(branches, 1)]
    names = ["ok"] if any(branch.execution is not None and branch.calls for branch in branches) else []
    imports = ["import pytest"] if any(branch.execution is None for branch in branches) else []
    imports += [f"from sfn_sim.testing import {', '.join(names)}"] if names else []
    head = f'"""First tests of {machine.name}: one for each branch. The values only lead there: put your own in."""\n'
    lines = [head, *(["\n\n".join(imports) + "\n"] if imports else []), "", "\n\n\n".join(tests)]
    return "\n".join(lines) + "\n", branches


def _test(branch: Branch, name: str, number: int, targets: Sequence[str]) -> str:
    title = _identifier(branch.item.name) or "runs_through"
    if branch.execution is None:
        reason = json.dumps(f"no input was found that leads there: {branch.why}"[:200], ensure_ascii=False)
        return f"@pytest.mark.skip(reason={reason})\ndef test_{number}_{title}(sfn):\n    pass"
    lines = [f"def test_{number}_{title}(sfn):"]
    for target, answers in branch.calls.items():
        lines.append(_indented(f"sfn.mock({target!r}, ", [f"ok({_literal(each)})" for each in answers]))
    idle = [target for target in targets if target not in branch.calls]
    lines += [f"    sfn.mock({target!r}, [])" + "  # is not called" * (target == idle[0]) for target in idle]
    lines.append(f"    execution = sfn.run({name!r}, {_literal(branch.trial.input)})")
    lines.append(f"    assert execution.status == {branch.execution.status!r}")
    path = branch.execution.path
    if len(path) <= _LONGEST_PATH:
        lines.append(f"    assert execution.path == {_literal(list(path))}")
    else:
        state, _, target = branch.item.name.rpartition(" → ")
        names = dict.fromkeys((state.split(" ")[0], target))
        lines += [f"    assert {each!r} in execution.path" for each in names if each]
    return "\n".join(lines)


def _indented(head: str, answers: Sequence[str]) -> str:
    return f"    {head}[{', '.join(answers)}])"


def _literal(value: Json) -> str:
    text = pprint.pformat(value, width=_WIDTH, sort_dicts=False, compact=True)
    return text.replace("\n", "\n        ")


def _identifier(text: str) -> str:
    return re.sub(r"\W+", "_", text.replace("Choices[", "choice ").replace("→", "to")).strip("_").lower()


def written(path: Path, text: str) -> bool:
    """Write a file that is not there; tell whether it was written."""
    if path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return True
