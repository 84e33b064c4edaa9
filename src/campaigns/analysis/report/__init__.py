"""An analysis shown to people: sentences and rows for the terminal and the page, and the page itself.

It draws what the document says, and decides nothing.
"""

from campaigns.analysis.report.page import html

__all__ = ["html"]
