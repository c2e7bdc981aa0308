"""Choosing cells of a suite by pattern and by shard."""

import re
from itertools import combinations
from pathlib import Path

import pytest

from tests import builders
from tlbench.core.cell import Named
from tlbench.core.errors import UserError, as_options
from tlbench.core.selection import covering, names_ids, select, selecting, shard
from tlbench.suite.expand import expand
from tlbench.suite.load import load_suite

SMALL = Path(__file__).parents[2] / "suites" / "small.yaml"


def test_select_matches_patterns_and_refuses_those_that_match_nothing() -> None:
    found = expand(load_suite(SMALL))
    assert len(select(found, "backbone=MobileNetV2* strategy=frozen,full")) == 4
    assert select(found, f"id={found[3].id}") == (found[3],)
    for expression, sentence in [
        ("frozen", "not of the form key=pattern"),
        ("2cf2d1", "a cell by its id is id=2cf2d1"),
        ("strateg=frozen", "did you mean 'strategy'"),
        ("strategy=frosen", "strategy=frosen matches none of the 12 cells; did you mean 'frozen'"),
        ("strategy=frozen,nope", "strategy=nope matches none of the 12 cells; known values of strategy: frozen, full"),
        ("backbone=Mobilenet*", "backbone=Mobilenet[*] matches none of the 12 cells; did you mean 'MobileNet[*]'"),
        ("backbone=Mobilnet*", "backbone=Mobilnet[*] matches none of the 12 cells; did you mean 'MobileNet'"),
        ("dataset=intel backbone=VGG*", "backbone=VGG[*] matches none"),
    ]:
        with pytest.raises(UserError, match=sentence) as caught:
            select(found, expression)
        assert caught.value.exit_code == 64
    with pytest.raises(UserError, match=r"^`select`: strategy=frosen matches none"):
        select(found, "strategy=frosen")
    with as_options(), pytest.raises(UserError, match=r"^--select: strategy=frosen matches none"):
        select(found, "strategy=frosen")
    with pytest.raises(UserError, match="matches none of the 12 cells; `tlbench plan` lists them") as caught:
        select(found, "strategy=frozen strategy=full")
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("expression", "count"),
    [
        ('backbone="MobileNet (alpha=0.25)" strategy=full', 2),
        ("strategy=full backbone='MobileNet (alpha=0.25)'", 2),
        ('backbone="MobileNet (alpha=0.25)","MobileNetV2 (alpha=0.35)"', 12),
        ('backbone="MobileNetV2 (*",MobileNet', 12),
        ('  strategy="full" \t dataset="intel"  ', 2),
    ],
)
def test_a_name_with_spaces_is_quoted(expression: str, count: int) -> None:
    assert len(select(expand(load_suite(SMALL)), expression)) == count


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("backbone=MobileNet (alpha=0.25)", """there is no key '(alpha'; quotes hold a name with blanks together: backbone="MobileNet (alpha=0.25)\""""),
        ('backbone="MobileNet (alpha=0.25)', """'backbone="MobileNet' is not of the form key=pattern; a quote that opens is to be closed"""),
        ('backbone="MobileNet (alpha=0.5)"', """backbone="MobileNet (alpha=0.5)" matches none of the 12 cells; did you mean 'MobileNet (alpha=0.25)'"""),
        ('strategy="full"x', "is not of the form key=pattern"),
        ("strategy=full,", "'strategy=full,' is not of the form key=pattern, e.g. backbone=MobileNet*"),
        ("=full", "there is no key ''; known keys: "),
        ("strategy=", "'strategy=' is not of the form key=pattern, e.g."),
    ],
)  # fmt: skip
def test_messages_about_quotes_and_spaces(expression: str, sentence: str) -> None:
    with pytest.raises(UserError, match=re.escape(sentence)):
        select(expand(load_suite(SMALL)), expression)


def test_a_name_with_brackets_or_quotes_selects_its_cell() -> None:
    names = ["mine[1]", "mine1", "a 'b'", 'a "b"', """a 'b' "c" """, "a ?", "a b"]
    cells = [builders.cell(dataset=Named(name=name)) for name in names]
    for cell in cells:
        assert select(cells, selecting(cell, cells)) == (cell,), cell.dataset.name
    assert select(cells, "dataset=mine[1]") == (cells[0], cells[1])


def test_the_expression_for_one_cell_selects_that_cell() -> None:
    found = expand(load_suite(SMALL))
    full = select(found, "strategy=full")
    said = selecting(full[1], full, "strategy=full")
    assert said == 'strategy=full backbone="MobileNetV2 (alpha=0.35)" dataset=cats_dogs'
    assert select(found, said) == (full[1],)
    for cell in found:
        assert select(found, selecting(cell, found)) == (cell,)
    assert selecting(found[0], [found[0], found[0].model_copy(update={"image_size": 40})]) == f"id={found[0].id}"


def test_names_cover_chosen_cells_with_as_few_others_as_they_can() -> None:
    frozen, full = (builders.cell(strategy=Named(name=name)) for name in ("frozen", "full"))
    other = full.model_copy(update={"backbone": Named(name="MobileNet", args={"alpha": 0.25, "depth_multiplier": 2})})
    cells = [frozen, full, other, full.model_copy(update={"image_size": 40})]
    assert covering(cells, cells) == ""
    assert covering([frozen], cells) == 'backbone="MobileNet (alpha=0.25)" strategy=frozen'
    assert covering([other], cells) == f'backbone="{other.backbone.label}"'
    for count in (1, 2, 3):
        for chosen in combinations(cells, count):
            terms = covering(chosen, cells)
            assert not names_ids(terms)
            assert {one.id for one in chosen} <= {one.id for one in select(cells, terms)}
    assert names_ids("strategy=full id=ab*")


@pytest.mark.parametrize("of", [1, 2, 5, 7, 12])
def test_shards_partition_the_cells_evenly(of: int) -> None:
    found = expand(load_suite(SMALL))
    parts = [shard(found, f"{number}/{of}") for number in range(1, of + 1)]
    assert tuple(cell for part in parts for cell in part) == found
    assert {len(part) for part in parts} <= {12 // of, -(-12 // of)}


@pytest.mark.parametrize("part", ["0/4", "5/4", "1", "1/0", "a/b", "-1/4", "1/4/4", "1/13"])
def test_malformed_shards_are_refused(part: str) -> None:
    with pytest.raises(UserError, match=r"^`shard`: "):
        shard(expand(load_suite(SMALL)), part)
