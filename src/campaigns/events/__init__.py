"""The event record, its id, its bytes and its JSON Schema."""
