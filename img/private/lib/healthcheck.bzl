"""The healthcheck of an image, as text that can stand in an attribute."""

load("//img/private/lib:fail_attr.bzl", "fail_attr")

def healthcheck(
        test,
        *,
        interval = None,
        timeout = None,
        start_period = None,
        start_interval = None,
        retries = None):
    """Describes a healthcheck for `healthcheck` of `image_manifest`.

    OCI knows no healthchecks; Docker and podman read it from the configuration. What is left out keeps the
    runtime's default.

    Args:
        test: list of str, `["CMD", program, argument, …]`, `["CMD-SHELL", command]` or `["NONE"]`, which
            turns off that of the base.
        interval: str, duration between two checks, such as "30s" or "1m30s".
        timeout: str, duration after which a check has failed.
        start_period: str, duration in which failures do not count.
        start_interval: str, duration between two checks in that period.
        retries: int, failures in a row after which the container is unhealthy.

    Returns:
        str, a JSON object.
    """
    if type(test) != "list" or not test:
        fail_attr(
            "healthcheck()",
            "test",
            expected = "a list that begins with CMD, CMD-SHELL or NONE",
            found = repr(test),
            remedy = "write for example `[\"CMD\", \"/bin/check\"]`",
        )
    given = {
        "test": test,
        "interval": interval,
        "timeout": timeout,
        "start_period": start_period,
        "start_interval": start_interval,
        "retries": retries,
    }
    return json.encode({key: value for key, value in given.items() if value != None})
