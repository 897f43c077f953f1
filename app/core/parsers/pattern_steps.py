"""A regular expression as the steps that its engine takes: what each may match, how often, and what may be left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import and_
from typing import Any, NamedTuple

from app.core.parsers.pattern_letters import Alphabet, Letters, Node, union

UNROLLED = 8  # what repeats more often holds no choice inside


class Choice:
    """A piece that the engine may pass by: an alternative, a turn of a repetition, what looks ahead."""

    def __init__(self, node: Node, number: int) -> None:
        self.branch = id(node) if name_of(node) == "BRANCH" else None
        self.number = number

    def excludes(self, other: Choice) -> bool:
        """Whether no way goes through both: they are alternatives."""
        return self.branch is not None and self.branch == other.branch and self.number != other.number


class Step(NamedTuple):
    """Characters that are matched one after the other, `least` to `most` times. `choices` are the pieces around it,
    from the outside in; `needs` is what each turn of a longer piece has a character of."""

    characters: Letters
    least: int
    most: int
    choices: tuple[Choice, ...] = ()
    needs: tuple[Letters, ...] = ()

    @property
    def lengths(self) -> int:
        return self.most - self.least + 1

    def can_follow(self, earlier: Step) -> bool:
        """Whether a way goes through both."""
        return not any(mine.excludes(other) for mine, other in zip(self.choices, earlier.choices, strict=False))

    def is_met_between(self, first: Step, second: Step) -> bool:
        """Whether no way from one step to the other passes this one, which lies between them, by."""
        return self.least > 0 and all(choice in first.choices or choice in second.choices for choice in self.choices)


def name_of(node: Node) -> str:
    return str(node[0])


def is_repeat(node: Node) -> bool:
    return name_of(node).endswith("REPEAT")


def children(node: Node) -> list[Iterable[Node]]:
    """The sequences inside a node."""
    name, value = name_of(node), node[1]
    if is_repeat(node):
        return [value[2]]
    if name == "SUBPATTERN":
        return [value[3]]
    if name == "ATOMIC_GROUP":
        return [value]
    if name in ("BRANCH", "ASSERT", "ASSERT_NOT"):
        return list(value[1]) if name == "BRANCH" else [value[1]]
    if name == "GROUPREF_EXISTS":
        return [branch for branch in value[1:] if branch is not None]
    return []


class StepReader:
    """Reads the steps of a parsed expression."""

    def __init__(self, tree: Any) -> None:
        self.alphabet = Alphabet(_named_codes(tree), _flags_of(tree) | tree.state.flags)

    def steps_of(self, sequence: Iterable[Node], choices: tuple[Choice, ...] = ()) -> Iterator[Step]:
        """The steps in order, alternatives one after the other."""
        for node in sequence:
            name = name_of(node)
            if is_repeat(node):
                yield from self._repeated(node, choices)
            elif name in ("BRANCH", "ASSERT", "ASSERT_NOT"):
                for number, child in enumerate(children(node)):
                    yield from self.steps_of(child, (*choices, Choice(node, number)))
                if name == "BRANCH":
                    yield from self._gate(node, choices)
            elif name in ("SUBPATTERN", "ATOMIC_GROUP"):
                yield from self.steps_of(children(node)[0], choices)
            elif name != "AT":
                yield Step(self.alphabet.matched_by(node), 1, 1, choices)

    def _repeated(self, node: Node, choices: tuple[Choice, ...]) -> Iterator[Step]:
        least, most, body = int(node[1][0]), int(node[1][1]), list(node[1][2])
        inner = list(self.steps_of(body))
        characters = union(step.characters for step in inner)
        needs = tuple(step.characters for step in inner if step.least and not step.choices)
        is_fixed = all(step.lengths == 1 and not step.choices for step in inner)
        if is_fixed and least == most > 0:
            yield from self.steps_of(body, choices)
            return
        if is_fixed or most > UNROLLED:
            yield Step(characters or self.alphabet.everything, least, most, choices, needs)
            return
        for turn in range(most):
            around = choices
            if turn >= least:
                around = (*choices, Choice(node, turn))
                yield Step(characters, 0, 1, choices, needs)  # taken or not
            yield from self.steps_of(body, around)

    def _gate(self, branch: Node, choices: tuple[Choice, ...]) -> Iterator[Step]:
        """The character that every way through the alternatives reads, whichever it takes."""
        beginnings = [next(self._beginning(alternative), None) for alternative in children(branch)]
        if None not in beginnings:
            yield Step(union(begins for begins in beginnings if begins is not None), 1, 1, choices)

    def overlapping_alternatives(self, branch: Node) -> int:
        """How many alternatives, at most, can be gone into with the same text."""
        beginnings = [list(self._beginning(alternative)) for alternative in children(branch)]
        return max(sum(all(map(and_, mine, other)) for other in beginnings) for mine in beginnings)

    def _beginning(self, sequence: Iterable[Node]) -> Iterator[Letters]:
        """What the first characters of its text may be, as far as each has its place."""
        for step in self.steps_of(sequence):
            if step.choices or not step.least:
                return
            yield from [step.characters] * min(step.least, UNROLLED)
            if step.least != step.most or step.least > UNROLLED:
                return


def _flags_of(sequence: Iterable[Node]) -> int:
    flags = 0
    for node in sequence:
        if name_of(node) == "SUBPATTERN":
            flags |= int(node[1][1])
        for child in children(node):
            flags |= _flags_of(child)
    return flags


def _named_codes(sequence: Iterable[Node]) -> Iterator[int]:
    for node in sequence:
        name, value = name_of(node), node[1]
        if name == "IN":
            yield from _named_codes(value)
        elif name in ("LITERAL", "NOT_LITERAL"):
            yield int(value)
        elif name == "RANGE":
            yield from map(int, value)
        for child in children(node):
            yield from _named_codes(child)
