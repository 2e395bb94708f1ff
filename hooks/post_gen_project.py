"""Writes the project; cookiecutter renders this file, and runs it in the project's folder."""

import json
import sys

SOURCE = r"""{{ template_source }}"""
TOLD = json.loads(r"""{{ cookiecutter | tojson }}""")

sys.path.insert(0, SOURCE + "/hooks")
sys.dont_write_bytecode = True
from generate import generate  # noqa: E402

generate(SOURCE, TOLD)
