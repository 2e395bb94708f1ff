"""One step: a script that a shell runs, or an action that a function here stands for."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slipway.errors import UserError
from slipway.rehearsal.runner.actions import equivalent
from slipway.rehearsal.runner.actions.use import Use
from slipway.rehearsal.runner.commands import (
    SUMMARY_BYTES,
    FileCommandError,
    Log,
    masked,
    pairs,
)
from slipway.rehearsal.runner.language import Tree, texts
from slipway.rehearsal.runner.machine import Machine, StepError

# https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsshell
SHELLS = {
    "": ("bash -e {0}", ".sh"),
    "bash": ("bash --noprofile --norc -eo pipefail {0}", ".sh"),
    "sh": ("sh -e {0}", ".sh"),
    "python": ("python {0}", ".py"),
}


@dataclass
class Done:
    """How a step went."""

    outcome: str
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    timed_out: bool = False


def run_script(
    machine: Machine,
    script: str,
    shell: str,
    folder: str,
    own: dict[str, str],
    log: Log,
    minutes: float | None,
    step: str,
) -> Done:
    """Run a `run:` step as GitHub does, with its variables `own`, for at most `minutes`."""
    if shell in SHELLS:
        form, ending = SHELLS[shell]
    elif "{0}" in shell:
        form, ending = shell, ""
    else:
        raise StepError(f"Invalid shell option '{shell}': a known name, or a command with {{0}}")
    files = machine.files()
    path = files["env"].parent / f"script{ending}"
    path.write_text(script if script.endswith("\n") else f"{script}\n", encoding="utf-8")
    words = [str(path) if word == "{0}" else word for word in shlex.split(form)]
    try:
        code = machine.run(words, machine.workspace / folder, machine.environment(own, files, step), log, minutes)
    except OSError as error:
        raise StepError(f"{words[0]} cannot be started: {error.strerror}") from None
    if code:
        log.say(f"##[error]Process completed with exit code {code}.")
    return _read(machine, files, Done("failure" if code != 0 else "success", timed_out=code is None), log)


def run_action(machine: Machine, name: str, given: dict[str, Any], own: dict[str, str], log: Log, step: str) -> Done:
    """Do what an action does. Raises UserError for one that has no equivalent here."""
    files = machine.files()
    action = equivalent(name)
    use = Use(machine, name, texts(given), machine.environment(own, files, step), log, files)
    action.run(use)
    done = _read(machine, files, Done("success"), log)
    done.outputs = use.outputs | done.outputs
    return done


def _read(machine: Machine, files: dict[str, Path], done: Done, log: Log) -> Done:
    """Take in what the step wrote into its files; what cannot be read fails it."""
    readers: dict[str, Callable[[str], None]] = {
        "env": lambda text: machine.variables.update(_allowed(pairs(text))),
        "output": lambda text: done.outputs.update(pairs(text)),
        "path": lambda text: machine.added.extend(line for line in text.splitlines() if line),
    }
    for name, read in readers.items():
        try:
            read(files[name].read_text(encoding="utf-8", errors="replace"))
        except FileCommandError as error:
            log.say(f"##[error]Unable to process file command '{name}' successfully.")
            log.say(f"##[error]{error}")
            done.outcome = "failure"
    summary = files["step_summary"].read_text(encoding="utf-8", errors="replace")
    if len(summary.encode()) > SUMMARY_BYTES:
        log.say("##[error]$GITHUB_STEP_SUMMARY upload aborted, supports content up to a size of 1024k")
    else:
        done.summary = masked(summary, machine.masks)
    return done


def _allowed(variables: dict[str, str]) -> dict[str, str]:
    if "NODE_OPTIONS" in variables:
        raise FileCommandError("Can't store NODE_OPTIONS output parameter using '$GITHUB_ENV' command.")
    return variables


def check(steps: list[Tree], where: str) -> None:
    """Raise UserError for a step that is not replayed, naming it: nothing has run yet."""
    for at, step in enumerate(steps):
        place = f"{where}, step {step.get('name', at + 1)!r}"
        if "uses" in step:
            action = equivalent(step["uses"], place)
            if unknown := sorted(set(step.get("with") or {}) - action.inputs) if action.inputs is not None else []:
                raise UserError(f"{place}: the local equivalent of {step['uses']} knows no input {', '.join(unknown)}")
        elif "run" not in step or step.get("background"):
            raise UserError(f"{place}: only `run` and `uses` are replayed")
