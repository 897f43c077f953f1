# Two stages: what builds stays behind. The image runs as an account of its own, and writes only to /var/lib/eadscope.
FROM python:3.12-slim-bookworm AS build
WORKDIR /build
COPY requirements/run.txt .
RUN python -m venv /opt/eadscope \
    && /opt/eadscope/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r run.txt

FROM python:3.12-slim-bookworm
# tshark asks whether others than root may capture: nobody captures here, files are only read.
RUN echo 'wireshark-common wireshark-common/install-setuid boolean false' | debconf-set-selections \
    && apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        tshark tcpdump bubblewrap libpango-1.0-0 libpangoft2-1.0-0 fonts-noto-cjk \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 eadscope \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/eadscope eadscope \
    && install -d -o eadscope -g eadscope -m 0750 /var/lib/eadscope

COPY --from=build /opt/eadscope /opt/eadscope
WORKDIR /srv/eadscope
COPY LICENSE ./
COPY app app
COPY locales locales
COPY migrations migrations
COPY static static
COPY templates templates
RUN python -m compileall -q app \
    && printf '#!/bin/sh\nexec /opt/eadscope/bin/python -P -m app.cli "$@"\n' >/usr/local/bin/eadscope \
    && chmod 0755 /usr/local/bin/eadscope

ENV PYTHONPATH=/srv/eadscope \
    PYTHONUNBUFFERED=1 \
    LANG=C.UTF-8 \
    HOME=/var/lib/eadscope \
    EADSCOPE_VAR=/var/lib/eadscope \
    EADSCOPE_HOST=0.0.0.0 \
    EADSCOPE_PORT=8000
USER 10001:10001
VOLUME /var/lib/eadscope
EXPOSE 8000
STOPSIGNAL SIGTERM
ENTRYPOINT ["eadscope"]
CMD ["web"]
