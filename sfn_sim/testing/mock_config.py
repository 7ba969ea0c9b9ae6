"""AWS's MockConfigFile.json: what tasks answer in a test case, by state and attempt.

Source: Developer Guide, Testing with mocked service integrations (Step Functions Local): `StateMachines`, `TestCases`,
`MockedResponses`; responses by attempt, "0" or a range "0-2", each a `Return` or a `Throw`; recorded: local_mocking.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from sfn_sim.errors import ConfigurationError
from sfn_sim.testing.mocks import Fail, Mocks, Ok

FILE = "MockConfigFile.json"
_ATTEMPTS = re.compile(r"(\d+)(?:-(\d+))?")


@dataclass(frozen=True, slots=True)
class MockConfig:
    """A file of test cases.

    Attributes:
        path: the file.
        cases: the responses' names by state, by test case, by machine.
        responses: the answers by name, attempt by attempt.
    """

    path: Path
    cases: Mapping[str, Mapping[str, Mapping[str, str]]]
    responses: Mapping[str, list[Ok | Fail]]

    def mocks(self, machine: str, test_case: str) -> Mocks:
        """Return the mocks of a test case; states that it does not name call what they would call.

        Raises:
            ConfigurationError: there is no such machine or test case.
        """
        cases = _named(self.cases, machine, "StateMachines", "machine", self.path)
        states = _named(cases, test_case, f"StateMachines/{machine}/TestCases", "test case", self.path)
        mocks = Mocks()
        for state, response in states.items():
            where = f"StateMachines/{machine}/TestCases/{test_case}/{state}"
            answers = _named(self.responses, response, where, "response in MockedResponses", self.path)
            mocks.add(f"state:{state}", list(answers)).answers_may_be_left = True
        return mocks


def load(path: str | Path) -> MockConfig:
    """Read a file of test cases.

    Raises:
        ConfigurationError: it cannot be read, or is not such a file; names the place.
    """
    file = Path(path)
    try:
        document = json.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigurationError(f"cannot read {file}: {error.strerror}") from None
    except ValueError as error:
        raise ConfigurationError(f"{file}: not JSON: {error}") from None
    machines = _object(document, "StateMachines", file)
    responses = _object(document, "MockedResponses", file)
    cases = {
        name: {
            case: {state: str(response) for state, response in _inner(states, f"{name}/TestCases/{case}", file).items()}
            for case, states in _object(machine, "TestCases", file, f"StateMachines/{name}").items()
        }
        for name, machine in machines.items()
    }
    return MockConfig(file, cases, {name: _answers(name, each, file) for name, each in responses.items()})


def _answers(name: str, attempts: Any, file: Path) -> list[Ok | Fail]:
    found: dict[int, Ok | Fail] = {}
    for key, answer in _inner(attempts, f"MockedResponses/{name}", file).items():
        where = f"{file}: MockedResponses/{name}/{key}"
        matched = _ATTEMPTS.fullmatch(key)
        if matched is None or int(matched[2] or matched[1]) < int(matched[1]):
            raise ConfigurationError(f'{where}: an attempt is a number such as "0", or a range such as "1-2"')
        for attempt in range(int(matched[1]), int(matched[2] or matched[1]) + 1):
            if attempt in found:
                raise ConfigurationError(f"{where}: attempt {attempt} has an answer already")
            found[attempt] = _answer(answer, where)
    missing = next((each for each in range(len(found)) if each not in found), None)
    if missing is not None:
        raise ConfigurationError(f"{file}: MockedResponses/{name}: attempt {missing} has no answer")
    return [found[each] for each in range(len(found))]


def _answer(answer: Any, where: str) -> Ok | Fail:
    if not isinstance(answer, dict) or set(answer) not in ({"Return"}, {"Throw"}):
        raise ConfigurationError(f"{where}: an answer is an object with either Return or Throw")
    if "Return" in answer:
        return Ok(answer["Return"], whole=True)
    thrown = answer["Throw"]
    if (
        not isinstance(thrown, dict)
        or not isinstance(thrown.get("Error"), str)
        or not isinstance(thrown.get("Cause"), str | None)
    ):
        raise ConfigurationError(f"{where}/Throw: it has an Error, and may have a Cause, both texts")
    return Fail(thrown["Error"], thrown.get("Cause"))


def _object(value: Any, name: str, file: Path, above: str = "") -> dict[str, Any]:
    place = f"{above}/{name}".lstrip("/")
    if not isinstance(value, dict) or name not in value:
        raise ConfigurationError(f"{file}: {place} is missing")
    return _inner(value[name], place, file)


def _inner(value: Any, place: str, file: Path) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigurationError(f"{file}: {place} is no object")
    return value


def _named(known: Mapping[str, Any], name: str, where: str, what: str, file: Path) -> Any:
    if name in known:
        return known[name]
    near = get_close_matches(name, known, 1)
    hint = f"; did you mean {near[0]}?" if near else f"; there are: {', '.join(known) or 'none'}"
    raise ConfigurationError(f"{file}: {where}: no {what} is named {name}{hint}")
