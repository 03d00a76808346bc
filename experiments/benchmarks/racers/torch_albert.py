"""transformers' AlbertForPreTraining under torch in the race, with torch's fused AdamW."""

import torch
from protocol import serve
from transformers import AlbertConfig, AlbertForPreTraining

NAMES = dict(
    size="hidden_size", layers="num_hidden_layers", heads="num_attention_heads", ffn="intermediate_size"
)  # fmt: skip


def build(case, batches):
    """One update of the same ALBERT, eager or compiled."""
    shape = {NAMES[name]: value for name, value in case["shape"].items()}
    config = AlbertConfig(
        vocab_size=30_000,
        embedding_size=128,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        **shape,
    )
    model = AlbertForPreTraining(config).train()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-4, fused=True)
    forward = torch.compile(model) if case["compiled"] else model

    def step(batch):
        with torch.autocast("cpu", torch.bfloat16, enabled=case["dtype"] == "bfloat16"):
            loss = forward(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        loss.item()

    return step, [{k: torch.from_numpy(v) for k, v in batch.items()} for batch in batches]


def product(a, b, dtype):
    """torch's own product, which returns the type of its factors."""
    a, b = (torch.from_numpy(x).to(getattr(torch, dtype)) for x in (a, b))
    return lambda: a @ b


if __name__ == "__main__":
    torch.set_num_threads(torch.get_num_threads())
    serve(build, product)
