"""Analysis tests of `layer_from_tar`."""

load("@bazel_skylib//rules:write_file.bzl", "write_file")
load("//img:layer.bzl", "layer_from_tar")
load("//img:media_types.bzl", "GZIP_LAYER", "UNCOMPRESSED_LAYER", "ZSTD_LAYER")
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

def _hash_argv(layer, src, media_type, annotations = []):
    return [
        "hash",
        "--digest",
        "sha256",
        "--encoding",
        "layer-metadata",
        "--name=//tests/analysis:" + layer,
        "--media-type=" + media_type,
    ] + annotations + [_bin(src), _bin(layer + "_metadata.json")]

def _flags(layer, format, *flags, level = "1", jobs = "nproc", before = []):
    return [
        "--name=//tests/analysis:" + layer,
        "--metadata",
        _bin(layer + "_metadata.json"),
    ] + before + ["--format", format] + (["--compression-level", level] if level else []) + [
        "--compressor-jobs",
        jobs,
    ] + list(flags) + ["--encoder-annotation"]

def _compress_argv(layer, src, format, extension, *flags, annotations = [], **kwargs):
    output = [_bin(src), _bin(layer + extension)]
    return ["compress"] + _flags(layer, format, *flags, **kwargs) + annotations + output

def _optimize_argv(layer, src, format, extension, *flags, **kwargs):
    output = [_bin(layer + extension)]
    return ["layer", "--import-tar", _bin(src)] + _flags(layer, format, *flags, **kwargs) + output

def _check(name, argv, mnemonic, rule = _argv_test, **kwargs):
    layer = name + "_layer"
    _layer(name = layer, **kwargs)
    rule(
        name = name,
        size = "small",
        argv = argv,
        inputs = [_bin(kwargs["src"])],
        mnemonic = mnemonic,
        target_under_test = ":" + layer,
    )

def _path_tests():
    for name, src, media_type in [
        ("tar_is_hashed", "from.tar", UNCOMPRESSED_LAYER),
        ("tar_gz_is_hashed", "from.tar.gz", GZIP_LAYER),
        ("tgz_is_hashed", "from.tgz", GZIP_LAYER),
        ("tar_zst_is_hashed", "from.tar.zst", ZSTD_LAYER),
        ("tzst_is_hashed", "from.tzst", ZSTD_LAYER),
    ]:
        _check(
            name = name,
            src = src,
            argv = _hash_argv(name + "_layer", src, media_type),
            mnemonic = "LayerMetadata",
        )
    _check(
        name = "same_compression_is_hashed",
        src = "from.tgz",
        annotations = {"a": "b"},
        annotations_file = "from.txt",
        compress = "gzip",
        media_type = "application/x-rootfs",
        argv = _hash_argv(
            "same_compression_is_hashed_layer",
            "from.tgz",
            "application/x-rootfs",
            ["--annotation=a=b", "--annotations-file", _bin("from.txt")],
        ),
        mnemonic = "LayerMetadata",
    )
    for name, src, compress, extension, level in [
        ("tar_is_compressed", "from.tar", "gzip", ".tgz", "1"),
        ("tgz_becomes_zstd", "from.tgz", "zstd", ".tar.zst", "1"),
        ("tgz_becomes_a_tar", "from.tgz", "none", ".tar", None),
    ]:
        _check(
            name = name,
            src = src,
            compress = compress,
            argv = _compress_argv(name + "_layer", src, compress, extension, level = level),
            mnemonic = "LayerCompress",
        )
    _check(
        name = "compression_takes_all_attributes",
        src = "from.tar",
        annotations = {"a": "b"},
        annotations_file = "from.txt",
        compress = "gzip",
        media_type = "application/x-rootfs+gzip",
        single_member = "enabled",
        rule = _opt_argv_test,
        argv = [
            "compress",
        ] + _flags(
            "compression_takes_all_attributes_layer",
            "gzip",
            "--single-member",
            before = ["--media-type=application/x-rootfs+gzip"],
            jobs = "1",
            level = "9",
        ) + [
            "--annotation=a=b",
            "--annotations-file",
            _bin("from.txt"),
            _bin("from.tar"),
            _bin("compression_takes_all_attributes_layer.tgz"),
        ],
        mnemonic = "LayerCompress",
    )

def _rewrite_tests():
    _check(
        name = "optimized_tar_is_imported",
        src = "from.tar",
        optimize = True,
        argv = _optimize_argv("optimized_tar_is_imported_layer", "from.tar", "gzip", ".tgz"),
        mnemonic = "LayerOptimize",
    )
    _check(
        name = "optimized_tar_takes_the_setting",
        src = "from.tgz",
        optimize = True,
        rule = _zstd_argv_test,
        argv = _optimize_argv("optimized_tar_takes_the_setting_layer", "from.tgz", "zstd", ".tar.zst"),
        mnemonic = "LayerOptimize",
    )
    _check(
        name = "optimized_tar_may_stay_plain",
        src = "from.tar",
        compress = "none",
        optimize = True,
        argv = _optimize_argv("optimized_tar_may_stay_plain_layer", "from.tar", "none", ".tar", level = None),
        mnemonic = "LayerOptimize",
    )
    _check(
        name = "estargz_is_made_of_the_same_compression",
        src = "from.tgz",
        compress = "gzip",
        estargz = "enabled",
        argv = _compress_argv("estargz_is_made_of_the_same_compression_layer", "from.tgz", "gzip", ".tgz", "--estargz"),
        mnemonic = "LayerCompress",
    )
    _check(
        name = "estargz_setting_makes_one_of_a_tar",
        src = "from.tar",
        rule = _estargz_argv_test,
        argv = _compress_argv("estargz_setting_makes_one_of_a_tar_layer", "from.tar", "gzip", ".tgz", "--estargz"),
        mnemonic = "LayerCompress",
    )
    _check(
        name = "single_member_setting_leaves_a_layer_as_it_is",
        src = "from.tgz",
        rule = _single_argv_test,
        argv = _hash_argv("single_member_setting_leaves_a_layer_as_it_is_layer", "from.tgz", GZIP_LAYER),
        mnemonic = "LayerMetadata",
    )

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
    ]:
        layer = name + "_layer"
        _layer(name = layer, src = "from.tar", **attributes)
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
    _path_tests()
    _rewrite_tests()
    _provider_tests()
    _failure_tests()
