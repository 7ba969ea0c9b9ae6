"""The workloads in JSONata beside JSONPath, in one run.

    python benchmarks/in_jsonata.py             # A, B and D, turn by turn

The JSONata forms are those that `sfn-sim convert` gives, with its guards and without them.
"""

from __future__ import annotations

import argparse
import copy
import gc
import statistics
import sys
import time
from typing import Any

from peers import same
from workloads import WORKLOADS, Workload, trivial

from sfn_sim import StateMachine
from sfn_sim.convert import convert

FORMS = ("JSONPath", "JSONata", "unguarded")


def machines(workload: Workload) -> dict[str, StateMachine]:
    """Return a workload's machine in each form."""
    made = {"JSONPath": workload.definition}
    for form, guarded in (("JSONata", True), ("unguarded", False)):
        converted = convert(workload.definition, guarded=guarded)
        if not converted.is_whole:
            sys.exit(f"{workload.name}: {converted.states} cannot be converted")
        made[form] = converted.document  # type: ignore[assignment]
    return {form: StateMachine.from_json(each, workload.name) for form, each in made.items()}


def seconds(machine: StateMachine, workload: Workload, expected: Any) -> float:
    gc.collect()
    started = time.perf_counter()
    execution = machine.run(workload.input, {"trivial": trivial})
    taken = time.perf_counter() - started
    if not same(execution.result(), expected):
        sys.exit(f"{workload.name}: a wrong output")
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", default="ABD", help="which of A to E")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    print(f"{'':3}{'states':>7}" + "".join(f"{f'{form}/s':>12}" for form in FORMS) + f"{'JSONata:JSONPath':>18}")
    for workload in (make() for make in WORKLOADS):
        if workload.name not in options.workloads:
            continue
        made = machines(workload)
        expected = workload.floor(copy.deepcopy(workload.input))
        rounds = [{form: seconds(made[form], workload, expected) for form in FORMS} for _ in range(options.rounds)]
        taken = {form: statistics.median(each[form] for each in rounds) for form in FORMS}
        ratio = statistics.median(each["JSONata"] / each["JSONPath"] for each in rounds)
        rates = "".join(f"{workload.transitions / taken[form]:>12,.0f}" for form in FORMS)
        print(f"{workload.name:3}{workload.transitions:>7,}{rates}{ratio:>18.2f}")


if __name__ == "__main__":
    main()
