"""The codes of what keeps a definition from loading, or is noticed when it is loaded.

The codes in capitals are AWS's where AWS has one.

Source: API reference, ValidateStateMachineDefinition; those without a counterpart there say so.
"""

from __future__ import annotations

from sfn_sim.analysis.check.codes import ERROR, WARNING, Code, code

LOAD_CODES: dict[str, Code] = {
    each.name: each
    for each in (
        code(
            "SCHEMA_VALIDATION_FAILED", ERROR, "a field that Amazon States Language does not have, or not like this",
            """AWS refuses the definition with this code for a missing or unknown field, a value of the wrong type,
            a path or intrinsic function that cannot be read, and for States.ALL that is not alone and last.""",
            '"Retry": [{"ErrorEquals": ["States.ALL", "Busy"], "IntervalSeconds": 2.5}]',
        ),
        code(
            "INVALID_JSON_DESCRIPTION", ERROR, "a definition that is not JSON",
            "The text cannot be read as JSON; the place is where reading stopped.",
            '{"StartAt": "A", "States": {"A": {"Type": "Succeed"},}}',
        ),
        code(
            "MISSING_DESCRIPTION", ERROR, "a definition that is empty", "There is no text, or null.", '""',
        ),
        code(
            "DEFINITION_TOO_LARGE", ERROR, "a definition over the size limit",
            "AWS takes definitions of at most 1 MB. The code is sfn-sim's.", '{"Comment": "…1 MB of text…", …}',
        ),
        code(
            "TOO_DEEPLY_NESTED", ERROR, "a definition that is nested too deeply to be read",
            "Objects and arrays stand hundreds deep in each other. The code is sfn-sim's.", '{"a": {"a": {"a": …}}}',
        ),
        code(
            "DUPLICATE_JSON_KEY", WARNING, "a key that stands twice in one object",
            "JSON keeps the last one and drops the others without a word. The code is sfn-sim's.",
            '{"Type": "Pass", "Next": "A", "Next": "B"}',
        ),
        code(
            "DUPLICATE_STATE_NAME", ERROR, "two states of one name",
            "Names are unique in the whole machine, branches and processors included.",
            '"Branches": [{"StartAt": "Load", …}, {"StartAt": "Load", …}]',
        ),
        code(
            "DUPLICATE_LABEL_NAME", ERROR, "two Maps of one Label", "Labels are unique in the machine.",
            '"Label": "rows" … "Label": "rows"',
        ),
        code(
            "INVALID_STATE_NAME", ERROR, "a state name that is too long", "At most 80 characters are allowed.",
            '"States": {"AnExtremelyLong…Name": …}',
        ),
        code(
            "INVALID_LABEL_NAME", ERROR, "a Label that is too long or has special characters",
            "At most 40 characters, and none of the special ones.", '"Label": "rows & columns"',
        ),
        code(
            "INVALID_VARIABLE_NAME", ERROR, "a variable name that is none",
            "A letter begins it; letters, digits and _ follow; at most 80 characters.", '"Assign": {"2nd": 1}',
        ),
        code(
            "RESERVED_VARIABLE_NAME", ERROR, "a variable that is called states",
            "$states is what Step Functions gives.", '"Assign": {"states": 1}',
        ),
        code(
            "MISSING_TRANSITION_TARGET", ERROR, "a Next without such a state, or a state that nothing leads to",
            "StartAt, Next, Default and Catch name states beside them; every state can be reached from StartAt.",
            '"Next": "Shp"     (there is Ship)',
        ),
        code(
            "MISSING_END_STATE", ERROR, "a machine that cannot end",
            "No state has End true, and none is a Succeed or Fail.",
            '{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "A"}}}',
        ),
        code(
            "UNRESOLVED_SUBSTITUTION", ERROR, "a ${Name} that nothing fills",
            """A run needs its value; check takes what it would be as unknown, and tells it as a note. The code is
            sfn-sim's.""",
            '"chunk_size.$": "States.StringToJson(\'${ChunkSize}\')"     (--substitute ChunkSize=10)',
        ),
        code(
            "UNSUPPORTED_FEATURE", ERROR, "a part of the language that sfn-sim does not carry out yet",
            "The message names it and its place. Nothing is accepted and ignored. The code is sfn-sim's.",
            '"Type": "Task", "Resource": "…", "Credentials": {…}',
        ),
        code(
            "PASS_RESULT_IS_STATIC", WARNING, "a Pass whose Result holds a path",
            "Result is passed on as it is written: its paths are not read. Parameters would read them.",
            '"Type": "Pass", "Result": {"id.$": "$.id"}',
        ),
        code(
            "NO_DOLLAR", WARNING, "a template field whose value looks like a path, and whose key lacks .$",
            "Without .$ the value is a text like any other.", '"Parameters": {"id": "$.id"}',
        ),
        code(
            "NO_PATH", WARNING, "a field whose value looks like a path, and which is not the …Path one",
            "The value is taken as plain text. The field whose name ends in Path reads it.",
            '"Type": "Fail", "Cause": "$.error.Cause"     (write "CausePath")',
        ),
    )
}
