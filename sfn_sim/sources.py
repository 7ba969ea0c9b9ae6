"""Where definitions come from: a file, standard input, or what `aws stepfunctions describe-state-machine` printed."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from sfn_sim.errors import ConfigurationError
from sfn_sim.source import Source

_SUFFIXES = (".json", ".asl")


def machine_name(path: Path) -> str:
    """Return the name of the machine of a file: checkout.asl.json is `checkout`."""
    name = path.name
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return name


def is_schema(path: Path) -> bool:
    """Tell whether a file is a JSON Schema by its name, such as the one of a machine's input beside its definition."""
    return path.name.endswith(".schema.json")


def read_definition(path: str | Path, substitutions: Mapping[str, str]) -> tuple[str, Source]:
    """Return a machine's name and its definition's text.

    Args:
        path: a file; "-" is standard input.
        substitutions: values for `${Name}` in the definition's strings.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    if str(path) == "-":
        return _described("machine", "<stdin>", read_stdin(), substitutions)
    file = Path(path)
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"cannot read the definition {file}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"the definition {file} is not UTF-8: {error}") from None
    return _described(machine_name(file), shown_path(file), text, substitutions)


def read_stdin() -> str:
    """Return all of standard input; it is UTF-8 whatever the locale says.

    Raises:
        ConfigurationError: it is not.
    """
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None:
        return sys.stdin.read()
    try:
        return str(stream.read().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"standard input is not UTF-8: {error}") from None


def _described(name: str, shown: str, text: str, substitutions: Mapping[str, str]) -> tuple[str, Source]:
    """Take the definition out of what describe-state-machine printed; positions are then those inside its text."""
    if '"definition"' in text:
        try:
            answer = json.loads(text)
        except ValueError:
            answer = None
        if isinstance(answer, dict) and isinstance(answer.get("definition"), str) and "States" not in answer:
            return str(answer.get("name") or name), Source(f"{shown}#definition", answer["definition"], substitutions)
    return name, Source(shown, text, substitutions)


def shown_path(file: Path) -> str:
    """Return how messages name a file: from the working folder on, where it is below."""
    try:
        return file.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return str(file)
