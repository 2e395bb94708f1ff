"""Events start workflows as on GitHub, and runs end as they do there."""

import json
import threading

import pytest

from slipway.errors import UserError
from slipway.rehearsal.runner import Runner

SAY = """
    on: {on}
    jobs:
      a:
        runs-on: x
        steps: [{{name: say, run: 'echo {word} $GITHUB_EVENT_NAME $GITHUB_REF $GITHUB_SHA'}}]
    """


def said(run):
    return run.job("a").steps[0].log.split()


def test_a_push_runs_its_steps(play, hub, runner):
    run = play("""
        name: Greetings
        on: push
        jobs:
          greet:
            runs-on: ubuntu-latest
            steps:
              - run: echo "hello $GITHUB_ACTOR from $GITHUB_REPOSITORY in $GITHUB_WORKFLOW"
        """)
    assert run.conclusion == "success"
    assert run.job("greet").steps[0].log == "hello octocat from acme/texts in Greetings\n"
    assert hub.checks[run.sha, "greet"] == "success"
    assert hub.tokens == {}  # ended with the job
    assert hub.actors == {"github-actions[bot]"}
    assert hub.listed == {run.id: ("play.yml", "Greetings", "success")}
    assert list(runner.jobs.iterdir()) == []
    assert runner.records == list(run.steps)


def test_a_proposal_runs_the_workflow_of_its_merge_and_is_checked_on_its_head(hub, runner):
    hub.push({".github/workflows/play.yml": SAY.format(on="pull_request", word="main")})
    event = hub.propose({".github/workflows/play.yml": SAY.format(on="pull_request", word="topic")})
    run = runner.run("play.yml", event)
    head = event.payload["pull_request"]["head"]["sha"]
    assert said(run) == ["topic", "pull_request", "refs/pull/7/merge", run.sha]
    assert runner.repository.parents(run.sha)[1] == head != run.sha
    assert hub.checks == {(head, "a"): "success"}
    with pytest.raises(UserError, match="is not the merge of"):
        runner.run("play.yml", event._replace(sha=head))


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("schedule", {"schedule": "*/15 * * * *"}),
        ("repository_dispatch", {"action": "training-ended"}),
        ("workflow_dispatch", {"workflow": ".github/workflows/play.yml"}),
    ],
)
def test_only_a_dispatch_may_name_another_branch_than_main(hub, runner, name, payload):
    on = "{schedule: [{cron: '*/15 * * * *'}], repository_dispatch: , workflow_dispatch: }"
    hub.push({".github/workflows/play.yml": SAY.format(on=on, word="main")})
    hub.push({".github/workflows/play.yml": SAY.format(on=on, word="topic")}, branch="topic")
    run = runner.run("play.yml", hub.event(name, "refs/heads/topic", **payload))
    branch = "topic" if name == "workflow_dispatch" else "main"
    assert said(run) == [branch, name, f"refs/heads/{branch}", runner.repository.tip(f"refs/heads/{branch}")]


def test_paths_are_those_that_the_push_or_the_proposal_changes(hub, runner):
    on = "{push: {paths: [src/**]}, pull_request: {paths: [src/**]}}"
    hub.push({".github/workflows/play.yml": SAY.format(on=on, word="x"), "src/a": "1"})
    with pytest.raises(UserError, match=r"push does not start play\.yml"):
        runner.run("play.yml", hub.push({"README": "1"}))
    assert runner.run("play.yml", hub.push({"src/a": "2"})).conclusion == "success"
    with pytest.raises(UserError, match=r"pull_request does not start play\.yml"):
        runner.run("play.yml", hub.propose({"README": "2"}))
    assert runner.run("play.yml", hub.propose({"src/a": "3"}, number=8)).conclusion == "success"


def test_contexts_tell_what_the_event_told(hub, runner):
    hub.push({".github/workflows/play.yml": """
        on: {pull_request: {types: [labeled]}}
        jobs:
          a:
            runs-on: x
            steps:
              - env: {GITHUB: '${{ toJSON(github) }}', LABEL: '${{ github.event.label.name }}'}
                run: |
                  printf '%s' "$GITHUB" > github.json; test "$LABEL" = train; cat "$GITHUB_EVENT_PATH"
              - run: cat github.json
        """})  # fmt: skip
    event = hub.propose({"x": "1"}, action="labeled")
    event.payload["label"] = {"name": "train"}
    run = runner.run("play.yml", event)
    assert run.conclusion == "success"
    told, github = (json.loads(step.log) for step in run.job("a").steps)
    assert told == github["event"] == event.payload
    expected = {
        "actor": "octocat", "base_ref": "main", "head_ref": "topic", "event_name": "pull_request", "job": "a",
        "ref": "refs/pull/7/merge", "ref_name": "7/merge", "repository": "acme/texts", "repository_id": "202",
        "repository_owner": "acme", "run_attempt": "1", "run_number": "1", "sha": run.sha, "token": "***",
        "workflow": ".github/workflows/play.yml", "api_url": hub.url,
        "workflow_ref": "acme/texts/.github/workflows/play.yml@refs/pull/7/merge",
    }  # fmt: skip
    assert {key: github[key] for key in expected} == expected


def test_a_run_is_listed_by_its_run_name(hub, runner):
    hub.push({".github/workflows/play.yml": """
        run-name: ${{ inputs.number && format('again {0} by {1}', inputs.number, github.actor) || '' }}
        on: {workflow_dispatch: {inputs: {number: {type: number}}}}
        jobs:
          a: {runs-on: x, steps: [{run: 'true'}]}
        """})  # fmt: skip
    about = {"workflow": ".github/workflows/play.yml"}
    runs = [
        runner.run("play.yml", hub.event("workflow_dispatch", inputs=given, **about))
        for given in ({"number": "12"}, {})
    ]
    assert [hub.titles[run.id] for run in runs] == ["again 12 by octocat", ""]


def test_a_token_may_what_the_job_says_and_a_forks_may_read(hub, runner):
    hub.push({".github/workflows/play.yml": """
        on: [push, pull_request]
        permissions: {contents: write, issues: read}
        env: {V: '${{ vars.REGION }}'}
        jobs:
          a: {runs-on: x, steps: [{run: 'echo [$V]'}]}
          b:
            needs: a
            runs-on: x
            permissions: {pull-requests: write, id-token: write, checks: none}
            steps: [{run: x=1}]
          c: {needs: b, runs-on: x, permissions: {}, steps: [{run: x=1}]}
          d: {needs: c, runs-on: x, permissions: read-all, steps: [{run: x=1}]}
        """})  # fmt: skip
    own = runner.run("play.yml", hub.propose({"x": "1"}))
    metadata = {"metadata": "read"}
    assert hub.granted[:3] == [
        {"contents": "write", "issues": "read"} | metadata, {"pull-requests": "write"} | metadata, metadata,
    ]  # fmt: skip
    assert set(hub.granted[3].values()) == {"read"}
    assert own.job("a").steps[0].log == "[us-east-1]\n"
    hub.granted.clear()
    fork = runner.run("play.yml", hub.propose({"x": "2"}, fork=True, number=8))
    assert hub.granted[:2] == [{"contents": "read", "issues": "read"} | metadata, {"pull-requests": "read"} | metadata]
    assert fork.job("a").steps[0].log == "[]\n"


def test_a_workflow_that_says_nothing_has_a_token_that_reads(play, hub):
    play("on: push\njobs:\n  a: {runs-on: x, steps: [{run: x=1}]}")
    assert hub.granted == [{"contents": "read", "packages": "read", "metadata": "read"}]


STORY = """
    on: push
    jobs:
      first:
        runs-on: x
        outputs: {at: '${{ steps.at.outputs.at }}'}
        steps: [{id: at, run: 'echo "at=$GITHUB_RUN_ATTEMPT" >> $GITHUB_OUTPUT'}]
      work:
        needs: first
        runs-on: x
        steps:
          - {name: one, run: 'echo one'}
          - {name: two, run: 'echo two'}
          - {name: always, if: always(), run: 'echo never'}
      last:
        needs: work
        runs-on: x
        steps: [{run: 'echo first ran in ${{ needs.first.outputs.at || needs.work.result }}'}]
      aside: {runs-on: x, steps: [{run: exit 0}]}
    """


@pytest.mark.parametrize("step", ["one", 0])
def test_a_dead_machine_runs_no_step_more_and_a_rerun_keeps_what_was_done(play, hub, runner, step):
    runner.kill_after = ("play.yml", "work", step)
    run = play(STORY)
    assert [each.step for each in run.job("work").steps] == ["one"]
    assert (run.job("work").result, run.job("last").result, run.conclusion) == ("failure", "skipped", "failure")
    assert "lost communication" in run.job("work").reason
    assert hub.tokens == {}
    again = runner.rerun(run)
    assert (again.id, again.attempt, again.sha, again.conclusion) == (run.id, 2, run.sha, "success")
    assert [each.step for each in again.job("work").steps] == ["one", "two", "always"]
    assert {job.name: job.attempt for job in again.jobs} == {"first": 1, "work": 2, "last": 2, "aside": 1}
    assert again.job("first").outputs == {"at": "1"}


def test_a_recorded_job_is_a_success_that_was_not_replayed(play, hub, runner):
    runner.recorded = {("play.yml", "te*")}
    run = play("""
        on: push
        jobs:
          test: {runs-on: x, services: {db: {image: x}}, steps: [{uses: some/unknown@v1}]}
          after: {needs: test, runs-on: x, steps: [{run: exit 0}]}
        """)
    assert (run.job("test").recorded, run.job("test").result, run.job("test").steps) == (True, "success", ())
    assert (run.job("after").recorded, run.job("after").result) == (False, "success")
    assert hub.checks[run.sha, "test"] == "success"


def test_an_environment_is_deployed_to_where_its_rules_let_in(play, hub):
    hub.branches["production"] = {"refs/heads/release"}
    run = play("""
        on: push
        jobs:
          staging:
            environment: {name: staging, url: 'https://${{ steps.s.outputs.host }}/'}
            runs-on: x
            steps: [{id: s, run: 'echo host=x.example >> $GITHUB_OUTPUT'}]
          broken: {environment: '${{ format(''{0}'', ''other'') }}', runs-on: x, steps: [{run: exit 1}]}
          production: {environment: production, runs-on: x, steps: [{run: exit 0}]}
        """)
    assert sorted(hub.deployments.values()) == [
        ("other", "failure", ""),
        ("staging", "success", "https://x.example/"),
    ]
    assert run.job("production").result == "failure"
    assert run.job("production").reason.startswith("main is not allowed to deploy to production")
    assert run.job("production").steps == ()


def test_pump_runs_what_events_start_and_what_runs_cause(hub, runner):
    hub.push({
        ".github/workflows/one.yml": SAY.format(on="push", word="one"),
        ".github/workflows/two.yml": SAY.format(on="{repository_dispatch: {types: [next]}}", word="two"),
    })  # fmt: skip
    event = hub.push({"x": "1"})
    runner.listen = lambda record: (
        hub.events.put(hub.event("repository_dispatch", action="next")) if record.workflow == "one.yml" else None
    )
    hub.events.put(event)
    hub.events.put(hub.push({"x": "2"}, message="Nothing to do [skip ci]"))
    assert [(run.workflow.rpartition("/")[2], run.conclusion) for run in runner.pump()] == [
        ("one.yml", "success"),
        ("two.yml", "success"),
    ]
    assert runner.pump() == []


def test_an_error_of_the_rehearsal_itself_is_not_a_workflows_failure(hub, runner):
    hub.token_for = lambda permissions, actor: (_ for _ in ()).throw(RuntimeError("the server is gone"))
    hub.events.put(hub.push({".github/workflows/one.yml": SAY.format(on="push", word="one")}))
    with pytest.raises(RuntimeError, match="the server is gone"):
        runner.pump()


def test_nothing_is_left_when_the_block_ends(hub, account, tmp_path, language):
    before = threading.active_count()
    with Runner(hub, account, tmp_path / "other", language=language) as runner:
        runner.run("one.yml", hub.push({".github/workflows/one.yml": SAY.format(on="push", word="one")}))
    assert not runner.jobs.exists()
    assert threading.active_count() == before
