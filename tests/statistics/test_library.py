"""tea-tasting is an extra: absent it is named, present it is imported late."""

from __future__ import annotations

import subprocess
import sys

import pytest

from campaigns.errors import Unavailable
from campaigns.statistics import Kind, effect
from support.groups import moments


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tea_tasting.aggr", None)
    with pytest.raises(Unavailable, match=r"tea_tasting.*pip install 'campaigns-engine\[analysis\]'"):
        effect([moments(value=[1, 2])], [moments(value=[1, 2])], Kind.MEAN)


def test_importing_the_statistics_imports_no_heavy_package() -> None:
    code = "import sys, campaigns.statistics; print([n for n in ('tea_tasting', 'scipy', 'numpy') if n in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "[]\n"
