"""A real bare repository with an honest, small server's side of it, and an AWS that trusts one environment."""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from queue import Queue
from textwrap import dedent
from typing import Any

import pytest

from slipway.rehearsal.aws.call import AwsError
from slipway.rehearsal.runner import Event, Runner
from slipway.rehearsal.runner.language import Language
from slipway.rehearsal.runner.record import WorkflowRun

ROLE = "arn:aws:iam::123456789012:role/texts-staging"
SECRET = "wJalrXUtnFEMI"


def git(folder: Path, *words: str) -> str:
    """Run git as a person with a name."""
    named = ["-c", "user.name=octocat", "-c", "user.email=octocat@example.com", *words]
    done = subprocess.run(["git", "-C", str(folder), *named], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@dataclass
class Hub:
    """A repository, its tokens and what GitHub would be told."""

    folder: Path
    variables: dict[str, str] = field(default_factory=lambda: {"REGION": "us-east-1"})
    events: "Queue[Event]" = field(default_factory=Queue)
    url: str = "http://127.0.0.1:9"
    tokens: dict[str, dict[str, str]] = field(default_factory=dict)
    granted: list[dict[str, str]] = field(default_factory=list)
    actors: set[str] = field(default_factory=set)
    listed: dict[int, tuple[str, str, str]] = field(default_factory=dict)
    titles: dict[int, str] = field(default_factory=dict)
    checks: dict[tuple[str, str], str | None] = field(default_factory=dict)
    branches: dict[str, set[str]] = field(default_factory=dict)  # that an environment lets in
    deployments: dict[int, tuple[str, str, str]] = field(default_factory=dict)
    attestations: list[tuple[str, str]] = field(default_factory=list)
    full_name: str = "acme/texts"

    def __post_init__(self) -> None:
        self.repository_path = self.folder / "texts.git"
        self.clone = self.folder / "clone"
        self._numbers = count(1)
        git(self.folder, "init", "--quiet", "--bare", "--initial-branch=main", str(self.repository_path))
        git(self.folder, "init", "--quiet", "--initial-branch=main", str(self.clone))
        git(self.clone, "remote", "add", "origin", str(self.repository_path))

    def token_for(self, permissions: dict[str, str], actor: str) -> str:
        token = f"ghs_token{next(self._numbers)}"
        self.tokens[token] = permissions
        self.actors.add(actor)
        self.granted.append(permissions)
        return token

    def git_address(self, token: str) -> str:
        assert self.tokens[token]["contents"] in ("read", "write")
        return f"file://{self.repository_path}"

    def revoke(self, token: str) -> None:
        del self.tokens[token]

    def start_run(self, file: str, name: str, started: Event, title: str) -> int:
        number = next(self._numbers)
        self.listed[number] = (file, name, "")
        self.titles[number] = title
        return number

    def end_run(self, run_id: int, conclusion: str) -> None:
        self.listed[run_id] = (*self.listed[run_id][:2], conclusion)

    def job_changed(self, run_id: int, job: str, sha: str, status: str, conclusion: str | None) -> None:
        self.checks[sha, job] = conclusion

    def deploy(self, environment: str, ref: str, sha: str, run_id: int) -> int | None:
        if environment in self.branches and ref not in self.branches[environment]:
            return None
        number = next(self._numbers)
        self.deployments[number] = (environment, "queued", "")
        return number

    def attested(self, digest: str, bundle: dict[str, Any]) -> None:
        self.attestations.append((digest, bundle["mediaType"]))

    def deployed(self, deployment: int, state: str, url: str) -> None:
        self.deployments[deployment] = (self.deployments[deployment][0], state, url)

    def repository(self) -> dict[str, Any]:
        return {"full_name": self.full_name, "id": 202, "owner": {"login": "acme", "id": 101}, "default_branch": "main"}

    def commit(self, files: dict[str, str], branch: str = "main", message: str = "Change") -> str:
        """Commit files to a branch and push it; the commit."""
        here = git(self.clone, "branch", "--list", branch)
        if branch != git(self.clone, "symbolic-ref", "--short", "HEAD"):
            git(self.clone, "checkout", "--quiet", *([] if here else ["-b"]), branch)
        for name, text in files.items():
            path = self.clone / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text))
        git(self.clone, "add", "--all")
        git(self.clone, "commit", "--quiet", "--allow-empty", "--message", message)
        git(self.clone, "push", "--quiet", "origin", branch)
        return git(self.clone, "rev-parse", "HEAD")

    def event(self, name: str, ref: str = "refs/heads/main", /, actor: str = "octocat", **payload: Any) -> Event:
        about = {"repository": self.repository(), "sender": {"login": actor, "id": 583231}}
        return Event(name, payload | about, ref, "", actor)

    def push(self, files: dict[str, str], branch: str = "main", message: str = "Change") -> Event:
        """Push a commit as a person: the event that GitHub emits."""
        ref = f"refs/heads/{branch}"
        tips = git(self.repository_path, "for-each-ref", "--format=%(objectname)", ref)
        after = self.commit(files, branch, message)
        return self.event("push", ref, before=tips or "0" * 40, after=after)._replace(sha=after)

    def propose(self, files: dict[str, str], action: str = "opened", fork: bool = False, number: int = 7) -> Event:
        """A pull request with its merge commit, as GitHub prepares it."""
        base = git(self.repository_path, "rev-parse", "main")
        head = self.commit(files, "topic")
        git(self.clone, "checkout", "--quiet", "--detach", base)
        git(self.clone, "merge", "--quiet", "--no-ff", "-m", f"Merge {head} into {base}", head)
        git(
            self.clone,
            "push",
            "--quiet",
            "--force",
            "origin",
            f"HEAD:refs/pull/{number}/merge",
            f"{head}:refs/pull/{number}/head",
        )
        git(self.clone, "checkout", "--quiet", "main")
        whose = {"full_name": "stranger/texts" if fork else self.full_name}
        proposal = {"head": {"sha": head, "ref": "topic", "repo": whose}, "base": {"sha": base, "ref": "main"}}
        return self.event("pull_request", "", action=action, number=number, pull_request=proposal)


@dataclass
class Account:
    """An account with one role: its trust lets in the environment `staging`, and nothing else."""

    claims: list[dict[str, str]] = field(default_factory=list)
    environment: dict[str, str] = field(
        default_factory=lambda: {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "AKIAOFTHECALLER"}
    )

    def assume(self, role_arn: str, claims: dict[str, str]) -> dict[str, str]:
        self.claims.append(claims)
        if role_arn != ROLE or claims["sub"] != "repo:acme/texts:environment:staging":
            raise AwsError("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", 403)
        return {"AWS_ACCESS_KEY_ID": "ASIAROLE", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_SESSION_TOKEN": "token-of-role"}


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return Hub(tmp_path)


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def runner(hub: Hub, account: Account, tmp_path: Path, language: Language) -> Iterator[Runner]:
    with Runner(hub, account, tmp_path / "runner", language=language) as runner:
        runner.minute, runner.grace = 1.0, (0.2, 0.2)
        yield runner


@pytest.fixture
def play(hub: Hub, runner: Runner) -> Callable[..., WorkflowRun]:
    """Push a workflow `play.yml` and run it for that push."""

    def play(workflow: str, **files: str) -> WorkflowRun:
        event = hub.push({".github/workflows/play.yml": workflow} | files)
        return runner.run("play.yml", event)

    return play
