-- Modified Julian Date (JD - 2400000.5) of a timestamp: days of 86400 s since 1970-01-01T00:00:00, which is 40587.
-- The epoch is numeric, so that the only rounding is that of the result.
CREATE OR REPLACE FUNCTION udf.ivo_to_mjd(d timestamp)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (extract(epoch FROM d) / 86400 + 40587)::double precision;

COMMENT ON FUNCTION udf.ivo_to_mjd(timestamp)
IS 'Modified Julian Date (JD - 2400000.5) of a timestamp';

-- The same of text that spells a timestamp as DALI has it; NULL of any other text.
CREATE OR REPLACE FUNCTION udf.ivo_to_mjd(d text)
RETURNS double precision
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE
    WHEN d ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?)?Z?$'
        THEN (extract(epoch FROM d::timestamp) / 86400 + 40587)::double precision
END;

COMMENT ON FUNCTION udf.ivo_to_mjd(text)
IS 'Modified Julian Date (JD - 2400000.5) of an ISO 8601 text, NULL of other text';
