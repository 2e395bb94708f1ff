"""The rules for the main branch: what GitHub asks of a change before it becomes what production is made from.

https://docs.github.com/en/rest/repos/rules
"""

from slipway.delivery.repository.gh import Body

# jobs of ci.yml; they count only where GitHub Actions itself, the app of this number, says that they passed
REQUIRED_CHECKS = ("test", "model-gate")
GITHUB_ACTIONS = 15368
NAME = "slipway"


def ruleset(branch: str, current: Body) -> Body:
    """The rules for a branch, with all that is in `current` besides."""
    rules = [dict(rule) for rule in current.get("rules", [])]
    there = {rule["type"]: rule for rule in rules}
    for rule in needed_rules():
        if rule["type"] not in there:
            rules.append(rule)
        elif rule["type"] == "required_status_checks":
            told = dict(there[rule["type"]].get("parameters", {}))
            checks = told.get("required_status_checks", [])
            known = {each["context"] for each in checks}
            more = [each for each in rule["parameters"]["required_status_checks"] if each["context"] not in known]
            there[rule["type"]]["parameters"] = rule["parameters"] | told | {"required_status_checks": [*checks, *more]}
    refs = current.get("conditions", {}).get("ref_name", {})
    ref, include = f"refs/heads/{branch}", refs.get("include", [])
    return {
        "name": NAME,
        "target": "branch",
        "enforcement": "active",
        "conditions": {
            "ref_name": {
                "include": include if ref in include else [*include, ref],
                "exclude": [each for each in refs.get("exclude", []) if each != ref],
            }
        },
        "rules": rules,
        **{key: current[key] for key in ("bypass_actors",) if key in current},
    }


def needed_rules() -> list[Body]:
    """No approval is counted: a person alone may merge what the checks let pass."""
    checks = [{"context": name, "integration_id": GITHUB_ACTIONS} for name in REQUIRED_CHECKS]
    pull_request = {
        "required_approving_review_count": 0,
        "dismiss_stale_reviews_on_push": False,
        "require_code_owner_review": False,
        "require_last_push_approval": False,
        "required_review_thread_resolution": False,
    }
    # strict: what the checks saw is what the branch becomes
    return [
        {"type": "deletion"},
        {"type": "non_fast_forward"},
        {"type": "pull_request", "parameters": pull_request},
        {
            "type": "required_status_checks",
            "parameters": {"strict_required_status_checks_policy": True, "required_status_checks": checks},
        },
    ]


def in_words(branch: str) -> str:
    """As a person would set it on the page of rules."""
    checks = " and ".join(REQUIRED_CHECKS)
    return f"{branch} changes by pull requests that pass {checks}, up to date; no force push, no deletion"
