"""The commands; each reads top to bottom like a page."""
