"""What a Hounsfield unit is made of: composition, attenuation, the beam's spectrum; no randomness."""
