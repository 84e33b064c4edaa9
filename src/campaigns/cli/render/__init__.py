"""Documents drawn for people. Nothing here decides, counts or opens anything."""
