"""Concurrency groups, with runs that are held until a file appears."""

import time
from threading import Thread

HELD = """
    on: push
    {concurrency}
    jobs:
      a:
        runs-on: x
        {job}
        steps:
          - name: held
            run: |
              touch {folder}/began-${{{{ github.run_number }}}}
              until [ -e {folder}/go ]; do sleep 0.02; done
          - {{name: after, run: 'true'}}
          - {{name: clean, if: always(), run: 'true'}}
    """


def wait_for(holds):
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def three(hub, runner, folder, **words):
    """Three pushes at once, and the hold lifted when the first (or the last, where it cancels) has begun."""
    workflow = HELD.format(folder=folder, **{"concurrency": "", "job": ""} | words)
    events = [hub.push({".github/workflows/play.yml": workflow, "n": str(n)}) for n in range(3)]
    hub.events.put(events[0])
    runs = []
    pumping = Thread(target=lambda: runs.extend(runner.pump()))
    pumping.start()
    wait_for((folder / "began-1").exists)
    for event in events[1:]:
        hub.events.put(event)
    wait_for(hub.events.empty)
    last = 3 if "cancel-in-progress: true" in workflow else 1
    wait_for((folder / f"began-{last}").exists)
    wait_for(lambda: len(runner._numbers) and runner._numbers[".github/workflows/play.yml"] == 3)
    wait_for(lambda: last == 3 or any(run.conclusion == "cancelled" for run in runner.runs) or "queue: max" in workflow)
    (folder / "go").touch()
    pumping.join()
    return runs


def test_the_one_that_waits_is_replaced_by_a_third(hub, runner, tmp_path):
    runs = three(hub, runner, tmp_path, concurrency="concurrency: deploy")
    assert [run.conclusion for run in runs] == ["success", "cancelled", "success"]
    assert runs[1].steps == ()


def test_the_one_that_runs_is_cancelled_where_asked(hub, runner, tmp_path):
    runs = three(
        hub, runner, tmp_path, concurrency="concurrency: {group: '${{ github.ref }}', cancel-in-progress: true}"
    )
    assert [run.conclusion for run in runs] == ["cancelled", "cancelled", "success"]
    assert [(step.step, step.outcome) for step in runs[0].steps] == [
        ("held", "cancelled"),
        ("after", "skipped"),
        ("clean", "success"),
    ]


def test_all_wait_where_the_queue_is_long(hub, runner, tmp_path):
    runs = three(hub, runner, tmp_path, concurrency="concurrency: {group: deploy, queue: max}")
    assert [run.conclusion for run in runs] == ["success", "success", "success"]


def test_groups_of_jobs_are_the_same_groups(hub, runner, tmp_path):
    runs = three(hub, runner, tmp_path, job="concurrency: Deploy")
    assert [run.job("a").result for run in runs].count("cancelled") == 1
    assert runs[0].conclusion == "success"
