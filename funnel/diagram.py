"""The funnel as a document: a diagram and tables in Markdown, written from the table in `stages`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.utils import translation

from .stages import (
    ANYONE,
    FACTS,
    LEADERS,
    MARKETING,
    MOVES,
    OPEN_STAGES,
    SALES,
    Arc,
    Fact,
    Move,
    Role,
    Stage,
    half,
)

HEAD = """# The funnel

Written by `manage.py funnel_diagram` from `funnel/stages.py`, which every door of the program is derived from.
Change the table there, then run the command; a test compares the two.
"""

LABELLED = ("lose", "merge", "unmerge", "reopen", "refer", "mark_spam")
"""Moves out of many stages: the diagram would drown in their arrows, so the table below tells of them alone."""


def document() -> str:
    """Return docs/funnel.md as the table says it now, in English."""
    with translation.override("en"):
        return "\n".join([HEAD, *_diagram(), "", *_stages(), "", *_moves(), "", *_facts(), ""])


def _diagram() -> Iterator[str]:
    yield "## Stages and the moves between them\n"
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield "    direction LR"
    for name in ("marketing", "sales", "closed"):
        yield f"    state {name.capitalize()} {{"
        yield from (f"        {stage.value} : {stage.label}" for stage in Stage if half(stage) == name)
        yield "    }"
    yield f"    [*] --> {Stage.NEW.value} : capture"
    for move in MOVES.values():
        if move.name in LABELLED:
            continue
        for arc in move.arcs:
            for stage in Stage:
                if stage not in arc.sources:
                    continue
                ends = arc.returns | ({arc.target} if arc.target else set())
                for end in sorted(ends, key=list(Stage).index):
                    yield f"    {stage.value} --> {end.value} : {move.name}"
    yield f"    {Stage.WON.value} --> [*]"
    yield "```\n"
    words = ", ".join(f"`{name}`" for name in LABELLED)
    yield f"Left out of the drawing, because they leave many stages: {words}. The table has them all."


def _stages() -> Iterator[str]:
    yield "## Stages\n"
    yield "| stage | name | half | open |"
    yield "|---|---|---|---|"
    for stage in Stage:
        yield f"| `{stage.value}` | {stage.label} | {half(stage)} | {'yes' if stage in OPEN_STAGES else ''} |"


def _moves() -> Iterator[str]:
    yield "## Moves\n"
    yield "| move | from | to | event | who | needs |"
    yield "|---|---|---|---|---|---|"
    for move in MOVES.values():
        for arc in move.arcs:
            yield _row(move, arc)


def _row(move: Move, arc: Arc) -> str:
    target = f"`{arc.target.value}`" if arc.target and not arc.returns else "as its history says"
    cells = (
        f"`{move.name}`<br>{move.label}",
        _names(arc.sources) + "".join(f", of kind `{kind}`" for kind in sorted(arc.kinds)),
        target,
        ", ".join(f"`{event.value}`" for event in (arc.passing, arc.event) if event),
        _who(arc.roles, move, arc),
        ", ".join(f"`{path}`" for path in move.requires),
    )
    return f"| {' | '.join(cells)} |"


def _names(stages: Iterable[Stage]) -> str:
    given = set(stages)
    if not given:
        return "–"
    if given == set(Stage):
        return "any"
    return ", ".join(f"`{stage.value}`" for stage in Stage if stage in given)


def _who(roles: frozenset[Role], move: Move | None = None, arc: Arc | None = None) -> str:
    words = {MARKETING: "marketing", SALES: "sales", LEADERS: "leaders", ANYONE: "anyone"}
    if not roles:
        found = "the system"
    elif roles == MARKETING | SALES:
        found = "marketing, sales"
    elif roles == MARKETING | {Role.PARTNER}:
        found = "marketing, the partner"
    else:
        found = words.get(roles) or ", ".join(str(role.label).lower() for role in Role if role in roles)
    if arc and arc.own:
        found = "the owner in sales, leaders"
    elif move and move.offered:
        found = "the one in sales to whom it is offered, leaders"
    if move and move.by_clock:
        found += ", the clock"
    return found


def _facts() -> Iterator[str]:
    yield "## Facts, which change no stage\n"
    yield "| event | name | who | at |"
    yield "|---|---|---|---|"
    for name, fact in FACTS.items():
        yield f"| `{name}` | {fact.event.label} | {_who(fact.roles)} | {_at(fact)} |"
    yield ""
    yield "`annulled` takes another event out of every figure and every replay; it has a door of its own."
    yield ""
    yield (
        "Marketing is marketers and first-touch specialists, sales is salespeople, each with managers and"
        " administrators, who are the leaders."
    )


def _at(fact: Fact) -> str:
    if fact.sources == OPEN_STAGES:
        return "any open stage"
    left = [stage for stage in Stage if stage not in fact.sources]
    if not left:
        return "any stage"
    if len(left) < len(Stage) / 2:
        return "any but " + ", ".join(f"`{stage.value}`" for stage in left)
    return _names(fact.sources)
