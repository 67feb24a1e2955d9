"""All rules, in the order in which they are reported."""

from __future__ import annotations

from epntap.validator.content_rules import CONTENT_RULES
from epntap.validator.metadata_rules import METADATA_RULES
from epntap.validator.rules import Rule, rules_by_code
from epntap.validator.value_rules import VALUE_RULES

#: What the run itself notices.
RUN_RULES = (
    Rule(
        "F_NOPN",
        "the service has an EPN-TAP table",
        "A table of the name epn_core or of the utype of EPN-TAP, in TAP_SCHEMA.tables.",
        None,
    ),
    Rule(
        "E_VQRY",
        "the service answers the queries of the other rules",
        "They need TOP, DISTINCT, GROUP BY, HAVING, LIKE, BETWEEN and IS NULL only. The rule whose "
        "query failed was not checked.",
        None,
    ),
    Rule(
        "W_VPAR",
        "all rows could be read",
        "The service cut a result off, or the limit of --rows was reached: rules about single "
        "cells were checked on the rows before.",
        None,
    ),
    Rule(
        "W_VLNK",
        "links lead somewhere",
        "Only with --check-links: a sample of access_url and thumbnail_url is requested.",
        None,
    ),
)

#: Every rule.
RULES: tuple[Rule, ...] = (*METADATA_RULES, *CONTENT_RULES, *VALUE_RULES, *RUN_RULES)


def rule_of(code: str) -> Rule:
    """Return the rule of a code.

    Raises
    ------
    KeyError
        If there is none.
    """
    return rules_by_code(RULES)[code]


def rules_table() -> str:
    """Return the rules as the table of ``docs/validator.md``."""
    lines = ["| code | severity | holds when | why | taplint |", "|---|---|---|---|---|"]
    for rule in RULES:
        mark = "yes" if rule.of_taplint else ""
        explanation = rule.explanation.replace("|", "\\|")
        lines.append(
            f"| `{rule.code}` | {rule.severity.value} | {rule.title} | {explanation} | {mark} |"
        )
    return "\n".join(lines) + "\n"
