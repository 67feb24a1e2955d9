"""The XML schemas of the standards, where this computer has them.

Looked for in the folder that EPNTAP_TEST_SCHEMATA names, in the files of Debian's python3-gavo, and
in the library of Debian's stilts. What they import over the network is taken from there too.
"""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from lxml import etree

_RI = "http://www.ivoa.net/xml/RegistryInterface/v1.0"
_VR = "http://www.ivoa.net/xml/VOResource/v1.0"
_XS = "http://www.w3.org/2001/XMLSchema"

#: The namespaces that registry documents need, directly or through an import.
_NEEDED = (
    _RI,
    _VR,
    "http://www.ivoa.net/xml/VODataService/v1.1",
    "http://www.ivoa.net/xml/VORegistry/v1.0",
    "http://www.ivoa.net/xml/TAPRegExt/v1.0",
    "http://www.ivoa.net/xml/STC/stc-v1.30.xsd",
    "http://www.w3.org/1999/xlink",
    "http://www.w3.org/XML/1998/namespace",
    "http://www.openarchives.org/OAI/2.0/",
    "http://www.openarchives.org/OAI/2.0/oai_dc/",
    "http://purl.org/dc/elements/1.1/",
)

#: RegistryInterface 1.0 has this one element; stilts comes without its schema.
_RESOURCE = f"""<xs:schema xmlns:xs="{_XS}" xmlns:vr="{_VR}" targetNamespace="{_RI}">
<xs:import namespace="{_VR}"/><xs:element name="Resource" type="vr:Resource"/></xs:schema>"""


def _candidates() -> Iterator[bytes]:
    named = os.environ.get("EPNTAP_TEST_SCHEMATA")
    folders = [Path(named)] if named else []
    folders.append(Path("/usr/lib/python3/dist-packages/gavo/resources/schemata"))
    for folder in folders:
        for path in sorted(folder.glob("*.xsd")):
            yield path.read_bytes()
    jar = Path("/usr/share/java/starlink-ttools.jar")
    if jar.is_file():
        with zipfile.ZipFile(jar) as archive:
            # The highest version of a schema comes first.
            for name in sorted(archive.namelist(), reverse=True):
                if "/taplint/" in name and name.endswith(".xsd"):
                    yield archive.read(name)


def find_schemata() -> dict[str, bytes]:
    """Return the first schema found for each namespace that is needed."""
    found: dict[str, bytes] = {}
    for content in _candidates():
        namespace = etree.fromstring(content).get("targetNamespace", "")
        if namespace in _NEEDED:
            found.setdefault(namespace, content)
    if found:
        found.setdefault(_RI, _RESOURCE.encode())
    return found


def load_schema(folder: Path, schemata: dict[str, bytes]) -> etree.XMLSchema:
    """Return one schema of all namespaces, whose imports are files of the folder."""
    files = {namespace: f"{i}.xsd" for i, namespace in enumerate(schemata)}
    for namespace, content in schemata.items():
        root = etree.fromstring(content)
        for element in root.iter(f"{{{_XS}}}import", f"{{{_XS}}}include"):
            wanted = element.get("namespace")
            if wanted in files and wanted != namespace:
                element.set("schemaLocation", files[wanted])
            else:
                element.getparent().remove(element)
        (folder / files[namespace]).write_bytes(etree.tostring(root))
    imports = "".join(
        f'<xs:import namespace="{namespace}" schemaLocation="{file}"/>'
        for namespace, file in files.items()
    )
    driver = folder / "all.xsd"
    driver.write_text(f'<xs:schema xmlns:xs="{_XS}">{imports}</xs:schema>')
    return etree.XMLSchema(etree.parse(str(driver)))


def namespaces_used(root: etree._Element) -> set[str]:
    """Return the namespaces of a document's elements and ``xsi:type`` attributes."""
    used = set()
    for element in root.iter(etree.Element):
        used.add(etree.QName(element).namespace)
        kind = element.get("{http://www.w3.org/2001/XMLSchema-instance}type")
        if kind and re.match(r"\w+:", kind):
            used.add(element.nsmap[kind.partition(":")[0]])
    return used - {None}
