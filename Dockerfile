# The operator. The last stage holds the program, the libraries of Debian bookworm that it needs, and nothing else: no shell, no package
# manager. No HEALTHCHECK: Kubernetes has probes of its own.
#   docker build -t poolwright/poolwright:0.1.0 .
FROM debian:bookworm-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends \
      binutils ca-certificates cmake g++ libboost-dev libboost-system-dev libboost-thread-dev libcli11-dev libcpprest-dev libhiredis-dev \
      libpq-dev libspdlog-dev libssl-dev libyaml-cpp-dev lld ninja-build nlohmann-json3-dev pkg-config zlib1g-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cmake --preset release -DPW_BENCH=OFF \
 && cmake --build build/release --target poolwright \
 && strip --strip-all build/release/operator/poolwright \
 && images/collect.sh / /image /src/build/release/operator/poolwright=/usr/bin/poolwright \
 && ln -s poolwright /image/usr/bin/kubectl-poolwright

FROM scratch
LABEL org.opencontainers.image.title="poolwright" \
      org.opencontainers.image.description="Kubernetes operator that makes PostgreSQL connection pools and keeps them right" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /image/ /
ENV PATH=/usr/bin
USER 65532:65532
ENTRYPOINT ["poolwright"]
CMD ["run"]
