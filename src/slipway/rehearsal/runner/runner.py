"""Runs workflow files on this machine, step by step, as GitHub would.

with Runner(github, aws, folder) as runner:
    github.push(...)
    for run in runner.pump():
        print(run.workflow, run.conclusion)
"""

import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from queue import Empty
from threading import Lock, Semaphore, Thread
from typing import Self

from slipway.errors import UserError
from slipway.rehearsal.runner.artifacts import Artifacts
from slipway.rehearsal.runner.concurrency import Groups
from slipway.rehearsal.runner.git import Repository
from slipway.rehearsal.runner.language import Language, Tree, text
from slipway.rehearsal.runner.machine import Machine
from slipway.rehearsal.runner.origin import Origin, from_fork, place
from slipway.rehearsal.runner.outside import Aws, Event, GitHub
from slipway.rehearsal.runner.record import StepRecord, WorkflowRun
from slipway.rehearsal.runner.run import Run
from slipway.rehearsal.runner.trigger import inputs_of, skipped, starts

POLL = 0.02  # seconds between looks for new events while runs go on


class Runner:
    """Runs what events start, as long as the block lasts, `machines` jobs at a time. What may be set:

    - `recorded`: (workflow, job) whose jobs are a success and are not replayed; `*` stands for any job.
    - `kill_after`: (workflow, job, step's name or number from 0) after which that job's machine dies, once.
    - `path`: folders before the caller's PATH; `environment`: variables of every step.
    - `minute`: seconds that a minute of a timeout lasts; `grace`: seconds between SIGINT, SIGTERM and SIGKILL.
    - `subject_with_ids`: tokens as those of repositories created since 2026-07-15.
    - `listen`: called with each step's record as it ends.
    """

    def __init__(
        self, github: GitHub, aws: Aws, folder: Path, machines: int = 2, language: Language | None = None
    ) -> None:
        self.github, self.aws, self.folder = github, aws, folder
        self.jobs, self.caches = folder / "jobs", folder / "caches"
        self.artifacts = Artifacts(folder / "artifacts")
        self.repository = Repository(github.repository_path)
        self.recorded: set[tuple[str, str]] = set()
        self.kill_after: tuple[str, str, str | int] | None = None
        self.path: list[Path] = []
        self.environment: dict[str, str] = {}
        self.minute = 60.0
        self.grace = (7.5, 2.5)
        self.subject_with_ids = False
        self.listen: Callable[[StepRecord], None] = lambda record: None
        self.records: list[StepRecord] = []
        self.runs: list[WorkflowRun] = []
        self.groups = Groups()
        self._given, self._stack = language, ExitStack()
        self.machines = Semaphore(machines)
        self._numbers, self._lock = Counter[str](), Lock()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.language = self._given or stack.enter_context(closing(Language()))
            self._parse = cache(self.language.parse)
            self.jobs.mkdir(parents=True)
            # outlives this process, whatever ends it, by as long as it takes to clear what it left
            sweeper = subprocess.Popen(
                [sys.executable, "-m", "slipway.rehearsal.sweep", str(self.jobs)],
                stdin=subprocess.PIPE,
                start_new_session=True,
            )
            stack.callback(sweeper.communicate)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def run(self, workflow: str, event: Event) -> WorkflowRun:
        """Run one workflow (`train.yml`) for an event. Raises UserError where the event does not start it."""
        found = [run for run in self._started(event) if Path(run.origin.file).name == workflow]
        if not found:
            raise UserError(f"{event.name} does not start {workflow}")
        return self._execute(found[0])

    def rerun(self, run: WorkflowRun) -> WorkflowRun:
        """Re-run the failed jobs of a run, and those that need them; the others' results stay."""
        workflow = self._parse(run.workflow, self.repository.text(run.sha, run.workflow))
        origin = self._origin(run.event, run.workflow, workflow, run.ref, run.sha, run.id, run.number, run.attempt + 1)
        return self._execute(Run(self, origin, run.jobs))

    def pump(self) -> list[WorkflowRun]:
        """Run what events start, and what those runs cause, until there is nothing left. In order of their start."""
        ids: list[int] = []
        threads: list[Thread] = []
        errors: list[BaseException] = []

        def execute(run: Run) -> None:
            try:
                self._execute(run)
            except BaseException as error:
                errors.append(error)

        while not errors:
            busy = any(thread.is_alive() for thread in threads)
            try:
                event = Event(*self.github.events.get(timeout=POLL) if busy else self.github.events.get_nowait())
            except Empty:
                if busy:
                    continue
                break
            for run in self._started(event):
                ids.append(run.origin.run)
                threads.append(Thread(target=execute, args=(run,), name=run.origin.file))
                threads[-1].start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]
        return [next(run for run in self.runs if run.id == each) for each in ids]

    def is_recorded(self, file: str, job: str) -> bool:
        """Whether a job is told to be a success, and not replayed."""
        return any(Path(file).name == name and fnmatchcase(job, jobs) for name, jobs in self.recorded)

    def dies_after(self, file: str, job: str, step: str, at: int) -> bool:
        """Whether this is the step after which a machine dies; asked once it is done, and true once."""
        with self._lock:
            if self.kill_after not in ((Path(file).name, job, step), (Path(file).name, job, at)):
                return False
            self.kill_after = None
            return True

    def tell(self, record: StepRecord) -> None:
        """Keep a step's record, and show it to who listens."""
        with self._lock:
            self.records.append(record)
            self.listen(record)

    def clear(self, machine: Machine) -> None:
        """Remove a machine's folders: the next job gets others."""
        shutil.rmtree(machine.folder, ignore_errors=True)

    def _started(self, event: Event) -> list[Run]:
        """The runs that an event starts, each in the line of its concurrency group."""
        ref, sha = place(event, self.repository)
        if event.name == "pull_request" and ref.startswith("refs/pull/"):
            head = event.payload["pull_request"]["head"]["sha"]
            if head not in self.repository.parents(sha)[1:]:
                raise UserError(f"{sha} is not the merge of {head} that {ref} names")
        told = event.payload["pull_request"]["head"]["sha"] if event.name == "pull_request" else sha
        if not event.payload.get("deleted") and skipped(event, self.repository.message(told)):
            return []
        runs = []
        for file in self.repository.workflows(sha):
            workflow = self._parse(file, self.repository.text(sha, file))
            if not starts(workflow, file, event._replace(ref=ref), lambda: self._changed(event)):
                continue
            with self._lock:
                self._numbers[file] += 1
                origin = self._origin(event, file, workflow, ref, sha, 0, self._numbers[file], attempt=1)
                id = self.github.start_run(Path(file).name, origin.name, event, self._title(origin))
            runs.append(Run(self, replace(origin, run=id)))
        return runs

    def _title(self, origin: Origin) -> str:
        """The workflow's `run-name`; empty where it has none."""
        known = {"github": origin.context(), "inputs": origin.inputs, "vars": self.github.variables}
        return text(self.language.evaluate(origin.workflow.get("run-name"), known)).strip()

    def _origin(
        self, event: Event, file: str, workflow: Tree, ref: str, sha: str, run: int, number: int, attempt: int
    ) -> Origin:
        inputs, fork = inputs_of(workflow, event), from_fork(event)
        return Origin(event, file, workflow, ref, sha, run, number, attempt, inputs, fork, self.github.url)

    def _changed(self, event: Event) -> list[str]:
        payload = event.payload
        if event.name == "push":
            return self.repository.pushed_files(payload["before"], payload["after"])
        proposal = payload["pull_request"]
        return self.repository.proposed_files(proposal["base"]["sha"], proposal["head"]["sha"])

    def _execute(self, run: Run) -> WorkflowRun:
        done = run.execute()
        self.github.end_run(done.id, done.conclusion)
        with self._lock:
            self.runs.append(done)
        return done
