"""ADQL 2.1: from the text of a query to PostgreSQL's SQL and the metadata of its result.

The text becomes tokens (`lexer`), these a tree (`parser`, `grammar`), the tree is resolved
against the tables and functions that there are (`resolver` and what it is made of), and SQL is
built of what was resolved (`statement`). Nothing of the text itself ever gets into the SQL.
"""

from epntap.adql.context import GeometryBackend
from epntap.adql.errors import AdqlError
from epntap.adql.translation import Translation, translate

__all__ = ["AdqlError", "GeometryBackend", "Translation", "translate"]
