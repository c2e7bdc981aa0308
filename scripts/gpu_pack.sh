#!/usr/bin/env bash
# Gathers in PACK what gpu_run.sh needs on a machine without a network: the wheels that one with torch, JAX and the usual
# scientific packages lacks, tlbench's own, and those real images and weights that suites/small.yaml takes.
# Usage: scripts/gpu_pack.sh PACK [PYTHON_VERSION_THERE]   with TLBENCH_DATA and TLBENCH_WEIGHTS as for a run
# Of each class it takes TLBENCH_GPU_IMAGES="100 50 200" images for training, validation and test, as suites/small.yaml does.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p "$1/wheels" "$1/data" "$1/weights"
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

# A limit takes the first files of each class by name.
read -r train validation test <<<"${TLBENCH_GPU_IMAGES:-100 50 200}"
for dataset in cats_dogs intel; do
  [ -d "${TLBENCH_DATA:-/nowhere}/$dataset" ] || continue
  for split in "train:$train" "validation:$validation" "test:$test"; do
    for class in "$TLBENCH_DATA/$dataset/${split%:*}"/*/; do
      there="$pack/data/$dataset/${split%:*}/$(basename "$class")"
      mkdir -p "$there"
      (cd "$class" && find . -maxdepth 1 -type f -print0 | LC_ALL=C sort -z | sed -z -n "1,${split#*:}p" |
        xargs -0 -I{} cp {} "$there/")
    done
  done
done
if [ -d "${TLBENCH_WEIGHTS:-/nowhere}" ]; then cp -r "$TLBENCH_WEIGHTS"/. "$pack/weights/"; fi
du -sh "$pack"
