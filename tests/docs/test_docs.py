"""The documentation runs: definitions validate, commands work, links lead somewhere."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from campaigns.app import Campaigns
from campaigns.audience import parse
from campaigns.events.ids import event_id
from campaigns.events.record import CustomerEvent
from campaigns.samples.starter import init_workspace
from support.pages import ROOT, Block, Page, blocks, pages
from support.workspaces import CUSTOMER, ORDER, write_rows, write_yaml

SHELL = ("sh", "bash", "console")
LANGUAGES = {"yaml", "python", "sql", "json", "text", *SHELL}
SECONDS = 120
"""How long one shell block may take."""

WORKSPACE = "# workspace.yaml"
PART = f"{WORKSPACE}, in part"
CAMPAIGN = re.compile(r"# (campaigns/[a-z0-9][a-z0-9_-]*\.yaml)")


@pytest.fixture(scope="session")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `campaigns init` writes."""
    root = tmp_path_factory.mktemp("docs") / "starter"
    init_workspace(root)
    return root


@pytest.fixture
def workspace(starter: Path, tmp_path: Path) -> Path:
    """A fresh copy of what `campaigns init` writes."""
    return Path(shutil.copytree(starter, tmp_path / "workspace"))


def test_every_block_is_of_a_language_that_is_checked() -> None:
    unknown = [
        f"{block}: {block.language!r}" for page in pages() for block in page.blocks if block.language not in LANGUAGES
    ]
    assert unknown == []


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_a_definition_is_valid(block: Block, workspace: Path) -> None:
    """A campaign is checked in the workspace above it on the same page, else in that of `campaigns init`; a part of a
    workspace in the latter."""
    if block.lines[0] == PART:
        whole = yaml.safe_load((workspace / "workspace.yaml").read_text(encoding="utf-8"))
        write_yaml(workspace / "workspace.yaml", whole | yaml.safe_load(block.text))
        Campaigns(workspace).validate()
        return
    above = workspace_above(block)
    if above is not None:
        declare(workspace, above)
    if above != block:
        named = CAMPAIGN.fullmatch(block.lines[0])
        assert named is not None, f"{block}: the first line must name a file, such as {WORKSPACE!r}"
        (workspace / named[1]).write_text(block.text, encoding="utf-8")
    campaigns = sorted(path.stem for path in (workspace / "campaigns").iterdir())
    assert Campaigns(workspace).validate() == campaigns


@pytest.mark.parametrize("block", blocks(*SHELL), ids=str)
def test_a_command_works(block: Block, workspace: Path, tmp_path: Path) -> None:
    if all(line.startswith("make ") for line in block.lines):
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        assert {line.split()[1] for line in block.lines} <= set(targets)
        return
    (home := tmp_path / "home").mkdir()
    found = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script(block)],
        cwd=workspace,
        env={"PATH": path_with_campaigns(), "HOME": str(home), "LANG": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert found.returncode == 0, f"{block}:\n{found.stdout}{found.stderr}"


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python_is_valid_and_imports_what_exists(block: Block) -> None:
    for node in ast.walk(ast.parse(block.text, str(block))):
        if isinstance(node, ast.ImportFrom):
            module = import_module(str(node.module))
            assert [name.name for name in node.names if not hasattr(module, name.name)] == []


@pytest.mark.parametrize("block", blocks("sql"), ids=str)
def test_a_rule_can_be_parsed(block: Block) -> None:
    for line in block.lines:
        parse(line)


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_an_event_is_valid(block: Block) -> None:
    data = CustomerEvent.model_validate_json(block.text).data
    assert json.loads(block.text)["id"] == event_id(data.tenant_id, data.launch_id, data.customer_id)


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Page) -> None:
    assert [link for link in page.links if not leads_somewhere(page, link)] == []


def test_every_page_can_be_reached() -> None:
    waiting, seen = {"README.md", "docs/architecture.md"}, set()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        found = {target(Page(name), link)[0] for link in Page(name).links if "://" not in link}
        waiting |= {each for each in found if each.endswith(".md") and (ROOT / each).is_file()} - seen
    assert {page.name for page in pages()} - seen == set()


def workspace_above(block: Block) -> Block | None:
    """The nearest workspace at or above a block on its page."""
    above = [each for each in Page(block.page).blocks if each.language == "yaml" and each.line <= block.line]
    return next((each for each in reversed(above) if each.lines[0] == WORKSPACE), None)


def declare(root: Path, block: Block) -> None:
    """Replace the workspace by the block's, with sources of the columns that the documentation's examples use."""
    shutil.rmtree(root / "campaigns")
    (root / "campaigns").mkdir()
    (root / "workspace.yaml").write_text(block.text, encoding="utf-8")
    write_rows(root / "data" / "customers.parquet", [], CUSTOMER)
    write_rows(root / "data" / "orders.parquet", [], ORDER)


def script(block: Block) -> str:
    """A block's commands; a console shows them after `$ `, everything else there is output."""
    if block.language != "console":
        return block.text
    return "\n".join(line.removeprefix("$ ") for line in block.lines if line.startswith("$ "))


def path_with_campaigns() -> str:
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])


def target(page: Page, link: str) -> tuple[str, str]:
    """(path in the repository, anchor) of a relative link."""
    path, _, anchor = link.partition("#")
    if not path:
        return page.name, anchor
    return os.path.relpath((page.path.parent / path).resolve(), ROOT), anchor


def leads_somewhere(page: Page, link: str) -> bool:
    if re.match(r"[a-z]+:", link):
        return True
    path, anchor = target(page, link)
    inside = not path.startswith("..") and (ROOT / path).exists()
    return inside and (not anchor or anchor in Page(path).anchors)
