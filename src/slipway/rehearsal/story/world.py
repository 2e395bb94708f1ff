"""The world of a rehearsal: a repository on an emulated GitHub, its runner, an account on emulated AWS, and a person.

What runs in it is real: the steps of the workflow files, git, DVC, Terraform, trainings and the function itself.
"""

import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any, Self

from slipway.delivery.github import sticky
from slipway.delivery.project import project
from slipway.delivery.terraform.root import binary
from slipway.rehearsal.aws.account import EmulatedAws
from slipway.rehearsal.docker import client as docker
from slipway.rehearsal.github import GitHub, Person
from slipway.rehearsal.github.call import Caller
from slipway.rehearsal.github.event import emit
from slipway.rehearsal.runner import Runner
from slipway.rehearsal.runner.record import StepRecord, WorkflowRun
from slipway.rehearsal.story.evidence import evidence, failed, failure
from slipway.rehearsal.story.project import Clone
from slipway.rehearsal.story.record import Conversation
from slipway.rehearsal.story.timeline import BrokenError, Step, Timeline
from slipway.rehearsal.terraform import plugins

SECONDS = 180.0
# what they do has tests of its own: here they are recorded as a success
RECORDED = {("ci.yml", "test"), ("ci.yml", "pipeline"), ("ci.yml", "images"), ("security.yml", "*")}
# red until a model is reported, and what GitHub then merges or not
GATE = ("ci.yml", "model-gate")
# seconds that a minute of a canary, of an alarm and between questions lasts
MINUTE = 1.5


@dataclass(frozen=True)
class Answering:
    """What answers in an environment: the version, the image and the bundle in it."""

    version: str
    image: str
    bundle: str


class World:
    """All of it, as long as the block lasts; what happens is told to the timeline."""

    def __init__(self, folder: Path, timeline: Timeline) -> None:
        self.folder, self.timeline = folder, timeline
        self.may_fail = {GATE}  # workflow and job: what fails there is part of the story

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.aws = stack.enter_context(EmulatedAws(region=project().region, grace=20))
            self.aws.minute = MINUTE
            self.github = stack.enter_context(GitHub())
            self.mona: Person = self.github.as_user()
            self._open()
            stack.callback(self._close)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def pause(self) -> None:
        """Leave no thread and no process, so that this one can be forked. Raises RuntimeError while a job trains."""
        self._close()
        self.aws.pause()
        self.github.pause()

    def resume(self, folder: Path) -> None:
        """Go on; in a process that was forked the world is its own from now on, and `folder` its place."""
        shutil.copytree(self.folder / "clone", folder / "clone", symlinks=True)
        self.folder = folder
        self.aws.resume()
        self.github.resume()
        self._open()
        self.clone.git("remote", "set-url", "origin", self.mona.remote())

    def _open(self) -> None:
        self.aws.github = self.github.url
        # each job keeps its images and logins in a home of its own
        tools = docker.install(self.folder / "tools")["PATH"]
        self.runner = Runner(self.github, self.aws, self.folder / "runner")
        self.runner.recorded = set(RECORDED)
        self.runner.subject_with_ids = True
        self.runner.listen = self._heard
        self.runner.path = [Path(tools)]
        self.runner.environment = {**plugins(), "TERRAFORM_BIN": binary(), "TF_INPUT": "0"}
        self.runner.environment["TF_CLI_ARGS"] = "-no-color"
        # short minutes need short pauses between questions
        self.runner.environment["SLIPWAY_PAUSE_SECONDS"] = "0.3"
        self.runner.__enter__()
        self.clone = Clone(self.folder / "clone", self.mona.remote())

    def _close(self) -> None:
        self.runner.__exit__()

    # what a person does

    def bootstrap(self) -> str:
        """`make bootstrap`, by a person with all rights in the account who administrates the repository."""
        own = self.aws.environment | self.runner.environment | self.github.environment | {"APPROVE": "yes"}
        words = ("python", "-m", "slipway.delivery.terraform", "bootstrap", "bootstrap")
        return self.clone.run(*words, environment=own)

    def propose(self, branch: str, title: str, change: Callable[[Path], None], label: bool = True) -> int:
        """Push a change on a new branch, open a pull request, and ask for a training; returns its number."""
        self.clone.begin(branch)
        change(self.clone.folder)
        self.clone.commit(title)
        self.clone.git("push", "--quiet", "origin", f"{branch}:{branch}")
        number = self.mona.open_pull_request(branch, title)
        if label:
            self.mona.label(number, "train")
        return number

    def update(self, number: int) -> None:
        """As by the button: main is merged into the branch of a pull request."""
        branch = self.github.pulls[number].head_ref
        self.clone.begin(branch, f"origin/{branch}")
        self.clone.git("merge", "--quiet", "--no-edit", "origin/main")
        self.clone.git("push", "--quiet", "origin", f"{branch}:{branch}")

    # what happens then

    def pump(self, *expected: str) -> list[WorkflowRun]:
        """Run the workflows that have been started, and what those start.

        Raises BrokenError where one fails, but for jobs that may, or where a file of `expected` is not among them.
        """
        runs = self.runner.pump()
        for run in runs:
            self.show_recorded(run)
            file = Path(run.workflow).name
            if any((file, job.id) not in self.may_fail for job in failed(run)):
                raise BrokenError(failure(run))
        self.expect(runs, *expected)
        return runs

    def expect(self, runs: list[WorkflowRun], *files: str) -> None:
        """Raise BrokenError where a workflow did not run."""
        ran = [Path(run.workflow).name for run in runs]
        if lacking := [file for file in files if file not in ran]:
            raise BrokenError(f"{', '.join(lacking)} was not started; {', '.join(ran) or 'nothing'} was")

    def await_report(self, *numbers: int) -> None:
        """Run what events start until the trainings of pull requests are reported; some may have been so already."""
        states = [self.state(number) for number in numbers]
        names = [str(state.name) for state in states if state.status == "training"]
        if not names:
            return
        with self.timeline.step("SageMaker trains, and EventBridge tells GitHub") as step:
            # there may be word of another job's end already
            jobs = [self.aws.sagemaker.jobs[self.aws.region, name] for name in names]
            self.await_that(lambda: all(job.over for job in jobs), f"the end of {', '.join(names)}")
            self.aws.events.settle()
            self.await_that(lambda: not self.github.events.empty(), "word of the training's end")
            step.shows(", ".join(names))
        self.pump("report.yml")

    def await_job(self, number: int, status: str = "Completed") -> None:
        """Block until the job of a pull request has reached a status. Raises BrokenError where it does not."""
        name = str(self.state(number).name)
        try:
            self.aws.wait(name, status, seconds=SECONDS)
        except TimeoutError as error:
            raise BrokenError(str(error)) from error
        self.aws.events.settle()

    def schedule(self) -> None:
        """The time of report.yml's schedule has come."""
        tip = str(self.github.git.resolve("main"))
        text = self.github.git.run("show", "main:.github/workflows/report.yml")
        cron = re.search(r'cron: "(.+)"', text)
        assert cron is not None
        caller = Caller("octocat", "admin")
        emit(self.github, "schedule", {"schedule": cron[1]}, "refs/heads/main", tip, caller)

    def await_that(self, holds: Callable[[], Any], what: str, seconds: float = SECONDS) -> Any:
        """Block until something holds; returns it. Raises BrokenError where it does not in time."""
        end = time.monotonic() + seconds
        while not (found := holds()):
            if time.monotonic() > end:
                raise BrokenError(f"{what} did not come within {seconds:.0f} seconds")
            time.sleep(0.05)
        return found

    # what there is to see

    def comment(self, number: int) -> str:
        """The one comment of the bot. Raises BrokenError where there is none, or another."""
        found = [each.body for each in self.github.comments_of(number) if each.user == sticky.BOT]
        if len(found) != 1:
            raise BrokenError(f"#{number} has {len(found)} comments by the bot, not one")
        return found[0]

    def state(self, number: int) -> sticky.State:
        """What a pull request waits for. Raises BrokenError without a comment that says so."""
        found = sticky.read(self.comment(number))
        if found is None:
            raise BrokenError(f"the comment of #{number} holds no state")
        return found

    def is_now(self, number: int, status: str) -> None:
        """Raise BrokenError where a pull request's state is another."""
        with self.timeline.step(f"the comment of #{number} says {status}") as step:
            state = self.state(number)
            if state.status != status:
                raise BrokenError(f"it says {state.status}:\n{self.comment(number)}")
            step.shows(next((line for line in self.comment(number).splitlines() if line.startswith("#")), ""))

    def bot_commits(self, number: int) -> list[str]:
        """The bot's commits on a pull request's branch."""
        head = self.github.pulls[number].head_sha
        return self.github.git.log("--author=github-actions", head, "^main")

    def proposed_bundle(self, number: int) -> str:
        """The bundle that a pull request's branch names."""
        return self._bundle(self.github.pulls[number].head_sha)

    def _bundle(self, commit: str) -> str:
        return str(self.gate(commit)["bundle"])

    def gate(self, commit: str) -> dict[str, Any]:
        """The verdict that a commit holds, with its bundle and reasons."""
        found: dict[str, Any] = json.loads(self.github.git.run("show", f"{commit}:reports/gate.json"))
        return found

    def answering(self, environment: str) -> Answering | None:
        """What answers in an environment; None before the first release."""
        client, name = self.aws.client("lambda"), f"slipway-{environment}"
        try:
            alias = client.get_alias(FunctionName=name, Name="live")
        except client.exceptions.ResourceNotFoundException:
            return None
        if (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights"):
            raise BrokenError(f"{environment} answers with two versions")
        function = client.get_function(FunctionName=name, Qualifier=alias["FunctionVersion"])
        told = json.loads(self.aws.ask(name, METADATA).payload)
        bundle = json.loads(told["body"])["digest"]
        return Answering(alias["FunctionVersion"], function["Code"]["ImageUri"].rpartition("@")[2], bundle)

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """What production answers to a visitor. Raises BrokenError where it fails."""
        told = self.aws.ask("slipway-production", question)
        answer: dict[str, Any] = json.loads(told.payload)
        if told.error or "predictions" not in answer:
            raise BrokenError(f"production answers {answer}")
        return answer

    @contextmanager
    def traffic(self, question: dict[str, Any]) -> Iterator[None]:
        """Visitors ask production, ten times a second, as long as the block lasts."""
        over = Event()

        def visit() -> None:
            while not over.wait(0.1):
                self.aws.ask("slipway-production", question)

        visitor = Thread(target=visit, daemon=True)
        visitor.start()
        try:
            yield
        finally:
            over.set()
            visitor.join()

    def merged_bundle(self) -> str:
        """The bundle that main asks for."""
        return self._bundle("main")

    def conversations(self) -> list[Conversation]:
        """The pull requests, for the record."""
        return [
            Conversation(
                pull.number,
                pull.title,
                "merged" if pull.merged_at else pull.state,
                tuple((each.user, each.body) for each in self.github.comments_of(pull.number)),
            )
            for pull in self.github.pulls.values()
        ]

    def show_recorded(self, run: WorkflowRun) -> None:
        """Tell the timeline of a run's jobs that were told to be a success."""
        for job in run.jobs:
            if job.recorded and job.attempt == run.attempt:
                step = Step(f"{Path(run.workflow).name} · {job.name}", evidence="recorded, not replayed")
                self.timeline.acts[-1].steps.append(step)
                self.timeline.print(step)

    def _heard(self, record: StepRecord) -> None:
        """Tell the timeline of a workflow's step."""
        if record.outcome == "skipped":
            return
        file = Path(record.workflow).name
        name = f"{file} · {record.job} · {record.step}"
        may_fail = (file, record.job.partition(" ")[0]) in self.may_fail  # a matrix adds its values to the name
        good = True if record.conclusion == "success" else None if may_fail else False
        step = Step(name, record.seconds, good, evidence(record), record.log)
        self.timeline.acts[-1].steps.append(step)
        self.timeline.print(step)


METADATA = {
    "version": "2.0", "rawPath": "/metadata", "rawQueryString": "", "headers": {"host": "localhost"},
    "requestContext": {"http": {"method": "GET", "path": "/metadata", "sourceIp": "127.0.0.1"}},
    "isBase64Encoded": False,
}  # fmt: skip
