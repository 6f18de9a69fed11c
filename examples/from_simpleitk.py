"""Read a CT that is a SimpleITK image, and write the masks where it lies.

``python examples/from_simpleitk.py ct.nii.gz masks.nrrd``
"""

import sys

import SimpleITK

from OsteoJointLib import ReadOptions, load_reader, read_ct

image = SimpleITK.ReadImage(sys.argv[1])

result = load_reader().read(read_ct(image), options=ReadOptions(gradcam=False))

print(result)
SimpleITK.WriteImage(result.label_image, sys.argv[2])
