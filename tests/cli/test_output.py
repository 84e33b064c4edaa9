"""Results go to stdout, everything else to stderr; with --json a result is exactly one document."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from campaigns.app import Campaigns
from campaigns.cli.app import app
from campaigns.definitions.instants import parse_instant
from campaigns.samples.starter import init_workspace

from .conftest import AS_OF, COMMAND, Run, environment

REPORT = [
    *("launch_id", "campaign", "as_of", "state", "matched", "sent", "held_out", "suppressed", "quarantined"),
    *("quarantined_rows", "acknowledged", "variants", "offers", "tenants", "split_p_value", "seconds"),
]


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with one launch, `spring`; only for looking at."""
    root = tmp_path_factory.mktemp("launched") / "acme"
    init_workspace(root)
    Campaigns(root).launch("winback", parse_instant(AS_OF), "spring")
    return root


def invoke(root: Path, *arguments: str, **env: str) -> Result:
    result = CliRunner().invoke(app, [*arguments, "--workspace", str(root)], env={"COLUMNS": "80", **env})
    assert result.exit_code == 0, result.stderr
    return result


def customer_of(root: Path) -> str:
    return str(json.loads(next(iter(Campaigns(root).events("spring"))))["subject"])


@pytest.mark.parametrize(
    ("arguments", "keys"),
    [
        (["validate"], ["campaigns", "problems"]),
        (["preview", "winback", "--as-of", AS_OF], ["campaign", "campaign_version", "launch_id", "as_of", "customers"]),
        (["plan", "winback", "--as-of", AS_OF], ["campaign", "launch_id", "as_of", "queries"]),
        (["launch", "winback", "--as-of", AS_OF, "--launch-id", "spring"], REPORT),
        (["resume", "spring"], REPORT),
        (["status", "spring"], REPORT),
        (["status"], ["launches"]),
        (["explain", "winback", "c001"], ["customer", "tenant", "campaign", "launch_id", "as_of"]),
    ],
)
def test_json_is_one_document_with_the_keys_in_order(launched: Path, arguments: list[str], keys: list[str]) -> None:
    result = invoke(launched, *arguments, "--json")
    assert list(json.loads(result.stdout))[: len(keys)] == keys
    assert result.stderr == ""


def test_validate_lists_what_was_checked(launched: Path) -> None:
    assert json.loads(invoke(launched, "validate", "--json").stdout) == {
        "campaigns": ["first-order", "winback"],
        "problems": [],
    }


def test_the_plan_is_runnable_text_without_the_secret(launched: Path) -> None:
    result = invoke(launched, "plan", "winback", "--as-of", AS_OF, "--json")
    queries = json.loads(result.stdout)["queries"]
    assert [query["name"] for query in queries] == ["screen", "quarantine", "decide"]
    shown = invoke(launched, "plan", "winback", "--as-of", AS_OF).stdout
    for query in queries:
        assert query["sql"] in shown
    assert (launched / ".campaigns" / "secret").read_text() not in shown + result.stdout


@pytest.mark.parametrize("name", ["workspace", "campaign", "event"])
def test_schemas_are_json_schemas_alone_and_together(name: str) -> None:
    alone = json.loads(CliRunner().invoke(app, ["schema", name]).stdout)
    assert alone["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert json.loads(CliRunner().invoke(app, ["schema", "--json"]).stdout)[name] == alone


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_events_are_one_bare_event_a_line(launched: Path, flags: list[str]) -> None:
    expected = list(Campaigns(launched).events("spring"))
    lines = invoke(launched, "events", "--launch", "spring", *flags).stdout_bytes.splitlines()
    assert lines == expected
    assert json.loads(lines[0])["type"] == "campaigns.customer.v1"


def test_a_reader_that_has_seen_enough_ends_events_quietly(tmp_path: Path) -> None:
    root = tmp_path / "acme"
    init_workspace(root)
    customers = root / "data" / "customers.csv"
    line = "{},marketplace,Ada,true,US,false,2024-12-17 18:30:28\n"
    customers.write_text(customers.read_text() + "".join(line.format(f"x{number}") for number in range(2_000)))
    Campaigns(root).launch("first-order")
    script = f"set -o pipefail; {COMMAND} events | head -1"
    done = subprocess.run(
        ["bash", "-c", script], cwd=root, env=environment(), capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["specversion"] == "1.0"
    assert done.stderr == ""


def test_a_split_that_cannot_be_trusted_is_said_loudly(monkeypatch: pytest.MonkeyPatch, launched: Path) -> None:
    document = Campaigns(launched).status("spring") | {"already_complete": False, "split_p_value": 0.0001}
    monkeypatch.setattr(Campaigns, "launch", lambda *_, **__: document)
    result = CliRunner().invoke(app, ["launch", "winback", "--json", "--workspace", str(launched)])
    assert "THE SPLIT IS NOT TO BE TRUSTED" in result.stderr
    assert json.loads(result.stdout)["split_p_value"] == 0.0001


@pytest.mark.parametrize(
    "arguments",
    [
        ["validate"],
        ["preview", "winback", "--as-of", AS_OF],
        ["launch", "winback", "--as-of", AS_OF, "--launch-id", "spring"],
        ["status", "spring"],
        ["status"],
        ["explain", "winback", "c001", "--as-of", AS_OF],
    ],
)
@pytest.mark.parametrize("width", [80, 120])
def test_views_fit_the_terminal_and_are_plain_where_there_is_none(
    launched: Path, arguments: list[str], width: int
) -> None:
    shown = invoke(launched, *arguments, COLUMNS=str(width)).stdout
    lines = [line for line in shown.splitlines() if not line.startswith("  campaigns ")]
    assert max(map(len, lines)) <= width
    assert not re.search(r"\x1b|[ \t]$", shown, re.MULTILINE)
    assert shown.endswith("\n")


def test_a_command_to_copy_is_never_cut(launched: Path) -> None:
    shown = invoke(launched, "status", "spring", COLUMNS="40").stdout
    assert f"  campaigns explain spring CUSTOMER --workspace {launched}\n" in shown


def test_colour_is_for_terminals_that_want_it(launched: Path) -> None:
    assert "\x1b[" in invoke(launched, "status", FORCE_COLOR="1", TERM="xterm-256color").stdout
    coloured = re.compile(r"\x1b\[[0-9;]*3[0-7]")
    assert not coloured.search(invoke(launched, "status", FORCE_COLOR="1", NO_COLOR="1", TERM="xterm-256color").stdout)


def test_explain_tells_the_frozen_decision_of_a_launch(launched: Path) -> None:
    customer = customer_of(launched)
    shown = invoke(launched, "explain", "spring", customer).stdout
    assert shown.startswith(f"{customer} of ")
    assert "got an event" in shown
    assert "✓  in_segment(lapsed)" in shown
    assert "holdout global (5 %)" in shown


def test_purge_removes_events_and_keeps_the_books(run: Run) -> None:
    launch = run("launch", "winback", "--as-of", AS_OF, "--launch-id", "spring", "--json").document
    purged = run("purge", "spring", "--json")
    assert (purged.code, purged.document["events_removed"]) == (0, launch["sent"])
    assert run("events").out == ""
    assert run("status", "spring", "--json").document["sent"] == launch["sent"]
