"""The project's name in the template's texts and paths, in each of its spellings, as another project's."""

import re

from names import Names

# `package` is the word where Python reads it: an import, a module, or a path of it. Elsewhere it is a command, a
# folder of state, or part of a name in AWS
SPELLINGS = re.compile(
    r"""(?x)
      (?P<package>
          (?<=from[ ]) slipway \b | (?<=import[ ]) slipway \b                 # import slipway
        | (?<=-m[ ]) slipway \b | (?<=-m",[ ]") slipway \b                    # python -m slipway, "-m", "slipway"
        | (?: (?<=src/) | (?<=src"[ ]/[ ]") | (?<=\*/) ) slipway (?![\w-])    # src/slipway, "src" / "slipway"
        | (?<=\[") slipway (?="\])                                            # ["slipway"], in pyproject.toml
        | (?<![\w./-]) slipway (?=/)                                          # slipway/training/launch.py
        | (?<![\w./-]) slipway (?=\.["'a-z_])                                 # slipway.training
      )
    | (?P<slug> slipway) | (?P<prefix> SLIPWAY) | (?P<title> Slipway)
    """
)


def renamed(text: str, names: Names) -> str:
    """A text, or a path, with the project's names for the template's."""
    return SPELLINGS.sub(lambda found: str(getattr(names, str(found.lastgroup))), text)
