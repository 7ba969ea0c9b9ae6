"""Every finding's code: what it means, how bad it is, and an example. Codes are stable: they are never renamed.

`docs/check.md` and `sfn-sim explain-code` are written from this table.
"""

from __future__ import annotations

from dataclasses import dataclass

ERROR, WARNING, NOTE = "error", "warning", "note"
SEVERITIES = (ERROR, WARNING, NOTE)


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of finding.

    Attributes:
        name: the code.
        severity: how bad it is on every way; what goes wrong on some ways only is at most a warning.
        title: what it is, in one line.
        meaning: what it means, and what happens in a run.
        example: a piece of a definition in which it is found, and below it what mends it.
    """

    name: str
    severity: str
    title: str
    meaning: str
    example: str


def code(name: str, severity: str, title: str, meaning: str, example: str) -> Code:
    """Return a code, its meaning on one line."""
    return Code(name, severity, title, " ".join(meaning.split()), example.strip("\n"))


CODES: dict[str, Code] = {
    each.name: each
    for each in (
        code(
            "PATH_MISSING", ERROR, "a path that leads nowhere on any way into the state",
            """The state reads a path that no way into it can have. The execution fails there with States.Runtime,
            which no Retry and no Catch takes; in JSONata with States.QueryEvaluationError.""",
            '''
"Prepare": {"Type": "Pass", "Parameters": {"order.$": "$.order"}, "ResultPath": "$.job", "Next": "Charge"},
"Charge":  {"Type": "Task", …, "Parameters": {"id.$": "$.job.id"}}
                                                       ^^ Prepare makes job of {order}
mend: read $.job.order.id, or pass on "id.$": "$.id" in the Parameters of Prepare''',
        ),
        code(
            "PATH_SOMETIMES_MISSING", WARNING, "a path that some ways into the state have, and others lack",
            """At least one way through the machine leads here without the value. The message names that way. An
            execution that takes it fails with States.Runtime, in JSONata with States.QueryEvaluationError.""",
            '''
"Choose":  {"Type": "Choice", "Choices": [{…, "Next": "Load"}], "Default": "Use"},
"Load":    {"Type": "Task", …, "ResultPath": "$.loaded", "Next": "Use"},
"Use":     {"Type": "Task", …, "Parameters": {"key.$": "$.loaded.key"}}
                                                          ^^^^^^ not on Choose → Use
mend: test IsPresent in a Choice before, or give $.loaded on the other way too''',
        ),
        code(
            "STATE_REPLACED", ERROR, "a state replaced everything, and a later one reads what is gone",
            """A Pass with Parameters, a Task, Map or Parallel without ResultPath, or a Catch without ResultPath puts
            its own result in the place of the whole state; so does any Output in JSONata. A later state still reads
            what was there before. Both ends are named.""",
            '''
"Group": {"Type": "Pass", "Parameters": {"total.$": "$.chunked.total"}, "Next": "Merge"},
"Merge": {"Type": "Task", …, "Parameters": {"key.$": "$.chunked.key"}}
                                                        ^^^^^^^ gone since Group
mend: pass on "key.$": "$.chunked.key" in Group, or give Group a ResultPath''',
        ),
        code(
            "EXPRESSION_GIVES_NOTHING", ERROR, "a JSONata expression that gives nothing (undefined)",
            """No path in it leads nowhere, and still it gives nothing: an empty list of which an item is read, a
            function without a result. The state fails with States.QueryEvaluationError. A warning where it is so on
            some ways only.""",
            '''
"Output": {"first": "{% [][0] %}"}
                        ^^^^^ nothing
mend: "first": "{% $exists($states.input.list[0]) ? $states.input.list[0] : null %}"''',
        ),
        code(
            "LIST_READ_AS_OBJECT", NOTE, "a field of the input that is read from each item of a list",
            """A Map or Parallel without Output puts the list of its results in the place of the state. JSONata reads a
            field of a list as that of its items, and gives nothing where no item has it. Whether they have it is not
            known; the state before the list had it.""",
            '''
"Each": {"Type": "Map", "Items": "{% $states.input.lines %}", …, "Next": "Use"},
"Use":  {"Type": "Pass", "Output": {"id": "{% $states.input.id %}"}}
                                              ^^^^^^^^^^^^^^^^ of each result of Each
mend: "Output": "{% $merge([$states.input, {'results': $states.result}]) %}" in Each''',
        ),
        code(
            "LIST_MAY_BE_BARE", NOTE, "an array that comes as its only item, or not at all",
            """JSONata gives what a path, a predicate, $filter or $map selects as it is where that is one item, and
            nothing where it is none. A Map needs an array: it fails on the day on which just one item is left.""",
            '''
"Items": "{% $states.input.lines[open] %}"
             ^^^^^^^^^^^^^^^^^^^^^^^^^ one open line is an object, none is nothing
mend: "Items": "{% [$states.input.lines[open]] %}"''',
        ),
        code(
            "EXPRESSION_FAILS", ERROR, "a JSONata expression that throws",
            """An operator or function gets a value of a type that it does not take, or what is called is no function.
            The state fails with States.QueryEvaluationError. A warning where the value is of that type on some ways,
            or the part stands in a branch of the expression.""",
            '''
"Count": {"Type": "Pass", "Output": {"n": "{% $string($states.input.n) %}"}, "Next": "More"},
"More":  {"Type": "Pass", "Output": {"n": "{% $states.input.n + 1 %}"}}
                                              ^^^^^^^^^^^^^^^ a string since Count
mend: "n": "{% $number($states.input.n) + 1 %}"''',
        ),
        code(
            "NULL_VALUE", WARNING, "a value that is or may be null where its reader needs otherwise",
            """A Map over null, a path below null, an intrinsic function's argument, or a ResultPath through null
            fails; a comparison with null is false. An error where it is null on every way.""",
            '''
"None":  {"Type": "Pass", "Result": null, "ResultPath": "$.items", "Next": "Each"},
"Each":  {"Type": "Map", "ItemsPath": "$.items", …}
                                       ^^^^^^^ null on the way over None
mend: "Result": [], or test IsNull in a Choice before''',
        ),
        code(
            "CONTEXT_PATH", ERROR, "$ and $$ mixed up, or a part of the Context Object that is not there",
            """$ is the state's input; $$ is the Context Object. $$.Map is there inside a Map only, and $$.Task.Token
            in a Task that waits for its token. A warning where the input is not known.""",
            '''
"ItemSelector": {"index.$": "$.Map.Item.Index"}
                             ^^^^^ the input has no Map
mend: "index.$": "$$.Map.Item.Index"''',
        ),
        code(
            "WRONG_TYPE", ERROR, "a value of a type that the field does not take",
            """ItemsPath needs an array; SecondsPath, TimeoutSecondsPath, MaxConcurrencyPath and the like need a
            number; TimestampPath, ErrorPath and CausePath need a string. In JSONata Items needs an array, Condition
            true or false, Seconds and the like a number, Timestamp, Error and Cause a string.""",
            '''
"Start": {"Type": "Pass", "Result": {"items": {"a": 1}}, "Next": "Each"},
"Each":  {"Type": "Map", "ItemsPath": "$.items", …}
                                       ^^^^^^^ an object
mend: give a path to an array''',
        ),
        code(
            "INTRINSIC_ARGUMENT", ERROR, "an intrinsic function that refuses its arguments",
            """The number of {} in a States.Format template, or the type of an argument, does not fit. The execution
            fails with States.IntrinsicFailure.""",
            '''
"id.$": "States.Format('{}-{}', $.name)"
                        ^^^^^ two holes, one argument
mend: "id.$": "States.Format('{}', $.name)"''',
        ),
        code(
            "PLACE_CONFLICT", ERROR, "a ResultPath that leads through a value that is no object",
            """A result is put below a string, number, boolean, null or array. The execution fails with
            States.ReferencePathConflict.""",
            '''
"Name": {"Type": "Pass", "Result": "a", "ResultPath": "$.user", "Next": "Load"},
"Load": {"Type": "Task", …, "ResultPath": "$.user.orders"}
                                             ^^^^ a string since Name
mend: "ResultPath": "$.orders"''',
        ),
        code(
            "PATH_ALWAYS_EMPTY", WARNING, "a path with *, .., a slice or a filter below what is not there",
            """Such a path does not fail where its beginning leads nowhere: it gives an empty list, on every way. A note
            where only an example of the input lacks it: another input may have it.""",
            '''
"Prepare": {"Type": "Pass", "Parameters": {"rows.$": "$.rows"}, "Next": "Pick"},
"Pick":    {"Type": "Pass", "Parameters": {"ids.$": "$.lines[*].id"}}
                                                       ^^^^^ Prepare gives {rows}
mend: "ids.$": "$.rows[*].id"''',
        ),
        code(
            "UNLIKE_TYPES", WARNING, "a Choice rule that compares unlike types",
            """The operator compares numbers, strings, booleans or timestamps, and the value is of another type.
            Step Functions does not fail: the rule is false, always. So is = of unlike types in JSONata.""",
            '''
"Count": {"Type": "Pass", "Parameters": {"n.$": "States.Format('{}', $.n)"}, "Next": "Many"},
"Many":  {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericGreaterThan": 3, …}], …}
                                                     ^^^ a string since Count
mend: "n.$": "$.n"''',
        ),
        code(
            "BRANCH_NEVER_TAKEN", WARNING, "a Choice rule that no input can reach or meet",
            """What is known of the input here contradicts the rule, or the rules before it take everything. A note
            where it is the Default, or where only an example of the input says so: the rule may be for another.""",
            '''
"Set":    {"Type": "Pass", "Parameters": {"mode": "fast"}, "Next": "Choose"},
"Choose": {"Type": "Choice", "Choices": [{"Variable": "$.mode", "StringEquals": "slow", "Next": "Slow"}], …}
                                                              ^^^^^^ it is always "fast"
mend: take the rule away, or let Set pass the mode on''',
        ),
        code(
            "NO_CHOICE_MATCHES", ERROR, "a Choice without Default in which no rule can hold",
            """On the way that is named no rule holds. The execution fails with States.Runtime.""",
            '''
"Set":    {"Type": "Pass", "Result": {"mode": "fast"}, "Next": "Choose"},
"Choose": {"Type": "Choice", "Choices": [{"Variable": "$.mode", "StringEquals": "slow", "Next": "Slow"}]}
mend: add a "Default"''',
        ),
        code(
            "HANDLER_NEVER_USED", WARNING, "a Retrier or Catcher for errors that cannot come here",
            """The state cannot raise the error, or an entry before it takes all that this one names. A note where
            only a default that nobody meets could raise it: States.Timeout without TimeoutSeconds.""",
            '''
"Retry": [{"ErrorEquals": ["States.TaskFailed"]}, {"ErrorEquals": ["Lambda.TooManyRequestsException"]}]
                                                                   ^^^ taken by States.TaskFailed before
mend: put the Retrier that names fewer errors first''',
        ),
        code(
            "UNKNOWN_ERROR_NAME", WARNING, "an error name that nothing raises",
            """The name is close to one that Step Functions or Lambda raises, and is none. The Retrier or Catcher
            never acts.""",
            '''
"Retry": [{"ErrorEquals": ["Lambda.TooManyRequestException"]}]
                            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
mend: "Lambda.TooManyRequestsException"''',
        ),
        code(
            "UNCATCHABLE_ERROR", WARNING, "an error name that no Retry and no Catch can take",
            """States.Runtime ends an execution at once, whatever Retry and Catch say.""",
            '''
"Catch": [{"ErrorEquals": ["States.Runtime"], "Next": "Mend"}]
                            ^^^^^^^^^^^^^^
mend: correct the path or template that raises it''',
        ),
        code(
            "CAUSE_SWALLOWED", WARNING, "a Catch after which nothing tells what went wrong",
            """The catcher's error output is read by no state after it, and every way from there ends in a Fail state
            with an Error and Cause of its own: the real ones are lost. A note where the Catch names the errors, or the
            execution goes on.""",
            '''
"Catch":  [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Failed"}],
"Failed": {"Type": "Fail", "Error": "ChunkFailed", "Cause": "A chunk failed"}
                                                            ^^^ whose cause?
mend: "ErrorPath": "$.error.Error", "CausePath": "$.error.Cause"''',
        ),
        code(
            "RETRY_OUTLASTS_TIMEOUT", WARNING, "retries that last longer than the machine may run",
            """The waits of one Retrier, with the attempts' own TimeoutSeconds where there is one, add up to more than
            the machine's TimeoutSeconds: the last attempts never come. A note where the waits take less than half of
            that and the Retrier does not retry States.Timeout.""",
            '''
"TimeoutSeconds": 300, …
"Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 30, "MaxAttempts": 40, "BackoffRate": 1}]
                                     20 minutes of waiting
mend: fewer attempts, or a longer TimeoutSeconds''',
        ),
        code(
            "INPUT_UNREAD", NOTE, "a field of the input that nothing reads",
            """The example input has a field which no state reads and which is in no output.""",
            '''
input: {"order": 7, "verbose": true}
"Charge": {"Type": "Task", …, "Parameters": {"order.$": "$.order"}, "End": true}
mend: leave verbose out, or pass it on''',
        ),
        code(
            "OUTPUT_UNREAD", NOTE, "a value that a state makes and nobody reads",
            """A key of Parameters, ItemSelector or ResultSelector, or a Task's result, is read by no state after it
            and is not in the output. It counts against the payload limit.""",
            '''
"Prepare": {"Type": "Pass", "Parameters": {"id.$": "$.id", "when.$": "$$.Execution.StartTime"}, "Next": "Charge"},
"Charge":  {"Type": "Task", …, "Parameters": {"id.$": "$.id"}, "End": true}
mend: leave "when.$" out''',
        ),
        code(
            "VARIABLE_MISSING", ERROR, "a variable that has no value where it is read",
            """No Assign on any way into the state gives the variable a value. A warning where some ways do. What is
            assigned in a branch or processor ends with it.""",
            '''
"Set":    {"Type": "Pass", "Assign": {"total.$": "$.total"}, "Next": "Charge"},
"Charge": {"Type": "Task", …, "Parameters": {"total.$": "$totals"}}
                                                       ^^^^^^^ there is $total
mend: "total.$": "$total"''',
        ),
        code(
            "CONTRACT_NOT_MET", ERROR, "a Task that does not give its function what that needs",
            """The function's contract (a schema beside its handler, its annotations, or what was learned from runs)
            requires a key that the state does not pass, or passes as another kind of value. A warning where only some
            ways do so, a note where the contract was learned.""",
            '''
def handler(event: Order, context): …        class Order(TypedDict): id: str; total: float
"Charge": {"Type": "Task", "Resource": "…:function:charge", "Parameters": {"id.$": "$.id"}, …}
mend: add "total.$": "$.total" to the Parameters''',
        ),
        code(
            "CONTRACT_KEY_UNREAD", NOTE, "a key that a Task passes and its function does not read",
            """The function's contract names every key that it reads, and this one is not among them. It counts
            against the payload limit.""",
            '''
def handler(event: Order, context): …        class Order(TypedDict): id: str
"Charge": {"Type": "Task", …, "Parameters": {"id.$": "$.id", "when.$": "$$.State.EnteredTime"}, …}
mend: leave "when.$" out''',
        ),
        code(
            "SILENCE_UNUSED", NOTE, "a silence in the configuration that silences nothing",
            """No finding of that code is in that state any more, or the name is wrong.""",
            '''
[[check.silence]]
code = "OUTPUT_UNREAD"
state = "Prepare"
reason = "kept for the log"
mend: take the entry out''',
        ),
    )
}
