"""Steps run as on GitHub."""

import os
import sys
from pathlib import Path

import pytest

from slipway.errors import UserError


def logs(run, job="a"):
    """What each step of a job said, by the step's name."""
    return {step.step: step.log.strip() for step in run.job(job).steps}


def outcomes(run, job="a"):
    return {step.step: (step.outcome, step.conclusion) for step in run.job(job).steps}


def test_what_follows_a_failure_runs_only_where_it_asks_to(play):
    run = play("""
        on: push
        jobs:
          a:
            runs-on: x
            steps:
              - {name: good, id: good, run: exit 0}
              - {name: tolerated, id: tolerated, run: exit 3, continue-on-error: true}
              - {name: after-tolerated, run: 'echo ${{ steps.tolerated.outcome }} ${{ steps.tolerated.conclusion }}'}
              - {name: on-failure-too-early, if: failure(), run: exit 0}
              - {name: bad, run: exit 7}
              - {name: after, run: exit 0}
              - {name: condition-without-status, if: steps.good.outcome == 'success', run: exit 0}
              - {name: on-failure, if: failure() && steps.good.outcome == 'success', run: 'echo ${{ job.status }}'}
              - {name: on-success, if: success(), run: exit 0}
              - {name: always, if: always(), run: exit 0}
              - {name: on-cancel, if: cancelled(), run: exit 0}
        """)
    assert run.conclusion == "failure"
    assert outcomes(run) == {
        "good": ("success", "success"),
        "tolerated": ("failure", "success"),
        "after-tolerated": ("success", "success"),
        "on-failure-too-early": ("skipped", "skipped"),
        "bad": ("failure", "failure"),
        "after": ("skipped", "skipped"),
        "condition-without-status": ("skipped", "skipped"),
        "on-failure": ("success", "success"),
        "on-success": ("skipped", "skipped"),
        "always": ("success", "success"),
        "on-cancel": ("skipped", "skipped"),
    }
    assert logs(run)["after-tolerated"] == "failure success"
    assert logs(run)["bad"] == "##[error]Process completed with exit code 7."
    assert logs(run)["on-failure"] == "failure"


def test_only_a_named_shell_fails_in_the_middle_of_a_pipe(play):
    run = play("""
        on: push
        jobs:
          a:
            runs-on: x
            steps:
              - {name: default, run: "false | true\\necho $-; false; echo never", continue-on-error: true}
              - {name: bash, shell: bash, run: "false | true\\necho never", continue-on-error: true}
              - {name: python, shell: python, run: "import os; print(os.getcwd() == os.environ['GITHUB_WORKSPACE'])"}
              - {name: own, shell: 'bash -u {0}', run: "false; echo went on"}
              - {name: unknown, shell: fish, run: x}
          b:
            runs-on: x
            defaults: {run: {shell: bash}}
            steps:
              - {name: bash, run: "false | true"}
        """)
    assert outcomes(run)["default"] == ("failure", "success")
    assert "never" not in logs(run)["default"]
    assert logs(run)["bash"] == "##[error]Process completed with exit code 1."
    assert logs(run)["python"] == "True"
    assert logs(run)["own"] == "went on"
    assert logs(run)["unknown"].startswith("##[error]Invalid shell option 'fish'")
    assert outcomes(run, "b")["bash"] == ("failure", "failure")


def test_variables_of_three_levels_and_those_that_steps_add(play):
    run = play("""
        on: push
        env: {A: workflow, B: workflow, C: workflow, ACTOR: '${{ github.actor }}', V: '${{ vars.REGION }}'}
        jobs:
          a:
            runs-on: x
            env: {B: job, C: job}
            steps:
              - {name: one, env: {C: step}, run: 'echo $A $B $C $ACTOR $V ${{ env.C }}'}
              - name: add
                run: |
                  echo "B=added" >> "$GITHUB_ENV"
                  printf 'MANY<<EOF\\none\\ntwo\\nEOF\\n' >> "$GITHUB_ENV"
                  mkdir "$RUNNER_TEMP/bin"; printf '#!/bin/sh\\necho tool' > "$RUNNER_TEMP/bin/sometool"
                  chmod +x "$RUNNER_TEMP/bin/sometool"; echo "$RUNNER_TEMP/bin" >> "$GITHUB_PATH"
                  echo "GITHUB_SHA=forged" >> "$GITHUB_ENV"
                  echo "[$B]"
              - {name: two, run: 'echo $A $B $C "$MANY" ${{ env.B }}; sometool; test $GITHUB_SHA = ${{ github.sha }}'}
              - {name: broken, run: 'echo "no sign" >> "$GITHUB_ENV"'}
        """)
    assert logs(run)["one"] == "workflow job step octocat us-east-1 step"
    assert logs(run)["add"] == "[job]"
    assert logs(run)["two"] == "workflow added job one\ntwo added\ntool"
    assert outcomes(run)["two"] == ("success", "success")
    assert "Unable to process file command 'env'" in logs(run)["broken"]
    assert outcomes(run)["broken"] == ("failure", "failure")


def test_nothing_of_the_callers_is_in_a_step_but_its_path(play, monkeypatch):
    monkeypatch.setenv("CALLERS_SECRET", "x")
    monkeypatch.setenv("VIRTUAL_ENV", "x")
    run = play("""
        on: push
        jobs:
          a:
            runs-on: x
            steps:
              - {name: names, run: compgen -e}
              - {name: values, run: 'echo $HOME; echo $CI $GITHUB_ACTIONS $GITHUB_JOB $RUNNER_OS $GITHUB_RUN_ATTEMPT'}
              - {name: path, run: echo $PATH}
        """)
    names = set(logs(run)["names"].split())
    assert "CALLERS_SECRET" not in names
    assert "VIRTUAL_ENV" not in names
    assert "AWS_ACCESS_KEY_ID" not in names
    assert "AWS_ENDPOINT_URL" in names
    assert "GITHUB_TOKEN" not in names
    home, facts = logs(run)["values"].splitlines()
    assert home != os.environ["HOME"]
    assert facts == "true true a Linux 1"
    assert str(Path(sys.executable).parent) not in logs(run)["path"].split(":")


def test_outputs_summaries_and_annotations_are_kept_and_secrets_hidden(play):
    run = play("""
        on: push
        jobs:
          a:
            runs-on: x
            outputs: {digest: '${{ steps.make.outputs.digest }}', key: '${{ steps.make.outputs.key }}'}
            steps:
              - name: make
                id: make
                run: |
                  echo "digest=sha256:1" >> "$GITHUB_OUTPUT"
                  echo "key=hush-hush" >> "$GITHUB_OUTPUT"
                  echo "# Done with hush-hush" >> "$GITHUB_STEP_SUMMARY"
                  echo "::add-mask::hush-hush"
                  echo "::notice title=t::made"
              - name: use
                env: {KEY: '${{ steps.make.outputs.key }}'}
                run: 'echo $KEY ${#KEY}; echo ${{ github.token }}'
        """)
    assert run.job("a").outputs == {"digest": "sha256:1"}
    assert run.job("a").reason == "Skip output 'key' since it may contain secret."
    made, used = run.job("a").steps
    assert made.summary == "# Done with ***\n"
    assert made.annotations == ("notice: made",)
    assert used.log == "*** 9\n***\n"


def test_working_directories_and_their_defaults(play):
    run = play("""
        on: push
        defaults: {run: {working-directory: sub}}
        jobs:
          a:
            runs-on: x
            steps:
              - {name: make, working-directory: ., run: mkdir -p sub/deep}
              - {name: default, run: 'basename $PWD'}
              - {name: own, working-directory: '${{ format(''{0}/deep'', ''sub'') }}', run: 'basename $PWD'}
              - {name: missing, working-directory: none, run: 'true'}
          b:
            runs-on: x
            defaults: {run: {working-directory: .}}
            steps:
              - {name: clean, run: ls -A}
        """)
    assert logs(run)["default"] == "sub"
    assert logs(run)["own"] == "deep"
    assert "the working directory is missing" in logs(run)["missing"]
    assert logs(run, "b")["clean"] == ""  # a job has a workspace of its own


def test_a_step_that_takes_too_long_fails_and_is_stopped(play):
    run = play("""
        on: push
        jobs:
          a:
            runs-on: x
            steps:
              - {name: long, timeout-minutes: 0.1, run: 'trap "echo asked; exit 1" INT; sleep 60 & wait'}
              - {name: failed, if: failure(), run: 'true'}
        """)
    assert outcomes(run) == {"long": ("failure", "failure"), "failed": ("success", "success")}
    assert "asked" in logs(run)["long"]
    assert "The action 'long' has timed out." in logs(run)["long"]


def test_a_job_that_takes_too_long_is_cancelled_and_cleans_up(play):
    run = play("""
        on: push
        jobs:
          a:
            runs-on: x
            timeout-minutes: 0.3
            steps:
              - {name: long, run: sleep 60}
              - {name: on-failure, if: failure(), run: 'true'}
              - {name: on-cancel, if: cancelled(), run: 'true'}
              - {name: always, if: always(), run: 'true'}
          b:
            needs: a
            if: failure()
            runs-on: x
            steps: [{run: 'true'}]
        """)
    assert run.job("a").result == "cancelled"
    assert "exceeded the maximum execution time of 0.3 minutes" in run.job("a").reason
    assert outcomes(run) == {
        "long": ("cancelled", "cancelled"),
        "on-failure": ("skipped", "skipped"),
        "on-cancel": ("success", "success"),
        "always": ("success", "success"),
    }
    assert run.job("b").result == "skipped"
    assert run.conclusion == "cancelled"


def test_what_a_job_leaves_running_ends_with_it(play, tmp_path):
    run = play(f"""
        on: push
        jobs:
          a:
            runs-on: x
            steps:
              - {{name: start, run: 'setsid sleep 600 > /dev/null 2>&1 & echo $! > {tmp_path}/pid'}}
              - {{name: still, run: 'kill -0 $(cat {tmp_path}/pid)'}}
        """)
    assert run.conclusion == "success"
    status = f"/proc/{(tmp_path / 'pid').read_text().strip()}/stat"
    assert not os.path.exists(status) or " Z " in open(status).read()  # noqa: PTH110, PTH123, SIM115


def test_inputs_reach_a_script_as_typed_values(hub, runner):
    hub.push({".github/workflows/form.yml": """
        on:
          workflow_dispatch:
            inputs:
              force: {type: boolean, default: false}
              name: {required: true}
        jobs:
          a:
            runs-on: x
            if: inputs.force
            steps:
              - {name: say, env: {NAME: '${{ inputs.name }}'}, run: 'echo "$NAME" ${{ github.event.inputs.force }}'}
        """})  # fmt: skip
    asked = {"workflow": ".github/workflows/form.yml", "inputs": {"name": "$(id); x", "force": "true"}}
    run = runner.run("form.yml", hub.event("workflow_dispatch", **asked))
    assert logs(run)["say"] == "$(id); x true"
    asked["inputs"] = {"name": "x", "force": "false"}
    assert runner.run("form.yml", hub.event("workflow_dispatch", **asked)).conclusion == "skipped"
    with pytest.raises(UserError, match="Required input 'name' not provided"):
        runner.run("form.yml", hub.event("workflow_dispatch", workflow=asked["workflow"], inputs={}))
