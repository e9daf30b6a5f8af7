"""What is said of CSV files and workbooks: F501 to F549 of a whole file, L101 to L199 of a line."""

from django.utils.functional import Promise

TABLE_WORDS: dict[str, tuple[str | Promise, str | Promise]] = {}
