"""The results of a distributed Map's children: kept for the state's output, or written as they come."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from sfn_sim.definition.model import MapState
from sfn_sim.definition.plan import PlannedState
from sfn_sim.errors import RESULT_WRITER_FAILED, Detail, StatesError
from sfn_sim.payload import Json, dumps, size_bytes
from sfn_sim.run.child import Child
from sfn_sim.run.context import Identity
from sfn_sim.run.effects import StateRun
from sfn_sim.run.map_run import MapRun
from sfn_sim.run.result_writer import Calls, ResultFiles, Unwritable, entry, moments, pending_entry, transformed
from sfn_sim.run.seed import Stream


class Results:
    """The results of one Map Run.

    Args:
        planned: the Map.
        destination: bucket and prefix in S3; None for the state's output.
        map_run: the run.
        ids: draws the ids of requests.
        limit_bytes: the payload limit: of a list of outputs beyond it no more is kept than shows what it is.

    Attributes:
        size_bytes: the size of the Map's result, known when it is closed.
    """

    def __init__(
        self,
        planned: PlannedState,
        destination: tuple[str, str] | None,
        map_run: MapRun,
        ids: Stream,
        limit_bytes: int,
    ) -> None:
        distribution = cast(MapState, planned.state).distribution
        self._writer = distribution.writer if distribution else None
        self._map_run = map_run
        self._limit_bytes = limit_bytes
        self._destination = destination
        self._moment = moments()
        self._values: dict[int, list[Json]] = {}
        self._total = 1
        self._aborted: list[Child] = []
        self._files: ResultFiles | None = None
        self.size_bytes = 0
        if destination is not None and self._writer is not None:
            self._files = ResultFiles(self._writer, *destination, map_run.arn, ids.uuid4)

    def add(self, child: Child) -> StateRun:
        """Take in what a child that has ended gave.

        Raises:
            StatesError: States.ResultWriterFailed.
        """
        files = self._files
        values = transformed(self._writer, child, self._moment)
        if files is not None:
            yield from self._written(files.add(child.status, values))
            self._map_run.results_written += 1
            self._map_run.items_written += child.items
        elif self._total <= self._limit_bytes:
            self._values[child.index] = values
            self._total += sum(size_bytes(value) + 1 for value in values)
        else:
            self._total += sum(size_bytes(value) + 1 for value in values)

    def aborted(self, child: Child) -> None:
        """Note a child that was cut off."""
        if self._files is not None:
            self._aborted.append(child)

    def pending(self, identity: Callable[[], Identity], value: Json) -> StateRun:
        """Take in a child that is never started."""
        if self._files is not None:
            yield from self._written(self._files.add("PENDING", [pending_entry(identity(), value)]))

    def close(self) -> StateRun:
        """Return the Map's result.

        Raises:
            StatesError: States.ResultWriterFailed.
        """
        result: Json
        if self._files is not None and self._destination is not None:
            for child in self._aborted:
                yield from self._written(self._files.add(child.status, [entry(child, self._moment)]))
            yield from self._written(self._files.close())
            details: Json = {"Bucket": self._destination[0], "Key": self._files.manifest_key}
            result = {"MapRunArn": self._map_run.arn, "ResultWriterDetails": details}
            self.size_bytes = size_bytes(result)
            return result
        values = [value for _, part in sorted(self._values.items()) for value in part]
        result = values
        self.size_bytes = max(self._total, 2)
        if self._writer is not None and self._writer.output_type == "JSONL":
            result = "".join(f"{dumps(value)}\n" for value in values)  # Source: assumed
            self.size_bytes = size_bytes(result)
        return result

    def _written(self, calls: Calls) -> StateRun:
        try:
            yield from calls
        except Unwritable as problem:
            raise self._failed(problem) from None

    def _failed(self, problem: Unwritable) -> StatesError:
        writer = self._writer
        assert writer is not None
        template, field = writer.arguments, f"{writer.arguments_field}/Bucket"
        if isinstance(template, dict) and "Bucket" not in template:
            field = f"{field}.$"
        detail = Detail(
            "writer",
            field=f"ResultWriter/{field}",
            pointer=f"{writer.pointer}/{field}",
            value=list(self._destination or ()),
            reached=list(problem.near),
            message=problem.what,
        )
        return StatesError(RESULT_WRITER_FAILED, problem.cause, detail=detail)
