"""Table 7: additional text."""

from experiments.scale import Model
from experiments.table import Row, Table, scores

TABLE = Table(
    name="table7",
    title="Table 7: additional text",
    about=(
        "In the paper, the text of XLNet and RoBERTa beside Wikipedia and the BookCorpus; it "
        "helped all tasks but SQuAD, whose questions are about Wikipedia. Here it is "
        "OpenWebText beside Wikipedia alone, and at micro scale the messages of the US "
        "presidents beside novels and Wikipedia. The vocabulary is that of the first row, "
        "and masked words and sentence order are measured on its held-out text, which is held out "
        "from the second row, too."
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
    columns=("on_mlm", "on_sop", "squad1", "squad2", "mnli", "sst2", "race"),
    measurements=("objectives",),
)
