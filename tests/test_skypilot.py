import yaml

from launch import skypilot
from tests.launching import JOB, SITE


def test_the_task_is_brought_back_when_preempted():
    script = skypilot.script([JOB], SITE)
    make, write, rest = script.split("\n", 2)
    text, launch = rest.split("\nEND\n")
    assert (make, write) == ("mkdir -p build/launch", "tee build/launch/base.yaml <<'END'")
    assert launch == "sky jobs launch --yes --detach-run build/launch/base.yaml"
    task = yaml.safe_load(text)
    assert task["resources"] == {
        "infra": "gcp/europe-west4/europe-west4-a",
        "accelerators": "tpu-v3-128",
        "accelerator_args": {"runtime_version": "tpu-ubuntu2204-base"},
        "use_spot": True,
        "job_recovery": {"max_restarts_on_errors": 10, "recover_on_exit_codes": [75]},
    }
    assert task["run"] == JOB.shell(".venv/bin/python")
    assert task["envs"] == {"ALBERT_JAX_HOSTS": "cluster"}
    assert "setup: |\n  python3 -m pip" in text  # readable
