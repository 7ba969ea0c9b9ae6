"""What a finding's code means, in words."""

from __future__ import annotations

import textwrap

from sfn_sim.analysis.check.codes import CODES, Code
from sfn_sim.analysis.check.load_codes import LOAD_CODES
from sfn_sim.analysis.check.run_codes import RUN_CODES
from sfn_sim.errors import ConfigurationError
from sfn_sim.query.jsonpath import nearest

_WIDTH = 100


def every_code() -> dict[str, Code]:
    """Return all codes: what a walk finds, what keeps a definition from loading, and what a run warns of."""
    return {**LOAD_CODES, **CODES, **RUN_CODES}


def find_code(name: str) -> Code:
    """Return the code of a name, however it is written.

    Raises:
        ConfigurationError: there is no such code; names the nearest.
    """
    codes = every_code()
    code = codes.get(name) or codes.get(name.upper().replace("-", "_"))
    if code is None:
        near = nearest(name.upper(), codes)
        hint = f"did you mean {near}?" if near else f"there are: {', '.join(sorted(codes))}"
        raise ConfigurationError(f"no finding has the code {name}; {hint}")
    return code


def explain(code: Code) -> str:
    """Return what a code means, with an example."""
    meaning = textwrap.fill(code.meaning, _WIDTH)
    return f"{code.name} ({code.severity}): {code.title}\n\n{meaning}\n\n{code.example}"


def page() -> str:
    """Return the section of `docs/check.md` that tells every code, as Markdown."""
    lines: list[str] = []
    parts = {
        "What is found by following the data": CODES,
        "What is found when it is loaded": LOAD_CODES,
        "What a run warns of": RUN_CODES,
    }
    for title, codes in parts.items():
        lines += [f"## {title}", ""]
        for code in codes.values():
            lines += [f"### {code.name}", "", f"*{code.severity}*: {code.title}.", "", code.meaning, ""]
            lines += ["```", code.example, "```", ""]
    return "\n".join(lines)
