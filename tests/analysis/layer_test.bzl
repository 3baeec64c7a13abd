"""Analysis tests of `image_layer`."""

load("@bazel_skylib//rules:write_file.bzl", "write_file")
load("//img:layer.bzl", "file_metadata", "image_layer")
load("//tests/analysis:fixtures.bzl", "fixture_empty_runfiles", "fixture_executable", "fixture_tree")
load(
    "//tests/analysis:support.bzl",
    "argv_test_rule",
    "failure_test_rule",
    "providers_test",
)

_argv_test = argv_test_rule()
_opt_argv_test = argv_test_rule({"//command_line_option:compilation_mode": "opt"})
_dbg_argv_test = argv_test_rule({"//command_line_option:compilation_mode": "dbg"})
_settings_argv_test = argv_test_rule({
    "//img/settings:compress": "zstd",
    "//img/settings:compression_jobs": "3",
    "//img/settings:compression_level": "2",
    "//img/settings:create_parent_directories": "enabled",
    "//img/settings:layer_tree_artifact_handling": "deduplicate_symlink",
})
_compression_argv_test = argv_test_rule({
    "//img/settings:encoder_annotation": "disabled",
    "//img/settings:layer_member_cache": "/var/cache/members",
    "//img/settings:layer_member_cache_size": "64",
    "//img/settings:single_member": "enabled",
})
_estargz_argv_test = argv_test_rule({"//img/settings:estargz": "enabled"})
_failure_test = failure_test_rule()
_cache_failure_test = failure_test_rule({"//img/settings:layer_member_cache": "cache"})
_cache_size_failure_test = failure_test_rule({
    "//img/settings:layer_member_cache": "memory",
    "//img/settings:layer_member_cache_size": "1G",
})
_level_failure_test = failure_test_rule({"//img/settings:compression_level": "9"})
_jobs_failure_test = failure_test_rule({"//img/settings:compression_jobs": "all"})

def _layer(name, **kwargs):
    image_layer(name = name, tags = ["manual"], **kwargs)

def _declare_fixtures():
    for name in ["a.txt", "b.txt"]:
        write_file(name = name + "_file", out = name, tags = ["manual"])
    native.filegroup(name = "one_file", srcs = ["a.txt"], tags = ["manual"])
    native.filegroup(name = "two_files", srcs = ["a.txt", "b.txt"], tags = ["manual"])
    native.filegroup(name = "no_files", tags = ["manual"])
    fixture_tree(name = "tree", tags = ["manual"])
    fixture_executable(
        name = "program",
        data = [
            ":a.txt",
            ":tree",
            "@bazel_skylib//:LICENSE",
        ],
        tags = ["manual"],
    )

def _flags(
        name,
        *flags,
        format = "gzip",
        jobs = "nproc",
        level = "1",
        compression = ["--encoder-annotation"],
        before_trees = [],
        trees = "full"):
    """Returns the arguments before the content of a layer."""
    return [
        "layer",
        "--name=//tests/analysis:" + name,
        "--metadata",
        "bin/tests/analysis/{}_metadata.json".format(name),
        "--format",
        format,
    ] + (["--compression-level", level] if level else []) + [
        "--compressor-jobs",
        jobs,
    ] + compression + before_trees + [
        "--layer-tree-artifact-handling",
        trees,
    ] + list(flags)

def _output(name, extension = "tgz"):
    return ["bin/tests/analysis/{}.{}".format(name, extension)]

def _added(lines):
    return ["--add-line=" + line for line in lines]

def _check_content(name, srcs, lines, inputs = [], **kwargs):
    """Checks which files a layer is made of, a `<path in the image>|<kind><path>` each."""
    layer = name + "_layer"
    _layer(name = layer, srcs = srcs, **kwargs)
    _argv_test(
        name = name,
        size = "small",
        argv = _flags(layer) + _added(lines) + _output(layer),
        inputs = inputs,
        mnemonic = "LayerTar",
        target_under_test = ":" + layer,
    )

_A = "fbin/tests/analysis/a.txt"
_B = "fbin/tests/analysis/b.txt"
_TREE = "dbin/tests/analysis/tree"

def _runfiles_lines(path, program):
    """Returns the lines of an executable with its runfiles, and those of its repository mapping."""
    exe = "bin/tests/analysis/" + program
    runfiles = path + ".runfiles/"
    skylib = Label("@bazel_skylib//:LICENSE").repo_name
    mapping = [
        path + ".repo_mapping|f" + exe + ".repo_mapping",
        runfiles + "_repo_mapping|f" + exe + ".repo_mapping",
    ]
    return mapping, [
        path + "|f" + exe,
        runfiles + "_main/tests/analysis/" + program + "|f" + exe,
        runfiles + "_main/tests/analysis/a.txt|" + _A,
        runfiles + "_main/tests/analysis/tree|" + _TREE,
        runfiles + skylib + "/LICENSE|fexternal/" + skylib + "/LICENSE",
        runfiles + "_main/links/100%|f" + exe + ".target",
        runfiles + "root/link|f" + exe + ".root_target",
    ]

def _content_tests():
    _check_content(
        name = "single_file_is_its_key",
        srcs = {"/etc/a": ":one_file"},
        lines = ["etc/a|" + _A],
        inputs = ["bin/tests/analysis/a.txt"],
    )
    _check_content(
        name = "several_files_go_below_their_key",
        srcs = {"/etc/files": ":two_files"},
        lines = ["etc/files/a.txt|" + _A, "etc/files/b.txt|" + _B],
    )
    _check_content(
        name = "key_with_trailing_slash_is_a_directory",
        srcs = {"/etc/": ":one_file"},
        lines = ["etc/a.txt|" + _A],
    )
    _check_content(
        name = "lone_slash_is_the_root_directory",
        srcs = {"/": ":two_files"},
        lines = ["a.txt|" + _A, "b.txt|" + _B],
    )
    _check_content(
        name = "keys_of_one_place_share_it",
        srcs = {"/etc": ":a.txt_file", "etc": ":b.txt_file"},
        lines = ["etc/a.txt|" + _A, "etc/b.txt|" + _B],
    )
    _check_content(
        name = "files_keep_the_order_of_their_keys",
        srcs = {"/z": ":a.txt_file", "/a": ":b.txt_file"},
        lines = ["z|" + _A, "a|" + _B],
    )
    _check_content(
        name = "percent_signs_are_kept",
        srcs = {"/100%s": ":one_file"},
        lines = ["100%s|" + _A],
    )
    _check_content(
        name = "target_without_files_adds_nothing",
        srcs = {"/etc": ":no_files"},
        lines = [],
    )
    _check_content(
        name = "tree_is_one_line",
        srcs = {"/usr/share/tree": ":tree"},
        lines = ["usr/share/tree|" + _TREE],
        inputs = ["bin/tests/analysis/tree"],
    )
    _check_content(
        name = "source_file_is_a_file",
        srcs = {"/BUILD": "BUILD.bazel"},
        lines = ["BUILD|ftests/analysis/BUILD.bazel"],
    )
    mapping, runfiles = _runfiles_lines("app/program", "program")
    _check_content(
        name = "executable_brings_its_runfiles",
        srcs = {"/app/program": ":program", "/etc/": ":two_files"},
        lines = mapping + ["etc/a.txt|" + _A, "etc/b.txt|" + _B] + runfiles,
        inputs = [
            "bin/tests/analysis/program",
            "bin/tests/analysis/program.repo_mapping",
            "bin/tests/analysis/program.root_target",
            "bin/tests/analysis/program.target",
            "bin/tests/analysis/tree",
        ],
    )
    mapping, runfiles = _runfiles_lines("app/program", "program")
    _check_content(
        name = "executable_goes_into_a_directory",
        srcs = {"/app/": ":program"},
        lines = mapping + runfiles,
    )
    _check_content(
        name = "executable_without_runfiles_is_its_files",
        srcs = {"/app": ":program"},
        include_runfiles = False,
        lines = [
            "app/program|fbin/tests/analysis/program",
            "app/program.other|fbin/tests/analysis/program.other",
        ],
    )
    fixture_empty_runfiles(name = "empty_runfiles", tags = ["manual"])
    _argv_test(
        name = "made_up_runfiles_are_empty_files",
        size = "small",
        argv = _added([
            line.format(path)
            for path in ["app", "bin/app"]
            for line in [
                "{}|fbin/tests/analysis/empty_runfiles.py",
                "{}.runfiles/_main/tests/analysis/empty_runfiles.py|fbin/tests/analysis/empty_runfiles.py",
                "{}.runfiles/_main/pkg/__init__.py|fbin/tests/analysis/empty_runfiles_empty_runfile",
                "{}.runfiles/other/__init__.py|fbin/tests/analysis/empty_runfiles_empty_runfile",
            ]
        ]),
        inputs = ["bin/tests/analysis/empty_runfiles_empty_runfile"],
        mnemonic = "EmptyRunfiles",
        target_under_test = ":empty_runfiles",
    )

def _attribute_tests():
    _layer(
        name = "full_layer",
        srcs = {"/etc/a": ":one_file"},
        annotations = {"b": "2", "a": "x=y"},
        annotations_file = "a.txt",
        compress = "zstd",
        create_parent_directories = "enabled",
        default_metadata = file_metadata(mode = "0644"),
        file_metadata = {"/etc/a": "{ \"uid\":\n 1 }"},
        symlinks = {"/bin/a": "/etc/a", "b": "../a"},
        tree_artifact_handling = "deduplicate_symlink",
    )
    _argv_test(
        name = "every_attribute_reaches_the_command_line",
        size = "small",
        argv = _flags(
            "full_layer",
            "--annotation=b=2",
            "--annotation=a=x=y",
            "--annotations-file",
            "bin/tests/analysis/a.txt",
            '--default-metadata={"mode":"0644"}',
            '--file-metadata=etc/a={"uid":1}',
            "--add-line=etc/a|" + _A,
            "--symlink-line=bin/a|/etc/a",
            "--symlink-line=b|../a",
            before_trees = ["--create-parent-directories"],
            format = "zstd",
            trees = "deduplicate_symlink",
        ) + _output("full_layer", "tar.zst"),
        mnemonic = "LayerTar",
        target_under_test = ":full_layer",
    )
    _layer(name = "plain_layer", srcs = {"/etc/a": ":one_file"})
    for name, rule, level, jobs in [
        ("optimized_layer_has_the_best_level", _opt_argv_test, "9", "1"),
        ("debug_layer_has_the_default_level", _dbg_argv_test, None, "nproc"),
    ]:
        rule(
            name = name,
            size = "small",
            argv = _flags("plain_layer", "--add-line=etc/a|" + _A, jobs = jobs, level = level) + _output("plain_layer"),
            mnemonic = "LayerTar",
            target_under_test = ":plain_layer",
        )
    _settings_argv_test(
        name = "settings_stand_in_for_attributes",
        size = "small",
        argv = _flags(
            "plain_layer",
            "--add-line=etc/a|" + _A,
            before_trees = ["--create-parent-directories"],
            format = "zstd",
            jobs = "3",
            level = "2",
            trees = "deduplicate_symlink",
        ) + _output("plain_layer", "tar.zst"),
        mnemonic = "LayerTar",
        target_under_test = ":plain_layer",
    )
    _layer(
        name = "overriding_layer",
        srcs = {"/etc/a": ":one_file"},
        compress = "gzip",
        create_parent_directories = "disabled",
        tree_artifact_handling = "full",
    )
    _settings_argv_test(
        name = "attributes_win_over_settings",
        size = "small",
        argv = _flags("overriding_layer", "--add-line=etc/a|" + _A, jobs = "3", level = "2") + _output("overriding_layer"),
        mnemonic = "LayerTar",
        target_under_test = ":overriding_layer",
    )
    providers_test(
        name = "layer_provides_blob_and_metadata",
        size = "small",
        expected = {
            "LayerInfo": "bin/tests/analysis/plain_layer.tgz " +
                         "bin/tests/analysis/plain_layer_metadata.json " +
                         "application/vnd.oci.image.layer.v1.tar+gzip plain",
            "files": "bin/tests/analysis/plain_layer.tgz",
            "group layer": "bin/tests/analysis/plain_layer.tgz",
            "group metadata": "bin/tests/analysis/plain_layer_metadata.json",
        },
        target_under_test = ":plain_layer",
    )
    providers_test(
        name = "zstd_layer_has_its_media_type",
        size = "small",
        expected = {
            "LayerInfo": "bin/tests/analysis/full_layer.tar.zst " +
                         "bin/tests/analysis/full_layer_metadata.json " +
                         "application/vnd.oci.image.layer.v1.tar+zstd plain",
        },
        target_under_test = ":full_layer",
    )

def _compression_tests():
    _compression_argv_test(
        name = "compression_settings_reach_the_command_line",
        size = "small",
        argv = _flags(
            "plain_layer",
            "--add-line=etc/a|" + _A,
            compression = [
                "--single-member",
                "--member-cache=/var/cache/members",
                "--member-cache-size",
                "64",
            ],
        ) + _output("plain_layer"),
        mnemonic = "LayerTar",
        target_under_test = ":plain_layer",
    )
    _layer(name = "estargz_layer", srcs = {"/etc/a": ":one_file"}, estargz = "enabled")
    _layer(name = "single_layer", srcs = {"/etc/a": ":one_file"}, single_member = "enabled")
    for name, target, rule, flag in [
        ("estargz_reaches_the_command_line", "estargz_layer", _argv_test, "--estargz"),
        ("estargz_setting_stands_in", "plain_layer", _estargz_argv_test, "--estargz"),
        ("single_member_reaches_the_command_line", "single_layer", _argv_test, "--single-member"),
    ]:
        rule(
            name = name,
            size = "small",
            argv = _flags(
                target,
                "--add-line=etc/a|" + _A,
                compression = [flag, "--encoder-annotation"],
            ) + _output(target),
            mnemonic = "LayerTar",
            target_under_test = ":" + target,
        )
    providers_test(
        name = "estargz_layer_says_so",
        size = "small",
        expected = {
            "LayerInfo": "bin/tests/analysis/estargz_layer.tgz " +
                         "bin/tests/analysis/estargz_layer_metadata.json " +
                         "application/vnd.oci.image.layer.v1.tar+gzip estargz",
            "LayersInfo": "bin/tests/analysis/estargz_layer.tgz",
        },
        target_under_test = ":estargz_layer",
    )
    _check_failure(
        name = "estargz_of_one_member_is_refused",
        estargz = "enabled",
        single_member = "enabled",
        message = ["`single_member`", "found: both enabled"],
    )
    _check_failure(
        name = "member_cache_at_a_relative_path_is_refused",
        rule = _cache_failure_test,
        message = ["`compress`", "memory or the absolute path", "found: \"cache\" in "],
    )
    _check_failure(
        name = "member_cache_size_is_a_number",
        rule = _cache_size_failure_test,
        message = ["`compress`", "a size in MiB", "\"1G\" in "],
    )

def _check_failure(name, message, rule = _failure_test, **kwargs):
    layer = name + "_layer"
    _layer(name = layer, **kwargs)
    rule(
        name = name,
        size = "small",
        message = ["//tests/analysis:{}: attribute ".format(layer)] + message,
        target_under_test = ":" + layer,
    )

def _failure_tests():
    _check_failure(
        name = "empty_path_is_refused",
        srcs = {"": ":one_file"},
        message = ["`srcs`", "found: \"\"", "remedy: name a file or directory"],
    )
    _check_failure(
        name = "line_break_in_a_path_is_refused",
        srcs = {"/a\nb": ":one_file"},
        message = ["`srcs`", "without line breaks", "found: \"/a\\nb\""],
    )
    _check_failure(
        name = "symlink_at_the_root_is_refused",
        symlinks = {"/": "/a"},
        message = ["`symlinks`", "found: \"/\""],
    )
    _check_failure(
        name = "symlink_to_nothing_is_refused",
        symlinks = {"/a": ""},
        message = ["`symlinks`", "found: \"\" for \"/a\""],
    )
    _check_failure(
        name = "file_metadata_is_json",
        file_metadata = {"/a": "0644"},
        message = ["`file_metadata`", "found: \"0644\" for \"/a\"", "file_metadata(mode = \"0644\")"],
    )
    _check_failure(
        name = "default_metadata_is_json",
        default_metadata = "mode=0644",
        message = ["`default_metadata`", "found: \"mode=0644\""],
    )
    _check_failure(
        name = "annotation_without_key_is_refused",
        annotations = {"a=b": "c"},
        message = ["`annotations`", "found: \"a=b\"", "remedy: rename the key"],
    )
    _check_failure(
        name = "level_of_another_format_is_refused",
        compress = "zstd",
        message = ["`compress`", "-1 or 1 to 4 for zstd", "found: \"9\" in @@//img/settings:compression_level"],
        rule = _level_failure_test,
    )
    _check_failure(
        name = "unknown_number_of_jobs_is_refused",
        message = ["`compress`", "auto, nproc or a number from 1", "found: \"all\""],
        rule = _jobs_failure_test,
    )

# buildifier: disable=unnamed-macro
def layer_tests():
    """Declares the tests and what they look at."""
    _declare_fixtures()
    _content_tests()
    _attribute_tests()
    _compression_tests()
    _failure_tests()
