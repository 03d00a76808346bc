"""The model: pure functions of (config, parameters, arrays). No files, no optimizer, no tokenizer.

Letters used in shapes: B rows, L row length, N examples a row, M predicted positions a row, V vocabulary,
E embedding size, D hidden size, H heads, K head size, F feed-forward size.
"""
