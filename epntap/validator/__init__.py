"""Checks any EPN-TAP service, ours or another's, over TAP alone."""

from epntap.validator.client import HttpTapClient, LocalTapClient, TapClient
from epntap.validator.findings import Finding, Report, Severity, TableReport
from epntap.validator.rulebook import RULES, rule_of, rules_table
from epntap.validator.run import Options, require_tables, validate

__all__ = [
    "RULES",
    "Finding",
    "HttpTapClient",
    "LocalTapClient",
    "Options",
    "Report",
    "Severity",
    "TableReport",
    "TapClient",
    "require_tables",
    "rule_of",
    "rules_table",
    "validate",
]
