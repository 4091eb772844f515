"""Where a server of pages listens."""

import socket

from copilot_kit.errors import UsageError


def listening_at(host: str, port: int) -> socket.socket:
    """Return a socket that browsers reach at this address; port: 0 takes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen()  # now, so that two servers that start at once do not both have the port
    except OSError as error:
        listening.close()
        raise UsageError(
            f"Cannot listen at {host}:{port}: {error.strerror or error}. Choose another port, or end what uses it."
        ) from error
    return listening
