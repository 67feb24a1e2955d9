"""DaCHS resource descriptors made into descriptions of catalogues."""

from epntap.importing.descriptor import DescriptorError
from epntap.importing.notes import Note
from epntap.importing.translation import Translation, translate_descriptor
from epntap.importing.writing import catalogue_yaml

__all__ = ["DescriptorError", "Note", "Translation", "catalogue_yaml", "translate_descriptor"]
