"""The fresh machine that a job runs on: its folders, its variables, its token, and what it has started."""

import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING

from slipway.rehearsal.runner.commands import Log
from slipway.rehearsal.runner.origin import Origin
from slipway.rehearsal.runner.outside import Json
from slipway.rehearsal.runner.process import Process
from slipway.rehearsal.sweep import MARK, sweep

if TYPE_CHECKING:
    from slipway.rehearsal.runner.runner import Runner

BOT = "github-actions[bot]"
CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
CONTEXT_FILES = ("env", "output", "path", "state", "step_summary")


class StepError(Exception):
    """Why a step failed, for its log."""


class Machine:
    """Holds one job. `permissions` are its token's, `environment` the name of the environment it deploys to, or ''."""

    def __init__(
        self, runner: "Runner", origin: Origin, job: str, name: str, permissions: dict[str, str], environment: str
    ) -> None:
        self.runner, self.origin, self.job, self.name = runner, origin, job, name
        self.permissions, self.deploys_to = permissions, environment
        self.folder = Path(tempfile.mkdtemp(prefix=f"{job}-", dir=runner.jobs))
        repository = origin.repository.split("/")[1]
        self.workspace = self.folder / "work" / repository / repository
        self.home, self.temp, self.tools = (self.folder / part for part in ("home", "temp", "tools"))
        for each in (self.workspace, self.home, self.temp, self.tools):
            each.mkdir(parents=True)
        # whoever caused the run, the token is the bot's: what it does starts nothing, or what waits for approval
        asked = {name: level for name, level in permissions.items() if name != "id-token"}
        self.token = runner.github.token_for(asked, BOT)
        self.masks = {self.token}
        self.variables: dict[str, str] = {}  # the workflow's and job's `env`, and what GITHUB_ENV added
        self.added: list[str] = []  # to PATH, the newest last
        self.after_success: list[tuple[str, Callable[[Log], None]]] = []  # what actions do when the job is over
        self.stop = False
        self._process: Process | None = None
        self._lock = Lock()

    def close(self) -> None:
        """End all that still runs here, and the token."""
        sweep(self.folder)
        self.runner.github.revoke(self.token)

    def context(self) -> Json:
        """The `github` context of the job."""
        return self.origin.context() | {
            "job": self.job, "token": self.token, "workspace": str(self.workspace),
            "event_path": str(self.temp / "_github_workflow" / "event.json"),
        }  # fmt: skip

    def runner_context(self) -> dict[str, str]:
        """The `runner` context."""
        return {
            "name": "GitHub Actions 1", "os": "Linux", "arch": "X64", "environment": "github-hosted",
            "temp": str(self.temp), "tool_cache": str(self.tools),
        }  # fmt: skip

    def environment(self, own: dict[str, str], files: dict[str, Path], step: str) -> dict[str, str]:
        """All variables of a step whose own are `own`."""
        told = {key: value for key, value in self.context().items() if isinstance(value, str)}
        fixed = {f"GITHUB_{key.upper()}": value for key, value in told.items() if key not in ("token", "repositoryUrl")}
        fixed |= {"GITHUB_ACTION": step, "GITHUB_REF_PROTECTED": "false", "GITHUB_ACTIONS": "true"}
        fixed |= {f"RUNNER_{key.upper()}": value for key, value in self.runner_context().items()}
        fixed |= {f"GITHUB_{key.upper()}": str(path) for key, path in files.items()}
        fixed |= {"PATH": os.pathsep.join(self.path()), MARK: str(self.folder)}
        known = {name: value for name, value in self.runner.aws.environment.items() if name not in CREDENTIALS}
        known |= {"LANG": "C.UTF-8", "CI": "true"} | self.runner.environment | {"HOME": str(self.home)}
        return known | self.variables | own | fixed

    def path(self) -> list[str]:
        """Folders of PATH: what steps added, what the rehearsal adds, then the caller's without its own Python."""
        mine = {Path(sys.executable).parent, Path(sys.prefix) / "bin"}
        theirs = os.environ.get("PATH", os.defpath).split(os.pathsep)
        return [
            *reversed(self.added),
            *(str(each) for each in self.runner.path),
            *(each for each in theirs if each and Path(each) not in mine),
        ]

    def files(self) -> dict[str, Path]:
        """New, empty files for GITHUB_ENV and its like."""
        folder = Path(tempfile.mkdtemp(prefix="_runner_file_commands-", dir=self.temp))
        found = {name: folder / name for name in CONTEXT_FILES}
        for path in found.values():
            path.touch()
        return found

    def claims(self, audience: str) -> dict[str, str]:
        """What the job's OIDC token tells. Raises StepError without the permission to ask for one."""
        if self.permissions.get("id-token") != "write":
            raise StepError(
                "Unable to get OIDC token: the job lacks `permissions: id-token: write`, or a fork asks for it"
            )
        return self.origin.claims(self.deploys_to, audience, self.runner.subject_with_ids)

    def run(
        self, words: Sequence[str], folder: Path, environment: dict[str, str], log: Log, minutes: float | None = None
    ) -> int | None:
        """Run a process to its end: its exit code, or None where it took longer. Raises StepError: no such folder."""
        if not folder.is_dir():
            raise StepError(f"the working directory is missing: {folder}")
        with self._lock:
            if self.stop:
                return -1
            self._process = Process(words, folder, environment, log.say)
        seconds = None if minutes is None else minutes * self.runner.minute
        try:
            return self._process.wait(seconds, self.runner.grace)
        finally:
            with self._lock:
                self._process = None

    def interrupt(self) -> None:
        """Stop the process that runs now, without waiting for its end."""
        with self._lock:
            if self._process is not None:
                Thread(target=self._process.stop, args=(self.runner.grace,), daemon=True).start()
