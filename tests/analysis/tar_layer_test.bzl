"""Analysis tests of `layer_from_tar`."""

load("@bazel_skylib//rules:write_file.bzl", "write_file")
load("//img:layer.bzl", "layer_from_tar")
load("//img:media_types.bzl", "GZIP_LAYER", "UNCOMPRESSED_LAYER", "ZSTD_LAYER")
load("//tests/analysis:fixtures.bzl", "fixture_tree")
load("//tests/analysis:support.bzl", "argv_test_rule", "failure_test_rule", "providers_test")

_argv_test = argv_test_rule()
_opt_argv_test = argv_test_rule({"//command_line_option:compilation_mode": "opt"})
_zstd_argv_test = argv_test_rule({"//img/settings:compress": "zstd"})
_estargz_argv_test = argv_test_rule({"//img/settings:estargz": "enabled"})
_single_argv_test = argv_test_rule({"//img/settings:single_member": "enabled"})
_failure_test = failure_test_rule()

def _layer(name, **kwargs):
    layer_from_tar(name = name, tags = ["manual"], **kwargs)

def _bin(name):
    return "bin/tests/analysis/" + name

_ANNOTATIONS = {
    "annotations": {"a": "b"},
    "annotations_file": "from.txt",
}
_ANNOTATION_FLAGS = ["--annotation=a=b", "--annotations-file", _bin("from.txt")]

def _flags(layer, format, *flags, level = "1", jobs = "nproc", before = []):
    return [
        "--name=//tests/analysis:" + layer,
        "--metadata",
        _bin(layer + "_metadata.json"),
    ] + before + ["--format", format] + (["--compression-level", level] if level else []) + [
        "--compressor-jobs",
        jobs,
    ] + list(flags) + ["--encoder-annotation"]

def _check(name, src, argv, mnemonic, rule, attributes):
    """Checks the command line of a target, which is `<name>_layer`."""
    layer = name + "_layer"
    _layer(name = layer, src = src, **attributes)
    rule(
        name = name,
        size = "small",
        argv = argv,
        inputs = [_bin(src)],
        mnemonic = mnemonic,
        target_under_test = ":" + layer,
    )

def _check_hash(name, src, media_type, *, annotations = [], attributes = {}, rule = _argv_test):
    layer = name + "_layer"
    argv = [
        "hash",
        "--digest",
        "sha256",
        "--encoding",
        "layer-metadata",
        "--name=//tests/analysis:" + layer,
        "--media-type=" + media_type,
    ] + annotations + [_bin(src), _bin(layer + "_metadata.json")]
    _check(name, src, argv, "LayerMetadata", rule, attributes)

def _check_compress(name, src, format, extension, *flags, annotations = [], attributes = {}, rule = _argv_test, **kwargs):
    layer = name + "_layer"
    output = [_bin(src), _bin(layer + extension)]
    argv = ["compress"] + _flags(layer, format, *flags, **kwargs) + annotations + output
    _check(name, src, argv, "LayerCompress", rule, attributes)

def _check_optimize(name, src, format, extension, *, attributes, rule, **kwargs):
    layer = name + "_layer"
    argv = ["layer", "--import-tar", _bin(src)] + _flags(layer, format, **kwargs) + [_bin(layer + extension)]
    _check(name, src, argv, "LayerOptimize", rule, attributes | {"optimize": True})

def _hashed_tests():
    for name, src, media_type in [
        ("tar_is_hashed", "from.tar", UNCOMPRESSED_LAYER),
        ("tar_gz_is_hashed", "from.tar.gz", GZIP_LAYER),
        ("tgz_is_hashed", "from.tgz", GZIP_LAYER),
        ("tar_zst_is_hashed", "from.tar.zst", ZSTD_LAYER),
        ("tzst_is_hashed", "from.tzst", ZSTD_LAYER),
    ]:
        _check_hash(name, src, media_type)
    _check_hash(
        "same_compression_is_hashed",
        "from.tgz",
        "application/x-rootfs",
        attributes = _ANNOTATIONS | {"compress": "gzip", "media_type": "application/x-rootfs"},
        annotations = _ANNOTATION_FLAGS,
    )
    _check_hash(
        "single_member_setting_leaves_a_layer_as_it_is",
        "from.tgz",
        GZIP_LAYER,
        rule = _single_argv_test,
    )

def _compressed_tests():
    for name, src, compress, extension, level in [
        ("tar_is_compressed", "from.tar", "gzip", ".tgz", "1"),
        ("tgz_becomes_zstd", "from.tgz", "zstd", ".tar.zst", "1"),
        ("tgz_becomes_a_tar", "from.tgz", "none", ".tar", None),
    ]:
        _check_compress(name, src, compress, extension, attributes = {"compress": compress}, level = level)
    _check_compress(
        "estargz_is_made_of_the_same_compression",
        "from.tgz",
        "gzip",
        ".tgz",
        "--estargz",
        attributes = {"compress": "gzip", "estargz": "enabled"},
    )
    _check_compress(
        "estargz_setting_makes_one_of_a_tar",
        "from.tar",
        "gzip",
        ".tgz",
        "--estargz",
        rule = _estargz_argv_test,
    )
    _check_compress(
        "compression_takes_all_attributes",
        "from.tar",
        "gzip",
        ".tgz",
        "--single-member",
        attributes = _ANNOTATIONS | {
            "compress": "gzip",
            "media_type": "application/x-rootfs+gzip",
            "single_member": "enabled",
        },
        annotations = _ANNOTATION_FLAGS,
        before = ["--media-type=application/x-rootfs+gzip"],
        jobs = "1",
        level = "9",
        rule = _opt_argv_test,
    )

def _optimized_tests():
    for name, src, attributes, format, extension, level, rule in [
        ("optimized_tar_is_imported", "from.tar", {}, "gzip", ".tgz", "1", _argv_test),
        ("optimized_tar_takes_the_setting", "from.tgz", {}, "zstd", ".tar.zst", "1", _zstd_argv_test),
        ("optimized_tar_may_stay_plain", "from.tar", {"compress": "none"}, "none", ".tar", None, _argv_test),
    ]:
        _check_optimize(name, src, format, extension, attributes = attributes, level = level, rule = rule)

def _provider_tests():
    for layer, blob, media_type, kind in [
        ("tgz_is_hashed_layer", "from.tgz", GZIP_LAYER, "plain"),
        ("same_compression_is_hashed_layer", "from.tgz", "application/x-rootfs", "plain"),
        ("tgz_becomes_a_tar_layer", "tgz_becomes_a_tar_layer.tar", UNCOMPRESSED_LAYER, "plain"),
        ("compression_takes_all_attributes_layer", "compression_takes_all_attributes_layer.tgz", "application/x-rootfs+gzip", "plain"),
        ("estargz_is_made_of_the_same_compression_layer", "estargz_is_made_of_the_same_compression_layer.tgz", GZIP_LAYER, "estargz"),
    ]:
        metadata = _bin(layer + "_metadata.json")
        providers_test(
            name = layer + "_provides_blob_and_metadata",
            size = "small",
            expected = {
                "LayerInfo": "{} {} {} {}".format(_bin(blob), metadata, media_type, kind),
                "LayersInfo": _bin(blob),
                "files": "{}, {}".format(_bin(blob), metadata),
                "group layer": _bin(blob),
                "group metadata": metadata,
            },
            target_under_test = ":" + layer,
        )

def _failure_tests():
    for name, message, attributes in [
        (
            "plain_estargz_is_refused",
            ["`estargz`", "found: compress = \"none\""],
            {"compress": "none", "estargz": "enabled"},
        ),
        (
            "empty_annotation_key_of_a_tar_is_refused",
            ["`annotations`"],
            {"annotations": {"": "x"}},
        ),
        (
            "directory_is_no_tar",
            ["`src`", "found: the directory tests/analysis/tree_of_tar"],
            {"src": ":tree_of_tar"},
        ),
    ]:
        layer = name + "_layer"
        _layer(name = layer, **({"src": "from.tar"} | attributes))
        _failure_test(
            name = name,
            size = "small",
            message = ["//tests/analysis:{}: attribute ".format(layer)] + message,
            target_under_test = ":" + layer,
        )

# buildifier: disable=unnamed-macro
def tar_layer_tests():
    """Declares the tests of this file."""
    for name in ["from.tar", "from.tar.gz", "from.tgz", "from.tar.zst", "from.tzst", "from.txt"]:
        write_file(name = name + "_file", out = name, tags = ["manual"])
    fixture_tree(name = "tree_of_tar", tags = ["manual"])
    _hashed_tests()
    _compressed_tests()
    _optimized_tests()
    _provider_tests()
    _failure_tests()
