"""A command starts once more with memory that is kept, and finds what it compiled before."""

import os
import subprocess
import sys

from albert_jax import environment
from tests.commands import run
from tests.runs import pretrain

SHOW = (
    "import os, sys; from albert_jax import environment; environment.prepare(); "
    "print(os.environ['GLIBC_TUNABLES'], os.environ['JAX_COMPILATION_CACHE_DIR'], sys.argv[1:])"
)


def shown(tmp_path, **variables):
    names = ("GLIBC_TUNABLES", "JAX_COMPILATION_CACHE_DIR")
    kept = {name: value for name, value in os.environ.items() if name not in names}
    command = [sys.executable, "-c", SHOW, "a word", "--flag"]
    env = kept | {"HOME": str(tmp_path)} | variables
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_memory_that_is_kept_and_a_folder_for_what_is_compiled(tmp_path):
    tunables, folder, words = shown(tmp_path).split(" ", 2)
    assert tunables == environment.MEMORY
    assert folder.startswith(f"{tmp_path}/.cache/albert_jax/")
    assert words == "['a word', '--flag']"


def test_what_the_user_has_set_stays(tmp_path):
    own = dict(GLIBC_TUNABLES="glibc.malloc.check=0", JAX_COMPILATION_CACHE_DIR="/elsewhere")
    assert shown(tmp_path, **own).startswith("glibc.malloc.check=0 /elsewhere")


def test_the_second_start_compiles_nothing(tmp_path, monkeypatch):
    compiled = tmp_path / "compiled"
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(compiled))
    monkeypatch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    entries = []
    for name in ("first", "second"):
        finished = run(*pretrain(tmp_path / name, "--config.training.steps=2"))
        assert finished.status == 0, finished
        entries.append({path.name for path in compiled.iterdir() if path.name.endswith("-cache")})
    assert len(entries[0]) > 2
    assert entries[1] == entries[0]
