"""Painting a scene onto a grid, with soft edges one voxel wide, and reading its truth off the same solids.

Soft tissue is painted at half the in-plane resolution and interpolated, the skeleton at full resolution. Thick slices
are the mean of sub-slices. Truth (masks, classes) is the sign of the distance at voxel centers.
"""

from __future__ import annotations

import numpy as np

from OsteoJointLib.frames import Grid
from OsteoJointLib.phantom.solids.scene import Material, Scene, Solid, Tissue

AIR_HU = -1000.0
_MAX_SUBSLICE_MM = 1.6  # chosen: thicker slices are the mean of sub-slices no thicker than this
_FINE_PIXEL_MM = 1.5  # chosen: from here on a grid is a level sample's and is painted as it is
_LEAST_COARSE_PX = 64  # chosen: smaller planes have nothing to gain from half the resolution
_FAR_MM = 1e3  # distance of what lies nowhere near
_PLANES_AT_ONCE = 48  # chosen: bounds the memory of a thin-slice volume
_RESTORED_SD = 1.5  # interpolating white noise linearly in two directions leaves 2/3 of its SD


Axes = tuple[np.ndarray, np.ndarray, np.ndarray]
"""World coordinates of a grid's columns (x), rows (y) and slices (z)."""


def _axes(grid: Grid) -> Axes:
    """World coordinates of an axis-aligned grid."""
    x, y, z = (grid.origin_lps_mm[a] + np.arange(grid.shape_zyx[2 - a]) * grid.spacing_xyz_mm[a] for a in range(3))
    return x, y, z


def _coarser(coordinates: np.ndarray, step: int) -> np.ndarray:
    """Centers of cells of ``step`` voxels."""
    pitch = coordinates[1] - coordinates[0]
    return coordinates[0] + (np.arange(-(-len(coordinates) // step)) * step + 0.5 * (step - 1)) * pitch


def _block(solid: Solid, axes: Axes, margin_mm: float) -> tuple[slice, slice, slice] | None:
    """Index ranges (x, y, z) of the voxels near a solid, None when it lies outside."""
    low, high = solid.bounds
    found = []
    for axis in (2, 1, 0):  # z first: few solids reach a slice
        start, stop = np.searchsorted(axes[axis], (low[axis] - margin_mm, high[axis] + margin_mm))
        if start >= stop:
            return None
        found.append(slice(int(start), int(stop)))
    z, y, x = found
    return x, y, z


def _texture(shape: tuple[int, ...], spacing: np.ndarray, grain_mm: float, rng: np.random.Generator) -> np.ndarray:
    """Unit-variance smooth noise (z, y, x): white noise on a grid of the grain's size, interpolated linearly."""
    import cv2

    nz, ny, nx = shape
    steps = np.maximum(grain_mm / spacing, 1.0)
    coarse = [max(int(np.ceil(n / s)) + 1, 2) for n, s in zip((nx, ny, nz), steps, strict=True)]
    noise = rng.standard_normal((coarse[2], coarse[1], coarse[0]), dtype=np.float32)
    planes = np.stack([cv2.resize(plane, (nx, ny), interpolation=cv2.INTER_LINEAR) for plane in noise])
    place = np.minimum(np.arange(nz) / steps[2], coarse[2] - 1.001)  # lest the plane above be beyond the last
    lower = place.astype(int)
    weight = (place - lower).astype(np.float32)[:, None, None]
    return (planes[lower] * (1 - weight) + planes[lower + 1] * weight) * np.float32(_RESTORED_SD)


def _blend(
    view: np.ndarray, distance: np.ndarray, material: Material, spacing: np.ndarray, rng: np.random.Generator
) -> None:
    """Blend a material into a view (z, y, x) in place where the distance is negative, with soft edges."""
    edge = np.float32(spacing[0])
    cover = np.clip(np.float32(0.5) - distance / edge, 0, 1)
    if material.shell_mm > 0:
        inner = np.clip(np.float32(0.5) - (distance + np.float32(material.shell_mm)) / edge, 0, 1)
        shell = (cover - inner) * (np.float32(material.shell_hu) - view)
        view += shell / np.maximum(1 - inner, 1e-3) * (inner < 0.999)  # where all is core there is no shell to see
        cover = inner
    core: np.ndarray | np.float32 = np.float32(material.core_hu)
    if material.texture_hu > 0:
        core = core + np.float32(material.texture_hu) * _texture(view.shape, spacing, material.grain_mm, rng)
    view += cover * (core - view)


def _paint(
    canvas: np.ndarray,
    axes: Axes,
    solid: Solid,
    spacing: np.ndarray,
    rng: np.random.Generator,
    limit: np.ndarray | None = None,
) -> None:
    """Blend one solid into the canvas (z, y, x) in place, and only where ``limit``, a distance too, is negative."""
    block = _block(solid, axes, float(spacing[0]))
    if block is None:
        return
    x, y, z = (coordinates[r] for coordinates, r in zip(axes, block, strict=True))
    part = block[2], block[1], block[0]
    distance = solid.shape.distance(x, y, z)
    if limit is not None:
        distance = np.maximum(distance, limit[part])
    _blend(canvas[part], distance, solid.material, spacing, rng)


def _paint_skin(
    canvas: np.ndarray, axes: Axes, skin: Solid, spacing: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Blend the skin with the fat under it into the canvas; returns the distance in mm from the inside of its shell."""
    beyond = np.full(canvas.shape, _FAR_MM, np.float32)
    if block := _block(skin, axes, float(spacing[0])):
        x, y, z = (coordinates[r] for coordinates, r in zip(axes, block, strict=True))
        part = block[2], block[1], block[0]
        distance = skin.shape.distance(x, y, z)
        _blend(canvas[part], distance, skin.material, spacing, rng)
        np.add(distance, np.float32(skin.material.shell_mm), out=beyond[part])
    return beyond


def _render_soft(scene: Scene, axes: Axes, spacing: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Paint all but the skeleton, (z, y, x)."""
    x, y, z = axes
    canvas = np.full((len(z), len(y), len(x)), AIR_HU, np.float32)
    for solid in scene.surroundings:
        _paint(canvas, axes, solid, spacing, rng)
    limit = _paint_skin(canvas, axes, scene.skin, spacing, rng) if scene.skin else None
    for solid in scene.background:
        _paint(canvas, axes, solid, spacing, rng, limit)
    return canvas


def render_hu(scene: Scene, grid: Grid, rng: np.random.Generator) -> np.ndarray:
    """Paint a scene.

    Args:
        scene: what to paint.
        grid: axis-aligned grid.
        rng: source of the textures.

    Returns:
        (z, y, x) float32 HU, without blur and noise.
    """
    import cv2

    x, y, z = _axes(grid)
    thickness = grid.spacing_xyz_mm[2]
    fine = grid.spacing_xyz_mm[0] < _FINE_PIXEL_MM
    parts = int(np.ceil(thickness / _MAX_SUBSLICE_MM)) if fine else 1
    offsets = (np.arange(parts) + 0.5) / parts - 0.5
    out = np.empty(grid.shape_zyx, np.float32)
    coarse_step = 2 if fine and min(grid.shape_zyx[1:]) >= _LEAST_COARSE_PX else 1
    coarse_x, coarse_y = (_coarser(c, coarse_step) for c in (x, y))
    spacing = np.array(grid.spacing_xyz_mm)
    background = _render_soft(scene, (coarse_x, coarse_y, z), spacing * np.array([coarse_step, coarse_step, 1]), rng)
    slab = max(1, _PLANES_AT_ONCE // parts)
    for first in range(0, len(z), slab):
        part = slice(first, min(first + slab, len(z)))
        fine_z = (z[part, None] + offsets[None] * thickness).ravel()
        planes = background[part]
        if coarse_step == 2:
            planes = np.stack([cv2.resize(p, (len(x), len(y)), interpolation=cv2.INTER_LINEAR) for p in planes])
        canvas = np.repeat(planes, parts, axis=0)
        fine_spacing = np.array([spacing[0], spacing[1], thickness / parts])
        for solid in scene.skeleton:
            _paint(canvas, (x, y, fine_z), solid, fine_spacing, rng)
        out[part] = canvas.reshape(-1, parts, len(y), len(x)).mean(axis=1)
    return out


def render_labels(scene: Scene, grid: Grid) -> np.ndarray:
    """(z, y, x) uint8 VerSe number of the vertebral body at each voxel center, 0 elsewhere."""
    labels = np.zeros(grid.shape_zyx, np.uint8)
    axes = _axes(grid)
    for solid in scene.skeleton:
        if solid.label and (block := _block(solid, axes, 0.0)):
            x, y, z = (coordinates[r] for coordinates, r in zip(axes, block, strict=True))
            view = labels[block[2], block[1], block[0]]
            view[(solid.shape.distance(x, y, z) < 0) & (view == 0)] = solid.label
    return labels


def render_references(scene: Scene, grid: Grid) -> np.ndarray:
    """(z, y, x) uint8 :class:`ReferenceTissue` of each voxel, 0 where it is none of them.

    Looked up at every second column and row, as soft tissue is painted. What is painted over a tissue takes its place;
    what is painted outside the skin counts nowhere.
    """
    x, y, z = _axes(grid)
    axes = (_coarser(x, 2), _coarser(y, 2), z)
    tissues = np.zeros(tuple(len(axis) for axis in reversed(axes)), np.uint8)
    inside = np.full(tissues.shape, scene.skin is None)
    for solid in (*([scene.skin] if scene.skin else []), *scene.background, *scene.skeleton):
        if not (block := _block(solid, axes, 0.0)):
            continue
        near = (coordinates[r] for coordinates, r in zip(axes, block, strict=True))
        part = block[2], block[1], block[0]
        distance = solid.shape.distance(*near)
        core = distance < -solid.material.shell_mm
        tissues[part][distance < 0] = 0
        tissues[part][core] = solid.reference or 0
        if solid is scene.skin:
            inside[part] = core
    full = np.where(inside, tissues, 0).repeat(2, axis=1).repeat(2, axis=2)
    return full[:, : len(y), : len(x)]


def render_classes(scene: Scene, grid: Grid, grow_mm: float) -> np.ndarray:
    """(z, y, x) uint8 :class:`Tissue`; all but bodies grown by ``grow_mm``, so that thin bone stays whole."""
    classes = np.zeros(grid.shape_zyx, np.uint8)
    axes = _axes(grid)
    for solid in scene.skeleton:
        if solid.tissue is Tissue.BACKGROUND or not (block := _block(solid, axes, grow_mm)):
            continue
        x, y, z = (coordinates[r] for coordinates, r in zip(axes, block, strict=True))
        view = classes[block[2], block[1], block[0]]
        margin = 0.0 if solid.tissue is Tissue.BODY else grow_mm
        view[solid.shape.distance(x, y, z) < margin] = solid.tissue
    return classes
