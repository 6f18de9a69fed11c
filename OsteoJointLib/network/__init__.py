"""The multitask network of Zhang et al. 2023: localizer, segmenter, classifier, fusion, and their losses."""
