"""Processes that only pretend to be albert-jax; real ones are in test_hosts.py."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from albert_jax.errors import UserError
from launch import local
from tests.launching import pretend


def run(monkeypatch, tmp_path, script, count=2):
    monkeypatch.setattr(sys, "executable", str(pretend(tmp_path, "python", script)))
    monkeypatch.chdir(tmp_path)
    return local.run(["pretrain", "--workdir=W"], count, devices=4, port=1234)


def test_each_knows_its_place_and_every_line_its_process(monkeypatch, tmp_path, capfd):
    script = 'echo "$ALBERT_JAX_HOSTS $JAX_NUM_CPU_DEVICES $*"; echo trouble >&2'
    assert run(monkeypatch, tmp_path, script) == 0
    lines = capfd.readouterr().out.splitlines()
    words = "-m albert_jax pretrain --workdir=W"
    assert sorted(lines) == [
        f"[0] 0/2@127.0.0.1:1234 4 {words}",
        "[0] trouble",
        f"[1] 1/2@127.0.0.1:1234 4 {words}",
        "[1] trouble",
    ]


def test_when_one_fails_the_others_are_ended(monkeypatch, tmp_path):
    monkeypatch.setattr(local, "GRACE", 0.3)
    begin = time.monotonic()
    script = '[[ "$ALBERT_JAX_HOSTS" == 1/* ]] && exit 7; exec sleep 60'
    assert run(monkeypatch, tmp_path, script) == 7
    assert time.monotonic() - begin < 20


def test_when_one_cannot_be_started_the_others_are_ended(monkeypatch, tmp_path):
    started, popen = [], subprocess.Popen

    def start(*words, **settings):
        if started:
            raise OSError("no more processes")
        started.append(popen(*words, **settings))
        return started[0]

    monkeypatch.setattr(subprocess, "Popen", start)
    with pytest.raises(OSError, match="no more processes"):
        run(monkeypatch, tmp_path, "exec sleep 60")
    assert started[0].poll() == -signal.SIGKILL


def test_a_signal_goes_to_all(monkeypatch, tmp_path):
    handler = signal.getsignal(signal.SIGTERM)
    script = """
    trap 'touch told-"${ALBERT_JAX_HOSTS%%/*}"; exit 75' TERM
    touch ready-"${ALBERT_JAX_HOSTS%%/*}"
    while :; do sleep 0.05; done
    """

    def tell():
        while len(list(tmp_path.glob("ready-*"))) < 2:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=tell).start()
    assert run(monkeypatch, tmp_path, script) == 75
    assert {path.name for path in tmp_path.glob("told-*")} == {"told-0", "told-1"}
    assert signal.getsignal(signal.SIGTERM) is handler


def test_a_dry_run_is_a_script(monkeypatch, capsys):
    monkeypatch.setattr(local, "free_port", lambda: 1234)
    local.main(["--processes=2", "--devices=4", "--dry-run", "--", "pretrain", "--workdir=a b"])
    script = capsys.readouterr().out
    assert script.splitlines() == [
        *(
            f"env ALBERT_JAX_HOSTS={i}/2@127.0.0.1:1234 JAX_NUM_CPU_DEVICES=4 JAX_PLATFORMS=cpu "
            "python -m albert_jax pretrain '--workdir=a b' &"
            for i in range(2)
        ),
        "wait",
    ]
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_it_takes_one_command():
    with pytest.raises(UserError, match=r"one albert-jax command, not [02], belongs after --"):
        local.main(["--processes=2"])


@pytest.mark.parametrize("flag", ["--processes=0", "--processes=-1", "--devices=0"])
def test_none_is_too_few(flag):
    with pytest.raises(UserError, match=f"{flag} is too few; make it 1 or more"):
        local.main([flag, "--", "pretrain"])


def test_python_m_launch_says_in_one_line_what_is_wrong():
    command = [sys.executable, "-m", "launch", "tpu_vm", "--name=B", "--", "pretrain"]
    root = Path(__file__).parents[1]
    finished = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert finished.returncode == 1 and finished.stderr.startswith("launch: a job cannot be called")
    assert finished.stderr.count("\n") == 1
