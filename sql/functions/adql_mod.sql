-- MOD of real numbers: the remainder of x/y with the sign of x (ADQL 2.1, table 1).
-- PostgreSQL has mod() for whole numbers and numeric only.
CREATE OR REPLACE FUNCTION udf.adql_mod(x double precision, y double precision)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN x - y * trunc(x / y);

COMMENT ON FUNCTION udf.adql_mod(double precision, double precision)
IS 'ADQL MOD of real numbers: remainder of x/y with the sign of x';
