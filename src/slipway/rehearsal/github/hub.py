"""GitHub on this machine: one repository, its people and its jobs' tokens.

    with GitHub() as github:
        subprocess.run(["gh", "api", "user"], env=os.environ | github.environment)
        requests.get(f"{github.url}/repos/acme/texts", headers={"Authorization": f"Bearer {github.as_user().token}"})

It keeps state, answers in GitHub's forms, and refuses what GitHub refuses: malformed requests, who has no right, and
what a plan lacks. Each request and answer is held against GitHub's own description. https://docs.github.com/en/rest
"""

import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from queue import Queue
from secrets import token_hex
from threading import RLock
from typing import Self

from slipway.rehearsal.github import checks, deployments, event, workflows
from slipway.rehearsal.github.attestations import Attestation
from slipway.rehearsal.github.call import API, SITE, Caller, Json, RefusedError
from slipway.rehearsal.github.checks import Check
from slipway.rehearsal.github.contract import contract
from slipway.rehearsal.github.deployments import Deployment
from slipway.rehearsal.github.event import Event
from slipway.rehearsal.github.faults import Faults
from slipway.rehearsal.github.forms import BOT
from slipway.rehearsal.github.git import NOBODY, Git, Signature
from slipway.rehearsal.github.issues import Comment
from slipway.rehearsal.github.moves import follow
from slipway.rehearsal.github.person import Person
from slipway.rehearsal.github.pull import Pull
from slipway.rehearsal.github.server import doors, serving
from slipway.rehearsal.github.workflows import Run

GH = "rehearsal"  # the token of `gh`
OWNER = 101  # the number of the repository's owner


class GitHub:
    """An empty repository and its owner `octocat`, as long as the block lasts.

    `plan` is `public` (a public repository has all), `free` or `team` (private ones lack some). A test may read and set
    what the attributes hold: `requests` are the method and path of each that came, `refusals` what those are answered,
    `violations` what does not fit GitHub's description (none, if all is well), `events` what workflows are started for,
    `people` everybody's role, `approve` whether reviewers let jobs into environments, `down` that nothing answers.
    `gh` asks as `login`, and nobody is known to it where there is none. Jobs may not open pull requests before
    `workflow_permissions` (or `PUT .../actions/permissions/workflow`) lets them: that is GitHub's default.
    """

    def __init__(self, repository: str = "acme/texts", number: int = 202, plan: str = "public") -> None:
        self.owner, self.name = repository.split("/")
        self.number, self.plan, self.branch = number, plan, "main"
        self.api, self.site = f"{API}/repos/{repository}", f"{SITE}/{repository}"
        self.login: str | None = "octocat"
        self.admin, self.visible, self.approve, self.down = True, True, True, False
        self.people: dict[str, str] = {"octocat": "admin"}
        self.refusals: dict[str, RefusedError] = {}
        self.variables: dict[str, str] = {}
        self.environments: dict[str, Json] = {}
        self.rulesets: dict[int, Json] = {}
        self.workflow_permissions: Json = {
            "default_workflow_permissions": "read",
            "can_approve_pull_request_reviews": False,
        }
        self.requests: list[str] = []
        self.violations: list[str] = []
        self.events: Queue[Event] = Queue()
        self.faults = Faults()
        self.pulls: dict[int, Pull] = {}
        self.comments: dict[int, Comment] = {}
        self.checks: list[Check] = []
        self.deployments: dict[int, Deployment] = {}
        self.attestations: list[Attestation] = []
        self.runs: dict[int, Run] = {}
        self.forks: dict[str, Git] = {}
        self.lock = RLock()
        self.last_number, self._last = 0, 1000
        self.labels: dict[str, Json] = {}
        self._tokens: dict[str, tuple[str, Mapping[str, str] | None]] = {}
        self._persons: dict[str, Person] = {}
        self.seen: dict[str, dict[str, str]] = {}
        self.contract = contract()

    def __enter__(self) -> Self:
        self._owner, self.folder = os.getpid(), Path(tempfile.mkdtemp(prefix="github-"))
        try:
            self.git = Git(self.repository_path, self.branch)
            self._open()
        except BaseException:
            shutil.rmtree(self.folder)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.pause()
        shutil.rmtree(self.folder, ignore_errors=True)

    def pause(self) -> None:
        """Leave no thread and no server, so that this process can be forked; what the repository has stays."""
        self._doors.close()

    def resume(self) -> None:
        """Answer again, at another `url`; in a process that was forked the repository is its own from now on."""
        if self._owner != os.getpid():
            folder = Path(tempfile.mkdtemp(prefix="github-"))
            shutil.copytree(self.folder / "git", folder / "git")
            self._owner, self.folder = os.getpid(), folder
            self.git.folder = self.repository_path
            for login, git in self.forks.items():
                git.folder = self._fork_path(login)
        self._open()

    def _open(self) -> None:
        with ExitStack() as stack:
            socket = self.folder / "socket"
            socket.unlink(missing_ok=True)
            (self.folder / "config.yml").write_text(f"http_unix_socket: {socket}\n", encoding="utf-8")
            official, loopback = doors(self)
            stack.enter_context(serving(f"unix://{socket}", official))
            self.url = f"http://127.0.0.1:{stack.enter_context(serving('127.0.0.1', loopback))}"
            self.environment = {"GH_CONFIG_DIR": str(self.folder), "GH_TOKEN": GH}
            self._doors = stack.pop_all()

    @property
    def repository_path(self) -> Path:
        """The bare repository: what is pushed there is on GitHub; `look` tells its workflows."""
        return self.folder / "git" / self.owner / f"{self.name}.git"

    # people and tokens

    def as_user(self, login: str = "octocat", role: str | None = None) -> Person:
        """A person, who gets that role (admin, maintain, write, triage, read, none); a stranger has none."""
        self.people.setdefault(login, "none")
        if role is not None:
            self.people[login] = role
        if login not in self._persons:
            token = token_hex(20)
            self._tokens[token] = (login, None)
            self._persons[login] = Person(self, login, token)
        return self._persons[login]

    def token_for(self, permissions: Mapping[str, str], actor: str = BOT) -> str:
        """A job's token with a workflow's `permissions`; of a person, a fine-grained one, which starts workflows."""
        token = token_hex(20)
        self._tokens[token] = (actor, {name.replace("_", "-"): level for name, level in permissions.items()})
        return token

    def git_address(self, token: str) -> str:
        """Where git clones and pushes by a job's token."""
        return f"{self.url.replace('://', f'://x-access-token:{token}@')}/{self.owner}/{self.name}.git"

    def revoke(self, token: str) -> None:
        """A token is known no more, as a job's after its end."""
        del self._tokens[token]

    def caller(self, token: str | None) -> Caller:
        """Whose token it is; RefusedError (401)."""
        if token == GH and self.login is not None:
            self.people.setdefault(self.login, "admin")
            return Caller(self.login, self.role_of(self.login))
        if token is None or token not in self._tokens:
            raise RefusedError(401, "Bad credentials")
        login, permissions = self._tokens[token]
        role = "write" if login == BOT else self.role_of(login)
        return Caller(login, role, permissions, is_job=login == BOT)

    def role_of(self, login: str) -> str:
        """What a person is to the repository."""
        if login == self.login and not self.admin:
            return "write"
        return self.people.get(login, "none")

    def person_number(self, login: str) -> int:
        """GitHub's number of a person."""
        if login == self.owner:
            return OWNER
        names = list(dict.fromkeys(["octocat", *self.people]))
        return names.index(login) + 1 if login in names else 999

    def signature(self, login: str) -> Signature:
        """How somebody signs commits that they make at GitHub."""
        number = 41898282 if login == BOT else self.person_number(login)
        return Signature(login, f"{number}+{login}@users.noreply.github.com", "")

    # what runs workflows tells

    def job_changed(self, run_id: int, job: str, sha: str, status: str, conclusion: str | None) -> None:
        """Show a job as a check run of a commit (a pull request's head): in_progress, or completed."""
        self.report_check(sha, job, conclusion if status == "completed" else None, run_id)

    def report_check(self, sha: str, name: str, conclusion: str | None, run_id: int) -> None:
        """The same; without a conclusion it has begun."""
        with self.lock:
            mine = [each for each in self.checks if (each.sha, each.name, each.run_id) == (sha, name, run_id)]
            number = mine[0].id if mine else self.next_id()
            self.checks = [each for each in self.checks if each not in mine]
            self.checks.append(Check(number, sha, name, conclusion, run_id, event.now()))

    def start_run(self, file: str, name: str, started: Event, title: str = "") -> int:
        """A run of a workflow's file (`ci.yml`) has begun; its number. `title` is its `run-name`."""
        with self.lock:
            number = len([run for run in self.runs.values() if run.file == file]) + 1
            run = Run(self.next_id(), number, file, name, started, event.now(), event.now(), title)
            self.runs[run.id] = run
            return run.id

    def end_run(self, run_id: int, conclusion: str) -> None:
        """It has ended."""
        run = self.runs[run_id]
        run.status, run.conclusion, run.updated_at = "completed", conclusion, event.now()

    def deploy(self, environment: str, ref: str, sha: str, run_id: int) -> int | None:
        """A job with `environment:` asks to begin; None where a rule of its branch or a reviewer does not let it in."""
        with self.lock:
            return deployments.start(self, environment, ref, sha)

    def attested(self, digest: str, bundle: Json) -> None:
        """Keep a statement about what has a digest."""
        with self.lock:
            self.attestations.append(Attestation(digest, bundle))

    def deployed(self, deployment: int, state: str, url: str) -> None:
        """A deployment's new state: in_progress, success, failure, error or inactive; `url` is what was deployed."""
        with self.lock:
            deployments.mark(self, self.deployments[deployment], state, url)

    def missing(self, required: list[Json], sha: str) -> list[str]:
        """The checks of a rule that are not green for a commit."""
        return checks.missing(self, required, sha)

    # what operations keep

    def check_event(self, name: str, payload: Json) -> None:
        """Hold an event against GitHub's description."""
        if found := self.contract.wrong_event(name, payload):
            self.violations.append(found)

    def hold(self, started: Event) -> None:
        """List the runs of an event that wait for somebody's approval."""
        workflows.hold(self, started)

    def next_id(self) -> int:
        """A number that nothing else has."""
        self._last += 1
        return self._last

    def comments_of(self, number: int) -> list[Comment]:
        """What is said of a pull request, the oldest first."""
        return [each for each in self.comments.values() if each.number == number]

    def fork(self, login: str) -> Git:
        """Somebody's copy of the repository, made where there is none."""
        if login not in self.forks:
            self.forks[login] = Git(self._fork_path(login), self.branch)
            self.forks[login].run("fetch", "--quiet", str(self.git.folder), "refs/heads/*:refs/heads/*")
            self.seen[login] = self.forks[login].refs()
        return self.forks[login]

    def _fork_path(self, login: str) -> Path:
        return self.folder / "git" / login / f"{self.name}.git"

    def look(self, caller: Caller) -> None:
        """Tell workflows and pull requests what was pushed since, by whom."""
        with self.lock:
            for owner, git in [(self.owner, self.git), *self.forks.items()]:
                before, after = self.seen.get(owner, {}), git.refs()
                self.seen[owner] = after
                for ref in sorted({*before, *after}):
                    old, new = before.get(ref, NOBODY), after.get(ref, NOBODY)
                    if old != new and not ref.startswith("refs/pull/"):
                        follow(self, owner, ref, old, new, caller)
