"""Volume files (NRRD, NIfTI, MetaImage), read without any library that a damaged header could bring down."""
