"""Features: rows that get clustered; extractors, one file each; nothing heavy is imported before one is opened."""

from failatlas.features.extractor import Extractor, extractors, open_extractor
from failatlas.features.rows import Rows, extract, merge
from failatlas.features.supplied import read_features

__all__ = ["Extractor", "Rows", "extract", "extractors", "merge", "open_extractor", "read_features"]
