"""Where planets' bow shocks and magnetopauses stand: published models, frames, normals, timing.

What the pipelines for plasma boundaries share. Nothing here reads data or detects anything.
"""
