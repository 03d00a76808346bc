"""The scale `paper`: google-research/albert to the letter, for TPU pods."""

from experiments.cell import Cell, Overrides
from experiments.scale import Choice, Model, Scale, folder, lasting, prepared, seeded

STEPS = 125_000
SHARDS = 64  # streams of text, which up to as many hosts share out
HEAD_SIZE = 64
FOLDERS = {"squad1": "squad", "squad2": "squad", "race": "RACE"}


def pretraining(model: Model, seed: int, choice: Choice) -> Cell:
    """The preset `reference`, with version 1's dropout: that of the paper's tables."""
    named = model.arguments("share", "emb", "objective")
    config = f"configs/pretrain.py:{','.join([f'size={_size(model)}', *named, 'preset=reference'])}"
    return Cell(
        command="pretrain",
        config=config,
        overrides=(
            ("data.shards", SHARDS),
            *_changes(model),
            *model.settings,
            *seeded(seed),
        ),
        text=prepared("configs/pretrain.py:preset=reference", model, choice),
        init=pretraining(model.grown_from, seed, choice) if model.grown_from else None,
    )


def _size(model: Model) -> str:
    return model.size if model.size.startswith("bert_") else f"{model.size}_v1"


def _changes(model: Model) -> Overrides:
    """What the argument of configs/pretrain.py does not say."""
    changes: Overrides = ()
    if model.layers:
        changes += (("model.num_layers", model.layers),)
    if model.hidden:
        changes += (
            ("model.hidden_size", model.hidden),
            ("model.num_heads", model.hidden // HEAD_SIZE),
            ("model.ffn_size", 4 * model.hidden),
        )
    if model.dropout is not None:
        changes += tuple((f"model.{k}_dropout", model.dropout) for k in ("hidden", "attention"))
    return changes + (lasting(round(STEPS * model.effort)) if model.effort != 1 else ())


def tuning(model: Cell, start: Cell, task: str, seed: int, data: str) -> Cell:
    """The recipe of Table 14, in float32 like everything of the original."""
    return Cell(
        command="finetune",
        config=f"configs/finetune.py:task={task},size=base_v1",  # Table 14; only version 2 differs, in RACE
        overrides=(
            *folder(data, task, FOLDERS),
            ("model.dtype", "float32"),
            ("training.seed", seed),
        ),
        init=start,
    )


SCALE = Scale(
    name="paper",
    about="with the paper's settings, on Wikipedia alone: its BookCorpus is not published",
    default=Choice(
        text="wikipedia",
        more_text="openwebtext.jsonl",  # the paper's was that of XLNet and RoBERTa, not published
        seeds=1,
        tasks=None,
        data="data",
    ),
    pretraining=pretraining,
    tuning=tuning,
)
