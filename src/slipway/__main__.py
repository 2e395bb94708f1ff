"""`slipway VERB [ARGUMENT ...] [key=value ...]`: the table of verbs. Nothing heavy is imported before one runs."""

import errno
import os
import sys

from slipway.errors import UserError

Verb = tuple[str, str, tuple[str, ...]]

# verb: what it does, the arguments it takes, the sections of the configuration that it reads
PIPELINE: dict[str, Verb] = {
    "compose": (
        "write resolved.yaml from params.yaml and conf/",
        "",
        ("data", "model", "train", "gate", "serve", "card"),
    ),
    "fetch": ("bring the raw text", "", ("data.source",)),
    "validate": (
        "check the raw text, and compare it with the baseline profile",
        "",
        ("data.name", "data.checks", "data.clean", "data.split"),
    ),
    "prepare": (
        "clean and split the rows, train the tokenizer, encode",
        "",
        ("data.clean", "data.split", "model.tokenizer", "model.vectors"),
    ),
    "train": ("train the model", "", ("model", "train", "compute", "tracking")),
    "package": ("export to ONNX and make the bundle", "", ("data", "model", "train", "serve")),
    "evaluate": ("measure the bundle on the test rows, and write the report", "", ("gate", "card", "data.about")),
    "gate": ("decide: promote, keep or block", "", ("gate", "tracking")),
}
TOOLS: dict[str, Verb] = {
    "submit": ("start the training job, and do not wait for it", "", ("model", "train", "compute", "tracking")),
    "jobs": ("list what was trained, where, for how long, at what cost", "", ("compute",)),
    "logs": ("show what a job says, until it has ended", "NAME", ("compute",)),
    "stop": ("ask a job to leave a checkpoint and end", "NAME", ("compute",)),
    "predict": ("classify texts with the bundle", "[TEXT ...]", ()),
    "summary": ("print what the pipeline found", "", ()),
    "champion": ("show the champion, or take it from a git revision's dvc.lock", "[REVISION]", ()),
    "accept_profile": ("make the last data profile the baseline", "", ("data.name",)),
    "ui": ("open MLflow on the recorded runs", "", ("tracking",)),
    "doctor": ("say what the set-up lacks, and what mends it", "", ()),
}
DELIVERY: dict[str, Verb] = {
    "connect": ("let DVC use the project's bucket", "", ()),
    "experiment": ("make the form's branch, and its draft pull request", "", ()),
    "permit": ("refuse to train unless who asks may, and for this commit", "", ()),
    "image": ("build and push an image, unless the registry has it", "train|serve", ()),
    "estimate": ("say what the job may cost, before it is submitted", "", ("model", "train", "compute", "tracking")),
    "announce": ("tell the pull request that its job trains", "", ()),
    "stop_unwanted": ("stop the jobs that no pull request waits for", "", ()),
    "sweep": ("find what has ended, and what must be started again", "", ()),
    "hand_over": ("pack what a pull request's job found, as data", "FOLDER", ()),
    "publish": ("check that data, commit it, and report", "FOLDER", ()),
    "model_gate": ("say whether dvc.lock is this tree's, and may be merged", "", ()),
    "desired": ("compare what main asks for with what answers", "", ()),
    "release": ("bring the bundle to an environment, behind a canary", "ENVIRONMENT", ()),
    "roll_back": ("let an earlier version answer in production", "VERSION", ()),
    "revert": ("open a pull request that takes a rejected model back", "", ()),
    "take_update": ("take what is new in the template, as a patch", "FOLDER", ()),
    "propose_update": ("open a pull request of that patch", "FOLDER", ()),
    "acceptance": ("play the story in the real account, by a person, once", "ENV=staging", ()),
}
VERBS = PIPELINE | TOOLS | DELIVERY
RUNTIME = ("compute", "tracking")


def main(words: list[str] | None = None) -> int:
    """Run one verb; returns the exit status: 0 done, 1 a gate says no, 2 an error that the user can mend.

    As in a shell, 130 is an interrupt, and 141 a reader of the output who has gone (`slipway summary | head -1`).
    """
    try:
        return _status(sys.argv[1:] if words is None else words)
    except BrokenPipeError:
        pass
    except SystemExit as error:
        if not isinstance(error.__context__, BrokenPipeError):  # rich ends the program with 1
            raise
    _forget_output()
    return 141


def _status(words: list[str]) -> int:
    try:
        status = _answer(words)
        if sys.stdout is not None:
            sys.stdout.flush()  # what fails here can still be told; what fails at the interpreter's end cannot
        return status
    except UserError as error:
        from slipway.config.tracking import without_password

        print(f"error: {without_password(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        _forget_output()
        print(f"error: {error.filename or 'standard output'}: no space is left there.", file=sys.stderr)
        return 2


def _answer(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(_usage())
        return 0 if words else 2
    name, rest = words[0].replace("-", "_"), words[1:]
    if name not in VERBS:
        raise UserError(f"no verb {words[0]!r}; choose one of: {', '.join(VERBS)}")
    options = rest[: rest.index("--")] if "--" in rest else rest
    if "-h" in options or "--help" in options:
        print(_verb_usage(name))
        return 0
    return _run(name, rest)


def _forget_output() -> None:
    """Let what standard output still holds go nowhere, so that the interpreter's end does not fail over it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(name: str, rest: list[str]) -> int:
    from importlib import import_module

    _, arguments, sections = VERBS[name]
    overrides: list[str] = []
    if sections or not arguments:
        overrides = [word for word in rest if "=" in word]
        rest = [word for word in rest if "=" not in word]
        if rest and not arguments:
            raise UserError(
                f"slipway {name} takes no argument {rest[0]!r}; see `slipway {name} --help`.",
            )
    if overrides or any(section in RUNTIME for section in sections):
        from slipway.config.compose import runtime

        runtime(overrides)
        _pass_on(overrides)
    status = import_module(f"slipway.verbs.{name}").run(*([rest] if arguments else []))
    return int(status or 0)


def _pass_on(overrides: list[str]) -> None:
    """Give the command line's overrides to whatever reads the environment's, the strongest last."""
    import shlex

    earlier = os.environ.get("SLIPWAY_OVERRIDES", "")
    os.environ["SLIPWAY_OVERRIDES"] = f"{earlier} {shlex.join(overrides)}".strip()


def _usage() -> str:
    def table(verbs: dict[str, Verb]) -> list[str]:
        return [f"  {f'{name} {verb[1]}'.replace('_', '-'):<20} {verb[0]}" for name, verb in verbs.items()]

    return "\n".join(
        [
            "usage: slipway VERB [ARGUMENT ...] [key=value ...]",
            "",
            "The pipeline, in order (`dvc repro` runs what is out of date):",
            *table(PIPELINE),
            "",
            "Besides:",
            *table(TOOLS),
            "",
            "From pull request to production: what the workflows run:",
            *table(DELIVERY),
            "",
            "slipway VERB --help shows what a verb reads from the configuration.",
        ]
    )


def _verb_usage(name: str) -> str:
    summary, arguments, sections = VERBS[name]
    usage = f"usage: slipway {name} {arguments}".replace("_", "-").rstrip()
    lines = [usage, "", f"{summary[0].upper()}{summary[1:]}."]
    if sections:
        import yaml

        from slipway.config.compose import read_order, resolve, runtime
        from slipway.config.tracking import without_password

        values = resolve(read_order())[1] | runtime().model_dump(mode="json")
        shown = {section: _value(values, section) for section in sections}
        text = yaml.safe_dump(shown, sort_keys=False, allow_unicode=True, width=100)
        lines += [
            "",
            "Its configuration, as params.yaml and conf/ give it now:",
            "",
            *("  " + line for line in without_password(text).splitlines()),
        ]
        free = [section for section in sections if section in RUNTIME]
        if free:
            lines += [
                "",
                f"{' and '.join(free)} may be set for one run: key=value, or SLIPWAY_OVERRIDES.",
            ]
    return "\n".join(lines)


def _value(values: object, path: str) -> object:
    for key in path.split("."):
        assert isinstance(values, dict)
        values = values[key]
    return values


if __name__ == "__main__":
    sys.exit(main())
