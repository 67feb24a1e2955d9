-- Authority of an identifier of the VO (IVOA Identifiers 2.0, section 2.3) or of another URI.
CREATE OR REPLACE FUNCTION udf.gavo_getauthority(ivoid text)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (regexp_match(ivoid, '^\s*[A-Za-z][A-Za-z0-9+.-]*://([^/?#\s]+)'))[1];

COMMENT ON FUNCTION udf.gavo_getauthority(text)
IS 'authority of a URI';
