"""The growth curve as SVG: what a customer costs, and peak memory, by the size of the launch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.figures import shown
from benchmarks.launch import MEMORY
from benchmarks.sides import Measured, highest, middle

_WIDTH, _HEIGHT, _LEFT, _TOP = 300, 180, 50, 40
_COLOURS = ("#1f6feb", "#2da44e", "#bf8700")


def drawn(rounds: Mapping[str, Sequence[Measured]]) -> str:
    """Two panels over the launches' sizes; the dashed lines are the bars."""
    sizes = [int(size) for size in rounds]
    launches = [list(each) for each in rounds.values()]
    cost = {
        name: [middle(each, part) / size * 1e6 for size, each in zip(sizes, launches, strict=True)]
        for name, part in (("launch", "seconds"), ("freeze", "freeze"), ("emit", "emit"))
    }
    memory = {"peak": [highest(each, "peak_mib") for each in launches]}
    panels = [
        _panel(0, "µs per customer", sizes, cost, cost["launch"][0] * 1.5),
        _panel(_WIDTH + 2 * _LEFT, "peak memory, MiB", sizes, memory, MEMORY),
    ]
    width, height = 2 * _WIDTH + 4 * _LEFT, _HEIGHT + 2 * _TOP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="12">\n<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(panels) + "\n</svg>\n"
    )


def _panel(left: int, title: str, sizes: Sequence[int], curves: Mapping[str, Sequence[float]], bar: float) -> str:
    scale = _HEIGHT / (1.1 * max(bar, *(value for values in curves.values() for value in values)))
    across = _WIDTH / max(sizes)

    def place(size: float, value: float) -> str:
        return f"{left + _LEFT + size * across:.1f},{_TOP + _HEIGHT - value * scale:.1f}"

    def line(points: Sequence[str], style: str) -> str:
        return f'<polyline fill="none" points="{" ".join(points)}" {style}/>'

    def text(at: str, content: str, style: str = "") -> str:
        x, y = at.split(",")
        return f'<text x="{x}" y="{y}" {style}>{content}</text>'

    whole = max(sizes)
    parts = [
        text(f"{left + _LEFT},{_TOP - 18}", title, 'font-weight="bold"'),
        line([place(0, 0), place(whole, 0)], 'stroke="black"'),
        line([place(0, bar), place(whole, bar)], 'stroke="#cf222e" stroke-dasharray="5"'),
        text(place(0, bar + 4 / scale), f"bar {shown(bar)}", 'fill="#cf222e"'),
    ]
    for (name, values), colour in zip(curves.items(), _COLOURS, strict=False):
        points = [place(size, value) for size, value in zip(sizes, values, strict=True)]
        parts.append(line(points, f'stroke="{colour}" stroke-width="2"'))
        above = [place(size, value + 6 / scale) for size, value in zip(sizes, values, strict=True)]
        parts += [text(at, shown(value), f'fill="{colour}"') for at, value in zip(above, values, strict=True)]
        parts.append(text(place(whole, values[-1] - 14 / scale), name, f'fill="{colour}" text-anchor="end"'))
    parts += [text(place(size, -16 / scale), shown(size), 'text-anchor="middle"') for size in sizes]
    return "\n".join(parts)
