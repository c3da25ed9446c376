# Credo on Debian 12: docker build -t credo . && docker run --rm -v "$PWD/runs:/runs" credo
# The first stage builds the Debian package, the second installs it: no compiler, its libraries alone.
# tests/packages/chroot.sh takes the same steps without Docker.
FROM debian:12 AS build
WORKDIR /credo
COPY . .
RUN apt-get update && apt-get install -y --no-install-recommends make && make package

FROM debian:12-slim
COPY --from=build /credo/build/packages/credo_*.deb /tmp/
RUN apt-get update && apt-get install -y --no-install-recommends /tmp/credo_*.deb \
  && rm -rf /tmp/credo_*.deb /var/lib/apt/lists/*
WORKDIR /runs
CMD ["credo", "suite", "quick", "--out", "quick"]
