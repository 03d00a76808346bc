"""Table 14: how every task is fine-tuned."""

from experiments.scale import Model
from experiments.table import Row, Table

COLUMNS = ("rate", "batch", "dropout", "classifier", "steps", "warmup", "length")
PAPER = {
    "cola": ("CoLA", 1e-5, 16, 0.0, 0.1, 5336, 320, 512),
    "stsb": ("STS-B", 2e-5, 16, 0.0, 0.1, 3598, 214, 512),
    "sst2": ("SST-2", 1e-5, 32, 0.0, 0.1, 20935, 1256, 512),
    "mnli": ("MNLI", 3e-5, 128, 0.0, 0.1, 10000, 1000, 512),
    "qnli": ("QNLI", 1e-5, 32, 0.0, 0.1, 33112, 1986, 512),
    "qqp": ("QQP", 5e-5, 128, 0.1, 0.1, 14000, 1000, 512),
    "rte": ("RTE", 3e-5, 32, 0.1, 0.1, 800, 200, 512),
    "mrpc": ("MRPC", 2e-5, 32, 0.0, 0.1, 800, 200, 512),
    "wnli": ("WNLI", 2e-5, 16, 0.1, 0.1, 2000, 250, 512),
    "squad1": ("SQuAD 1.1", 5e-5, 48, 0.0, 0.1, 3649, 365, 384),
    "squad2": ("SQuAD 2.0", 3e-5, 48, 0.0, 0.1, 8144, 814, 512),
    "race": ("RACE", 2e-5, 32, 0.1, 0.1, 12000, 1000, 512),
}

TABLE = Table(
    name="table14",
    title="Table 14: how every task is fine-tuned",
    about=(
        "What the paper says beside what configs/finetune.py does at the scale paper; nothing is run."
    ),
    rows=tuple(
        Row(label, Model(), dict(zip(COLUMNS, values, strict=True)), task)
        for task, (label, *values) in PAPER.items()
    ),
    columns=COLUMNS,
    reference=None,
    is_run=False,
    pictures=(),
)
