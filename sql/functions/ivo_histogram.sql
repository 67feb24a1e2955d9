-- A histogram from the numbers of the bins of all rows: how many are in bin 0 (below the range), in
-- bins 1 to nbins, and in nbins + 1 (above it). NULL counts as below.
CREATE OR REPLACE FUNCTION udf.ivo_histogram(bins integer[], nbins integer)
RETURNS integer[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT array_agg(coalesce(counted.n, 0) ORDER BY bin.number)
      FROM generate_series(0, nbins + 1) AS bin (number)
      LEFT JOIN (SELECT coalesce(row_bin, 0) AS number, count(*)::integer AS n
                   FROM unnest(bins) AS row_bin GROUP BY 1) AS counted
        ON counted.number = bin.number;
END;

COMMENT ON FUNCTION udf.ivo_histogram(integer[], integer)
IS 'how many rows are in each bin';
