"""actions/cache: found by key, or by the beginning of one; kept when the job has succeeded.

https://docs.github.com/en/actions/reference/workflows-and-actions/dependency-caching
"""

import hashlib
import shutil
from pathlib import Path

from slipway.rehearsal.runner.actions.use import Use
from slipway.rehearsal.runner.commands import Log
from slipway.rehearsal.runner.machine import StepError


def cache(use: Use) -> None:
    """Restore, and save when the job has succeeded and the key was not found."""
    if not _restore(use):
        use.machine.after_success.append((f"Post Run {use.action}", lambda log: _save(use, log)))


def restore(use: Use) -> None:
    """actions/cache/restore."""
    if not _restore(use) and use.flag("fail-on-cache-miss"):
        raise StepError(
            f"Failed to restore cache entry. Exiting as fail-on-cache-miss is set. Input key: {use.text('key')}"
        )


def save(use: Use) -> None:
    """actions/cache/save: a key that is there stays as it is."""
    _save(use, use.log)


def _places(use: Use) -> list[Path]:
    """Folders of the caches that are visible from here: the run's own, a proposal's base's, the default branch's."""
    origin = use.machine.origin
    refs = [origin.ref]
    if base := origin.context()["base_ref"]:
        refs.append(f"refs/heads/{base}")
    refs.append(f"refs/heads/{origin.event.payload['repository']['default_branch']}")
    version = hashlib.sha256("\n".join(_paths(use)).encode()).hexdigest()[:16]
    return [use.machine.runner.caches / _name(each) / version for each in dict.fromkeys(refs)]


def _paths(use: Use) -> list[str]:
    return [line.strip() for line in use.required("path").splitlines() if line.strip()]


def _restore(use: Use) -> bool:
    """Whether the key itself was found."""
    key, places = use.required("key"), _places(use)
    exact = next((place / _name(key) for place in places if (place / _name(key)).is_dir()), None)
    wanted = [prefix.strip() for prefix in use.text("restore-keys").splitlines() if prefix.strip()]
    alike = (
        kept for each in wanted for place in places for kept in _newest(place) if kept.name.startswith(_name(each))
    )
    found = exact or next(alike, None)
    for number, path in enumerate(_paths(use)):
        if found and (found / str(number)).exists():
            use.inside(path).parent.mkdir(parents=True, exist_ok=True)
            _copy(found / str(number), use.inside(path))
    use.outputs |= {"cache-hit": str(exact is not None).lower() if found else "", "cache-primary-key": key}
    use.outputs |= {"cache-matched-key": found.name if found else ""}
    use.say(f"Cache restored from key: {found.name}" if found else f"Cache not found for input keys: {key}")
    return exact is not None


def _save(use: Use, log: Log) -> None:
    place = _places(use)[0] / _name(use.required("key"))
    if place.exists():
        return
    for number, path in enumerate(_paths(use)):
        if (source := use.inside(path)).exists():
            place.mkdir(parents=True, exist_ok=True)
            _copy(source, place / str(number))
    log.say(f"Cache saved with key: {use.text('key')}")


def _name(key: str) -> str:
    return key.replace("/", "_")


def _newest(place: Path) -> list[Path]:
    kept = place.iterdir() if place.is_dir() else []
    return sorted(kept, key=lambda path: path.stat().st_mtime_ns, reverse=True)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
    else:
        shutil.copy2(source, target)
