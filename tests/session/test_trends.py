"""Numbers are followed over many runs."""

import shutil
from pathlib import Path

import pytest

from tests.session.runs import make_run, seeds
from tlbench.core.errors import NothingThereError
from tlbench.session.trends import trends


def test_trends_leave_out_runs_without_records_and_say_so(tmp_path: Path) -> None:
    make_run(tmp_path / "a" / "one", seeds(0), day=1)
    make_run(tmp_path / "b" / "two", seeds(0), day=2)
    make_run(tmp_path / "b" / "empty", day=3)
    said: list[str] = []
    followed = trends(tmp_path, say=said.append)
    assert followed.runs == 2
    assert {len(series.points) for series in followed.series} == {2}
    assert said == ["note: empty has no records; run the suite to its end first"]
    shutil.copytree(tmp_path / "b" / "two", tmp_path / "b" / "two again")
    said.clear()
    assert trends(tmp_path, say=said.append).runs == 2
    assert "note: two again has only copies of records that other runs have too" in said
    with pytest.raises(NothingThereError, match="holds no run"):
        trends(tmp_path / "nowhere")
