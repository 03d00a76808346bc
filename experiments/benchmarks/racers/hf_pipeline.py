"""Hugging Face's datasets and its collator for masked words, on one core; see ../pipeline.py.

python hf_pipeline.py TEXTS.jsonl TOKENIZER_FOLDER LENGTH ROWS PASSES

Paragraphs are tokenised, joined and cut to rows of LENGTH, as transformers' run_mlm.py does, and every row
goes through DataCollatorForLanguageModeling. There are no sentence pairs and no n-grams in it.
"""

import json
import os
import sys
import time

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import datasets
import torch
from transformers import AutoTokenizer, DataCollatorForLanguageModeling


def joined(batch: dict, length: int) -> dict:
    """Rows of `length`; what is left over of a batch is dropped."""
    ids = [piece for row in batch["input_ids"] for piece in row]
    whole = len(ids) // length * length
    return {"input_ids": [ids[i : i + length] for i in range(0, whole, length)]}


def main(texts: str, folder: str, length: int, rows: int, passes: int):
    """Prints {"prepare": tokens a second, "batches": tokens a second} of processor time."""
    datasets.disable_progress_bars()
    datasets.disable_caching()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    raw = datasets.Dataset.from_json(texts)
    start = time.process_time()
    encoded = raw.map(
        lambda batch: {
            "input_ids": tokenizer(batch["text"], add_special_tokens=False)["input_ids"]
        },
        batched=True,
        remove_columns=["text"],
    )
    made = encoded.map(lambda batch: joined(batch, length), batched=True)
    prepare = time.process_time() - start
    collate = DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.15)
    tokens, start = 0, time.process_time()
    for _ in range(passes):
        for batch in made.shuffle().iter(rows):
            batch = collate([{"input_ids": ids} for ids in batch["input_ids"]])
            tokens += batch["input_ids"].numel()
    seconds = time.process_time() - start
    print(json.dumps({"prepare": len(made) * length / prepare, "batches": tokens / seconds}))


if __name__ == "__main__":
    main(*sys.argv[1:3], *map(int, sys.argv[3:]))
