"""Models: networks behind one protocol; nothing heavy is imported before a network is loaded."""

from failatlas.models.load import load_model
from failatlas.models.model import Model, Preprocess, WhiteBox
from failatlas.models.preprocess import parse_preprocess

__all__ = ["Model", "Preprocess", "WhiteBox", "load_model", "parse_preprocess"]
