"""What a Dockerfile copies where: its stages as files by path. What it would run is left out, and so is its base."""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

# what AWS's image of Lambda sets, which a Dockerfile of it may name
BASE_ENVIRONMENT = {"LAMBDA_TASK_ROOT": "/var/task"}
NAME = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
IGNORED = {"RUN", "EXPOSE", "LABEL", "SHELL", "STOPSIGNAL", "VOLUME", "HEALTHCHECK"}
Files = dict[str, bytes]


class DockerfileError(Exception):
    """What docker would refuse, or what this does not understand."""


@dataclass
class Stage:
    """A stage so far: a layer an instruction that copies, and what the image says of itself."""

    layers: list[Files] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    folder: str = "/"

    @property
    def files(self) -> Files:
        """All files, by absolute path."""
        return {path: content for layer in self.layers for path, content in layer.items()}


def build(dockerfile: Path, context: Path, arguments: Mapping[str, str], target: str = "") -> Stage:
    """The last stage, or the one of that name. Raises DockerfileError."""
    stages: dict[str, Stage] = {}
    stage, outer, inner = Stage(), dict(arguments), dict[str, str]()
    sources = Context(context, dockerfile.with_name(f"{dockerfile.name}.dockerignore"))
    declared: dict[str, str] = {}
    for word, rest in instructions(dockerfile.read_text(encoding="utf-8")):
        known = inner | stage.environment if stages else declared
        if word == "ARG":
            name, _, value = rest.partition("=")
            # one that stands before FROM has a value after it only where it is named again
            before = outer.get(name, declared.get(name, "") if not value else fill(value, known))
            (inner if stages else declared)[name] = before
        elif word == "FROM":
            names = [each for each in rest.split() if not each.startswith("--")]
            base = fill(names[0], declared)
            parent = stages.get(base)
            stage, inner = Stage(), {}
            if parent is not None:
                stage.layers, stage.environment = [*parent.layers], dict(parent.environment)
                stage.settings = dict(parent.settings)
            else:
                stage.environment = dict(BASE_ENVIRONMENT)
            stages[names[2].lower() if len(names) > 2 else str(len(stages))] = stage
            if target and target == (names[2] if len(names) > 2 else ""):
                return stage
        elif word == "COPY":
            stage.layers.append(copied(rest, known, stages, stage, sources))
        elif word == "ENV":
            stage.environment |= {
                name: fill(value, known) for name, _, value in (each.partition("=") for each in shlex.split(rest))
            }
        elif word == "WORKDIR":
            stage.folder = stage.settings["WorkingDir"] = str(PurePosixPath(stage.folder, fill(rest, known)))
        elif word == "USER":
            stage.settings["User"] = fill(rest, known)
        elif word in ("CMD", "ENTRYPOINT"):
            stage.settings["Cmd" if word == "CMD" else "Entrypoint"] = command(rest)
        elif word not in IGNORED:
            raise DockerfileError(f"{dockerfile}: unknown instruction: {word}")
    if not stages or target:
        raise DockerfileError(f"{dockerfile}: there is no {'stage ' + target if target else 'FROM'}")
    return stage


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """Word and rest of each instruction, its lines joined."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    for whole in "\n".join(lines).replace("\\\n", " ").splitlines():
        word, _, rest = whole.strip().partition(" ")
        yield word.upper(), rest.strip()


def command(text: str) -> list[str]:
    """The words of a command, in either form."""
    return [each.strip("\"' ") for each in text[1:-1].split(",")] if text.startswith("[") else ["/bin/sh", "-c", text]


def fill(text: str, values: Mapping[str, str]) -> str:
    """A text with its variables' values."""
    return NAME.sub(lambda found: values.get(found[1] or found[2], ""), text).strip('"')


def copied(
    rest: str, values: Mapping[str, str], stages: Mapping[str, Stage], stage: Stage, context: "Context"
) -> Files:
    """The files that a COPY puts into a stage, by absolute path. Raises DockerfileError where one is not there."""
    words = shlex.split(fill(rest, values))
    options = {name: value for name, _, value in (each.partition("=") for each in words if each.startswith("--"))}
    if unknown := set(options) - {"--from", "--chown", "--chmod", "--link"}:
        raise DockerfileError(f"COPY: unknown options: {', '.join(sorted(unknown))}")
    *names, target = [each for each in words if not each.startswith("--")]
    whence = options.get("--from")
    if whence is not None and whence.lower() not in stages:
        raise DockerfileError(f"COPY --from={whence}: there is no such stage")
    goal = PurePosixPath(stage.folder, target)
    files: Files = {}
    for name in names:
        found = context.files(name) if whence is None else within(stages[whence.lower()].files, name)
        if whence is None and not found:
            raise DockerfileError(f"COPY {name}: not found in the build context, or left out of it by .dockerignore")
        for path, content in found.items():
            # a file goes under its own name into a folder, a folder's content without the folder's name
            end = path or (PurePosixPath(name).name if target.endswith("/") or len(names) > 1 else "")
            files[str(goal / end)] = content
    return files


def within(files: Files, name: str) -> Files:
    """Files of a stage under a path, by their path below it: empty for the file itself."""
    root = PurePosixPath("/", name)
    paths = {path: PurePosixPath(path) for path in files}
    return {
        "" if each == root else str(each.relative_to(root)): files[path]
        for path, each in paths.items()
        if each == root or root in each.parents
    }


class Context:
    """The build's context: a folder without what its .dockerignore leaves out."""

    def __init__(self, folder: Path, ignore: Path) -> None:
        self.folder = folder
        ignore = ignore if ignore.is_file() else folder / ".dockerignore"
        lines = ignore.read_text(encoding="utf-8").splitlines() if ignore.is_file() else []
        self.patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]

    def files(self, name: str) -> Files:
        """The files under a name, by their path below it: empty for the file itself."""
        root = self.folder / name
        if self.folder.resolve() not in (root.resolve(), *root.resolve().parents):
            raise DockerfileError(f"COPY {name}: it is outside of the build context")
        paths = [root] if root.is_file() else sorted(path for path in root.rglob("*") if path.is_file())
        return {
            "" if path == root else path.relative_to(root).as_posix(): path.read_bytes()
            for path in paths
            if not self.ignores(path.relative_to(self.folder))
        }

    def ignores(self, path: Path) -> bool:
        """Whether a file is left out: the last pattern that fits it, or a folder of it, decides."""
        left_out = False
        for pattern in self.patterns:
            plain = pattern.removeprefix("!").strip("/").removeprefix("./")
            if any(fits(each, plain) for each in (path, *path.parents)):
                left_out = not pattern.startswith("!")
        return left_out


def fits(path: Path, pattern: str) -> bool:
    """Whether a path is one of a pattern: * stands for no slash, ** for any folders."""
    names, wanted = list(path.parts), pattern.split("/")
    if "**" in wanted:
        place = wanted.index("**")
        head, tail = wanted[:place], wanted[place + 1 :]
        return len(names) >= len(head) + len(tail) and all(
            fnmatch(name, each)
            for name, each in zip([*names[:place], *names[len(names) - len(tail) :]], [*head, *tail], strict=True)
        )
    return len(names) == len(wanted) and all(fnmatch(name, each) for name, each in zip(names, wanted, strict=True))
