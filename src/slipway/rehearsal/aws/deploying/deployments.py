"""CodeDeploy's deployments of functions: an alias is shifted, hooks are asked, alarms are looked at.

https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-steps-lambda.html
"""

import json
import re
import secrets
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from threading import Condition, Thread
from typing import Any

import yaml
from botocore.exceptions import ClientError

from slipway.rehearsal.aws.call import AwsError

CANARY = re.compile(r"CodeDeployDefault\.LambdaCanary(\d+)Percent(\d+)Minutes")
LINEAR = re.compile(r"CodeDeployDefault\.LambdaLinear(\d+)PercentEvery(\d+)Minutes?")
AT_ONCE = "CodeDeployDefault.LambdaAllAtOnce"
DEFAULT = "CodeDeployDefault.LambdaCanary10Percent5Minutes"
HOOKS = ("BeforeAllowTraffic", "AfterAllowTraffic")
HOOK_MINUTES = 60.0
POLLS = 10  # looks at the alarms a minute
ENDED = ("Succeeded", "Failed", "Stopped")
KEPT = ("applicationName", "deploymentGroupName", "description", "overrideAlarmConfiguration")
ALARMS_RANG = (
    "One or more alarms have been activated according to the Amazon CloudWatch metrics you selected, and the affected "
    "deployments have been stopped. Activated alarms: {}"
)
NO_PERMISSION = (
    "The IAM role {role} does not give you permission to perform operations in the following AWS service: {service}. "
    "Contact your AWS administrator if you need help. If you are an AWS administrator, you can grant permissions to "
    "your users or groups by creating IAM policies."
)
SERVICES = {"lambda": "AWSLambda", "cloudwatch": "AmazonCloudWatch"}
Found = dict[str, Any]


class EndingError(Exception):
    """Why a deployment ends before it has succeeded."""

    def __init__(self, status: str, event: str, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.event, self.code, self.message = status, event, code, message


class Deployment:
    """One deployment; `changed` is held while it is read or changed, and told of each change."""

    def __init__(self, asked: Found, group: Found, region: str, revision: Found, changed: Condition) -> None:
        self.id = f"d-{secrets.token_hex(5)[:9].upper()}"
        self.group, self.region, self.changed = group, region, changed
        self.spec = revision
        self.told: Found = {key: asked[key] for key in KEPT if key in asked} | {
            "deploymentId": self.id,
            "deploymentConfigName": asked.get("deploymentConfigName") or group.get("deploymentConfigName") or DEFAULT,
            "status": "Created",
            "createTime": time.time(),
            "creator": "user",
            "computePlatform": "Lambda",
            "deploymentStyle": {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
            "autoRollbackConfiguration": asked.get("autoRollbackConfiguration")
            or group.get("autoRollbackConfiguration", {"enabled": False}),
            "revision": shown(asked.get("revision", {})),
        }
        self.stop: EndingError | None = None  # what somebody asked for
        self.rolls_back: bool | None = None  # that who stopped it said
        self.hooks: dict[str, str] = {}  # status by identity

    @property
    def status(self) -> str:
        """As AWS tells it."""
        return str(self.told["status"])

    def move(self, status: str, **more: Any) -> None:
        """Take a status."""
        with self.changed:
            self.told |= {"status": status, **more}
            if status in ENDED:
                self.told["completeTime"] = time.time()
            self.changed.notify_all()


class Rollout:
    """Carries one deployment out, in the role of its group; `client` gives a client of a service in a role."""

    def __init__(self, deployment: Deployment, client: Callable[..., Any], minute: Callable[[], float]) -> None:
        self.deployment, self.minute = deployment, minute
        self.role: str = deployment.group["serviceRoleArn"]
        self._client = client
        self.closed = False
        properties = deployment.spec["properties"]
        self.alias = {"FunctionName": properties["Name"], "Name": properties["Alias"]}
        self.current, self.target = str(properties["CurrentVersion"]), str(properties["TargetVersion"])

    def client(self, service: str) -> Any:
        """A client of a service, in the group's role."""
        return self._client(service, self.deployment.region, self.role.rpartition("/")[2])

    def run(self) -> EndingError | None:
        """From Created to the end; what ended it before it had succeeded, if anything."""
        told = self.deployment
        told.move("InProgress", startTime=time.time())
        try:
            self._check_alias()
            self._look()
            self._hook(HOOKS[0])
            for share, minutes in steps(told.told["deploymentConfigName"]):
                self._shift(share)
                self._wait(minutes)
            self._hook(HOOKS[1])
            self._look()
        except EndingError as ending:
            return ending
        except ClientError as error:
            return self._denied(error)
        return None

    def roll_back(self) -> None:
        """All traffic to where it was."""
        self._update(self.current, {})

    def _denied(self, error: ClientError) -> EndingError:
        if not error.response["Error"]["Code"].startswith("AccessDenied"):
            return EndingError("Failed", "DEPLOYMENT_FAILURE", "INVALID_LAMBDA_FUNCTION", str(error))
        service = SERVICES.get(re.split(r"perform: |:", str(error))[3].strip(), "AWSLambda")
        words = NO_PERMISSION.format(role=self.role, service=service)
        return EndingError("Failed", "DEPLOYMENT_FAILURE", "IAM_ROLE_PERMISSIONS", f"{words} ({error})")

    def _check_alias(self) -> None:
        found = self.client("lambda").get_alias(**self.alias)
        weights = (found.get("RoutingConfig") or {}).get("AdditionalVersionWeights")
        if found["FunctionVersion"] != self.current or weights:
            why = (
                f"The alias {self.alias['Name']} of {self.alias['FunctionName']} must point at version {self.current} "
                f"alone: it points at {found['FunctionVersion']}, and at {weights or 'no other'}."
            )
            raise EndingError("Failed", "DEPLOYMENT_FAILURE", "INVALID_LAMBDA_CONFIGURATION", why)

    def _shift(self, percent: int) -> None:
        if percent == 100:
            self._update(self.target, {})
        else:
            self._update(self.current, {self.target: percent / 100})

    def _update(self, version: str, weights: dict[str, float]) -> None:
        routing = {"AdditionalVersionWeights": weights}
        self.client("lambda").update_alias(**self.alias, FunctionVersion=version, RoutingConfig=routing)

    def _wait(self, minutes: float, until: Callable[[], bool] = lambda: False) -> bool:
        """Wait, and look at the alarms; whether what was waited for came. Raises EndingError."""
        end = time.monotonic() + minutes * self.minute()
        changed = self.deployment.changed
        while True:
            with changed:
                left = end - time.monotonic()
                changed.wait_for(
                    lambda: until() or self.deployment.stop is not None or self.closed,
                    max(0, min(left, self.minute() / POLLS)),
                )
                if self.closed:
                    raise EndingError("Failed", "", "INTERNAL_ERROR", "The emulation ends.")
                if self.deployment.stop is not None:
                    raise self.deployment.stop
                if until():
                    return True
            self._look()
            if time.monotonic() >= end:
                return False

    def _look(self) -> None:
        """Raise EndingError where an alarm rings."""
        told = self.deployment.told.get("overrideAlarmConfiguration") or self.deployment.group.get("alarmConfiguration")
        if not told or not told.get("enabled"):
            return
        names = [each["name"] for each in told.get("alarms", [])]
        try:
            alarms = self.client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"] if names else []
        except ClientError:
            if told.get("ignorePollAlarmFailure"):
                return
            raise
        if ringing := [each["AlarmName"] for each in alarms if each["StateValue"] == "ALARM"]:
            words = ALARMS_RANG.format(", ".join(f"<{name}>" for name in ringing))
            raise EndingError("Stopped", "DEPLOYMENT_STOP_ON_ALARM", "ALARM_ACTIVE", words)

    def _hook(self, name: str) -> None:
        """Ask a function, and wait for what it tells CodeDeploy. Raises EndingError unless that is Succeeded."""
        function = self.deployment.spec["hooks"].get(name)
        if function is None:
            return
        identity, hooks = str(uuid.uuid4()), self.deployment.hooks
        hooks[identity] = "InProgress"
        event = {"DeploymentId": self.deployment.id, "LifecycleEventHookExecutionId": identity}
        client = self.client("lambda")
        errors: list[ClientError] = []

        def ask() -> None:
            try:
                client.invoke(FunctionName=function, Payload=json.dumps(event).encode())
            except ClientError as error:
                with self.deployment.changed:
                    errors.append(error)
                    self.deployment.changed.notify_all()

        # it answers by PutLifecycleEventHookExecutionStatus, not by what it returns
        asking = Thread(target=ask, daemon=True)
        asking.start()
        came = self._wait(HOOK_MINUTES, lambda: hooks[identity] != "InProgress" or bool(errors))
        asking.join(0 if not came else None)
        if errors:
            raise errors[0]
        if hooks[identity] != "Succeeded":
            # a hook that is too late may not answer any more
            said = f"answered {hooks[identity]}" if came else "did not answer within one hour"
            hooks[identity] = hooks[identity] if came else "Unknown"
            why = f"The lifecycle event {name} failed: the hook {function} {said}."
            raise EndingError("Failed", "DEPLOYMENT_FAILURE", "HOOK_EXECUTION_FAILURE", why)


def steps(config: str) -> Iterator[tuple[int, float]]:
    """Shares of the traffic in percent, each with the minutes until the next."""
    if config == AT_ONCE:
        yield 100, 0.0
    elif found := CANARY.fullmatch(config):
        yield int(found[1]), float(found[2])
        yield 100, 0.0
    elif found := LINEAR.fullmatch(config):
        for share in range(int(found[1]), 100, int(found[1])):
            yield share, float(found[2])
        yield 100, 0.0
    else:
        raise AwsError("DeploymentConfigDoesNotExistException", f"No Deployment Configuration found for name: {config}")


def shown(revision: Found) -> Found:
    """A revision as GetDeployment tells it: its hash."""
    kind = {"AppSpecContent": "appSpecContent", "String": "string"}.get(revision.get("revisionType", ""))
    if kind is None:
        return revision
    digest = sha256(revision[kind]["content"].encode()).hexdigest()
    return {"revisionType": revision["revisionType"], kind: {"sha256": digest}}


def specification(revision: Found) -> Found:
    """What an AppSpec asks for: `properties` of the one function, and `hooks` by event. Raises AwsError."""
    kind = {"AppSpecContent": "appSpecContent", "String": "string"}.get(revision.get("revisionType", ""))
    if kind is None or "content" not in revision.get(kind, {}):
        raise invalid("Lambda deployments need a revision of type AppSpecContent or String, with its content.")
    content = revision[kind]["content"]
    if revision[kind].get("sha256", digest := sha256(content.encode()).hexdigest()) != digest:
        raise invalid("The SHA256 of the AppSpec's content is another than the one that was told.")
    told: Any = None
    with suppress(yaml.YAMLError):
        told = yaml.safe_load(content)
    if not isinstance(told, dict) or str(told.get("version")) not in ("0.0", "0"):
        raise invalid("The AppSpec must be YAML or JSON with version 0.0.")
    resources = [each for entry in told.get("Resources") or told.get("resources") or [] for each in entry.values()]
    if len(resources) != 1 or (resources[0].get("Type") or resources[0].get("type")) != "AWS::Lambda::Function":
        raise invalid("The AppSpec must have exactly one resource, of type AWS::Lambda::Function.")
    found = resources[0].get("Properties") or resources[0].get("properties") or {}
    properties = {name.lower(): value for name, value in found.items()}
    wanted = {"Name": "name", "Alias": "alias", "CurrentVersion": "currentversion", "TargetVersion": "targetversion"}
    if missing := [name for name, lower in wanted.items() if not properties.get(lower)]:
        raise invalid(f"The AppSpec's function lacks {', '.join(missing)}.")
    whole = {name: str(properties[lower]) for name, lower in wanted.items()}
    if whole["CurrentVersion"] == whole["TargetVersion"]:
        raise invalid("The AppSpec's CurrentVersion and TargetVersion must differ.")
    hooks = {name: value for each in told.get("Hooks") or told.get("hooks") or [] for name, value in each.items()}
    if unknown := set(hooks) - set(HOOKS):
        raise invalid(f"The AppSpec has hooks that a Lambda deployment lacks: {', '.join(sorted(unknown))}.")
    return {"properties": whole, "hooks": hooks}


def invalid(why: str) -> AwsError:
    """What CodeDeploy answers to a revision that it cannot deploy."""
    return AwsError("InvalidRevisionException", why)
