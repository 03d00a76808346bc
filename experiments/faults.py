"""The fault table: what happens to a run when something goes wrong.

python -m experiments.faults FILE.md                  runs the tests of make test-faults, half an hour
python -m experiments.faults FILE.md REPORT.xml ...   from reports of pytest --junit-xml that are there

Each test says with `record_property(fault, "times | outcome")` what it did, once its assertions hold.
"""

import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable
from pathlib import Path

from albert_jax.training.workdir import provenance
from experiments import program

TESTS = ("tests/faults", "tests/test_divergence.py")
HEAD = """# What happens to a run when something goes wrong

Written by `python -m experiments.faults` at commit {commit}, Python {python}, jax {jax}, on two shared
CPU cores. "Bitwise" compares every logged number but the times with those of a run that nothing disturbed.

| fault | times injected | outcome |
|---|---|---|
"""


def main(argv: list[str]):
    """Writes the table into a file."""
    parser = program.parser("faults", __doc__)
    parser.add_argument("output", metavar="FILE.md")
    parser.add_argument("reports", nargs="*", metavar="REPORT.xml")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        reports = options.reports or [_run(Path(folder) / "report.xml")]
        text = page(ElementTree.parse(report).getroot() for report in reports)
    Path(options.output).write_text(text)


def _run(report: Path) -> str:
    words = ["-m", "", "-o", "junit_family=xunit1", f"--junit-xml={report}"]
    subprocess.run([sys.executable, "-m", "pytest", *TESTS, *words])
    return str(report)


def page(reports: Iterable[ElementTree.Element]) -> str:
    """Markdown: a row for every fault, then what failed or was left out."""
    rows, rest = [], []
    for case in (case for report in reports for case in report.iter("testcase")):
        rows += [f"| {it.get('name')} | {it.get('value')} |" for it in case.iter("property")]
        for kind in ("failure", "error", "skipped"):
            rest += [f"- {kind}: `{case.get('name')}`" for _ in case.iter(kind)]
    ran = provenance()
    head = HEAD.format(commit=ran["commit"], python=ran["python"], jax=ran["libraries"]["jax"])
    return head + "\n".join([*rows, "", *(rest or ["Nothing failed or was left out."])]) + "\n"


if __name__ == "__main__":
    program.serve(main)
