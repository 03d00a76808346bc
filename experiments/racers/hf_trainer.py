"""transformers' Trainer on SST-2, timed; runs under another Python, see experiments/finetune_speed.py.

python hf_trainer.py MODEL GLUE_DATA float32|bfloat16 "to 128"|"by length" STEPS
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

LENGTH, BATCH, EXAMPLES = 128, 32, 20_000


class Clock(TrainerCallback):
    """Seconds inside of training."""

    def on_train_begin(self, *_, **__):
        self.start = time.perf_counter()

    def on_train_end(self, *_, **__):
        self.seconds = time.perf_counter() - self.start


def examples(folder: str, tokenizer, fixed: bool) -> list[dict]:
    """Encoded training examples; with `fixed` all are padded to LENGTH."""
    lines = (Path(folder) / "SST-2" / "train.tsv").read_text().splitlines()[1 : EXAMPLES + 1]
    texts, labels = zip(*(line.split("\t") for line in lines), strict=True)
    padding = "max_length" if fixed else False
    encoded = tokenizer(list(texts), truncation=True, max_length=LENGTH, padding=padding)
    return [
        {**{name: column[i] for name, column in encoded.items()}, "labels": int(labels[i])}
        for i in range(len(labels))
    ]


def main(model_folder: str, data: str, precision: str, padding: str, steps: str):
    """Prints {"examples_per_second": ...}."""
    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    model = AutoModelForSequenceClassification.from_pretrained(model_folder, num_labels=2)
    clock, fixed = Clock(), padding == "to 128"
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=BATCH,
            max_steps=int(steps),
            learning_rate=1e-4,
            bf16=precision == "bfloat16",
            use_cpu=True,
            train_sampling_strategy="random" if fixed else "group_by_length",
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
        )
        trainer = Trainer(
            model=model,
            args=arguments,
            train_dataset=examples(data, tokenizer, fixed),
            data_collator=DataCollatorWithPadding(tokenizer),
            callbacks=[clock],
        )
        trainer.train()
    print(json.dumps({"examples_per_second": BATCH * int(steps) / clock.seconds}))


if __name__ == "__main__":
    main(*sys.argv[1:])
