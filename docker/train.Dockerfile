# What trains, in a container here and on SageMaker: the locked dependencies and `train`, no code of the project (that
# comes with each job). `make image-train DEVICE=cpu|gpu` builds it, and names it by the hash of all that goes in.
#
# By digest the build repeats to the byte, and misses Debian's mends until someone changes it:
# `docker buildx imagetools inspect python:3.11-slim-bookworm` prints today's, to be put here as ...:3.11-slim-bookworm@sha256:...
FROM python:3.11-slim-bookworm

ARG DEVICE=cpu
ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

# torch.compile builds its kernels' launchers with a C compiler
RUN if [ "$DEVICE" = gpu ]; then \
        apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*; \
    fi

# the largest layers first, which change least. pip compiles what it installs: a start without .pyc files is slow
COPY docker/torch-${DEVICE}.txt /tmp/lock/
RUN pip install --require-hashes --no-deps --compile -r /tmp/lock/torch-${DEVICE}.txt
COPY docker/requirements.txt /tmp/lock/
RUN pip install --require-hashes --no-deps --compile -r /tmp/lock/requirements.txt && pip check

# CUDA is in torch's wheels, its driver (580 or newer, for CUDA 13) on the machine: these let the machine lend it.
# Training reads no cache of compiled source, asks MLflow's helper for no git, and looks up nothing that is not in its inputs
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    PYTHONDONTWRITEBYTECODE=1 GIT_PYTHON_REFRESH=quiet HF_HUB_DISABLE_TELEMETRY=1

# root: SageMaker mounts /opt/ml's folders, which belong to root, and gives an image no way to take them over
# (https://github.com/aws/sagemaker-python-sdk/issues/4764). No port is opened, no secret is in the image.
WORKDIR /opt/ml
COPY docker/train /usr/local/bin/train
# no ENTRYPOINT: SageMaker runs the image with the command `train`, local mode with none
CMD ["train"]
