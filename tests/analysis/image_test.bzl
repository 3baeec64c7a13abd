"""Analysis tests of `image_manifest` and `image_index`."""

load("//img:image.bzl", "INHERIT", "healthcheck", "image_index", "image_manifest")
load("//img:layer.bzl", "image_layer")
load("//tests/analysis:fixtures.bzl", "fixture_layer", "fixture_shallow_image")
load(
    "//tests/analysis:support.bzl",
    "argv_test_rule",
    "failure_test_rule",
    "providers_test",
)

_argv_test = argv_test_rule()
_failure_test = failure_test_rule()
_shallow_argv_test = argv_test_rule({"//img/settings:shallow_oci_layout": "i_know_what_i_am_doing"})

# Platform -> constraint values.
_PLATFORMS = {
    "haiku_amd64": ["@platforms//os:haiku", "@platforms//cpu:x86_64"],
    "linux_386": ["@platforms//os:linux", "@platforms//cpu:x86_32"],
    "linux_amd64": ["@platforms//os:linux", "@platforms//cpu:x86_64"],
    "linux_amd64_v3": ["@platforms//os:linux", "@platforms//cpu:x86_64", "//img/constraints/amd64:v3"],
    "linux_amd64_v8": ["@platforms//os:linux", "@platforms//cpu:x86_64", "//img/constraints/arm64:v8.0"],
    "linux_arm64": ["@platforms//os:linux", "@platforms//cpu:aarch64"],
    "linux_arm64_v9": ["@platforms//os:linux", "@platforms//cpu:aarch64", "//img/constraints/arm64:v9.0"],
    "linux_armv7": ["@platforms//os:linux", "@platforms//cpu:armv7", "//img/constraints/arm:v7"],
    "linux_power9": ["@platforms//os:linux", "@platforms//cpu:ppc64le", "//img/constraints/ppc64le:power9"],
    "linux_riscv64": ["@platforms//os:linux", "@platforms//cpu:riscv64"],
    "linux_riscv32": ["@platforms//os:linux", "@platforms//cpu:riscv32"],
    "macos_arm64": ["@platforms//os:macos", "@platforms//cpu:aarch64"],
    "windows_amd64": ["@platforms//os:windows", "@platforms//cpu:x86_64"],
}

def _manifest(name, platform = "linux_amd64", **kwargs):
    image_manifest(name = name, platform = ":" + platform, tags = ["manual"], **kwargs)

def _index(name, **kwargs):
    image_index(name = name, tags = ["manual"], **kwargs)

def _out(name, suffix):
    return "bin/tests/analysis/{}_{}".format(name, suffix)

def _declare_fixtures():
    for name, constraint_values in _PLATFORMS.items():
        native.platform(name = name, constraint_values = constraint_values, tags = ["manual"])
    for name in ["lower", "upper"]:
        image_layer(name = name, srcs = {"/etc/" + name: ":one_file"}, tags = ["manual"])
    fixture_layer(name = "blobless", tags = ["manual"])
    fixture_shallow_image(name = "pulled", layer = ":blobless", tags = ["manual"])
    fixture_shallow_image(
        name = "pulled_elsewhere",
        layer = ":blobless",
        missing_blob = "01ba4719",
        repository = "library/alpine",
        tags = ["manual"],
    )
    for variant in ["v2", "v3"]:
        fixture_shallow_image(
            name = "pulled_" + variant,
            layer = ":blobless",
            tags = ["manual"],
            variant = variant,
        )
    fixture_shallow_image(
        name = "pulled_riscv64",
        architecture = "riscv64",
        layer = ":blobless",
        tags = ["manual"],
        variant = "rva23u64",
    )
    _manifest("base", layers = [":lower"])
    _index(
        name = "base_index",
        manifests = [":portable"],
        platforms = [":linux_amd64", ":linux_arm64", ":linux_amd64_v3"],
    )
    image_manifest(name = "portable", layers = [":lower"], tags = ["manual"])

def _manifest_outputs(name):
    return [
        "--manifest",
        _out(name, "manifest.json"),
        "--config",
        _out(name, "config.json"),
        "--descriptor",
        _out(name, "descriptor.json"),
        "--digest",
        _out(name, "digest"),
    ]

def _platform_flags(os, architecture, variant = None):
    return [
        "--os",
        os,
        "--architecture",
        architecture,
    ] + (["--variant", variant] if variant else [])

_AMD64 = _platform_flags("linux", "amd64")

def _base_flags(name):
    return [
        "--base-manifest",
        _out(name, "manifest.json"),
        "--base-config",
        _out(name, "config.json"),
        "--base-descriptor",
        _out(name, "descriptor.json"),
    ]

def _check_manifest(name, flags, platform_flags = _AMD64, inputs = [], no_inputs = [], **kwargs):
    image = name + "_image"
    _manifest(image, **kwargs)
    _argv_test(
        name = name,
        size = "small",
        argv = ["manifest"] + platform_flags + flags + _manifest_outputs(image),
        inputs = inputs,
        mnemonic = "ImageManifest",
        no_inputs = no_inputs,
        target_under_test = ":" + image,
    )

def _manifest_command_tests():
    _check_manifest("empty_manifest_has_a_platform", flags = [])
    for name, platform, flags in [
        ("amd64_variant", "linux_amd64_v3", _platform_flags("linux", "amd64", "v3")),
        ("variant_of_another_architecture_is_ignored", "linux_amd64_v8", _AMD64),
        ("arm64_is_v8", "linux_arm64", _platform_flags("linux", "arm64", "v8")),
        ("arm64_v9_has_an_alias", "linux_arm64_v9", _platform_flags("linux", "arm64", "v9")),
        ("armv7_is_arm", "linux_armv7", _platform_flags("linux", "arm", "v7")),
        ("x86_32_is_386", "linux_386", _platform_flags("linux", "386")),
        ("power_variant_is_not_mapped", "linux_power9", _platform_flags("linux", "ppc64le")),
        ("macos_is_darwin", "macos_arm64", _platform_flags("darwin", "arm64", "v8")),
        ("windows_keeps_its_name", "windows_amd64", _platform_flags("windows", "amd64")),
    ]:
        _check_manifest(name, flags = [], platform = platform, platform_flags = flags)
    _check_manifest(
        "every_setting_reaches_the_command_line",
        annotations = {"org.example.b": "2", "org.example.a": "1"},
        annotations_file = "a.txt",
        author = "Alice",
        cmd = ["--port", "80"],
        config_fragment = "fragment.json",
        created = "b.txt",
        entrypoint = ["/app", "@file"],
        env = {"PATH": "/bin", "A": "x=y"},
        env_file = "a.txt",
        exposed_ports = ["80", "53/udp"],
        healthcheck = healthcheck(["CMD", "/ok"], interval = "30s"),
        label_files = ["a.txt", "b.txt"],
        labels = {"l": "v"},
        on_build = ["RUN true"],
        shell = ["/bin/bash", "-c"],
        stop_signal = "SIGINT",
        user = "1:2",
        volumes = ["/data"],
        working_dir = "/w",
        flags = [
            "--stop-signal=SIGINT",
            "--user=1:2",
            "--working-dir=/w",
            "--cmd=--port",
            "--cmd=80",
            "--entrypoint=/app",
            "--entrypoint=@file",
            "--env=PATH=/bin",
            "--env=A=x=y",
            "--exposed-port=80",
            "--exposed-port=53/udp",
            "--label=l=v",
            "--on-build=RUN true",
            "--shell=/bin/bash",
            "--shell=-c",
            "--volume=/data",
            "--author=Alice",
            '--healthcheck={"interval":"30s","test":["CMD","/ok"]}',
            "--label-file",
            "bin/tests/analysis/a.txt",
            "--label-file",
            "bin/tests/analysis/b.txt",
            "--config-fragment",
            "tests/analysis/fragment.json",
            "--created",
            "bin/tests/analysis/b.txt",
            "--env-file",
            "bin/tests/analysis/a.txt",
            "--annotation=org.example.b=2",
            "--annotation=org.example.a=1",
            "--annotations-file",
            "bin/tests/analysis/a.txt",
        ],
        inputs = [
            "bin/tests/analysis/a.txt",
            "bin/tests/analysis/b.txt",
            "tests/analysis/fragment.json",
        ],
    )
    _check_manifest(
        "what_the_base_says_is_cleared",
        cmd = [],
        entrypoint = [],
        stop_signal = "",
        user = "",
        working_dir = "",
        flags = [
            flag
            for field in ["stop_signal", "user", "working_dir", "cmd", "entrypoint"]
            for flag in ["--clear", field]
        ],
    )
    _check_manifest(
        "what_the_base_says_is_inherited",
        cmd = [INHERIT, "-v"],
        entrypoint = ["/init", INHERIT],
        stop_signal = INHERIT,
        user = INHERIT,
        working_dir = INHERIT,
        flags = ["--cmd=<inherit>", "--cmd=-v", "--entrypoint=/init", "--entrypoint=<inherit>"],
    )
    _check_manifest(
        "an_artifact_says_what_it_is",
        artifact_type = "application/vnd.example.sbom",
        config_media_type = "application/vnd.oci.empty.v1+json",
        layers = ["//img/layer:empty"],
        subject = ":base",
        flags = [
            "--layer-from-metadata",
            "bin/img/layer/empty_metadata.json",
            "--artifact-type=application/vnd.example.sbom",
            "--config-media-type=application/vnd.oci.empty.v1+json",
            "--subject",
            _out("base", "manifest.json"),
        ],
        inputs = [_out("base", "manifest.json")],
    )
    _check_manifest(
        "a_pulled_base_gives_its_name",
        base = ":pulled",
        flags = _base_flags("pulled") + ["--base-name=mirror.example.com/library/debian:v1"],
    )
    _check_manifest(
        "layers_are_metadata_and_never_blobs",
        layers = [":upper", ":lower"],
        flags = [
            "--layer-from-metadata",
            _out("upper", "metadata.json"),
            "--layer-from-metadata",
            _out("lower", "metadata.json"),
        ],
        no_inputs = ["bin/tests/analysis/upper.tgz", "bin/tests/analysis/lower.tgz"],
    )
    _check_manifest(
        "base_layers_stay_in_the_base",
        base = ":base",
        layers = [":upper"],
        flags = ["--layer-from-metadata", _out("upper", "metadata.json")] + _base_flags("base"),
        inputs = [_out("base", "manifest.json"), _out("base", "config.json"), _out("base", "descriptor.json")],
        no_inputs = [_out("lower", "metadata.json"), "bin/tests/analysis/lower.tgz"],
    )
    _check_manifest("base_is_selected_from_an_index", base = ":base_index", flags = _base_flags("portable"))
    _check_manifest("scratch_is_a_base", base = "//img/base:scratch", flags = [
        flag.replace("tests/analysis", "img/base")
        for flag in _base_flags("scratch")
    ])

def _tar_layer_tests():
    # No test builds anything, so these tars do not have to exist.
    _check_manifest(
        "tars_become_layers",
        layers = ["plain.tar", ":tars"],
        flags = [
            "--layer-from-metadata",
            _out("tars_become_layers_image_layer_0", "metadata.json"),
            "--layer-from-metadata",
            _out("tars_become_layers_image_layer_1", "metadata.json"),
            "--layer-from-metadata",
            _out("tars_become_layers_image_layer_2", "metadata.json"),
        ],
    )
    native.filegroup(name = "tars", srcs = ["packed.tar.gz", "packed.tar.zst"], tags = ["manual"])
    for suffix, media_type in {
        "tar": "application/vnd.oci.image.layer.v1.tar",
        "tar.gz": "application/vnd.oci.image.layer.v1.tar+gzip",
        "tar.zst": "application/vnd.oci.image.layer.v1.tar+zstd",
        "tgz": "application/vnd.oci.image.layer.v1.tar+gzip",
        "tzst": "application/vnd.oci.image.layer.v1.tar+zstd",
    }.items():
        name = "layer_of_a_{}_is_hashed".format(suffix.replace(".", "_"))
        tar = "one." + suffix
        _manifest(name + "_image", layers = [tar])
        _argv_test(
            name = name,
            size = "small",
            argv = [
                "hash",
                "--digest",
                "sha256",
                "--encoding",
                "layer-metadata",
                "--name=//tests/analysis:" + tar,
                "--media-type=" + media_type,
                "tests/analysis/" + tar,
                _out(name + "_image", "layer_0_metadata.json"),
            ],
            mnemonic = "LayerMetadata",
            target_under_test = ":{}_image".format(name),
        )

def _manifest_provider_tests():
    _manifest("extended", base = ":base", layers = [":upper"], platform = "linux_amd64_v3")
    providers_test(
        name = "manifest_provides_an_image",
        size = "small",
        expected = {
            "ImageManifestInfo.config": _out("extended", "config.json"),
            "ImageManifestInfo.descriptor": _out("extended", "descriptor.json"),
            "ImageManifestInfo.layers": "bin/tests/analysis/lower.tgz, bin/tests/analysis/upper.tgz",
            "ImageManifestInfo.manifest": _out("extended", "manifest.json"),
            "ImageManifestInfo.missing_blobs": "",
            "ImageManifestInfo.platform": "linux/amd64/v3",
            "ImageManifestInfo.structured_config": '{"architecture":"amd64","history":[],"os":"linux","variant":"v3"}',
            "files": _out("extended", "manifest.json") + ", " + _out("extended", "config.json"),
            "group descriptor": _out("extended", "descriptor.json"),
            "group digest": _out("extended", "digest"),
            "group oci_layout": _out("extended", "oci_layout"),
            "group oci_tarball": _out("extended", "oci_layout.tar"),
        },
        target_under_test = ":extended",
    )
    _manifest("extended_pulled", base = ":pulled", layers = [":upper"])
    providers_test(
        name = "missing_blobs_of_the_base_are_remembered",
        size = "small",
        expected = {
            "ImageManifestInfo.layers": "None, bin/tests/analysis/upper.tgz",
            "ImageManifestInfo.missing_blobs": "e3b0c442",
            "ImageManifestInfo.structured_config": '{"architecture":"amd64","history":[{"comment":"library/debian"}],"os":"linux"}',
            "PullInfo.repository": "library/debian",
        },
        target_under_test = ":extended_pulled",
    )

    _manifest("v3_on_v2", base = ":pulled_v2", platform = "linux_amd64_v3")
    providers_test(
        name = "variant_is_that_of_the_platform_and_not_of_the_base",
        size = "small",
        expected = {
            "ImageManifestInfo.platform": "linux/amd64/v3",
            "ImageManifestInfo.structured_config": '{"architecture":"amd64","history":[{"comment":"library/debian"}],"os":"linux","variant":"v3"}',
        },
        target_under_test = ":v3_on_v2",
    )

def _nested_index_tests():
    _index(name = "nested", manifests = [":base", ":base_index"], subject = ":base_index")
    _argv_test(
        name = "manifests_of_an_index_take_its_place",
        size = "small",
        argv = [
            "index",
            "--manifest-descriptor",
            _out("base", "descriptor.json"),
        ] + ["--manifest-descriptor", _out("portable", "descriptor.json")] * 3 + [
            "--subject",
            _out("base_index", "index.json"),
            "--digest",
            _out("nested", "digest"),
            _out("nested", "index.json"),
        ],
        mnemonic = "ImageIndex",
        target_under_test = ":nested",
    )
    _index(name = "nested_with_platforms", manifests = [":base_index"], platforms = [":linux_amd64"])
    _check_failure("an_index_is_not_built_for_platforms", "nested_with_platforms", [
        "attribute `manifests`",
        "expected: images for one platform, as `platforms` is set",
        "base_index, which is an index",
    ])

def _index_tests():
    _index(
        name = "listed",
        annotations = {"org.example.a": "1"},
        annotations_file = "a.txt",
        manifests = [":extended", ":base"],
    )
    _argv_test(
        name = "index_keeps_the_order_of_its_manifests",
        size = "small",
        argv = [
            "index",
            "--manifest-descriptor",
            _out("extended", "descriptor.json"),
            "--manifest-descriptor",
            _out("base", "descriptor.json"),
            "--annotation=org.example.a=1",
            "--annotations-file",
            "bin/tests/analysis/a.txt",
            "--digest",
            _out("listed", "digest"),
            _out("listed", "index.json"),
        ],
        inputs = ["bin/tests/analysis/a.txt", _out("base", "descriptor.json")],
        mnemonic = "ImageIndex",
        no_inputs = [_out("base", "manifest.json"), "bin/tests/analysis/lower.tgz"],
        target_under_test = ":listed",
    )
    providers_test(
        name = "index_provides_its_manifests",
        size = "small",
        expected = {
            "ImageIndexInfo.index": _out("listed", "index.json"),
            "ImageIndexInfo.manifests": "linux/amd64/v3, linux/amd64/",
            "files": _out("listed", "index.json"),
            "group digest": _out("listed", "digest"),
            "group oci_layout": _out("listed", "oci_layout"),
            "group oci_tarball": _out("listed", "oci_layout.tar"),
        },
        target_under_test = ":listed",
    )
    providers_test(
        name = "index_has_its_manifests_for_each_platform",
        size = "small",
        expected = {"ImageIndexInfo.manifests": "linux/amd64/, linux/arm64/v8, linux/amd64/v3"},
        target_under_test = ":base_index",
    )
    _index(
        name = "many_platforms",
        manifests = [":portable"],
        platforms = [
            ":linux_armv7",
            ":windows_amd64",
            ":linux_386",
            ":linux_amd64",
            ":linux_arm64",
            ":linux_arm64_v9",
            ":linux_amd64_v3",
            ":macos_arm64",
            ":linux_power9",
            ":linux_amd64_v8",
            ":linux_riscv64",
        ],
    )
    providers_test(
        name = "more_than_ten_platforms_keep_their_order",
        size = "small",
        expected = {"ImageIndexInfo.manifests": ", ".join([
            "linux/arm/v7",
            "windows/amd64/",
            "linux/386/",
            "linux/amd64/",
            "linux/arm64/v8",
            "linux/arm64/v9",
            "linux/amd64/v3",
            "darwin/arm64/v8",
            "linux/ppc64le/",
            "linux/amd64/",
            "linux/riscv64/",
        ])},
        target_under_test = ":many_platforms",
    )
    _index(name = "pulled_index", manifests = [":extended_pulled", ":base"])
    providers_test(
        name = "index_remembers_where_its_base_comes_from",
        size = "small",
        expected = {"PullInfo.repository": "library/debian"},
        target_under_test = ":pulled_index",
    )

def _layout_tests():
    _argv_test(
        name = "layout_has_the_layers_of_the_base",
        size = "small",
        argv = [
            "oci-layout",
            "--format",
            "directory",
            "--manifest",
            _out("extended", "manifest.json"),
            "--config",
            _out("extended", "config.json"),
            "--layer",
            _out("lower", "metadata.json") + "=bin/tests/analysis/lower.tgz",
            "--layer",
            _out("upper", "metadata.json") + "=bin/tests/analysis/upper.tgz",
            "--output",
            _out("extended", "oci_layout"),
        ],
        inputs = ["bin/tests/analysis/lower.tgz", "bin/tests/analysis/upper.tgz"],
        mnemonic = "OCILayout",
        output = "extended_oci_layout",
        target_under_test = ":extended",
    )
    _argv_test(
        name = "layout_of_an_index_has_a_shared_layer_once",
        size = "small",
        argv = [
            "oci-layout",
            "--format",
            "directory",
            "--index",
            _out("listed", "index.json"),
            "--manifest-path",
            _out("extended", "manifest.json"),
            "--manifest-path",
            _out("base", "manifest.json"),
            "--config-path",
            _out("extended", "config.json"),
            "--config-path",
            _out("base", "config.json"),
            "--layer",
            _out("lower", "metadata.json") + "=bin/tests/analysis/lower.tgz",
            "--layer",
            _out("upper", "metadata.json") + "=bin/tests/analysis/upper.tgz",
            "--output",
            _out("listed", "oci_layout"),
        ],
        mnemonic = "OCILayout",
        output = "listed_oci_layout",
        target_under_test = ":listed",
    )

    for name, rule, flags in [
        ("layout_without_a_layer_is_left_to_the_tool", _argv_test, []),
        ("layout_may_lack_layers_if_the_setting_says_so", _shallow_argv_test, ["--allow-missing-blobs"]),
    ]:
        rule(
            name = name,
            size = "small",
            argv = ["oci-layout", "--format", "directory"] + flags + [
                "--manifest",
                _out("extended_pulled", "manifest.json"),
                "--config",
                _out("extended_pulled", "config.json"),
                "--layer",
                _out("upper", "metadata.json") + "=bin/tests/analysis/upper.tgz",
                "--output",
                _out("extended_pulled", "oci_layout"),
            ],
            mnemonic = "OCILayout",
            output = "extended_pulled_oci_layout",
            target_under_test = ":extended_pulled",
        )
    _shallow_argv_test(
        name = "layout_of_an_index_may_lack_layers_too",
        size = "small",
        argv = [
            "oci-layout",
            "--format",
            "directory",
            "--allow-missing-blobs",
            "--index",
            _out("pulled_index", "index.json"),
            "--manifest-path",
            _out("extended_pulled", "manifest.json"),
            "--manifest-path",
            _out("base", "manifest.json"),
            "--config-path",
            _out("extended_pulled", "config.json"),
            "--config-path",
            _out("base", "config.json"),
            "--layer",
            _out("upper", "metadata.json") + "=bin/tests/analysis/upper.tgz",
            "--layer",
            _out("lower", "metadata.json") + "=bin/tests/analysis/lower.tgz",
            "--output",
            _out("pulled_index", "oci_layout"),
        ],
        mnemonic = "OCILayout",
        output = "pulled_index_oci_layout",
        target_under_test = ":pulled_index",
    )

def _check_failure(name, target, message):
    _failure_test(name = name, size = "small", message = message, target_under_test = ":" + target)

def _failure_tests():
    for attribute, values in {
        "annotations": {"a": "{{.STAMP}}"},
        "env": {"A": "x{{.STAMP}}"},
        "labels": {"l": "{{.STAMP}}"},
    }.items():
        name = "template_in_{}_is_refused".format(attribute)
        _manifest(name + "_image", **{attribute: values})
        _check_failure(name, name + "_image", [
            "//tests/analysis:{}_image: attribute `{}`".format(name, attribute),
            "templates are not supported yet",
            "{{.STAMP}}",
        ])
    _index(name = "index_with_template", annotations = {"a": "{{.STAMP}}"})
    _check_failure("template_in_index_annotations_is_refused", "index_with_template", [
        "//tests/analysis:index_with_template: attribute `annotations`",
        "templates are not supported yet",
    ])
    _manifest("image_with_bad_env", env = {"A=B": "c"})
    _check_failure("env_name_with_equals_sign_is_refused", "image_with_bad_env", [
        "attribute `env`",
        "found: \"A=B\"",
    ])
    _index(name = "index_with_bad_annotation", annotations = {"": "c"})
    _check_failure("empty_annotation_key_is_refused", "index_with_bad_annotation", [
        "attribute `annotations`",
        "found: \"\"",
    ])
    _manifest("image_for_haiku", platform = "haiku_amd64")
    _check_failure("unknown_os_is_named", "image_for_haiku", [
        "//tests/analysis:image_for_haiku: attribute `platform`",
        "@platforms//os:{android,freebsd,ios,linux,macos,netbsd,openbsd,wasi,windows}",
        "//tests/analysis:haiku_amd64, which has none of them",
        "remedy: add the constraint value to the platform",
    ])
    _manifest("image_for_riscv32", platform = "linux_riscv32")
    _check_failure("unknown_cpu_is_named", "image_for_riscv32", [
        "attribute `platform`",
        "@platforms//cpu:{aarch64,armv7,",
        "//tests/analysis:linux_riscv32, which has none of them",
    ])
    _manifest("image_without_fitting_base", base = ":base_index", platform = "windows_amd64")
    _check_failure("base_index_without_the_platform_is_refused", "image_without_fitting_base", [
        "//tests/analysis:image_without_fitting_base: attribute `base`",
        "expected: an index with a manifest for windows/amd64",
        "//tests/analysis:base_index, which has linux/amd64, linux/arm64/v8, linux/amd64/v3",
    ])
    _manifest("image_on_v3", base = ":pulled_v3")
    _check_failure("variant_of_the_base_that_the_platform_does_not_name_is_refused", "image_on_v3", [
        "//tests/analysis:image_on_v3: attribute `base`",
        "expected: an image for linux/amd64, without a variant, as the platform names none",
        "//tests/analysis:pulled_v3, which is for linux/amd64/v3",
        "remedy: take a base without a variant, or add the constraint value " +
        "@rules_img//img/constraints/amd64:v3 to the platform",
    ])
    _manifest("image_on_riscv64", base = ":pulled_riscv64", platform = "linux_riscv64")
    _check_failure("variant_that_no_platform_can_name_has_no_constraint_in_its_remedy", "image_on_riscv64", [
        "//tests/analysis:pulled_riscv64, which is for linux/riscv64/rva23u64",
        "remedy: take a base without a variant\n",
    ])
    _index(name = "index_with_unnamed_variant", manifests = [":pulled_v3"], platforms = [":linux_amd64"])
    _check_failure("variant_that_the_slot_does_not_name_is_refused", "index_with_unnamed_variant", [
        "//tests/analysis:index_with_unnamed_variant: attribute `manifests`",
        "expected: an image for linux/amd64 (",
        "//tests/analysis:pulled_v3, which is for linux/amd64/v3",
    ])
    _index(name = "index_with_stubborn_manifest", manifests = [":base"], platforms = [":linux_amd64", ":linux_arm64"])
    _check_failure("manifest_for_another_platform_than_its_slot_is_refused", "index_with_stubborn_manifest", [
        "//tests/analysis:index_with_stubborn_manifest: attribute `manifests`",
        "expected: an image for linux/arm64/v8 (",
        "//tests/analysis:linux_arm64)",
        "//tests/analysis:base, which is for linux/amd64",
        "remedy: remove `platform` from that image",
    ])
    _manifest("other_pulled", base = ":pulled_elsewhere")
    _index(name = "index_of_two_repositories", manifests = [":extended_pulled", ":other_pulled"])
    _check_failure("missing_blobs_of_two_repositories_are_refused", "index_of_two_repositories", [
        "//tests/analysis:index_of_two_repositories: attribute `manifests`",
        "mirror.example.com/library/debian, mirror.example.com/library/alpine",
        "remedy: take bases from one repository, or bases whose layers are files of this build",
    ])
    _manifest("image_of_a_file", layers = [":one_file"])
    _check_failure("layer_that_is_no_tar_is_refused", "image_of_a_file", [
        "//tests/analysis:image_of_a_file: attribute `layers`",
        "or tars (.tar, .tar.gz, .tgz, .tar.zst, .tzst)",
        "tests/analysis/a.txt of",
        "//tests/analysis:one_file",
        "remedy: put files into an image_layer",
    ])
    _manifest("image_of_nothing", layers = [":no_files"])
    _check_failure("layer_without_files_is_refused", "image_of_nothing", [
        "attribute `layers`",
        "//tests/analysis:no_files, which has no files",
    ])

# buildifier: disable=unnamed-macro
def image_tests():
    """Declares the tests and what they look at."""
    _declare_fixtures()
    _manifest_command_tests()
    _tar_layer_tests()
    _manifest_provider_tests()
    _nested_index_tests()
    _index_tests()
    _layout_tests()
    _failure_tests()
