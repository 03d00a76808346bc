"""Scores a checkpoint on a task's own files with the official metrics; nothing is trained.

albert-jax evaluate --model=CHECKPOINT --task=squad2 --data_dir=DIR
albert-jax evaluate --model=WORKDIR --data_dir=DIR --split=test --output=FOLDER
albert-jax evaluate --model=CHECKPOINT --task=mnli --labels=entailment,neutral,contradiction --data_dir=DIR

--output gets the predictions as the benchmark wants them, and results.json. Of a table without a dev file
a share is scored, the one that `finetune` left out; all of it with --task=NAME:dev_share=1.
"""

import json
from collections.abc import Sequence

import jax
from etils import epath
from tqdm import tqdm

from albert_jax.commands import model_flags
from albert_jax.commands.flags import CommandLine
from albert_jax.commands.predictor import Predictor
from albert_jax.errors import UserError
from albert_jax.paths import are_same
from albert_jax.tasks.task import Example, Task
from albert_jax.training.workdir import provenance, replace

SPLITS = ("train", "dev", "test")


def main(argv: list[str]):
    """Prints the metrics of a split."""
    line = CommandLine(__doc__)
    model_flags.define(line)
    line.text("data_dir", "DIR", "the files of the task")
    line.text("split", "SPLIT", f"one of {', '.join(SPLITS)} (dev)")
    line.path("output", "a folder for predictions and results.json", required=False)
    flags, _ = line.parse(argv)
    split = flags["split"] or "dev"
    if split not in SPLITS:
        raise UserError(f"--split={split}: there is none; choose one of {', '.join(SPLITS)}")
    if flags["output"] and (flags["output"] / "config.json").exists():
        raise UserError(
            f"--output={flags['output']} is a model's folder, with the results of its run; name another"
        )
    settings = {"data_dir": flags["data_dir"]} if flags["data_dir"] else {}
    ready = model_flags.open_model(flags, **settings)
    if flags["output"]:
        own = model_flags.task_settings(flags["task"])[1] | settings
        _check_apart(own.get("data_dir") or ready.model.task.get("data_dir", ""), flags["output"])
    evaluate(ready, split, flags["model"].name, flags["output"])


def evaluate(
    ready: Predictor, split: str, source: str, output: epath.Path | None = None
) -> dict[str, float]:
    """The metrics of a split, printed and, with the predictions, written; none without labels.

    Args:
      ready: the model and the task.
      split: "train", "dev" or "test".
      source: what to call the model.
      output: a folder for the files.
    """
    task = ready.task
    examples = task.examples(split)
    bar = tqdm(
        ready.stream(examples), desc=split, total=len(examples), unit="example", disable=None
    )
    found = [prediction for _, prediction in bar]
    scores = task.score(examples, found) if _are_labelled(task, examples) else {}
    if jax.process_index() == 0:
        print(f"{source}, {split}: {len(examples):,} examples" + ("" if scores else ", no labels"))
        for name, value in scores.items():
            print(f"  {name:20}{value:8.2f}")
    if output is not None and jax.process_index() == 0:
        output.mkdir(parents=True, exist_ok=True)
        task.write(output, split, examples, found)
        results = {"model": source, "split": split, "examples": len(examples), split: scores}
        replace(output / "results.json", json.dumps(results | provenance(), indent=2) + "\n")
    return scores


def _check_apart(data_dir: str, output: epath.Path):
    """Raises UserError: predictions are called as the files of a table are, such as dev.tsv."""
    data = epath.Path(data_dir)
    if data_dir and are_same(data.parent if data.is_file() else data, output):
        raise UserError(f"--output={output} holds the task's own files; name another folder")


def _are_labelled(task: Task, examples: Sequence[Example]) -> bool:
    """Whether there is anything to score; items of an embedding may have no label and yet a score."""
    if task.head.kind == "embedding":
        return True
    return any(item.label is not None for example in examples for item in task.items(example))
