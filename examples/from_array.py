"""Read a CT that is a NumPy array: ``python examples/from_array.py ct.npy 3.0 0.8 0.8``.

The array is (z, y, x) in Hounsfield units, slices upward, rows backward, columns to the patient's left; the three
numbers are the distances of its voxels in mm along these axes.
"""

import sys

import numpy as np

from OsteoJointLib import load_reader, read_ct

array = np.load(sys.argv[1])
spacing_zyx_mm = [float(number) for number in sys.argv[2:5]]

result = load_reader().read(read_ct(array, spacing_zyx_mm, kvp=120, contrast=False))

print(result)
labels = result.label_map  # 20 is L1, 21 is L2
print(f"L1 has {np.count_nonzero(labels == 20)} voxels, L2 has {np.count_nonzero(labels == 21)}")
