"""What is trained on: folders of phantoms, pairs and level samples, and the batches drawn from them."""
