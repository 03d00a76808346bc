"""Table 7: additional text."""

from experiments.scale import Model
from experiments.table import Row, Table, scores

TABLE = Table(
    name="table7",
    title="Table 7: additional text",
    about=(
        "The text of XLNet and RoBERTa beside Wikipedia and the BookCorpus. It helped all "
        "tasks of the paper but SQuAD, whose questions are about Wikipedia. At micro scale "
        "the additional text is the messages of the US presidents; the vocabulary is that "
        "of the first row."
    ),
    rows=(
        Row(
            "no additional data",
            Model(size="base"),
            scores((89.3, 82.3), (80.0, 77.1), 81.6, 90.3, 64.0, 80.1),
        ),
        Row(
            "with additional data",
            Model(size="base", more_data=True),
            scores((88.8, 81.7), (79.1, 76.3), 82.4, 92.8, 66.0, 80.8),
        ),
    ),
    columns=("mlm", "sentence", "squad1", "squad2", "mnli", "sst2", "race"),
)
