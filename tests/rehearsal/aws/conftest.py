"""A function of its own for tests of what emulated AWS does with functions: an image, versions, a group to deploy."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from slipway.rehearsal.aws.account import EmulatedAws
from slipway.rehearsal.docker.client import install

HOST = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
DOCKERFILE = """
ARG BASE=public.ecr.aws/lambda/python:3.13
FROM ${BASE} AS build
COPY app.py hook.py /app/
RUN chmod -R go=rX /app
FROM ${BASE}
ENV TOLD=by-the-image
COPY --from=build /app/ ${LAMBDA_TASK_ROOT}/
CMD ["app.handler"]
"""
APP = """
import json, os, sys, time

NUMBER = {number}

def handler(event, context):
    print("asked", event, context.function_version)
    if "die" in event:
        os._exit(3)
    if "sleep" in event:
        time.sleep(event["sleep"])
    told = {{"failed": "fail" in event or NUMBER == event.get("unless")}}
    dimensions = [["service"], ["service", "function_version"]]
    metrics = [{{"Name": "Errors", "Unit": "Count"}}, {{"Name": "Latency", "Unit": "Milliseconds"}}]
    aws = {{"Timestamp": round(1000 * time.time()), "CloudWatchMetrics": [
        {{"Namespace": "slipway", "Dimensions": dimensions, "Metrics": metrics}}]}}
    print(json.dumps({{"_aws": aws, "service": "texts", "function_version": context.function_version,
        "Errors": int(told["failed"]), "Latency": [1, 2, 300]}}))
    if "raise" in event:
        raise ValueError("a bad event")
    return {{"number": NUMBER, "version": context.function_version, "told": os.environ.get("TOLD"),
        "setting": os.environ.get("SETTING"), "memory": context.memory_limit_in_mb}}
"""
HOOK = """
import os
import boto3

def handler(event, context):
    status = os.environ.get("ANSWER", "Succeeded")
    if status:
        boto3.client("codedeploy").put_lifecycle_event_hook_execution_status(
            deploymentId=event["DeploymentId"],
            lifecycleEventHookExecutionId=event["LifecycleEventHookExecutionId"],
            status=status,
        )
    return {"ok": True}
"""
HOOK_MAY = ["logs:*", "codedeploy:PutLifecycleEventHookExecutionStatus"]
DEPLOYER_MAY = ["lambda:GetAlias", "lambda:UpdateAlias", "lambda:InvokeFunction", "cloudwatch:DescribeAlarms"]


def role(aws: EmulatedAws, name: str, service: str, *actions: str) -> str:
    """A role that a service may take, and that may do that much; returns its ARN."""
    trust = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}
    may = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    iam = aws.client("iam")
    made = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    iam.put_role_policy(
        RoleName=name, PolicyName="may", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [may]})
    )
    return str(made["Role"]["Arn"])


class Texts:
    """The function `texts` with its alias `live`, the function `texts-smoke`, and the group that deploys them."""

    def __init__(self, aws: EmulatedAws, folder: Path) -> None:
        self.aws, self.folder = aws, folder
        self.functions, self.codedeploy = boto3.client("lambda"), boto3.client("codedeploy")
        self.environment = aws.environment | install(folder / "bin")
        self.environment["PATH"] += os.pathsep + aws.environment["PATH"]
        scanned = {"scanOnPush": True}
        boto3.client("ecr").create_repository(
            repositoryName="texts", imageTagMutability="IMMUTABLE", imageScanningConfiguration=scanned
        )
        self.build(1)
        common: dict[str, Any] = {"PackageType": "Image", "Code": {"ImageUri": f"{HOST}/texts:1"}, "MemorySize": 512}
        asked = role(aws, "texts", "lambda", "logs:CreateLogStream", "logs:PutLogEvents", "logs:CreateLogGroup")
        setting = {"Variables": {"SETTING": "ours"}}
        self.functions.create_function(
            FunctionName="texts", Role=asked, Publish=True, Environment=setting, Timeout=2, **common
        )
        self.functions.create_alias(FunctionName="texts", Name="live", FunctionVersion="1")
        self.functions.create_function(
            FunctionName="texts-smoke", Role=role(aws, "smoke", "lambda", *HOOK_MAY), Timeout=30,
            ImageConfig={"Command": ["hook.handler"]}, **common,
        )  # fmt: skip
        self.codedeploy.create_application(applicationName="texts", computePlatform="Lambda")
        events = ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"]
        self.codedeploy.create_deployment_group(
            applicationName="texts", deploymentGroupName="live", alarmConfiguration={"enabled": True, "alarms": []},
            serviceRoleArn=role(aws, "deployer", "codedeploy", *DEPLOYER_MAY),
            autoRollbackConfiguration={"enabled": True, "events": events},
            deploymentConfigName="CodeDeployDefault.LambdaCanary10Percent5Minutes",
        )  # fmt: skip

    def docker(self, *words: str, stdin: str = "", fails: bool = False) -> str:
        """What docker says; on standard error where it is to fail."""
        done = subprocess.run(
            ["docker", *words], cwd=self.folder, env=self.environment, input=stdin, text=True, capture_output=True,
            check=False,
        )  # fmt: skip
        assert bool(done.returncode) == fails, done.stderr
        return done.stderr if fails else done.stdout

    def build(self, number: int, *options: str) -> str:
        """Build and push the image of that number; returns its digest."""
        files = {"Dockerfile": DOCKERFILE, "app.py": APP.format(number=number), "hook.py": HOOK}
        for name, text in files.items():
            (self.folder / name).write_text(text, encoding="utf-8")
        token = boto3.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
        password = subprocess.run(["base64", "-d"], input=token, text=True, capture_output=True, check=True).stdout
        self.docker("login", "--username", "AWS", "--password-stdin", HOST, stdin=password.removeprefix("AWS:"))
        self.docker("build", "--tag", f"{HOST}/texts:{number}", *options, ".")
        return self.docker("push", f"{HOST}/texts:{number}").split()[-1]

    def publish(self, number: int) -> str:
        """Publish a version of the image of that number; returns the version."""
        address = f"{HOST}/texts@{self.build(number)}"
        return str(self.functions.update_function_code(FunctionName="texts", ImageUri=address, Publish=True)["Version"])

    def invoke(self, event: Any, qualifier: str = "live", **more: Any) -> tuple[Any, dict[str, Any]]:
        """The answer to an event, and all that Invoke tells."""
        told = self.functions.invoke(
            FunctionName="texts", Qualifier=qualifier, Payload=json.dumps(event).encode(), **more
        )
        return json.loads(told["Payload"].read()), told

    def deploy(self, target: str, current: str = "1", hook: bool = True, **more: Any) -> str:
        """Start a deployment; returns its identity."""
        properties = {"Name": "texts", "Alias": "live", "CurrentVersion": current, "TargetVersion": target}
        spec: dict[str, Any] = {
            "version": 0.0,
            "Resources": [{"texts": {"Type": "AWS::Lambda::Function", "Properties": properties}}],
            "Hooks": [{"BeforeAllowTraffic": "texts-smoke"}] if hook else [],
        }
        revision = {"revisionType": "AppSpecContent", "appSpecContent": {"content": json.dumps(spec)}}
        made = self.codedeploy.create_deployment(
            **{"applicationName": "texts", "deploymentGroupName": "live", "revision": revision} | more
        )
        return str(made["deploymentId"])

    def wait(self, deployment: str, met: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Block until what is told of a deployment is so; returns it."""
        releases = self.aws.releases
        with releases.changed:
            assert releases.changed.wait_for(lambda: met(releases.deployments[deployment].told), 60)
        return self.told(deployment)

    def end(self, deployment: str) -> dict[str, Any]:
        """Block until a deployment has ended; returns what is told of it."""
        return self.wait(deployment, lambda told: told["status"] in ("Succeeded", "Failed", "Stopped"))

    def told(self, deployment: str) -> dict[str, Any]:
        """What GetDeployment tells."""
        return dict(self.codedeploy.get_deployment(deploymentId=deployment)["deploymentInfo"])

    def live(self) -> tuple[str, dict[str, float]]:
        """Where the alias points, and what else gets traffic."""
        alias = self.functions.get_alias(FunctionName="texts", Name="live")
        return alias["FunctionVersion"], (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights", {})


@pytest.fixture
def texts(aws: EmulatedAws, tmp_path: Path) -> Texts:
    """A function with its group, in an account whose minutes are short."""
    aws.minute = 0.1
    return Texts(aws, tmp_path)
