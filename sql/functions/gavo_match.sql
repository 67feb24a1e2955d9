-- Whether a regular expression of POSIX matches a part of a text.
CREATE OR REPLACE FUNCTION udf.gavo_match(pattern text, string text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN string ~ pattern;

COMMENT ON FUNCTION udf.gavo_match(text, text)
IS 'whether a regular expression matches a part of a text';
