"""What cookiecutter.json and the hooks may use beside Jinja's own, where cookiecutter renders them."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from choices import Choices
from cookiecutter.exceptions import FailedHookException
from generate import PROJECT, updating
from jinja2 import Environment
from names import RefusedError, slug_of


def extend(environment: Environment, source: Path) -> None:
    """Add the global `template_source`, the template's folder, and two filters.

    `project_slug` makes a name as AWS takes it; `checked` gives the slug of the answers so far, and ends where one of
    them breaks a rule, with its words alone.
    """
    # cruft runs cookiecutter in its own process: in the project's folder, as long as there are prompts
    if "cruft" in sys.modules:
        os.environ.setdefault(PROJECT, str(Path.cwd()))

    def checked(told: "Mapping[str, object]") -> str:
        try:
            if not updating(str(source)):
                Choices.of(told, source).check(source)
        except RefusedError as error:
            raise FailedHookException(f"error: {error}") from None
        return str(told["project_slug"])

    environment.globals["template_source"] = str(source)
    environment.filters |= {"project_slug": slug_of, "checked": checked}
