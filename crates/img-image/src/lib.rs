//! Config, manifest and index of an image.
