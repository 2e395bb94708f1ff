"""What cookiecutter.json and the hooks may use beside Jinja's own, where cookiecutter renders them."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from choices import Choices
from cookiecutter.exceptions import FailedHookException
from jinja2 import Environment
from names import RefusedError, slug_of
from updates import PROJECT, as_before, updating


def extend(environment: Environment, source: Path) -> None:
    """Add the global `template_source`, the template's folder, and two filters.

    `project_slug` makes a name as AWS takes it; `checked` gives the slug of the answers so far, and ends where one of
    them breaks a rule, with its words alone.
    """
    # cruft runs cookiecutter in its own process: in the project's folder, as long as there are prompts
    if "cruft" in sys.modules and PROJECT not in os.environ:
        os.environ[PROJECT] = str(Path.cwd())
        # it looks in what git says for its temporary folder, which git would quote
        last = os.environ.get("GIT_CONFIG_COUNT") or "0"
        git = {"COUNT": str(int(last) + 1), f"KEY_{last}": "core.quotePath", f"VALUE_{last}": "false"}
        os.environ.update({f"GIT_CONFIG_{key}": said for key, said in git.items()})

    def checked(told: "Mapping[str, object]") -> str:
        try:
            if not (updating(str(source)) and as_before(told)):
                Choices.of(told, source).check(source)
        except RefusedError as error:
            raise FailedHookException(f"error: {error}") from None
        return str(told["project_slug"])

    environment.globals["template_source"] = str(source)
    environment.filters |= {"project_slug": slug_of, "checked": checked}
