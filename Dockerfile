# Two images from one build:
#   docker build --target webhook  -t meshwright-webhook .    one static binary, nothing else
#   docker build --target compiler -t meshwright .            with git, ssh and CA certificates, for `meshwright watch`

FROM rust:1.95-alpine AS build
RUN apk add --no-cache build-base cmake linux-headers perl
# The toolchain of the image is the one of rust-toolchain.toml; rustup must not go and fetch its lints.
ENV RUSTUP_TOOLCHAIN=1.95.0
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --release --package meshwright --package meshwright-webhook --features meshwright-webhook/otlp \
    && install -D -t /out target/release/meshwright target/release/meshwright-webhook

FROM scratch AS webhook
COPY --from=build /out/meshwright-webhook /meshwright-webhook
USER 65532:65532
EXPOSE 8443 8080
ENTRYPOINT ["/meshwright-webhook"]

FROM alpine:3.22 AS compiler
RUN apk add --no-cache ca-certificates git openssh-client-default
COPY --from=build /out/meshwright /usr/local/bin/meshwright
# ssh and git look the user up.
RUN adduser -D -u 65532 -h /home/meshwright meshwright
ENV HOME=/home/meshwright
USER 65532:65532
WORKDIR /home/meshwright
ENTRYPOINT ["/usr/local/bin/meshwright"]
