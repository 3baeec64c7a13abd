"""Turns the files of targets into the command line of `img layer`.

Depsets are not flattened: what has to be known of each file is worked out by the `map_each`
functions, when an action runs.
"""

load("//img/private/actions:run_img.bzl", "lines_args")
load(
    "//img/private/lib:image_paths.bzl",
    "as_format",
    "directory_prefix",
    "file_kind",
    "group_by_key",
    "rlocation_path",
)

_FIELD_END = "\0"

def add_layer_content(ctx, srcs, *, include_runfiles):
    """Returns the command line for the files of a layer.

    Args:
        ctx: rule context.
        srcs: dict from path in the image to Target.
        include_runfiles: bool, whether executables bring their runfiles.

    Returns:
        struct of arguments (list of Args) and inputs (depset of File).
    """
    content = struct(
        # Plain files, among them the repository mappings of executables.
        files = lines_args(ctx, "--add-from-file"),
        # Executables, each with its runfiles after it.
        executables = lines_args(ctx, "--add-from-file"),
        inputs = [],
        transitive_inputs = [],
        state = {"executables": 0, "files": 0, "empty_file": None},
    )
    for place, targets in group_by_key(srcs).items():
        _add_targets(ctx, content, place, targets, include_runfiles)
    return struct(
        arguments = [
            getattr(content, name)
            for name in ["files", "executables"]
            if content.state[name]
        ],
        inputs = depset(content.inputs, transitive = content.transitive_inputs),
    )

def _add_targets(ctx, content, place, targets, include_runfiles):
    prefix = directory_prefix(place, _count(targets, include_runfiles))
    for target in targets:
        if include_runfiles and _executable(target):
            _add_executable(ctx, content, place, prefix, target)
        else:
            _add_files(content, place, prefix, target[DefaultInfo].files)

def _executable(target):
    """Returns the executable of a target whose runfiles belong to it, or None."""
    executable = target[DefaultInfo].files_to_run.executable
    return executable if executable and not executable.is_source else None

def _count(targets, include_runfiles):
    """Returns how many files and executables go to one place."""
    count = 0
    for target in targets:
        if include_runfiles and _executable(target):
            count += 1
        else:
            # The shape of the layer depends on this number, so this depset has to be looked at.
            count += len(target[DefaultInfo].files.to_list())
    return count

def _add_files(content, place, prefix, files):
    content.state["files"] += 1
    content.transitive_inputs.append(files)
    if prefix == None:
        _add_lines(content.files, files, _file_line, place + _FIELD_END)
    else:
        _add_lines(content.files, files, _file_below_line, prefix)

def _add_executable(ctx, content, place, prefix, target):
    executable = _executable(target)
    path = place if prefix == None else prefix + executable.basename
    content.state["executables"] += 1
    content.inputs.append(executable)
    _add_lines(content.executables, [executable], _file_line, path + _FIELD_END)
    _add_runfiles(ctx, content, path + ".runfiles/", target[DefaultInfo].default_runfiles)

    repo_mapping = target[DefaultInfo].files_to_run.repo_mapping_manifest
    if repo_mapping:
        content.state["files"] += 1
        content.inputs.append(repo_mapping)
        for copy in [path + ".repo_mapping", path + ".runfiles/_repo_mapping"]:
            _add_lines(content.files, [repo_mapping], _file_line, copy + _FIELD_END)

def _add_runfiles(ctx, content, prefix, runfiles):
    if not runfiles:
        return
    args = content.executables
    _add_lines(args, runfiles.files, _runfile_line, prefix)
    _add_lines(args, runfiles.symlinks, _runfiles_symlink_line, prefix)
    _add_lines(args, runfiles.root_symlinks, _root_symlink_line, prefix)
    content.transitive_inputs.append(runfiles.files)
    if runfiles.symlinks or runfiles.root_symlinks:
        # The map only visits symlinks, of which there are few.
        content.inputs.extend([
            entry.target_file
            for entry in depset(transitive = [runfiles.symlinks, runfiles.root_symlinks]).to_list()
        ])
    if runfiles.empty_filenames:
        _add_empty_runfiles(ctx, content, prefix, runfiles.empty_filenames)

def _add_empty_runfiles(ctx, content, prefix, empty_filenames):
    """Adds the files that Bazel makes up, such as a missing `__init__.py`."""
    empty_file = content.state["empty_file"]
    if not empty_file:
        empty_file = ctx.actions.declare_file(ctx.label.name + "_empty_runfile")
        ctx.actions.write(empty_file, "")
        content.state["empty_file"] = empty_file
        content.inputs.append(empty_file)

    def empty_runfile_lines(file):
        return [
            rlocation_path(name) + _FIELD_END + _source(file)
            for name in empty_filenames.to_list()
        ]

    _add_lines(content.executables, [empty_file], empty_runfile_lines, prefix, allow_closure = True)

def _add_lines(args, files, map_each, prefix, allow_closure = False):
    args.add_all(
        files,
        allow_closure = allow_closure,
        expand_directories = False,
        format_each = as_format(prefix) + "%s",
        map_each = map_each,
        uniquify = True,
    )

# What comes after the prefix on a line. The path of a file may be read in these functions only:
# Bazel may change it until then.

def _source(file):
    return file_kind(file) + file.path

def _file_line(file):
    return _source(file)

def _file_below_line(file):
    return file.basename + _FIELD_END + _source(file)

def _runfile_line(file):
    return rlocation_path(file.short_path) + _FIELD_END + _source(file)

def _runfiles_symlink_line(entry):
    return rlocation_path(entry.path) + _FIELD_END + _source(entry.target_file)

def _root_symlink_line(entry):
    return entry.path + _FIELD_END + _source(entry.target_file)
