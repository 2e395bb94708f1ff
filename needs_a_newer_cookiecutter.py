"""Where the template lies, which neither cookiecutter nor cruft tells its hooks: an extension of Jinja.

A cookiecutter that is too old to find it says its name, which says what is needed. The name stays: copies keep it in
.cruft.json, and an update of one that names another fails.
"""

import importlib
import sys
from pathlib import Path

import cookiecutter
from jinja2 import Environment
from jinja2.ext import Extension

ROOT = Path(__file__).resolve().parent
NEEDED = (2, 4)

# cookiecutter's Python runs this
if sys.version_info < (3, 9):  # noqa: UP036
    raise ImportError("Python {}.{} is too old: 3.9 or newer is needed".format(*sys.version_info))
if tuple(int(part) for part in cookiecutter.__version__.split(".")[:2]) < NEEDED:
    # the one error of an extension that cookiecutter reports in words
    raise ImportError(f"cookiecutter {cookiecutter.__version__} is too old: 2.4 or newer is needed")


class TemplateSource(Extension):
    """What hooks/extension.py adds, of the commit that lies there."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        # cruft compares two commits of the template in one process: what it has imported is of the other one
        for path in (ROOT / "hooks").glob("*.py"):
            sys.modules.pop(path.stem, None)
        importlib.invalidate_caches()
        written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
        sys.path.insert(0, str(ROOT / "hooks"))
        try:
            importlib.import_module("extension").extend(environment, ROOT)
        finally:
            sys.path.pop(0)
            sys.dont_write_bytecode = written
