"""One job: its steps in order, on a machine of its own."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from slipway.rehearsal.runner.commands import Log
from slipway.rehearsal.runner.language import ExpressionError, Tree, text, texts
from slipway.rehearsal.runner.machine import Machine, StepError
from slipway.rehearsal.runner.origin import Origin
from slipway.rehearsal.runner.outside import Json
from slipway.rehearsal.runner.permissions import granted
from slipway.rehearsal.runner.record import JobRecord, StepRecord
from slipway.rehearsal.runner.step import Done, run_action, run_script

if TYPE_CHECKING:
    from slipway.rehearsal.runner.runner import Runner


class DeadRunnerError(Exception):
    """The machine went away."""


@dataclass
class Job:
    """A job that is about to run. `contexts` are those that were known before it got a machine; `goes_on` tells whether
    its `if` still holds when the run is cancelled.
    """

    runner: "Runner"
    origin: Origin
    id: str
    name: str
    tree: Tree
    contexts: Json
    goes_on: Callable[[], bool]
    reason: str = ""
    cancelled: bool = False
    status: str = "success"
    steps: dict[str, Json] = field(default_factory=dict)
    records: list[StepRecord] = field(default_factory=list)
    machine: Machine | None = None
    _holds: Callable[[], bool] = lambda: False
    _lock: Lock = field(default_factory=Lock)

    def cancel(self, reason: str, whole_run: bool = False) -> None:
        """End it, whether it waits or runs; steps whose `if` holds in a cancelled job still run. Where the whole run is
        cancelled, a job whose own `if` holds all the same goes on.
        """
        if whole_run and self.goes_on():
            return
        with self._lock:
            if self.cancelled:
                return
            self.cancelled, self.reason = True, reason
            if self.machine is not None:
                self.status = "cancelled"
                if not self._holds():
                    self.machine.stop = True
                    self.machine.interrupt()
        self.runner.groups.wake()

    def run(self) -> JobRecord:
        """Run it to its end."""
        began = time.monotonic()
        environment, address = self._environment()
        permissions = granted(self.origin.workflow, self.tree, self.origin.fork)
        deployment = None
        if environment:
            deployment = self.runner.github.deploy(environment, self.origin.ref, self.origin.sha, self.origin.run)
            if deployment is None:
                self.reason = (
                    f"{self.origin.ref_name} is not allowed to deploy to {environment} "
                    "due to environment protection rules"
                )
                return self._record("failure", {}, began)
            self.runner.github.deployed(deployment, "in_progress", "")
        machine = Machine(self.runner, self.origin, self.id, self.name, permissions, environment)
        self.contexts["secrets"] = {"GITHUB_TOKEN": machine.token, "github_token": machine.token}
        with self._lock:
            self.machine, self.status = machine, "cancelled" if self.cancelled else "success"
        outputs: dict[str, str] = {}
        try:
            self._write_event(machine)
            self._run_steps(machine)
            # also of one that failed: https://github.com/actions/runner, JobExtension.FinalizeJob
            outputs, result = self._outputs(machine), self.status
        except DeadRunnerError:
            result, self.reason = (
                "failure",
                "The runner has received a shutdown signal, or lost communication with GitHub",
            )
        except ExpressionError as error:
            result, self.reason = "failure", f"The template is not valid: {error}"
        finally:
            machine.close()
        if deployment is not None:
            url = text(self._evaluate(machine, address)) if address and result == "success" else ""
            self.runner.github.deployed(deployment, "success" if result == "success" else "failure", url)
        self.runner.clear(machine)
        return self._record(result, outputs, began)

    def _record(self, result: str, outputs: dict[str, str], began: float) -> JobRecord:
        seconds = time.monotonic() - began
        steps = tuple(self.records)
        return JobRecord(self.id, self.name, result, outputs, steps, seconds, False, self.origin.attempt, self.reason)

    def _environment(self) -> tuple[str, Tree]:
        """The environment's name and its address, which is known only at the end."""
        given = self.tree.get("environment")
        if given is None:
            return "", None
        named = given["name"] if isinstance(given, dict) and "$expression" not in given else given
        found = self.runner.language.evaluate(named, self.contexts)
        return text(found), given.get("url") if isinstance(given, dict) else None

    def _write_event(self, machine: Machine) -> None:
        path = Path(machine.context()["event_path"])
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(self.origin.event.payload), encoding="utf-8")

    def _all(self, machine: Machine, own: dict[str, str] | None = None) -> Json:
        """All contexts of a step whose own variables are `own`."""
        job = {"status": self.status, "container": {}, "services": {}}
        return self.contexts | {
            "github": machine.context(), "env": machine.variables | (own or {}), "steps": self.steps, "job": job,
            "runner": machine.runner_context(),
        }  # fmt: skip

    def _evaluate(self, machine: Machine, tree: Tree, own: dict[str, str] | None = None) -> Any:
        return self.runner.language.evaluate(tree, self._all(machine, own), self._status(), machine.workspace)

    def _status(self) -> dict[str, bool]:
        return {name: self.status == held for name, held in
                (("success", "success"), ("failure", "failure"), ("cancelled", "cancelled"))}  # fmt: skip

    def _run_steps(self, machine: Machine) -> None:
        for env in (self.origin.workflow.get("env"), self.tree.get("env")):
            machine.variables |= texts(self._evaluate(machine, env))
        minutes = self._evaluate(machine, self.tree.get("timeout-minutes", 360))
        deadline = time.monotonic() + float(minutes) * self.runner.minute
        for at, step in enumerate(self.tree["steps"]):
            self._step(machine, step, at, deadline, minutes)
            if self.runner.dies_after(self.origin.file, self.id, self.records[-1].step, at):
                raise DeadRunnerError
        for name, do in machine.after_success:
            if self.status == "success":
                log = Log(machine.masks)
                do(log)
                self._keep(name, Done("success"), "success", log, time.monotonic())

    def _step(self, machine: Machine, step: Tree, at: int, deadline: float, job_minutes: float) -> None:
        began, log, done = time.monotonic(), Log(machine.masks), Done("skipped")
        name, own = self._plain_name(step), dict[str, str]()
        conclusion = ""
        try:
            own = texts(self._evaluate(machine, step.get("env") or {}))
            with self._lock:  # a cancellation comes before or after
                machine.stop = False
                self._holds = lambda: self._holds_now(machine, step, own)
                holds = self._holds()
            if holds:
                name = text(self._evaluate(machine, step["name"], own)) if "name" in step else name
                done = self._do(machine, step, at, own, log, deadline)
            else:
                conclusion = "skipped"
        except (StepError, ExpressionError) as error:
            log.say(f"##[error]{error}")
            done.outcome = "failure"
        finally:
            self._holds = lambda: False
        if done.timed_out and time.monotonic() < deadline:
            log.say(f"##[error]The action '{name}' has timed out.")
        elif done.timed_out:
            log.say("##[error]The operation was canceled.")
            done.outcome = "cancelled"
            self.reason = f"The job has exceeded the maximum execution time of {job_minutes:g} minutes"
            self.cancelled, self.status = True, "cancelled"
        if self.cancelled and machine.stop and done.outcome == "failure":
            done.outcome = "cancelled"
        conclusion = conclusion or done.outcome
        if done.outcome == "failure" and self._evaluate(machine, step.get("continue-on-error", False), own):
            conclusion = "success"
        if conclusion == "failure" and self.status == "success":
            self.status = "failure"
        if key := step.get("id"):
            self.steps[key] = {"outputs": done.outputs, "outcome": done.outcome, "conclusion": conclusion}
        self._keep(name, done, conclusion, log, began)

    def _holds_now(self, machine: Machine, step: Tree, own: dict[str, str]) -> bool:
        return self.runner.language.holds(step["if"], self._all(machine, own), self._status(), machine.workspace)

    def _do(self, machine: Machine, step: Tree, at: int, own: dict[str, str], log: Log, deadline: float) -> Done:
        left = None if self.status == "cancelled" else (deadline - time.monotonic()) / self.runner.minute
        minutes = self._evaluate(machine, step.get("timeout-minutes"), own)
        limit = min((float(each) for each in (minutes, left) if each is not None), default=None)
        key = step.get("id") or f"__run_{at + 1}"
        if "uses" in step:
            given = self._evaluate(machine, step.get("with") or {}, own)
            return run_action(machine, step["uses"], given, own, log, key)
        script = text(self._evaluate(machine, step["run"], own))
        default = self._default(machine)
        shell = text(self._evaluate(machine, step.get("shell", default.get("shell", "")), own))
        folder = text(
            self._evaluate(machine, step.get("working-directory", default.get("working-directory", ".")), own)
        )
        return run_script(machine, script, shell, folder, own, log, limit, key)

    def _default(self, machine: Machine) -> Json:
        """`defaults.run` of the workflow, and the job's over it."""
        found: Json = {}
        for each in (self.origin.workflow, self.tree):
            found |= self._evaluate(machine, (each.get("defaults") or {}).get("run") or {})
        return found

    def _plain_name(self, step: Tree) -> str:
        if isinstance(step.get("name"), str):
            return str(step["name"])
        if "uses" in step:
            return f"Run {step['uses']}"
        run = step["run"]
        return f"Run {(run if isinstance(run, str) else run['$expression']).strip().splitlines()[0]}"

    def _keep(self, name: str, done: Done, conclusion: str, log: Log, began: float) -> None:
        seconds = time.monotonic() - began
        self.records.append(StepRecord(
            Path(self.origin.file).name, self.origin.run, self.origin.attempt, self.name, name, seconds, done.outcome,
            conclusion, log.text, done.summary, tuple(log.annotations),
        ))  # fmt: skip
        self.runner.tell(self.records[-1])

    def _outputs(self, machine: Machine) -> dict[str, str]:
        """The job's outputs, without those that hold a secret."""
        found = texts(self._evaluate(machine, self.tree.get("outputs") or {}))
        hidden = [name for name, value in found.items() if any(mask in value for mask in machine.masks)]
        for name in hidden:
            self.reason = f"Skip output '{name}' since it may contain secret."
            del found[name]
        return found
