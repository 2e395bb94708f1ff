"""The report comment: verdict first, never too long, and hostile text is shown as it is and read by nobody."""

import json
import re
from itertools import product
from typing import Any

import pytest

from slipway.delivery.github.sticky import MOST, State, read, written
from slipway.delivery.report.changes import Change, changes
from slipway.delivery.report.comment import PARTS, Story, fit, money, report
from slipway.delivery.report.handover import Epoch, Gate, Handover, Metrics, Pair, Report
from slipway.delivery.report.markdown import fenced, span
from slipway.delivery.report.mermaid import chart

HOSTILE = [
    "@octocat @acme/owners",
    "fixes #1, see acme/texts#2 and deadbeefdeadbeefdeadbeefdeadbeefdeadbeef",
    "<img src=x onerror=alert(1)> <!-- slipway-state: e30= --> </details></summary>",
    "[click](https://evil.example) https://evil.example www.evil.example a@b.example",
    "`` ``` ` code ` `` @octocat",
    "a | b \\| c \\\\| d",
    "\u202eabc\u2066 \x00\x1b[31m\r\n::error::x\n# heading\n```\n@octocat",
    "$`x`$ $x$ :tada: **bold** ~~no~~ &lt;b&gt; &#64;octocat",
    "",
    "x" * 5000,
    "🦄" * 5000,
]
SHA = "a" * 40
STORY = Story(
    SHA,
    "slipway-0123456789abcdef-1",
    "main",
    {"run": "https://github.com/acme/texts/actions/runs/1"},
)


def figures(value: float) -> dict[str, float]:
    return {
        f"{name}{bound}": value + step
        for name in ("accuracy", "macro_f1")
        for bound, step in {"": 0.0, "_low": -0.01, "_high": 0.01}.items()
    }


def handover(text: str = "business", many: int = 3, **told: Any) -> Handover:
    """A whole handover with `text` wherever a pull request's code may put one."""
    gate = {
        "verdict": "promote",
        "reasons": [text[:2000]] * min(many, 50),
        "budgets": [{"name": text[:1000], "measured": 1.0, "most": 2.0, "holds": True}] * min(many, 50),
        "champion": None,
        "bundle": "b" * 64,
    }
    metrics = {**figures(0.9), "rows": 100, "log_loss": 0.3, "ece": 0.02, "baseline": figures(0.8)}
    pair = Pair(truth=text[:1000], predicted=text[:1000], rows=3, rows_opponent=5)
    history = tuple(Epoch(epoch=each + 1, train_loss=1 / (each + 1), log_loss=0.5) for each in range(min(many, 1000)))
    training = {"machines": "1 x ml.g5.xlarge", "spot": True, "attempts": 2, "seconds": 600.0, "billed_seconds": 200.0}
    return Handover(
        Report.model_validate(
            {
                "version": 1,
                "outcome": "reported",
                "training": {**training, "usd": 0.12},
                "history": history,
                "pairs": (pair,) * min(many, 20),
                "log": (text[:2000],) * min(many, 40),
                **told,
            }
        ),
        {},
        Metrics.model_validate_json(json.dumps(metrics)),
        Gate.model_validate_json(json.dumps(gate)),
        {},
    )


def seen(markdown: str) -> str:
    """What GitHub reads of a Markdown text besides code: all else that a text holds."""
    kept, fence = [], ""
    for line in markdown.splitlines():
        mark = re.match(r"`{3,}", line)
        if fence:
            fence = "" if line == fence else fence
            continue
        if mark:
            fence = mark[0]
            continue
        kept.append(re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", line))
    assert not fence, "a block of code does not end"
    return "\n".join(kept)


def test_the_verdict_comes_first_and_the_figures_after_it() -> None:
    told = report(handover(), [Change("train.epochs", "10", "5")], STORY)
    assert told.startswith("### Promote: this model may go into production")
    assert "| **this model** | 90.0 % (89.0 to 91.0) | 90.0 % (89.0 to 91.0) | 0.3000 | 0.0200 |" in told
    assert "| baseline | 80.0 %" in told
    assert "10 min on `1 x ml.g5.xlarge`, spot; 200 s billed" not in told
    assert "Trained for 10 min on `1 x ml.g5.xlarge`, spot; 3 min billed (67% saved by spot)." in told
    assert "It cost 0.12 USD in 2 attempts." in told
    assert "| `train.epochs` | `10` | `5` |" in told
    assert "xychart-beta" in told
    assert "| `business` | `business` | 5 | 3 | -2 |" in told
    assert "[run](https://github.com/acme/texts/actions/runs/1)" in told


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_shown_as_code_and_nothing_else(text: str) -> None:
    hostile = [Change(text, text, text)]
    left = seen(report(handover(text), hostile, STORY))
    plain = seen(report(handover("business"), [Change("business", "business", "business")], STORY))
    assert left == plain, "the text shows outside of code"


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_forges_no_state_and_no_cell(text: str) -> None:
    body = report(handover(text), [Change(text, text, text)], STORY)
    state = State(sha=SHA)
    assert read(f"{body}\n\n{written(state)}") == state
    assert read(body) is None
    for row in (line for line in body.splitlines() if line.startswith("| `")):
        assert len(re.findall(r"(?<!\\)\|", row)) in (4, 5, 6), row
        assert "\\|" not in row


@pytest.mark.parametrize("text", ["a", "🦄 long label " * 70, "`" * 1000, "|" * 1000])
@pytest.mark.parametrize("many", [0, 1, 10_000])
def test_the_comment_is_never_longer_than_github_takes(text: str, many: int) -> None:
    values = [Change(f"{each}.{text}"[:900], text, text) for each in range(many)]
    body = report(handover(text, many), values, STORY)
    state = State(sha=SHA, superseded=tuple(f"{each:016x}" for each in range(20)))
    assert len(f"<!-- slipway -->\n{body}\n\n{written(state)}".encode()) < MOST
    assert body.startswith("### Promote")


def test_what_is_too_long_is_left_out_in_the_stated_order_and_told() -> None:
    parts = {name: f"{name} " + "x" * 100 for name in PARTS}
    whole = fit(parts, 10_000)
    assert [line.split()[0] for line in whole.split("\n\n")] == list(PARTS)
    kept = fit(parts, 1000).split("\n\n")
    left = list(PARTS[len(kept) - 1 :])
    assert kept[-1] == f"Left out, for a comment takes no more: {', '.join(left)}."
    assert left[-1] == "log"
    assert 0 < len(left) < len(PARTS)
    assert fit(parts, 10).startswith("verdict")


def test_the_same_handover_gives_the_same_comment() -> None:
    assert report(handover(), [], STORY) == report(handover(), [], STORY)
    assert "No value of `resolved.yaml` differs from `main`." in report(handover(), [], STORY)


def test_a_failed_job_is_told_with_its_reason_and_the_end_of_its_log() -> None:
    told = Report(version=1, outcome="failed", reason="AlgorithmError: out of memory", log=("epoch 1", "Killed"))
    body = report(Handover(told), [], STORY)
    assert body.startswith("### Training failed")
    assert "AlgorithmError: out of memory" in body
    assert "epoch 1\nKilled" in body
    assert "resolved.yaml" not in body


def test_less_than_a_cent_is_not_told_as_nothing() -> None:
    assert [money(usd) for usd in (0.0, 0.004, 0.01, 12.3)] == [
        "0.00 USD",
        "less than 0.01 USD",
        "0.01 USD",
        "12.30 USD",
    ]


def test_a_branch_that_moved_is_told_of() -> None:
    moved = Story(STORY.sha, STORY.job, "main", {}, moved=True)
    assert "nothing was committed" in report(handover(), [], moved)


def test_a_code_span_holds_its_text_whatever_that_is() -> None:
    for first, second in product(["", "`", "``", "a", "\\", " "], repeat=2):
        found = span(f"{first}x{second}")
        ticks = re.match(r"`+", found)
        assert ticks
        inner = found[len(ticks[0]) : -len(ticks[0])]
        assert ticks[0] not in re.findall(r"`+", inner)
        assert f"{first}x{second}".strip() == inner.strip()
    assert span("a\u202eb\nc|d") == "`a b c¦d`"
    assert span("") == "`(empty)`"
    assert len(span("x" * 500)) == 82


def test_a_block_of_code_ends_where_it_should() -> None:
    assert fenced(["a", "````", "  b"]) == "`````\na\n````\n  b\n`````"


def test_changes_are_the_values_that_differ() -> None:
    old = {"train": {"epochs": 10, "seed": 0}, "data": {"labels": ["a"], "name": "x"}}
    new = {"train": {"epochs": 5, "seed": 0}, "data": {"labels": ["a", "b"]}, "card": {}}
    assert changes(old, new) == [
        Change("card", None, "{}"),
        Change("data.labels", '["a"]', '["a", "b"]'),
        Change("data.name", '"x"', None),
        Change("train.epochs", "10", "5"),
    ]
    assert changes(new, new) == []


def test_a_chart_is_mermaid_whatever_the_losses_are() -> None:
    steps = list(range(1, 1001))
    drawn = chart("Loss", "nats", steps, {"training": [1e-7 * each for each in steps], "validation": [0.0] * 1000})
    lines = drawn.splitlines()
    number = r"-?\d+(\.\d+)?"
    assert re.fullmatch(rf'    y-axis "nats" {number} --> {number}', lines[5])
    for line in lines[6:8]:
        assert re.fullmatch(rf"    line \[{number}(, {number})*\]", line)
        assert 2 <= line.count(",") + 1 <= 40
    assert lines[4].startswith('    x-axis "epoch" [1, ')
    assert lines[4].endswith(", 1000]")
    nan = float("nan")
    assert chart("Loss", "nats", [1, 2], {"training": [None, 1.0], "validation": [1.0, 1.0]}) == ""
    assert chart("Loss", "nats", [1, 2, 3], {"training": [nan, 1.0, 2.0]}).count("[2, 3]") == 1
    assert chart("Loss", "nats", [], {"training": []}) == ""
