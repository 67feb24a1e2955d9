"""The YAML file of a translated descriptor."""

from __future__ import annotations

import yaml

from epntap.importing.translation import Translation


class _Dumper(yaml.SafeDumper):
    """Indents lists below their keys, which reads better in a file made to be edited."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent lists too."""
        super().increase_indent(flow, False)


def catalogue_yaml(translation: Translation, origin: str) -> str:
    """Return the YAML file, headed by what a person has to look at.

    Parameters
    ----------
    origin
        Name of the descriptor.
    """
    head = [f"# Translated from the DaCHS resource descriptor {origin}."]
    if translation.sources:
        head += ["# There, rows come from:", *(f"#   {line}" for line in translation.sources)]
    if translation.notes:
        head.append("# To be looked at (lines are those of the descriptor):")
        head += [f"#   {' '.join(str(note).split())}" for note in translation.notes]
    body = yaml.dump(
        translation.description,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=100,
        default_flow_style=False,
    )
    return "\n".join(head) + "\n\n" + body
