"""Jobs wait for what they need, and run where GitHub runs them."""

import pytest

from slipway.errors import UserError


def results(run):
    return {job.name: job.result for job in run.jobs}


TABLE = """
    on: push
    jobs:
      ok: {runs-on: x, steps: [{run: exit 0}]}
      bad: {runs-on: x, steps: [{run: exit 1}]}
      off: {runs-on: x, if: false, steps: [{run: exit 0}]}
      tolerated: {runs-on: x, continue-on-error: true, steps: [{run: exit 1}]}
      after-ok: {needs: ok, runs-on: x, steps: [{run: exit 0}]}
      after-bad: {needs: bad, runs-on: x, steps: [{run: exit 0}]}
      after-off: {needs: off, runs-on: x, steps: [{run: exit 0}]}
      after-tolerated: {needs: tolerated, runs-on: x, steps: [{run: exit 0}]}
      bad-always: {needs: bad, if: always(), runs-on: x, steps: [{run: exit 0}]}
      bad-failure: {needs: bad, if: failure(), runs-on: x, steps: [{run: exit 0}]}
      ok-failure: {needs: ok, if: failure(), runs-on: x, steps: [{run: exit 0}]}
      off-not-failed: {needs: [off, ok], if: '!failure() && !cancelled()', runs-on: x, steps: [{run: exit 0}]}
      off-plain-if: {needs: off, if: needs.off.result == 'skipped', runs-on: x, steps: [{run: exit 0}]}
      off-far: {needs: off-not-failed, runs-on: x, steps: [{run: exit 0}]}
      bad-far: {needs: after-bad, if: failure(), runs-on: x, steps: [{run: exit 0}]}
      result: {needs: [ok, bad], if: "always() && needs.bad.result == 'failure'", runs-on: x, steps: [{run: exit 0}]}
    """


def test_needs_and_conditions(play, hub):
    run = play(TABLE)
    assert results(run) == {
        "ok": "success",
        "bad": "failure",
        "off": "skipped",
        "tolerated": "success",
        "after-ok": "success",
        "after-bad": "skipped",
        "after-off": "skipped",
        "after-tolerated": "success",
        "bad-always": "success",
        "bad-failure": "success",
        "ok-failure": "skipped",
        "off-not-failed": "success",
        "off-plain-if": "skipped",
        "off-far": "skipped",  # success() looks at all that is needed, near and far
        "bad-far": "success",
        "result": "success",
    }
    assert run.conclusion == "failure"
    assert hub.checks[run.sha, "after-bad"] == "skipped"


def test_outputs_go_from_steps_to_jobs_to_those_that_need_them(play):
    run = play("""
        on: push
        jobs:
          find:
            runs-on: x
            outputs: {reports: '${{ steps.look.outputs.reports }}', none: '${{ steps.look.outputs.none }}'}
            steps: [{id: look, run: 'echo "reports=[{\\"n\\": 7}, {\\"n\\": 8}]" >> $GITHUB_OUTPUT'}]
          each:
            needs: find
            if: needs.find.outputs.reports != '[]'
            name: report ${{ matrix.report.n }}
            strategy: {matrix: {report: '${{ fromJSON(needs.find.outputs.reports) }}'}}
            runs-on: x
            outputs: {last: '${{ matrix.report.n }}'}
            steps: [{run: 'echo ${{ matrix.report.n }} of ${{ strategy.job-total }}, not ${{ needs.other.outputs.x }}'}]
          after:
            needs: each
            runs-on: x
            steps: [{run: 'echo ${{ needs.each.result }} ${{ needs.each.outputs.last }}'}]
        """)
    assert results(run) == {"find": "success", "report 7": "success", "report 8": "success", "after": "success"}
    assert run.job("report 8").steps[0].log == "8 of 2, not\n"
    assert run.job("after").steps[0].log == "success 8\n"


def test_a_job_that_fails_has_outputs_too(play):
    run = play("""
        on: push
        jobs:
          release:
            runs-on: x
            outputs: {rejected: '${{ steps.release.outputs.rejected }}'}
            steps: [{id: release, run: 'echo rejected=true >> $GITHUB_OUTPUT; exit 1'}]
          revert:
            needs: release
            if: "!cancelled() && needs.release.outputs.rejected == 'true'"
            runs-on: x
            steps: [{run: 'true'}]
        """)
    assert results(run) == {"release": "failure", "revert": "success"}


@pytest.mark.parametrize(("fail_fast", "other"), [("true", "cancelled"), ("false", "success")])
def test_a_failure_in_a_matrix_cancels_the_others_only_where_it_is_fast(play, tmp_path, fail_fast, other):
    run = play(f"""
        on: push
        jobs:
          a:
            strategy: {{fail-fast: {fail_fast}, matrix: {{n: [1, 2, 3]}}}}
            runs-on: x
            steps:
              - run: |
                  if [ ${{{{ matrix.n }}}} = 1 ]; then
                    until [ -e {tmp_path}/two ]; do sleep 0.02; done; exit 1
                  fi
                  touch {tmp_path}/two
                  if {fail_fast}; then sleep 60; fi
        """)
    assert results(run) == {"a (1)": "failure", "a (2)": other, "a (3)": other}
    assert run.conclusion == "failure"


def test_an_empty_matrix_fails_the_job(play):
    run = play("""
        on: push
        jobs:
          a:
            strategy: {matrix: {n: '${{ fromJSON(''[]'') }}'}}
            runs-on: x
            steps: [{run: exit 0}]
        """)
    assert results(run) == {"a": "failure"}
    assert "does not contain any values" in run.job("a").reason


def test_the_runner_names_what_it_cannot_replay_before_anything_runs(hub, play):
    for job, words in (
        ("runs-on: x, services: {db: {image: x}}, steps: [{run: x}]", "job a: `services` is not replayed"),
        (
            "runs-on: x, steps: [{name: s, uses: some/action@v1}]",
            "job a, step 's' uses some/action@v1, which has no local equivalent",
        ),
        ("runs-on: x, steps: [{uses: actions/checkout@v7, with: {lfs: true}}]", "knows no input lfs"),
        ("runs-on: x, steps: [{run: x}]}\n  b: {runs-on: x, needs: c, steps: [{run: x}]", "unknown job 'c'"),
    ):
        with pytest.raises(UserError, match=r"play\.yml") as caught:
            play(f"on: push\njobs:\n  a: {{{job}}}\n")
        assert words in str(caught.value)
    assert hub.granted == []
