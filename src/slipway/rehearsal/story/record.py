"""The record of a rehearsal: one HTML file with the timeline, and the pull requests' comments as HTML.

Their Mermaid charts stay source code, which GitHub would draw.
"""

import html
import re
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from slipway.files import write_whole
from slipway.rehearsal.story.timeline import Timeline

# what GitHub lets stand of HTML, as far as our comments use it
TAG = re.compile(r"</?(details|summary|sub|br|b|code)( open)?\s*/?>")
REMARK = re.compile(r"<!--.*?-->", re.DOTALL)


@dataclass(frozen=True)
class Conversation:
    """A pull request as it stood at the end."""

    number: int
    title: str
    state: str
    comments: tuple[tuple[str, str], ...]  # author, body


def write_record(path: Path, timeline: Timeline, conversations: list[Conversation]) -> None:
    """Write the record to `path`, whole."""
    loader = PackageLoader("slipway.rehearsal.story", ".")
    environment = Environment(loader=loader, autoescape=True)
    template = environment.get_template("record.html.j2")
    shown = [(each, [(author, rendered(body)) for author, body in each.comments]) for each in conversations]
    write_whole(path, template.render(timeline=timeline, conversations=shown))


def rendered(body: str) -> str:
    """Markdown as HTML: what GitHub would take out of it is shown as text."""
    markdown = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])

    def tags(self: RendererHTML, tokens: list[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        return allowed(tokens[index].content)

    markdown.add_render_rule("html_block", tags)
    markdown.add_render_rule("html_inline", tags)
    return str(markdown.render(body))


def allowed(text: str) -> str:
    """HTML with the tags that may stand, and the rest of it as text."""
    text = REMARK.sub("", text)
    parts, end = [], 0
    for found in TAG.finditer(text):
        parts += [html.escape(text[end : found.start()]), found[0]]
        end = found.end()
    return "".join([*parts, html.escape(text[end:])])
