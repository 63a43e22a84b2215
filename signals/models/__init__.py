"""Keras architectures, one per file; each file has one `build`."""
