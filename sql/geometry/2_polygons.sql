-- Polygons of great circles, as flat arrays of unit vectors x1, y1, z1, x2 ...
--
-- A polygon is closed by itself. Its inside is the smaller of the two parts into which its edges
-- divide the sphere, whichever way round it is written; of two hemispheres the one on its left.
-- Products of neighbouring vectors are taken of one and of the difference, which keeps the digits
-- of small polygons.

-- Area on the left of the edges in steradians, 0 to 4 pi: signed triangles from an apex
-- (Eriksson, Math. Mag. 63, 184, 1990). The apex is the first vertex where all others lie within
-- 90 degrees of it, else the pole of the whole, so that no triangle has an antipodal side.
CREATE OR REPLACE FUNCTION udf.polygon_excess(v double precision[])
RETURNS double precision
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000
AS $excess$
DECLARE
    n constant int := cardinality(v);
    px double precision := v[1];
    py double precision := v[2];
    pz double precision := v[3];
    nx double precision := 0;
    ny double precision := 0;
    nz double precision := 0;
    near_all boolean := true;
    length double precision;
    total double precision := 0;
    j int;
    ux double precision; uy double precision; uz double precision;
    wx double precision; wy double precision; wz double precision;
BEGIN
    IF n < 9 THEN
        RETURN 0;
    END IF;
    FOR i IN 1..n BY 3 LOOP
        j := CASE WHEN i + 3 > n THEN 1 ELSE i + 3 END;
        near_all := near_all AND px * v[i] + py * v[i+1] + pz * v[i+2] > 0;
        nx := nx + v[i+1] * v[j+2] - v[i+2] * v[j+1];
        ny := ny + v[i+2] * v[j] - v[i] * v[j+2];
        nz := nz + v[i] * v[j+1] - v[i+1] * v[j];
    END LOOP;
    length := sqrt(nx * nx + ny * ny + nz * nz);
    IF NOT near_all AND length > 1e-9 THEN
        px := nx / length;
        py := ny / length;
        pz := nz / length;
    END IF;
    FOR i IN 1..n BY 3 LOOP
        j := CASE WHEN i + 3 > n THEN 1 ELSE i + 3 END;
        ux := v[i] - px; uy := v[i+1] - py; uz := v[i+2] - pz;
        wx := v[j] - px; wy := v[j+1] - py; wz := v[j+2] - pz;
        total := total + 2 * atan2(
            px * (uy * wz - uz * wy) + py * (uz * wx - ux * wz) + pz * (ux * wy - uy * wx),
            1 + px * v[i] + py * v[i+1] + pz * v[i+2] + px * v[j] + py * v[j+1] + pz * v[j+2]
              + v[i] * v[j] + v[i+1] * v[j+1] + v[i+2] * v[j+2]);
    END LOOP;
    RETURN total - 4 * pi() * floor(total / (4 * pi()));
END
$excess$;

COMMENT ON FUNCTION udf.polygon_excess(double precision[])
IS 'area to the left of a polygon, steradians';

-- Vertices in degrees to vectors: without repeated ones, the inside on the left.
CREATE OR REPLACE FUNCTION udf.polygon_vectors(vertices double precision[])
RETURNS double precision[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000
AS $vectors$
DECLARE
    v double precision[] := '{}';
    reversed double precision[] := '{}';
    n int := 0;
    x double precision;
    y double precision;
    z double precision;
BEGIN
    FOR i IN 1..cardinality(vertices) BY 2 LOOP
        IF (abs(vertices[i+1]) <= 90 AND abs(vertices[i]) < 1e12) IS NOT TRUE THEN
            RETURN NULL;
        END IF;
        -- As in udf.unit_vector, in place.
        z := (vertices[i] + 0.0009765625) - 0.0009765625;
        x := (cosd(vertices[i+1]) * cosd(z) + 1) - 1;
        y := (cosd(vertices[i+1]) * sind(z) + 1) - 1;
        z := (sind(vertices[i+1]) + 1) - 1;
        IF n = 0 OR (x - v[n-2])^2 + (y - v[n-1])^2 + (z - v[n])^2 > 1e-30 THEN
            v[n+1] := x;
            v[n+2] := y;
            v[n+3] := z;
            n := n + 3;
        END IF;
    END LOOP;
    WHILE n > 3 AND (v[1] - v[n-2])^2 + (v[2] - v[n-1])^2 + (v[3] - v[n])^2 <= 1e-30 LOOP
        n := n - 3;
    END LOOP;
    IF n < cardinality(v) THEN
        v := v[1:n];
    END IF;
    IF udf.polygon_excess(v) <= 2 * pi() * (1 + 1e-12) THEN
        RETURN v;
    END IF;
    FOR i IN REVERSE n..1 BY 3 LOOP
        reversed := reversed || v[i-2:i];
    END LOOP;
    RETURN reversed;
END
$vectors$;

COMMENT ON FUNCTION udf.polygon_vectors(double precision[])
IS 'unit vectors of a polygon in degrees, its inside on the left';

-- Whether a direction is inside or on an edge (within 1e-13 rad). The arc to the middle of one edge
-- arrives from the inside or not, and every other edge it crosses turns that round. The edge is the
-- one whose plane is farthest from the direction, where the sides are told apart best.
CREATE OR REPLACE FUNCTION udf.polygon_has(
    v double precision[], x double precision, y double precision, z double precision
)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000
AS $has$
DECLARE
    n constant int := cardinality(v);
    best double precision := 0;
    k int := 0;
    j int;
    side double precision;
    length double precision;
    inside boolean;
    ax double precision; ay double precision; az double precision;
    qx double precision; qy double precision; qz double precision;
    ex double precision; ey double precision; ez double precision;
    mx double precision; my double precision; mz double precision;
    sa double precision; sb double precision;
BEGIN
    ax := v[n-2]; ay := v[n-1]; az := v[n];
    FOR i IN 1..n BY 3 LOOP
        qx := v[i]; qy := v[i+1]; qz := v[i+2];
        ex := ay * (qz - az) - az * (qy - ay);
        ey := az * (qx - ax) - ax * (qz - az);
        ez := ax * (qy - ay) - ay * (qx - ax);
        length := sqrt(ex * ex + ey * ey + ez * ez);
        side := (x - ax) * ex + (y - ay) * ey + (z - az) * ez;
        IF abs(side) <= 1e-13 * length THEN
            -- On the great circle of the edge: between its ends?
            IF (ex * (ay * (z - az) - az * (y - ay)) + ey * (az * (x - ax) - ax * (z - az))
                + ez * (ax * (y - ay) - ay * (x - ax))) >= -1e-13 * length
               AND (ex * (qy * (qz - z) - qz * (qy - y)) + ey * (qz * (qx - x) - qx * (qz - z))
                + ez * (qx * (qy - y) - qy * (qx - x))) >= -1e-13 * length THEN
                RETURN true;
            END IF;
        ELSIF abs(side) > best * length THEN
            best := abs(side) / length;
            k := i;
            inside := side > 0;
        END IF;
        ax := qx; ay := qy; az := qz;
    END LOOP;
    IF k = 0 OR n < 9 THEN
        RETURN (x - v[1])^2 + (y - v[2])^2 + (z - v[3])^2 <= 1e-26;
    END IF;
    j := CASE WHEN k = 1 THEN n - 2 ELSE k - 3 END;
    mx := v[k] + v[j]; my := v[k+1] + v[j+1]; mz := v[k+2] + v[j+2];
    -- The plane of the arc.
    ex := y * (mz - z) - z * (my - y);
    ey := z * (mx - x) - x * (mz - z);
    ez := x * (my - y) - y * (mx - x);
    ax := v[n-2]; ay := v[n-1]; az := v[n];
    sa := ex * ax + ey * ay + ez * az;
    FOR i IN 1..n BY 3 LOOP
        qx := v[i]; qy := v[i+1]; qz := v[i+2];
        sb := ex * qx + ey * qy + ez * qz;
        IF (sa > 0) <> (sb > 0) AND i <> k THEN
            -- Where the edge meets the plane.
            ax := ax * abs(sb) + qx * abs(sa);
            ay := ay * abs(sb) + qy * abs(sa);
            az := az * abs(sb) + qz * abs(sa);
            IF ex * (y * az - z * ay) + ey * (z * ax - x * az) + ez * (x * ay - y * ax) > 0
               AND ex * (ay * mz - az * my) + ey * (az * mx - ax * mz)
                   + ez * (ax * my - ay * mx) > 0 THEN
                inside := NOT inside;
            END IF;
        END IF;
        ax := qx; ay := qy; az := qz;
        sa := sb;
    END LOOP;
    RETURN inside;
END
$has$;

COMMENT ON FUNCTION udf.polygon_has(
    double precision[], double precision, double precision, double precision
)
IS 'whether a direction is in a polygon or on an edge';

-- Distance in degrees from a direction to the nearest point of the edges.
CREATE OR REPLACE FUNCTION udf.polygon_edge_distance(
    v double precision[], x double precision, y double precision, z double precision
)
RETURNS double precision
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000
AS $distance$
DECLARE
    n constant int := cardinality(v);
    nearest double precision := 180;
    ax double precision := v[n-2];
    ay double precision := v[n-1];
    az double precision := v[n];
    qx double precision; qy double precision; qz double precision;
    ex double precision; ey double precision; ez double precision;
BEGIN
    FOR i IN 1..n BY 3 LOOP
        qx := v[i]; qy := v[i+1]; qz := v[i+2];
        nearest := least(nearest, 2 * atan2d(
            sqrt((x - qx)^2 + (y - qy)^2 + (z - qz)^2),
            sqrt((x + qx)^2 + (y + qy)^2 + (z + qz)^2)));
        ex := ay * (qz - az) - az * (qy - ay);
        ey := az * (qx - ax) - ax * (qz - az);
        ez := ax * (qy - ay) - ay * (qx - ax);
        IF x * (ey * az - ez * ay) + y * (ez * ax - ex * az) + z * (ex * ay - ey * ax) > 0
           AND x * (qy * ez - qz * ey) + y * (qz * ex - qx * ez) + z * (qx * ey - qy * ex) > 0 THEN
            nearest := least(nearest, atan2d(
                abs((x - ax) * ex + (y - ay) * ey + (z - az) * ez),
                sqrt((y * ez - z * ey)^2 + (z * ex - x * ez)^2 + (x * ey - y * ex)^2)));
        END IF;
        ax := qx; ay := qy; az := qz;
    END LOOP;
    RETURN nearest;
END
$distance$;

COMMENT ON FUNCTION udf.polygon_edge_distance(
    double precision[], double precision, double precision, double precision
)
IS 'distance from a direction to the edges of a polygon, degrees';

-- Whether an edge of one polygon crosses an edge of the other; to touch is not to cross.
CREATE OR REPLACE FUNCTION udf.polygons_cross(v double precision[], w double precision[])
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000
AS $cross$
DECLARE
    n constant int := cardinality(v);
    m constant int := cardinality(w);
    ax double precision := v[n-2];
    ay double precision := v[n-1];
    az double precision := v[n];
    qx double precision; qy double precision; qz double precision;
    cx double precision; cy double precision; cz double precision;
    dx double precision; dy double precision; dz double precision;
    ex double precision; ey double precision; ez double precision;
    fx double precision; fy double precision; fz double precision;
    s1 double precision; s2 double precision; s3 double precision; s4 double precision;
    tolerance double precision;
BEGIN
    FOR i IN 1..n BY 3 LOOP
        qx := v[i]; qy := v[i+1]; qz := v[i+2];
        ex := ay * (qz - az) - az * (qy - ay);
        ey := az * (qx - ax) - ax * (qz - az);
        ez := ax * (qy - ay) - ay * (qx - ax);
        tolerance := 1e-14 * sqrt(ex * ex + ey * ey + ez * ez);
        cx := w[m-2]; cy := w[m-1]; cz := w[m];
        s1 := (cx - ax) * ex + (cy - ay) * ey + (cz - az) * ez;
        FOR j IN 1..m BY 3 LOOP
            dx := w[j]; dy := w[j+1]; dz := w[j+2];
            s2 := (dx - ax) * ex + (dy - ay) * ey + (dz - az) * ez;
            IF (s1 > tolerance AND s2 < -tolerance) OR (s1 < -tolerance AND s2 > tolerance) THEN
                fx := cy * (dz - cz) - cz * (dy - cy);
                fy := cz * (dx - cx) - cx * (dz - cz);
                fz := cx * (dy - cy) - cy * (dx - cx);
                s3 := (ax - cx) * fx + (ay - cy) * fy + (az - cz) * fz;
                s4 := (qx - cx) * fx + (qy - cy) * fy + (qz - cz) * fz;
                -- The last of the signs tells the crossing from one at the antipode.
                IF least(abs(s3), abs(s4)) > 1e-14 * sqrt(fx * fx + fy * fy + fz * fz)
                   AND (s3 > 0) <> (s4 > 0) AND (s1 > 0) <> (s3 > 0) THEN
                    RETURN true;
                END IF;
            END IF;
            cx := dx; cy := dy; cz := dz;
            s1 := s2;
        END LOOP;
        ax := qx; ay := qy; az := qz;
    END LOOP;
    RETURN false;
END
$cross$;

COMMENT ON FUNCTION udf.polygons_cross(double precision[], double precision[])
IS 'whether edges of two polygons cross';
