"""Input is data: nothing of it is run, unpickled or imported, and no name in it leads out of its folder."""

import ast
import json
import sys
from pathlib import Path

import pytest
from etils import epath

from albert_jax.data import features, records, text
from albert_jax.errors import UserError
from albert_jax.interop import bundle, sstable
from albert_jax.interop.protobuf import FIXED32, encode

ROOT = Path(__file__).parents[1]
FILES = sorted(
    path
    for top in ("albert_jax", "configs", "experiments", "launch")
    for path in (ROOT / top).rglob("*.py")
)
MODULES = {"pickle", "cloudpickle", "dill", "shelve", "marshal", "joblib", "runpy", "code"}
FUNCTIONS = {"eval", "exec", "compile", "__import__"}
METHODS = {
    *("import_module", "load_module", "exec_module", "run_path", "run_module"),
    *("system", "popen", "mktemp", "extractall", "unpack_archive"),
    *("unsafe_load", "full_load", "unsafe_load_all", "full_load_all"),
}
OF = {"yaml": {"load", "load_all"}, "torch": {"load"}}
KEYWORDS = {"allow_pickle", "shell", "trust_remote_code"}
REVIEWED = {  # file, what: why it may
    ("albert_jax/__init__.py", "import_module"): "the names are those of a table in the file",
    ("albert_jax/__main__.py", "import_module"): "the names are those of a table in the file",
    ("experiments/cell.py", "runpy"): "configs/ are Python by design; the tables name them",
    ("experiments/cell.py", "run_path"): "the same",
}


def dangers(path: Path):
    """What in a file could run what it reads."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from {alias.name.split(".")[0] for alias in node.names} & MODULES
        elif isinstance(node, ast.ImportFrom):
            yield from {node.module.split(".")[0]} & MODULES
        elif isinstance(node, ast.Call):
            yield from _of_call(node)


def _of_call(node: ast.Call):
    function = node.func
    if isinstance(function, ast.Name) and function.id in FUNCTIONS | METHODS:
        yield function.id
    elif isinstance(function, ast.Attribute):
        owner = getattr(function.value, "id", None)
        if function.attr in METHODS or function.attr in OF.get(owner, ()):
            yield function.attr
    for keyword in node.keywords:
        if keyword.arg in KEYWORDS and getattr(keyword.value, "value", True):
            yield keyword.arg


def test_nothing_in_the_source_runs_what_it_reads():
    found = {(str(path.relative_to(ROOT)), what) for path in FILES for what in dangers(path)}
    assert found == REVIEWED.keys()


@pytest.mark.parametrize(
    "line",
    [
        *("import pickle", "from pickle import loads", "eval(x)", "yaml.load(f)", "os.system(x)"),
        *("np.load(f, allow_pickle=True)", "torch.load(f)", "run(x, shell=True)"),
    ],
)
def test_the_test_itself_sees(tmp_path, line):
    (tmp_path / "x.py").write_text(line)
    assert list(dangers(tmp_path / "x.py"))


EVIL = "evil_dataset.Feature"
DESCRIPTIONS = {
    "now": {"pythonClassName": EVIL, "featuresDict": {"features": {}}},
    "by the other name": {"python_class_name": EVIL},
    "of former versions": {"type": EVIL, "content": {}},
    "inside": {"pythonClassName": f"{features.OWN}features_dict.FeaturesDict",
               "featuresDict": {"features": {"text": {"pythonClassName": EVIL}}}},
    "in a string": {"pythonClassName": f"{features.OWN}features_dict.FeaturesDict",
                    "jsonFeature": {"json": json.dumps({"x": {"type": EVIL, "content": {}}})}},
}  # fmt: skip


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_a_dataset_names_no_program(tmp_path, monkeypatch, name):
    """TFDS imports what `features.json` names; here a module that is beside the dataset."""
    (tmp_path / "evil_dataset.py").write_text("raise SystemExit('run!')")
    monkeypatch.syspath_prepend(tmp_path)
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "features.json").write_text(json.dumps(DESCRIPTIONS[name]))
    (folder / "dataset_info.json").write_text('{"name": "x", "version": "1.0.0"}')
    for read in (
        lambda: records.tfds_builder(folder),
        lambda: list(text.documents(f"tfds:{folder}")),
    ):
        with pytest.raises(UserError, match=f"features.json: {EVIL} is no class of TFDS"):
            read()
    assert "evil_dataset" not in sys.modules


@pytest.mark.parametrize("content", ["", "[" * 100_000, '{"a": "{"}', "\udcff"])
def test_a_damaged_description_is_an_error(tmp_path, content):
    (tmp_path / "features.json").write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(UserError, match=r"features\.json: cannot be read"):
        features.check(tmp_path)


@pytest.mark.parametrize("shard", [b"/../../secret", b"x"])
def test_a_checkpoint_names_no_other_file(tmp_path, shard):
    """The shard of a TF1 checkpoint is a number; a string in its place is damage."""
    (tmp_path / "x.data-00000-of-00001").write_bytes(bytes(4))
    header = encode(bundle.SHARDS, 1)
    entry = encode(bundle.DTYPE, 1) + encode(bundle.SHAPE, b"") + encode(bundle.SHARD, shard)
    entry += encode(bundle.SIZE, 4) + encode(bundle.CRC, sstable.masked_crc(bytes(4)), FIXED32)
    (tmp_path / "x.index").write_bytes(sstable.write([(b"", header), (b"a", entry)]))
    with pytest.raises(UserError, match=r"x\.index"):
        bundle.Bundle(epath.Path(tmp_path / "x")).read("a")
