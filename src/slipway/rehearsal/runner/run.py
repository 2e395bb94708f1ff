"""One attempt of a run: its jobs, by what each needs."""

from dataclasses import replace
from functools import partial
from threading import Condition, Thread
from typing import TYPE_CHECKING, Any

from slipway.errors import UserError
from slipway.rehearsal.runner.concurrency import Concurrency
from slipway.rehearsal.runner.job import Job
from slipway.rehearsal.runner.language import ExpressionError, Tree, text
from slipway.rehearsal.runner.matrix import MatrixError, combinations
from slipway.rehearsal.runner.origin import Origin
from slipway.rehearsal.runner.outside import Json
from slipway.rehearsal.runner.record import JobRecord, WorkflowRun
from slipway.rehearsal.runner.step import check

if TYPE_CHECKING:
    from slipway.rehearsal.runner.runner import Runner


class Run:
    """Jobs in `kept` are those of an earlier attempt that need not run again."""

    def __init__(self, runner: "Runner", origin: Origin, kept: tuple[JobRecord, ...] = ()) -> None:
        self.runner, self.origin, self.kept = runner, origin, kept
        self.jobs: dict[str, Tree] = origin.workflow["jobs"]
        self.cancelled = False
        self.done: dict[str, list[JobRecord]] = {}
        self._active: list[Job] = []
        self._error: BaseException | None = None
        self._changed = Condition()
        variables = {} if origin.fork else dict(runner.github.variables)
        self.contexts: Json = {"github": origin.context(), "inputs": origin.inputs, "vars": variables}
        for key, job in self.jobs.items():
            self._check(key, job)
        self.concurrency = Concurrency.of(runner.language.evaluate(origin.workflow.get("concurrency"), self.contexts))
        runner.groups.join(self.concurrency, self)  # as events come, not as threads do

    def cancel(self, reason: str) -> None:
        """End the run: jobs that wait do not start, and those that run stop, unless their `if` holds all the same."""
        self.cancelled = True
        with self._changed:
            active = list(self._active)
            self._changed.notify_all()
        for job in active:
            job.cancel(reason, whole_run=True)
        self.runner.groups.wake()

    def execute(self) -> WorkflowRun:
        """Run all jobs. Raises what went wrong with the runner itself."""
        with self.runner.groups.turn(self.concurrency, self) as mine:
            if not mine:
                return self._record("cancelled", [JobRecord(key, key, "cancelled") for key in self.jobs])
            threads = [Thread(target=self._guarded, args=(key,), name=key) for key in self.jobs]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        if self._error is not None:
            raise self._error
        jobs = [each for key in self.jobs for each in self.done[key]]
        results = {each.result for each in jobs}
        for conclusion in ("failure", "cancelled", "success"):
            if conclusion in results:
                return self._record("cancelled" if self.cancelled else conclusion, jobs)
        return self._record("skipped", jobs)

    def _record(self, conclusion: str, jobs: list[JobRecord]) -> WorkflowRun:
        given = self.origin
        return WorkflowRun(
            given.file, given.name, given.run, given.number, given.attempt, given.event, given.ref, given.sha,
            conclusion, tuple(jobs),
        )  # fmt: skip

    def _check(self, key: str, job: Tree) -> None:
        where = f"{self.origin.file}, job {key}"
        if self.runner.is_recorded(self.origin.file, key):
            return
        for name in ("uses", "container", "services", "snapshot"):
            if name in job:
                raise UserError(f"{where}: `{name}` is not replayed")
        check(job["steps"], where)

    def _needs(self, key: str) -> list[str]:
        given = self.jobs[key].get("needs") or []
        return [given] if isinstance(given, str) else list(given)

    def _ancestors(self, key: str) -> set[str]:
        found: set[str] = set()
        ahead = self._needs(key)
        while ahead:
            each = ahead.pop()
            if each not in found:
                found.add(each)
                ahead += self._needs(each)
        return found

    def _guarded(self, key: str) -> None:
        try:
            records = self._wait_and_run(key)
        except BaseException as error:
            self._error = self._error or error
            records = [JobRecord(key, key, "failure", reason=str(error))]
        with self._changed:
            self.done[key] = records
            self._changed.notify_all()

    def _wait_and_run(self, key: str) -> list[JobRecord]:
        needed = self._needs(key)
        with self._changed:
            self._changed.wait_for(lambda: all(each in self.done for each in needed))
        kept = [each for each in self.kept if each.id == key]
        if kept and all(each.result in ("success", "skipped") for each in kept) and not self._stale(key):
            return kept
        job = self.jobs[key]
        contexts = self.contexts | {
            "needs": {each: self._summary(each) for each in needed},
            "strategy": {},
            "matrix": {},
        }
        try:
            if not self._holds(key, contexts):
                result = "cancelled" if self.cancelled and not self._unmet(key) else "skipped"
                return [self._told(JobRecord(key, key, result, attempt=self.origin.attempt))]
            strategy = self.runner.language.evaluate(job.get("strategy") or {}, contexts)
            matrix = strategy.get("matrix")
            rows = [{}] if matrix is None else combinations(matrix)
        except (ExpressionError, MatrixError) as error:
            return [self._told(JobRecord(key, key, "failure", reason=f"The template is not valid: {error}"))]
        fail_fast = bool(strategy.get("fail-fast", True))
        about = {
            "fail-fast": fail_fast,
            "job-total": len(rows),
            "max-parallel": strategy.get("max-parallel", len(rows)),
        }
        jobs = [self._job(key, row, contexts, about | {"job-index": at}, matrix) for at, row in enumerate(rows)]
        return self._together(jobs, kept, fail_fast)

    def _stale(self, key: str) -> bool:
        """Whether something that it needs has run again."""
        return any(each.attempt == self.origin.attempt for need in self._ancestors(key) for each in self.done[need])

    def _job(self, key: str, row: Json, contexts: Json, strategy: Json, matrix: Any) -> Job:
        job, known = self.jobs[key], contexts | {"matrix": row, "strategy": strategy}
        if "name" in job:
            name = text(self.runner.language.evaluate(job["name"], known))
        else:
            name = f"{key} ({', '.join(text(each) for each in row.values())})" if matrix is not None else key
        return Job(self.runner, self.origin, key, name, job, known, partial(self._holds, key, contexts, cancelled=True))

    def _together(self, jobs: list[Job], kept: list[JobRecord], fail_fast: bool) -> list[JobRecord]:
        """The jobs of one key side by side; the first failure cancels the others where `fail_fast`."""
        records: dict[int, JobRecord] = {}

        def one(at: int, job: Job) -> None:
            before = next((each for each in kept if each.name == job.name and each.result == "success"), None)
            if before is not None and not self._stale(job.id):
                records[at] = before
                return
            try:
                records[at] = self._one(job)
            except BaseException as error:
                self._error = self._error or error
                records[at] = JobRecord(job.id, job.name, "failure", reason=str(error))
            if records[at].result == "failure" and fail_fast:
                for other in jobs:
                    if other is not job:
                        other.cancel(f"The strategy configuration was canceled because {job.name} failed")

        threads = [Thread(target=one, args=pair, name=pair[1].name) for pair in enumerate(jobs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return [records[at] for at in range(len(jobs))]

    def _one(self, job: Job) -> JobRecord:
        attempt = self.origin.attempt
        if self.runner.is_recorded(self.origin.file, job.id):
            return self._told(JobRecord(job.id, job.name, "success", recorded=True, attempt=attempt))
        with self._changed:
            self._active.append(job)
        concurrency = Concurrency.of(self.runner.language.evaluate(job.tree.get("concurrency"), job.contexts))
        self.runner.groups.join(concurrency, job)
        try:
            with self.runner.groups.turn(concurrency, job) as mine, self.runner.machines:
                if not mine or job.cancelled:
                    return self._told(JobRecord(job.id, job.name, "cancelled", attempt=attempt, reason=job.reason))
                self.runner.github.job_changed(self.origin.run, job.name, self.origin.shown_on, "in_progress", None)
                record = job.run()
                if record.result == "failure" and self.runner.language.evaluate(
                    job.tree.get("continue-on-error", False), job.contexts
                ):
                    record = replace(record, result="success", reason=record.reason or "continue-on-error")
                return self._told(record)
        finally:
            with self._changed:
                self._active.remove(job)

    def _told(self, record: JobRecord) -> JobRecord:
        self.runner.github.job_changed(self.origin.run, record.name, self.origin.shown_on, "completed", record.result)
        return record

    def _summary(self, key: str) -> Json:
        """What `needs` tells of a job: over all of a matrix."""
        records = self.done[key]
        outputs: dict[str, str] = {}
        for each in records:
            outputs |= {name: value for name, value in each.outputs.items() if value or name not in outputs}
        return {"result": _result(records), "outputs": outputs}

    def _unmet(self, key: str) -> bool:
        return any(_result(self.done[each]) != "success" for each in self._ancestors(key))

    def _holds(self, key: str, contexts: Json, cancelled: bool = False) -> bool:
        """A job's `if`: success() and failure() look at all that it needs, near and far."""
        results = [_result(self.done[each]) for each in self._ancestors(key)]
        cancelled = cancelled or self.cancelled
        status = {
            "success": not cancelled and all(each == "success" for each in results),
            "failure": not cancelled and "failure" in results,
            "cancelled": cancelled,
        }
        return self.runner.language.holds(self.jobs[key]["if"], contexts, status)


def _result(records: list[JobRecord]) -> str:
    results = {each.result for each in records}
    return next((each for each in ("failure", "cancelled", "success", "skipped") if each in results), "success")
