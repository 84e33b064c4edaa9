"""A launch: claim, freeze, emit, close; and what one can ask before and after."""
