"""Bad sources: the launch stops before the freeze, says which file, and shows nobody's data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from campaigns.app import Campaigns
from campaigns.errors import CampaignsError, InvalidData, InvalidDefinition
from support.workspaces import AS_OF, CAMPAIGN, WORKSPACE, customer, make_workspace, order

PRIVATE = "ada@private.example"
BROKEN = PRIVATE.encode() + b"\xff"
HEADER = b"customer_id,tenant_id,first_name\n1,marketplace,Ada\n"
JSON = b'{"customer_id":"1","tenant_id":"marketplace","first_name":"Ada"}\n'
GREETING = {
    "campaign": "greeting",
    "tenants": "all",
    "channel": "email",
    "audience": {"where": "first_name <> 'Bob'"},
    "variables": {"first_name": "first_name"},
}


def workspace_of(root: Path, source: str = "data/customers.parquet") -> Path:
    customers = {"from": source, "id": "customer_id", "tenant": "tenant_id"}
    people = [customer(str(number), first_name=PRIVATE) for number in range(50)]
    workspace = {**WORKSPACE, "customers": customers}
    return make_workspace(root, customers=people, orders=[order("1")], campaign=GREETING, workspace=workspace)


def refused(root: Path, key: str = "greeting") -> str:
    """The launch's error, after it was seen that nothing valid is left behind and nobody's data is shown."""
    campaigns = Campaigns(root)
    with pytest.raises(InvalidData) as raised:
        campaigns.launch(key, as_of=AS_OF, launch_id="L")
    told = [str(raised.value)]
    for launch in campaigns.launches():
        told.append(launch["error"])
        assert launch["state"] == "failed"
        assert launch["matched"] is None
        assert list(campaigns.events()) == []
    assert not list((root / ".campaigns" / "snapshots").rglob("*.parquet"))
    for text in told:
        assert PRIVATE not in text
        assert str(root) not in text
    return told[0]


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def overwritten(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[20:60] = b"\xff" * 40
    path.write_bytes(bytes(content))


def not_utf8(path: Path) -> None:
    names = pa.array([BROKEN], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"customer_id": ["1"], "tenant_id": ["marketplace"], "first_name": names}), path)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (Path.unlink, "customers: no file at data/customers.parquet"),
        (truncated, "data/customers.parquet"),
        (overwritten, "data/customers.parquet"),
        (lambda path: path.write_bytes(b""), "data/customers.parquet"),
        (lambda path: path.write_bytes(b"this is no Parquet file"), "data/customers.parquet"),
        (not_utf8, "data/customers.parquet"),
    ],
    ids=["missing", "truncated", "overwritten", "empty", "text", "not-utf8"],
)
def test_an_unreadable_parquet_file(damage: Callable[[Path], object], told: str, tmp_path: Path) -> None:
    root = workspace_of(tmp_path)
    damage(root / "data" / "customers.parquet")
    assert told in refused(root)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("c.csv", HEADER + b"2,marketplace," + BROKEN + b"\n", "data/c.csv"),
        ("c.csv", HEADER + PRIVATE.encode() + b",marketplace,a,b,c\n", "data/c.csv is not regular CSV"),
        ("c.csv", HEADER + b'2,marketplace,"' + PRIVATE.encode(), "data/c.csv is not regular CSV"),
        ("c.csv", HEADER * 5000 + b'2,marketplace,"a\n' + PRIVATE.encode() + b'",b,c\n', "data/c.csv"),
        ("c.csv", HEADER + b"2,marketplace,Bob\n#3,marketplace\n", "data/c.csv is not regular CSV"),
        ("c.jsonl", JSON + b'{"customer_id":"2","first_name":"' + BROKEN + b'"}\n', 'data/c.jsonl", at byte'),
        ("c.jsonl", JSON + b'{"customer_id":"' + PRIVATE.encode() + b'", oops}\n', 'data/c.jsonl", at byte'),
        ("c.jsonl", JSON + b'{"customer_id":"\\ud800"}\n', "no low surrogate"),
        ("c.txt", HEADER, "no known ending; use .parquet"),
    ],
)
def test_an_unreadable_text_file(name: str, content: bytes, told: str, tmp_path: Path) -> None:
    root = workspace_of(tmp_path, f"data/{name}")
    (root / "data" / name).write_bytes(content)
    assert told in refused(root)


def test_a_folder_of_mixed_formats_and_an_empty_one(tmp_path: Path) -> None:
    root = workspace_of(tmp_path, "data/folder")
    (root / "data" / "folder").mkdir()
    assert "customers: no file at data/folder" in refused(root)
    (root / "data" / "folder" / "a.csv").write_bytes(HEADER)
    (root / "data" / "folder" / "b.jsonl").write_bytes(JSON)
    assert "data/folder mixes formats (csv, json)" in refused(root)


def test_a_source_that_breaks_after_the_claim_fails_the_launch(tmp_path: Path) -> None:
    """The footer is whole, so the plan compiles; the pages are not."""
    root = workspace_of(tmp_path)
    overwritten(root / "data" / "customers.parquet")
    refused(root)
    assert [launch["state"] for launch in Campaigns(root).launches()] == ["failed"]


def test_a_failed_launch_may_be_tried_again_once_the_source_is_whole(tmp_path: Path) -> None:
    root = workspace_of(tmp_path)
    whole = (root / "data" / "customers.parquet").read_bytes()
    overwritten(root / "data" / "customers.parquet")
    refused(root)
    (root / "data" / "customers.parquet").write_bytes(whole)
    assert Campaigns(root).launch("greeting", as_of=AS_OF, launch_id="L")["sent"] == 50


def problems(root: Path, key: str = "greeting") -> list[str]:
    """Every problem with its place, without the excerpts."""
    with pytest.raises(InvalidDefinition) as raised:
        Campaigns(root).launch(key, as_of=AS_OF)
    assert not (root / ".campaigns" / "ledger.db").exists()
    return [str(problem).splitlines()[0] for problem in raised.value.problems]


def test_a_wrong_column_is_placed_in_the_workspace_file(tmp_path: Path) -> None:
    people = {"from": "data/customers.parquet", "id": "customerid", "tenant": "tenant"}
    orders = {"from": "data/orders.parquet", "customer": "who", "tenant": "tenant_id", "at": "total_cents"}
    workspace = {**WORKSPACE, "customers": people, "events": {"orders": orders}}
    make_workspace(tmp_path, customers=[customer("1")], orders=[order("1")], workspace=workspace)
    found = problems(tmp_path, "winback")
    assert found[0].startswith("workspace.yaml:13:7: no column 'customerid'; the source has customer_id, tenant_id")
    assert found[1].startswith("workspace.yaml:14:11: no column 'tenant'; the source has")
    assert found[2].startswith("workspace.yaml:18:15: no column 'who'; the source has")
    assert found[3] == "workspace.yaml:20:9: column 'total_cents' is of type BIGINT; need a timestamp or a date"


def test_float_ids_are_refused(tmp_path: Path) -> None:
    root = workspace_of(tmp_path)
    rows = "SELECT 1.5::DOUBLE AS customer_id, 'marketplace' AS tenant_id, 'a' AS first_name"
    duckdb.execute(f"COPY ({rows}) TO '{root}/data/customers.parquet'")
    message = "column 'customer_id' is of type DOUBLE; an id must be text or an integer"
    assert problems(root) == [f"workspace.yaml:13:7: {message}"]


@pytest.mark.parametrize("ids", [["1.5", "2"], ["1.0", "2.0"]])
def test_ids_that_read_as_fractions_are_refused_in_csv_too(tmp_path: Path, ids: list[str]) -> None:
    """What exports write for an integer column with one missing value: it would join with nothing."""
    root = workspace_of(tmp_path)
    lines = ["customer_id,tenant_id,first_name", *(f"{id_},marketplace,Ada" for id_ in ids)]
    (root / "data" / "customers.csv").write_text("\n".join(lines) + "\n")
    text = (root / "workspace.yaml").read_text()
    (root / "workspace.yaml").write_text(text.replace("data/customers.parquet", "data/customers.csv"))
    assert problems(root) == [
        "workspace.yaml:13:7: column 'customer_id' is of type DOUBLE; an id must be text or an integer"
    ]


def test_a_dropped_column_is_an_unknown_attribute(tmp_path: Path) -> None:
    root = workspace_of(tmp_path)
    target = root / "data" / "customers.parquet"
    pq.write_table(pq.read_table(target).drop_columns(["first_name"]), target)
    assert problems(root) == [
        "campaigns/greeting.yaml:5:10: unknown attribute `first_name`",
        "campaigns/greeting.yaml:7:15: unknown attribute `first_name`",
    ]


def test_a_source_of_a_table_that_no_rule_needs_is_not_opened(tmp_path: Path) -> None:
    root = workspace_of(tmp_path)
    (root / "data" / "orders.parquet").unlink()
    assert Campaigns(root).launch("greeting", as_of=AS_OF)["sent"] == 50


@pytest.mark.parametrize("people", [[], [customer("1", first_name="Bob")]], ids=["zero-customers", "empty-audience"])
def test_nobody_is_a_launch_too(people: list[dict[str, object]], tmp_path: Path) -> None:
    make_workspace(tmp_path, customers=people, campaign=GREETING)
    report = Campaigns(tmp_path).launch("greeting", as_of=AS_OF)
    assert (report["state"], report["matched"], report["sent"], report["split_p_value"]) == ("completed", 0, 0, None)


def test_errors_of_an_engine_are_ours(tmp_path: Path) -> None:
    root = workspace_of(tmp_path, "data/base.duckdb")
    (root / "workspace.yaml").write_text(
        (root / "workspace.yaml").read_text().replace("data/base.duckdb", "data/base.duckdb\n  table: nope")
    )
    for content in (b"x" * 5000, None):
        (root / "data" / "base.duckdb").unlink(missing_ok=True)
        if content:
            (root / "data" / "base.duckdb").write_bytes(content)
        else:
            duckdb.connect(str(root / "data" / "base.duckdb")).close()
        with pytest.raises(CampaignsError, match=r"customers: "):
            Campaigns(root).launch("greeting", as_of=AS_OF)


def test_the_issues_campaign_still_launches_from_the_same_rows(tmp_path: Path) -> None:
    """The guard of this file: the damage, not the workspace, is what the tests above see."""
    make_workspace(tmp_path, customers=[customer("1")], orders=[order("1")], campaign={**CAMPAIGN, "holdout": None})
    assert Campaigns(tmp_path).launch("winback", as_of=AS_OF)["sent"] == 1
