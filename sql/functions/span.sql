-- The time that a row covers, as one value that an SP-GiST index is over: `time_max >= a AND
-- time_min <= b` is half of the table for an index of either column, and few rows for this one.
-- PostgreSQL keeps statistics of ranges, so that the planner knows how few.
DO $type$
BEGIN
    IF pg_catalog.to_regtype('udf.timespan') IS NULL THEN
        CREATE TYPE udf.timespan AS RANGE (
            subtype = double precision,
            subtype_diff = pg_catalog.float8mi,
            multirange_type_name = udf.timespans
        );
    END IF;
END
$type$;

-- In whatever order the limits come, and without either if it is NULL: what overlaps is never lost.
CREATE OR REPLACE FUNCTION udf.span(low double precision, high double precision)
RETURNS udf.timespan
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN udf.timespan(least(low, high), greatest(low, high), '[]');

COMMENT ON FUNCTION udf.span(double precision, double precision)
IS 'the time between two limits, as a range that SP-GiST indexes';
