import dataclasses

import pytest

from albert_jax.data.batch_config import BatchConfig, recommended, reference
from albert_jax.errors import UserError


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 0}, "data.batch_size is 0; it must be at least 1"),
        ({"length": 3}, "data.length is 3"),
        ({"max_ngram": 0}, "data.max_ngram is 0"),
        ({"objective": "sort"}, "data.objective is 'sort'; it must be one of 'sop', 'nsp', 'none'"),
        ({"chunking": "lossy"}, "data.chunking is 'lossy'"),
        ({"workers": 2}, "data.workers is 2; it must be one of 0, 1"),
        ({"mask_share": 1.5}, "data.mask_share is 1.5"),
        ({"short_share": -0.1}, "data.short_share is -0.1"),
        ({"batch_size": 10, "shards": 4}, "data.batch_size 10 is no multiple of data.shards 4"),
        ({"random_negatives": True}, "data.random_negatives needs"),
    ],
)
def test_bad_values_are_named(change, message):
    with pytest.raises(UserError, match="data") as error:
        recommended(**{"batch_size": 8, "length": 128} | change)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_presets():
    assert reference(4096) == BatchConfig(
        batch_size=4096,
        length=512,
        predictions=20,
        examples_per_row=1,
        objective="sop",
        chunking="reference",
        random_negatives=True,
        short_share=0.1,
        mask_share=0.15,
        max_ngram=3,
    )
    assert recommended(64, 512) == BatchConfig(
        batch_size=64,
        length=512,
        predictions=77,
        examples_per_row=51,
        objective="sop",
        chunking="lossless",
        random_negatives=False,
        short_share=0.1,
        mask_share=0.15,
        max_ngram=3,
    )
    assert not reference(8, objective="nsp").random_negatives
    assert dataclasses.replace(recommended(8, 128), seed=3).predictions == 20
