"""What is drawn of a patient before anything is built: who it is, what is found, how large, how bright."""
