"""What steps tell the runner."""

import pytest

from slipway.rehearsal.runner.commands import FileCommandError, Log, pairs


def test_pairs_are_lines_or_up_to_a_mark():
    told = "a=1\n\nb=x=y\nc<<EOF\none\n\ntwo=2\nEOF\nd<<E\nE\na=2\ne=<<x\n"
    assert pairs(told) == {"a": "2", "b": "x=y", "c": "one\n\ntwo=2", "d": "", "e": "<<x"}


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ("a", "Invalid format 'a'"),
        ("=1", "Name must not be empty"),
        ("a<<", "delimiter must not be empty"),
        ("a<<EOF\nx\n", "Matching delimiter not found 'EOF'"),
    ],
)
def test_what_the_runner_cannot_read_is_refused(told, words):
    with pytest.raises(FileCommandError, match=words):
        pairs(told)


def test_masks_hide_what_comes_after_them_the_longest_first():
    log = Log(set())
    for line in ("early secret", "::add-mask::secret", "::add-mask::secret-longer", "a secret-longer, a secret"):
        log.say(line)
    assert log.text == "early secret\n::add-mask::***\n::add-mask::***\na ***, a ***\n"


def test_annotations_are_kept_and_stopped_commands_are_words():
    log = Log({"secret"})
    for line in (
        "::error file=a.py,line=1::bad%0Aworse",
        "::notice::a secret",
        "::stop-commands::T",
        "::error::x",
        "::T::",
    ):
        log.say(line)
    log.say("::warning title=a::b")
    assert log.annotations == ["error: bad\nworse", "notice: a ***", "warning: b"]
