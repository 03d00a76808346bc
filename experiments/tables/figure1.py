"""Figure 1: how far each layer moves its input."""

from experiments.scale import Model
from experiments.table import Row, Table

TABLE = Table(
    name="figure1",
    title="Figure 1: how far each layer moves its input",
    about=(
        "Distance and angle between the input and the output of every layer. In the paper the shared "
        "layers of ALBERT-large move their input less and more evenly than those of BERT-large, and "
        "neither comes to rest at a fixed point."
    ),
    rows=(
        Row("BERT-large", Model(size="bert_large"), {}),
        Row("ALBERT-large", Model(size="large"), {}),
    ),
    columns=("l2", "degrees"),
    reference=None,
    measurements=("layers",),
    pictures=("layers",),
)
