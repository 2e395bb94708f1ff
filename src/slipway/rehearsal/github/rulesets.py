"""Rulesets: kept, and asked for the rules of a branch."""

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from slipway.rehearsal.github.call import (
    INVALID,
    Answer,
    Call,
    Caller,
    Json,
    RefusedError,
    known,
)
from slipway.rehearsal.github.forms import THEN, node

if TYPE_CHECKING:
    from slipway.rehearsal.github.hub import GitHub

NO_PLAN = (403, "Upgrade to GitHub Pro or make this repository public to enable this feature.")
# what GitHub adds to a rule's parameters
ADDED: dict[str, dict[str, Any]] = {
    "pull_request": {"allowed_merge_methods": ["merge", "squash", "rebase"]},
    "required_status_checks": {"do_not_enforce_on_create": False},
}


def rules_for(github: "GitHub", ref: str, caller: Caller | None = None) -> list[Json]:
    """The active rules of a ref, without those of rulesets that the caller passes by always."""
    if not ref.startswith("refs/heads/"):
        return []
    found: list[Json] = []
    for ruleset in github.rulesets.values():
        names = ruleset["conditions"].get("ref_name", {})
        patterns = [names.get("include", []), names.get("exclude", [])]
        included, excluded = (any(_meets(github, ref, each) for each in part) for part in patterns)
        if ruleset["enforcement"] == "active" and ruleset["target"] == "branch" and included and not excluded:
            always = [each for each in ruleset["bypass_actors"] if each.get("bypass_mode", "always") == "always"]
            # 5 is the repository's role admin
            if caller and caller.role == "admin" and any(each.get("actor_id") == 5 for each in always):
                continue
            found += ruleset["rules"]
    return found


def _meets(github: "GitHub", ref: str, pattern: str) -> bool:
    if pattern == "~ALL":
        return True
    return ref == f"refs/heads/{github.branch}" if pattern == "~DEFAULT_BRANCH" else fnmatchcase(ref, pattern)


def list_rulesets(github: "GitHub", call: Call) -> Answer:
    """Without their rules."""
    _check_plan(github)
    short = ("conditions", "rules", "bypass_actors")
    return call.page({key: each[key] for key in each if key not in short} for each in github.rulesets.values())


def get_ruleset(github: "GitHub", call: Call) -> Answer:
    """One with its rules."""
    _check_plan(github)
    return Answer(200, known(github.rulesets, call.number("ruleset_id")))


def create_ruleset(github: "GitHub", call: Call) -> Answer:
    """A name is taken once."""
    return _keep(github, call, {"id": github.next_id(), "target": "branch"}, 201)


def update_ruleset(github: "GitHub", call: Call) -> Answer:
    """What is left out is taken away, but name, target and enforcement."""
    old = known(github.rulesets, call.number("ruleset_id"))
    return _keep(github, call, {key: old[key] for key in ("id", "name", "target", "enforcement")}, 200)


def _keep(github: "GitHub", call: Call, old: Json, status: int) -> Answer:
    _check_plan(github)
    body = call.body
    others = [each["name"] for each in github.rulesets.values() if each["id"] != old["id"]]
    if body.get("name") in others:
        raise RefusedError(*INVALID, "Name must be unique")
    source = {"source_type": "Repository", "source": f"{github.owner}/{github.name}", "node_id": node("RRS", 1)}
    empty: Json = {"bypass_actors": [], "conditions": {}, "rules": [], "created_at": THEN, "updated_at": THEN}
    new = empty | old | source | body
    new["rules"] = [_rule(rule) for rule in new["rules"]]
    github.rulesets[new["id"]] = new
    return Answer(status, new)


def _check_plan(github: "GitHub") -> None:
    if github.plan == "free":
        raise RefusedError(*NO_PLAN)


def _rule(rule: Json) -> Json:
    """As GitHub keeps it."""
    if rule["type"] not in ADDED:
        return rule
    return {"type": rule["type"], "parameters": ADDED[rule["type"]] | rule["parameters"]}
