"""Files are cut, flipped, swapped and writers killed: nothing is lost in silence, the rest still reads."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests import builders
from tests.finished import done
from tlbench.results.encoding import UnreadableError, decode, encode
from tlbench.results.images import SkippedFile
from tlbench.results.migrations import RecordTooNewError, migrate
from tlbench.results.predictions import Answers, Evaluated
from tlbench.results.record import SCHEMA_VERSION, Record
from tlbench.results.store import Store
from tlbench.statistics.bootstrap import over_rounds

RECORD = builders.record()


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    others = [builders.record(builders.cell(seed=seed)) for seed in range(3)]
    for one in others:
        store.write(one)
    found = store.read_all()
    assert {one.cell_id: one for one in found.records} == {one.cell_id: one for one in others}
    assert found.damaged == ()
    assert done(store) == {one.cell_id for one in others}


def test_a_sample_is_even_and_leaves_damage_where_it_is(tmp_path: Path) -> None:
    store = Store(tmp_path)
    paths = sorted(store.write(builders.record(builders.cell(seed=seed))) for seed in range(10))
    assert [one.cell_id for one in store.sample(4)] == [path.stem for path in paths[::3]]
    assert len(store.sample(100)) == 10
    paths[0].write_text("{")
    assert len(store.sample(100)) == 9
    assert paths[0].exists()


def test_numbers_that_are_not_finite_survive(tmp_path: Path) -> None:
    diverged = RECORD.model_copy(update={"accuracy": builders.accuracy().model_copy(update={"loss": float("nan")})})
    text = encode(diverged)
    json.loads(text, parse_constant=pytest.fail)  # strict JSON has no NaN
    again = decode(text, RECORD.cell_id)
    assert again.accuracy is not None
    assert np.isnan(again.accuracy.loss)


def test_a_file_name_that_is_no_unicode_does_not_lose_the_record() -> None:
    skipped = SkippedFile(split="train", path="cats/caf\udce9.jpg", reason="it is no image")
    text = encode(builders.record(data=builders.data().model_copy(update={"skipped": (skipped,)})))
    again = decode(text, RECORD.cell_id)
    assert again.data is not None
    assert again.data.skipped[0].path == "cats/caf\\udce9.jpg"


def test_a_record_cut_anywhere_is_set_aside_and_named(tmp_path: Path) -> None:
    text = encode(RECORD)
    whole = builders.record(builders.cell(seed=1))
    for length in range(0, len(text) - 1, 97):
        store = Store(tmp_path / str(length))
        store.write(whole)
        path = store.write(RECORD)
        path.write_bytes(text[:length])
        found = store.read_all()
        assert found.records == (whole,)
        (damaged,) = found.damaged
        assert damaged.path == path
        assert path.read_bytes() == text[:length]
        (aside,) = store.set_aside(found.damaged)
        assert aside.path.read_bytes() == text[:length]
        assert not path.exists()


def test_a_flipped_bit_anywhere_is_noticed() -> None:
    text = encode(RECORD)
    for place in range(0, len(text), 53):
        damaged = bytearray(text)
        damaged[place] ^= 1
        if not same_content(bytes(damaged), text):
            with pytest.raises(UnreadableError):
                decode(bytes(damaged), RECORD.cell_id)


@pytest.mark.parametrize("text", [b"[" * 200_000, b'{"a": "\\ud800"}', b"[]", b"\xff", b"", b"{}"])
def test_what_was_never_a_record_is_refused_in_one_sentence(tmp_path: Path, text: bytes) -> None:
    store = Store(tmp_path)
    store.write(RECORD).write_bytes(text)
    assert done(store) == set()
    (aside,) = store.read_all().damaged
    assert aside.reason.startswith(("it is not JSON", "it is not a JSON", "its checksum"))


def test_what_is_no_file_or_larger_than_any_record_is_not_read(tmp_path: Path) -> None:
    store = Store(tmp_path)
    paths = [store.write(builders.record(builders.cell(seed=seed))) for seed in range(4)]
    for path in paths[:3]:
        path.unlink()
    os.mkfifo(paths[0])
    paths[1].mkdir()
    with paths[2].open("wb") as sparse:
        sparse.truncate(64 * 2**30)
    assert done(store) == {paths[3].stem}
    found = store.read_all()
    assert [record.cell_id for record in found.records] == [paths[3].stem]
    assert {file.path.stem: file.reason for file in found.damaged} == {
        paths[0].stem: "it is no regular file",
        paths[1].stem: "it is no regular file",
        paths[2].stem: "it has more than 64 MiB",
    }
    (tmp_path / "predictions").mkdir()
    os.mkfifo(tmp_path / "predictions" / f"{paths[3].stem}.npz")
    with pytest.raises(UnreadableError, match="contains no predictions \\(it is no regular file"):
        store.read_right(found.records[0])


def same_content(one: bytes, other: bytes) -> bool:
    """White space and the last digits of a number may change without changing what the file says."""
    try:
        return bool(json.loads(one) == json.loads(other))
    except ValueError:
        return False


def test_setting_aside_twice_keeps_both(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for content in (b"first", b"second"):
        store.write(RECORD).write_bytes(content)
        store.set_aside(store.read_all().damaged)
    assert sorted(path.read_bytes() for path in (tmp_path / "set_aside").iterdir()) == [b"first", b"second"]


def test_another_cells_record_under_this_name_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path)
    path = store.write(RECORD)
    path.rename(path.with_name("000000000000.json"))
    (aside,) = store.read_all().damaged
    assert "is the record of cell" in aside.reason


def test_a_failed_cell_is_not_done(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write(builders.failed())
    assert done(store) == set()
    assert store.read_all().records[0].status == "killed"


def signed(lines: list[bytes]) -> bytes:
    """A file of these lines, as `encode` would write them, with a checksum that fits."""
    body = b"{\n" + b",\n".join(lines)
    joined = b"".join(line.replace(b'": ', b'":', 1) for line in body.split(b"\n")) + b"}"
    return body + f',\n"checksum": "{hashlib.sha256(joined).hexdigest()}"\n}}\n'.encode()


def test_a_record_is_of_the_cell_that_is_read_from_it_however_its_lines_are_laid_out() -> None:
    lines = encode(RECORD).removeprefix(b"{\n").rpartition(b',\n"checksum"')[0].split(b",\n")
    (own,) = [line for line in lines if line.startswith(b'"cell": ')]
    other = b'"cell": ' + builders.cell(seed=1).canonical().encode()
    assert decode(signed(lines), RECORD.cell_id) == RECORD
    place = lines.index(own)
    together = [*lines[: place - 1], lines[place - 1] + b", " + own, *lines[place + 1 :]]
    assert decode(signed(together), RECORD.cell_id) == RECORD
    escaped = b'"\\u0063ell": ' + other.removeprefix(b'"cell": ')
    for wrong in ([*lines, other], [*lines, escaped], [*lines[:-1], lines[-1] + b", " + other]):
        with pytest.raises(UnreadableError, match="it is the record of cell"):
            decode(signed(wrong), RECORD.cell_id)


def test_a_record_of_schema_1_without_samples_is_named(tmp_path: Path) -> None:
    file = Path(__file__).parents[1] / "data/record_schema1_179e4956220b.json"
    old = json.loads(file.read_bytes())
    del old["checksum"]
    old["timings"]["training"]["samples"] = []
    canonical = json.dumps(old, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    (tmp_path / "records").mkdir()
    text = json.dumps({**old, "checksum": hashlib.sha256(canonical.encode()).hexdigest()})
    (tmp_path / "records" / "179e4956220b.json").write_text(text)
    (aside,) = Store(tmp_path).read_all().damaged
    assert aside.reason == "division by zero"


def test_a_newer_schema_is_refused_and_stays(tmp_path: Path) -> None:
    store = Store(tmp_path)
    path = store.write(RECORD.model_copy(update={"schema_version": 99}))
    with pytest.raises(RecordTooNewError, match=rf"schema 99 is newer than schema {SCHEMA_VERSION}.*update tlbench"):
        store.read_all()
    assert path.exists()


@pytest.mark.parametrize("schema", [4, SCHEMA_VERSION])
def test_a_sound_record_with_fields_of_a_newer_tlbench_is_refused_and_stays(tmp_path: Path, schema: int) -> None:
    content = json.loads(encode(RECORD.model_copy(update={"schema_version": schema})))
    del content["checksum"]
    content["environment"]["colour"] = content["mood"] = "blue"
    content["history"] = [epoch | {"mood": 1} for epoch in content["history"] * 2]
    path = tmp_path / "records" / f"{RECORD.cell_id}.json"
    path.parent.mkdir()
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    path.write_text(json.dumps(content | {"checksum": hashlib.sha256(canonical.encode()).hexdigest()}))
    with pytest.raises(RecordTooNewError) as refused:
        Store(tmp_path).read_all()
    assert str(refused.value) == (
        f"{path}: written by a newer tlbench (fields environment.colour, history[].mood, mood are unknown); "
        "update tlbench"
    )
    assert [one.name for one in tmp_path.rglob("*.json")] == [path.name]


def test_a_record_of_schema_1_is_read_with_its_step_times_unjudged() -> None:
    file = Path(__file__).parents[1] / "data/record_schema1_179e4956220b.json"
    old = json.loads(file.read_bytes())
    record = decode(file.read_bytes(), "179e4956220b")
    assert record.schema_version == SCHEMA_VERSION
    assert record.timings is not None
    assert record.timings.training is not None
    assert record.memory is not None
    assert record.memory.peak == old["peak_memory_bytes"]
    assert record.timings.training.samples == tuple(old["timings"]["training"]["samples"])
    assert record.timings.inference.median == old["timings"]["inference"]["median"]
    assert [doubt.kind for doubt in record.timings.inference.doubts] == ["unjudged"]


def test_intervals_of_schema_4_which_held_other_runs_drift_are_taken_anew_from_the_rounds() -> None:
    old = json.loads(RECORD.model_dump_json())
    samples = [[0.030 + 0.001 * number, 0.031] for number in range(8)]
    (step,) = old["timings"]["steps"][:1]
    step |= {"rounds": samples, "reference": [0.05] * 8, "sample_low": 0.0305, "sample_high": 0.0311}
    step |= {"low": 0.01, "high": 0.09, "drift": [0.3, 2.9]}
    old["timings"] = old["timings"] | {"steps": [step], "protocol": "keras"}
    new = Record.model_validate(migrate(old | {"schema_version": 4}))
    assert new.timings is not None
    interval = over_rounds(samples, "mean")
    assert interval is not None
    assert (new.timings.inference.low, new.timings.inference.high) == (interval.low, interval.high)
    assert 0.030 <= interval.low < interval.high <= 0.037
    assert new.timings.inference.drift == 0.0


def test_an_older_schema_is_brought_up_step_by_step() -> None:
    steps = {1: lambda old: old | {"b": old["a"] + 1}, 2: lambda old: old | {"c": old["b"] + 1}}
    new = migrate({"schema_version": 1, "a": 1}, steps, current=3)
    assert new == {"schema_version": 3, "a": 1, "b": 2, "c": 3}
    with pytest.raises(ValueError, match="schema 0 is unknown"):
        migrate({"schema_version": 0}, steps, current=3)
    with pytest.raises(ValueError, match="no schema_version"):
        migrate({}, steps, current=3)


def test_a_writer_killed_in_the_middle_leaves_a_whole_record_or_none(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from tests import builders; from tlbench.results.store import Store\n"
        "store = Store(Path(sys.argv[1])); record = builders.record()\n"
        "print('ready', flush=True)\n"
        "while True: store.write(record)\n"
    )
    for _ in range(5):
        writer = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        found = Store(tmp_path).read_all()
        assert found.damaged == ()
        assert len(found.records) <= 1


def test_older_predictions_have_none_of_validation(tmp_path: Path) -> None:
    store = Store(tmp_path)
    (tmp_path / "predictions").mkdir()
    np.savez_compressed(tmp_path / "predictions" / "abc.npz", probabilities=np.eye(3), labels=np.arange(3))
    assert store.read_predictions("abc") is not None
    assert store.read_predictions("abc", "validation") is None


def test_predictions_come_back_and_damaged_ones_are_refused(tmp_path: Path) -> None:
    store = Store(tmp_path)
    probabilities, labels = np.eye(3, dtype=np.float32), np.arange(3, dtype=np.int32)
    answers: dict[Evaluated, Answers] = {"test": (probabilities, labels), "validation": (probabilities[:2], labels[:2])}
    path = store.write_predictions("abc", answers)
    for split, expected in answers.items():
        found = store.read_predictions("abc", split)
        assert found is not None
        assert np.array_equal(found[0], expected[0])
        assert np.array_equal(found[1], expected[1])
    assert store.read_predictions("none") is None
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(UnreadableError, match="contains no predictions"):
        store.read_predictions("abc")
