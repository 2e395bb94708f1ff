"""A bare git repository: the truth for refs and objects, whoever changes them."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

NOBODY = "0" * 40
# of this machine's user git shall know nothing
ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_AUTHOR_NAME": "GitHub",
    "GIT_AUTHOR_EMAIL": "noreply@github.com",
    "GIT_COMMITTER_NAME": "GitHub",
    "GIT_COMMITTER_EMAIL": "noreply@github.com",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
SEPARATOR = "\x1f"
# as at GitHub any commit that is there may be asked for, and refs/pull is written by nobody; and nothing is tidied up
# in the background, which would outlive who asked
SETTINGS = """\
[http]
	receivepack = true
[uploadpack]
	allowAnySHA1InWant = true
[receive]
	hideRefs = refs/pull
	autogc = false
[gc]
	auto = 0
[core]
	quotePath = false
"""


class GitError(Exception):
    """Git refuses."""


class ConflictError(GitError):
    """Two commits cannot be merged."""


@dataclass(frozen=True)
class Signature:
    """Who made a commit, and when (ISO 8601)."""

    name: str
    email: str
    date: str

    def environment(self, role: str) -> dict[str, str]:
        """As git takes it; `role` is AUTHOR or COMMITTER."""
        told = {f"GIT_{role}_NAME": self.name, f"GIT_{role}_EMAIL": self.email}
        return told | ({f"GIT_{role}_DATE": self.date} if self.date else {})


@dataclass(frozen=True)
class Commit:
    """A commit's fields."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Signature
    committer: Signature
    message: str


@dataclass(frozen=True)
class Entry:
    """A row of a tree."""

    mode: str
    type: str
    sha: str
    size: int | None
    path: str


@dataclass(frozen=True)
class Change:
    """A file that differs between two commits."""

    path: str
    status: str
    sha: str | None
    additions: int
    deletions: int


class Git:
    """A bare repository in a folder."""

    def __init__(self, folder: Path, branch: str = "main") -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.run("init", "--quiet", "--bare", f"--initial-branch={branch}", ".")
        with (folder / "config").open("a", encoding="utf-8") as file:
            file.write(SETTINGS)

    def run(self, *words: str, stdin: bytes = b"", environment: dict[str, str] | None = None) -> str:
        """What git prints; GitError with what it says where it fails."""
        return self.raw(*words, stdin=stdin, environment=environment).decode("utf-8", "replace").strip("\n")

    def raw(self, *words: str, stdin: bytes = b"", environment: dict[str, str] | None = None) -> bytes:
        """The same as bytes."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        command = ["git", *words]
        env = clean | ENVIRONMENT | (environment or {})
        done = subprocess.run(command, cwd=self.folder, input=stdin, capture_output=True, env=env, check=False)
        if done.returncode:
            raise GitError(done.stderr.decode("utf-8", "replace").strip() or done.stdout.decode("utf-8", "replace"))
        return done.stdout

    # refs

    def refs(self, prefix: str = "refs/") -> dict[str, str]:
        """The refs that begin so, and the objects that they name."""
        found = self.run("for-each-ref", "--format=%(refname) %(objectname)")
        rows = [line.split(" ") for line in found.splitlines()]
        return {name: sha for name, sha in rows if name.startswith(prefix)}

    def resolve(self, name: str) -> str | None:
        """The commit of a hash, branch, tag or full ref."""
        for full in (f"refs/heads/{name}", f"refs/tags/{name}", f"refs/{name}", name):
            if full.startswith("-") or (full == name and not full.startswith("refs/") and not _is_hash(full)):
                continue
            try:
                return self.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{full}^{{commit}}")
            except GitError:
                continue
        return None

    def kind(self, sha: str) -> str | None:
        """Blob, tree, commit or tag; none where there is no such object."""
        if not _is_hash(sha):
            return None
        try:
            return self.run("cat-file", "-t", sha)
        except GitError:
            return None

    def move(self, ref: str, new: str, old: str) -> None:
        """Point a ref elsewhere if it still is where it was; GitError otherwise. NOBODY is a ref that is not there."""
        if new == NOBODY:
            self.run("update-ref", "-d", ref, old)
        else:
            self.run("update-ref", ref, new, old)

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether a ref may go from one commit to the other without force."""
        try:
            self.run("merge-base", "--is-ancestor", old, new)
        except GitError:
            return False
        return True

    # objects

    def commit(self, sha: str) -> Commit:
        """Read a commit."""
        form = SEPARATOR.join(["%H", "%T", "%P", "%an", "%ae", "%aI", "%cn", "%ce", "%cI", "%B"])
        told = self.run("show", "--no-patch", f"--format={form}", sha).split(SEPARATOR, 9)
        author, committer = Signature(*told[3:6]), Signature(*told[6:9])
        return Commit(told[0], told[1], tuple(told[2].split()), author, committer, told[9].rstrip("\n"))

    def log(self, *words: str) -> list[str]:
        """Hashes, the newest first."""
        return self.run("rev-list", *words).split()

    def entries(self, tree: str) -> list[Entry]:
        """The rows of a tree (or commit)."""
        rows = self.raw("ls-tree", "-z", "--long", tree).decode().split("\0")
        found = []
        for row in filter(None, rows):
            fields, _, path = row.partition("\t")
            mode, kind, sha, size = fields.split()
            found.append(Entry(mode, kind, sha, None if size == "-" else int(size), path))
        return found

    def entry(self, commit: str, path: str) -> Entry | None:
        """The row of one path."""
        rows = self.raw("ls-tree", "-z", "--long", commit, "--", path).decode().split("\0")
        for row in filter(None, rows):
            fields, _, found = row.partition("\t")
            mode, kind, sha, size = fields.split()
            if found == path:
                return Entry(mode, kind, sha, None if size == "-" else int(size), path)
        return None

    def blob(self, sha: str) -> bytes:
        """A file's bytes."""
        return self.raw("cat-file", "blob", sha)

    def put_blob(self, data: bytes) -> str:
        """Keep a file's bytes."""
        return self.run("hash-object", "-w", "--stdin", stdin=data)

    def put_tree(self, base: str | None, rows: list[tuple[str, str, str | None]]) -> str:
        """A tree of the rows (mode, path, hash) over another one; a row without a hash takes a path away."""
        index = {"GIT_INDEX_FILE": str(self.folder / "index.new")}
        try:
            self.run("read-tree", base or "--empty", environment=index)
            told = [f"{mode if sha else '0'} {sha or NOBODY}\t{path}" for mode, path, sha in rows]
            self.run("update-index", "-z", "--index-info", stdin=("\0".join([*told, ""])).encode(), environment=index)
            return self.run("write-tree", environment=index)
        finally:
            (self.folder / "index.new").unlink(missing_ok=True)

    def put_commit(
        self, tree: str, parents: list[str], message: str, author: Signature, committer: Signature | None = None
    ) -> str:
        """Keep a commit."""
        named = author.environment("AUTHOR") | (committer or Signature("GitHub", "noreply@github.com", "")).environment(
            "COMMITTER"
        )
        words = [word for parent in parents for word in ("-p", parent)]
        return self.run("commit-tree", tree, *words, stdin=message.encode(), environment=named)

    def merge(self, base: str, head: str) -> str:
        """The tree of both commits merged; ConflictError."""
        try:
            return self.run("merge-tree", "--write-tree", base, head).splitlines()[0]
        except GitError as error:
            raise ConflictError(str(error)) from None

    def changes(self, old: str | None, new: str) -> list[Change]:
        """The files that differ; from nothing, where there is no old commit. A rename is a removal and an addition."""
        two = [old or self.run("hash-object", "-t", "tree", "--stdin"), new]
        raw = self.run("diff-tree", "-r", "--no-renames", *two)
        numbers = self.run("diff-tree", "-r", "--no-renames", "--numstat", *two)
        counted = {}
        for row in numbers.splitlines():
            more, less, path = row.split("\t", 2)
            counted[path] = (int(more) if more != "-" else 0, int(less) if less != "-" else 0)
        found = []
        for row in raw.splitlines():
            if not row.startswith(":"):
                continue
            fields, path = row.split("\t", 1)
            _, _, _, sha, letter = fields.split()
            status = {"A": "added", "D": "removed"}.get(letter[0], "modified")
            found.append(Change(path, status, None if letter[0] == "D" else sha, *counted.get(path, (0, 0))))
        return found


def _is_hash(text: str) -> bool:
    return 7 <= len(text) <= 40 and all(letter in "0123456789abcdef" for letter in text)
