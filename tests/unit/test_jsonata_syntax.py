from __future__ import annotations

import pytest

from sfn_sim.query.expression import SyntaxProblem
from sfn_sim.query.jsonata_syntax import Node, parse


def drawn(node: Node) -> str:
    """Return a tree as nested calls, so that a test can show it."""
    inside = [] if node.value is None or node.value == () else [repr(node.value)]
    return f"{node.kind}({', '.join(inside + [drawn(part) for part in node.parts])})"


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("1 + 2 * 3", "binary('+', literal(1), binary('*', literal(2), literal(3)))"),
        ("a.b.c", "path(name('a'), name('b'), name('c'))"),
        ("a.b[0].c", "path(name('a'), filter(name('b'), literal(0)), name('c'))"),
        ("(a.b)[0]", "filter(block(path(name('a'), name('b'))), literal(0))"),
        ("$x[]", "keep(variable('x'))"),
        ("a^(>b, c)", "sort((True, False), name('a'), name('b'), name('c'))"),
        ("a{b: c}", "group(name('a'), name('b'), name('c'))"),
        ("a@$b#$c", "index('c', focus('b', name('a')))"),
        ("{'k': [1..3]}", "object(literal('k'), array(range(literal(1), literal(3))))"),
        ("a ? b : c", "condition(name('a'), name('b'), name('c'))"),
        ("$x := $y := 1", "bind('x', bind('y', literal(1)))"),
        ("($a; 1)", "block(variable('a'), literal(1))"),
        ("$f(?, 1)", "partial(variable('f'), placeholder(), literal(1))"),
        ("function($a, $b)<n-n:n>{$a}", "lambda(('a', 'b'), variable('a'))"),
        ("λ(){1}", "lambda(literal(1))"),
        ("|a|{}, 'b'|", "transform(name('a'), object(), literal('b'))"),
        ("*.**.%", "path(wildcard(), descendant(), parent())"),
        ("$f(/a[/]b/i)", "call(variable('f'), regex('a[/]b'))"),
        ("and.or", "path(name('and'), name('or'))"),
        ("- -1", "negate(negate(literal(1)))"),
        ("$$ & $", "binary('&', variable('$'), variable(''))"),
        ("'\\u00fc\\n' & `a b`", "binary('&', literal('ü\\n'), name('a b'))"),
        ('"\\ud83d\\ude00"', "literal('😀')"),
        ("1.50e1", "literal(15)"),
    ],
)
def test_an_expression_becomes_a_tree(text, tree):
    assert drawn(parse(text)) == tree


def test_every_node_knows_where_it_stands():
    text = "$sum( $states.input.lines[qty > 1].(price * qty) ) "
    found = [text[node.start : node.end] for node in parse(text).walk()]
    assert found == [
        "$sum( $states.input.lines[qty > 1].(price * qty) )",
        "$sum",
        "$states.input.lines[qty > 1].(price * qty)",
        "$states",
        "input",
        "lines[qty > 1]",
        "lines",
        "qty > 1",
        "qty",
        "1",
        "(price * qty)",
        "price * qty",
        "price",
        "qty",
    ]


@pytest.mark.parametrize(
    ("text", "offset"),
    [("a.", 2), ("a b", 2), ("[1", 2), ("{'a' 1}", 5), ("function(a){1}", 9), ("a@b", 2), ("1 := 2", 0), ("/* a", 0)],
)
def test_a_text_that_is_no_expression_is_refused_where_it_goes_wrong(text, offset):
    with pytest.raises(SyntaxProblem) as caught:
        parse(text)
    assert caught.value.offset == offset
