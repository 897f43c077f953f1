"""Translated texts become part of the compiled templates.

An environment speaks one language, so a text without variables is known as soon as its template is compiled; a page
does not have to ask the catalogue for the same word in every cell of a table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import groupby
from typing import Any

from jinja2 import Environment, nodes
from jinja2.visitor import NodeTransformer

_NAMES = frozenset({"_", "gettext"})


class FixedTexts(NodeTransformer):
    """Puts the translation in the place of its call, and joins what then stands side by side."""

    def __init__(self, gettext: Callable[[str], str]) -> None:
        self._gettext = gettext

    def generic_visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> nodes.Node:
        node = super().generic_visit(node, *args, **kwargs)
        for name in ("body", "else_"):
            if name in node.fields and isinstance(getattr(node, name), list):
                setattr(node, name, _joined(getattr(node, name)))
        return node

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802  # named after the node
        is_plain = len(node.args) == 1 and not (node.dyn_args or node.dyn_kwargs)
        if is_plain and isinstance(node.node, nodes.Name) and node.node.name in _NAMES:
            text = node.args[0]
            if isinstance(text, nodes.Const):
                given = {pair.key: self.visit(pair.value) for pair in node.kwargs}
                return self._filled(self._gettext(text.value), given, node.lineno)
        return self.generic_visit(node)

    def _filled(self, pattern: str, given: Mapping[str, nodes.Expr], lineno: int) -> nodes.Expr:
        """Such texts are patterns for their variables, even where there is none. What is given is escaped as usual."""
        texts, names = pattern.split("%(")[0:1], list[str]()
        for rest in pattern.split("%(")[1:]:
            name, text = rest.split(")s", 1)
            names.append(name)
            texts.append(text)
        fixed = [nodes.MarkSafe(nodes.Const(text % ()), lineno=lineno) for text in texts]
        if not names:
            return fixed[0]
        filled = [part for text, name in zip(fixed[1:], names, strict=True) for part in (given[name], text)]
        return nodes.Concat([fixed[0], *filled], lineno=lineno)


def _joined(body: list[nodes.Node]) -> list[nodes.Node]:
    joined: list[nodes.Node] = []
    for is_output, group in groupby(body, lambda node: isinstance(node, nodes.Output)):
        outputs = list(group)
        if is_output:
            parts = [part for output in outputs for part in output.nodes]  # type: ignore[attr-defined]
            joined.append(nodes.Output(parts, lineno=outputs[0].lineno))
        else:
            joined.extend(outputs)
    return joined


class OneLanguage(Environment):
    """An environment whose `gettext` is known when a template is compiled."""

    fixed_texts: FixedTexts

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = self.fixed_texts.visit(super()._parse(source, name, filename))
        assert isinstance(tree, nodes.Template)
        return tree
