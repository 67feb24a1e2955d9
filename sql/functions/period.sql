-- The time that a row covers, as a point: its beginning to the right, its end upwards. `time_max >=
-- a AND time_min <= b` is half of the table for an index of either column, and a rectangle with few
-- rows for a GiST index of these points. PostgreSQL builds that index from sorted points, so it is
-- made as fast from rows in the order of time as from any others.

-- NaN is above every number for PostgreSQL's comparisons, and inside of no rectangle.
CREATE OR REPLACE FUNCTION udf.period(low double precision, high double precision)
RETURNS point
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN point(
    CASE WHEN low = 'NaN' THEN 'Infinity' ELSE low END,
    CASE WHEN high = 'NaN' THEN 'Infinity' ELSE high END
);

COMMENT ON FUNCTION udf.period(double precision, double precision)
IS 'the time between two limits, as a point that GiST indexes';
