# syntax=docker/dockerfile:1
# An image for the service, its worker and the ingest job. Build it with `docker compose build`.

# Both stages must come from the same family, because the virtual environment is copied from one
# to the other. docker-compose.gpu.yml names a pair with CUDA.
ARG BUILD_IMAGE=python:3.11-slim-bookworm
ARG RUNTIME_IMAGE=python:3.11-slim-bookworm

# ---------------------------------------------------------------------------------------------
FROM ${BUILD_IMAGE} AS builder

# Debian packages that bring Python, for a base image without one.
ARG PYTHON_PACKAGES=""
# hadolint ignore=DL3008,SC2086
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        build-essential cmake ninja-build ${PYTHON_PACKAGES} \
    && rm -rf /var/lib/apt/lists/*

ENV PATH=/opt/venv/bin:$PATH \
    PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src

# Dependencies first, in a layer of their own: a change of the code does not compile them again.
COPY pyproject.toml constraints.txt ./
# An index asked as well as the default one. Set it to PyTorch's index of CPU wheels (the address
# is on PyTorch's installation page) for an image that is smaller by several GB.
ARG TORCH_INDEX_URL=""
# GGML_NATIVE=OFF: the image must run on other processors than the one that built it (on x86 it
# still uses AVX2 and FMA). LLAVA is image input, which nothing here uses.
ARG CMAKE_ARGS="-DLLAVA_BUILD=OFF -DGGML_NATIVE=OFF"
# pip's cache key does not know CMAKE_ARGS: without a cache of its own, a CUDA build would take
# the CPU wheel out of the cache.
ARG PIP_CACHE=cpu
# hadolint ignore=DL3042
RUN --mount=type=cache,id=pip-${PIP_CACHE},target=/root/.cache/pip \
    python3 -m venv /opt/venv \
    && python -c 'import tomllib; project = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
print(*project["dependencies"], *project["optional-dependencies"]["openai"], *project["optional-dependencies"]["ocr"], sep="\n")' \
        > requirements.txt \
    && pip install \
        ${TORCH_INDEX_URL:+--extra-index-url "${TORCH_INDEX_URL}"} \
        --constraint constraints.txt --requirement requirements.txt

COPY README.md LICENSE ./
COPY prompts ./prompts
COPY ingest ./ingest
COPY rag_service ./rag_service
# hadolint ignore=DL3042
RUN --mount=type=cache,id=pip-${PIP_CACHE},target=/root/.cache/pip \
    pip install --no-deps . && pip check

# ---------------------------------------------------------------------------------------------
FROM ${RUNTIME_IMAGE} AS runtime

ARG PYTHON_PACKAGES=""
# libgomp1: llama.cpp's threads. tini: passes SIGTERM on and reaps parser processes.
# hadolint ignore=DL3008,SC2086
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 tini ${PYTHON_PACKAGES} \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 rag \
    && useradd --uid 10001 --gid rag --no-create-home --home-dir /tmp --shell /usr/sbin/nologin rag \
    && install --directory --owner=rag --group=rag /data

COPY --from=builder /opt/venv /opt/venv

# Only /data and /tmp are written to, so the rest may be mounted read-only.
ENV PATH=/opt/venv/bin:$PATH \
    LANG=C.UTF-8 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    XDG_CACHE_HOME=/tmp/.cache \
    HF_HOME=/data/huggingface \
    HF_HUB_DISABLE_TELEMETRY=1 \
    RAG_DATA_DIR=/data \
    RAG_API__HOST=0.0.0.0 \
    RAG_API__PORT=8000

USER 10001:10001
WORKDIR /tmp
VOLUME ["/data"]
EXPOSE 8000
STOPSIGNAL SIGTERM

# http.client and not urllib: the latter would ask a configured proxy for 127.0.0.1.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python3", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ['RAG_API__PORT']), timeout=4); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]

ENTRYPOINT ["tini", "--"]
CMD ["rag", "serve"]
