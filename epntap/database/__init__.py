"""The database: embedded or given, with its roles, migrations and pools.

`Database.open` is the way in; `load_tableset` and `read_generation` tell what can be queried.
"""

from epntap.database.database import Database, uploader_connections
from epntap.database.errors import DatabaseBusyError, MigrationError
from epntap.database.rereading import again
from epntap.database.tableset import (
    decode_system,
    encode_system,
    load_tableset,
    read_generation,
)

__all__ = [
    "Database",
    "DatabaseBusyError",
    "MigrationError",
    "again",
    "decode_system",
    "encode_system",
    "load_tableset",
    "read_generation",
    "uploader_connections",
]
