"""Kubernetes: a JobSet on a TPU slice of GKE; all pods start again when one fails or is preempted.

python -m launch kubernetes --name=base -- pretrain --config=... --config.data.shards=8 --workdir=gs://BUCKET/base

What has ended can be looked at for ten minutes; after these the same command goes on with it. The
cluster needs JobSet (https://jobset.sigs.k8s.io) and a node pool of the slice; the image is built from
the Dockerfile beside this file.
"""

from collections.abc import Sequence

from launch import manifest
from launch.command import Command
from launch.job import Job
from launch.site import Site

RESTARTS = 100
SHOWN = 600  # seconds that a JobSet is there when it has ended; until then the same command does nothing
GRACE = 60  # seconds from SIGTERM to SIGKILL, to save in


def jobset(job: Job, site: Site) -> dict:
    """The JobSet of a job."""
    exclusive = "alpha.jobset.sigs.k8s.io/exclusive-topology"
    return {
        "apiVersion": "jobset.x-k8s.io/v1alpha2",
        "kind": "JobSet",
        "metadata": {
            "name": job.name,
            "annotations": {exclusive: "cloud.google.com/gke-nodepool"},
        },
        "spec": {
            "ttlSecondsAfterFinished": SHOWN,
            "failurePolicy": {"maxRestarts": RESTARTS},
            "replicatedJobs": [{"name": "hosts", "replicas": 1, "template": _hosts(job, site)}],
        },
    }


def _hosts(job: Job, site: Site) -> dict:
    """A Job with a pod for every host of the slice."""
    hosts = site.slice(job).hosts
    pod = {"spec": _pod(job, site)}
    counts = {"parallelism": hosts, "completions": hosts, "backoffLimit": 0}
    return {"spec": counts | {"completionMode": "Indexed", "template": pod}}


def _pod(job: Job, site: Site) -> dict:
    slice_ = site.slice(job)
    return {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": GRACE,
        "nodeSelector": {
            "cloud.google.com/gke-tpu-accelerator": slice_.nodes,
            "cloud.google.com/gke-tpu-topology": slice_.topology,
        }
        | ({"cloud.google.com/gke-spot": "true"} if site.spot else {}),
        "containers": [
            {
                "name": "albert",
                "image": site.image,
                "command": ["bash", "-c", job.shell("python", last="exec ")],
                "env": [{"name": "ALBERT_JAX_HOSTS", "value": "cluster"}],
                "resources": {"limits": {"google.com/tpu": slice_.chips // slice_.hosts}},
            }
        ],
    }


def script(jobs: Sequence[Job], site: Site) -> str:
    """The shell script that hands the JobSets to the cluster."""
    texts = [manifest.dump(jobset(job, site)) for job in jobs]
    return "\n".join(str(Command(("kubectl", "apply", "--filename=-"), text)) for text in texts)
