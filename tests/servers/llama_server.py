"""A process with llama.cpp's own server and a small real model: python llama_server.py WEIGHTS [TEMPLATE]"""

import os
import signal
import sys
from pathlib import Path

import xllamacpp


def main(weights: str, template: str | None = None) -> None:
    """Serve until SIGTERM; prints the address when it is ready."""
    params = xllamacpp.CommonParams()
    params.model.path = weights
    if template is not None:
        params.chat_template = Path(template).read_text()
    params.port, params.n_ctx, params.n_parallel, params.use_jinja = 0, 4096, 1, True
    params.cache_prompt, params.cache_ram_mib, params.verbosity = False, 0, 1
    for name in ("cpuparams", "cpuparams_batch"):
        cpu = getattr(params, name)
        cpu.n_threads = 1
        setattr(params, name, cpu)
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
