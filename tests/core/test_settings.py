"""Variables of the environment are read in one way."""

from pathlib import Path

import pytest

from tlbench.cache.folders import FEATURES, cache_dir, parse_size
from tlbench.core import settings
from tlbench.core.errors import UserError


@pytest.mark.parametrize(
    ("said", "yes"), [("0", False), ("", False), ("no", False), ("Off", False), ("1", True), ("TRUE", True)]
)
def test_a_flag_says_yes_or_no(said: str, yes: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLBENCH_OFFLINE", said)
    assert settings.flag("TLBENCH_OFFLINE") is yes


def test_a_flag_that_says_neither_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLBENCH_OFFLINE", "maybe")
    with pytest.raises(UserError, match="TLBENCH_OFFLINE='maybe' is neither yes nor no"):
        settings.flag("TLBENCH_OFFLINE")


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLBENCH_FEATURES", "")
    monkeypatch.setenv("TLBENCH_DATA", "")
    assert FEATURES.most() == 20 * 10**9
    assert settings.folder("TLBENCH_DATA") is None


def test_the_home_folder_is_meant_by_its_sign(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TLBENCH_CACHE", "~/kept")
    assert cache_dir() == tmp_path / "kept"
    monkeypatch.setenv("TLBENCH_CACHE", "~nobody-of-that-name/kept")
    with pytest.raises(UserError, match=r"TLBENCH_CACHE: .* no home folder"):
        cache_dir()


@pytest.mark.parametrize("size", ["9" * 400 + "GB", "-1GB", "1e9GB", "²GB", "5", "GB", ""])
def test_what_is_no_size_is_refused(size: str) -> None:
    with pytest.raises(UserError, match="is no size; write one as 500MB or 20GB"):
        parse_size(size, "--max")
