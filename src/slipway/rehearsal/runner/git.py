"""What the runner reads of the bare repository."""

import subprocess
from pathlib import Path

from slipway.errors import UserError

WORKFLOWS = ".github/workflows"
EMPTY = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"  # git's empty tree
NONE = "0" * 40


class Repository:
    """The bare repository at `path`. What is not there is a UserError."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def tip(self, ref: str) -> str:
        """The commit that a reference names."""
        return self._git("rev-parse", "--verify", f"{ref}^{{commit}}").strip()

    def has(self, ref: str) -> bool:
        """Whether there is a reference of that full name."""
        return bool(self._git("for-each-ref", "--format=%(refname)", ref).split())

    def message(self, commit: str) -> str:
        """A commit's whole message."""
        return self._git("log", "-1", "--format=%B", commit)

    def parents(self, commit: str) -> list[str]:
        """A commit's parents."""
        return self._git("log", "-1", "--format=%P", commit).split()

    def workflows(self, commit: str) -> list[str]:
        """Paths of the workflow files of a commit."""
        listed = self._git("ls-tree", "--name-only", commit, f"{WORKFLOWS}/").splitlines()
        return [path for path in listed if path.endswith((".yml", ".yaml"))]

    def text(self, commit: str, path: str) -> str:
        """A file of a commit."""
        return self._git("show", f"{commit}:{path}")

    def pushed_files(self, before: str, after: str) -> list[str]:
        """Paths that a push changed; of a new branch, those that differ from where it left the default branch."""
        if before == NONE:
            before = f"{after}^" if self.parents(after) else EMPTY
        return self._git("diff", "--name-only", "--no-renames", before, after).splitlines()

    def proposed_files(self, base: str, head: str) -> list[str]:
        """Paths that differ between a proposal's head and where it left its base."""
        return self._git("diff", "--name-only", "--no-renames", f"{base}...{head}").splitlines()

    def _git(self, *words: str) -> str:
        done = subprocess.run(["git", "-C", str(self.path), *words], capture_output=True, text=True, check=False)
        if done.returncode:
            raise UserError(f"git {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout
