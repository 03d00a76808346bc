"""A few lines of every official GLUE file, as they are published; `write` puts them where they belong."""

from pathlib import Path

MNLI_HEAD = (
    "index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse\t"
    "sentence1_parse\tsentence2_parse\tsentence1\tsentence2\t"
)
MNLI_ROW = "{}\t-\t-\t-\t-\t-\t-\t-\tthe cat sat\tthe {} sat\t"
STSB_HEAD = "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2"
STSB_ROW = "{}\tmain\tMSRvid\t2012test\t0001\tnone\tnone\tthe cat sat\tthe {} sat"
FILES = {
    "CoLA/train.tsv": 'gj04\t1\t\tThe "cat sat.\ngj04\t0\t*\tThe sat cat.\n',
    "CoLA/dev.tsv": "gj04\t1\t\tThe dog was walking.\n",
    "CoLA/test.tsv": "index\tsentence\n0\tThe cat sat.\n1\tSat cat the.\n",
    "SST-2/train.tsv": "sentence\tlabel\nthe cat \t1\nthe dog \t0\n",
    "SST-2/dev.tsv": "sentence\tlabel\na cat \t1\n",
    "SST-2/test.tsv": "index\tsentence\n0\ta dog\n",
    "MRPC/train.tsv": "\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\r\n"
    '1\t702876\t702977\tthe " cat\tthe cat\r\n0\t1\t2\tthe cat\tthe dog\r\n',
    "MRPC/dev.tsv": "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t1\t2\ta cat\ta cat\n",
    "MRPC/test.tsv": "index\t#1 ID\t#2 ID\t#1 String\t#2 String\n0\t1\t2\ta cat\ta dog\n",
    "STS-B/train.tsv": f"{STSB_HEAD}\tscore\n{STSB_ROW.format(0, 'cat')}\t5.000\n"
    f"{STSB_ROW.format(1, 'dog')}\t1.25\n",
    "STS-B/dev.tsv": f"{STSB_HEAD}\tscore\n{STSB_ROW.format(0, 'dog')}\t0.6\n",
    "STS-B/test.tsv": f"{STSB_HEAD}\n{STSB_ROW.format(0, 'dog')}\n",
    "QQP/train.tsv": "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n"
    "1\t2\t3\twho sat?\twho saw?\t0\n2\t3\tbroken line\n3\t4\t5\twho sat?\twho sat?\t1\n",
    "QQP/dev.tsv": "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n1\t2\t3\ta\tb\t1\n",
    "QQP/test.tsv": "id\tquestion1\tquestion2\n0\twho sat?\twho saw?\n",
    "MNLI/train.tsv": f"{MNLI_HEAD}label1\tgold_label\n{MNLI_ROW.format(0, 'cat')}neutral\tentailment\n"
    f"{MNLI_ROW.format(1, 'dog')}neutral\tneutral\n{MNLI_ROW.format(2, 'dog')}neutral\tcontradiction\n",
    "MNLI/dev_matched.tsv": f"{MNLI_HEAD}label1\tlabel2\tlabel3\tlabel4\tlabel5\tgold_label\n"
    f"{MNLI_ROW.format(0, 'dog')}neutral\t-\t-\t-\t-\tneutral\n",
    "MNLI/dev_mismatched.tsv": f"{MNLI_HEAD}label1\tlabel2\tlabel3\tlabel4\tlabel5\tgold_label\n"
    f"{MNLI_ROW.format(0, 'cat')}neutral\t-\t-\t-\t-\tentailment\n"
    f"{MNLI_ROW.format(1, 'mat')}neutral\t-\t-\t-\t-\tneutral\n",
    "MNLI/test_matched.tsv": f"{MNLI_HEAD.rstrip()}\n{MNLI_ROW.format(0, 'dog').rstrip()}\n",
    "MNLI/test_mismatched.tsv": f"{MNLI_HEAD.rstrip()}\n{MNLI_ROW.format(0, 'dog').rstrip()}\n",
    "QNLI/train.tsv": "index\tquestion\tsentence\tlabel\n0\twho sat?\tthe cat sat\tentailment\n"
    "1\twho sat?\tthe dog was walking\tnot_entailment\n",
    "QNLI/dev.tsv": "index\tquestion\tsentence\tlabel\n0\twho sat?\tthe cat\tnot_entailment\n",
    "QNLI/test.tsv": "index\tquestion\tsentence\n0\twho sat?\tthe cat\n",
    "RTE/train.tsv": "index\tsentence1\tsentence2\tlabel\n0\tthe cat sat\ta cat\tentailment\n"
    "1\tthe cat sat\ta dog\tnot_entailment\n",
    "RTE/dev.tsv": "index\tsentence1\tsentence2\tlabel\n0\tthe cat\ta cat\tentailment\n",
    "RTE/test.tsv": "index\tsentence1\tsentence2\n0\tthe cat\ta cat\n",
    "WNLI/train.tsv": "index\tsentence1\tsentence2\tlabel\n0\tthe cat sat\ta cat\t1\n1\ta\tb\t0\n",
    "WNLI/dev.tsv": "index\tsentence1\tsentence2\tlabel\n0\tthe cat\ta cat\t0\n",
    "WNLI/test.tsv": "index\tsentence1\tsentence2\n0\tthe cat\ta cat\n",
    "diagnostic/diagnostic-full.tsv": "Lexical Semantics\tPredicate-Argument Structure\tLogic\t"
    "Knowledge\tDomain\tPremise\tHypothesis\tLabel\n\t\tNegation\t\tNews\tthe cat\tno cat\tcontradiction\n",
    "diagnostic/diagnostic.tsv": "index\tsentence1\tsentence2\n0\tthe cat\tno cat\n",
}


def write(folder: Path, **changed: str):
    """All files below a folder; `changed` has other text for some, as SST_2_train="..."."""
    texts = {name.replace("-", "_").replace("/", "_").removesuffix(".tsv"): name for name in FILES}
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode())
    for key, text in changed.items():
        (folder / texts[key]).write_bytes(text.encode())
