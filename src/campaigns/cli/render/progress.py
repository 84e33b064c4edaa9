"""Progress on stderr, with rate and ETA; drawn on a terminal only, remembered everywhere."""

from __future__ import annotations

from threading import Event
from types import TracebackType
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TaskProgressColumn, TextColumn
from rich.progress import TimeRemainingColumn as Eta
from rich.text import Text

from campaigns.cli.output import messages

if TYPE_CHECKING:
    from campaigns.ledger import Launch

_BAR = 20


class _Counts(ProgressColumn):
    """done of total, and how many a second."""

    def render(self, task: Task) -> Text:
        """Nothing for a task that counts no things."""
        if not task.fields["counted"]:
            return Text("")
        speed = task.finished_speed or task.speed
        rate = f", {speed:,.0f}/s" if speed else ""
        return Text(f"{int(task.completed):,} of {int(task.total or 0):,}{rate}")


class _Drawn:
    """Bars that vanish when the work is over."""

    def __init__(self) -> None:
        console = messages()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(_BAR),
            TaskProgressColumn(),
            _Counts(),
            Eta(compact=True),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def _show(self, name: str, done: float, total: float, *, counted: bool = False, note: str = "") -> None:
        if name not in self._tasks:
            # What was done before is where the bar starts, not something that happened at infinite speed.
            self._progress.start()
            words = f"{name} {note}".strip()
            self._tasks[name] = self._progress.add_task(words, total=total, completed=int(done), counted=counted)
        self._progress.update(self._tasks[name], completed=done)


class Progressing(_Drawn):
    """Watches a launch: draws it, and remembers its id for when it breaks off. Set `stop` to make it let go."""

    def __init__(self) -> None:
        super().__init__()
        self.stop = Event()
        self.launch_id: str | None = None
        self._rate: int | None = None

    def __enter__(self) -> Progressing:
        return self

    def claimed(self, launch: Launch) -> None:
        """See `Watch.claimed`."""
        self.launch_id, self._rate = launch.launch_id, launch.rate

    def freezing(self, done: float) -> None:
        """See `Watch.freezing`."""
        self._show("freezing", done, 1.0)

    def emitting(self, done: int, total: int) -> None:
        """See `Watch.emitting`."""
        if "freezing" in self._tasks:
            self._show("freezing", 1.0, 1.0)
        note = f"at most {self._rate:,}/s" if self._rate else ""
        self._show("emitting", done, total, counted=True, note=note)


class Writing(_Drawn):
    """Watches files being written."""

    def __enter__(self) -> Writing:
        return self

    def __call__(self, file: str, done: float) -> None:
        """See `campaigns.samples.parquet.Progress`."""
        self._show(file, done, 1.0)
