"""VOSI: what the service can do and whether it works (VOSI 1.1, TAPRegExt 1.0)."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from typing import Any
from xml.etree import ElementTree

from pydantic import AnyUrl

from epntap.adql.features import FEATURES, VERSIONS
from epntap.formats import FORMATS, VOTABLE_MIME, ResultFormat
from epntap.settings import Settings
from epntap.tap.examples import EXAMPLES_STANDARD

_VOSI = "ivo://ivoa.net/std/VOSI"
_TAPREGEXT = "ivo://ivoa.net/std/TAPRegExt#"


@lru_cache(maxsize=8)
def capabilities_document(settings: Settings) -> bytes:
    """Return the capabilities of the TAP service (VOSI 1.1, section 2.1)."""
    from vo_models.voresource.models import AccessURL, Capability, Interface
    from vo_models.vosi.capabilities.models import VOSICapabilities

    base = f"{settings.url}/tap"

    def simple(standard: str, path: str) -> Capability:
        return Capability(
            standard_id=AnyUrl(f"{_VOSI}#{standard}"),
            interface=[
                Interface(
                    type="vs:ParamHTTP",
                    role="std",
                    access_url=[AccessURL(use="full", value=AnyUrl(f"{base}/{path}"))],
                )
            ],
        )

    document = VOSICapabilities(
        capability=[
            _table_access(settings, base),
            simple("capabilities", "capabilities"),
            simple("availability", "availability"),
            simple("tables-1.1", "tables"),
            Capability(
                standard_id=AnyUrl(EXAMPLES_STANDARD),
                interface=[
                    Interface(
                        type="vr:WebBrowser",
                        access_url=[AccessURL(use="full", value=AnyUrl(f"{base}/examples"))],
                    )
                ],
            ),
        ]
    )
    return _xml(document.to_xml(skip_empty=True))


def _table_access(settings: Settings, base: str) -> Any:
    from vo_models.tapregext.models import (
        DataLimit,
        DataLimits,
        Language,
        OutputFormat,
        TableAccess,
        TimeLimits,
        UploadMethod,
        Version,
    )
    from vo_models.voresource.models import AccessURL, Interface

    return TableAccess(
        interface=[
            Interface(
                type="vs:ParamHTTP",
                role="std",
                version="1.1",
                access_url=[AccessURL(use="base", value=AnyUrl(base))],
            )
        ],
        language=[
            Language(
                name="ADQL",
                version=[Version(value=v, ivo_id=i) for v, i in VERSIONS.items()],
                description="ADQL 2.1, with the functions below",
                language_features=_language_features(),
            )
        ],
        output_format=[
            OutputFormat(mime=mime, alias=list(aliases), ivo_id=form.ivo_id)
            for form in FORMATS
            for mime, aliases in _output_names(form)
        ],
        upload_method=[UploadMethod(ivo_id=f"{_TAPREGEXT}{name}") for name in _uploads(settings)],
        retention_period=TimeLimits(
            default=_seconds(min(settings.destruction_days, settings.destruction_days_limit)),
            hard=_seconds(settings.destruction_days_limit),
        ),
        execution_duration=TimeLimits(
            default=min(settings.async_seconds, settings.async_seconds_limit),
            hard=settings.async_seconds_limit,
        ),
        output_limit=DataLimits(
            default=DataLimit(unit="row", value=settings.maxrec),
            hard=DataLimit(unit="row", value=settings.maxrec_limit),
        ),
        # TAPRegExt has room for two numbers: so each of the two limits that there are has one.
        upload_limit=DataLimits(
            default=DataLimit(unit="row", value=settings.upload_rows),
            hard=DataLimit(unit="byte", value=settings.upload_bytes),
        ),
    )


def _seconds(days: float) -> int:
    return int(timedelta(days=days).total_seconds())


def _uploads(settings: Settings) -> list[str]:
    """Return the upload methods (TAPRegExt 1.0, section 2.5)."""
    remote = ["upload-http", "upload-https"] if settings.upload_remote else []
    return ["upload-inline", *remote]


def _output_names(form: ResultFormat) -> list[tuple[str, tuple[str, ...]]]:
    """Return the media types of a format with their short names."""
    names = [(form.mime, (form.name, *form.aliases))]
    if VOTABLE_MIME in form.also_mimes:
        names.append((VOTABLE_MIME, ()))
    return names


def _language_features() -> list[Any]:
    from vo_models.tapregext.models import LanguageFeature as Form
    from vo_models.tapregext.models import LanguageFeatureList

    return [
        LanguageFeatureList(
            type=kind,
            feature=[Form(form=each.form, description=each.description) for each in features],
        )
        for kind, features in FEATURES.items()
    ]


def availability_document(problem: str | None) -> bytes:
    """Return whether the service works (VOSI 1.1, section 2.2)."""
    root = ElementTree.Element(
        "availability", xmlns="http://www.ivoa.net/xml/VOSIAvailability/v1.0"
    )
    ElementTree.SubElement(root, "available").text = "false" if problem else "true"
    if problem:
        ElementTree.SubElement(root, "note").text = problem
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _xml(content: str | bytes) -> bytes:
    body = content.encode() if isinstance(content, str) else content
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + body
