"""Export the trained models of a run to runtimes, and measure their size, accuracy and speed there."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tlbench.cache.folders import cache_dir
from tlbench.core import settings
from tlbench.core.cell import Timing
from tlbench.core.errors import NothingThereError, UserError, argument
from tlbench.core.files import append_text, write_atomically
from tlbench.datasets.registry import DATASETS, SYNTHETIC
from tlbench.datasets.source import DataSource
from tlbench.execution import child, server, temporary
from tlbench.execution.entry_points import EXPORT
from tlbench.execution.executors import ProcessExecutor
from tlbench.execution.outcome import Raised, Returned, failure, refuse_full_disk
from tlbench.execution.runtimes import KERAS, RUNTIMES, Exported, ToExport, chosen
from tlbench.measuring.hosts import TimerHost
from tlbench.measuring.jobs import DeployedJob, StepJob
from tlbench.measuring.opening import TimedSide
from tlbench.measuring.session import Session
from tlbench.results.deployment import Deployed, DeployedModel, Deployment
from tlbench.results.measured import Environment, StepTiming
from tlbench.results.record import Failure, Record
from tlbench.results.run_folder import RunFolder
from tlbench.session.events import Events, Logged
from tlbench.session.exported import SUFFIX, description
from tlbench.session.folder import Run, Say, StrPath, find_run, log, record_of, told_records
from tlbench.session.kept import decoded_again, kept_file, own_names

BATCH_SIZES = (1, 32)
TIMING = Timing(protocol="custom", batch_size=1, warmup=5, iterations=30, seconds=0, max_seconds=30)
"""For each batch size; it gives 15 rounds of two calls."""
PATIENCE = 1800.0
"""The longest time for one answer of a model that is timed, in seconds."""

Outcomes = Mapping[str, Exported | Failure]
"""The exports of a model by runtime, Keras first."""


@dataclass(frozen=True)
class _Kept:
    """A saved model, with the images that it was tested on."""

    record: Record
    file: Path
    data: DataSource


@dataclass(frozen=True)
class Times:
    """The step times of a model by runtime.

    Attributes:
        steps: the steps by runtime.
        lost: why a runtime has no step times.
        environments: where the runtimes ran.
        threads: the threads that each could use.
    """

    steps: Mapping[str, tuple[StepTiming, ...]] = field(default_factory=dict)
    lost: Mapping[str, Failure] = field(default_factory=dict)
    environments: tuple[Environment, ...] = ()
    threads: int | None = None


def deploy(
    run: Run,
    cells: Sequence[str] = (),
    *,
    to: Sequence[str] = (),
    out: StrPath | None = None,
    data: StrPath | None = None,
    events: Events | None = None,
    say: Say = log.warning,
) -> Deployment:
    """Export the trained models of a run, and measure their size, test accuracy and time for 1 and 32 images.

    Everything runs on the CPU, with all threads that this process may use. A model that a runtime does not support is
    not an error; the result has the reason.

    Args:
        run: the folder of a run with ``save_models: true``, or the result of `tlbench.run`.
        cells: the cells, named as for `predict`; default: all with a saved model.
        to: names of runtimes (`execution.runtimes`); default: all that are installed.
        out: a folder for the exported files, with a description of each (`.json`); by default they are removed.
        data: as for `run`.
        events: receives the progress.
        say: receives a sentence for each record that cannot be read.

    Raises:
        UserError: a runtime is not installed, or a model or its images are not those of the run. This is checked before
            anything is exported.
    """
    names = chosen(to)
    server.need_backend("tensorflow", "deploy opens and exports models with TensorFlow, whichever backend trained them")
    folder, place = find_run(run, say), settings.folder("TLBENCH_DATA", data)
    asked = [(record, kept_file(folder.path, record)) for record in _asked(folder, cells, say)]
    server.start_server("tensorflow")  # before threads decode images: `session.run` says why
    kept = [_Kept(record, file, _images(record, folder, place)) for record, file in asked]
    if out is not None:
        Path(out).mkdir(parents=True, exist_ok=True)
    models, times, listener = list[DeployedModel](), list[Times](), events or Logged()
    with temporary.inner("deploy-") as aside:
        for number, one in enumerate(kept):
            exported = _export(one, (KERAS, *names), Path(aside), listener, (number, len(kept)))
            times.append(_time(one, exported, ProcessExecutor(), listener))
            models.append(_told(one, exported, times[-1]))
            _hand_over(exported, Path(out) if out is not None else None)
            if out is not None:
                _describe(Path(out), folder.path.name, one.record, models[-1], exported)
    return Deployment(
        run=folder.path.name,
        models=tuple(models),
        batch_sizes=BATCH_SIZES,
        environment=_together([environment for one in times for environment in one.environments]),
        threads=next((one.threads for one in times if one.threads), None),
        absent=() if to else tuple(one.absence for one in RUNTIMES.values() if one.missing),
    )


def _asked(folder: RunFolder, cells: Sequence[str], say: Say) -> list[Record]:
    records = told_records(folder, say)
    if not records:
        raise NothingThereError(f"{folder.path} has no records; `tlbench run` makes them")
    if cells:
        return list({one.cell_id: one for one in (record_of(records, cell) for cell in cells)}.values())
    if kept := [record for record in records if record.saved_model]:
        return kept
    raise UserError(f"{folder.path} has kept no models; put `save_models: true` into its suite and run it again")


def _images(record: Record, folder: RunFolder, data: Path | None) -> DataSource:
    name = record.cell.dataset.name
    found = decoded_again(record, folder, data, by_name=name == SYNTHETIC or name in DATASETS)
    if found is None:
        called = " or ".join(map(repr, own_names(name, folder)))
        raise UserError(
            f"the images of {folder.path} ({record.cell.dataset.label}) are not here, or others are; "
            f"{argument('data')} names their folder, called {called}, or the one in which it lies"
        )
    return found


def _export(kept: _Kept, names: Sequence[str], folder: Path, events: Events, place: tuple[int, int]) -> Outcomes:
    """Export the model to each runtime and evaluate it, in a process each. Stops if Keras itself cannot open it.

    place: the number of the model, from 0, and the number of models.
    """
    (number, models), cell, found = place, kept.record.cell, dict[str, Exported | Failure]()
    for index, name in enumerate(names, number * len(names) + 1):
        events.exporting(cell, _title(name), index, models * len(names))
        into = folder / cell.id
        found[name] = _in_a_child(ToExport(kept.file, cell.backbone.name, name, into, kept.data.splits["test"]))
        if isinstance(found[KERAS], Failure):
            break
    return found


def _in_a_child(request: ToExport) -> Exported | Failure:
    printed = cache_dir() / "logs" / f"{request.into.name}.{request.runtime}.log"
    printed.parent.mkdir(parents=True, exist_ok=True)
    outcome = child.run(EXPORT, request, log=printed)
    if isinstance(outcome, Returned):
        printed.unlink(missing_ok=True)
        exported: Exported = outcome.value
        return exported
    refuse_full_disk(outcome, printed)
    if isinstance(outcome, Raised):
        append_text(printed, outcome.traceback)
    return _printed_in(printed, failure(outcome)[1])


def _printed_in(file: Path, why: Failure) -> Failure:
    """The failure with the place of the log as advice, since the usual advice is about training."""
    return why.model_copy(update={"advice": f"What the process printed is in {file}."})


def _time(kept: _Kept, exported: Outcomes, host: TimerHost, events: Events) -> Times:
    """Time the model in turn in all runtimes that support it, including Keras."""
    cell, classes, folder = kept.record.cell, len(kept.data.classes), cache_dir()
    steps = tuple(StepJob(step="inference", batch_size=size) for size in BATCH_SIZES)
    jobs = [
        DeployedJob(cell=cell, classes=classes, steps=steps, runtime=name, file=str(one.files[0]), protocol=TIMING)
        for name, one in exported.items()
        if isinstance(one, Exported)
    ]
    if not jobs:
        return Times()
    session = Session([TimedSide(host)], events, folder / "logs", folder / "reference", PATIENCE, anchor=jobs[0])
    session.measure(jobs)
    return times_of(jobs, session)


def times_of(jobs: Sequence[DeployedJob], session: Session) -> Times:
    """The times that a session has measured and lost, by runtime."""
    lost = {
        job.runtime: _printed_in(side.log(session.logs, job), session.lost[key].failure)
        for job in jobs
        for key in job.keys
        for side in session.sides
        if key in session.lost
    }
    measured = {
        job.runtime: [one for key in job.keys for one in session.measured[key].values()]
        for job in jobs
        if job.runtime not in lost
    }
    ready = [of[0].ready for of in measured.values()]
    return Times(
        {name: tuple(one.summary(one.job.timing) for one in of) for name, of in measured.items()},
        lost,
        tuple(one.environment for one in ready),
        next((one.threads for one in ready), None),
    )


def _told(kept: _Kept, exported: Outcomes, times: Times) -> DeployedModel:
    record, (_, labels) = kept.record, kept.data.splits["test"].open(1.0)
    keras, rows = exported[KERAS], list[Deployed]()
    for name, one in exported.items():
        row = Deployed(runtime=name, title=_title(name), exact=name == KERAS or RUNTIMES[name].exact)
        if isinstance(one, Failure):
            rows.append(row.model_copy(update={"failure": one}))
            continue
        assert isinstance(keras, Exported), "no other runtime is tried where Keras fails"
        size = kept.file.stat().st_size if name == KERAS else sum(file.stat().st_size for file in one.files)
        measured = {"bytes": size, "steps": times.steps.get(name, ()), "failure": times.lost.get(name)}
        rows.append(row.model_copy(update=measured).answering(one.probabilities, keras.probabilities, labels))
    return DeployedModel(
        cell_id=record.cell_id,
        label=record.cell.label,
        images=len(labels),
        recorded=record.accuracy.correct if record.accuracy else None,
        precision=record.cell.precision,
        fallbacks=record.fallbacks,
        runtimes=tuple(rows),
    )


def _hand_over(exported: Outcomes, out: Path | None) -> None:
    """Move exported files to `out`, or remove them, because a model may have hundreds of megabytes per runtime."""
    written = [one for name, one in exported.items() if name != KERAS and isinstance(one, Exported)]
    for file in (file for one in written for file in one.files):
        if out is None:
            file.unlink()
        else:
            shutil.move(file, out / file.name)


def _describe(out: Path, run: str, record: Record, model: DeployedModel, exported: Outcomes) -> None:
    """Write beside each exported file what a program needs to know of it."""
    for row in model.runtimes[1:]:
        if isinstance(one := exported[row.runtime], Exported):
            text = description(run, record, model, row)
            write_atomically(out / f"{one.files[0].name}{SUFFIX}", text.encode("utf-8", "backslashreplace"))


def _together(environments: Sequence[Environment]) -> Environment | None:
    """The first environment with the versions of all, since each runtime lists its own packages."""
    if not environments:
        return None
    versions = {name: version for one in environments for name, version in one.versions.items()}
    return environments[0].model_copy(update={"versions": versions})


def _title(name: str) -> str:
    return "Keras" if name == KERAS else RUNTIMES[name].title
