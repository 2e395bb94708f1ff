"""CodeDeploy's actions on deployments: what it refuses, and what became of those that it took.

https://docs.aws.amazon.com/codedeploy/latest/APIReference/Welcome.html
"""

import time
from collections.abc import Callable
from threading import Condition, Thread
from typing import Any

from botocore.exceptions import ClientError

from slipway.rehearsal.aws.call import AwsError, Call
from slipway.rehearsal.aws.deploying.codedeploy import CodeDeploy
from slipway.rehearsal.aws.deploying.deployments import (
    ENDED,
    Deployment,
    EndingError,
    Found,
    Rollout,
    specification,
    steps,
)

PAGE = 100
LONGEST = 1000  # characters of a description
STATUSES = ("Succeeded", "Failed")


class Releases:
    """The deployments of one account, on the groups of `codedeploy`; `client` gives a client of a service in a role."""

    def __init__(self, codedeploy: CodeDeploy, client: Callable[..., Any]) -> None:
        self.codedeploy, self.client = codedeploy, client
        self.minute = 60.0
        self.changed = Condition()
        self.deployments: dict[str, Deployment] = {}
        self.running: dict[str, tuple[Rollout, Thread]] = {}
        self._actions = {
            "CreateDeployment": self._create,
            "GetDeployment": lambda call: {"deploymentInfo": self._info(self._of(call))},
            "BatchGetDeployments": self._batch,
            "ListDeployments": self._list,
            "StopDeployment": self._stop,
            "PutLifecycleEventHookExecutionStatus": self._put_status,
        }

    def knows(self, call: Call) -> bool:
        """Whether it answers the call itself."""
        return call.service == "codedeploy" and call.action in self._actions

    def answer(self, call: Call) -> Found:
        """The answer of AWS; raises AwsError."""
        return self._actions[call.action](call)

    def place(self, call: Call) -> Found:
        """Application and group of the deployments that a call names: IAM asks for those. Raises AwsError."""
        name = call.body.get("deploymentId") or next(iter(call.body.get("deploymentIds", [])), None)
        if name is None or call.action not in ("GetDeployment", "BatchGetDeployments"):
            return {}
        told = self._named(name, call.region).told
        return {key: told[key] for key in ("applicationName", "deploymentGroupName")}

    def _create(self, call: Call) -> Found:
        """CreateDeployment."""
        asked = call.body
        self.codedeploy.application(call)
        group = self.codedeploy.group(call)
        if len(asked.get("description", "")) > LONGEST:
            raise AwsError("DescriptionTooLongException", f"The description is longer than {LONGEST} characters.")
        if "revision" not in asked:
            raise AwsError("RevisionRequiredException", "Revision is required.")
        deployment = Deployment(asked, group, call.region, specification(asked["revision"]), self.changed)
        list(steps(deployment.told["deploymentConfigName"]))
        with self.changed:
            for other in self._in_group(call):
                if other.status not in ENDED:
                    name = asked["deploymentGroupName"]
                    why = f"The Deployment Group '{name}' already has an active Deployment '{other.id}'"
                    raise AwsError("DeploymentLimitExceededException", why)
            self.deployments[deployment.id] = deployment
            rollout = Rollout(deployment, self.client, lambda: self.minute)
            thread = Thread(target=self._run, args=(rollout,), daemon=True)
            self.running[deployment.id] = rollout, thread
            thread.start()
        return {"deploymentId": deployment.id}

    def _run(self, rollout: Rollout) -> None:
        deployment = rollout.deployment
        try:
            ending = rollout.run()
            # its traffic is back before anybody hears that it failed
            if ending is not None:
                self._end(rollout, ending)
            else:
                deployment.move("Succeeded")
        except Exception as error:
            why = {"code": "INTERNAL_ERROR", "message": f"{type(error).__name__}: {error}"}
            deployment.move("Failed", errorInformation=why)
        finally:
            with self.changed:
                del self.running[deployment.id]
                self.changed.notify_all()

    def _end(self, rollout: Rollout, ending: EndingError) -> None:
        deployment = rollout.deployment
        told = deployment.told["autoRollbackConfiguration"]
        wanted = bool(told.get("enabled")) and ending.event in told.get("events", [])
        more: Found = {"errorInformation": {"code": ending.code, "message": ending.message}}
        if wanted if deployment.rolls_back is None else deployment.rolls_back:
            more["rollbackInfo"] = {"rollbackDeploymentId": self._roll_back(rollout).id}
        deployment.move(ending.status, **more)

    def _roll_back(self, rollout: Rollout) -> Deployment:
        """A deployment of CodeDeploy's own, that brings back what was there."""
        failed = rollout.deployment
        asked = {key: failed.told[key] for key in ("applicationName", "deploymentGroupName")}
        back = Deployment(asked, failed.group, failed.region, failed.spec, self.changed)
        back.told |= {
            "creator": "codeDeployRollback",
            "deploymentConfigName": "CodeDeployDefault.LambdaAllAtOnce",
            "rollbackInfo": {"rollbackTriggeringDeploymentId": failed.id},
        }
        with self.changed:
            self.deployments[back.id] = back
        back.move("InProgress", startTime=time.time())
        try:
            rollout.roll_back()
            back.move("Succeeded")
        except ClientError as error:
            back.move("Failed", errorInformation={"code": "IAM_ROLE_PERMISSIONS", "message": str(error)})
        return back

    def _list(self, call: Call) -> Found:
        """ListDeployments: the newest first, a page at a time."""
        asked = call.body
        if "applicationName" in asked:
            self.codedeploy.application(call)
        if "deploymentGroupName" in asked:
            self.codedeploy.group(call)
        span = asked.get("createTimeRange", {})
        with self.changed:
            found = [
                each
                for each in reversed(self._in_group(call))
                if each.status in (asked.get("includeOnlyStatuses") or [each.status])
                and span.get("start", 0) <= each.told["createTime"] <= span.get("end", time.time())
            ]
        first = int(asked.get("nextToken") or 0)
        more = {"nextToken": str(first + PAGE)} if first + PAGE < len(found) else {}
        return {"deployments": [each.id for each in found[first : first + PAGE]]} | more

    def _in_group(self, call: Call) -> list[Deployment]:
        wanted = {key: call.body[key] for key in ("applicationName", "deploymentGroupName") if key in call.body}
        return [
            each
            for each in self.deployments.values()
            if each.region == call.region and wanted.items() <= each.told.items()
        ]

    def _batch(self, call: Call) -> Found:
        """BatchGetDeployments."""
        known = [self.deployments[each] for each in call.body["deploymentIds"] if each in self.deployments]
        return {"deploymentsInfo": [self._info(each) for each in known if each.region == call.region]}

    def _stop(self, call: Call) -> Found:
        """StopDeployment."""
        deployment = self._of(call)
        with self.changed:
            if deployment.status in ENDED:
                why = f"The deployment {deployment.id} has already completed."
                raise AwsError("DeploymentAlreadyCompletedException", why)
            deployment.rolls_back = call.body.get("autoRollbackEnabled")
            why = "The deployment was stopped by a user."
            deployment.stop = EndingError("Stopped", "DEPLOYMENT_STOP_ON_REQUEST", "MANUAL_STOP", why)
            self.changed.notify_all()
        return {"status": "Pending", "statusMessage": "Stopping the deployment is in progress."}

    def _put_status(self, call: Call) -> Found:
        """PutLifecycleEventHookExecutionStatus."""
        asked, deployment = call.body, self._of(call)
        identity, status = asked.get("lifecycleEventHookExecutionId"), asked.get("status")
        with self.changed:
            if identity not in deployment.hooks:
                why = f"The lifecycle event hook execution {identity} is none of {deployment.id}."
                raise AwsError("InvalidLifecycleEventHookExecutionIdException", why)
            if status not in STATUSES:
                why = f"The status {status} is neither Succeeded nor Failed."
                raise AwsError("InvalidLifecycleEventHookExecutionStatusException", why)
            if deployment.hooks[identity] != "InProgress":
                raise AwsError("LifecycleEventAlreadyCompletedException", "The lifecycle event has already completed.")
            deployment.hooks[identity] = status
            self.changed.notify_all()
        return {"lifecycleEventHookExecutionId": identity}

    def close(self) -> None:
        """End what runs, wherever it is."""
        with self.changed:
            running = list(self.running.values())
            for rollout, _ in running:
                rollout.closed = True
            self.changed.notify_all()
        for _, thread in running:
            thread.join()

    def _of(self, call: Call) -> Deployment:
        if not call.body.get("deploymentId"):
            raise AwsError("DeploymentIdRequiredException", "The deployment ID is required.")
        return self._named(call.body["deploymentId"], call.region)

    def _named(self, name: str, region: str) -> Deployment:
        found = self.deployments.get(name)
        if found is None or found.region != region:
            raise AwsError("DeploymentDoesNotExistException", f"The deployment {name} could not be found")
        return found

    def _info(self, deployment: Deployment) -> Found:
        with self.changed:
            return dict(deployment.told)
