"""`slipway desired`: compares what main asks for with what answers in the environments."""

from slipway.delivery.github.job import output, summary
from slipway.delivery.release.record import Rejection
from slipway.delivery.release.steps import Release, forced
from slipway.delivery.release.wanted import GATE, Wanted, wanted


def run() -> int:
    """Outputs `bundle`, `tag`, `staging`, `production` (whether something else answers there), `refused` (why not), and
    `rejected`: what must not come again, as `bundle:DIGEST` or `image:TAG`.

    Returns 1 where the gate says block, or keep.
    """
    found = wanted()
    if found is None:
        tell(None, {"staging": False, "production": False})
        summary("No model was trained yet: main has no dvc.lock. A pull request with the label `train` brings it.")
        return 0
    production = Release("production", found)
    against = f"{GATE} says block." if found.verdict == "block" else production.kept_out()
    if against:
        tell(found, {"staging": False, "production": False}, against)
        summary(f"**Nothing is released:** {against}")
        return 1
    image = production.registry.find(found.tag)
    due = {name: forced() or Release(name, found).due(image) for name in ("staging", "production")}
    rejected = production.rejected() if due["production"] and not forced() else None
    if rejected:
        due = {"staging": False, "production": False}
        summary(f"**main and production differ:** {rejected.why}. A revert, or the workflow with `force`, mends it.")
    else:
        waiting = [name for name, is_due in due.items() if is_due]
        summary(
            f"main asks for bundle `{found.bundle[:16]}`, image `{found.tag}`: "
            + (f"to be released to {', '.join(waiting)}." if waiting else "it answers already.")
        )
    tell(found, due, rejected.why if rejected else "", rejected)
    return 0


def tell(found: Wanted | None, due: dict[str, bool], refused: str = "", rejected: Rejection | None = None) -> None:
    """Outputs for the next jobs."""
    output("bundle", found.bundle if found else "")
    output("tag", found.tag if found else "")
    for name, is_due in due.items():
        output(name, str(is_due).lower())
    output("refused", refused)
    output("rejected", rejected.text() if rejected else "")
