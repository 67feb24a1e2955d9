-- Whether all words of the needle are words of the haystack, without case and without stemming, so
-- that names of missions and instruments are found as they are written.
CREATE OR REPLACE FUNCTION udf.ivo_hasword(haystack text, needle text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN to_tsvector('simple'::regconfig, haystack) @@ plainto_tsquery('simple'::regconfig, needle);

COMMENT ON FUNCTION udf.ivo_hasword(text, text)
IS 'whether all words of the second text are in the first, without case';
