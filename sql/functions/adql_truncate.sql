-- TRUNCATE of a real number after n decimal places; see adql_round for the way through text.
CREATE OR REPLACE FUNCTION udf.adql_truncate(x double precision, n integer)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN trunc(x::text::numeric, n)::double precision;

COMMENT ON FUNCTION udf.adql_truncate(double precision, integer)
IS 'ADQL TRUNCATE: x cut after n decimal places';
