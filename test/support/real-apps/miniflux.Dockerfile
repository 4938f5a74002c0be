# Miniflux as Debian packages it, with what it links to and the roots that it trusts: no shell, no tool.
FROM debian:trixie-slim AS package
ARG SUITE
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates
# The newest packages of a suite may be signed for a time that has passed where a mirror lags behind.
RUN rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* && printf 'deb [check-valid-until=no] http://deb.debian.org/debian %s main\n' "$SUITE" > /etc/apt/sources.list.d/suite.list \
  && apt-get update \
  && cd /tmp && apt-get download "miniflux/$SUITE" && dpkg -x miniflux_*.deb /package \
  && mkdir /out && cp --parents /package/usr/bin/miniflux /out && mv /out/package/usr /out/ && rmdir /out/package \
  && ldd /out/usr/bin/miniflux | grep -o '/[^ ]*' | xargs -I{} cp --parents --dereference {} /out \
  && cp --parents --dereference /etc/ssl/certs/ca-certificates.crt /out
FROM scratch
ARG LABEL
LABEL release=${LABEL}
COPY --from=package /out /
USER 65534:65534
EXPOSE 8080
CMD ["/usr/bin/miniflux"]
