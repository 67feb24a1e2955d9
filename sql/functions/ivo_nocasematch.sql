-- Whether a text is like a pattern with % and _, without case. There is no escape character.
CREATE OR REPLACE FUNCTION udf.ivo_nocasematch(value text, pattern text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN value ILIKE pattern ESCAPE '';

COMMENT ON FUNCTION udf.ivo_nocasematch(text, text)
IS 'whether a text is like a pattern, without case';
