"""Whatever a JSONata template gives: where lineage says that a value comes from, that very value stands."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sfn_sim import StateMachine
from sfn_sim.analysis.lineage.backwards import lineage
from sfn_sim.analysis.lineage.forwards import fate
from sfn_sim.analysis.trace import MISSING, look, path_text
from sfn_sim.query.jsonata import Bindings, compile_expression
from sfn_sim.query.jsonata_errors import UNDEFINED, QueryEvaluationError
from sfn_sim.query.jsonata_trace import trace
from sfn_sim.query.jsonata_traced import Unfollowable
from sfn_sim.run.seed import Stream
from tests.behaviour.machines import passing

few = settings(max_examples=200, deadline=None, database=None, suppress_health_check=list(HealthCheck))

names = st.sampled_from(["a", "b", "c"])
scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab", max_size=2)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)
steps = names | st.builds("{}[{}]".format, names, st.integers(-2, 2))
paths = st.builds(
    lambda root, rest: ".".join([root, *rest]),
    st.sampled_from(["$states.input", "$v", "$states.context.Execution.Input"]),
    st.lists(steps, max_size=3),
)
predicates = st.sampled_from(["a=1", "b", "a>0", "0", "-1", "$=1", "a.b", "[0,1]", "$count($)>0"])
last_steps = st.sampled_from(["{'k':a,'l':b}", "[a,b]", "(a)", "$string()", "*", "(a&'x')", "**"])
bodies = st.sampled_from(["$x.a", "$x", "$i", "{'i':$i,'x':$x}", "[$x]"])
tests = st.sampled_from(["$x.a", "$x", "$x=1", "$x.b>0"])


def _composed(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = st.sampled_from(["=", "!=", "<", "&", "+", "-", "and", "or", "in"])
    functions = st.sampled_from(["reverse", "distinct", "spread", "keys", "count", "exists", "type", "sort"])
    return st.one_of(
        st.builds("({} {} {})".format, inner, operators, inner),
        st.builds("({} ? {} : {})".format, inner, inner, inner),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("{{'x': {}, 'y': {}}}".format, inner, inner),
        st.builds("{}[{}]".format, paths, predicates),
        st.builds("{}.{}".format, paths, last_steps),
        st.builds("{}[]".format, paths),
        st.builds("{}^(>a,b)".format, paths),
        st.builds("{}{{$string(a): $count(b)}}".format, paths),
        st.builds("$map({}, function($x,$i){{ {} }})".format, paths, bodies),
        st.builds("$filter({}, function($x){{ {} }})".format, paths, tests),
        st.builds("$append({}, {})".format, inner, inner),
        st.builds("$merge([{}, {}])".format, inner, inner),
        st.builds("$zip({}, {})".format, inner, inner),
        st.builds("$lookup({}, 'a')".format, inner),
        st.builds("${}({})".format, functions, inner),
        st.builds("$reduce({}, function($p,$q){{$append($p,$q)}})".format, inner),
        st.builds("$each({}, function($p,$q){{$q}})".format, inner),
        st.builds("$sift({}, function($p){{$p}})".format, inner),
        st.builds("($y := {}; $z := {}; {{'y':$y,'z':$z}})".format, inner, inner),
        st.builds("({}).{}".format, inner, names),
        st.builds("({})[{}]".format, inner, st.integers(-2, 2)),
        st.builds("{} ~> $map(function($e){{$e.a}})".format, paths),
    )


expressions = st.recursive(paths | st.sampled_from(["1", "'a'", "true", "null"]), _composed, max_leaves=6)


def same(left: Any, right: Any) -> bool:
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(each, right[name]) for name, each in left.items())
    return isinstance(left, bool) == isinstance(right, bool) and left == right


@few
@given(expressions, documents, documents)
def test_what_an_expression_is_said_to_take_from_a_place_stands_there(text: str, document: Any, variable: Any) -> None:
    around = Bindings(
        fields={"input": document},
        context=lambda: {"Execution": {"Input": document}},
        variables={"v": variable},
        randomness=Stream(0),
    )
    compiled = compile_expression(text)
    try:
        value = compiled.result(around)
        outcome = trace(compiled, around).outcome
    except (QueryEvaluationError, Unfollowable):
        assume(False)
        return
    assume(value is not UNDEFINED and same(outcome.value, value))
    held = {"input": document, "context": {"Execution": {"Input": document}}, "$v": variable}
    for below, at, exact in outcome.flows():
        if exact:
            assert same(look(value, below), look(held[at.root], at.steps))


def _places(value: Any, below: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield below
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, each in pairs:
        yield from _places(each, (*below, step))


@few
@given(expressions, expressions, documents, st.randoms(use_true_random=False))
def test_the_value_at_the_end_of_a_lineage_is_the_value_that_was_asked_for(
    first: str, second: str, document: Any, random: Any
) -> None:
    made = StateMachine.from_json({"QueryLanguage": "JSONata", "StartAt": "A", "States": {
        "A": passing(Assign={"v": "{% $states.input %}"}, Next="B"),
        "B": passing(Assign={"v": f"{{% [{first}] %}}"}, Output={"o": f"{{% [{first}] %}}"}, Next="C"),
        "C": passing(Output={"w": f"{{% [{second.replace('.input', '.input.o')}] %}}"}),
    }})  # fmt: skip
    execution = made.run(document)
    assume(execution.status == "SUCCEEDED")
    steps = random.choice(list(_places(execution.output)))
    found = lineage(execution, f"output{path_text(steps)[1:]}")
    straight = [hop for hop in found.hops if hop.depth == 0]
    for hop, after in pairwise(straight):
        if hop.kind in ("passed", "read"):
            assert same(after.value, hop.value), (hop.words, after.point.text)
    ends = [hop.point.steps for hop in straight if hop.kind == "input" and hop.value is not MISSING]
    if ends and all(hop.kind in ("passed", "read", "input") for hop in straight):
        assert "output" in [use.kind for use in fate(execution, f"input{path_text(ends[-1])[1:]}").uses]
