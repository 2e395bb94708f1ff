"""Tells a pull request which job trains for it."""

import os

from slipway.compute.sagemaker.trained import Trained
from slipway.delivery.github import sticky
from slipway.delivery.github.api import GitHub
from slipway.delivery.github.pulls import pull
from slipway.delivery.github.sticky import State
from slipway.delivery.report.comment import training


def announce(github: GitHub, number: int, sha: str, job: Trained, hour_usd: float | None, region: str | None) -> State:
    """Write the comment and its state for the commit `sha`; the job that it named before is superseded.

    Where the branch has moved meanwhile, the newer commit's state stays, and this job is one of those that it names as
    superseded. One that was reported stays reported, unless it ended well and what came after it failed: asked for
    again, it is reported anew. `hour_usd` is the price of an hour on demand.
    """
    there = sticky.find(github, number)
    before = there.state if there and there.state else State(sha=sha)
    if there is not None and before.sha != sha and pull(github, number).sha != sha:
        if job.hash in before.hashes():
            return before
        state = before.model_copy(update={"superseded": (*before.superseded, job.hash)[-20:]})
        sticky.write(github, number, sticky.body_of(there.text), state)
        return state
    again = before.status in ("waiting", "training") or (before.status == "failed" and job.fate == "done")
    if before.sha == sha and before.name == job.name and not again:
        return before  # it is reported already
    state = before.followed_by(sha, job.hash, job.attempt, job.most_usd)
    sticky.write(github, number, training(job, sha, hour_usd, pages(github, job, region)), state)
    return state


def pages(github: GitHub, job: Trained, region: str | None) -> dict[str, str]:
    """Pages about a job by name."""
    found = {}
    if run := os.environ.get("GITHUB_RUN_ID"):
        found["run"] = f"{github.url}/actions/runs/{run}"
    if region := region or os.environ.get("AWS_REGION"):
        found["job"] = f"https://{region}.console.aws.amazon.com/sagemaker/home?region={region}#/jobs/{job.name}"
    return found
