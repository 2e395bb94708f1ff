"""A version gets traffic little by little, while alarms on it are watched, and it is asked what it is known to answer.

CodeDeploy shifts, and takes back where an alarm rings, whatever becomes of this process. What it cannot know is whether
the alarms saw anything: without traffic none rings. So questions are asked all the while, and a version that proved
nothing is taken back.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from itertools import cycle
from typing import Any

from botocore.exceptions import ClientError

from slipway.compute.sagemaker.words import Expired, code, in_words
from slipway.delivery.release.alarms import Alarms
from slipway.delivery.release.function import ALIAS, Function, pause
from slipway.delivery.release.record import GROUP, Brought, Deployment, Record
from slipway.errors import UserError
from slipway.predictor import questions, wrong_with

AT_ONCE = "CodeDeployDefault.LambdaAllAtOnce"
MOST_TRIES = 60  # questions to the alias in a round, of which a tenth reaches the version
LATE = 60  # rounds of questions after the end, as metrics may be late
MOST_TOLD = 10  # faults, in a summary
OVER = "DeploymentAlreadyCompletedException"


@dataclass
class Seen:
    """What became of a deployment, and what was seen of the version meanwhile."""

    deployment: Deployment
    answered: int = 0  # questions that the version answered for the alias
    asked: int = 0  # of the version itself
    told: set[str] = field(default_factory=set)  # alarms that had something to look at, and did not ring
    faults: list[str] = field(default_factory=list)
    trouble: str = ""  # why questions could not be asked


@dataclass(frozen=True)
class Canary:
    """The version of a function, and the manifest of the bundle that it must answer from."""

    function: Function
    record: Record
    manifest: dict[str, Any]
    version: str

    @cached_property
    def alarms(self) -> Alarms:
        """The version's own."""
        return Alarms(self.function, self.version)

    def start(self, brought: Brought, force: bool) -> Deployment:
        """Let CodeDeploy ask the smoke hook and shift, under the group's alarms and the version's.

        An alarm that rings before would end it, and tells nothing of this version: with `force` it is left out. Raises
        UserError without.
        """
        with in_words(self.function.name):
            group = self.record.client.get_deployment_group(
                applicationName=self.function.name, deploymentGroupName=GROUP
            )["deploymentGroupInfo"]
        names = [each["name"] for each in group.get("alarmConfiguration", {}).get("alarms", [])]
        ringing = [name for name, state in self.alarms.states_of(names).items() if state == "ALARM"]
        if ringing and not force:
            raise UserError(
                f"{', '.join(ringing)} rings before anything of version {self.version} is seen, so it was not started: "
                "run it again when that is over, or with `force`, which leaves it out, where this version is the cure."
            )
        names = [name for name in names if name not in ringing]
        alarms = {"enabled": True, "alarms": [{"name": name} for name in [*names, *self.alarms.names]]}
        hooks = [{"BeforeAllowTraffic": f"{self.function.name}-smoke"}]
        return shift(self.record, brought, hooks, {"overrideAlarmConfiguration": alarms})

    def watch(self, deployment: Deployment) -> Seen:
        """Ask until a deployment is over, and stop it where an answer is wrong.

        Raises UserError where the credentials expire: CodeDeploy goes on, and so does whoever runs this again.
        """
        seen = Seen(deployment)
        rounds = cycle(questions(self.manifest))
        while not seen.deployment.over:
            self._round(rounds, seen)
            if seen.faults:
                stop(self.record, deployment.id)
                seen.deployment = self.record.wait(deployment.id, pause())
                return seen
            time.sleep(pause())
            seen.deployment = self.record.deployment(deployment.id)
        for _ in range(LATE):
            if seen.deployment.status != "Succeeded" or not self.lacking(seen) or seen.faults:
                break
            self._round(rounds, seen)
            time.sleep(pause())
        return seen

    def lacking(self, seen: Seen) -> list[str]:
        """What was not proved, in words; empty where all was."""
        found = [f"the alarm {name} had nothing to look at" for name in self.alarms.names if name not in seen.told]
        if not seen.answered:
            found.insert(0, f"version {self.version} answered no question to {ALIAS}")
        return [*found, *([seen.trouble] if found and seen.trouble else [])]

    def _round(self, rounds: Iterator[tuple[int, dict[str, Any]]], seen: Seen) -> None:
        start, question = next(rounds)
        try:
            answer, _ = self.function.ask(question, self.version)
            seen.asked += 1
            seen.faults += wrong_with(self.manifest, start, question, answer)
            live = self.function.live()
            if live is not None and (live.version == self.version or live.shares.get(self.version)):
                for _ in range(MOST_TRIES):
                    answer, version = self.function.ask(question, ALIAS)
                    if version == self.version:
                        seen.answered += 1
                        seen.faults += wrong_with(self.manifest, start, question, answer)
                        break
            for name, state in self.alarms.states().items():
                if state == "OK":
                    seen.told.add(name)
                elif state == "ALARM" and seen.deployment.over:
                    seen.faults.append(f"the alarm {name} rings")
        except Expired:
            raise
        except UserError as error:  # of AWS: the version may be good
            seen.trouble = str(error)


def shift(record: Record, brought: Brought, hooks: list[dict[str, str]], more: dict[str, Any]) -> Deployment:
    """Start a deployment from `brought.before` to `brought.version`, or find it where an earlier try started it."""
    properties = {
        "Name": record.name,
        "Alias": ALIAS,
        "CurrentVersion": brought.before,
        "TargetVersion": brought.version,
    }
    function = {"Type": "AWS::Lambda::Function", "Properties": properties}
    content = json.dumps({"version": 0.0, "Resources": [{"function": function}], "Hooks": hooks})
    with in_words(record.name):
        try:
            started = record.client.create_deployment(
                applicationName=record.name,
                deploymentGroupName=GROUP,
                description=brought.text(),
                revision={
                    "revisionType": "AppSpecContent",
                    "appSpecContent": {"content": content, "sha256": sha256(content.encode()).hexdigest()},
                },
                **more,
            )["deploymentId"]
        except ClientError as error:
            # an answer that was lost had started it
            found = record.active()
            if code(error) != "DeploymentLimitExceededException" or found is None or found.brought != brought:
                raise
            return found
    return record.deployment(started)


def stop(record: Record, name: str) -> None:
    """End a deployment, with all traffic where it was."""
    with in_words(record.name):
        try:
            record.client.stop_deployment(deploymentId=name, autoRollbackEnabled=True)
        except ClientError as error:
            if code(error) != OVER:
                raise


# what rings now is why somebody goes back: it must not keep the deployment from going on
BACK: dict[str, Any] = {
    "deploymentConfigName": AT_ONCE,
    "overrideAlarmConfiguration": {"enabled": False, "alarms": []},
}
