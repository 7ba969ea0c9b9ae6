"""The codes of the warnings of a run: what looks wrong although nothing failed, and never changes how a run ends."""

from __future__ import annotations

from sfn_sim.analysis.check.codes import WARNING, Code, code

RUN_CODES: dict[str, Code] = {
    each.name: each
    for each in (
        code(
            "FAILED_STATUS", WARNING, "a handler that returned a status of failure, and a Task that succeeded",
            """Step Functions sees whether a function raised, not what it returned: with {"statusCode": 500} the Task
            succeeds, no Retry or Catch sees it, and what follows goes on as if it had worked.""",
            '''
return {"statusCode": 500, "body": "…"}     # succeeds
mend: raise RuntimeError("…")               # fails, is retried and caught''',
        ),
        code(
            "TURNED_NULL", WARNING, "a value that was there before a state, and is null after it",
            """A value that the state's input had, or that its handler was given, is null in what it gives on. The
            next reader that needs it fails, or takes null for an answer.""",
            '''
return {"batch_id": event.get("batchId")}   # the event has batch_id
mend: return {"batch_id": event["batch_id"]}''',
        ),
        code(
            "LOST_ITEMS", WARNING, "a Map that gave nothing for some of its items",
            """Some of the results are null, or stand for items that failed and were tolerated. The execution goes on,
            and what those items were to give is missing from what follows.""",
            '''
"Process": {"Type": "Map", "ToleratedFailurePercentage": 50, …}   # 2 of 10 items failed and were tolerated
mend: test the length of what came back in a Choice, or keep what failed''',
        ),
        code(
            "LOST_CAUSE", WARNING, "an error that was caught and that nothing tells of",
            """Neither the execution's output nor its error and cause have the error that a Catch took: whoever reads
            how it ended cannot know what went wrong.""",
            '''
"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Failed"}], …
"Failed": {"Type": "Fail", "Error": "JobFailed", "Cause": "a job failed"}
mend: "ResultPath": "$.error" in the Catch, "CausePath": "$.error.Cause" in Failed''',
        ),
        code(
            "CONTRACT_BROKEN", WARNING, "a value that is not as its contract says",
            """What a handler was given or returned in this run, or the machine's input, does not fit the JSON Schema,
            the annotations or the learned contract of it: check reasons with what is no longer so.""",
            '''
contracts/charge.json: {"receipt": string}       # this run: {"receipt": null}
mend: the handler, or its schema; sfn-sim learn RUN widens what was learned''',
        ),
    )
}  # fmt: skip
