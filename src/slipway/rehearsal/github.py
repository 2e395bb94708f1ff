"""GitHub on this machine: one repository's settings behind a socket, for the real `gh`, which asks nothing else.

    with GitHub() as github:
        subprocess.run(["gh", "api", "user"], env=os.environ | github.environment)

It keeps state, answers in GitHub's forms, and refuses what GitHub refuses: malformed bodies, who has no right, and what
a plan lacks. What a PUT leaves out is taken away here; whether GitHub does so is not documented.
https://docs.github.com/en/rest
"""

import json
import re
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from threading import Lock, Thread
from typing import Any, Self
from wsgiref.types import StartResponse, WSGIEnvironment

from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers.response import Response as Answer

API = "https://api.github.com"
THEN = "2026-01-01T00:00:00Z"
CUSTOM = {"protected_branches": False, "custom_branch_policies": True}
# rules without parameters, and what those with parameters must tell
RULES: dict[str, set[str]] = {
    "creation": set(),
    "deletion": set(),
    "non_fast_forward": set(),
    "required_linear_history": set(),
    "required_signatures": set(),
    "pull_request": {
        "dismiss_stale_reviews_on_push",
        "require_code_owner_review",
        "require_last_push_approval",
        "required_approving_review_count",
        "required_review_thread_resolution",
    },
    "required_status_checks": {"required_status_checks", "strict_required_status_checks_policy"},
}
# what GitHub adds to a rule's parameters
ADDED: dict[str, dict[str, Any]] = {
    "pull_request": {"allowed_merge_methods": ["merge", "squash", "rebase"]},
    "required_status_checks": {"do_not_enforce_on_create": False},
}
ROUTES = {
    "user": "GET /user",
    "repository": "GET REPO",
    "list_variables": "GET REPO/actions/variables",
    "create_variable": "POST REPO/actions/variables",
    "update_variable": "PATCH REPO/actions/variables/<name>",
    "list_environments": "GET REPO/environments",
    "get_environment": "GET REPO/environments/<name>",
    "put_environment": "PUT REPO/environments/<name>",
    "list_policies": "GET REPO/environments/<name>/deployment-branch-policies",
    "create_policy": "POST REPO/environments/<name>/deployment-branch-policies",
    "delete_policy": "DELETE REPO/environments/<name>/deployment-branch-policies/<int:number>",
    "list_rulesets": "GET REPO/rulesets",
    "create_ruleset": "POST REPO/rulesets",
    "get_ruleset": "GET REPO/rulesets/<int:number>",
    "update_ruleset": "PUT REPO/rulesets/<int:number>",
}
Json = dict[str, Any]


class RefusedError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, message: str, *errors: str) -> None:
        super().__init__(message)
        self.status, self.message, self.errors = status, message, errors


NOT_FOUND = (404, "Not Found")
NO_PLAN = (403, "Upgrade to GitHub Pro or make this repository public to enable this feature.")
NO_BRANCH_RULE = (422, "Fail to create protected rule, please ensure billing plan include protected branch gate.")
NO_REVIEWERS = (
    422,
    "Failed to create the environment protection rule. Please ensure the billing plan supports the required reviewers "
    "protection rule.",
)


class GitHub:
    """A repository without settings, and `octocat`, who asks, as long as the block lasts.

    `plan` is `public` (a public repository has all), `free` or `team` (private ones lack some). A test may read and set
    what the attributes hold: `requests` are the method and path of each that came, `refusals` what those are answered,
    and nobody is known where there is no `login`. Of user and repository it tells what is asked for here, and no more.
    """

    def __init__(self, repository: str = "acme/texts", number: int = 202, plan: str = "public") -> None:
        self.owner, self.name = repository.split("/")
        self.number, self.plan, self.branch = number, plan, "main"
        self.login: str | None = "octocat"
        self.admin, self.visible = True, True
        self.refusals: dict[str, RefusedError] = {}
        self.variables: dict[str, str] = {}
        self.environments: dict[str, Json] = {}
        self.rulesets: dict[int, Json] = {}
        self.requests: list[str] = []
        self._last, self._lock = 1000, Lock()
        rules = []
        for endpoint, route in ROUTES.items():
            method, path = route.split()
            rules.append(Rule(path.replace("REPO", "/repos/<owner>/<repository>"), methods=[method], endpoint=endpoint))
        self._routes = Map(rules)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.folder = Path(tempfile.mkdtemp(prefix="github-"))
            stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
            socket = self.folder / "socket"
            (self.folder / "config.yml").write_text(f"http_unix_socket: {socket}\n", encoding="utf-8")
            server = make_server(f"unix://{socket}", 0, self._answer, threaded=True, request_handler=Quiet)
            stack.callback(server.server_close)
            serving = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
            serving.start()
            stack.callback(serving.join)
            stack.callback(server.shutdown)
            self.environment = {"GH_CONFIG_DIR": str(self.folder), "GH_TOKEN": "rehearsal"}
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    # the way of a request

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        request.get_data()  # what sends it may wait for another answer first
        try:
            with self._lock:
                response = self._do(request)
        except HTTPException:
            response = self._refuse(RefusedError(*NOT_FOUND))
        except RefusedError as error:
            response = self._refuse(error)
        return response(environ, start_response)

    def _do(self, request: Request) -> Answer:
        asked = f"{request.method} {request.path}"
        self.requests.append(asked)
        if request.host != "api.github.com" or request.authorization is None or self.login is None:
            raise RefusedError(401, "Bad credentials")
        if asked in self.refusals:
            raise self.refusals[asked]
        endpoint, found = self._routes.bind("").match(request.path, request.method)
        words = dict(found)
        if "owner" in words:
            told = (words.pop("owner"), words.pop("repository"))
            same = [each.lower() for each in told] == [self.owner.lower(), self.name.lower()]
            if not same or not self.visible:
                raise RefusedError(*NOT_FOUND)
            if request.method != "GET" and not self.admin:
                raise RefusedError(403, "Must have admin rights to Repository.")
        answer: Answer = getattr(self, f"_{endpoint}")(request, **words)
        return answer

    def _refuse(self, error: RefusedError) -> Answer:
        body: Json = {"message": error.message, "documentation_url": "https://docs.github.com/rest"}
        if error.errors:
            body["errors"] = list(error.errors)
        return _json(body | {"status": str(error.status)}, error.status)

    def _id(self) -> int:
        self._last += 1
        return self._last

    # who, and where

    def _user(self, request: Request) -> Answer:
        return _json(self._person())

    def _person(self) -> Json:
        url = f"{API}/users/{self.login}"
        return {"login": self.login, "id": 1, "node_id": "MDQ6VXNlcjE=", "type": "User", "url": url}

    def _repository(self, request: Request) -> Answer:
        private = self.plan != "public"
        permissions = {"admin": self.admin, "maintain": self.admin, "push": True, "triage": True, "pull": True}
        full = f"{self.owner}/{self.name}"
        found = {"id": self.number, "node_id": "R_1", "name": self.name, "full_name": full, "private": private}
        found |= {"url": f"{API}/repos/{full}", "default_branch": self.branch, "permissions": permissions}
        return _json(found)

    # variables

    def _list_variables(self, request: Request) -> Answer:
        return self._page(request, "variables", [self._variable(name) for name in sorted(self.variables)], most=30)

    def _variable(self, name: str) -> Json:
        return {"name": name, "value": self.variables[name], "created_at": THEN, "updated_at": THEN}

    def _create_variable(self, request: Request) -> Answer:
        body = _body(request, {"name": str, "value": str}, needed={"name", "value"})
        name = body["name"].upper()
        if not re.fullmatch("(?!GITHUB_)[A-Z_][A-Z0-9_]*", name):
            raise RefusedError(422, "Validation Failed", "Variable names can only contain alphanumeric characters")
        if name in self.variables:
            raise RefusedError(409, "Already exists - Variable already exists")
        self.variables[name] = body["value"]
        return _json({}, 201)

    def _update_variable(self, request: Request, name: str) -> Answer:
        body = _body(request, {"name": str, "value": str})
        self.variables[_known(self.variables, name.upper())] = body["value"]
        return Response(status=204)

    # environments

    def _list_environments(self, request: Request) -> Answer:
        return self._page(request, "environments", [self._environment(name) for name in self.environments])

    def _get_environment(self, request: Request, name: str) -> Answer:
        return _json(self._environment(_known(self.environments, name)))

    def _environment(self, name: str) -> Json:
        told, url = self.environments[name], f"{API}/repos/{self.owner}/{self.name}/environments/{name}"
        rule = {"id": told["id"] + 1, "node_id": "GA_1"}
        rules: list[Json] = []
        if told["wait_timer"]:
            rules.append(rule | {"type": "wait_timer", "wait_timer": told["wait_timer"]})
        if told["reviewers"]:
            reviewers = [{"type": each["type"], "reviewer": self._person() | each} for each in told["reviewers"]]
            rest = {"type": "required_reviewers", "reviewers": reviewers}
            rules.append(rule | rest | {"prevent_self_review": told["prevent_self_review"]})
        if told["deployment_branch_policy"]:
            rules.append(rule | {"type": "branch_policy"})
        found = {"id": told["id"], "node_id": "EN_1", "name": name, "url": url, "html_url": url}
        found |= {"created_at": THEN, "updated_at": THEN, "can_admins_bypass": True, "protection_rules": rules}
        return found | {"deployment_branch_policy": told["deployment_branch_policy"]}

    def _put_environment(self, request: Request, name: str) -> Answer:
        keys = {"wait_timer": int, "prevent_self_review": bool, "reviewers": list | None}
        body = _body(request, keys | {"deployment_branch_policy": dict | None})
        policy = body.get("deployment_branch_policy")
        if policy and policy not in (CUSTOM, {key: not value for key, value in CUSTOM.items()}):
            raise RefusedError(422, "Validation Failed", "protected_branches and custom_branch_policies are the same")
        for each in body.get("reviewers") or []:
            _check(each, {"type": str, "id": int}, needed={"type", "id"})
        new: Json = {"id": self._id(), "wait_timer": 0, "prevent_self_review": False, "reviewers": None, "policies": []}
        old = self.environments.setdefault(name, new | {"deployment_branch_policy": None})
        # the environment is there, whatever its plan lacks
        if self.plan == "free" and any(value is not None for value in body.values()):
            raise RefusedError(*NO_BRANCH_RULE)
        if self.plan == "team" and body.keys() & {"wait_timer", "prevent_self_review", "reviewers"}:
            raise RefusedError(*NO_REVIEWERS)
        kept = {"id": old["id"], "policies": old["policies"], "deployment_branch_policy": None}
        self.environments[name] = new | kept | body
        return _json(self._environment(name))

    def _policies(self, name: str) -> list[Json]:
        environment = self.environments[_known(self.environments, name)]
        if environment["deployment_branch_policy"] != CUSTOM:
            raise RefusedError(*NOT_FOUND)
        policies: list[Json] = environment["policies"]
        return policies

    def _list_policies(self, request: Request, name: str) -> Answer:
        return self._page(request, "branch_policies", self._policies(name))

    def _create_policy(self, request: Request, name: str) -> Answer:
        body = {"type": "branch"} | _body(request, {"name": str, "type": str}, needed={"name"})
        policies = self._policies(name)
        if any(each["name"] == body["name"] and each["type"] == body["type"] for each in policies):
            return Response(status=303)
        policies.append({"id": self._id(), "node_id": "BP_1", **body})
        return _json(policies[-1])

    def _delete_policy(self, request: Request, name: str, number: int) -> Answer:
        policies = self._policies(name)
        if number not in [each["id"] for each in policies]:
            raise RefusedError(*NOT_FOUND)
        policies[:] = [each for each in policies if each["id"] != number]
        return Response(status=204)

    # rulesets

    def _list_rulesets(self, request: Request) -> Answer:
        self._check_plan()
        short = ("conditions", "rules", "bypass_actors")
        return _json([{key: each[key] for key in each if key not in short} for each in self.rulesets.values()])

    def _get_ruleset(self, request: Request, number: int) -> Answer:
        self._check_plan()
        return _json(self.rulesets[_known(self.rulesets, number)])

    def _create_ruleset(self, request: Request) -> Answer:
        return self._keep_ruleset(request, {"id": self._id(), "target": "branch"}, {"name", "enforcement"}, 201)

    def _update_ruleset(self, request: Request, number: int) -> Answer:
        old = self.rulesets[_known(self.rulesets, number)]
        return self._keep_ruleset(
            request, {key: old[key] for key in ("id", "name", "target", "enforcement")}, set(), 200
        )

    def _keep_ruleset(self, request: Request, old: Json, needed: set[str], status: int) -> Answer:
        self._check_plan()
        keys = {
            "name": str,
            "target": str,
            "enforcement": str,
            "bypass_actors": list,
            "conditions": dict,
            "rules": list,
        }
        body = _body(request, keys, needed)
        if body.get("enforcement", "active") not in ("active", "disabled", "evaluate"):
            raise RefusedError(422, "Validation Failed", "enforcement is not included in the list")
        others = [each["name"] for each in self.rulesets.values() if each["id"] != old["id"]]
        if body.get("name") in others:
            raise RefusedError(422, "Validation Failed", "Name must be unique")
        _check(body.get("conditions", {}).get("ref_name", {}), {"include": list, "exclude": list})
        source = {"source_type": "Repository", "source": f"{self.owner}/{self.name}", "node_id": "RRS_1"}
        empty: Json = {"bypass_actors": [], "conditions": {}, "rules": [], "created_at": THEN, "updated_at": THEN}
        new = empty | old | source | body
        new["rules"] = [_rule(rule) for rule in new["rules"]]
        self.rulesets[new["id"]] = new
        return _json(new, status)

    def _check_plan(self) -> None:
        if self.plan == "free":
            raise RefusedError(*NO_PLAN)

    def _page(self, request: Request, key: str, items: list[Json], most: int = 100) -> Answer:
        size = min(request.args.get("per_page", 30, int), most)
        start = (request.args.get("page", 1, int) - 1) * size
        return _json({"total_count": len(items), key: items[start : start + size]})


class Quiet(WSGIRequestHandler):
    """Says nothing of each request."""

    def address_string(self) -> str:
        """A socket has no address."""
        return "socket"

    def log(self, type: str, message: str, *args: object) -> None:
        """Nothing."""


def _rule(rule: Json) -> Json:
    """As GitHub keeps it."""
    _check(rule, {"type": str, "parameters": dict}, needed={"type"})
    if rule["type"] not in RULES:
        raise RefusedError(422, "Validation Failed", f"Invalid rule '{rule['type']}'")
    told = rule.get("parameters", {})
    if missing := RULES[rule["type"]] - told.keys():
        raise RefusedError(422, "Validation Failed", f"Invalid rule '{rule['type']}': {', '.join(sorted(missing))}")
    for check in told.get("required_status_checks", []):
        _check(check, {"context": str, "integration_id": int}, needed={"context"})
    if not RULES[rule["type"]]:
        return {"type": rule["type"]}
    return {"type": rule["type"], "parameters": ADDED[rule["type"]] | told}


def _body(request: Request, keys: dict[str, Any], needed: Iterable[str] = ()) -> Json:
    """The request's JSON."""
    told = request.get_json(force=True, silent=True) if request.get_data() else {}
    if not isinstance(told, dict):
        raise RefusedError(400, "Problems parsing JSON")
    return _check(told, keys, needed)


def _check(told: Json, keys: dict[str, Any], needed: Iterable[str] = ()) -> Json:
    for key, value in told.items():
        if key not in keys:
            raise RefusedError(422, f'Invalid request.\n\n"{key}" is not a permitted key.')
        if not isinstance(value, keys[key]) or (isinstance(value, bool) and keys[key] is int):
            raise RefusedError(422, f"Invalid request.\n\nFor '{key}', {value!r} is of another type.")
    for key in needed:
        if key not in told:
            raise RefusedError(422, f'Invalid request.\n\n"{key}" wasn\'t supplied.')
    return told


def _known(found: dict[Any, Any], key: Any) -> Any:
    if key not in found:
        raise RefusedError(*NOT_FOUND)
    return key


def _json(body: Any, status: int = 200) -> Answer:
    return Response(json.dumps(body), status, content_type="application/json; charset=utf-8")
