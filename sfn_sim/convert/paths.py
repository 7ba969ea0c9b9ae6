"""JSONPath to JSONata, step by step.

Definite steps become `.name` and `[index]`; what selects several values becomes $map or $filter, whose `[]` keeps a
list of one a list, and `$append([], …)` gives the empty list where nothing is selected.
"""

from __future__ import annotations

from collections.abc import Mapping

from sfn_sim.convert.code import CONTEXT, NoEquivalent, Notes, member, needed
from sfn_sim.convert.filters import condition_of
from sfn_sim.query.path_syntax import Filter, Indices, Names, Scan, Slice, Token, Wildcard, parse

Roots = Mapping[str, str]
"""What `$` stands for, as code."""


def roots(data: str) -> Roots:
    """Return the roots of paths in a field: `$` is the code `data`, `$$` the Context Object."""
    return {"$": data, "$$": CONTEXT}


def path_code(path: str, known: Roots, notes: Notes, *, inside: bool = False) -> str:
    """Return the code that reads a path; `inside` another expression it fails by itself where it leads nowhere.

    Raises:
        NoEquivalent: a step that JSONata has no words for.
    """
    parsed = parse(path)
    code, several = known.get(parsed.root, parsed.root), False
    for token in parsed.tokens:
        code, several = _step(code, token, several, path, notes)
    if several:
        return f"$append([], {code})"
    return needed(code, path, notes) if inside and parsed.tokens else code


def _step(code: str, token: Token, several: bool, path: str, notes: Notes) -> tuple[str, bool]:
    match token:
        case str() if several:
            return f"$map({code}, function($v) {{ {member('$v', token)} }})[]", True
        case str():
            return member(code, token), False
        case int() if not several:
            return f"{code}[{token}]", False
        case Wildcard() if not several:
            notes.tell(f"{path}: of an object, [*] takes the values in JSONPath, and the object itself in JSONata")
            return f"{code}", True
        case Slice(start, stop):
            if several:
                break_off(path, "a slice of each of several values")
            if start is not None and stop is not None and min(start, stop) < 0:
                break_off(path, "a slice with two ends of which one is negative")
            return f"$filter({code}, function($v_, $i_) {{ {_between(code, start, stop)} }})[]", True
        case Filter(text, offset):
            if several:
                break_off(path, "a filter of each of several values")
            return f"$filter({code}, function($v) {{ {condition_of(text, offset)} }})[]", True
        case Scan():
            break_off(path, "'..' (JSONata's ** gives the values in another order)")
        case Names():
            break_off(path, "several names in brackets")
        case Indices():
            break_off(path, "several indices in brackets")
    break_off(path, "an index or * of each of several values")
    raise AssertionError


def break_off(path: str, what: str) -> None:
    """Refuse a path.

    Raises:
        NoEquivalent: always.
    """
    raise NoEquivalent(f"{path}: {what} has no equivalent")


def _between(code: str, start: int | None, stop: int | None) -> str:
    """Return which places a slice takes; a negative end counts from the last item where it stands alone.

    Source: as `query.selection`, after Jayway.
    """
    if start is not None and stop is not None:
        return f"$i_ >= {start} and $i_ < {stop}"
    if start is not None:
        return f"$i_ >= {start}" if start >= 0 else f"$i_ >= $count({code}) - {-start}"
    if stop is not None:
        return f"$i_ < {stop}" if stop >= 0 else f"$i_ < $count({code}) - {-stop}"
    return "true"
