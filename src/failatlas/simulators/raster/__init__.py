"""Rasteriser: meshes, a camera and shading formulas to a picture, with no OpenGL, display or GPU; see README.md."""

from failatlas.simulators.raster.camera import Camera
from failatlas.simulators.raster.frame import Frame
from failatlas.simulators.raster.mesh import Mesh, join, vertex_normals
from failatlas.simulators.raster.picture import develop
from failatlas.simulators.raster.points import Points
from failatlas.simulators.raster.shadow import ShadowMap

__all__ = ["Camera", "Frame", "Mesh", "Points", "ShadowMap", "develop", "join", "vertex_normals"]
