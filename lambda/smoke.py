"""A handler that answers whether the bundle's recorded predictions hold, on this machine and of a version.

CodeDeploy asks it before a version gets traffic, waits for what it tells, and shifts nothing without. It names only the
deployment: which version that brings, the deployment's description says, as whoever released it wrote.
https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html#appspec-hooks-lambda
"""

import json
import os
from pathlib import Path
from typing import Any

from predictor import BundleError, Predictor
from recorded import questions, wrong_with

HOOK = ("DeploymentId", "LifecycleEventHookExecutionId")
MOST_TOLD = 20  # faults, of an answer
SECONDS = 30  # that a question waits for its answer: the version may have to start


def handler(event: Any, context: Any) -> dict[str, Any]:
    """`ok`, the bundle's digest, how many predictions were checked, and what is wrong with them.

    For an event of CodeDeploy, also of the version of SLIPWAY_FUNCTION that its deployment brings; raises then what
    goes wrong while CodeDeploy is told.
    """
    told, manifest = of_bundle()
    if not (isinstance(event, dict) and all(isinstance(event.get(name), str) for name in HOOK)):
        return told
    import botocore.session  # takes half a second of a cold start, for what is asked once a release
    from botocore.config import Config

    retries = {"mode": "standard", "total_max_attempts": 5}
    config = Config(retries=retries, connect_timeout=5, read_timeout=SECONDS)
    session = botocore.session.get_session()
    codedeploy = session.create_client("codedeploy", config=config)
    if manifest is not None and told["ok"]:
        try:
            version = brought(codedeploy.get_deployment(deploymentId=event["DeploymentId"])["deploymentInfo"])
            found = of_version(session.create_client("lambda", config=config), version, manifest)
        except Exception as error:  # a version that cannot be asked gets no traffic
            found = [f"the version cannot be asked: {type(error).__name__}: {error}"]
        told |= {"ok": not found, "faults": found[:MOST_TOLD]}
    print(json.dumps({"smoke": told, "deployment": event["DeploymentId"]}))
    codedeploy.put_lifecycle_event_hook_execution_status(
        deploymentId=event["DeploymentId"],
        lifecycleEventHookExecutionId=event["LifecycleEventHookExecutionId"],
        status="Succeeded" if told["ok"] else "Failed",
    )
    return told


def of_bundle() -> tuple[dict[str, Any], dict[str, Any] | None]:
    """What this machine answers, and the bundle's manifest; never raises."""
    bundle = Path(os.environ.get("SLIPWAY_BUNDLE", Path(__file__).with_name("bundle")))
    try:
        predictor = Predictor(bundle)
        faults = predictor.check_recorded()
    except Exception as error:  # whatever is wrong with a bundle is an answer
        why = str(error) if isinstance(error, BundleError) else f"{bundle}: {type(error).__name__}: {error}"
        return {"ok": False, "bundle": None, "checked": 0, "faults": [why]}, None
    checked = len(predictor.manifest["recorded"])
    return {"ok": not faults, "bundle": predictor.digest, "checked": checked, "faults": faults}, predictor.manifest


def brought(deployment: dict[str, Any]) -> str:
    """The version that a deployment brings. Raises ValueError, TypeError or KeyError where it does not say which."""
    return str(json.loads(deployment.get("description", ""))["version"])


def of_version(client: Any, version: str, manifest: dict[str, Any]) -> list[str]:
    """What is wrong with the answers of the version that is about to get traffic."""
    asked = {"FunctionName": os.environ["SLIPWAY_FUNCTION"], "Qualifier": version}
    found = []
    for start, question in questions(manifest):
        answer = json.load(client.invoke(**asked, Payload=json.dumps(question).encode())["Payload"])
        found += wrong_with(manifest, start, question, answer)
    return found
