"""The two scales of every table."""

from experiments import micro, paper
from experiments.scale import Scale

SCALES: dict[str, Scale] = {scale.name: scale for scale in (micro.SCALE, paper.SCALE)}
