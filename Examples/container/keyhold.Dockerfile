# SPDX-License-Identifier: Apache-2.0
# infenclave keyhold in a container, on the owner's own machine. Built from the repository's root:
#
#   docker build -f Examples/container/keyhold.Dockerfile -t infenclave-keyhold .
#   docker run -d --restart always --read-only --cap-drop all --security-opt no-new-privileges \
#       --user "$(id -u):$(id -g)" -v "$PWD/keyhold:/keyhold" infenclave-keyhold \
#       --server https://server.example:8443 --lease 1d
#
# The folder keyhold has policy.json, policy.json.sig, model.key, owner.key (mode 0600) and clients/NAME.token; the log is
# written there. No port is published: the container opens none.
FROM swift:6.3-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends make sudo
COPY . /source
WORKDIR /source
RUN make build
# The executable with every library that it links, in folders that are not symbolic links: COPY cannot replace a link by a
# folder.
RUN mkdir -p /image/usr/local/bin && cp .build/release/infenclave /image/usr/local/bin/ && \
    ldd .build/release/infenclave | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p' | while read -r library; do \
        folder=/image$(realpath "$(dirname "$library")") && mkdir -p "$folder" && cp -L "$library" "$folder/" || exit 1; done

FROM debian:12-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
COPY --from=build /image/ /
WORKDIR /keyhold
ENV XDG_STATE_HOME=/keyhold
ENTRYPOINT ["infenclave", "keyhold", "--policy", "policy.json", "--key", "model.key", "--owner-key", "owner.key", \
    "--clients", "clients", "--log", "keyhold.log"]
