"""The part of a command line that says how a layer is compressed."""

def add_compression(args, compression):
    """Adds the flags of `img layer` and `img compress`.

    Args:
        args: Args to add to.
        compression: struct from `resolve_compression`.
    """
    args.add("--format", compression.format)
    if compression.level != None:
        args.add("--compression-level", compression.level)
    args.add("--compressor-jobs", compression.jobs)
    if compression.estargz:
        args.add("--estargz")
    if compression.single_member:
        args.add("--single-member")
    if compression.encoder_annotation:
        args.add("--encoder-annotation")
    if compression.member_cache:
        args.add(compression.member_cache.place, format = "--member-cache=%s")
        args.add("--member-cache-size", compression.member_cache.size)
