# One image for every process: `serve` (the default), `gateway`, `worker`, and each other command of `webhooks`.
# Runs as an ordinary user, on a read-only root; it writes to /tmp only.
FROM python:3.13-slim AS build
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PROJECT_ENVIRONMENT=/opt/webhooks UV_PYTHON_DOWNLOADS=never
RUN python -m pip install --no-cache-dir uv==0.13.9
WORKDIR /source
COPY . .
# What your endpoints need: --build-arg EXTRAS="--extra listen" leaves the queues' SDKs out (240 MB less).
ARG EXTRAS="--all-extras"
# shellcheck disable=SC2086 # several words on purpose
RUN uv sync --frozen --no-dev --no-editable ${EXTRAS}

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home webhooks
COPY --from=build /opt/webhooks /opt/webhooks
ENV PATH=/opt/webhooks/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001
EXPOSE 8000
# A worker alone serves no HTTP: disable this for it.
HEALTHCHECK --interval=15s --timeout=3s --start-period=10s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
ENTRYPOINT ["webhooks"]
CMD ["serve", "--host", "0.0.0.0"]
