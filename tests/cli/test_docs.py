"""docs/cli.md tells every command and every option, and none that is gone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from campaigns.cli.app import app
from campaigns.cli.exits import EXIT, QUARANTINED, USAGE

DOCS = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
SECTIONS = {
    match[1]: match[2]
    for match in re.finditer(r"^### `campaigns ([a-z]+(?: [a-z]+)*)[^\n]*`\n(.*?)(?=^##|\Z)", DOCS, re.M | re.S)
}


def commands(group: Any, prefix: str = "") -> dict[str, Any]:
    """Every command by its words, those of groups such as `stream create` too."""
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        words = f"{prefix}{name}"
        found.update(commands(command, f"{words} ") if hasattr(command, "commands") else {words: command})
    return found


COMMANDS = commands(typer.main.get_group(app))


def test_there_is_a_section_for_every_command_in_the_order_of_the_help() -> None:
    assert list(SECTIONS) == list(COMMANDS)


@pytest.mark.parametrize("name", list(SECTIONS))
def test_a_section_tells_exactly_the_options_of_its_command(name: str) -> None:
    heading = re.search(rf"^### `(campaigns {name}[^\n]*)`$", DOCS, re.M)
    assert heading
    told = set(re.findall(r"--[a-z-]+", heading[1]))
    options = {option for parameter in COMMANDS[name].params for option in parameter.opts if option.startswith("--")}
    assert told == options - {"--help"}
    arguments = [str(each.metavar) for each in COMMANDS[name].params if each.param_type_name == "argument"]
    assert [word for word in arguments if word not in heading[1]] == []


def test_every_exit_code_is_in_the_table() -> None:
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", DOCS, re.M)}
    assert told == {0, 70, USAGE, QUARANTINED, *EXIT.values()}
