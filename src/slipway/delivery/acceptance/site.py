"""What an acceptance asks of GitHub, by `gh`, as the person who is logged in there."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

from slipway.delivery.acceptance.record import Broken
from slipway.delivery.github import sticky
from slipway.delivery.release.function import pause
from slipway.delivery.repository.gh import Body, Request, ask, get
from slipway.delivery.repository.needs import Needs
from slipway.errors import UserError

Found = TypeVar("Found")


@dataclass(frozen=True)
class Site:
    """The repository, as terraform/bootstrap names it."""

    needs: Needs

    def get(self, *parts: str) -> Any:
        """What is there; None where nothing is."""
        return get(self.needs.path(*parts))

    def do(self, method: str, *parts: str, body: Body | None = None) -> Any:
        """Change something. Raises UserError where GitHub refuses."""
        path = self.needs.path(*parts)
        answer = ask(Request(method, path, body))
        if not answer.good:
            raise UserError(f"GitHub refuses {method} {path}: {answer.message} (HTTP {answer.status}).")
        return answer.body

    def tip(self) -> str:
        """The commit of the main branch."""
        return str(self.get("git", "ref", "heads", self.needs.branch)["object"]["sha"])

    def branch(self, name: str) -> None:
        """Begin a branch where the main branch is."""
        self.do("POST", "git", "refs", body={"ref": f"refs/heads/{name}", "sha": self.tip()})

    def dispatch(self, workflow: str, branch: str, inputs: dict[str, str] | None = None) -> None:
        """Run a workflow by hand, as `gh workflow run` does."""
        body: Body = {"ref": branch} | ({"inputs": inputs} if inputs else {})
        self.do("POST", "actions", "workflows", workflow, "dispatches", body=body)

    def runs(self, workflow: str, **query: str) -> list[Body]:
        """The newest runs of a workflow."""
        asked = "&".join(f"{name}={quote(value, safe='')}" for name, value in {**query, "per_page": "50"}.items())
        found = self.get("actions", "workflows", workflow, f"runs?{asked}") or {}
        return list(found.get("workflow_runs", []))

    def new_run(self, workflow: str, known: set[int], what: str, seconds: float, **query: str) -> Body:
        """A run that was not there before. Raises Broken where none comes in time."""

        def look() -> Body | None:
            return next((each for each in self.runs(workflow, **query) if each["id"] not in known), None)

        return await_that(look, what, seconds)

    def ended(self, run: Body, what: str, seconds: float) -> Body:
        """A run, once it is over. Raises Broken where it is not in time."""

        def look() -> Body | None:
            found: Body = self.get("actions", "runs", str(run["id"]))
            return found if found["status"] == "completed" else None

        return await_that(look, f"the end of {what} ({run['html_url']})", seconds)

    def jobs(self, run: Body) -> dict[str, str]:
        """How the jobs of a run ended, by their names."""
        path, place = f"commits/{run['head_sha']}/check-runs?filter=all", f"/actions/runs/{run['id']}/"
        checks = self._pages(path, "check_runs")
        return {each["name"]: str(each["conclusion"]) for each in checks if place in str(each["details_url"])}

    def pull(self, branch: str) -> Body | None:
        """The pull request of a branch."""
        owner = self.needs.repository.partition("/")[0]
        found = self.get(f"pulls?head={quote(f'{owner}:{branch}', safe='')}&state=all") or []
        return found[0] if found else None

    def comments(self, number: int) -> list[Body]:
        """The comments of the workflows' bot that bear its mark."""
        return [each for each in self._pages(f"issues/{number}/comments?") if sticky.is_ours(each)]

    def _pages(self, path: str, key: str = "") -> Iterator[Body]:
        for page in range(1, 100):
            told = self.get(f"{path}&per_page=100&page={page}".replace("?&", "?")) or {}
            found = told.get(key, []) if isinstance(told, dict) else told
            yield from found
            if len(found) < 100:
                return


def await_that(look: Callable[[], Found | None], what: str, seconds: float) -> Found:
    """Block until there is something; returns it. Raises Broken where it does not come in time."""
    end = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > end:
            raise Broken(f"{what} did not come within {seconds / 60:.0f} minutes.")
        time.sleep(pause())
    return found
