-- Shapes as the extension pg_sphere has them, and its exact tests. Installed only where the
-- extension could be made, in the schema contrib.
--
-- A shape is NULL here if it is none, or if pg_sphere cannot represent it or would end the query
-- with an error; queries then ask the portable functions. pg_sphere takes directions within 1e-9 rad
-- for the same. What it computes depends on the arguments alone, so that these are parallel safe,
-- although version 1.2.0 does not declare its own functions so.

CREATE OR REPLACE FUNCTION udf.sphere_point(long double precision, lat double precision)
RETURNS contrib.spoint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN abs(lat) <= 90 AND abs(long) < 1e12 THEN contrib.spoint(
        radians((long + 0.0009765625) - 0.0009765625),
        radians((lat + 0.0009765625) - 0.0009765625)
    )
END;

COMMENT ON FUNCTION udf.sphere_point(double precision, double precision)
IS 'a position as pg_sphere has it';

-- A circle of pg_sphere is no larger than a hemisphere.
CREATE OR REPLACE FUNCTION udf.sphere_circle(
    long double precision, lat double precision, radius double precision
)
RETURNS contrib.scircle
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN radius >= 0 AND radius <= 90 THEN contrib.scircle(
        udf.sphere_point(long, lat), radians((radius + 0.0009765625) - 0.0009765625)
    )
END;

COMMENT ON FUNCTION udf.sphere_circle(double precision, double precision, double precision)
IS 'a circle as pg_sphere has it';

-- pg_sphere refuses polygons whose edges touch or cross, or that reach too far from their middle,
-- with an error. Catching it would need a subtransaction, which parallel queries cannot have. So
-- only what is surely welcome is handed over: polygons within 80 degrees of the mean of their
-- vertices that every ray from it leaves once, as it does all convex ones. Then an edge and a vertex
-- of others are apart by the least distance of an edge from the mean, times the sine of the
-- narrowest angle that an edge has from there: a hundred times what pg_sphere takes for nothing is
-- asked.
-- Its own middle of a polygon is that of the box around the vertices in space; all must be within 90
-- degrees of that.
CREATE OR REPLACE FUNCTION udf.sphere_polygon(shape double precision[])
RETURNS contrib.spoly
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000
AS $polygon$
DECLARE
    v double precision[];
    n int;
    x double precision := 0;
    y double precision := 0;
    z double precision := 0;
    length double precision;
    px double precision; py double precision; pz double precision;
    qx double precision; qy double precision; qz double precision;
    along_p double precision; along_q double precision;
    side double precision;
    height double precision := 1;
    sine double precision := 1;
    turn double precision := 0;
    low double precision[] := '{1,1,1}';
    high double precision[] := '{-1,-1,-1}';
    vertices text[];
BEGIN
    IF cardinality(shape) < 6 THEN
        RETURN NULL;
    END IF;
    v := udf.polygon_vectors(shape);
    n := cardinality(v);
    IF v IS NULL OR n < 9 THEN
        RETURN NULL;
    END IF;
    FOR i IN 1..n BY 3 LOOP
        x := x + v[i];
        y := y + v[i+1];
        z := z + v[i+2];
        FOR axis IN 1..3 LOOP
            low[axis] := least(low[axis], v[i+axis-1]);
            high[axis] := greatest(high[axis], v[i+axis-1]);
        END LOOP;
    END LOOP;
    length := sqrt(x * x + y * y + z * z);
    -- Within 80 degrees of the mean, the vertices add up to at least this: cos 80 degrees each.
    IF length < 0.17364817766693033 * n / 3 THEN
        RETURN NULL;
    END IF;
    x := x / length;
    y := y / length;
    z := z / length;
    px := v[n-2]; py := v[n-1]; pz := v[n];
    along_p := px * x + py * y + pz * z;
    FOR i IN 1..n BY 3 LOOP
        qx := v[i]; qy := v[i+1]; qz := v[i+2];
        along_q := qx * x + qy * y + qz * z;
        side := x * ((py - y) * (qz - z) - (pz - z) * (qy - y))
              + y * ((pz - z) * (qx - x) - (px - x) * (qz - z))
              + z * ((px - x) * (qy - y) - (py - y) * (qx - x));
        IF along_q < 0.17364817766693033 OR side <= 0
           OR qx * (low[1] + high[1]) + qy * (low[2] + high[2]) + qz * (low[3] + high[3]) < 1e-3 THEN
            RETURN NULL;
        END IF;
        height := least(height, side / sqrt((qx - px)^2 + (qy - py)^2 + (qz - pz)^2));
        sine := least(sine, side / sqrt(((px - x)^2 + (py - y)^2 + (pz - z)^2)
                                        * ((qx - x)^2 + (qy - y)^2 + (qz - z)^2)));
        turn := turn + atan2(side, (px - x * along_p) * (qx - x * along_q)
                                   + (py - y * along_p) * (qy - y * along_q)
                                   + (pz - z * along_p) * (qz - z * along_q));
        vertices := vertices || format('(%sd,%sd)',
            (udf.position(atan2d(qy, qx), 0))[0], atan2d(qz, sqrt(qx * qx + qy * qy)));
        px := qx; py := qy; pz := qz;
        along_p := along_q;
    END LOOP;
    IF height * sine < 1e-7 OR turn > 3 * pi() THEN
        RETURN NULL;
    END IF;
    RETURN format('{%s}', array_to_string(vertices, ','))::contrib.spoly;
END
$polygon$;

COMMENT ON FUNCTION udf.sphere_polygon(double precision[])
IS 'a polygon as pg_sphere has it';

-- The tests. As plain SQL they would be inlined, and PostgreSQL would then take them, at the cost
-- that pg_sphere declares for them, for as cheap as a comparison: do them before the coarse test,
-- and by one process alone.

CREATE OR REPLACE FUNCTION udf.sphere_within(part contrib.spoint, whole contrib.spoly)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000
AS $sphere$
BEGIN
    RETURN part OPERATOR(contrib.<@) whole;
END
$sphere$;

CREATE OR REPLACE FUNCTION udf.sphere_within(part contrib.scircle, whole contrib.spoly)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000
AS $sphere$
BEGIN
    RETURN part OPERATOR(contrib.<@) whole;
END
$sphere$;

CREATE OR REPLACE FUNCTION udf.sphere_within(part contrib.spoly, whole contrib.scircle)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000
AS $sphere$
BEGIN
    RETURN part OPERATOR(contrib.<@) whole;
END
$sphere$;

CREATE OR REPLACE FUNCTION udf.sphere_within(part contrib.spoly, whole contrib.spoly)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000
AS $sphere$
BEGIN
    RETURN part OPERATOR(contrib.<@) whole;
END
$sphere$;

CREATE OR REPLACE FUNCTION udf.sphere_meet(one contrib.scircle, other contrib.spoly)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000
AS $sphere$
BEGIN
    RETURN one OPERATOR(contrib.&&) other;
END
$sphere$;

CREATE OR REPLACE FUNCTION udf.sphere_meet(one contrib.spoly, other contrib.scircle)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000
AS $sphere$
BEGIN
    RETURN one OPERATOR(contrib.&&) other;
END
$sphere$;

CREATE OR REPLACE FUNCTION udf.sphere_meet(one contrib.spoly, other contrib.spoly)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000
AS $sphere$
BEGIN
    RETURN one OPERATOR(contrib.&&) other;
END
$sphere$;

COMMENT ON FUNCTION udf.sphere_within(contrib.spoint, contrib.spoly)
IS 'whether a point is in a polygon, by pg_sphere';
COMMENT ON FUNCTION udf.sphere_within(contrib.scircle, contrib.spoly)
IS 'whether a circle is in a polygon, by pg_sphere';
COMMENT ON FUNCTION udf.sphere_within(contrib.spoly, contrib.scircle)
IS 'whether a polygon is in a circle, by pg_sphere';
COMMENT ON FUNCTION udf.sphere_within(contrib.spoly, contrib.spoly)
IS 'whether a polygon is in another, by pg_sphere';
COMMENT ON FUNCTION udf.sphere_meet(contrib.scircle, contrib.spoly)
IS 'whether a circle and a polygon have a point in common, by pg_sphere';
COMMENT ON FUNCTION udf.sphere_meet(contrib.spoly, contrib.scircle)
IS 'whether a polygon and a circle have a point in common, by pg_sphere';
COMMENT ON FUNCTION udf.sphere_meet(contrib.spoly, contrib.spoly)
IS 'whether two polygons have a point in common, by pg_sphere';
