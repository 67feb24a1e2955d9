"""Shared by the cases that look at images of surfaces: reading, tiles, rendering, outlines."""
