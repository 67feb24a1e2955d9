"""The EPNcore data model: its columns, vocabularies, and the rules that rows are held to."""

from epntap.epncore.standard import ColumnRule, Standard, StandardColumn, read_standard
from epntap.epncore.validation import RowValidator, Violation

__all__ = ["ColumnRule", "RowValidator", "Standard", "StandardColumn", "Violation", "read_standard"]
