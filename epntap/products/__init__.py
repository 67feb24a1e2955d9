"""Data products: files that belong to rows, kept, linked and served with their catalogue.

The section ``products`` of a description says which native columns name files. Publishing takes
them over, writes a row for each, and serves them for as long as a version has them.
"""
