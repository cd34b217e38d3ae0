# syntax=docker/dockerfile:1
FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
# SQLite and libpq are compiled in; no other library is needed.
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin yutang && cp target/release/yutang /yutang

FROM debian:bookworm-slim
# Belongs to nobody on the host, has no shell and no home.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /data --shell /usr/sbin/nologin yutang \
    && install --directory --owner=yutang --group=yutang --mode=0700 /data
COPY --from=build /yutang /usr/local/bin/yutang
# Inside the container every address; which of the host's it is published on, compose.yaml says.
ENV YUTANG__DATA_DIR=/data \
    YUTANG__SERVER__LISTEN=0.0.0.0:8080
WORKDIR /data
VOLUME /data
EXPOSE 8080
USER 10001:10001
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 CMD ["yutang", "health"]
ENTRYPOINT ["yutang"]
CMD ["serve"]
