"""A training by the form of train.yml: who may do what, the event of its end, and the comment."""

import json
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import yaml

from slipway.compute.sagemaker.account import Account
from slipway.compute.sagemaker.price import cost_usd
from slipway.compute.sagemaker.words import in_words
from slipway.config.compose import PARAMS
from slipway.delivery.acceptance.cost import compute_with
from slipway.delivery.acceptance.record import Broken
from slipway.delivery.acceptance.site import Site, await_that
from slipway.delivery.github import sticky
from slipway.delivery.repository.gh import Body

HOUR = 3600.0
MINUTES = 10  # within which the end of a job must be known at GitHub
LATE = timedelta(minutes=1)  # clocks differ
EVENT = "repository_dispatch"


@dataclass(frozen=True)
class Training:
    """What is named after the moment `stamp`; `before` are the runs of report.yml that events had begun until then."""

    site: Site
    account: Account
    stamp: str
    kind: str
    before: frozenset[int]

    @property
    def branch(self) -> str:
        """From where the workflows are run by hand."""
        return f"acceptance/{self.stamp}"

    @property
    def experiment(self) -> str:
        """The branch that the form makes."""
        return f"experiment/acceptance-{self.stamp}"

    def order(self) -> dict[str, str]:
        """The fields of the form: main's order, and a seed that no job had yet.

        Such a model is as good as main's own, and the gate would keep that one.
        """
        told = yaml.safe_load(PARAMS.read_text(encoding="utf-8"))
        return {
            "name": f"acceptance-{self.stamp}",
            "data": str(told["data"]),
            "model": str(told["model"]),
            "values": f"train.seed={int(self.stamp.replace('-', '')) % 2**31} gate.on_tie.champion=promote",
            "instance_type": self.kind,
            "instance_count": "1",
            "spot": "true",
        }

    def may_train(self) -> list[str]:
        """A job of a branch submits, so it was given `train`. Raises Broken where it was not."""
        self.site.branch(self.branch)
        self.site.dispatch("train.yml", self.branch, self.order())
        run = self.ended("train.yml")
        if run["conclusion"] != "success":
            raise Broken(f"train.yml on a branch ended with {run['conclusion']}: {run['html_url']}")
        if self.site.jobs(run).get("submit") != "success":
            raise Broken(f"train.yml on a branch submitted nothing: {run['html_url']}")
        return [f"{run['html_url']} on {self.branch}: submit took AWS_ROLE_TRAIN, and submitted {self.state.name}"]

    def may_not_deploy(self) -> list[str]:
        """A job of a branch gets no role on the way to staging. Raises Broken where it does."""
        self.site.dispatch("deploy.yml", self.branch)
        run = self.ended("deploy.yml")
        jobs = self.site.jobs(run)
        if run["conclusion"] != "failure" or jobs.get("desired") != "failure" or jobs.get("staging") == "success":
            raise Broken(f"deploy.yml on a branch was not refused: {run['html_url']}, {json.dumps(jobs)}")
        return [
            f"{run['html_url']} on {self.branch}: desired was refused, staging {jobs.get('staging', 'was not reached')}"
        ]

    def ended(self, workflow: str) -> Body:
        """The run by hand on the branch, which no other has."""
        began = self.site.new_run(workflow, set(), f"a run of {workflow} on {self.branch}", 300, branch=self.branch)
        return self.site.ended(began, workflow, HOUR)

    @property
    def number(self) -> int:
        """Of the pull request. Raises Broken where the form made none."""
        pull = self.site.pull(self.experiment)
        if pull is None:
            raise Broken(f"the form made no pull request of {self.experiment}.")
        return int(pull["number"])

    @property
    def comment(self) -> Body:
        """The one comment. Raises Broken where there is none, or another."""
        found = self.site.comments(self.number)
        if len(found) != 1:
            raise Broken(f"#{self.number} has {len(found)} comments with the report's mark, not one.")
        return found[0]

    @property
    def state(self) -> sticky.State:
        """What the comment says. Raises Broken where it says nothing."""
        found = sticky.read(str(self.comment["body"]))
        if found is None or found.name is None:
            raise Broken(f"the comment of #{self.number} names no job.")
        return found

    @cached_property
    def name(self) -> str:
        """The job, as SageMaker knows it."""
        return str(self.state.name)

    def job(self) -> dict[str, Any]:
        """What SageMaker tells of it."""
        with in_words(self.name):
            found: dict[str, Any] = self.account.client("sagemaker").describe_training_job(TrainingJobName=self.name)
            return found

    def event_arrives(self) -> list[str]:
        """EventBridge tells GitHub of the end. Raises Broken where it does not, or the job fails."""
        job = await_that(self._over, f"the end of {self.name}", 5 * HOUR)
        if job["TrainingJobStatus"] != "Completed":
            raise Broken(f"{self.name} is {job['TrainingJobStatus']}: {job.get('FailureReason', 'no reason is told')}")
        ended = job["TrainingEndTime"]

        def look() -> Body | None:
            runs = [each for each in self.site.runs("report.yml", event=EVENT) if each["id"] not in self.before]
            return next((each for each in reversed(runs) if at(each) >= ended - LATE), None)

        what = f"a run of report.yml by {EVENT} (is `github_events` of terraform/platform set, with its token?)"
        run = await_that(look, what, 60.0 * MINUTES)
        seconds = max(0.0, (at(run) - ended).total_seconds())
        return [f"{self.name} ended at {ended:%H:%M:%S} UTC", f"{run['html_url']} by {EVENT} {seconds:.0f} s later"]

    def is_reported_once(self) -> list[str]:
        """The comment becomes a report, and another run of report.yml adds none. Raises Broken otherwise."""
        state = await_that(self._reported, f"the report on #{self.number}", HOUR)
        first = self.comment
        if state.status != "reported":
            raise Broken(f"the comment of #{self.number} says {state.status}: {first['html_url']}")
        known = {each["id"] for each in self.site.runs("report.yml")}
        self.site.dispatch("report.yml", self.site.needs.branch)
        again = self.site.new_run("report.yml", known, "a run of report.yml by hand", 300, event="workflow_dispatch")
        self.site.ended(again, "report.yml", HOUR)
        if self.comment["id"] != first["id"]:
            raise Broken(f"#{self.number} got another comment.")
        return [f"{first['html_url']} is the only one, also after {again['html_url']}"]

    def _over(self) -> dict[str, Any] | None:
        job = self.job()
        return job if job["TrainingJobStatus"] in ("Completed", "Failed", "Stopped") else None

    def _reported(self) -> sticky.State | None:
        state = self.state
        return state if state.status not in ("waiting", "training") else None

    def head(self) -> str:
        """The commit that the pull request's branch has now, with the report's."""
        return str(self.site.get("pulls", str(self.number))["head"]["sha"])

    def usd(self) -> float | None:
        """What the job was billed."""
        return cost_usd(compute_with(), self.kind, float(self.job().get("BillableTimeInSeconds", 0)), 1)

    def settle(self) -> str:
        """Let the runs end that were begun by hand: they would make anew what is cleaned up."""
        for workflow in ("train.yml", "deploy.yml"):
            for run in self.site.runs(workflow, branch=self.branch):
                self.site.ended(run, workflow, HOUR)
        return "no run that was begun by hand goes on"

    def stop(self) -> str:
        """End the job, if it runs."""
        if self.site.pull(self.experiment) is None or not self.site.comments(self.number):
            return "no job was announced"
        if self._over() is None:
            with in_words(self.name):
                self.account.client("sagemaker").stop_training_job(TrainingJobName=self.name)
            return f"stopped {self.name}"
        return f"{self.name} had ended"

    def close(self) -> str:
        """Close the pull request, if it is open."""
        pull = self.site.pull(self.experiment)
        if pull is None:
            return "no pull request was made"
        if pull["state"] == "open":
            self.site.do("PATCH", "pulls", str(pull["number"]), body={"state": "closed"})
        return f"closed #{pull['number']}"

    def delete(self, branch: str) -> str:
        """Delete a branch, if it is there."""
        if self.site.get("git", "ref", "heads", branch) is None:
            return f"{branch} was not made"
        self.site.do("DELETE", "git", "refs", "heads", branch)
        return f"deleted {branch}"


def at(run: Body) -> datetime:
    """When a run began."""
    return datetime.fromisoformat(str(run["created_at"]))


def stamp() -> str:
    """This moment, as part of a name."""
    return time.strftime("%Y%m%d-%H%M%S", time.gmtime())
