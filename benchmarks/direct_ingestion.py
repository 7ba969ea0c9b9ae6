"""The ingestion without Step Functions: the same handlers, called in the machine's order.

    python benchmarks/direct_ingestion.py line documented --set dims=64

What the emulator costs is a run of the machine minus this. Sequential, no payload checks, no history.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
HANDLERS = ROOT / "handlers"
DATABASES = {"line": "lines", "word": "words"}
DIRECT_CHUNKS = 4

Handler = Callable[[dict[str, Any], object], Any]


@contextlib.contextmanager
def handlers(folder: Path = HANDLERS) -> Iterator[Callable[[str], Handler]]:
    """Give a function that imports a handler by the name of its Lambda; what it imported is forgotten afterwards.

    The clients of handlers are made when their modules are imported, from the environment of that moment, so this
    belongs inside an open world.
    """
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        yield lambda name: importlib.import_module(name.replace("-", "_")).handler
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            file = getattr(sys.modules[name], "__file__", None)
            if file and Path(file).is_relative_to(folder):
                del sys.modules[name]


@dataclass
class Direct:
    """One ingestion run by plain calls; each step's result stays on it.

    Attributes:
        load: gives a handler by name.
        kind: "line" or "word".
        execution_id: what the machine has as $$.Execution.Name.
        wall_s: seconds on the wall of each step.
        cpu_s: CPU seconds of each step.
    """

    load: Callable[[str], Handler]
    kind: str
    execution_id: str = "direct-1"
    chunk_size: int = 10
    group_size: int = 10
    skip_sqs_notification: bool = True
    wall_s: dict[str, float] = field(default_factory=dict)
    cpu_s: dict[str, float] = field(default_factory=dict)
    keys: dict[str, Any] = field(default_factory=dict)

    def run(self) -> dict[str, Any] | None:
        """Run to the end; return the final merge's result and the marking's, None if there was nothing to merge."""
        listed = self.list_pending()
        if not listed["total_batches"]:
            return None
        chunked = self.split(self.normalize(self.poll(listed)))
        if not chunked["chunks"]:
            return None
        results = self.process_chunks(chunked)
        if chunked["total_chunks"] > DIRECT_CHUNKS:
            results = self.merge_groups(results)
        return {"final_merge_result": self.final_merge(results), "mark_complete_result": self.mark()}

    def list_pending(self) -> Any:
        """Step 1."""
        return self._timed(
            "list", "embedding-list-pending", [{"batch_type": self.kind, "execution_id": self.execution_id}]
        )[0]

    def poll(self, listed: dict[str, Any]) -> Any:
        """Step 3."""
        names = ("manifest_s3_key", "manifest_s3_bucket", "pending_batches")
        shared = {name: listed[name] for name in names}
        shared["skip_sqs_notification"] = self.skip_sqs_notification
        return self._timed(
            "poll",
            f"embedding-{self.kind}-poll",
            [{"batch_index": index, **shared} for index in listed["batch_indices"]],
        )

    def normalize(self, polled: list[Any]) -> Any:
        """Step 4."""
        event = {"batch_id": self.execution_id, "poll_results": polled}
        result = self._timed("normalize", "embedding-normalize-poll-batches", [event])[0]
        self.keys = {name: result[name] for name in ("poll_results_s3_key", "poll_results_s3_bucket")}
        return result

    def split(self, normalized: dict[str, Any]) -> Any:
        """Steps 5 and 6."""
        event = {**normalized, "chunk_size": self.chunk_size}
        chunked = self._timed("split", "embedding-split-chunks", [event])[0]
        if chunked["use_s3"]:
            names = ("chunks_s3_key", "chunks_s3_bucket", "batch_id")
            event = {"operation": "load_chunks_from_s3", **{name: chunked[name] for name in names}, **self.keys}
            chunked = self._timed("split", "embedding-split-chunks", [event])[0]
        return chunked

    def process_chunks(self, chunked: dict[str, Any]) -> Any:
        """Step 7."""
        names = ("chunks_s3_key", "chunks_s3_bucket", "use_s3")
        shared = {name: chunked[name] for name in names}
        return self._compact("chunks", "process_chunk", [{"chunk": chunk, **shared} for chunk in chunked["chunks"]])

    def merge_groups(self, results: list[Any]) -> Any:
        """Steps 9 to 11."""
        event = {
            "batch_id": self.execution_id,
            "chunk_results": results,
            "group_size": self.group_size,
            "poll_results": None,
            **self.keys,
        }
        name = "embedding-create-chunk-groups"
        made = self._timed("groups", name, [event])[0]
        event = {
            "operation": "load_groups_from_s3",
            "groups_s3_key": made["groups_s3_key"],
            "groups_s3_bucket": made["groups_s3_bucket"],
            "batch_id": self.execution_id,
            **self.keys,
        }
        groups = self._timed("groups", name, [event])[0]["groups"]
        return self._compact(
            "merge",
            "merge_chunk_group",
            [{**group, "batch_id": f"{self.execution_id}-group-{group['group_index']}"} for group in groups],
        )

    def final_merge(self, results: list[Any]) -> Any:
        """Step 14."""
        event = {"batch_id": self.execution_id, "chunk_results": results, "poll_results": None, **self.keys}
        return self._compact("final", "final_merge", [event])[0]

    def mark(self) -> Any:
        """Step 15."""
        event = {"batch_id": self.execution_id, "poll_results": None, **self.keys}
        return self._timed("mark", "embedding-mark-batches-complete", [event])[0]

    def _compact(self, step: str, operation: str, events: list[dict[str, Any]]) -> list[Any]:
        shared = {"operation": operation, "database": DATABASES[self.kind]}
        return self._timed(step, "embedding-vector-compact", [{**event, **shared} for event in events])

    def _timed(self, step: str, name: str, events: list[dict[str, Any]]) -> list[Any]:
        wall, cpu = time.perf_counter(), time.process_time()
        handler = self.load(name)
        results = [handler(event, None) for event in events]
        self.wall_s[step] = self.wall_s.get(step, 0.0) + time.perf_counter() - wall
        self.cpu_s[step] = self.cpu_s.get(step, 0.0) + time.process_time() - cpu
        return results


def main() -> None:
    """Run a fixture directly and print what each step took."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("machine", choices=sorted(DATABASES))
    parser.add_argument("fixture")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    arguments = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    from sfn_sim.world import load_fixture, open_world

    overrides = dict(each.split("=", 1) for each in arguments.set)
    fixture = load_fixture(ROOT / "fixtures" / arguments.machine / arguments.fixture, overrides)
    with open_world(fixture) as world, handlers() as load:
        direct = Direct(
            load,
            arguments.machine,
            chunk_size=int(fixture.substitutions["ChunkSize"]),
            group_size=int(fixture.substitutions["GroupSize"]),
        )
        result = direct.run()
        sys.stderr.write(f"{json.dumps(world.summary())}\n")
    for step, wall_s in direct.wall_s.items():
        print(f"{step:10} {wall_s:8.2f} s wall {direct.cpu_s[step]:8.2f} s CPU")
    print(f"{'all':10} {sum(direct.wall_s.values()):8.2f} s wall {sum(direct.cpu_s.values()):8.2f} s CPU")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
