"""``/tap/examples``: the example queries of the catalogues (DALI 1.1, section 2.3)."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg2
from lxml import etree
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from epntap.catalogue import ExampleQuery, stored_catalogue
from epntap.database import Database
from epntap.errors import UserError
from epntap.settings import Settings
from epntap.tap.errors import error_response, from_database

#: Standard id of the capability (DALI 1.1, section 2.3).
EXAMPLES_STANDARD = "ivo://ivoa.net/std/DALI#examples"

_XHTML = "http://www.w3.org/1999/xhtml"
_VOCABULARY = "http://www.ivoa.net/rdf/examples#"

#: Everything but the Char of XML 1.0, section 2.2.
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
