"""Table 5: the second objective of pretraining, and what each model knows of the others' objectives."""

from experiments.scale import Model
from experiments.table import Row, Table, scores

PAPER = {
    "none": scores(
        (88.6, 81.5), (78.1, 75.3), 81.5, 89.9, 61.7, 79.0, mlm=54.9, on_nsp=52.4, on_sop=53.3
    ),
    "nsp": scores(
        (88.4, 81.5), (77.2, 74.6), 81.6, 91.1, 62.3, 79.2, mlm=54.5, on_nsp=90.5, on_sop=52.0
    ),
    "sop": scores(
        (89.3, 82.3), (80.0, 77.1), 82.0, 90.3, 64.0, 80.1, mlm=54.0, on_nsp=78.9, on_sop=86.5
    ),
}
NAMES = {"none": "none (XLNet, RoBERTa)", "nsp": "NSP (BERT)", "sop": "SOP (ALBERT)"}

TABLE = Table(
    name="table5",
    title="Table 5: sentence order, next sentence, or neither",
    about=(
        "Beside filling in masked words a model may learn whether two segments are in order "
        "(SOP), or whether the second is from the same text at all (NSP). In the paper, a "
        "model taught NSP could not tell the order (52.0 %), one taught SOP could do both, "
        "and SOP helped the tasks that have several sentences. The paper's first three columns are "
        "of the development texts of SQuAD and RACE, those here of text held out from pretraining; "
        "here the sentence head of a model without a second loss is as it was initialised."
    ),
    rows=tuple(
        Row(NAMES[objective], Model(size="base", objective=objective), paper)
        for objective, paper in PAPER.items()
    ),
    columns=("on_mlm", "on_nsp", "on_sop", "squad1", "squad2", "mnli", "sst2", "race"),
    measurements=("objectives",),
)
