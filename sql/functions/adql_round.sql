-- ROUND of a real number to n decimal places, halves away from zero.
-- PostgreSQL rounds double precision to whole numbers only, and halves to even. By way of text the
-- shortest decimal that denotes x is rounded, so that 2.675 gives 2.68; a direct cast to numeric
-- would keep 15 digits only, too few for a Julian Date.
CREATE OR REPLACE FUNCTION udf.adql_round(x double precision, n integer)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN round(x::text::numeric, n)::double precision;

COMMENT ON FUNCTION udf.adql_round(double precision, integer)
IS 'ADQL ROUND: x to n decimal places, halves away from zero';
