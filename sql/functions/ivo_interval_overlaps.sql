-- Whether two closed intervals have a point in common. One whose end is before its start is empty.
CREATE OR REPLACE FUNCTION udf.ivo_interval_overlaps(
    a1 double precision, b1 double precision, a2 double precision, b2 double precision
)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN a1 <= b2 AND a2 <= b1 AND a1 <= b1 AND a2 <= b2;

COMMENT ON FUNCTION udf.ivo_interval_overlaps(
    double precision, double precision, double precision, double precision
)
IS 'whether [a1, b1] and [a2, b2] have a point in common';
