"""Where the cache is, also for a user who has no home."""

from pathlib import Path

import pytest

from tlbench.backbones.weights import keras_cache
from tlbench.cache.folders import cache_dir
from tlbench.core.errors import UserError


def test_a_user_without_a_home_is_told_of_tlbench_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TLBENCH_CACHE", "XDG_CACHE_HOME", "KERAS_HOME"):
        monkeypatch.delenv(name, raising=False)

    def nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nobody)
    with pytest.raises(UserError, match="no home folder for the cache; set TLBENCH_CACHE"):
        cache_dir()
    assert keras_cache() == Path("/tmp/.keras/models")
    monkeypatch.setenv("TLBENCH_CACHE", "/somewhere")
    assert cache_dir() == Path("/somewhere")
