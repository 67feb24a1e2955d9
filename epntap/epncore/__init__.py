"""The EPNcore data model: its columns, vocabularies, and the rules that rows are held to.

`epntap.epncore.validation` is not imported here: it needs pandas, which queries do not.
"""

from epntap.epncore.standard import ColumnRule, Standard, StandardColumn, read_standard

__all__ = ["ColumnRule", "Standard", "StandardColumn", "read_standard"]
