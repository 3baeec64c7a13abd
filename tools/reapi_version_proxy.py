#!/usr/bin/env python3
"""Lets Bazel 7 use a remote cache that speaks only newer versions of the Remote Execution API.

    reapi_version_proxy.py LISTEN UPSTREAM      (gRPC addresses, such as 127.0.0.1:0 and unix:/path)

Every call is passed on byte by byte. The one change: GetCapabilities says that version 2.0, the one
Bazel 7 asks for, is accepted too. Without it Bazel builds uncached and does not say so.
Prints `listening on grpc://HOST:PORT` once it accepts.
"""

import sys
from concurrent import futures

import grpc

UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]

# ServerCapabilities.low_api_version (field 4) = SemVer{major: 2, minor: 0}. In protobuf a field that
# comes later in the bytes wins, so appending it is enough.
LOW_API_VERSION_2_0 = b"\x22\x04\x08\x02\x10\x00"

# gRPC sets these itself on every call.
OWN_METADATA = (":", "grpc-", "user-agent", "te")

FOREVER = 10**6


class Forwarder(grpc.GenericRpcHandler):
    """Answers every method with what the upstream answers."""

    def __init__(self, upstream):
        self.upstream = upstream

    def service(self, handler_call_details):
        method = handler_call_details.method
        call = self.upstream.stream_stream(method, request_serializer=None, response_deserializer=None)

        def forward(requests, context):
            try:
                responses = call(requests, metadata=passed_on(context), timeout=remaining(context))
                context.add_callback(responses.cancel)
                for response in responses:
                    yield widened(method, response)
            except grpc.RpcError as error:
                context.set_trailing_metadata(tuple(error.trailing_metadata() or ()))
                context.abort(error.code(), error.details())

        return grpc.stream_stream_rpc_method_handler(forward)


def passed_on(context):
    return [pair for pair in context.invocation_metadata() if not pair[0].startswith(OWN_METADATA)]


def remaining(context):
    seconds = context.time_remaining()
    return seconds if seconds is not None and seconds < FOREVER else None


def widened(method, response):
    return response + LOW_API_VERSION_2_0 if method.endswith("/GetCapabilities") else response


def main(listen, upstream):
    server = grpc.server(futures.ThreadPoolExecutor(64), options=UNLIMITED)
    server.add_generic_rpc_handlers((Forwarder(grpc.insecure_channel(upstream, options=UNLIMITED)),))
    port = server.add_insecure_port(listen)
    server.start()
    print(f"listening on grpc://{listen.rpartition(':')[0]}:{port}", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
