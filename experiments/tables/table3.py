"""Table 3: the size of the embeddings, with and without sharing."""

from experiments.scale import Model
from experiments.table import Row, Table, scores

PAPER = {
    ("none", 64): scores((89.9, 82.9), (80.1, 77.8), 82.9, 91.5, 66.7, 81.3, params="87M"),
    ("none", 128): scores((89.9, 82.8), (80.3, 77.3), 83.7, 91.5, 67.9, 81.7, params="89M"),
    ("none", 256): scores((90.2, 83.2), (80.3, 77.4), 84.1, 91.9, 67.3, 81.8, params="93M"),
    ("none", 768): scores((90.4, 83.2), (80.4, 77.6), 84.5, 92.8, 68.2, 82.3, params="108M"),
    ("all", 64): scores((88.7, 81.4), (77.5, 74.8), 80.8, 89.4, 63.5, 79.0, params="10M"),
    ("all", 128): scores((89.3, 82.3), (80.0, 77.1), 81.6, 90.3, 64.0, 80.1, params="12M"),
    ("all", 256): scores((88.8, 81.5), (79.1, 76.3), 81.5, 90.3, 63.4, 79.6, params="16M"),
    ("all", 768): scores((88.6, 81.5), (79.2, 76.6), 82.0, 90.6, 63.3, 79.8, params="31M"),
}

TABLE = Table(
    name="table3",
    title="Table 3: size of the embeddings",
    about=(
        "How wide must the embedding of a word be? Without sharing, wider was better in the "
        "paper, by a little; with all layers shared, 128 was best. So ALBERT has E = 128."
    ),
    rows=tuple(
        Row(
            f"base {'all-shared' if share == 'all' else 'not-shared'}, E = {emb}",
            Model(size="base", share=share, emb=emb),
            paper,
        )
        for (share, emb), paper in PAPER.items()
    ),
    columns=("params", "mlm", "sentence", "squad1", "squad2", "mnli", "sst2", "race"),
    reference=(1,) * 4 + (5,) * 4,  # E = 128 of the same sharing
    pictures=("curves", "embeddings"),
)
