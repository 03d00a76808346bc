"""Table 1: the models and how many parameters they have."""

from experiments.scale import Model
from experiments.table import Row, Table


def said(params: str, layers: int, hidden: int, emb: int) -> dict:
    """What the paper prints."""
    return dict(params=params, layers=layers, hidden=hidden, emb=emb)


TABLE = Table(
    name="table1",
    title="Table 1: the models",
    about=(
        "Counted exactly, from the shapes. The paper's numbers are rounded, and its 235M for xxlarge "
        "(233M in its text) is more than the released model has."
    ),
    rows=(
        Row("BERT-base", Model(size="bert_base"), said("108M", 12, 768, 768)),
        Row("BERT-large", Model(size="bert_large"), said("334M", 24, 1024, 1024)),
        Row("ALBERT-base", Model(size="base"), said("12M", 12, 768, 128)),
        Row("ALBERT-large", Model(size="large"), said("18M", 24, 1024, 128)),
        Row("ALBERT-xlarge", Model(size="xlarge"), said("60M", 24, 2048, 128)),
        Row("ALBERT-xxlarge", Model(size="xxlarge"), said("235M", 12, 4096, 128)),
    ),
    columns=("layers", "hidden", "emb", "params", "exact"),
    reference=None,
    is_run=False,
    pictures=(),
)
