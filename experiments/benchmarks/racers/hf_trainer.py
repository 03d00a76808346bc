r"""transformers' Trainer on a task of GLUE; runs under another Python, see ../finetune_speed.py.

python hf_trainer.py MODEL GLUE_DATA SST-2|MRPC|STS-B float32|bfloat16 PADDING STEPS SEED [--score]

PADDING is "to 128", or to the longest of each batch: of batches drawn "at random", or grouped "by length".
Prints {"examples_per_second": ..., "score": on dev in per cent, with --score}. Rates, dropout, decay and
the size of batches are those of configs/finetune.py for a small model.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)

LENGTH, BATCH = 128, 32
COLUMNS = {  # the texts', and the label's
    "SST-2": ("sentence", "label"),
    "MRPC": ("#1 String", "#2 String", "Quality"),
    "STS-B": ("sentence1", "sentence2", "score"),
}
REGRESSION = "STS-B"
DROPOUTS = (
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "classifier_dropout",  # of BERT
    "classifier_dropout_prob",  # of ALBERT
)


class Clock(TrainerCallback):
    """Seconds inside of training."""

    def on_train_begin(self, *_, **__):
        self.start = time.perf_counter()

    def on_train_end(self, *_, **__):
        self.seconds = time.perf_counter() - self.start


def main():
    """Trains, and prints a line of JSON."""
    options = _options()
    set_seed(options.seed)
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    labels = 1 if options.task == REGRESSION else 2
    model = AutoModelForSequenceClassification.from_pretrained(
        options.model, config=_config(options.model, labels)
    )
    clock, fixed = Clock(), options.padding == "to 128"
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            model=model,
            args=_arguments(options, folder),
            train_dataset=_encoded(options, "train", tokenizer, fixed),
            data_collator=DataCollatorWithPadding(tokenizer),
            callbacks=[clock],
        )
        trainer.train()
        answer = {"examples_per_second": BATCH * options.steps / clock.seconds}
        if options.score:
            found = trainer.predict(_encoded(options, "dev", tokenizer, fixed))
            answer["score"] = _score(found.predictions, found.label_ids)
    print(json.dumps(answer))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("model", "data", "task", "precision", "padding"):
        parser.add_argument(name)
    parser.add_argument("steps", type=int)
    parser.add_argument("seed", type=int)
    parser.add_argument("--score", action="store_true")
    return parser.parse_args()


def _config(folder: str, labels: int):
    config = AutoConfig.from_pretrained(folder, num_labels=labels)
    for name in DROPOUTS:
        if hasattr(config, name):
            setattr(config, name, 0.1)
    return config


def _arguments(options: argparse.Namespace, folder: str) -> TrainingArguments:
    return TrainingArguments(
        output_dir=folder,
        per_device_train_batch_size=BATCH,
        per_device_eval_batch_size=BATCH,
        max_steps=options.steps,
        learning_rate=1e-4,
        warmup_steps=options.steps // 10,
        weight_decay=0.01,
        adam_epsilon=1e-6,
        max_grad_norm=1.0,
        bf16=options.precision == "bfloat16",
        use_cpu=True,
        seed=options.seed,
        train_sampling_strategy="group_by_length" if options.padding == "by length" else "random",
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
    )


def _score(outputs: np.ndarray, labels: np.ndarray) -> float:
    """Pearson's correlation of one output, the accuracy of several."""
    if outputs.shape[1] == 1:
        return 100 * float(np.corrcoef(outputs[:, 0], labels)[0, 1])
    return 100 * float(np.mean(outputs.argmax(-1) == labels))


def _encoded(options: argparse.Namespace, split: str, tokenizer, fixed: bool) -> list[dict]:
    """Examples as the model takes them; with `fixed` all are padded to LENGTH."""
    *texts, labels = zip(*_rows(Path(options.data) / options.task, split), strict=True)
    padding = "max_length" if fixed else False
    encoded = tokenizer(*map(list, texts), truncation=True, max_length=LENGTH, padding=padding)
    kind = float if options.task == REGRESSION else int
    return [
        {**{name: column[i] for name, column in encoded.items()}, "labels": kind(label)}
        for i, label in enumerate(labels)
    ]


def _rows(folder: Path, split: str) -> Iterator[list[str]]:
    """The texts and the label of each example of an official file."""
    header, *lines = (folder / f"{split}.tsv").read_text("utf-8-sig").splitlines()
    columns = [header.split("\t").index(name) for name in COLUMNS[folder.name]]
    for line in lines:
        fields = line.split("\t")
        yield [fields[column] for column in columns]


if __name__ == "__main__":
    main()
