"""Where the template lies, which neither cookiecutter nor cruft tells its hooks: an extension of Jinja.

A cookiecutter that is too old to find it says its name, which says what is needed. The name stays: copies keep it in
.cruft.json, and an update of one that names another fails.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import cookiecutter
from cookiecutter.exceptions import FailedHookException
from jinja2 import Environment
from jinja2.ext import Extension

ROOT = Path(__file__).resolve().parent
NEEDED = (2, 4)

if tuple(int(part) for part in cookiecutter.__version__.split(".")[:2]) < NEEDED:
    # the one error of an extension that cookiecutter reports in words
    raise ImportError(f"cookiecutter {cookiecutter.__version__} is too old: 2.4 or newer is needed")


class TemplateSource(Extension):
    """The global `template_source`, the template's folder, and two filters.

    `project_slug` makes a name as AWS takes it; `checked` gives the slug of the answers so far, and ends where one of
    them breaks a rule: with its words alone, and as soon as the next prompt.
    """

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        sys.path.insert(0, str(ROOT / "hooks"))
        try:
            from choices import Choices
            from generate import updating
            from names import RefusedError, slug_of
        finally:
            sys.path.pop(0)

        def checked(told: "Mapping[str, object]") -> str:
            choices = Choices.of(told)
            try:
                if not updating(str(ROOT)):
                    choices.check(ROOT)
            except RefusedError as error:
                raise FailedHookException(f"error: {error}") from None
            return choices.project_slug

        environment.globals["template_source"] = str(ROOT)
        environment.filters |= {"project_slug": slug_of, "checked": checked}
