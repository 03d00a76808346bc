"""The exact commands, and `keep` against a gcloud that only says what it is told to."""

import os
import subprocess

import pytest

from albert_jax.errors import UserError
from launch import tpu_vm
from launch.job import Job
from tests.launching import JOB, SITE, pretend

PLACE = "--project=p --zone=europe-west4-a"
ON_ALL = "gcloud compute tpus tpu-vm ssh base --worker=all"


def test_a_slice_is_asked_for_by_name_type_and_software():
    assert str(tpu_vm.create(JOB, SITE)) == (
        "gcloud compute tpus queued-resources create base --node-id=base "
        f"--accelerator-type=v3-128 --runtime-version=tpu-ubuntu2204-base --spot {PLACE}"
    )


def test_the_commit_and_the_job_go_to_every_host():
    packed, lines = (
        [str(it) for it in commands] for commands in (tpu_vm.pack(JOB), tpu_vm.setup(JOB, SITE))
    )
    assert packed[1] == "git bundle create --quiet build/launch/base.bundle HEAD"
    assert packed[2].startswith("tee build/launch/base.sh <<'END'\n#!/bin/bash\n")
    assert lines[0] == f"gcloud compute tpus tpu-vm ssh base --worker=0 --command=true {PLACE}"
    assert lines[1] == (
        "gcloud compute tpus tpu-vm scp build/launch/base.bundle build/launch/base.sh base: "
        f"--worker=all {PLACE}"
    )
    assert lines[2] == (
        f"{ON_ALL} '--command=rm -rf albert_jax && git clone --quiet base.bundle albert_jax "
        "&& cd albert_jax &&\npython3 -m pip install --quiet --user uv &&\n"
        "python3 -m uv venv --quiet --python 3.12 .venv &&\npython3 -m uv pip install --quiet "
        f"--python .venv -c constraints.txt --editable .[tpu]' {PLACE}"
    )


def test_the_job_runs_in_a_session_of_its_own():
    assert str(tpu_vm.start(JOB, SITE)) == (
        f"{ON_ALL} '--command=tmux kill-session -t base 2> /dev/null; rm -f base.exit; "
        f"tmux new-session -d -s base bash base.sh' {PLACE}"
    )


def test_the_rest():
    assert str(tpu_vm.delete("base", SITE)) == (
        f"gcloud compute tpus queued-resources delete base --force --quiet {PLACE}"
    )
    assert str(tpu_vm.logs("base", SITE)) == (
        "gcloud compute tpus tpu-vm ssh base --worker=0 '--command=tail -n 1000 -F base.log' "
        f"{PLACE}"
    )


def test_what_a_host_runs_leaves_its_log_and_its_status(tmp_path):
    """The script itself, in a home where the interpreter is a program that prints and fails."""
    bin_ = tmp_path / "albert_jax" / ".venv" / "bin"
    bin_.mkdir(parents=True)
    pretend(bin_, "python", 'echo "$ALBERT_JAX_HOSTS $3 $5"; exit 75')
    script = tmp_path / "base.sh"
    script.write_text(tpu_vm.script_of(JOB))
    subprocess.run(["bash", script], env=os.environ | {"HOME": str(tmp_path)}, check=True)
    assert (tmp_path / "base.log").read_text() == "cluster pretrain --workdir=gs://b/it's base\n"
    assert (tmp_path / "base.exit").read_text() == "75\n"


GCLOUD = """
echo "$*" >> calls
case "$*" in
  *describe*) answers=states;;
  *has-session*) answers=polls;;
  *) refused=$(head -n 1 refused)
     [[ -z $refused || "$*" != *$refused* ]] && exit 0
     sed -i 1d refused
     exit 1;;
esac
answer=$(head -n 1 $answers)
sed -i 1d $answers
[ "$answer" = - ] && exit 1
echo "$answer"
"""


@pytest.fixture
def cloud(tmp_path, monkeypatch):
    """A function: what gcloud will answer, and refuse -> what was asked of it by the end."""
    pretend(tmp_path, "gcloud", GCLOUD)
    pretend(tmp_path, "git", "")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tpu_vm, "POLL", 0)

    def keep(states, polls, jobs=(JOB,), refused=()):
        (tmp_path / "refused").write_text("\n".join(refused))
        (tmp_path / "states").write_text("\n".join(states) + "\n")
        (tmp_path / "polls").write_text("\n".join(polls) + "\n")
        try:
            tpu_vm.keep(jobs, SITE)
        finally:
            calls = (tmp_path / "calls").read_text().splitlines()
        return [what for call in calls for what in DEEDS if what in call]

    return keep


DEEDS = ("create", "scp", "new-session", "delete")  # in this order a job is brought to its end


def test_a_job_is_brought_to_its_end(cloud, capfd):
    states = ["-", "WAITING_FOR_RESOURCES", "PROVISIONING", *["ACTIVE"] * 3]
    assert cloud(states, ["absent", "running", "0"]) == list(DEEDS)
    assert "base: finished, giving the slice back" in capfd.readouterr().out


def test_a_preempted_slice_is_made_again_and_the_job_goes_on(cloud):
    states = ["ACTIVE", "SUSPENDING", "SUSPENDED", "-", "ACTIVE", "ACTIVE"]
    found = cloud(states, ["running", "absent", "0"])
    assert found == ["delete", "create", "scp", "new-session", "delete"]


def test_a_job_that_was_told_to_stop_starts_again(cloud):
    polls = ["75"] * 20 + ["running", "0"]
    assert cloud(["ACTIVE"] * 22, polls) == ["scp", "new-session"] * 20 + ["delete"]


GIVE_BACK = f"python -m launch.tpu_vm delete --name=base {PLACE}"


@pytest.mark.parametrize(
    ("states", "polls", "refused", "trouble"),
    [
        (["-"], [], ["create"], "asking for a slice: failed"),
        (["FAILED"], [], [], "its slice was FAILED"),
        (["ACTIVE"], ["absent"], ["uv venv"], "setting up and starting: failed"),
        (["ACTIVE"], ["75"], ["uv venv"], "ended with status 75, .*: failed"),
        (["ACTIVE"], ["-"], [], "the slice does not answer"),
        (["ACTIVE"], ["0"], ["delete"], "finished, giving the slice back: failed"),
    ],
)
def test_what_never_gets_on_is_given_up(states, polls, refused, trouble, cloud):
    with pytest.raises(
        UserError, match=f"base did not get on in 10 tries, at last: {trouble}; .*{GIVE_BACK}$"
    ):
        cloud(states * 10, polls * 10, refused=refused * 10)


def test_tries_are_counted_since_the_job_was_seen_running(cloud):
    polls = [*["-"] * 9, "running"] * 3 + ["0"]
    assert cloud(["ACTIVE"] * 31, polls) == ["delete"]


def test_a_slice_that_was_not_given_back_is_given_back_again(cloud):
    assert cloud(["ACTIVE"] * 3, ["0"] * 3, refused=["delete"] * 2) == ["delete"] * 3


def test_a_cloud_that_hangs_is_not_waited_for(cloud, tmp_path, monkeypatch):
    pretend(tmp_path, "gcloud", "touch calls; exec sleep 60")
    for limit in ("QUESTION", "ACTION"):
        monkeypatch.setattr(tpu_vm, limit, 0.2)
    monkeypatch.setattr(tpu_vm, "MOST_TRIES", 2)
    with pytest.raises(UserError, match="asking for a slice: failed"):
        cloud([], [])


def test_what_has_been_mended_is_sent_before_the_job_starts_again(cloud):
    found = cloud(["ACTIVE"] * 3, ["another 1", "running", "0"])
    assert found == ["scp", "new-session", "delete"]


@pytest.mark.parametrize("state", ["running", "0"])
def test_another_command_of_that_name_is_not_taken_for_this_one(cloud, state, tmp_path):
    (tmp_path / "calls").touch()
    message = f"base on that slice is another command; give it another --name, or first {GIVE_BACK}"
    with pytest.raises(UserError, match=message):
        cloud(["ACTIVE"], [f"another {state}"])
    assert "delete" not in (tmp_path / "calls").read_text()


@pytest.mark.parametrize(
    ("files", "answer"),
    [
        ({}, "another absent"),
        ({"sh": tpu_vm.script_of(JOB)}, "absent"),
        ({"sh": tpu_vm.script_of(JOB), "exit": "75\n"}, "75"),
        ({"sh": "albert-jax prepare", "exit": "0\n"}, "another 0"),
    ],
)
def test_a_host_says_how_far_which_script_is(files, answer, tmp_path):
    """The command that a host is asked, in a home that has these files and no tmux."""
    for suffix, text in files.items():
        (tmp_path / f"base.{suffix}").write_text(text)
    pretend(tmp_path, "tmux", "exit 1")
    (command,) = (word for word in tpu_vm.poll(JOB, SITE).words if word.startswith("--command="))
    found = subprocess.run(
        ["bash", "-c", command.partition("=")[2]],
        cwd=tmp_path,
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    assert (found.stdout.split(), found.stderr) == (answer.split(), "")


def test_a_job_that_always_fails_is_given_up(cloud):
    with pytest.raises(
        UserError, match=f"base failed 10 times, last with status 1; see its log, .*{GIVE_BACK}"
    ):
        cloud(["ACTIVE"] * 20, ["1"] * 20)


def test_the_others_go_on(cloud, capfd):
    """What needs the job that is given up is given up as well; what does not, finishes."""
    needing = Job("sst2", JOB.commands, one_host=True, after=("base",))
    other = Job("mnli", JOB.commands, one_host=True)
    polls = [answer for _ in range(11) for answer in ("1", "running")] + ["0"]
    with pytest.raises(UserError, match=r"^2 jobs were given up\nbase failed .*\nsst2 cannot run"):
        cloud(["ACTIVE"] * 30, polls, (JOB, needing, other))
    assert "mnli: finished, giving the slice back" in capfd.readouterr().out


def test_a_host_that_does_not_answer_is_asked_again(cloud):
    assert cloud(["ACTIVE"] * 2, ["-", "0"]) == ["delete"]


def test_a_job_waits_for_those_before_it(cloud, tmp_path):
    after = Job("sst2", JOB.commands, one_host=True, after=("base", "finished-long-ago"))
    assert cloud(["ACTIVE"] * 3, ["running", "0", "0"], (after, JOB)) == ["delete", "delete"]
    first, second = (line for line in _lines(tmp_path / "calls") if "delete" in line)
    assert " base " in first and " sst2 " in second


def _lines(path):
    return path.read_text().splitlines()


def test_all_slices_of_a_job_get_the_commit_that_it_began_with(cloud, tmp_path):
    pretend(tmp_path, "git", 'echo "git $*" >> calls')
    cloud(["ACTIVE", "SUSPENDED", "-", "ACTIVE", "ACTIVE"], ["absent", "absent", "0"])
    calls = _lines(tmp_path / "calls")
    assert [call for call in calls if "bundle create" in call] == calls[:1]
    assert sum(" scp build/launch/base.bundle build/launch/base.sh " in call for call in calls) == 2


def test_without_the_files_of_a_job_no_slice_is_asked_for(cloud, tmp_path):
    pretend(tmp_path, "git", "exit 1")
    (tmp_path / "calls").touch()
    with pytest.raises(UserError, match="build/launch did not get the files of base; see above"):
        cloud(["-"], [])
    assert not _lines(tmp_path / "calls")


def test_a_single_step_is_shown_or_done(cloud, tmp_path, capfd):
    tpu_vm.main(["delete", "--name=base", "--dry-run", "--project=p", "--zone=europe-west4-a"])
    assert capfd.readouterr().out == f"{tpu_vm.delete('base', SITE)}\n"
    assert not (tmp_path / "calls").exists()
    tpu_vm.main(["delete", "--name=base", "--project=q"])
    assert "delete base --force --quiet --project=q" in (tmp_path / "calls").read_text()
    with pytest.raises(UserError, match="no command"):
        tpu_vm.main(["create", "--name=base"])
    with pytest.raises(UserError, match="--workdir=W goes when its machine goes"):
        tpu_vm.main(["create", "--name=base", "--", "finetune", "--workdir=W"])
    pretend(tmp_path, "gcloud", "exit 1")
    with pytest.raises(UserError, match="base: delete failed; gcloud has said why"):
        tpu_vm.main(["delete", "--name=base", "--project=q"])
