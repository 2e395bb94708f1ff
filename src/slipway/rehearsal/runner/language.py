"""GitHub's own workflow parser and expression evaluator, in a node process that answers lines of JSON."""

import json
import shutil
import subprocess
from pathlib import Path
from threading import Lock
from typing import Any

from slipway.errors import UserError

FILE = Path(__file__).resolve().parents[4] / ".node" / "language.cjs"
Tree = Any  # of dicts, lists and scalars; an expression is {"$expression": "..."}


class ExpressionError(Exception):
    """An expression that GitHub could not evaluate."""


class Language:
    """One process for a whole rehearsal; may be asked from several threads. Raises UserError without node."""

    def __init__(self) -> None:
        node = shutil.which("node")
        if node is None:
            raise UserError(
                "node is missing, and the runner reads workflows with GitHub's own parser: install Node.js 20 or newer "
                "(https://nodejs.org/en/download), then `make test`"
            )
        if not FILE.exists():
            raise UserError(
                f"{FILE.parent.name}/{FILE.name} is missing: `make {FILE.parent.name}/{FILE.name}` makes it"
            )
        self._lock = Lock()
        self._node = subprocess.Popen(
            [node, str(FILE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )

    def close(self) -> None:
        """End the process."""
        self._node.communicate()

    def parse(self, name: str, text: str) -> Tree:
        """A workflow file as a tree, each `if` written out. Raises UserError with what GitHub finds wrong in it."""
        said = self._ask({"parse": {"name": name, "text": text}})
        if said.get("errors"):
            raise UserError(f"{name} is no workflow that GitHub accepts: " + "; ".join(said["errors"]))
        return said["value"]

    def evaluate(
        self, tree: Tree, contexts: dict[str, Any], status: dict[str, bool] | None = None, workspace: Path = Path("/")
    ) -> Any:
        """The tree with the values of its expressions. `status` says what success(), failure() and cancelled() answer,
        and `workspace` where hashFiles() looks. Raises ExpressionError.
        """
        known = {"success": True, "failure": False, "cancelled": False} if status is None else status
        asked = {"tree": tree, "contexts": contexts, "status": known, "workspace": str(workspace)}
        said = self._ask({"evaluate": asked})
        if said.get("errors"):
            raise ExpressionError("; ".join(said["errors"]))
        return said["value"]

    def holds(
        self, condition: Tree, contexts: dict[str, Any], status: dict[str, bool], workspace: Path = Path("/")
    ) -> bool:
        """Whether an `if` holds, by GitHub's notion of truth (an empty list is true, an empty text is not)."""
        return bool(self.evaluate({"$expression": f"!!({condition['$expression']})"}, contexts, status, workspace))

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            assert self._node.stdin is not None
            assert self._node.stdout is not None
            self._node.stdin.write(json.dumps(request) + "\n")
            self._node.stdin.flush()
            line = self._node.stdout.readline()
        if not line:
            raise RuntimeError("node ended: its words are on stderr")
        return json.loads(line)  # type: ignore[no-any-return]


def text(value: Any) -> str:
    """A value as GitHub writes it where a text is wanted. Raises ExpressionError for a list or a mapping."""
    if isinstance(value, dict | list):
        raise ExpressionError(f"a {'mapping' if isinstance(value, dict) else 'sequence'} was not expected")
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def texts(mapping: dict[str, Any] | None) -> dict[str, str]:
    """Values of a mapping as GitHub writes them."""
    return {str(key): text(value) for key, value in (mapping or {}).items()}
