"""What a step tells GitHub comes out as it went in, whatever it holds."""

import json
from pathlib import Path

import pytest

from slipway.delivery.github import job
from slipway.errors import UserError


def parsed(path: Path) -> dict[str, str]:
    """Outputs as GitHub's runner reads them: `name=value`, or `name<<end` until a line is `end`."""
    found, lines = {}, iter(path.read_text(encoding="utf-8").splitlines())
    for line in lines:
        name, several, end = line.partition("<<")
        if several and "=" not in name:
            value = []
            for each in lines:
                if each == end:
                    break
                value.append(each)
            found[name] = "\n".join(value)
        else:
            name, _, value_ = line.partition("=")
            found[name] = value_
    return found


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    return tmp_path / "output"


@pytest.mark.parametrize("value", ["one", "", "two\nlines", "x<<EOF\nadmin=true\nEOF\nadmin=true", "grüße = 1"])
def test_an_output_comes_out_as_it_went_in_and_nothing_besides(out: Path, value: str) -> None:
    job.output("first", value)
    job.output("second", "2")
    assert parsed(out) == {"first": value, "second": "2"}


@pytest.mark.parametrize("name", ["a=b", "a\nb", "", "a<<b"])
def test_a_name_that_would_be_read_otherwise_is_refused(out: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        job.output(name, "1")
    assert not out.exists()


def test_outputs_and_summary_are_printed_elsewhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GITHUB_OUTPUT", raising=False)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    job.output("tag", "abc")
    job.summary("# done")
    assert capsys.readouterr().out == "tag=abc\n# done\n"


def test_a_summary_grows_and_stays_within_what_github_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "summary"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    for text in ("# one", "ü" * job.MOST_OUTPUT, "lost"):
        job.summary(text)
    assert path.read_text(encoding="utf-8").startswith("# one\n\nüü")
    assert path.stat().st_size <= job.MOST_OUTPUT


def test_the_event_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "event.json"
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(path))
    path.write_text(json.dumps({"action": "labeled"}), encoding="utf-8")
    assert job.event() == {"action": "labeled"}
    path.write_text("[]", encoding="utf-8")
    with pytest.raises(UserError, match="holds no event"):
        job.event()


@pytest.mark.parametrize(
    ("name", "who"), [("AWS_ROLE_TRAIN", "make bootstrap"), ("GITHUB_SHA", "GitHub Actions sets it")]
)
def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch, name: str, who: str) -> None:
    monkeypatch.setenv(name, "  ")
    with pytest.raises(UserError, match=f"{name} is not set.*{who}"):
        job.variable(name)
    monkeypatch.setenv(name, "there")
    assert job.variable(name) == "there"
