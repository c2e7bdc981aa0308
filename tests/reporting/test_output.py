"""What a format makes may be text, bytes or several files."""

import json
from pathlib import Path

import pytest

from tlbench.core.errors import UserError
from tlbench.reporting.output import encoded, files, printable, write


def test_text_and_bytes_are_one_file(tmp_path: Path) -> None:
    write("é", tmp_path / "a.txt")
    write(b"\x89PNG", tmp_path / "deep" / "a.png")
    assert (tmp_path / "a.txt").read_bytes() == "é".encode()
    assert (tmp_path / "deep" / "a.png").read_bytes() == b"\x89PNG"
    assert (printable("é", "x"), printable(b"\x89", "x")) == ("é", b"\x89")


def test_several_files_go_into_a_folder_and_cannot_be_printed(tmp_path: Path) -> None:
    made: dict[str, str | bytes] = {"table.tex": "a & b", "plot.pdf": b"%PDF"}
    write(made, tmp_path / "out")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == {
        "table.tex": b"a & b",
        "plot.pdf": b"%PDF",
    }
    with pytest.raises(UserError, match=r"latex has several files \(table.tex, plot.pdf\); name a folder for them"):
        printable(made, "latex")


@pytest.mark.parametrize("name", ["../a", "a/b", "/a", ".."])
def test_a_file_stays_in_its_folder(name: str) -> None:
    with pytest.raises(ValueError, match="is not a file name"):
        files({name: ""}, "x")


def test_a_path_that_is_no_text_can_be_written() -> None:
    path = b"caf\xe9".decode("utf-8", "surrogateescape")
    assert encoded(path) == b"caf\\udce9"
    assert json.loads(encoded(json.dumps(path, ensure_ascii=False))) == path
