"""Report: a folder of HTML that opens from disk, with no network and no server."""

from failatlas.report.document import DataCard, Document, LayerRow, ModelCard, Pictures, RelevanceCard
from failatlas.report.gather import gather
from failatlas.report.heatmaps import write_heatmaps
from failatlas.report.writer import write

__all__ = [
    "DataCard",
    "Document",
    "LayerRow",
    "ModelCard",
    "Pictures",
    "RelevanceCard",
    "gather",
    "write",
    "write_heatmaps",
]
