-- Centre of a HEALPix cell of the nested scheme (Gorski et al., ApJ 622, 759, 2005).
CREATE OR REPLACE FUNCTION udf.healpix_gather(x bigint)
RETURNS bigint
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $gather$
BEGIN
    x := x & 6148914691236517205;
    x := (x | (x >> 1)) & 3689348814741910323;
    x := (x | (x >> 2)) & 1085102592571150095;
    x := (x | (x >> 4)) & 71777214294589695;
    x := (x | (x >> 8)) & 281470681808895;
    RETURN (x | (x >> 16)) & 4294967295;
END
$gather$;

COMMENT ON FUNCTION udf.healpix_gather(bigint)
IS 'every second bit of a number; the inverse of healpix_spread';

CREATE OR REPLACE FUNCTION udf.ivo_healpix_center(hpx_order integer, hpx_index bigint)
RETURNS double precision[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $center$
DECLARE
    cells constant bigint := 1::bigint << hpx_order;
    face bigint;
    x bigint;
    y bigint;
    ring bigint;
    size bigint;
    step bigint;
    lat double precision;
BEGIN
    IF hpx_order NOT BETWEEN 0 AND 29 OR hpx_index < 0 OR hpx_index >= 12 * cells * cells THEN
        RAISE EXCEPTION 'there is no HEALPix cell % of order %', hpx_index, hpx_order
            USING ERRCODE = 'numeric_value_out_of_range';
    END IF;
    face := hpx_index / (cells * cells);
    x := udf.healpix_gather(hpx_index % (cells * cells));
    y := udf.healpix_gather((hpx_index % (cells * cells)) >> 1);
    -- Rings are counted from the north pole; the southern corner of the three rows of faces is at
    -- ring 2, 3 and 4 times the size of a face.
    ring := (2 + face / 4) * cells - x - y - 1;
    IF ring < cells THEN
        size := ring;
        lat := 90 - 2 * asind(ring / (cells * sqrt(6::double precision)));
    ELSIF ring > 3 * cells THEN
        size := 4 * cells - ring;
        lat := 2 * asind(size / (cells * sqrt(6::double precision))) - 90;
    ELSE
        size := cells;
        lat := asind((2 * cells - ring) * 2 / (3.0::double precision * cells));
    END IF;
    -- Faces are 90 degrees apart, those of the middle row shifted by half of that.
    step := (CASE WHEN face / 4 = 1 THEN 2 * (face % 4) ELSE 2 * (face % 4) + 1 END) * size + x - y;
    RETURN ARRAY[(step + 8 * size) % (8 * size) * 45.0::double precision / size, lat];
END
$center$;

COMMENT ON FUNCTION udf.ivo_healpix_center(integer, bigint)
IS 'centre of a nested HEALPix cell';
