import yaml

from launch import kubernetes
from tests.launching import JOB, SITE


def test_the_manifest_is_a_pod_for_every_host():
    head, text = kubernetes.script([JOB], SITE).split("\n", 1)
    assert head == "kubectl apply --filename=- <<'END'"
    found = yaml.safe_load(text.removesuffix("END"))
    assert (found["apiVersion"], found["kind"]) == ("jobset.x-k8s.io/v1alpha2", "JobSet")
    assert found["metadata"]["name"] == "base"
    assert found["spec"]["ttlSecondsAfterFinished"] == 600  # it would be in the way of the next
    assert found["spec"]["failurePolicy"] == {"maxRestarts": 100}
    (hosts,) = found["spec"]["replicatedJobs"]
    job = hosts["template"]["spec"]
    assert (job["parallelism"], job["completions"], job["backoffLimit"]) == (16, 16, 0)
    pod = job["template"]["spec"]
    assert pod["nodeSelector"] == {
        "cloud.google.com/gke-tpu-accelerator": "tpu-v3-slice",
        "cloud.google.com/gke-tpu-topology": "8x8",
        "cloud.google.com/gke-spot": "true",
    }
    (container,) = pod["containers"]
    assert container["resources"] == {"limits": {"google.com/tpu": 4}}
    assert container["env"] == [{"name": "ALBERT_JAX_HOSTS", "value": "cluster"}]
    assert container["command"] == ["bash", "-c", JOB.shell("python", last="exec ")]
