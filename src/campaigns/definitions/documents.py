"""A definition file: its text, its tree, and problems with their exact place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from campaigns.definitions.records import MISPLACED, Record
from campaigns.definitions.source_text import MAXIMUM_BYTES, SourceText, decode
from campaigns.definitions.spans import span
from campaigns.definitions.tree import Mapping, Node, Scalar, Sequence, plain, read_tree
from campaigns.definitions.words import Complaint, complaints
from campaigns.errors import InvalidDefinition, NotFound, Problem

R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Document:
    """One YAML file that could be parsed; `problems` are those that did not keep it from being read on."""

    source: SourceText
    tree: Node
    problems: tuple[Problem, ...]

    @property
    def data(self) -> Any:
        """The file as dicts, lists, text, numbers, booleans and None."""
        return plain(self.tree)

    def problem(
        self,
        path: tuple[str | int, ...],
        message: str,
        start: int = 0,
        end: int | None = None,
        on_key: bool = False,
    ) -> Problem:
        """A problem at a path such as `("segments", "lapsed")`.

        `start` and `end` are offsets into the text of the scalar found there (a rule); they are followed
        back through quotes, escapes and folds to the file's own line and column. `on_key` points at the key
        instead of its value. Parts of the path that the file does not have are passed over.
        """
        key, node = self._find(path)
        if isinstance(node, Scalar) and not (on_key and key):
            if start or end is not None:
                return self.source.problem(message, *span(self.source, node, start, end))
            key = None if node.end > node.start else key
        flow = self.source.text[node.start : node.start + 1] in ("{", "[")
        place = key if key and (on_key or not flow or not isinstance(node, Mapping | Sequence)) else node
        return self.source.problem(message, place.start, place.end if place.end > place.start else place.start + 1)

    def complain(self, complaint: Complaint) -> Problem:
        """The problem of a complaint. Where a secret may stand the line is not quoted."""
        problem = self.problem(complaint.path, complaint.message, on_key=complaint.on_key)
        hidden = (
            complaint.path[:1] == ("secret",)
            or complaint.path[:2] == ("stream", "config")
            or MISPLACED in complaint.message
        )
        return replace(problem, excerpt="") if hidden else problem

    def validate(self, record: type[R]) -> tuple[R | None, list[Problem]]:
        """The file as a record, or None; and everything that is wrong with it, in the order of the lines."""
        problems = list(self.problems)
        valid = None
        try:
            valid = record.model_validate(self.data, by_alias=True, by_name=False)
        except ValidationError as error:
            problems += [self.complain(complaint) for complaint in complaints(record, error)]
        return valid, problems

    def _find(self, path: tuple[str | int, ...]) -> tuple[Scalar | None, Node]:
        key, node = None, self.tree
        for part in path:
            if isinstance(node, Mapping) and part in node.values:
                key, node = node.keys[str(part)], node.values[str(part)]
            elif isinstance(node, Sequence) and isinstance(part, int) and part < len(node.items):
                key, node = None, node.items[part]
        return key, node


def read_document(root: Path, file: str) -> Document:
    """The document in a file of the workspace.

    Raise NotFound if there is none; InvalidDefinition if it cannot be read, is too large, not UTF-8, or not
    one bounded YAML document.
    """
    try:
        with (root / file).open("rb") as stream:
            content = stream.read(MAXIMUM_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(f"{root / file} does not exist") from None
    except OSError as error:
        raise InvalidDefinition([Problem(f"cannot be read: {error.strerror}", file)]) from None
    source = decode(file, content)
    tree, problems = read_tree(source)
    return Document(source, tree, tuple(problems))
