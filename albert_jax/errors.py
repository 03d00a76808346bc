"""What a user can cause."""

CHECK_PATH = "check the path and its permissions"  # the remedy for a file that cannot be opened


class UserError(ValueError):
    """One line that names the thing, the place and the remedy; commands print it and exit with 1."""
