"""What the e2e tests stand on: real Bazel, real registries, real container runtimes, on one machine.

Every daemon runs in private directories on a loopback port or a unix socket, and is stopped by its own
process ID. Only the standard library is used.
"""
