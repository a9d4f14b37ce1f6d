# syntax=docker/dockerfile:1
FROM golang:1.26-bookworm AS build
WORKDIR /source
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG VERSION=development
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/dovetail ./cmd/dovetail
# What the last stage, which has no shell, can't make: folders to write to.
RUN mkdir -p /out/data /out/tmp

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build --chown=65532:65532 /out/data /data
COPY --from=build --chown=65532:65532 /out/tmp /tmp
COPY --from=build /out/dovetail /dovetail
USER 65532:65532
WORKDIR /data
ENV DOVETAIL_METADATA_PATH=/data/dovetail.db
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=5 \
    CMD ["/dovetail", "healthcheck", "--url", "http://127.0.0.1:8080/healthz"]
ENTRYPOINT ["/dovetail"]
CMD ["serve"]
