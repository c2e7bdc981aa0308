"""Commands that read a run leave its files where they are, whatever is in them."""

import json
from pathlib import Path

import pytest

from tests.faults.test_predictions import file_of, with_predictions
from tests.session.runs import seeds
from tlbench.cli import main
from tlbench.core.errors import UserError
from tlbench.results.run_folder import RUN_FILE, open_run

READERS = [
    ["report", "run", "--format", "text"],
    ["report", "run", "--profile"],
    ["compare", "run", "run"],
    ["compare", "base.json", "run"],
    ["pairs", "run"],
    ["history", "."],
    ["baseline", "save", "run", "saved.json"],
    ["advise", "run", "--images", "100", "--similar", "yes"],
    ["predict", "run", "seed=1", "1.jpg"],
    ["deploy", "run"],
]


def files(folder: Path) -> dict[str, bytes]:
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


@pytest.mark.parametrize("words", READERS, ids=[" ".join(words[:2]) for words in READERS])
def test_damaged_files_are_named_and_stay(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    records = seeds(0, 1, 2)
    run = with_predictions(tmp_path / "run", *records)
    with pytest.raises(SystemExit):
        main(["baseline", "save", "run", "base.json"])
    record = run.path / "records" / f"{records[0].cell_id}.json"
    for file in (record, file_of(run.path, records[1])):
        file.write_bytes(file.read_bytes()[:-40])
    before = files(run.path)
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main(words)
    assert files(run.path) == before
    told = capsys.readouterr()
    assert f"records/{record.name} is no readable record" in " ".join((told.out + told.err).split())


def test_a_description_of_a_run_by_a_newer_tlbench_is_refused(tmp_path: Path) -> None:
    run = with_predictions(tmp_path / "run", *seeds(0))
    file = run.path / RUN_FILE
    file.write_text(json.dumps({**json.loads(file.read_text()), "mood": 1}))
    with pytest.raises(UserError) as refused:
        open_run(run.path)
    assert str(refused.value) == f"{file}: written by a newer tlbench (field mood is unknown); update tlbench"
