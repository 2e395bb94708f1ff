"""`slipway predict TEXT ...`: what the bundle says of a text."""

import sys
from io import TextIOWrapper
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from slipway.errors import UserError
from slipway.predictor import BundleError, Prediction, Predictor, well_formed

BUNDLE = Path("models/bundle")
CLASSES_SHOWN = 5


def run(words: list[str]) -> None:
    """Print the class probabilities of each text in `words`; without any, of each line of standard input."""
    if not BUNDLE.is_dir():
        raise UserError(f"{BUNDLE} is missing: `dvc repro package` makes it, `dvc pull {BUNDLE}` fetches it.")
    texts = texts_of(words) or lines_of_input()
    try:
        predictions = Predictor(BUNDLE).predict(texts, CLASSES_SHOWN)
    except BundleError as error:
        raise UserError(f"{error} `dvc checkout {BUNDLE}` puts back what dvc.lock names.") from error
    # a terminal that cannot write a sign shows another in its place
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    console = Console()
    for text, prediction in zip(texts, predictions, strict=True):
        console.print(bars(text, prediction))


def texts_of(words: list[str]) -> list[str]:
    """The texts on the command line. Raises UserError for a blank one, and for an option: there is none.

    After `--` every word is a text.
    """
    before, after = (words[: words.index("--")], words[words.index("--") + 1 :]) if "--" in words else (words, [])
    for word in before:
        if word.startswith("-"):
            raise UserError(
                f"slipway predict has no option {word!r}; a text that begins with - stands after --.",
            )
    texts = [*before, *after]
    if not all(text.strip() for text in texts):
        raise UserError('an empty text has no class: `slipway predict "some text"`.')
    return texts


def lines_of_input() -> list[str]:
    """The lines of standard input that are not blank. Raises UserError where there is none, or nobody to give one."""
    nobody = sys.stdin is None or sys.stdin.isatty()  # None: closed by the shell's <&-
    content = "" if nobody else sys.stdin.buffer.read().decode("utf-8-sig", "replace")
    lines = [line for line in content.splitlines() if line.strip()]
    if not lines:
        raise UserError(
            'no text: `slipway predict "some text"`, or one text a line on standard input.',
        )
    return lines


def bars(text: str, prediction: Prediction) -> RenderableType:
    """A text and under it its most probable classes, each with a bar as long as its probability."""
    table = Table.grid(padding=(0, 1))
    for row, each in enumerate(prediction["alternatives"]):
        style = "bold" if row == 0 else "dim"
        table.add_row(
            Text(printable(each["label"]), style),
            ProgressBar(1.0, each["score"], width=30),
            Text(f"{each['score']:6.1%}", style),
        )
    cut = " (cut to the model's length)" if prediction["truncated"] else ""
    return Group(Text(printable(text)[:300] + cut, "italic"), table)


def printable(text: str) -> str:
    """The text without what would steer a terminal or cannot be encoded."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in well_formed(text))
