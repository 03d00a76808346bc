"""What a user can cause."""


class UserError(ValueError):
    """One line that names the thing, the place and the remedy; commands print it and exit with 1."""
