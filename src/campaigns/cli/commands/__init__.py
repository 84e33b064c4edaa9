"""The commands, one file per group. Each parses, calls the library and renders."""
