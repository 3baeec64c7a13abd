"""References of images."""

def base_name(pull_info):
    """Returns the reference by which a base was pulled.

    Args:
        pull_info: PullInfo of the base.

    Returns:
        str such as `docker.io/library/debian:12`, or None if it is not known.
    """
    registries = getattr(pull_info, "registries", None)
    repository = getattr(pull_info, "repository", None)
    if not registries or not repository:
        return None
    tag = getattr(pull_info, "tag", None)
    return "{}/{}".format(registries[0], repository) + (":" + tag if tag else "")
