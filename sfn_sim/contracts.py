"""Contracts where they are written: schemas beside handlers and definitions, annotations, what was learned.

For a function, in this order:

    handlers/charge.schema.json      {"event": JSON Schema, "result": JSON Schema}, beside handlers/charge.py
    handlers/charge.py               the annotations of its handler
    contracts/charge.json            what `--learn` has seen: evidence, not proof

For the input of the machine `order`: definitions/order.input.schema.json beside its definition, then
contracts/order.input.json.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from sfn_sim.analysis.annotations import annotated
from sfn_sim.analysis.contracts import (
    Contract,
    SchemaError,
    learned_shape,
    says_little,
    schema_shape,
    shape_schema,
    told,
    widened,
)
from sfn_sim.analysis.learning import learn as learn_of
from sfn_sim.config import Config, handler_names
from sfn_sim.errors import ConfigurationError, MissingHandlerError
from sfn_sim.payload import Json
from sfn_sim.query.shapes import ANYTHING, Shape
from sfn_sim.run.execution import Execution
from sfn_sim.runs import project_folder
from sfn_sim.services.lambda_functions import Handlers, function_name
from sfn_sim.sources import machine_name, shown_path

FOLDER = "contracts"
_SCHEMA = 1
_INTEGRATION = "arn:aws:states:::"


class Contracts:
    """The contracts of a project, each read once, when it is asked for.

    Args:
        config: the project's configuration.
        handlers: where its handlers are.
    """

    def __init__(self, config: Config, handlers: Handlers | None = None) -> None:
        self._folder = project_folder(config) / FOLDER
        if handlers is None:
            folder = config.handlers.resolve() if config.handlers.is_dir() else None
            handlers = Handlers(folder, config=config)
        self._handlers = handlers
        self._known: dict[str, tuple[Contract, ...]] = {}

    def of(self, function: str) -> tuple[Contract, ...]:
        """Return what is known of a function, by its name or ARN: what says it for sure first, then what was learned.

        Raises:
            ConfigurationError: a schema or a learned contract cannot be read.
        """
        if function.startswith(_INTEGRATION):
            return _of_service(function)
        if function not in self._known:
            found = [self._written(function), self.learned(function)]
            self._known[function] = tuple(each for each in found if each is not None)
        return self._known[function]

    def say_something_of(self, function: str) -> bool:
        """Tell whether a contract of a function names any key or kind.

        Raises:
            ConfigurationError: a schema or a learned contract cannot be read.
        """
        return any(not (says_little(each.event) and says_little(each.result)) for each in self.of(function))

    def learned(self, function: str) -> Contract | None:
        """Return what was learned of a function so far.

        Raises:
            ConfigurationError: the file cannot be read.
        """
        path = self._folder / _file_of(function)
        return _read(path, "learned") if path.is_file() else None

    def _written(self, function: str) -> Contract | None:
        try:
            found = self._handlers.find(function)
        except MissingHandlerError:
            return None
        if found.file is None:
            return None
        schema = found.file.with_suffix(".schema.json")
        if schema.is_file():
            return _read(schema, "schema")
        try:
            text = found.file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError):
            return None
        return annotated(text, handler_names(found.attribute), shown_path(found.file))

    def input_of(self, definition: Path) -> tuple[Shape, bool]:
        """Return the shape of a machine's input, and whether it was only learned; anything where nobody says.

        Raises:
            ConfigurationError: the schema cannot be read.
        """
        name = machine_name(definition)
        schema = definition.with_name(f"{name}.input.schema.json")
        if schema.is_file():
            return _shape(_json(schema), schema), False
        learned = self._folder / f"{name}.input.json"
        if learned.is_file():
            return told(_read(learned, "learned").event), True
        return ANYTHING, False

    def learn(self, execution: Execution, machine: str) -> list[Path]:
        """Take in what a run has shown; return the files that changed.

        Raises:
            ConfigurationError: a file cannot be read or written.
        """
        changed = []
        for function, contract in learn_of(execution, self.learned).items():
            if contract != self.learned(function):
                changed.append(self._write(_file_of(function), contract))
        path = self._folder / f"{machine}.input.json"
        before = _read(path, "learned") if path.is_file() else None
        given = widened(before, learned_shape(execution.input), ANYTHING)
        if before is None or given != before:
            changed.append(self._write(path.name, given))
        self._known.clear()
        return changed

    def _write(self, name: str, contract: Contract) -> Path:
        path = self._folder / name
        document: Json = {
            "schema": _SCHEMA, "event": shape_schema(contract.event), "result": shape_schema(contract.result),
        }  # fmt: skip
        try:
            self._folder.mkdir(exist_ok=True)
            path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(f"cannot write the contract {path}: {error.strerror}") from None
        return path


def _file_of(function: str) -> str:
    # A name may come from data: it leads to no other folder.
    return re.sub(r"[^\w.-]", "_", function_name(function)) + ".json"


def _of_service(resource: str) -> tuple[Contract, ...]:
    # botocore is large: it is imported for a machine that calls a service.
    from sfn_sim.services.aws_results import result_shape

    shape = result_shape(resource)
    return () if shape is None else (Contract(source="AWS's model", file=resource, result=shape),)


def _read(path: Path, source: str) -> Contract:
    document = _json(path)
    if not isinstance(document, dict) or not {"event", "result"} & document.keys():
        raise ConfigurationError(
            f'{path}: not a contract: expected {{"event": JSON Schema, "result": JSON Schema}}, or one of the two'
        )
    event, result = (
        _shape(document[side], path, document) if side in document else ANYTHING for side in ("event", "result")
    )
    return Contract(source=source, file=shown_path(path), event=event, result=result)


def _json(path: Path) -> Json:
    try:
        found: Json = json.loads(path.read_text(encoding="utf-8-sig"))
        return found
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot read {path}: {error}") from None
    except ValueError as error:
        raise ConfigurationError(f"{path}: not JSON: {error}") from None


def _shape(schema: Json, path: Path, root: Json = None) -> Shape:
    try:
        return schema_shape(schema, root if isinstance(schema, dict) and "$defs" not in schema else schema)
    except SchemaError as error:
        raise ConfigurationError(f"{path}: {error}") from None
