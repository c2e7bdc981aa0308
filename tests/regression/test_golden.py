"""The committed reference run and baseline are judged, shown and followed as ever, byte for byte.

`python -m tests.regression.test_golden` writes the expected files anew, where a change of them is meant.
"""

from pathlib import Path

import pytest

from tlbench.regression import baseline
from tlbench.regression.comparison import compare
from tlbench.regression.history import Series, series
from tlbench.reporting.comparison_formats import OUTPUTS
from tlbench.session.side import read_side

ROOT, GOLDEN = Path(__file__).parents[2], Path(__file__).parent / "golden"
RUN, BASELINE = "results/reference/small-cpu", "baselines/small.json"


def rendered(place: Path) -> dict[str, str]:
    """Every text that is made of the two, by file name; `place` is an empty folder to write baselines in."""
    run, base = (read_side(ROOT / path).model_copy(update={"name": path}) for path in (RUN, BASELINE))
    texts = {}
    for name, first in (("baseline", base), ("itself", run)):
        comparison = compare(first, run, run.gates)
        texts |= {f"{name}.{form}": write(comparison) for form, write in OUTPUTS.items()}
    baseline.write(run, place / "saved.json")
    texts["saved.json"] = (place / "saved.json").read_text()
    lines = [f"{each.cell}: {each.name}, {each.unit}, {each.machine}: {values(each)}" for each in series([run, base])]
    return texts | {"history": "\n".join(lines) + "\n"}


def values(followed: Series) -> str:
    return ", ".join(f"{point.value!r} ({point.run})" for point in followed.points)


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return rendered(tmp_path_factory.mktemp("saved"))


@pytest.mark.parametrize("name", sorted(path.name for path in GOLDEN.iterdir()))
def test_the_reference_run_is_judged_and_shown_as_ever(name: str, texts: dict[str, str]) -> None:
    assert texts[name] == (GOLDEN / name).read_text()


def test_the_committed_baseline_is_written_as_it_was_read(tmp_path: Path) -> None:
    baseline.write(read_side(ROOT / BASELINE), tmp_path / "again.json")
    assert (tmp_path / "again.json").read_text() == (ROOT / BASELINE).read_text()


def test_every_format_has_its_expected_text(texts: dict[str, str]) -> None:
    assert set(texts) == {path.name for path in GOLDEN.iterdir()}


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        for file, content in rendered(Path(folder)).items():
            (GOLDEN / file).write_text(content)
