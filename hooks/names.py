"""What a project may be called, in words, on GitHub, in AWS and in Python; and why it may not."""

import difflib
import keyword
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

SHORTEST, LONGEST = 3, 32


def reserved(what: str) -> "set[str]":
    """Words that are taken; tests/template/test_names.py says which are missing there."""
    return set((Path(__file__).parent / "reserved" / f"{what}.txt").read_text(encoding="utf-8").split())


# of a shell, the system and the project's environment: the project's own would stand before them on PATH
COMMANDS = reserved("commands")
# Python's own modules, in all versions that the project runs on
STANDARD_LIBRARY = reserved("standard_library")
# as what the packages of requirements.lock are imported, where they are called otherwise there
MODULES = reserved("modules")
# but for China's, whose services have names of their own
REGIONS = reserved("regions")
# environment variables that begin with one of these have another reader, and so would the project's own
READ_BY_OTHERS = ("actions", "aws", "dvc", "github", "hydra", "mlflow", "runner", "sagemaker", "tf-var")
# S3 and ECR keep names that begin so for themselves
KEPT_BY_AWS = ("xn--", "sthree-", "amzn-", "aws")
# folders of the project that stand on Python's path in tests, or that a reader would take for the package
FOLDERS = {
    "benchmarks",
    "conf",
    "data",
    "docker",
    "docs",
    "hooks",
    "lambda",
    "models",
    "reports",
    "src",
    "terraform",
    "tests",
}
# the state of this machine lies in .SLUG: what of the project is called so already
HIDDEN = {"dockerignore", "dvcignore", "gitattributes", "gitignore", "venv-checkov"}
# a slug stands in YAML without quotes; true, false and yes are commands
NO_TEXT = {"null", "off"}
TEMPLATE = "slipway"
MARKS = " -_.,&+()'"


class RefusedError(ValueError):
    """A name that cannot be; its text says which rule it breaks."""


@dataclass(frozen=True)
class Names:
    """One project's names: `title` in words, `slug` in AWS, on the command line and in paths, `package` in Python."""

    title: str
    slug: str

    @property
    def package(self) -> str:
        """The slug as an identifier of Python."""
        return self.slug.replace("-", "_")

    @property
    def prefix(self) -> str:
        """What the project's environment variables begin with, without the last underscore."""
        return self.package.upper()


def slug_of(title: str) -> str:
    """The slug that a name in words suggests: letters without accents, else hyphens; it may be no good one."""
    plain = unicodedata.normalize("NFKD", title.replace("\N{LATIN SMALL LETTER SHARP S}", "ss")).encode(
        "ascii", "ignore"
    )
    return re.sub(r"[^a-z0-9]+", "-", plain.decode().lower()).strip("-")


def check_title(title: str) -> None:
    """Raise RefusedError where the name in words would not be read as words in Markdown."""
    if not title.strip() or title != title.strip() or len(title) > 60:
        raise RefusedError(f"project_name {title!r} must have 1 to 60 characters, and no space around them.")
    for char in title:
        if not (char.isalnum() or unicodedata.category(char).startswith("M") or char in MARKS):
            raise RefusedError(
                f"project_name {title!r} may hold letters, digits, spaces and {MARKS.strip()}, but not {char!r}."
            )


def check_slug(slug: str, taken: "set[str]") -> None:
    """Raise RefusedError where AWS, GitHub or Python would refuse the slug, or take it for something else.

    taken: names of packages and modules, as Python imports or installs them, that the project needs itself.
    """
    said = f"project_slug {slug!r}"
    if not slug:
        raise RefusedError("project_slug is empty, for project_name has no letter from a to z: say it yourself.")
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", slug):
        raise RefusedError(
            f"{said} must be lower-case letters from a to z, digits and single hyphens, and begin with a letter: "
            "S3 and Python take no others."
        )
    if not SHORTEST <= len(slug) <= LONGEST:
        raise RefusedError(
            f"{said} has {len(slug)} characters: {SHORTEST} to {LONGEST} leave room for what AWS's names add to it."
        )
    if beginning := next((each for each in KEPT_BY_AWS if slug.startswith(each)), None):
        raise RefusedError(f"{said} begins with {beginning}: AWS keeps such names for itself.")
    if beginning := next((each for each in READ_BY_OTHERS if f"{slug}-".startswith(f"{each}-")), None):
        prefix = f"{beginning}_".replace("-", "_").upper()
        raise RefusedError(f"{said} begins with {beginning}: environment variables {prefix}... are read by others.")
    package = slug.replace("-", "_")
    if keyword.iskeyword(package) or package in keyword.softkwlist:
        raise RefusedError(f"{said} is a keyword of Python, and no name of a package.")
    if package in STANDARD_LIBRARY:
        raise RefusedError(f"{said} is a module of Python's own library: the package would hide it.")
    if slug in COMMANDS:
        raise RefusedError(f"{said} is a command of the system or of the tools: the project's own would hide it.")
    if package in FOLDERS:
        raise RefusedError(f"{said} is the name of a folder of the project.")
    if slug in HIDDEN:
        raise RefusedError(f"{said}: the project would keep its state in .{slug}, which is something else.")
    if slug in NO_TEXT:
        raise RefusedError(f"{said} is no text to YAML.")
    if slug == TEMPLATE:
        raise RefusedError(f"{said} is the template's own name.")
    if package in taken or slug in taken:
        raise RefusedError(f"{said} is a package or module that the project needs: its own would hide it.")


def check_github(owner: str, repository: str) -> None:
    """Raise RefusedError where GitHub knows no such names."""
    # one hyphen at a time today, but older names have more, and those that a company manages an underscore
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,38}", owner):
        raise RefusedError(f"github_owner {owner!r} is no name of a user or organisation on GitHub.")
    if (
        not re.fullmatch(r"[A-Za-z0-9._-]{1,100}", repository)
        or repository in (".", "..")
        or repository.endswith(".git")
    ):
        raise RefusedError(
            f"github_repository {repository!r} is no name of a repository on GitHub: give it without its owner."
        )


def check_region(region: str) -> None:
    """Raise RefusedError where AWS has no region of such a name."""
    if region.startswith("cn-"):
        raise RefusedError(f"aws_region {region!r}: China's regions are not supported.")
    if region not in REGIONS:
        close = difflib.get_close_matches(region.lower(), REGIONS, n=1) or ["eu-central-1"]
        raise RefusedError(f"aws_region {region!r} is no region of AWS, such as {close[0]}.")


def taken_in(source: Path) -> "set[str]":
    """The packages and modules that the template in a folder needs: of its lock, and of lambda/ and benchmarks/."""
    locked = (source / "requirements.lock").read_text(encoding="utf-8")
    needed = set(re.findall(r"^([A-Za-z0-9._-]+)==", locked, re.MULTILINE)) | MODULES
    names = {name.lower().replace(".", "-") for name in needed}
    files = [path for folder in ("lambda", "benchmarks") for path in (source / folder).iterdir()]
    return (
        names | {name.replace("-", "_") for name in names} | {path.stem for path in files if path.suffix in ("", ".py")}
    )
