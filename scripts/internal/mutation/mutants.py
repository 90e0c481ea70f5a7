"""Mutants: small changes of one function, each as the text of the changed module."""

from __future__ import annotations

import ast
import copy
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
}
_CALLS = {"min": "max", "max": "min", "any": "all", "all": "any"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Mutant:
    """A change of a module.

    Attributes:
        path: The module.
        function: The qualified name of the function around the change: a method, or one of the
            module, never one within a function.
        start: The first line of that function.
        line: The line that is changed, from 1.
        number: Tells apart the changes of a line.
        before: What stood there.
        after: What stands there instead.
        source: The text of the changed module, with as many lines.
    """

    path: Path
    function: str
    start: int
    line: int
    number: int
    before: str
    after: str
    source: str

    def id(self, root: Path) -> str:
        """Return what identifies the change as long as the module stays the same."""
        return f"{self.path.relative_to(root)}:{self.line}:{self.number}"


def sample(paths: Sequence[Path], size: int, seed: int) -> list[Mutant]:
    """Choose mutants at random, the same for the same seed: of each module its share."""
    by_path = {path: list(mutants(path)) for path in paths}
    total = sum(map(len, by_path.values()))
    chosen: list[Mutant] = []
    for path, found in by_path.items():
        share = min(len(found), max(3, round(size * len(found) / max(total, 1))))
        # Of each module by itself, so that a change of another one does not change it.
        chosen += random.Random(f"{seed} {path.name}").sample(found, share)  # noqa: S311
    return sorted(chosen, key=lambda it: (it.path, it.line, it.number))


def mutants(path: Path) -> Iterator[Mutant]:
    """Yield every mutant of a module."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    for name, function in _functions(tree, ""):
        counts: dict[int, int] = {}
        for node, new in _changes(function):
            before = ast.get_source_segment(text, node)
            after = _written(new)
            if before is None or after == before:
                continue
            counts[node.lineno] = number = counts.get(node.lineno, 0) + 1
            source = _replaced(text, node, after)
            yield Mutant(path, name, function.lineno, node.lineno, number, before, after, source)


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, Function]]:
    for each in ast.iter_child_nodes(node):
        if isinstance(each, ast.ClassDef):
            yield from _functions(each, f"{prefix}{each.name}.")
        elif isinstance(each, Function):
            yield f"{prefix}{each.name}", each


def _changes(function: Function) -> Iterator[tuple[ast.expr | ast.stmt, ast.expr | ast.stmt]]:
    """Yield parts of a function's body, and what to put in their place."""
    body = function.body
    has_docstring = ast.get_docstring(function, clean=False) is not None
    for statement in body[1:] if has_docstring else body:
        for node in _walk(statement):
            if isinstance(node, ast.stmt):
                yield from ((node, new) for new in _of_statement(node))
            elif isinstance(node, ast.expr):
                yield from ((node, new) for new in _of_expression(node))


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and those below it, but for what says nothing or cannot be placed."""
    yield node
    for name, value in ast.iter_fields(node):
        # Of what is within an f-string, Python 3.11 does not know the place.
        if name == "annotation" or isinstance(value, ast.JoinedStr):
            continue
        for each in value if isinstance(value, list) else [value]:
            # Of two iterables that are always as long, `zip` says nothing.
            if isinstance(each, ast.keyword) and each.arg == "strict":
                continue
            if isinstance(each, ast.AST) and not isinstance(each, ast.JoinedStr):
                yield from _walk(each)


def _of_statement(node: ast.stmt) -> Iterator[ast.stmt]:
    match node:
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Raise() | ast.Delete():
            yield ast.Pass()
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield ast.Pass()
        # None in the place of what is empty has the same truth, and the type checker refuses it.
        case ast.Return(value=ast.expr() as value) if not _is_empty(value):
            yield ast.Return(ast.Constant(None))
        case ast.Break():
            yield ast.Continue()
        case ast.Continue():
            yield ast.Break()
        case _:
            pass


def _of_expression(node: ast.expr) -> Iterator[ast.expr]:
    match node:
        case ast.Compare(ops=[op]):
            for other in _COMPARISONS[type(op)]:
                yield _with(node, ops=[other()])
        case ast.BoolOp(op=op):
            yield _with(node, op=ast.Or() if isinstance(op, ast.And) else ast.And())
            for place in range(len(node.values)):
                rest = [it for at, it in enumerate(node.values) if at != place]
                yield rest[0] if len(rest) == 1 else _with(node, values=rest)
        case ast.UnaryOp(op=ast.Not()):
            yield node.operand
        case ast.BinOp(op=op) if type(op) in _OPERATORS and not _is_text(node):
            yield _with(node, op=_OPERATORS[type(op)]())
        case ast.IfExp():
            yield node.body
            yield node.orelse
        case ast.Constant(value=bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(value=int() | float() as value):
            yield ast.Constant(value + 1)
        case ast.Call(func=ast.Name(id=name)) if name in _CALLS:
            yield _with(node, func=ast.Name(_CALLS[name]))
        case _:
            return


def _with(node: ast.expr, **fields: object) -> ast.expr:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def _is_empty(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and not node.value


def _is_text(node: ast.BinOp) -> bool:
    return any(
        isinstance(it, ast.JoinedStr)
        or (isinstance(it, ast.Constant) and isinstance(it.value, str | bytes))
        for it in (node.left, node.right)
    )


def _written(node: ast.expr | ast.stmt) -> str:
    text = ast.unparse(ast.fix_missing_locations(node))
    return (
        f"({text})" if isinstance(node, ast.expr) and not isinstance(node, ast.Constant) else text
    )


def _replaced(text: str, node: ast.expr | ast.stmt, new: str) -> str:
    """Put a text in the place of a node; the lines after it keep their numbers."""
    lines = [line.encode() for line in text.splitlines(keepends=True)]
    last = (node.end_lineno or node.lineno) - 1
    line = lines[node.lineno - 1][: node.col_offset] + new.encode()
    line += lines[last][node.end_col_offset :]
    padding = [b"\n"] * (last - node.lineno + 1)
    return b"".join([*lines[: node.lineno - 1], line, *padding, *lines[last + 1 :]]).decode()
