"""Analysis tests of `//img/layer:empty`."""

load("//tests/analysis:support.bzl", "argv_test_rule", "providers_test")

_argv_test = argv_test_rule()

_EMPTY = "//img/layer:empty"
_BLOB = "bin/img/layer/empty.json"
_METADATA = "bin/img/layer/empty_metadata.json"
_MEDIA_TYPE = "application/vnd.oci.empty.v1+json"

# buildifier: disable=unnamed-macro
def empty_layer_tests():
    """Declares the tests of this file."""
    _argv_test(
        name = "empty_layer_is_hashed",
        size = "small",
        argv = [
            "hash",
            "--digest",
            "sha256",
            "--encoding",
            "layer-metadata",
            "--name=" + _EMPTY,
            "--media-type=" + _MEDIA_TYPE,
            _BLOB,
            _METADATA,
        ],
        inputs = [_BLOB],
        mnemonic = "LayerMetadata",
        target_under_test = _EMPTY,
    )
    providers_test(
        name = "empty_layer_is_a_layer",
        size = "small",
        expected = {
            "LayerInfo": "{} {} {} plain".format(_BLOB, _METADATA, _MEDIA_TYPE),
            "LayersInfo": _BLOB,
            "files": "{}, {}".format(_BLOB, _METADATA),
            "group layer": _BLOB,
            "group metadata": _METADATA,
        },
        target_under_test = _EMPTY,
    )
