"""Random batches in the project's layout, for tests of the model and of training."""

import numpy as np


def random_batch(
    rows: int = 8,
    length: int = 24,
    predictions: int = 5,
    examples: int = 3,
    vocab: int = 50,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """Rows with `examples - 1` packed examples of random length, then padding; every slot but one used."""
    rng = np.random.default_rng(seed)
    row = [_row(rng, length, predictions, examples, vocab) for _ in range(rows)]
    return {name: np.stack([r[name] for r in row]) for name in row[0]}


def _row(rng, length, predictions, examples, vocab):
    cuts = np.sort(rng.choice(np.arange(3, length - 2), examples - 1, replace=False))
    starts = np.concatenate([[0], cuts[:-1]])
    ids, positions = np.zeros(length, np.int32), np.zeros(length, np.int32)
    for number, (start, end) in enumerate(zip(starts, cuts, strict=True), 1):
        ids[start:end], positions[start:end] = number, np.arange(end - start)
    real = ids > 0
    masked = rng.choice(np.flatnonzero(real), predictions - 1, replace=False)
    unused = [0]
    return {
        "tokens": np.where(real, rng.integers(5, vocab, length), 0).astype(np.int32),
        "token_types": np.where(real, rng.integers(0, 2, length), 0).astype(np.int32),
        "positions": positions,
        "example_ids": ids,
        "mlm_positions": np.concatenate([np.sort(masked), unused]).astype(np.int32),
        "mlm_targets": np.append(rng.integers(5, vocab, predictions - 1), 0).astype(np.int32),
        "mlm_weights": np.append(np.ones(predictions - 1), 0).astype(np.float32),
        "cls_positions": np.concatenate([starts, unused]).astype(np.int32),
        "sentence_labels": np.append(rng.integers(0, 2, examples - 1), 0).astype(np.int32),
        "sentence_weights": np.append(np.ones(examples - 1), 0).astype(np.float32),
    }
