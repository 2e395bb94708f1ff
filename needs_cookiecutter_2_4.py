"""Where the template lies, which neither cookiecutter nor cruft tells its hooks: an extension of Jinja.

A cookiecutter that is too old to find it says its name, which says what is needed.
"""

import sys
from pathlib import Path

import cookiecutter
from jinja2 import Environment
from jinja2.ext import Extension

ROOT = Path(__file__).resolve().parent
NEEDED = (2, 4)

if tuple(int(part) for part in cookiecutter.__version__.split(".")[:2]) < NEEDED:
    # the one error of an extension that cookiecutter reports in words
    raise ImportError(f"cookiecutter {cookiecutter.__version__} is too old: 2.4 or newer is needed")


class TemplateSource(Extension):
    """The global `template_source`, the template's folder; and the filter `project_slug`, a name as AWS takes it."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        sys.path.insert(0, str(ROOT / "hooks"))
        try:
            from names import slug_of
        finally:
            sys.path.pop(0)
        environment.globals["template_source"] = str(ROOT)
        environment.filters["project_slug"] = slug_of
