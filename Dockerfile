# The server with the embedded model. Beyond loopback it refuses to start without a client key: mount a steady.yaml with
# `keys:` at /etc/steady/steady.yaml (see deploy/steady.yaml), or set `server: {insecure: true}` there.
FROM python:3.11-slim AS build
WORKDIR /build
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
COPY policies ./policies
RUN python -m venv /opt/steady
RUN /opt/steady/bin/python -m pip install --quiet --no-cache-dir .
RUN STEADY_CACHE=/opt/steady/cache /opt/steady/bin/steady model pull smollm2-135m

FROM python:3.11-slim
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --home-dir /var/lib/steady --create-home steady
COPY --from=build --chown=root:root /opt/steady /opt/steady
ENV PATH=/opt/steady/bin:$PATH STEADY_CACHE=/opt/steady/cache STEADY_CONFIG=/etc/steady/steady.yaml PYTHONUNBUFFERED=1
USER steady
WORKDIR /var/lib/steady
VOLUME /var/lib/steady
EXPOSE 8790
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8790/healthz', timeout=2)"]
CMD ["steady", "serve", "--host", "0.0.0.0"]
