"""From a checkpoint and a task to the model that is fine-tuned, its examples and its first parameters."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import optax
from etils import epath
from jax.sharding import Mesh

from albert_jax.commands.config import FinetuningConfig
from albert_jax.commands.load import load
from albert_jax.errors import UserError
from albert_jax.interop.native import normalisation
from albert_jax.interop.pretrained import Pretrained
from albert_jax.model.albert import Batch
from albert_jax.model.tasks import AlbertForTask
from albert_jax.tasks.epochs import Epochs
from albert_jax.tasks.table import family
from albert_jax.tasks.task import Example, Head, Task, check_types
from albert_jax.training import optimizer as optimizers
from albert_jax.training.layer_decay import with_layer_decay
from albert_jax.training.losses import Objective
from albert_jax.training.objectives import objective
from albert_jax.training.sharding import replicated
from albert_jax.training.state import TrainState
from albert_jax.training.warmstart import warm_start

EVALUATIONS = 10  # of a run that does not say


@dataclasses.dataclass(frozen=True)
class Start:
    """What a fine-tuning run begins with.

    Attributes:
      run: every setting; what only the data or the task know is filled in.
      name, source: the checkpoint.
      task: over the checkpoint's vocabulary.
      epochs: the training batches.
      dev: its examples.
    """

    run: FinetuningConfig
    name: str
    source: Pretrained
    task: Task
    epochs: Epochs
    dev: Sequence[Example]

    @property
    def model(self) -> AlbertForTask:
        """The checkpoint's encoder, with the settings of the run, and the head of the task."""
        head = self.task.head
        return AlbertForTask(self.run.model.of(self.source.config), head.kind, head.size)

    @property
    def objective(self) -> Objective:
        return objective(self.task.head.kind, self.task.head.size)

    @property
    def steps(self) -> int:
        """Updates of the whole run."""
        training = self.run.training
        return training.steps or self.epochs.steps(training.epochs)

    @property
    def evaluate_every(self) -> int:
        return self.run.training.evaluate_every or max(1, self.steps // EVALUATIONS)

    def settings(self) -> dict[str, Any]:
        """What config.json says: the run, and what `load` needs."""
        return {
            **self.run.to_dict(),
            "source": self.name,
            "encoder": dataclasses.asdict(self.model.config),
            "normalisation": normalisation(self.source.vocabulary),
            "head": dataclasses.asdict(self.task.head),
            "steps": self.steps,
        }

    def shapes(self) -> Batch:
        """A batch, shapes only."""
        batch = self.epochs.batch(0)
        return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), batch)

    def optimizer(self, rate: optax.Schedule) -> optax.GradientTransformation:
        """The optimizer for the parameters of the model."""
        run = self.run
        params = jax.eval_shape(self.model.init, jax.random.key(0), self.shapes())["params"]
        optimizer = optimizers.make(run.optimizer, rate, params)
        if run.training.layer_decay == 1:
            return optimizer
        return with_layer_decay(optimizer, params, run.training.layer_decay)

    def test(self) -> Sequence[Example] | UserError:
        """The examples of test, or what says that there are none."""
        try:
            return self.task.examples("test")
        except UserError as error:
            return error

    def are_labelled(self, examples: Sequence[Example]) -> bool:
        """Whether any of them has a label."""
        return any(item.label is not None for e in examples for item in self.task.items(e))


def open_task(run: FinetuningConfig, init: epath.Path, devices: int) -> Start:
    """Reads the checkpoint `init`, reads and encodes the examples.

    Raises:
      UserError: a file is missing or malformed, or the checkpoint does not fit the task.
    """
    source = load(init)
    longest = source.config.max_positions
    if run.task.length > longest:
        raise UserError(
            f"task.length is {run.task.length}, and the checkpoint has {longest} positions; "
            f"pass --config.task.length={longest}, or less"
        )
    task = family(run.task.name)[1](run.task, source.vocabulary)
    check_types(task, run.task.name, source.config.num_types)
    epochs = Epochs(
        task,
        task.examples("train"),
        source.vocabulary.pad_id,
        batch_size=run.training.batch_size,
        seed=run.training.seed,
        microbatches=run.training.microbatches,
        devices=devices,
    )
    return Start(_settled(run, task), init.name, source, task, epochs, task.examples("dev"))


def fresh(create: Callable[[], TrainState], start: Start, mesh: Mesh) -> TrainState:
    """The first state of a run; says what was taken over from the checkpoint and what was not."""
    state = jax.jit(create, out_shardings=replicated(mesh))()
    if start.run.init == "random":
        print("all parameters are random")
        return state
    source = start.source
    given = {name: branch for name, branch in source.params.items() if name in state.params}
    if "classifier" in given and not fits(start.task.head, source):
        labels = f" ({', '.join(source.labels)})" if source.labels else ""
        print(
            f"the checkpoint's head for {source.head}{labels} is another task's; a new one is begun"
        )
        del given["classifier"]
    params, notes = warm_start(state.params, given)
    print(f"parameters from {start.name}", *notes, sep="\n  ")
    params = jax.device_put(params, replicated(mesh))
    average = None if state.average is None else jax.tree.map(jnp.copy, params)
    return state.replace(params=params, average=average)


def _settled(run: FinetuningConfig, task: Task) -> FinetuningConfig:
    """The run with the labels that the task found in its files, and with its metric."""
    section, checkpoint = run.task, run.checkpoint
    if hasattr(section, "labels"):
        section = dataclasses.replace(section, labels=task.head.labels)
    if not checkpoint.metric:
        checkpoint = dataclasses.replace(checkpoint, metric=task.metric)
    return dataclasses.replace(run, task=section, checkpoint=checkpoint)


def fits(head: Head, source: Pretrained) -> bool:
    """Whether the checkpoint's classifier is one for the same labels; some formats do not name them."""
    if "beam" in (head.kind, source.head):  # it has no labels, and layers of its own
        return head.kind == source.head
    size = len(source.params["classifier"]["classifier"]["bias"])
    unnamed = all(label.startswith("LABEL_") for label in source.labels)
    return (head.kind, head.size) == (source.head, size) and (
        unnamed or source.labels == head.labels
    )
