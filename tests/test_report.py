"""Tables as Markdown, LaTeX and HTML, and the page of everything."""

import html.parser
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from albert_jax.errors import UserError
from experiments import __main__ as experiments
from experiments import formats, report
from experiments.comparison import compare
from experiments.findings import Finding
from experiments.grid import grid
from experiments.results import Results
from experiments.scales import SCALES
from experiments.tables import TABLES
from tests import results
from tests.test_comparison import CHOICE, MICRO, TABLE, VALUES

ROOT = Path(__file__).parents[1]
HOSTILE = "<script>alert('&')</script> 50 % | of_it"


def value(row, name, seed):
    return VALUES[name][seed] + 0.1 * row


@pytest.fixture
def comparison(tmp_path):
    return compare(TABLE, MICRO, results.write(tmp_path, TABLE, MICRO, CHOICE, value), CHOICE)


def test_markdown(comparison):
    text = formats.markdown(grid(comparison))
    head, _, one, other, theirs = (line.split(" | ") for line in text.splitlines()[4:9])
    assert len({len(head), len(one), len(other), len(theirs)}) == 1
    row = dict(zip(head, other, strict=True))
    assert row["masked LM, here"] == "35.0 ± 5.0 (+10.0)"
    assert row["MNLI, paper"] == "52.0 (+2.0)"
    assert row["SST-2, here"] == "85.0 ± 5.0 (+10.0)"
    assert row["speed, here"] == "1.0x"
    assert other[-1] == "3 |" and theirs[-1] == "– |"
    assert "SQuAD 1.1, paper" in head and "SQuAD 1.1, here" not in head


def test_a_difference_beyond_chance_is_bold(tmp_path):
    steady = results.write(
        tmp_path, TABLE, MICRO, CHOICE, lambda row, name, seed: 0.2 + 0.1 * row + 0.001 * seed
    )
    text = formats.markdown(grid(compare(TABLE, MICRO, steady, CHOICE)))
    assert "**30.1 ± 0.1 (+10.0)**" in text


def test_latex(comparison):
    text = formats.latex(grid(comparison))
    assert rf"\label{{tab:{TABLE.name}}}" in text
    assert r"\begin{tabular}{lrr" in text and r"35.0 $\pm$ 5.0 (+10.0)" in text
    columns = len(re.search(r"tabular}{(l+r+)}", text)[1])
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 4 and all(row.count(" & ") == columns - 1 for row in rows)
    assert formats.latex_text("50 % of_it & #1") == r"50 \% of\_it \& \#1"
    assert formats.latex_text(r"~a\${b}") == r"\textasciitilde{}a\textbackslash{}\$\{b\}"


class Balanced(html.parser.HTMLParser):
    """Fails where a tag is closed that was not opened; keeps the words."""

    VOID = ("meta", "img")

    def __init__(self):
        super().__init__()
        self.open, self.words, self.tags = [], [], set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def test_the_page_is_whole_and_escaped(comparison, monkeypatch):
    monkeypatch.setattr(report, "finding", lambda scale, table: Finding(HOSTILE))
    rows = (TABLE.rows[0]._replace(label=HOSTILE), *TABLE.rows[1:])
    lines = [comparison.lines[0]._replace(row=rows[0]), *comparison.lines[1:]]
    part = report.part(comparison._replace(lines=lines))
    page = report.html_page([part])
    parser = Balanced()
    parser.feed(page)
    assert not parser.open and "script" not in parser.tags
    assert [HOSTILE in word for word in parser.words].count(
        True
    ) == 4  # a label twice, a verdict twice
    assert "data:image/svg+xml" in page and "http://" not in page.replace("http://www.w3.org", "")


def test_all_tables_make_a_page(tmp_path):
    parts = []
    for table in TABLES.values():
        scale = MICRO if table.is_run else SCALES["paper"]
        choice = CHOICE._replace(seeds=1, tasks=("sst2", "mnli"))
        found = Results(tmp_path)
        if table.is_run:
            results.write(tmp_path, table, scale, choice, lambda *_: 0.5)
        parts.append(report.part(compare(table, scale, found, choice)))
    drawn = {part.name: len(part.pictures) for part in parts}
    assert drawn == {name: len(table.pictures) for name, table in TABLES.items()}
    Balanced().feed(report.html_page(parts))
    text = report.markdown_page(parts)
    assert "11,683,584" in text  # Table 1 is exact
    assert "\n## Sizes at the scale micro\n" in text and report.REST not in text  # all has run
    assert all(f"## {table.title}\n" in text for table in TABLES.values())


def test_the_front_says_how_far_the_tables_are_and_what_goes_on(tmp_path):
    found = results.write(tmp_path, TABLE, MICRO, CHOICE, value)
    choice = CHOICE._replace(seeds=4)  # of which three have run
    part = report.part(compare(TABLE, MICRO, found, choice))
    front = report.front([part])
    assert "18 of the 24 results" in front.progress
    assert front.command == (
        "python -m experiments run two --scale=micro --text=sotu --more-text=a.jsonl --seeds=4"
        f" --tasks=mnli,sst2 --data=data --results={tmp_path}"
    )
    assert f"{report.REST}\n\n    {front.command}\n" in report.markdown_page([part])
    parser = Balanced()
    parser.feed(report.html_page([part]))
    assert not parser.open and {front.command, front.sizes.title} <= set(parser.words)
    assert report.front([]) is None


def test_a_report_at_the_papers_sizes_has_no_table_of_sizes(tmp_path):
    scale = SCALES["paper"]
    part = report.part(compare(TABLE, scale, Results(tmp_path), scale.default))
    assert report.front([part]).sizes is None


def test_RESULTS_md_is_the_report_of_the_results_that_are_here(tmp_path, monkeypatch):
    folder = "experiments/results/pictures"
    command = ["report", "--output=RESULTS.md", f"--pictures={folder}"]
    monkeypatch.chdir(tmp_path)
    experiments.main(command)
    remedy = shlex.join(["run", "python", "-m", "experiments", *command])
    page = (ROOT / "RESULTS.md").read_text()
    assert (tmp_path / "RESULTS.md").read_text() == page, remedy
    drawn, kept = ({path.name: path for path in (at / folder).iterdir()} for at in (tmp_path, ROOT))
    assert drawn.keys() == kept.keys(), remedy
    for name, path in drawn.items():
        assert f"({folder}/{name})" in page
        (labels, points), (old_labels, old_points) = shown(path), shown(kept[name])
        assert labels == old_labels, remedy
        np.testing.assert_allclose(points, old_points, atol=0.01, err_msg=remedy)


def shown(svg: Path) -> tuple[list[str], np.ndarray]:
    """The words of a picture, and all its coordinates."""
    text = svg.read_text()
    return re.findall("<text[^>]*>([^<]+)<", text), np.float64(re.findall(r"-?\d+\.\d+", text))


def test_a_picture_of_results_that_are_gone_is_removed(tmp_path):
    for name in ("table3_curves.svg", "mine.svg"):
        (tmp_path / name).write_text("<svg/>")
    words = ["report", f"--results={tmp_path}", f"--pictures={tmp_path}"]
    experiments.main([*words, f"--output={tmp_path}/page.md"])
    assert [path.name for path in tmp_path.glob("*.svg")] == ["mine.svg"]


def test_pictures_are_for_a_page_that_does_not_hold_them(tmp_path):
    with pytest.raises(UserError, match=r"x is for a page in Markdown; .*page\.html holds its own"):
        experiments.main(["report", f"--output={tmp_path}/page.html", "--pictures=x"])


def test_findings_stand_above_all_tables_and_below_their_own(comparison, monkeypatch):
    found = Finding(holds="Wider is better.", untold="What <it> costs.", details="By a lot.")
    monkeypatch.setattr(report, "finding", lambda scale, table: found)
    part = report.part(comparison)
    verdicts = "**Holds.** Wider is better. **Cannot be told.** What <it> costs."
    text = report.markdown_page([part])
    before, table = text.split(f"\n## {part.grid.title}\n")
    assert f"- [{part.grid.title}](#{formats.anchor(part.grid.title)}). {verdicts}\n" in before
    assert f"\n{verdicts}\n\nBy a lot.\n" in table and "By a lot." not in before
    page = report.html_page([part])
    assert page.count("<b>Cannot be told.</b> What &lt;it&gt; costs.") == 2
    assert f'<a href="#{part.name}">' in page and page.count("By a lot.") == 1


def test_an_anchor_is_as_github_makes_it():
    title = "Table 5: sentence order, next sentence, or neither (E = 128)"
    assert formats.anchor(title) == "table-5-sentence-order-next-sentence-or-neither-e--128"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["table", "table33"], "there is no experiment table33; choose from table1"),
        (["sweep", "--over=size"], "--over=size must be NAME:VALUE,VALUE"),
        (["sweep", "--over=emb:64", "--tasks=x"], "there is no task x"),
    ],
)
def test_what_is_wrong_is_named(words, message):
    with pytest.raises(UserError, match=f"^{message}"):
        experiments.main(words)


def test_what_is_wrong_is_one_line():
    command = [sys.executable, "-m", "experiments", "table", "table33"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("experiments: there is no experiment table33")
    assert "Traceback" not in done.stderr


def test_a_damaged_result_is_named(tmp_path):
    written = results.write(tmp_path, TABLE, MICRO, CHOICE, value)
    next(tmp_path.glob("*.json")).write_text("{")
    with pytest.raises(UserError, match=r"\.json is damaged \(.*\); restore it, or remove it"):
        compare(TABLE, MICRO, written, CHOICE)
