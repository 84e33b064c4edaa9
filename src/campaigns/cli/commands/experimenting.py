"""Commands about experiments: what one can learn, what it has shown, and who was in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from campaigns.cli.options import By, CampaignArgument, ExperimentArgument, Json, MetricOption, Until, Workspace, opened
from campaigns.cli.output import messages, show

MOST_EFFECT = 100
"""A hundred times the average: what is beyond is a slip of the pen."""


def _names(text: str) -> list[str]:
    """The names of a list with commas, each once. Raises typer.BadParameter."""
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise typer.BadParameter(f"{text!r} has an empty name: write a,b")
    return list(dict.fromkeys(names))


def _file(text: str) -> Path:
    """A file that can be written, as far as that shows before the analysis. Raises typer.BadParameter."""
    file = Path(text)
    if file.is_dir() or not file.parent.is_dir():
        raise typer.BadParameter(f"{text!r} is a folder" if file.is_dir() else f"{str(file.parent)!r} is no folder")
    return file


def analyze(
    experiment: ExperimentArgument,
    metrics: Annotated[
        Any,
        typer.Option(metavar="A,B", parser=_names, help="Only these metrics; all without.", show_default=False),
    ] = None,
    by: By = None,
    as_of: Until = None,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", parser=_file, help="Also write a report with charts.", show_default=False),
    ] = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Tell what an experiment has shown. The split is checked first; with --html there is also a page with charts."""
    from campaigns.cli.render.analysis import alarms, analysis_view

    document = opened(workspace).analyze(experiment, metrics=metrics, by=by, as_of=as_of)
    show(document, as_json=as_json, view=analysis_view)
    if as_json:
        _warn(alarms(document))
    if html:
        from campaigns.analysis.report import html as page

        html.write_text(page(document), encoding="utf-8")
        messages().print(f"written: {html}", soft_wrap=True)


def power(
    campaign: CampaignArgument,
    metric: MetricOption,
    effect: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Also tell how many customers a relative effect needs: 0.05 is 5 % of the average.",
            show_default=False,
        ),
    ] = None,
    as_of: Until = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Tell before a launch which effects it could show. Nothing is written."""
    from campaigns.cli.render.power import power_view

    if effect is not None and not 0 < effect <= MOST_EFFECT:
        raise typer.BadParameter(f"{effect} is not above 0 and at most {MOST_EFFECT}", param_hint="--effect")
    document = opened(workspace).power(campaign, metric, effect=effect, as_of=as_of)
    show(document, as_json=as_json, view=power_view)
    if as_json:
        _warn(document["warnings"])


def assignments(
    experiment: ExperimentArgument,
    out: Annotated[Path, typer.Option(metavar="DIR", help="A new or empty folder for the files.")],
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Write who was in an experiment as Parquet. One row per customer, with the first exposure; for any other tool."""
    from campaigns.cli.render.analysis import assignments_view

    show(opened(workspace).assignments(experiment, out), as_json=as_json, view=assignments_view)


def _warn(warnings: list[str]) -> None:
    from campaigns.cli.render.errors import draw_warning

    for warning in warnings:
        draw_warning(warning)


def holdouts(workspace: Workspace = None, as_json: Json = False) -> None:
    """Show the holdouts, and what they were at earlier launches."""
    from campaigns.cli.render.lines import holdouts_view

    show({"holdouts": opened(workspace).holdouts()}, as_json=as_json, view=holdouts_view)
