"""Real data: files, CDAWeb through speasy, and what both need to become a regular series."""
