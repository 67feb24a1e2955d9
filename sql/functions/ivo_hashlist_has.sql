-- Whether a list of words separated by # holds an item, compared without case. An item with # in it
-- is never held. The operator is one that a GIN index over string_to_array(lower(list), '#') serves.
CREATE OR REPLACE FUNCTION udf.ivo_hashlist_has(hashlist text, item text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN string_to_array(lower(hashlist), '#') @> ARRAY[lower(item)];

COMMENT ON FUNCTION udf.ivo_hashlist_has(text, text)
IS 'whether a #-separated list holds an item, without case';
