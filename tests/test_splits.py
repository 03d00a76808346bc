"""Where the rows of the user's own tables come from."""

import json

import pytest
from etils import epath

from albert_jax.errors import UserError
from albert_jax.tasks import source
from albert_jax.tasks.splits import Splits, TableConfig


def splits(path, **changes):
    return Splits(TableConfig(name="text", data_dir=str(path), **changes))


def texts(found):
    return [record.values["text"] for record in found]


def write(path, rows):
    lines = [json.dumps({"text": row}) for row in rows]
    path.write_text("text\n" + "\n".join(rows) if path.suffix == ".tsv" else "\n".join(lines))


@pytest.mark.parametrize("dev", ["dev", "validation", "valid"])
def test_a_folder_has_a_file_for_each(tmp_path, dev):
    write(tmp_path / "train.tsv", ["a", "b"])
    write(tmp_path / f"{dev}.jsonl", ["c"])
    write(tmp_path / "test.tsv", ["d"])
    found = splits(tmp_path)
    assert texts(found.records("train")) == ["a", "b"]
    assert texts(found.records("dev")) == ["c"]
    assert texts(found.records("test")) == ["d"]
    assert found.records("dev")[0].place == f"{tmp_path / dev}.jsonl:1"


def test_a_share_of_train_is_dev_where_there_is_none(tmp_path):
    rows = [f"{number:02}" for number in range(40)]
    write(tmp_path / "all.tsv", rows)
    found = splits(tmp_path / "all.tsv", dev_share=0.25)
    train, dev = texts(found.records("train")), texts(found.records("dev"))
    assert (len(train), len(dev)) == (30, 10)
    assert sorted(train + dev) == rows and train == sorted(train) and dev == sorted(dev)
    assert texts(splits(tmp_path / "all.tsv", dev_share=0.25).records("dev")) == dev
    assert texts(splits(tmp_path / "all.tsv", dev_share=0.25, seed=1).records("dev")) != dev


def test_columns_are_named_where_a_file_has_no_header(tmp_path):
    (tmp_path / "train.csv").write_text('1,"a, b"\n2,c\n')
    found = splits(tmp_path, columns=("number", "text"), dev_share=0.5)
    assert sorted(texts(found.records("train") + found.records("dev"))) == ["a, b", "c"]


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(UserError, match=r"no train file in it; endings are .tsv, .csv, .jsonl"):
        splits(tmp_path).records("train")
    write(tmp_path / "train.tsv", ["a", "b"])
    with pytest.raises(UserError, match="no example in the split test"):
        splits(tmp_path).records("test")
    (tmp_path / "test.tsv").write_text("text\n")
    with pytest.raises(UserError, match="no example in the split test"):
        splits(tmp_path).records("test")
    with pytest.raises(UserError, match=r"nowhere\.tsv: cannot be read"):
        splits(tmp_path / "nowhere.tsv").records("train")


@pytest.mark.parametrize("share", [0, 1, -0.5])
def test_shares_are_between_0_and_1(share):
    with pytest.raises(UserError, match=r"task.dev_share is .*; it must be between 0 and 1"):
        TableConfig(name="text", dev_share=share)


def test_a_file_of_another_kind_is_named(tmp_path):
    with pytest.raises(UserError, match=r"a.pdf: its ending must be one of .tsv, .csv, .jsonl"):
        list(source.read(epath.Path(tmp_path / "a.pdf")))
