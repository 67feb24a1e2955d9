"""Active learning and drift: which orbits to label next, and when they are not what they were."""
