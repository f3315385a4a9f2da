# PostgreSQL with agentcore installed and preloaded:
#
#   docker build -t agentcore .
#   docker run -e POSTGRES_PASSWORD=secret -p 5432:5432 agentcore
#   psql -h localhost -U postgres -c 'SELECT * FROM agentcore.stat_cache'
#
# The extension is created in the database that the image makes (POSTGRES_DB).
ARG PG_MAJOR=17
ARG CODENAME=bookworm
FROM postgres:${PG_MAJOR}-${CODENAME} AS build
ARG PG_MAJOR
RUN apt-get update && \
    apt-get install -y --no-install-recommends gcc libc6-dev make pkg-config postgresql-server-dev-${PG_MAJOR} \
        libpcre2-dev libssl-dev libicu-dev libpsl-dev
COPY . /src/agentcore
WORKDIR /src/agentcore
RUN make clean && make -j"$(nproc)" && make install DESTDIR=/stage

FROM postgres:${PG_MAJOR}-${CODENAME}
RUN apt-get update && \
    apt-get install -y --no-install-recommends libpcre2-8-0 libpsl5 publicsuffix && \
    rm -rf /var/lib/apt/lists/*
COPY --from=build /stage/ /
COPY LICENSE README.md /usr/share/doc/agentcore/
RUN echo "CREATE EXTENSION agentcore;" >/docker-entrypoint-initdb.d/10-agentcore.sql
CMD ["postgres", "-c", "shared_preload_libraries=agentcore"]
