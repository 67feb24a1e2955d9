-- Number of the HEALPix cell of a position in the nested scheme (Gorski et al., ApJ 622, 759,
-- 2005). Each of the twelve faces is a square of 4^order cells, counted by interleaving the bits of
-- its two coordinates.
CREATE OR REPLACE FUNCTION udf.healpix_spread(x bigint)
RETURNS bigint
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $spread$
BEGIN
    x := (x | (x << 16)) & 281470681808895;
    x := (x | (x << 8)) & 71777214294589695;
    x := (x | (x << 4)) & 1085102592571150095;
    x := (x | (x << 2)) & 3689348814741910323;
    RETURN (x | (x << 1)) & 6148914691236517205;
END
$spread$;

COMMENT ON FUNCTION udf.healpix_spread(bigint)
IS 'bits of a number, each followed by a zero';

CREATE OR REPLACE FUNCTION udf.ivo_healpix_index(
    hpx_order integer, long double precision, lat double precision
)
RETURNS bigint
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $index$
DECLARE
    cells constant bigint := 1::bigint << hpx_order;
    z double precision;
    quarter double precision;
    up bigint;
    down bigint;
    face bigint;
    x bigint;
    y bigint;
    part double precision;
BEGIN
    IF hpx_order NOT BETWEEN 0 AND 29 THEN
        RAISE EXCEPTION 'an order of HEALPix is between 0 and 29, not %', hpx_order
            USING ERRCODE = 'numeric_value_out_of_range';
    END IF;
    IF udf.position(long, lat) IS NULL THEN
        RETURN NULL;
    END IF;
    z := sind(lat);
    quarter := (udf.position(long, lat))[0] / 90;
    IF quarter >= 4 THEN
        quarter := 0;
    END IF;
    IF abs(z) <= 2 / 3.0::double precision THEN
        -- The equatorial belt: counted along the two diagonals.
        up := floor(cells * (0.5 + quarter - 0.75 * z));
        down := floor(cells * (0.5 + quarter + 0.75 * z));
        face := CASE
            WHEN up / cells = down / cells THEN (up / cells) % 4 + 4
            WHEN up / cells < down / cells THEN up / cells
            ELSE down / cells + 8
        END;
        x := down % cells;
        y := cells - up % cells - 1;
    ELSE
        face := floor(quarter);
        -- cos(lat) keeps the digits that 1 - |z| loses near a pole.
        part := cells * cosd(lat) * sqrt(3 / (1 + abs(z)));
        up := least(floor((quarter - face) * part), cells - 1);
        down := least(floor((1 - quarter + face) * part), cells - 1);
        IF z >= 0 THEN
            x := cells - down - 1;
            y := cells - up - 1;
        ELSE
            face := face + 8;
            x := up;
            y := down;
        END IF;
    END IF;
    RETURN face * cells * cells + udf.healpix_spread(x) + 2 * udf.healpix_spread(y);
END
$index$;

COMMENT ON FUNCTION udf.ivo_healpix_index(integer, double precision, double precision)
IS 'nested HEALPix cell of a position';
