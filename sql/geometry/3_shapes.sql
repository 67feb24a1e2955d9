-- Shapes as DALI arrays in degrees; the number of elements tells which they are: 2 a point,
-- 3 a circle, 6 and more a polygon. A point is treated as a circle without radius.
-- All boundaries belong to their shapes.

-- What the tests below work with: polygons become vectors, points and circles stay what they are.
-- Of a shape that is written in the query PostgreSQL makes it once.
CREATE OR REPLACE FUNCTION udf.prepared(shape double precision[])
RETURNS double precision[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000
AS $prepared$
DECLARE
    v double precision[];
BEGIN
    IF cardinality(shape) <= 3 THEN
        RETURN CASE WHEN abs(shape[2]) <= 90 AND abs(shape[1]) < 1e12 THEN shape END;
    END IF;
    v := udf.polygon_vectors(shape);
    -- All vertices the same: a point. Three elements would be taken for a circle.
    RETURN CASE WHEN cardinality(v) = 3 THEN shape[1:2] ELSE v END;
END
$prepared$;

COMMENT ON FUNCTION udf.prepared(double precision[])
IS 'a shape as other functions of geometry work with it';

-- The longitudes and latitudes of a cap around the shape, for indexes over columns of shapes.
CREATE OR REPLACE FUNCTION udf.shape_box(shape double precision[])
RETURNS box
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 500
AS $bounds$
DECLARE
    v double precision[];
    n int;
    x double precision := 0;
    y double precision := 0;
    z double precision := 0;
    length double precision;
    chord2 double precision := 0;
    centre double precision[];
BEGIN
    v := udf.prepared(shape);
    n := cardinality(v);
    IF v IS NULL THEN
        RETURN NULL;
    ELSIF n <= 3 THEN
        RETURN udf.cone_box(v[1], v[2], coalesce(v[3], 0));
    END IF;
    FOR i IN 1..n BY 3 LOOP
        x := x + v[i];
        y := y + v[i+1];
        z := z + v[i+2];
    END LOOP;
    length := sqrt(x * x + y * y + z * z);
    IF length > 1e-6 * n THEN
        x := x / length;
        y := y / length;
        z := z / length;
        FOR i IN 1..n BY 3 LOOP
            chord2 := greatest(chord2, (v[i] - x)^2 + (v[i+1] - y)^2 + (v[i+2] - z)^2);
        END LOOP;
        centre := udf.position_of(x, y, z);
    END IF;
    -- Caps below a hemisphere are convex: they hold the edges and the inside, not only the
    -- vertices. A larger polygon may be anywhere.
    IF chord2 >= 1.99 OR centre IS NULL THEN
        RETURN box(point(0, -90), point(360, 90));
    END IF;
    RETURN udf.cone_box(centre[1], centre[2], 2 * asind(sqrt(chord2) / 2));
END
$bounds$;

COMMENT ON FUNCTION udf.shape_box(double precision[])
IS 'longitudes and latitudes around a shape';

-- Whether the first shape is wholly in the second; both prepared.
CREATE OR REPLACE FUNCTION udf.shape_within(
    part double precision[], whole double precision[]
)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 2000
AS $within$
DECLARE
    u double precision[];
    r double precision;
    n int;
    j int;
BEGIN
    IF cardinality(whole) <= 3 THEN
        r := coalesce(whole[3], 0);
        IF r < 0 THEN
            RETURN false;
        ELSIF r >= 180 THEN
            RETURN true;
        ELSIF cardinality(part) <= 3 THEN
            RETURN udf.separation(part[1], part[2], whole[1], whole[2])
                   + coalesce(part[3], 0) <= r;
        END IF;
        -- What is farthest from the centre is nearest to its antipode.
        u := udf.unit_vector(whole[1] + 180, -whole[2]);
        RETURN NOT udf.polygon_has(part, u[1], u[2], u[3])
               AND udf.polygon_edge_distance(part, u[1], u[2], u[3]) >= 180 - r;
    END IF;
    IF cardinality(part) <= 3 THEN
        r := coalesce(part[3], 0);
        u := udf.unit_vector(part[1], part[2]);
        RETURN r >= 0 AND udf.polygon_has(whole, u[1], u[2], u[3])
               AND (r = 0 OR udf.polygon_edge_distance(whole, u[1], u[2], u[3]) >= r);
    END IF;
    IF udf.polygons_cross(part, whole) THEN
        RETURN false;
    END IF;
    n := cardinality(part);
    FOR i IN 1..n BY 3 LOOP
        j := CASE WHEN i + 3 > n THEN 1 ELSE i + 3 END;
        -- The middles too, for edges that leave between two points where they only touch.
        r := sqrt((part[i] + part[j])^2 + (part[i+1] + part[j+1])^2
                  + (part[i+2] + part[j+2])^2);
        IF NOT udf.polygon_has(whole, part[i], part[i+1], part[i+2])
           OR NOT udf.polygon_has(whole, (part[i] + part[j]) / r, (part[i+1] + part[j+1]) / r,
                                  (part[i+2] + part[j+2]) / r) THEN
            RETURN false;
        END IF;
    END LOOP;
    RETURN true;
END
$within$;

COMMENT ON FUNCTION udf.shape_within(double precision[], double precision[])
IS 'whether the first shape is in the second';

-- Whether two shapes have a point in common; both prepared.
CREATE OR REPLACE FUNCTION udf.shapes_meet(one double precision[], other double precision[])
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 2000
AS $meet$
DECLARE
    u double precision[];
    r double precision;
BEGIN
    IF cardinality(one) <= 3 AND cardinality(other) <= 3 THEN
        RETURN least(coalesce(one[3], 0), coalesce(other[3], 0)) >= 0
               AND udf.separation(one[1], one[2], other[1], other[2])
                   <= coalesce(one[3], 0) + coalesce(other[3], 0);
    ELSIF cardinality(one) <= 3 THEN
        RETURN udf.shapes_meet(other, one);
    END IF;
    IF cardinality(other) <= 3 THEN
        r := coalesce(other[3], 0);
        u := udf.unit_vector(other[1], other[2]);
        RETURN r >= 0 AND (udf.polygon_has(one, u[1], u[2], u[3])
               OR (r > 0 AND udf.polygon_edge_distance(one, u[1], u[2], u[3]) <= r));
    END IF;
    IF udf.polygons_cross(one, other) THEN
        RETURN true;
    END IF;
    FOR i IN 1..cardinality(one) BY 3 LOOP
        IF udf.polygon_has(other, one[i], one[i+1], one[i+2]) THEN
            RETURN true;
        END IF;
    END LOOP;
    FOR i IN 1..cardinality(other) BY 3 LOOP
        IF udf.polygon_has(one, other[i], other[i+1], other[i+2]) THEN
            RETURN true;
        END IF;
    END LOOP;
    RETURN false;
END
$meet$;

COMMENT ON FUNCTION udf.shapes_meet(double precision[], double precision[])
IS 'whether two shapes have a point in common';

CREATE OR REPLACE FUNCTION udf.adql_area(shape double precision[])
RETURNS double precision
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000
AS $area$
DECLARE
    excess double precision;
BEGIN
    IF cardinality(shape) <= 3 THEN
        RETURN 4 * pi() * (180 / pi())^2 * sind(
            (least(greatest(coalesce(shape[3], 0), 0), 180) / 2 + 0.0009765625) - 0.0009765625)^2;
    END IF;
    excess := udf.polygon_excess(udf.polygon_vectors(shape));
    RETURN least(excess, 4 * pi() - excess) * (180 / pi())^2;
END
$area$;

COMMENT ON FUNCTION udf.adql_area(double precision[])
IS 'ADQL AREA: square degrees';

-- The centre of mass of the area, which is half the sum of the normals of the edges, each times its
-- length (Brock, J. Astron. Sci. Appl. 1975); of a shape without area the mean of its vertices.
CREATE OR REPLACE FUNCTION udf.adql_centroid(shape double precision[])
RETURNS double precision[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000
AS $centroid$
DECLARE
    v double precision[];
    n int;
    j int;
    x double precision := 0;
    y double precision := 0;
    z double precision := 0;
    sx double precision := 0;
    sy double precision := 0;
    sz double precision := 0;
    ex double precision; ey double precision; ez double precision;
    length double precision;
    weight double precision;
BEGIN
    IF cardinality(shape) <= 3 THEN
        RETURN shape[1:2];
    END IF;
    v := udf.polygon_vectors(shape);
    n := cardinality(v);
    IF v IS NULL THEN
        RETURN NULL;
    END IF;
    FOR i IN 1..n BY 3 LOOP
        j := CASE WHEN i + 3 > n THEN 1 ELSE i + 3 END;
        ex := v[i+1] * (v[j+2] - v[i+2]) - v[i+2] * (v[j+1] - v[i+1]);
        ey := v[i+2] * (v[j] - v[i]) - v[i] * (v[j+2] - v[i+2]);
        ez := v[i] * (v[j+1] - v[i+1]) - v[i+1] * (v[j] - v[i]);
        length := sqrt(ex * ex + ey * ey + ez * ez);
        IF length > 0 THEN
            weight := atan2(length, v[i] * v[j] + v[i+1] * v[j+1] + v[i+2] * v[j+2]) / length;
            x := x + ex * weight;
            y := y + ey * weight;
            z := z + ez * weight;
        END IF;
        sx := sx + v[i];
        sy := sy + v[i+1];
        sz := sz + v[i+2];
    END LOOP;
    IF sqrt(x * x + y * y + z * z) < 1e-14 THEN
        RETURN udf.position_of(sx, sy, sz);
    END IF;
    RETURN udf.position_of(x, y, z);
END
$centroid$;

COMMENT ON FUNCTION udf.adql_centroid(double precision[])
IS 'ADQL CENTROID: a DALI point';

-- A shape turned by a matrix, given row by row; circles keep their radius.
CREATE OR REPLACE FUNCTION udf.shape_turned(shape double precision[], m double precision[])
RETURNS double precision[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 500
AS $turned$
DECLARE
    turned double precision[] := '{}';
    u double precision[];
BEGIN
    FOR i IN 1..cardinality(shape) / 2 * 2 BY 2 LOOP
        u := udf.unit_vector(shape[i], shape[i+1]);
        IF u IS NULL THEN
            RETURN NULL;
        END IF;
        turned := turned || udf.position_of(
            m[1] * u[1] + m[2] * u[2] + m[3] * u[3],
            m[4] * u[1] + m[5] * u[2] + m[6] * u[3],
            m[7] * u[1] + m[8] * u[2] + m[9] * u[3]);
    END LOOP;
    RETURN CASE WHEN cardinality(shape) = 3 THEN turned || shape[3] ELSE turned END;
END
$turned$;

COMMENT ON FUNCTION udf.shape_turned(double precision[], double precision[])
IS 'a shape in another frame';
