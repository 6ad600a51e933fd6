/* SPDX-License-Identifier: MIT */
package suite.work;

import java.util.Arrays;
import suite.Checksum;
import suite.Rng;
import suite.Setting;

/**
 * A picture of some thousand spheres on a floor, in the light of one lamp: each
 * pixel by a ray, which is mirrored, and asks for a shadow, where it hits.  A
 * tree of boxes says which spheres a ray may hit.
 *
 * <p>Addition, multiplication, division and roots only: Java says what each of
 * them gives to the last bit.
 */
public final class RayTrace extends Known {
    private static final int WIDTH = 400, HEIGHT = 300, SPHERES = 3000, MIRRORS = 4;
    private static final Vector LAMP = new Vector(4, 9, -6), EYE = new Vector(0, 3, -9);

    private Tree tree;

    public RayTrace(long expected) {
        super(expected);
    }

    private record Vector(double x, double y, double z) {
        Vector plus(Vector v) {
            return new Vector(x + v.x, y + v.y, z + v.z);
        }

        Vector minus(Vector v) {
            return new Vector(x - v.x, y - v.y, z - v.z);
        }

        Vector times(double f) {
            return new Vector(x * f, y * f, z * f);
        }

        double dot(Vector v) {
            return x * v.x + y * v.y + z * v.z;
        }

        Vector unit() {
            return times(1 / Math.sqrt(dot(this)));
        }

        double along(int axis) {
            return axis == 0 ? x : axis == 1 ? y : z;
        }
    }

    private record Sphere(Vector centre, double radius, Vector colour, double mirror) {
        /** How far along the ray it is hit, or infinity. */
        double hit(Vector from, Vector direction) {
            Vector way = centre.minus(from);
            double middle = way.dot(direction);
            double root = middle * middle - way.dot(way) + radius * radius;
            if (root < 0) {
                return Double.POSITIVE_INFINITY;
            }
            double distance = middle - Math.sqrt(root);
            return distance > 1e-6 ? distance : Double.POSITIVE_INFINITY;
        }
    }

    private record Hit(double distance, Sphere sphere) {}

    /** A box around spheres, and its two halves, or one sphere. */
    private record Tree(Vector low, Vector high, Tree left, Tree right, Sphere sphere) {
        static Tree of(Sphere[] spheres, int from, int to, int axis) {
            if (to - from == 1) {
                Sphere sphere = spheres[from];
                Vector half = new Vector(sphere.radius, sphere.radius, sphere.radius);
                return new Tree(sphere.centre.minus(half), sphere.centre.plus(half), null, null, sphere);
            }
            Arrays.sort(spheres, from, to,
                    (a, b) -> Double.compare(a.centre.along(axis), b.centre.along(axis)));
            int middle = (from + to) / 2;
            Tree left = of(spheres, from, middle, (axis + 1) % 3), right = of(spheres, middle, to, (axis + 1) % 3);
            Vector low = new Vector(Math.min(left.low.x, right.low.x), Math.min(left.low.y, right.low.y),
                    Math.min(left.low.z, right.low.z));
            Vector high = new Vector(Math.max(left.high.x, right.high.x), Math.max(left.high.y, right.high.y),
                    Math.max(left.high.z, right.high.z));
            return new Tree(low, high, left, right, null);
        }

        private boolean isMissed(Vector from, Vector direction, double limit) {
            double near = 0, far = limit;
            for (int axis = 0; axis < 3; axis++) {
                double a = (low.along(axis) - from.along(axis)) / direction.along(axis);
                double b = (high.along(axis) - from.along(axis)) / direction.along(axis);
                near = Math.max(near, Math.min(a, b));
                far = Math.min(far, Math.max(a, b));
            }
            return near > far;
        }

        /** The nearest that is hit, if it is nearer than `best`. */
        Hit hit(Vector from, Vector direction, Hit best) {
            if (isMissed(from, direction, best.distance)) {
                return best;
            }
            if (sphere != null) {
                double distance = sphere.hit(from, direction);
                return distance < best.distance ? new Hit(distance, sphere) : best;
            }
            return right.hit(from, direction, left.hit(from, direction, best));
        }
    }

    @Override
    public void setUp(Setting setting) {
        Rng random = new Rng(6);
        Sphere[] spheres = new Sphere[SPHERES];
        for (int i = 0; i < SPHERES; i++) {
            double radius = 0.03 + 0.12 * random.nextDouble();
            double x = 16 * random.nextDouble() - 8, y = radius + random.nextRank(3), z = 14 * random.nextDouble();
            Vector centre = new Vector(x, y, z);
            Vector colour = new Vector(random.nextDouble(), random.nextDouble(), random.nextDouble());
            spheres[i] = new Sphere(centre, radius, colour, random.nextInt(3) / 4.0);
        }
        tree = Tree.of(spheres, 0, SPHERES, 0);
    }

    private static final Hit NOTHING = new Hit(Double.POSITIVE_INFINITY, null);

    private Vector colour(Vector from, Vector direction, int mirrors) {
        Hit hit = tree.hit(from, direction, NOTHING);
        double floor = direction.y < 0 ? -from.y / direction.y : Double.POSITIVE_INFINITY;
        if (floor > 1e-6 && floor < hit.distance) {
            Vector at = from.plus(direction.times(floor));
            boolean dark = (((int) Math.floor(at.x) + (int) Math.floor(at.z)) & 1) == 0;
            return light(at, new Vector(0, 1, 0), dark ? new Vector(0.2, 0.2, 0.2) : new Vector(0.9, 0.9, 0.9));
        }
        if (hit.sphere == null) {
            return new Vector(0.3, 0.5, 0.8 + 0.2 * direction.y);
        }
        Sphere sphere = hit.sphere;
        Vector at = from.plus(direction.times(hit.distance));
        Vector normal = at.minus(sphere.centre).unit();
        Vector own = light(at, normal, sphere.colour);
        if (mirrors == 0 || sphere.mirror == 0) {
            return own;
        }
        Vector mirrored = direction.minus(normal.times(2 * normal.dot(direction))).unit();
        return own.times(1 - sphere.mirror).plus(colour(at, mirrored, mirrors - 1).times(sphere.mirror));
    }

    /** A tenth of the colour in the shadow, and all of it where the lamp stands above. */
    private Vector light(Vector at, Vector normal, Vector colour) {
        Vector way = LAMP.minus(at);
        double distance = Math.sqrt(way.dot(way));
        Vector direction = way.times(1 / distance);
        double cosine = normal.dot(direction);
        boolean lit = cosine > 0 && tree.hit(at, direction, new Hit(distance, null)).sphere == null;
        return colour.times(lit ? 0.1 + 0.9 * cosine : 0.1);
    }

    @Override
    public long operation() {
        byte[] picture = new byte[3 * WIDTH * HEIGHT];
        int at = 0;
        for (int y = 0; y < HEIGHT; y++) {
            for (int x = 0; x < WIDTH; x++) {
                double right = (x + 0.5 - WIDTH / 2) / HEIGHT, up = (HEIGHT / 2 - y - 0.5) / HEIGHT;
                Vector colour = colour(EYE, new Vector(right, up - 0.2, 1).unit(), MIRRORS);
                picture[at++] = (byte) (255 * Math.min(1, colour.x));
                picture[at++] = (byte) (255 * Math.min(1, colour.y));
                picture[at++] = (byte) (255 * Math.min(1, colour.z));
            }
        }
        return new Checksum().add(picture).value();
    }
}
