-- The seed of RAND(seed): starts the session's sequence of random numbers and gives 0, to which the
-- random number is added. Called in a subquery, it runs once for a query.
CREATE OR REPLACE FUNCTION udf.adql_seed(seed integer)
RETURNS double precision
LANGUAGE sql VOLATILE PARALLEL RESTRICTED
BEGIN ATOMIC
    SELECT setseed(seed / 2147483648.0);
    SELECT 0::double precision;
END;

COMMENT ON FUNCTION udf.adql_seed(integer)
IS 'ADQL RAND(seed): start the sequence of random numbers';
