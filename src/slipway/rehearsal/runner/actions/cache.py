"""actions/cache: found by key, or by the beginning of one; kept when the job has succeeded.

https://docs.github.com/en/actions/reference/workflows-and-actions/dependency-caching
"""

import hashlib
import shutil
from pathlib import Path

from slipway.rehearsal.runner.actions.use import Use
from slipway.rehearsal.runner.commands import Log


def cache(use: Use) -> None:
    """Restore what branches visible from here have kept: the run's own, a proposal's base, and the default branch."""
    key, paths = use.required("key"), use.required("path").split("\n")
    origin = use.machine.origin
    payload = origin.event.payload
    refs = [origin.ref, f"refs/heads/{payload['repository']['default_branch']}"]
    if base := origin.context()["base_ref"]:
        refs.insert(1, f"refs/heads/{base}")
    version = hashlib.sha256("\n".join(paths).encode()).hexdigest()[:16]
    places = [use.machine.runner.caches / each.replace("/", "_") / version for each in dict.fromkeys(refs)]
    exact = next((place / _name(key) for place in places if (place / _name(key)).is_dir()), None)
    wanted = [prefix.strip() for prefix in use.text("restore-keys").splitlines() if prefix.strip()]
    found = exact or next(
        (
            kept
            for prefix in wanted
            for place in places
            for kept in _newest(place)
            if kept.name.startswith(_name(prefix))
        ),
        None,
    )
    for number, path in enumerate(paths):
        if found and (found / str(number)).exists():
            use.inside(path.strip()).parent.mkdir(parents=True, exist_ok=True)
            _copy(found / str(number), use.inside(path.strip()))
    use.outputs |= {"cache-hit": str(exact is not None).lower() if found else "", "cache-primary-key": key}
    use.outputs |= {"cache-matched-key": found.name if found else ""}
    use.say(f"Cache restored from key: {found.name}" if found else f"Cache not found for input keys: {key}")
    place = places[0] / _name(key)

    def keep(log: Log) -> None:
        if exact is not None or place.exists():
            return
        for number, path in enumerate(paths):
            if (source := use.inside(path.strip())).exists():
                place.mkdir(parents=True, exist_ok=True)
                _copy(source, place / str(number))
        log.say(f"Cache saved with key: {key}")

    use.machine.after_success.append(("Post Run actions/cache", keep))


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
