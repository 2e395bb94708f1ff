"""What a run was started by and from: the `github` context and the claims of its tokens.

https://docs.github.com/en/actions/reference/workflows-and-actions/contexts#github-context
https://docs.github.com/en/actions/reference/security/oidc
"""

from dataclasses import dataclass

from slipway.rehearsal.runner.git import Repository
from slipway.rehearsal.runner.language import Tree
from slipway.rehearsal.runner.outside import Event, Json

SERVER = "https://github.com"
ISSUER = "https://token.actions.githubusercontent.com"
DEPENDABOT = "dependabot[bot]"


def place(event: Event, repository: Repository) -> tuple[str, str]:
    """The reference and the commit that an event runs on. Raises UserError for an event without one here."""
    ref, payload = event.ref, event.payload
    if event.name == "pull_request":
        proposal = payload["pull_request"]
        if payload["action"] == "closed" and proposal.get("merged"):
            ref = f"refs/heads/{proposal['base']['ref']}"
            return ref, event.sha or proposal["merge_commit_sha"]
        ref = f"refs/pull/{payload['number']}/merge"
        return ref, event.sha or repository.tip(ref)
    if event.name not in ("push", "workflow_dispatch", "merge_group"):
        # all others, among them `schedule`, `repository_dispatch` and `pull_request_target`, run what main says
        ref = f"refs/heads/{payload['repository']['default_branch']}"
    if not ref.startswith("refs/"):
        ref = f"refs/heads/{ref}"
    return ref, event.sha or repository.tip(ref)


def from_fork(event: Event) -> bool:
    """Whether a proposal comes from another repository, or from Dependabot, which is trusted as little."""
    if event.name != "pull_request":
        return False
    head = event.payload["pull_request"]["head"]["repo"]
    return event.actor == DEPENDABOT or head is None or head["full_name"] != event.payload["repository"]["full_name"]


@dataclass(frozen=True)
class Origin:
    """One attempt of a run. `file` is the workflow's path, `fork` says that nothing of the repository's is lent."""

    event: Event
    file: str
    workflow: Tree
    ref: str
    sha: str
    run: int
    number: int
    attempt: int
    inputs: Json
    fork: bool
    api: str

    @property
    def name(self) -> str:
        """The workflow's name, or its path where it has none."""
        return self.workflow.get("name") or self.file

    @property
    def repository(self) -> str:
        """OWNER/NAME."""
        return str(self.event.payload["repository"]["full_name"])

    @property
    def shown_on(self) -> str:
        """The commit whose checks the jobs are: of a proposal its head, not the merge that runs."""
        if self.event.name == "pull_request":
            return str(self.event.payload["pull_request"]["head"]["sha"])
        return self.sha

    @property
    def ref_name(self) -> str:
        """`main`, `v1` or `7/merge`."""
        return self.ref.split("/", 2)[2]

    def context(self) -> Json:
        """The `github` context as far as it is the same for all jobs."""
        payload = self.event.payload
        repository, sender = payload["repository"], payload.get("sender") or {}
        proposal = payload.get("pull_request") if self.event.name.startswith("pull_request") else None
        source = "None" if self.fork else "Actions"
        return {
            "actor": self.event.actor,
            "actor_id": str(sender.get("id", "")),
            "triggering_actor": self.event.actor,
            "api_url": self.api,
            "graphql_url": f"{self.api}/graphql",
            "server_url": SERVER,
            "base_ref": proposal["base"]["ref"] if proposal else "",
            "head_ref": proposal["head"]["ref"] if proposal else "",
            "event": payload,
            "event_name": self.event.name,
            "ref": self.ref,
            "ref_name": self.ref_name,
            "ref_type": "tag" if self.ref.startswith("refs/tags/") else "branch",
            "ref_protected": False,
            "sha": self.sha,
            "repository": repository["full_name"],
            "repository_id": str(repository["id"]),
            "repository_owner": repository["owner"]["login"],
            "repository_owner_id": str(repository["owner"]["id"]),
            "repositoryUrl": f"git://github.com/{repository['full_name']}.git",
            "retention_days": "90",
            "run_id": str(self.run),
            "run_number": str(self.number),
            "run_attempt": str(self.attempt),
            "secret_source": source,
            "workflow": self.name,
            "workflow_ref": f"{repository['full_name']}/{self.file}@{self.ref}",
            "workflow_sha": self.sha,
        }

    def claims(self, environment: str, audience: str, with_ids: bool) -> dict[str, str]:
        """What the token of a job tells. `with_ids`: the subject of repositories created since 2026-07-15."""
        told = self.context()
        owner, name = self.repository.split("/")
        if with_ids:
            owner, name = f"{owner}@{told['repository_owner_id']}", f"{name}@{told['repository_id']}"
        if environment:
            rest = f"environment:{environment}"
        elif self.event.name == "pull_request":
            rest = "pull_request"
        else:
            rest = f"ref:{self.ref}"
        private = self.event.payload["repository"].get("private", True)
        same = (
            "actor", "actor_id", "base_ref", "event_name", "head_ref", "ref", "ref_type", "repository", "repository_id",
            "repository_owner", "repository_owner_id", "run_attempt", "run_id", "run_number", "sha", "workflow",
            "workflow_ref", "workflow_sha",
        )  # fmt: skip
        claims = {key: str(told[key]) for key in same} | {
            "aud": audience,
            "iss": ISSUER,
            "job_workflow_ref": told["workflow_ref"],
            "job_workflow_sha": self.sha,
            "repository_visibility": "private" if private else "public",
            "runner_environment": "github-hosted",
            "sub": f"repo:{owner}/{name}:{rest}",
        }
        return claims | ({"environment": environment} if environment else {})
