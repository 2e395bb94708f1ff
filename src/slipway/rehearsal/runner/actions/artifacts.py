"""actions/upload-artifact and actions/download-artifact.

https://github.com/actions/upload-artifact and https://github.com/actions/download-artifact
"""

import os
import shutil
from fnmatch import fnmatchcase
from glob import glob
from pathlib import Path

from slipway.rehearsal.runner.actions.use import Use
from slipway.rehearsal.runner.machine import StepError


def upload(use: Use) -> None:
    """Keep the files of `path` (patterns a line, `!` excludes) as one artifact, rooted where all of them lie."""
    name, missing = use.text("name", "artifact"), use.text("if-no-files-found", "warn")
    if missing not in ("warn", "error", "ignore"):
        raise StepError(f"Unrecognized if-no-files-found input: {missing}")
    lines = [line.strip() for line in use.required("path").splitlines() if line.strip()]
    places = [use.inside(line) for line in lines if not line.startswith("!")]
    found = {file for place in places for file in _files(place, use.flag("include-hidden-files"))}
    for line in lines:
        if line.startswith("!"):
            found -= set(_files(use.inside(line[1:]), hidden=True))
    if not found:
        words = f"No files were found with the provided path: {' '.join(lines)}. No artifacts will be uploaded."
        if missing == "error":
            raise StepError(words)
        if missing == "warn":
            use.say(f"::warning::{words}")
        return
    starts = [_start(place) for place in places]
    if len(starts) == 1:
        root = starts[0] if starts[0].is_dir() else starts[0].parent
    else:
        root = Path(os.path.commonpath(starts))
        root = root if root.is_dir() else root.parent
    files = {str(file.relative_to(root)): file for file in sorted(found)}
    use.machine.runner.artifacts.store(use.machine.origin, name, files, use.flag("overwrite"))
    use.say(f"Artifact {name} has been successfully uploaded: {len(files)} files")


def download(use: Use) -> None:
    """Put one artifact (`name`) into `path`, or all (`pattern`), each into a folder of its name unless merged."""
    folder = use.inside(use.text("path", "."))
    held = use.machine.runner.artifacts.of(use.machine.origin.run)
    if name := use.text("name"):
        if name not in held:
            raise StepError(f"Unable to download artifact(s): Artifact not found for name: {name}")
        wanted = {folder: held[name]}
        _copy(held[name], folder)
    else:
        chosen = {key: place for key, place in held.items() if fnmatchcase(key, use.text("pattern", "*"))}
        merged = use.flag("merge-multiple")
        wanted = {folder / key: place for key, place in chosen.items()}
        for key, place in chosen.items():
            _copy(place, folder if merged else folder / key)
    use.say(f"Total of {len(wanted)} artifact(s) downloaded")
    use.outputs |= {"download-path": str(folder)}


def _copy(place: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(place, folder, dirs_exist_ok=True)


def _start(place: Path) -> Path:
    """The path before the first pattern."""
    parts = []
    for part in place.parts:
        if any(sign in part for sign in "*?["):
            break
        parts.append(part)
    return Path(os.path.normpath(Path(*parts)))


def _files(place: Path, hidden: bool) -> list[Path]:
    """Files that a path or pattern names, and those in the folders that it names."""
    found = []
    for each in map(Path, glob(str(place), recursive=True, include_hidden=True)):  # noqa: PTH207 (patterns and paths)
        inner = each.rglob("*") if each.is_dir() else [each]
        found += [Path(os.path.normpath(path)) for path in inner if path.is_file()]
    if hidden:
        return found
    start = _start(place)
    return [path for path in found if not any(part.startswith(".") for part in path.relative_to(start.parent).parts)]
