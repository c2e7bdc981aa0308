"""The view of a comparison in HTML: a summary, then every number that changed, the worst first. Pure."""

from collections.abc import Mapping, Sequence

from tlbench.core.text import DASH, first_of
from tlbench.regression.comparison import Comparison
from tlbench.regression.verdicts import OUTCOME, WORST_FIRST, Judgement, Verdict
from tlbench.reporting.document import Document, Note, Section, Table, Text, compact, prose
from tlbench.reporting.judgements import change, changes, values
from tlbench.reporting.stand_ins import Marks, Sides, marked, note_on, of_comparison
from tlbench.reporting.views.comparison import FAILING, MARKS, document

NOT_JUDGED: frozenset[Verdict] = frozenset({"not comparable", "same measurement"})
NEW = "New, compared with nothing"
SUMMARY: tuple[tuple[str, frozenset[Verdict]], ...] = (
    ("Worse", FAILING),
    ("Not decided", frozenset({"inconclusive"})),
    ("Not comparable", NOT_JUDGED),
    ("As good or better", frozenset({"fixed", "improved", "unchanged"})),
    (NEW, frozenset({"new"})),
)
MOST_NAMED = 3
QUIET: frozenset[Verdict] = NOT_JUDGED | {"unchanged"}
HEADINGS = ["Verdict", "Cell", "Number", "Base → new", "Change", "p (corrected)", "Why, and what would decide it"]


def page(comparison: Comparison) -> Document:
    """The headline, a summary by verdict, what changed, what could not be judged, and the table of other formats."""
    said = document(comparison)
    ordered = sorted(comparison.judgements, key=lambda judgement: WORST_FIRST.index(judgement.verdict))
    changed = [judgement for judgement in ordered if judgement.verdict not in QUIET and not _still(judgement)]
    unjudged, marks = comparison.unjudged, of_comparison(comparison)
    said_first = [Note((rests,))] if (rests := note_on(marks.values())) else []
    sections = [
        Section("In short", (_summary(ordered),)),
        *([Section("What changed, the worst first", (_table(changed, marks),))] if changed else []),
        *([Section("Not judged, though both sides have it", (_table(unjudged, marks),))] if unjudged else []),
        Section("Every cell", said.blocks[len(said_first) :]),
    ]
    return Document(said.title, (*said_first, *sections))


def _still(judgement: Judgement) -> bool:
    """Whether the judgement is undecided and its change is shown as 0.0, so that it does not belong to the changes."""
    undecided = judgement.verdict == "inconclusive" and judgement.effect is not None
    return undecided and change(judgement).startswith("0.0")


def _summary(ordered: Sequence[Judgement]) -> Table:
    rows = []
    for label, verdicts in SUMMARY:
        fitting = [judgement for judgement in ordered if judgement.verdict in verdicts]
        named = first_of([*map(_named, fitting)], MOST_NAMED, "; ")
        if not fitting and label == NEW:
            continue
        rows.append([label, str(len(fitting)), named or DASH])
    return Table.of(["", "Numbers", "Which"], rows, right=[1])


def _named(judgement: Judgement) -> str:
    if judgement.metric == OUTCOME:
        return f"{judgement.of} ({judgement.verdict})"
    return f"{judgement.name} of {judgement.of}"


def _table(judgements: Sequence[Judgement], marks: Mapping[str, Sides]) -> Table:
    lines = [_row(judgement, marks[judgement.cell.id].told) for judgement in judgements]
    return compact(Table.of(HEADINGS, lines, right=[3, 4, 5]))


def _row(judgement: Judgement, marks: Marks) -> list[Text]:
    both = judgement.base is not None and judgement.new is not None and judgement.metric != OUTCOME
    decide = ("; to decide: ", *prose(judgement.decide)) if judgement.decide else ()
    return [
        f"{MARKS[judgement.verdict]} {judgement.verdict}",
        marked(judgement.of, marks) + (f" ({judgement.seeds} seeds)" if judgement.seeds > 1 else ""),
        judgement.name if judgement.metric != OUTCOME else DASH,
        values(judgement) if both else DASH,
        ", ".join(changes(judgement)) or DASH,
        DASH if judgement.adjusted is None else f"{judgement.adjusted:.2g}",
        (judgement.reason, *decide),
    ]
