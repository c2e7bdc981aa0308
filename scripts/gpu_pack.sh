#!/usr/bin/env bash
# Gathers in PACK what gpu_run.sh needs on a machine without a network: the wheels that one with torch, JAX and the usual
# scientific packages lacks, tlbench's own, and those real images and weights that suites/small.yaml takes.
# Usage: scripts/gpu_pack.sh PACK [PYTHON_VERSION_THERE]   with TLBENCH_DATA and TLBENCH_WEIGHTS as for a run
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p "$1/wheels"
pack=$(realpath "$1") version=${2:-3.12}

platforms=()
for tag in manylinux_2_28 manylinux_2_27 manylinux_2_17 manylinux2014 manylinux_2_12 manylinux1; do
  platforms+=(--platform "${tag}_x86_64")
done
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --python-version "$version" \
  --implementation cp "${platforms[@]}" --constraint constraints.txt --dest "$pack/wheels" \
  keras namex optree pydantic pydantic_core annotated-types typing-inspection typing-extensions rich tabulate \
  nvidia-ml-py
python3 -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir "$pack/wheels" .

# A limit takes the first files of each class by name; suites/small.yaml has 100, 50 and 200 of them.
for dataset in cats_dogs intel; do
  [ -d "${TLBENCH_DATA:-/nowhere}/$dataset" ] || continue
  for split in train:100 validation:50 test:200; do
    for class in "$TLBENCH_DATA/$dataset/${split%:*}"/*/; do
      there="$pack/data/$dataset/${split%:*}/$(basename "$class")"
      mkdir -p "$there"
      (cd "$class" && find . -maxdepth 1 -type f -print0 | LC_ALL=C sort -z | sed -z -n "1,${split#*:}p" |
        xargs -0 -I{} cp {} "$there/")
    done
  done
done
if [ -d "${TLBENCH_WEIGHTS:-/nowhere}" ]; then mkdir -p "$pack/weights" && cp -r "$TLBENCH_WEIGHTS"/. "$pack/weights/"; fi
du -sh "$pack"
