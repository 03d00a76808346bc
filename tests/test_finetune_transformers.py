"""Steps of fine-tuning against transformers' models under torch's AdamW: `make test-peers`.

Theirs see one example a row, padded; ours the same examples packed, in microbatches.
"""

from functools import partial

import jax
import numpy as np
import pytest

import albert_jax
from albert_jax.model.tasks import AlbertForTask
from albert_jax.tasks.item import Item, Part
from albert_jax.tasks.rows import Layout, training_batch
from albert_jax.tasks.task import Head
from albert_jax.training import optimizer as optimizers
from albert_jax.training import state as states
from albert_jax.training.config import StepConfig
from albert_jax.training.objectives import objective
from albert_jax.training.optimizer import OptimizerConfig
from albert_jax.training.schedule import ScheduleConfig, schedule
from albert_jax.training.sharding import make_mesh, spread
from albert_jax.training.step import make_train_step
from tests.models import sentencepiece_model

transformers = pytest.importorskip("transformers")
torch = pytest.importorskip("torch")
pytestmark = pytest.mark.peers

STEPS, BATCH, RATE, DECAY = 4, 8, 2e-3, 0.01
HEADS = {  # transformers' class, its count of labels, our head
    "classes": ("ForSequenceClassification", 3, Head("sequence", ("a", "b", "c"))),
    "score": ("ForSequenceClassification", 1, Head("sequence")),
    "token": ("ForTokenClassification", 4, Head("token", ("O", "B", "I", "E"))),
    "span": ("ForQuestionAnswering", 2, Head("span")),
    "choice": ("ForMultipleChoice", 2, Head("choice")),
}


def random_items(name, seed=0):
    """STEPS batches of items with labels."""
    rng = np.random.default_rng(seed)
    items = []
    for _ in range(STEPS * BATCH):
        parts = []
        for length in rng.integers(4, 12, 3 if name == "choice" else 1):
            types = (np.arange(length) > length // 2).astype(np.int32)
            parts.append(Part(rng.integers(5, 38, length).astype(np.int32), types))
        length = len(parts[0].tokens)
        label = {
            "classes": int(rng.integers(3)),
            "score": float(rng.normal()),
            "token": np.where(rng.random(length) < 0.6, rng.integers(0, 4, length), -1),
            "span": tuple(sorted(rng.integers(0, length, 2).tolist())),
            "choice": int(rng.integers(3)),
        }[name]
        items.append(Item(tuple(parts), label))
    return items


def their_model(folder, name):
    """Random weights of the same kind as a fresh checkpoint's, without dropout."""
    kind, count, _ = HEADS[name]
    config = transformers.AlbertConfig(
        vocab_size=40, embedding_size=8, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=32, initializer_range=0.2, num_labels=count,
        hidden_dropout_prob=0, attention_probs_dropout_prob=0, classifier_dropout_prob=0,
    )  # fmt: skip
    torch.manual_seed(0)
    model = getattr(transformers, f"Albert{kind}")(config)
    model.save_pretrained(folder)
    (folder / "spiece.model").write_bytes(sentencepiece_model())
    return model


def their_inputs(name, items):
    """One part a row, padded, as tensors; a choice has its options on a second axis."""
    parts = [part for item in items for part in item.parts]
    width = max(len(part.tokens) for part in parts)
    ids, types, mask = (np.zeros((len(parts), width), np.int64) for _ in range(3))
    for row, part in enumerate(parts):
        ids[row, : len(part.tokens)] = part.tokens
        types[row, : len(part.tokens)] = part.token_types
        mask[row, : len(part.tokens)] = 1
    inputs = {"input_ids": ids, "token_type_ids": types, "attention_mask": mask}
    if name == "choice":
        inputs = {key: value.reshape(len(items), 3, width) for key, value in inputs.items()}
    if name == "span":
        inputs["start_positions"], inputs["end_positions"] = np.array([i.label for i in items]).T
    elif name == "token":
        inputs["labels"] = np.full((len(items), width), -100)
        for row, item in enumerate(items):
            inputs["labels"][row, : len(item.label)] = np.where(item.label < 0, -100, item.label)
    else:
        kind = np.float32 if name == "score" else np.int64
        inputs["labels"] = np.array([item.label for item in items], kind)
    return {key: torch.from_numpy(np.ascontiguousarray(value)) for key, value in inputs.items()}


def their_loss(name, model, items):
    """Cross-entropy of a span is over the own example's positions here: padding is masked out."""
    inputs = their_inputs(name, items)
    if name != "span":
        return model(**inputs).loss
    starts, ends = inputs.pop("start_positions"), inputs.pop("end_positions")
    found = model(**inputs)
    outside = (inputs["attention_mask"] == 0) * -1e9
    loss = torch.nn.functional.cross_entropy
    return (loss(found.start_logits + outside, starts) + loss(found.end_logits + outside, ends)) / 2


def their_losses(name, model, items):
    """The loss of every step."""
    plain = [
        p
        for n, p in model.named_parameters()
        if "bias" in n or "LayerNorm" in n or "layer_norm" in n
    ]
    rest = [p for p in model.parameters() if all(p is not other for other in plain)]
    groups = [{"params": rest, "weight_decay": DECAY}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=RATE, eps=1e-6, betas=(0.9, 0.999))
    losses = []
    for step in range(STEPS):
        loss = their_loss(name, model.train(), items[step * BATCH : (step + 1) * BATCH])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 - step / STEPS)
        optimizer.step()
        losses.append(loss.item())
    return losses


def our_losses(name, folder, items):
    head, source, mesh = HEADS[name][2], albert_jax.load(folder), make_mesh(jax.devices()[:1])
    model, config = AlbertForTask(source.config, head.kind, head.size), StepConfig(microbatches=2)
    batches = [
        training_batch(items[step * BATCH : (step + 1) * BATCH], head, Layout(24, 8, 0), 2)
        for step in range(STEPS)
    ]
    rate = schedule(ScheduleConfig(learning_rate=RATE, warmup_steps=0, decay_steps=STEPS))
    settings = OptimizerConfig(name="adamw", bias_correction=True, weight_decay=DECAY)
    optimizer = optimizers.make(settings, rate, source.params)
    state = jax.jit(partial(states.create, model, optimizer, batches[0], config))()
    state = state.replace(params={name: source.params[name] for name in state.params})
    step = make_train_step(
        model, objective(head.kind, head.size), optimizer, rate, config, 1.0, mesh
    )
    losses = []
    for batch in batches:
        state, metrics = step(jax.device_put(state), spread(batch, mesh))
        losses.append(float(metrics["loss"]))
    return losses


@pytest.mark.parametrize("name", HEADS)
def test_the_losses_of_a_few_steps_are_those_of_torch(name, tmp_path):
    items = random_items(name)
    wanted = their_losses(name, their_model(tmp_path, name), items)
    found = our_losses(name, tmp_path, items)
    print(name, wanted, "largest difference", np.abs(np.subtract(found, wanted)).max())
    assert abs(wanted[0] - wanted[-1]) > 0.01
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
