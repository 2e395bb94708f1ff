"""GitHub's own parser and evaluator, as the runner asks them."""

import hashlib

import pytest

from slipway.errors import UserError
from slipway.rehearsal.runner import language as module
from slipway.rehearsal.runner.language import ExpressionError, Language, text

CONTEXTS = {
    "github": {"event_name": "push", "actor": "octocat", "event": {"labels": [{"name": "train"}, {"name": "bug"}]}},
    "needs": {"find": {"outputs": {"reports": '[{"number": 7}]', "empty": "[]"}}},
    "inputs": {"force": False, "count": 2},
}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("github.actor == 'OCTOCAT'", True),  # texts are compared without case
        ("contains(github.event.labels.*.name, 'train')", True),
        ("contains(github.event.labels.*.name, 'tra')", False),
        ("contains('training', 'train')", True),
        ("startsWith(github.event_name, 'pu') && !endsWith(github.event_name, 'x')", True),
        ("fromJSON(needs.find.outputs.reports)[0].number", 7),
        ("fromJSON(needs.find.outputs.reports)", [{"number": 7}]),
        ("toJSON(inputs.count)", "2"),
        ("join(github.event.labels.*.name, ', ')", "train, bug"),
        ("format('{0}-{1}', github.actor, inputs.count)", "octocat-2"),
        ("github.event.missing.deeply", None),
        ("github.event.missing || 'default'", "default"),
        ("inputs.force && 'yes' || 'no'", "no"),
        ("'' == null", True),  # both are 0
        ("'0x10' == 16", True),
        ("inputs.count > 1.5", True),
        ("success() && !failure() && !cancelled() && always()", True),
    ],
)
def test_expressions_mean_what_they_mean_on_github(language, expression, value):
    assert language.evaluate({"$expression": expression}, CONTEXTS) == value


@pytest.mark.parametrize(
    ("condition", "status", "holds"),
    [
        ("fromJSON(needs.find.outputs.empty)", {}, True),  # an empty list is true
        ("''", {}, False),
        ("success()", {"success": False}, False),
        ("failure()", {"failure": True}, True),
        ("cancelled()", {"cancelled": True}, True),
        ("always()", {"success": False, "failure": True}, True),
    ],
)
def test_conditions_hold_by_githubs_notion_of_truth(language, condition, status, holds):
    known = {"success": True, "failure": False, "cancelled": False} | status
    assert language.holds({"$expression": condition}, CONTEXTS, known) is holds


def test_a_text_around_expressions_is_one_value(language):
    step = "run: echo ${{ github.actor }} $HOME ${{ github.job }}"
    workflow = language.parse("x.yml", f"on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - {step}")
    [step] = workflow["jobs"]["a"]["steps"]
    assert language.evaluate(step["run"], {"github": {"actor": "me", "job": "a"}}) == "echo me $HOME a"


def test_a_script_keeps_its_lines_quotes_and_braces(language):
    workflow = language.parse(
        "x.yml",
        """
        on: push
        jobs:
          a:
            runs-on: x
            steps:
              - run: |
                  cat << 'EOF'
                    it's '${{ github.actor }}' {0} {}
                  EOF
              - run: >-
                  one ${{ github.actor }}
                  two
        """,
    )
    runs = [language.evaluate(step["run"], {"github": {"actor": "me"}}) for step in workflow["jobs"]["a"]["steps"]]
    assert runs == ["cat << 'EOF'\n  it's 'me' {0} {}\nEOF\n", "one me two"]


def test_an_if_without_a_status_function_asks_for_success_first(language):
    steps = "".join(
        f"      - run: x\n        if: {each}\n" for each in ("github.actor == 'x'", "failure()", "${{ !cancelled() }}")
    )
    workflow = language.parse("x.yml", f"on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: x\n{steps}")
    found = [step["if"]["$expression"] for step in workflow["jobs"]["a"]["steps"]]
    assert found == ["success()", "success() && (github.actor == 'x')", "failure()", "!cancelled()"]
    assert workflow["jobs"]["a"]["if"] == {"$expression": "success()"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("on: pushed", "Unexpected value 'pushed'"),
        ("on: push\nsteps: []", "Unexpected value 'steps'"),
        ("on: push\nenv: {A: '${{ secrets'}", "The expression is not closed"),
        ("on: push\nenv: {A: '${{ steps.x }}'}", "Unrecognized named-value: 'steps'"),
    ],
)
def test_what_github_refuses_is_told_with_its_file(language, change, words):
    with pytest.raises(UserError, match=r"^broken\.yml is no workflow that GitHub accepts: ") as caught:
        language.parse("broken.yml", f"{change}\njobs:\n  a:\n    runs-on: x\n    steps: [run: x]\n")
    assert words in str(caught.value)


def test_hash_files_is_the_hash_of_hashes(language, tmp_path):
    (tmp_path / "a.lock").write_text("one")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.lock").write_text("two")
    whole = hashlib.sha256(b"".join(hashlib.sha256(each).digest() for each in (b"one", b"two"))).hexdigest()
    tree = {"all": {"$expression": "hashFiles('**/*.lock')"}, "none": {"$expression": "hashFiles('*.txt')"}}
    assert language.evaluate(tree, {}, workspace=tmp_path) == {"all": whole, "none": ""}


def test_an_expression_that_cannot_be_evaluated_is_an_error(language):
    with pytest.raises(ExpressionError, match="JSON"):
        language.evaluate({"$expression": "fromJSON('{')"}, {})


def test_values_are_written_as_github_writes_them():
    assert [text(each) for each in (None, True, 2, 1.5, "x")] == ["", "true", "2", "1.5", "x"]
    with pytest.raises(ExpressionError, match="sequence was not expected"):
        text(["x"])


def test_without_node_the_words_say_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UserError, match=r"install Node\.js 20"):
        Language()


def test_without_the_bundle_the_words_say_what_makes_it(monkeypatch, tmp_path, language):
    monkeypatch.setattr(module, "FILE", tmp_path / ".node" / "language.cjs")
    with pytest.raises(UserError, match=r"`make \.node/language\.cjs` makes it"):
        Language()
