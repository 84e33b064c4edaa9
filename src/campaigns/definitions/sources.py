"""Where rows come from: files, folders, URLs, or one table of a database file."""

from __future__ import annotations

from pydantic import Field

from campaigns.definitions.records import Record, Text


class Source(Record):
    """One set of rows, read and never written."""

    location: Text = Field(
        alias="from",
        description="A Parquet, CSV or JSON-lines file, a glob, a folder, an s3:// or https:// URL, or a"
        " DuckDB or SQLite database file. Relative to the workspace.",
    )
    table: Text | None = Field(default=None, description="The table to read, when `from` is a database file.")


class Customers(Source):
    """The customers; every other column is an attribute. (tenant, id) identifies a customer."""

    id: Text = Field(description="The column that holds the customer's id: text or an integer.")
    tenant: Text = Field(description="The column that holds the tenant's key.")


class EventTable(Source):
    """What customers did: one row per event."""

    customer: Text = Field(description="The column that holds the customer's id.")
    tenant: Text = Field(description="The column that holds the tenant's key.")
    at: Text = Field(description="The column that holds when it happened: a timestamp, in UTC if it names no zone.")
    id: Text | None = Field(
        default=None,
        description="The column that identifies an event: metrics count rows with the same one once. Default: every"
        " row is an event.",
    )
