-- Whether a closed interval, given as an array of two numbers, holds a number.
CREATE OR REPLACE FUNCTION udf.ivo_interval_has(val double precision, iv double precision[])
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN val BETWEEN iv[1] AND iv[2];

COMMENT ON FUNCTION udf.ivo_interval_has(double precision, double precision[])
IS 'whether a closed interval holds a number';
