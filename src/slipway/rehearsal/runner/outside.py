"""What the runner asks of GitHub and AWS around it."""

from pathlib import Path
from queue import Queue
from typing import Any, NamedTuple, Protocol

Json = dict[str, Any]


class Event(NamedTuple):
    """Something that may start workflows: a webhook's name and payload, and what GitHub records with it.

    `payload` holds `repository` and `sender` in GitHub's form (a `workflow_dispatch` names its `workflow` by path, a
    `schedule` its `schedule`). `ref` and `sha` may be empty: then they are found by GitHub's rules when the run starts.
    """

    name: str
    payload: Json
    ref: str
    sha: str
    actor: str


class GitHub(Protocol):
    """A repository's server."""

    @property
    def url(self) -> str:
        """Address of the REST API."""

    @property
    def repository_path(self) -> Path:
        """The bare repository: pushes and the API change the same references."""

    @property
    def variables(self) -> dict[str, str]:
        """Actions variables of the repository."""

    @property
    def events(self) -> "Queue[Any]":
        """Events that start workflows, as (name, payload, ref, sha, actor)."""

    def token_for(self, permissions: dict[str, str], actor: str) -> str:
        """The GITHUB_TOKEN of a job. `permissions`: `read` or `write` by name, and what is absent is refused."""

    def git_address(self, token: str) -> str:
        """Where git clones and pushes by that token."""

    def revoke(self, token: str) -> None:
        """End a job's token: the job is over."""

    def start_run(self, file: str, name: str, started: Any, title: str) -> int:
        """List a run of a workflow's file (`ci.yml`), started by that event; its id. `title` is its `run-name`."""

    def end_run(self, run_id: int, conclusion: str) -> None:
        """An attempt of a run is over."""

    def job_changed(self, run_id: int, job: str, sha: str, status: str, conclusion: str | None) -> None:
        """Show a job as the check run `job` of commit `sha`: `in_progress`, or `completed` with a conclusion."""

    def attested(self, digest: str, bundle: Json) -> None:
        """Keep a statement, in a Sigstore bundle, about what has the digest `sha256:HEX`."""

    def deploy(self, environment: str, ref: str, sha: str, run_id: int) -> int | None:
        """The number of a new deployment, or None where the environment's rules do not let that reference in."""

    def deployed(self, deployment: int, state: str, url: str) -> None:
        """A deployment's new state: `in_progress`, `success` or `failure`."""


class Aws(Protocol):
    """An AWS account."""

    @property
    def environment(self) -> dict[str, str]:
        """Variables that lead to the account; credentials among them are not passed on."""

    def assume(self, role_arn: str, claims: dict[str, str]) -> dict[str, str]:
        """Variables with credentials of a role. Raises AwsError where its trust does not let the token in."""
