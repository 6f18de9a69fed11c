"""What of a reading stands in the MRML scene: nodes for the CT, levels, masks, maps, numbers."""
