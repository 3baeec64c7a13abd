"""A test that the documentation of public files can be extracted."""

load("@bazel_skylib//rules:build_test.bzl", "build_test")

def documentation_test(name, libraries, **kwargs):
    """Extracts the documentation of public files, which takes all the files they load.

    So it fails for a bzl_library that does not list what its file loads.

    Args:
        name: str.
        libraries: list of labels of bzl_library targets, each named like its one file.
        **kwargs: common attributes of tests.
    """
    extracts = []
    for library in libraries:
        extract = "{}_{}".format(name, library.partition(":")[2])
        native.starlark_doc_extract(
            name = extract,
            src = library + ".bzl",
            tags = ["manual"],
            deps = [library],
        )
        extracts.append(extract)
    build_test(name = name, targets = extracts, **kwargs)
