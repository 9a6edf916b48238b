# The agent as an image: its wheel in a virtual environment, on Python's own slim image, as user 65532.
#
#   docker build --build-arg REVISION="$(git rev-parse HEAD)" --tag mailsonar .
#
# A digest behind BASE (python:3.13-slim-trixie@sha256:...) pins it to the byte. What pip needs to be told, of a private
# index for one, comes as a secret (--secret id=pip.conf,src=FILE) and leaves nothing in the image.
ARG BASE=docker.io/library/python:3.13-slim-trixie

FROM ${BASE} AS build
ENV PATH=/build/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_COMPILE=1
WORKDIR /source
RUN python3 -m venv /build && python3 -m venv --without-pip /opt/mailsonar
COPY requirements/run.txt requirements/build.txt requirements/
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    pip install --require-hashes -r requirements/build.txt \
    && pip --python /opt/mailsonar install --require-hashes -r requirements/run.txt \
    && find /opt/mailsonar -name tests -prune -exec rm -r {} +
COPY pyproject.toml README.md LICENSE ./
COPY agent agent
# The revision becomes the version's local part (PEP 440): mailsonar_build_info shows it as such.
ARG REVISION
RUN sed -i "s/^version = \"\([^\"]*\)\"/version = \"\1${REVISION:++$REVISION}\"/" pyproject.toml \
    && pip wheel --no-deps --no-build-isolation --wheel-dir /wheel . \
    && pip --python /opt/mailsonar install --no-index --no-deps /wheel/*.whl \
    && python3 -m compileall -q --invalidation-mode unchecked-hash /opt/mailsonar/lib

FROM ${BASE}
# Nothing is installed here any more. The library is compiled, too, since a root file system that is read-only keeps no
# bytecode, and each start would compile it anew.
RUN find /usr \( -name ensurepip -o -name pip -o -name 'pip-*' -o -name 'pip3*' -o -name 'setuptools*' \) -prune \
      -exec rm -r {} + \
    && python3 -c 'import compileall, os; compileall.compile_dir(os.path.dirname(os.__file__), quiet=1)' \
    && install -d /etc/mailsonar \
    && install -d -o 65532 -g 65532 -m 0750 /var/lib/mailsonar
COPY --from=build /opt/mailsonar /opt/mailsonar
ENV PATH=/opt/mailsonar/bin:$PATH PYTHONDONTWRITEBYTECODE=1 MAILSONAR_STORAGE_PATH=/var/lib/mailsonar
VOLUME /var/lib/mailsonar
EXPOSE 9525
USER 65532:65532
ENTRYPOINT ["mailsonar"]
CMD ["run"]

ARG BASE
ARG VERSION=0.1.0
ARG REVISION
LABEL org.opencontainers.image.title="MailSonar" \
      org.opencontainers.image.description="Round-trip mail monitoring: names the leg, stage and reason of every fault" \
      org.opencontainers.image.source="https://github.com/mailsonar/mailsonar" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${BASE}"
