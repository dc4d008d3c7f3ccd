# The gateway.
#
#   docker build -t antigravity .
#   docker run -p 127.0.0.1:8045:8045 --stop-timeout 310 -e ANTIGRAVITY_KEY=... -e GEMINI_API_KEY=... antigravity
#
# Settings: scripts/deploy/container.toml, which reads secrets from the environment. Others: mount a file of your own
# over it, at /etc/antigravity/antigravity.toml. See "Deployment" in README.md.

FROM python:3.13-slim AS build
WORKDIR /app
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY addons addons
COPY mapping mapping
COPY scripts scripts
# The environment is the one that serve.py makes and looks for, with the versions of constraints.txt.
RUN python scripts/serve.py --setup-only
# Beside what the gateway always needs: "state" (redis-py, for [state] url). Others: images, audio, tokens; see
# pyproject.toml. tokens alone is not enough: its tables are not in the package.
ARG EXTRAS=state
RUN .venv/bin/pip install --no-input --no-cache-dir --disable-pip-version-check -c constraints.txt ".[$EXTRAS]" \
    && .venv/bin/pip uninstall --yes --quiet --disable-pip-version-check openai-gemini-gateway pip \
    && rm -rf build ./*.egg-info .cache \
    && .venv/bin/python -m compileall -q addons mapping scripts

FROM python:3.13-slim
RUN useradd --uid 10001 --home-dir /var/lib/antigravity --create-home --shell /usr/sbin/nologin antigravity
COPY --from=build /app /app
COPY scripts/deploy/container.toml /etc/antigravity/antigravity.toml
ENV ANTIGRAVITY_CONFIG=/etc/antigravity/antigravity.toml PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /app
USER 10001:10001
# The store of [responses], and mitmproxy's certificates.
VOLUME /var/lib/antigravity
EXPOSE 8045
# Not by curl or urllib: the image has none of the one, and the other obeys HTTP_PROXY. The gateway has to be asked by
# its own port, and without a key: auth_mode must not be "strict".
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import http.client, sys; c = http.client.HTTPConnection('127.0.0.1', 8045, timeout=4); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]
# serve.py becomes mitmdump, or the parent of several: process 1 takes SIGTERM itself.
ENTRYPOINT ["/app/.venv/bin/python", "scripts/serve.py"]
CMD ["--workers", "auto"]
