"""One page of all experiments beside the numbers of Zhang et al. 2023, as HTML and as Markdown."""
