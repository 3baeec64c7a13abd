"""Analysis tests of `image_push`."""

load("//img:image.bzl", "image_index", "image_manifest")
load("//img:push.bzl", "image_push")
load("//img/private/lib:deploy.bzl", "EAGER", "PUSH_STRATEGIES")  # buildifier: disable=bzl-visibility
load(
    "//tests/analysis:support.bzl",
    "argv_test_rule",
    "failure_test_rule",
    "providers_test",
    "written_file_test",
)

_argv_test = argv_test_rule()
_failure_test = failure_test_rule()
_lazy_failure_test = failure_test_rule({"//img/settings:push_strategy": "lazy"})
_lazy_argv_test = argv_test_rule({"//img/settings:push_strategy": "lazy"})

_PREFIX = "++rules_img_private++/_main/tests/analysis/"

def _push(name, image = ":pushed_image", registry = "registry.example.com", repository = "team/app", **kwargs):
    image_push(
        name = name,
        image = image,
        registry = registry,
        repository = repository,
        tags = ["manual"],
        **kwargs
    )

def _out(name):
    return "bin/tests/analysis/" + name

def _declare_fixtures():
    image_manifest(
        name = "pushed_image",
        layers = [":lower", ":upper"],
        platform = ":linux_amd64",
        tags = ["manual"],
    )
    image_index(
        name = "pushed_index",
        manifests = [":pushed_image", ":base"],
        tags = ["manual"],
    )
    _push(name = "push_manifest", tag = "v1")
    _push(name = "push_index", image = ":pushed_index")
    _push(name = "push_pulled", image = ":extended_pulled", strategy = "eager")

def _command_tests():
    _argv_test(
        name = "push_of_a_manifest_is_described",
        size = "small",
        argv = [
            "deploy-metadata",
            "--command",
            "push",
            "--root-path",
            _out("pushed_image_manifest.json"),
            "--root-kind",
            "manifest",
            "--configuration-file",
            _out("push_manifest.configuration.json"),
            "--strategy",
            "eager",
            "--manifest-path",
            "0=" + _out("pushed_image_manifest.json"),
            _out("push_manifest.json"),
        ],
        inputs = [_out("pushed_image_manifest.json")],
        mnemonic = "DeployMetadata",
        no_inputs = [_out("lower.tgz")],
        target_under_test = ":push_manifest",
    )
    _argv_test(
        name = "push_of_an_index_lists_its_manifests",
        size = "small",
        argv = [
            "deploy-metadata",
            "--command",
            "push",
            "--root-path",
            _out("pushed_index_index.json"),
            "--root-kind",
            "index",
            "--configuration-file",
            _out("push_index.configuration.json"),
            "--strategy",
            "eager",
            "--manifest-path",
            "0=" + _out("pushed_image_manifest.json"),
            "--manifest-path",
            "1=" + _out("base_manifest.json"),
            _out("push_index.json"),
        ],
        inputs = [_out("pushed_index_index.json"), _out("base_manifest.json")],
        mnemonic = "DeployMetadata",
        target_under_test = ":push_index",
    )
    pulled = [
        "deploy-metadata",
        "--command",
        "push",
        "--root-path",
        _out("extended_pulled_manifest.json"),
        "--root-kind",
        "manifest",
        "--configuration-file",
        _out("push_pulled.configuration.json"),
        "--strategy",
        "eager",
        "--manifest-path",
        "0=" + _out("extended_pulled_manifest.json"),
        "--missing-blobs-for-manifest",
        "0=e3b0c442",
        "--original-registry=mirror.example.com",
        "--original-registry=registry.example.com",
        "--original-repository=library/debian",
        "--original-tag=v1",
        "--original-digest=sha256:e3b0c442",
        _out("push_pulled.json"),
    ]
    for name, rule in {
        "push_says_where_missing_blobs_are": _argv_test,
        "strategy_wins_over_the_setting": _lazy_argv_test,
    }.items():
        rule(
            name = name,
            size = "small",
            argv = pulled,
            mnemonic = "DeployMetadata",
            target_under_test = ":push_pulled",
        )

def _file_tests():
    written_file_test(
        name = "push_launches_a_deploy",
        size = "small",
        files = {
            "push_manifest.configuration.json": '{"registry":"registry.example.com","repository":"team/app","tags":["v1"]}\n',
            "push_manifest.exe.launch.json": '{"args":["deploy",' +
                                             '"--runfiles-root-symlinks-prefix","' + _PREFIX + 'push_manifest/",' +
                                             '"--request-file","_main/tests/analysis/push_manifest.json"],' +
                                             '"env":{},"version":1}\n',
        },
        target_under_test = ":push_manifest",
    )
    _push(name = "push_tags", tag_list = ["v2", "latest", "v2"])
    written_file_test(
        name = "tags_are_written_sorted_and_unique",
        size = "small",
        files = {"push_tags.configuration.json": '{"registry":"registry.example.com","repository":"team/app","tags":["latest","v2"]}\n'},
        target_under_test = ":push_tags",
    )
    written_file_test(
        name = "push_by_digest_has_no_tags",
        size = "small",
        files = {"push_index.configuration.json": '{"registry":"registry.example.com","repository":"team/app","tags":[]}\n'},
        target_under_test = ":push_index",
    )

def _symlinks(target, links):
    return ", ".join(sorted([
        "{}{}/0/{} -> {}".format(_PREFIX, target, path, _out(file))
        for path, file in links.items()
    ]))

def _provider_tests():
    providers_test(
        name = "push_is_the_tool_with_its_runfiles",
        size = "small",
        expected = {
            "DeployInfo.deploy_manifest": _out("push_manifest.json"),
            "DeployInfo.image": _out("pushed_image_manifest.json"),
            "DeployInfo.layer_hints": "None",
            "environment": "{}",
            "executable": _out("push_manifest.exe"),
            "files": _out("push_manifest.exe"),
            "group deploy_manifest": _out("push_manifest.json"),
            "inherited environment": "DOCKER_CONFIG, IMG_CREDENTIAL_HELPER, IMG_REAPI_ENDPOINT",
            "runfiles": ", ".join([
                _out("push_manifest.exe"),
                _out("push_manifest.exe.launch.json"),
                _out("push_manifest.json"),
            ]),
            "runfiles root symlinks": _symlinks("push_manifest", {
                "manifests/0/config.json": "pushed_image_config.json",
                "manifests/0/layer/0": "lower.tgz",
                "manifests/0/layer/1": "upper.tgz",
                "manifests/0/manifest.json": "pushed_image_manifest.json",
                "manifests/0/metadata/0": "lower_metadata.json",
                "manifests/0/metadata/1": "upper_metadata.json",
            }),
        },
        target_under_test = ":push_manifest",
    )
    providers_test(
        name = "push_of_an_index_has_the_runfiles_of_all_manifests",
        size = "small",
        expected = {
            "DeployInfo.image": _out("pushed_index_index.json"),
            "runfiles root symlinks": _symlinks("push_index", {
                "index.json": "pushed_index_index.json",
                "manifests/0/config.json": "pushed_image_config.json",
                "manifests/0/layer/0": "lower.tgz",
                "manifests/0/layer/1": "upper.tgz",
                "manifests/0/manifest.json": "pushed_image_manifest.json",
                "manifests/0/metadata/0": "lower_metadata.json",
                "manifests/0/metadata/1": "upper_metadata.json",
                "manifests/1/config.json": "base_config.json",
                "manifests/1/layer/0": "lower.tgz",
                "manifests/1/manifest.json": "base_manifest.json",
                "manifests/1/metadata/0": "lower_metadata.json",
            }),
        },
        target_under_test = ":push_index",
    )
    providers_test(
        name = "missing_blob_is_no_runfile",
        size = "small",
        expected = {
            "runfiles root symlinks": _symlinks("push_pulled", {
                "manifests/0/config.json": "extended_pulled_config.json",
                "manifests/0/layer/1": "upper.tgz",
                "manifests/0/manifest.json": "extended_pulled_manifest.json",
                "manifests/0/metadata/0": "blobless_metadata.json",
                "manifests/0/metadata/1": "upper_metadata.json",
            }),
        },
        target_under_test = ":push_pulled",
    )

def _check_failure(name, message, rule = _failure_test, **kwargs):
    push = name + "_push"
    _push(name = push, **kwargs)
    rule(
        name = name,
        size = "small",
        message = ["//tests/analysis:{}: attribute ".format(push)] + message,
        target_under_test = ":" + push,
    )

def _failure_tests():
    _check_failure(
        name = "tag_and_tag_list_exclude_each_other",
        message = [
            "`tag_list`",
            "expected: `tag` or `tag_list`, not both",
            "found: tag = \"v1\", tag_list = [\"v2\"]",
            "remedy: move the tag into `tag_list`",
        ],
        tag = "v1",
        tag_list = ["v2"],
    )
    for attribute, value in {
        "registry": "{{.REGISTRY}}",
        "repository": "team/{{.APP}}",
        "tag": "{{.STAMP}}",
        "tag_list": ["v1", "{{.STAMP}}"],
    }.items():
        _check_failure(
            name = "template_in_{}_is_refused".format(attribute),
            message = ["`{}`".format(attribute), "templates are not supported yet"],
            **{attribute: value}
        )
    for strategy in PUSH_STRATEGIES:
        if strategy == EAGER:
            continue
        _check_failure(
            name = "strategy_{}_is_refused".format(strategy),
            message = ["`strategy`", "expected: `eager`", "found: `{}`\n".format(strategy), "remedy: set"],
            strategy = strategy,
        )
    _check_failure(
        name = "strategy_of_the_setting_is_refused",
        message = ["`strategy`", "found: `lazy` in ", "//img/settings:push_strategy"],
        rule = _lazy_failure_test,
    )

# buildifier: disable=unnamed-macro
def push_tests():
    """Declares the tests and what they look at; those of image_test.bzl are used too."""
    _declare_fixtures()
    _command_tests()
    _file_tests()
    _provider_tests()
    _failure_tests()
