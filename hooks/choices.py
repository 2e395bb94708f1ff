"""What somebody chose for a new project: its names, and values in the files that hold them."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from names import Names, RefusedError, check_github, check_region, check_slug, check_title, slug_of, taken_in

CSV = "the rows are its own, in `data/local/texts.csv` ([docs/adapt.md](docs/adapt.md))"
SPDX = {"Proprietary": "LicenseRef-Proprietary"}


@dataclass(frozen=True)
class Choices:
    """One answer a prompt of cookiecutter.json, by its name there."""

    project_name: str
    project_slug: str
    github_owner: str
    github_repository: str
    aws_region: str
    licence: str
    example_data: str
    compute: str
    visibility: str

    @classmethod
    def of(cls, told: Mapping[str, object], source: Path) -> "Choices":
        """The answers in a mapping, the rest as cookiecutter.json says. Raises RefusedError for a key that is none."""
        named = {key: str(told[key]) for key in cls.__dataclass_fields__ if key in told}
        if unknown := [key for key in told if key not in cls.__dataclass_fields__ and not key.startswith("_")]:
            raise RefusedError(
                f"{unknown[0]} is nothing that can be chosen: {', '.join(cls.__dataclass_fields__)} are."
            )
        first = {key: said if isinstance(said, str) else said[0] for key, said in prompts(source).items()}
        given = {key: said for key, said in first.items() if "{{" not in said} | named
        given.setdefault("project_slug", slug_of(given["project_name"]))
        given.setdefault("github_repository", given["project_slug"])
        return cls(**given)

    def check(self, source: Path) -> None:
        """Raises RefusedError, with the rule that is broken; of a project that is there already, nobody asks it."""
        check_title(self.project_name)
        check_slug(self.project_slug, taken_in(source))
        check_github(self.github_owner, self.github_repository)
        check_region(self.aws_region)
        for key, values in prompts(source).items():
            if not isinstance(values, str) and (chosen := getattr(self, key)) not in values:
                raise RefusedError(f"{key} {chosen!r} is none of {', '.join(values)}.")

    @property
    def names(self) -> Names:
        """What the project is called."""
        return Names(self.project_name, self.project_slug)

    @property
    def repository(self) -> str:
        """On GitHub, with its owner."""
        return f"{self.github_owner}/{self.github_repository}"

    def values(self, source: Path) -> "dict[str, Callable[[str], str]]":
        """By the file that holds it, under its name in the copy: how its text is changed."""
        licence = source / "hooks" / "licences" / self.licence
        changed = {
            "terraform/bootstrap/terraform.tfvars": [
                (r'(?m)^(  owner +=) ".*"$', self.github_owner),
                (r'(?m)^(  name +=) ".*"$', self.github_repository),
            ],
            "terraform/project.tfvars": [(r'(?m)^(region +=) ".*"$', self.aws_region)],
            "pyproject.toml": [(r'(?m)^(license =) ".*"$', SPDX.get(self.licence, self.licence))],
            f"src/{self.names.package}/delivery/doctor/project.py": [(r'(?m)^(VISIBILITY =) ".*"$', self.visibility)],
        }
        words = {
            "conf/config.yaml": [(r"(?m)^(  - compute:) \w+$", self.compute)],
            "docs/first-day.md": [
                (r"(gh repo create) \S+ --\w+", f"{self.repository} --{self.visibility}"),
                (r"(gh api) repos/\S+/\S+", f"repos/{self.repository}"),
                (r"(with the region) \S+", self.aws_region),
            ],
        }
        if self.example_data == "csv":
            words["params.yaml"] = [(r"(?m)^(data:) \w+$", "csv")]
            words[".github/workflows/train.yml"] = [(r"(default:) aws_docs", "csv")]
            words["README.md"] = [(r"(text classification;) the default data set\s+[^.]*", CSV)]
        made = {name: _replacing([(rule, rf'\1 "{new}"') for rule, new in rules]) for name, rules in changed.items()}
        made |= {name: _replacing([(rule, rf"\1 {new}") for rule, new in rules]) for name, rules in words.items()}
        if self.example_data == "csv":
            section = (source / "hooks" / "resolved" / "csv.yaml").read_text(encoding="utf-8")
            made["resolved.yaml"] = lambda text: re.sub(r"(?ms)^data:\n.*?(?=^\w)", lambda _: section, text)
        if licence.is_file():
            made["LICENSE"] = lambda text: licence.read_text(encoding="utf-8").replace("OWNER", self.github_owner)
        return made


def prompts(source: Path) -> "dict[str, str | list[str]]":
    """By its key, what each prompt of a template offers: a text, or several, the first being as without a choice."""
    told = json.loads((source / "cookiecutter.json").read_text(encoding="utf-8"))
    return {key: told[key] for key in Choices.__dataclass_fields__ if key in told}


def _replacing(rules: "list[tuple[str, str]]") -> "Callable[[str], str]":
    def change(text: str) -> str:
        for rule, new in rules:
            text, count = re.subn(rule, new, text)
            if not count:
                raise LookupError(f"nothing fits {rule!r}")
        return text

    return change
