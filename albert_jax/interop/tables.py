"""What each foreign format calls our parameters: one table a format, each name in it once.

A table has two parts: what a model has once, and what it has once for each block of its own, with {group}
and {inner} (the place of the block in ALBERT's groups) or {block} in the name. Ours are on the left; those
of a block are below albert/encoder.
"""

from albert_jax.interop.names import Names


def _kernels(ours: str, theirs: str) -> bool:
    """torch.nn.Linear keeps [out, in], we keep [in, out]."""
    return ours.endswith("/kernel")


def _output_weights(ours: str, theirs: str) -> bool:
    """Of the original's matrices only those named output_weights are [out, in]."""
    return theirs.endswith("output_weights")


def _never(ours: str, theirs: str) -> bool:
    return False


_GROUP = "albert.encoder.albert_layer_groups.{group}.albert_layers.{inner}."
HUGGINGFACE_ALBERT = Names(
    once={
        "albert/embeddings/tokens": "albert.embeddings.word_embeddings.weight",
        "albert/embeddings/positions": "albert.embeddings.position_embeddings.weight",
        "albert/embeddings/types": "albert.embeddings.token_type_embeddings.weight",
        "albert/embeddings/norm/scale": "albert.embeddings.LayerNorm.weight",
        "albert/embeddings/norm/bias": "albert.embeddings.LayerNorm.bias",
        "albert/embeddings/projection/kernel": "albert.encoder.embedding_hidden_mapping_in.weight",
        "albert/embeddings/projection/bias": "albert.encoder.embedding_hidden_mapping_in.bias",
        "albert/pooler/kernel": "albert.pooler.weight",
        "albert/pooler/bias": "albert.pooler.bias",
        "mlm/transform/kernel": "predictions.dense.weight",
        "mlm/transform/bias": "predictions.dense.bias",
        "mlm/norm/scale": "predictions.LayerNorm.weight",
        "mlm/norm/bias": "predictions.LayerNorm.bias",
        "mlm/bias": "predictions.bias",
        "sentence/classifier/kernel": "sop_classifier.classifier.weight",
        "sentence/classifier/bias": "sop_classifier.classifier.bias",
        "classifier/classifier/kernel": "classifier.weight",
        "classifier/classifier/bias": "classifier.bias",
        "span/classifier/kernel": "qa_outputs.weight",
        "span/classifier/bias": "qa_outputs.bias",
    },
    per_block={
        "attention/query/kernel": _GROUP + "attention.query.weight",
        "attention/query/bias": _GROUP + "attention.query.bias",
        "attention/key/kernel": _GROUP + "attention.key.weight",
        "attention/key/bias": _GROUP + "attention.key.bias",
        "attention/value/kernel": _GROUP + "attention.value.weight",
        "attention/value/bias": _GROUP + "attention.value.bias",
        "attention/output/kernel": _GROUP + "attention.dense.weight",
        "attention/output/bias": _GROUP + "attention.dense.bias",
        "attention/norm/scale": _GROUP + "attention.LayerNorm.weight",
        "attention/norm/bias": _GROUP + "attention.LayerNorm.bias",
        "ffn/intermediate/kernel": _GROUP + "ffn.weight",
        "ffn/intermediate/bias": _GROUP + "ffn.bias",
        "ffn/output/kernel": _GROUP + "ffn_output.weight",
        "ffn/output/bias": _GROUP + "ffn_output.bias",
        "ffn/norm/scale": _GROUP + "full_layer_layer_norm.weight",
        "ffn/norm/bias": _GROUP + "full_layer_layer_norm.bias",
    },
    transposed=_kernels,
)

_LAYER = "bert.encoder.layer.{block}."
HUGGINGFACE_BERT = Names(
    once={
        "albert/embeddings/tokens": "bert.embeddings.word_embeddings.weight",
        "albert/embeddings/positions": "bert.embeddings.position_embeddings.weight",
        "albert/embeddings/types": "bert.embeddings.token_type_embeddings.weight",
        "albert/embeddings/norm/scale": "bert.embeddings.LayerNorm.weight",
        "albert/embeddings/norm/bias": "bert.embeddings.LayerNorm.bias",
        "albert/pooler/kernel": "bert.pooler.dense.weight",
        "albert/pooler/bias": "bert.pooler.dense.bias",
        "mlm/transform/kernel": "cls.predictions.transform.dense.weight",
        "mlm/transform/bias": "cls.predictions.transform.dense.bias",
        "mlm/norm/scale": "cls.predictions.transform.LayerNorm.weight",
        "mlm/norm/bias": "cls.predictions.transform.LayerNorm.bias",
        "mlm/bias": "cls.predictions.bias",
        "sentence/classifier/kernel": "cls.seq_relationship.weight",
        "sentence/classifier/bias": "cls.seq_relationship.bias",
        "classifier/classifier/kernel": "classifier.weight",
        "classifier/classifier/bias": "classifier.bias",
        "span/classifier/kernel": "qa_outputs.weight",
        "span/classifier/bias": "qa_outputs.bias",
    },
    per_block={
        "attention/query/kernel": _LAYER + "attention.self.query.weight",
        "attention/query/bias": _LAYER + "attention.self.query.bias",
        "attention/key/kernel": _LAYER + "attention.self.key.weight",
        "attention/key/bias": _LAYER + "attention.self.key.bias",
        "attention/value/kernel": _LAYER + "attention.self.value.weight",
        "attention/value/bias": _LAYER + "attention.self.value.bias",
        "attention/output/kernel": _LAYER + "attention.output.dense.weight",
        "attention/output/bias": _LAYER + "attention.output.dense.bias",
        "attention/norm/scale": _LAYER + "attention.output.LayerNorm.weight",
        "attention/norm/bias": _LAYER + "attention.output.LayerNorm.bias",
        "ffn/intermediate/kernel": _LAYER + "intermediate.dense.weight",
        "ffn/intermediate/bias": _LAYER + "intermediate.dense.bias",
        "ffn/output/kernel": _LAYER + "output.dense.weight",
        "ffn/output/bias": _LAYER + "output.dense.bias",
        "ffn/norm/scale": _LAYER + "output.LayerNorm.weight",
        "ffn/norm/bias": _LAYER + "output.LayerNorm.bias",
    },
    transposed=_kernels,
)

_FLAX = "albert/encoder/albert_layer_groups/{group}/albert_layers/{inner}/"
FLAX_ALBERT = Names(  # transformers' modeling_flax_albert.py, gone since version 5
    once={
        "albert/embeddings/tokens": "albert/embeddings/word_embeddings/embedding",
        "albert/embeddings/positions": "albert/embeddings/position_embeddings/embedding",
        "albert/embeddings/types": "albert/embeddings/token_type_embeddings/embedding",
        "albert/embeddings/norm/scale": "albert/embeddings/LayerNorm/scale",
        "albert/embeddings/norm/bias": "albert/embeddings/LayerNorm/bias",
        "albert/embeddings/projection/kernel": "albert/encoder/embedding_hidden_mapping_in/kernel",
        "albert/embeddings/projection/bias": "albert/encoder/embedding_hidden_mapping_in/bias",
        "albert/pooler/kernel": "albert/pooler/kernel",
        "albert/pooler/bias": "albert/pooler/bias",
        "mlm/transform/kernel": "predictions/dense/kernel",
        "mlm/transform/bias": "predictions/dense/bias",
        "mlm/norm/scale": "predictions/LayerNorm/scale",
        "mlm/norm/bias": "predictions/LayerNorm/bias",
        "mlm/bias": "predictions/bias",
        "sentence/classifier/kernel": "sop_classifier/classifier/kernel",
        "sentence/classifier/bias": "sop_classifier/classifier/bias",
        "classifier/classifier/kernel": "classifier/kernel",
        "classifier/classifier/bias": "classifier/bias",
        "span/classifier/kernel": "qa_outputs/kernel",
        "span/classifier/bias": "qa_outputs/bias",
    },
    per_block={
        "attention/query/kernel": _FLAX + "attention/query/kernel",
        "attention/query/bias": _FLAX + "attention/query/bias",
        "attention/key/kernel": _FLAX + "attention/key/kernel",
        "attention/key/bias": _FLAX + "attention/key/bias",
        "attention/value/kernel": _FLAX + "attention/value/kernel",
        "attention/value/bias": _FLAX + "attention/value/bias",
        "attention/output/kernel": _FLAX + "attention/dense/kernel",
        "attention/output/bias": _FLAX + "attention/dense/bias",
        "attention/norm/scale": _FLAX + "attention/LayerNorm/scale",
        "attention/norm/bias": _FLAX + "attention/LayerNorm/bias",
        "ffn/intermediate/kernel": _FLAX + "ffn/kernel",
        "ffn/intermediate/bias": _FLAX + "ffn/bias",
        "ffn/output/kernel": _FLAX + "ffn_output/kernel",
        "ffn/output/bias": _FLAX + "ffn_output/bias",
        "ffn/norm/scale": _FLAX + "full_layer_layer_norm/scale",
        "ffn/norm/bias": _FLAX + "full_layer_layer_norm/bias",
    },
    transposed=_never,
)

_INNER = "bert/encoder/transformer/group_{group}/inner_group_{inner}/"
TF1 = Names(  # the scopes of google-research/albert, modeling.py and the run_*.py
    once={
        "albert/embeddings/tokens": "bert/embeddings/word_embeddings",
        "albert/embeddings/positions": "bert/embeddings/position_embeddings",
        "albert/embeddings/types": "bert/embeddings/token_type_embeddings",
        "albert/embeddings/norm/scale": "bert/embeddings/LayerNorm/gamma",
        "albert/embeddings/norm/bias": "bert/embeddings/LayerNorm/beta",
        "albert/embeddings/projection/kernel": "bert/encoder/embedding_hidden_mapping_in/kernel",
        "albert/embeddings/projection/bias": "bert/encoder/embedding_hidden_mapping_in/bias",
        "albert/pooler/kernel": "bert/pooler/dense/kernel",
        "albert/pooler/bias": "bert/pooler/dense/bias",
        "mlm/transform/kernel": "cls/predictions/transform/dense/kernel",
        "mlm/transform/bias": "cls/predictions/transform/dense/bias",
        "mlm/norm/scale": "cls/predictions/transform/LayerNorm/gamma",
        "mlm/norm/bias": "cls/predictions/transform/LayerNorm/beta",
        "mlm/bias": "cls/predictions/output_bias",
        "sentence/classifier/kernel": "cls/seq_relationship/output_weights",
        "sentence/classifier/bias": "cls/seq_relationship/output_bias",
        "classifier/classifier/kernel": "output_weights",
        "classifier/classifier/bias": "output_bias",
        "span/classifier/kernel": "cls/squad/output_weights",
        "span/classifier/bias": "cls/squad/output_bias",
    },
    per_block={
        "attention/query/kernel": _INNER + "attention_1/self/query/kernel",
        "attention/query/bias": _INNER + "attention_1/self/query/bias",
        "attention/key/kernel": _INNER + "attention_1/self/key/kernel",
        "attention/key/bias": _INNER + "attention_1/self/key/bias",
        "attention/value/kernel": _INNER + "attention_1/self/value/kernel",
        "attention/value/bias": _INNER + "attention_1/self/value/bias",
        "attention/output/kernel": _INNER + "attention_1/output/dense/kernel",
        "attention/output/bias": _INNER + "attention_1/output/dense/bias",
        "attention/norm/scale": _INNER + "LayerNorm/gamma",
        "attention/norm/bias": _INNER + "LayerNorm/beta",
        "ffn/intermediate/kernel": _INNER + "ffn_1/intermediate/dense/kernel",
        "ffn/intermediate/bias": _INNER + "ffn_1/intermediate/dense/bias",
        "ffn/output/kernel": _INNER + "ffn_1/intermediate/output/dense/kernel",
        "ffn/output/bias": _INNER + "ffn_1/intermediate/output/dense/bias",
        "ffn/norm/scale": _INNER + "LayerNorm_1/gamma",
        "ffn/norm/bias": _INNER + "LayerNorm_1/beta",
    },
    transposed=_output_weights,
)
