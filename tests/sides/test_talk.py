"""Parent and host of another environment: what one says, the other understands, and how each learns of the other's end."""

import json
import os
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import builders
from tests.measuring.played import Host as PlayedHost
from tests.measuring.played import cell, dying, invalid
from tlbench.core import plugin_files
from tlbench.core.errors import UserError
from tlbench.heads import registry as heads
from tlbench.measuring.hosts import LostError, Ready, Turned
from tlbench.measuring.jobs import ModelJob, ReferenceJob, TimerJob, steps_of
from tlbench.sides import host as host_module
from tlbench.sides.host import JOB, PROTOCOL, Host, Message
from tlbench.sides.remote import Interpreter, Remote

MODEL = ModelJob(cell=cell("full"), classes=2, steps=tuple(steps_of(cell("full"))))
REFERENCE = ReferenceJob(backend="tensorflow")


@pytest.mark.parametrize("job", [MODEL, REFERENCE])
def test_a_job_survives_json(job: TimerJob) -> None:
    assert JOB.validate_python(json.loads(json.dumps(JOB.dump_python(job, mode="json")))) == job


class Talk:
    """A host with played models; everything said goes through JSON."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, played: PlayedHost) -> None:
        monkeypatch.setattr(host_module, "ProcessExecutor", lambda: played)
        self._host, self._log = Host(), folder / "model.log"

    def ask(self, do: str, **message: object) -> Message:
        asked = json.loads(json.dumps({"do": do, "model": 7, **message}))
        answer: Message = json.loads(json.dumps(self._host.answer(asked)))
        return answer

    def open(self, job: TimerJob) -> Message:
        return self.ask("open", job=JOB.dump_python(job, mode="json"), timeout=1, log=str(self._log))


def test_a_model_is_opened_takes_turns_and_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    played = PlayedHost()
    played.environment = builders.environment(cpu="Their CPU")
    talk = Talk(tmp_path, monkeypatch, played)
    ready = Ready.model_validate(talk.open(MODEL)["ready"])
    assert ready == played.opened[0].ready
    assert ready.environment.identity["cpu"] == "Their CPU"
    turned = talk.ask("turn", index=1, pace={"uncounted": 1, "counted": 2})["turned"]
    assert Turned.model_validate(turned) == Turned(samples=(0.03,) * 5)
    assert talk.ask("close") == {}
    assert played.opened[0].closed


def test_a_model_that_is_lost_is_an_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    talk = Talk(tmp_path, monkeypatch, PlayedHost(dies_at=dying("full", at=1)))
    talk.open(MODEL)
    lost = talk.ask("turn", index=0, pace={"uncounted": 0, "counted": 1})["lost"]
    assert (lost["status"], lost["failure"]["type"]) == ("killed", "SIGKILL")
    refused = Talk(tmp_path, monkeypatch, PlayedHost(refuse=lambda job: invalid())).open(MODEL)["lost"]
    assert (refused["status"], refused["failure"]["message"]) == ("invalid", "images are too small")


def script(folder: Path, program: str) -> Interpreter:
    """An interpreter that runs `program` whatever it is asked to; `send` answers the parent."""
    file, python = folder / "program.py", folder / "python"
    file.write_text(
        "import json, os, sys\n"
        "from multiprocessing.connection import Connection\n"
        "connection = Connection(int(sys.argv[-1]))\n"
        "def send(message): connection.send_bytes(json.dumps(message).encode())\n" + program
    )
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{file}" "$@"\n')
    python.chmod(0o755)
    return Interpreter(python, {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}, "git:abc")


def test_a_host_that_measures_in_another_way_is_refused_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"^git:abc: .*PROTOCOL = {PROTOCOL}.*tlbench compare"):
        Remote(script(tmp_path, "send({'protocol': 1})\n"), tmp_path / "logs/host.log")


def test_a_host_has_what_plugins_add(tmp_path: Path) -> None:
    plugin = tmp_path / "my.py"
    plugin.write_text(
        'from tlbench.heads.base import HeadInfo\nENTRY_POINTS = {"tlbench.heads": {"most": HeadInfo("", "a:b")}}\n'
    )
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.shutdown(socket.SHUT_WR)
        try:
            host_module.main(theirs.detach(), [str(plugin)])
            assert "most" in heads.names()
        finally:
            plugin_files.adopt([])


def test_an_interpreter_without_tlbench_is_refused_with_its_log(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot run tlbench; see .*host\.log"):
        Remote(script(tmp_path, "print('no module named tlbench', flush=True)\n"), tmp_path / "logs/host.log")
    assert "no module named" in (tmp_path / "logs/host.log").read_text()


def test_a_host_that_dies_loses_its_models_with_the_reason(tmp_path: Path) -> None:
    dies = f"send({{'protocol': {PROTOCOL}}})\nconnection.recv_bytes()\nos.kill(os.getpid(), 9)\n"
    with Remote(script(tmp_path, dies), tmp_path / "logs/host.log") as remote:
        for _ in range(2):  # the second time nobody listens any more
            with pytest.raises(LostError) as lost:
                remote.open(MODEL, 1, tmp_path / "model.log")
            assert (lost.value.status, lost.value.failure.type) == ("killed", "SIGKILL")


def test_threads_that_ask_at_once_get_their_own_answers(tmp_path: Path) -> None:
    answers = (
        f"send({{'protocol': {PROTOCOL}}})\n"
        "while True:\n"
        "    asked = json.loads(connection.recv_bytes())\n"
        "    send({'of': asked['model'], 'another waits': connection.poll(0.1)})\n"
    )
    with Remote(script(tmp_path, answers), tmp_path / "logs/host.log") as remote, ThreadPoolExecutor(3) as threads:
        heard = list(threads.map(lambda number: remote.ask({"do": "open", "model": number}), range(3)))
    assert heard == [{"of": number, "another waits": False} for number in range(3)]
