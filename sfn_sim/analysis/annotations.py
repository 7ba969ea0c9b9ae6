"""The contract of a handler that its type annotations tell, read from its text: nothing is imported or run.

Source: PEP 589 and 655 (TypedDict, Required, NotRequired), 557 (dataclasses), 604 (X | Y). A name that is not written
in the file is anything.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from sfn_sim.analysis.contracts import Contract
from sfn_sim.payload import Json
from sfn_sim.query.shapes import (
    ANY_BOOLEAN,
    ANY_NUMBER,
    ANY_STRING,
    ANYTHING,
    NULL_SHAPE,
    Field,
    Shape,
    an_array,
    an_object,
    join,
    join_all,
    shape_of,
)

_PLAIN = {"str": ANY_STRING, "int": ANY_NUMBER, "float": ANY_NUMBER, "bool": ANY_BOOLEAN, "None": NULL_SHAPE}
_LISTS = ("list", "List", "Sequence", "Iterable", "tuple", "Tuple")
_OBJECTS = ("dict", "Dict", "Mapping", "MutableMapping")
_DEPTH = 8


def annotated(text: str, names: Sequence[str] = ("handler",), file: str = "") -> Contract | None:
    """Return what the annotations of a handler say; None where they say nothing, or the text is not Python.

    Args:
        text: the module's text.
        names: what the handler may be called; the first that is there counts.
        file: where it stands, for messages.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None
    functions = {each.name: each for each in tree.body if isinstance(each, ast.FunctionDef)}
    handler = next((functions[name] for name in names if name in functions), None)
    if handler is None:
        return None
    if handler.decorator_list:
        # A decorator may hand on another event, and give back something else.
        return None
    arguments = [*handler.args.posonlyargs, *handler.args.args]
    event = _Names(tree).shape(arguments[0].annotation) if arguments else ANYTHING
    result = _Names(tree, made=True).shape(handler.returns)
    if event.is_anything and result.is_anything:
        return None
    return Contract(source="annotation", file=file, event=event, result=result)


class _Names:
    """What the names of a module stand for; `made`: in what the handler itself makes, where defaults are filled in."""

    def __init__(self, tree: ast.Module, *, made: bool = False) -> None:
        self._made = made
        self._classes = {each.name: each for each in tree.body if isinstance(each, ast.ClassDef)}
        self._aliases: dict[str, ast.expr] = {}
        for each in tree.body:
            if isinstance(each, ast.Assign) and len(each.targets) == 1 and isinstance(each.targets[0], ast.Name):
                self._aliases[each.targets[0].id] = each.value
            elif isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name) and each.value is not None:
                self._aliases[each.target.id] = each.value

    def shape(self, node: ast.expr | None, depth: int = 0) -> Shape:
        """Return the shape of an annotation."""
        if node is None or depth > _DEPTH:
            return ANYTHING
        match node:
            case ast.Constant(value=None):
                return NULL_SHAPE
            case ast.Constant(value=str() as quoted):
                return self._quoted(quoted, depth)
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                return join(self.shape(left, depth + 1), self.shape(right, depth + 1))
            case ast.Name() | ast.Attribute():
                return self._named(_last(node), depth)
            case ast.Subscript(value=outer, slice=inner):
                return self._subscript(_last(outer), inner, depth)
        return ANYTHING

    def _quoted(self, text: str, depth: int) -> Shape:
        try:
            return self.shape(ast.parse(text, mode="eval").body, depth + 1)
        except SyntaxError:
            return ANYTHING

    def _named(self, name: str, depth: int) -> Shape:
        if name in self._classes:
            return self._class(self._classes[name], depth)
        if name in self._aliases:
            return self.shape(self._aliases[name], depth + 1)
        if name in _LISTS:
            return an_array(ANYTHING)
        if name in _OBJECTS:
            return an_object({}, is_open=True)
        return _PLAIN.get(name, ANYTHING)

    def _subscript(self, outer: str, inner: ast.expr, depth: int) -> Shape:
        parts: Sequence[ast.expr] = inner.elts if isinstance(inner, ast.Tuple) else (inner,)
        if outer == "Optional":
            return join(self.shape(inner, depth + 1), NULL_SHAPE)
        if outer == "Union":
            return join_all(self.shape(each, depth + 1) for each in parts)
        if outer in ("Annotated", "Required", "NotRequired", "ReadOnly", "Final"):
            return self.shape(parts[0], depth + 1)
        if outer == "Literal":
            return join_all(_literal(each) for each in parts)
        if outer in ("tuple", "Tuple"):
            return an_array(join_all(self.shape(each, depth + 1) for each in parts if not _is_dots(each)))
        if outer in _LISTS:
            return an_array(self.shape(parts[0], depth + 1))
        return an_object({}, is_open=True) if outer in _OBJECTS else ANYTHING

    def _class(self, node: ast.ClassDef, depth: int) -> Shape:
        is_dataclass = "dataclass" in _decorators(node)
        if not (self._is_all_here(node, depth) if is_dataclass else self._is_typed_dict(node, depth)):
            return ANYTHING
        fields: dict[str, Field] = {}
        for outer in node.bases:
            if _last(outer) in self._classes:
                fields.update(self._class(self._classes[_last(outer)], depth + 1).fields)
        return self._members(node, fields, depth)

    def _is_all_here(self, node: ast.ClassDef, depth: int) -> bool:
        """Tell whether a class and its bases are written in the module: another one may have fields of its own."""
        known = [self._classes.get(_last(each)) for each in node.bases]
        return depth <= _DEPTH and all(each is not None and self._is_all_here(each, depth + 1) for each in known)

    def _is_typed_dict(self, node: ast.ClassDef, depth: int) -> bool:
        names = [_last(each) for each in node.bases]
        known = (self._classes.get(name) for name in names)
        below = depth < _DEPTH and any(each is not None and self._is_typed_dict(each, depth + 1) for each in known)
        # A base that is written elsewhere may have keys of its own.
        return bool(names) and all(name == "TypedDict" or name in self._classes for name in names) and (
            "TypedDict" in names or below
        )

    def _members(self, node: ast.ClassDef, fields: dict[str, Field], depth: int) -> Shape:
        total = not any(
            each.arg == "total" and isinstance(each.value, ast.Constant) and each.value.value is False
            for each in node.keywords
        )
        found = dict(fields)
        for each in node.body:
            if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
                outer = _last(each.annotation.value if isinstance(each.annotation, ast.Subscript) else each.annotation)
                if outer in ("ClassVar", "InitVar"):
                    continue
                optional = outer == "NotRequired" or (each.value is not None and not self._made)
                required = outer == "Required" or (total and not optional)
                found[each.target.id] = Field(self.shape(each.annotation, depth + 1), required)
        return an_object(found)


def _decorators(node: ast.ClassDef) -> list[str]:
    return [_last(each.func if isinstance(each, ast.Call) else each) for each in node.decorator_list]


def _last(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _is_dots(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is Ellipsis


def _literal(node: ast.expr) -> Shape:
    if isinstance(node, ast.Constant) and isinstance(node.value, str | int | float | bool | None):
        value: Json = node.value
        return shape_of(value)
    return ANYTHING
