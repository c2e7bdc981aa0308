#!/usr/bin/env bash
# Runs suites on the GPU of a machine that has torch and JAX but no TensorFlow and no network, and packs their records.
# Usage: scripts/gpu_run.sh PACK OUT STAGE...   PACK is of gpu_pack.sh; OUT receives runs.tar.gz and log.txt
# Stages: smoke, SUITE:BACKEND (small:jax), SUITE:BACKEND:SELECTION (keras_table:jax:backbone=ResNet50),
# SUITE:BACKEND:SELECTION:SECONDS (for each step, in place of TLBENCH_GPU_SECONDS), loop:BACKEND:PAIRS:CALLS. The stages of
# one suite and backend go on with one run, and need the same seconds.
# A stage that fails is told and the next one begins, but for `smoke`, which ends it all. Without a GPU all runs on CPUs.
# After TLBENCH_GPU_LIMIT seconds, if set, the stage of that moment is interrupted, and what it has is packed. On a machine
# that has nothing yet, runs that PACK has in runs/ go on.
set -uo pipefail
begun=$(date +%s)
cd "$(dirname "$0")/.."
pack=$(realpath "$1") out=$(realpath "$2")
shift 2
work=${TLBENCH_GPU_WORK:-/tmp/tlbench-gpu}
site=$work/site
mkdir -p "$work/runs" "$work/suites"
if [ -d "$pack/runs" ]; then cp -rn "$pack/runs" "$work/"; fi
if [ ! -d "$site" ]; then
  python3 -m pip install --quiet --no-index --no-deps --no-compile --no-cache-dir --upgrade --target "$site" \
    "$pack"/wheels/*.whl || exit 1
  rm -rf "$site/tlbench" # its metadata stay: all processes run the code of this checkout, not that of the pack
fi
export PYTHONPATH=$site TLBENCH_CACHE=$work/cache TLBENCH_DATA=$pack/data TLBENCH_WEIGHTS=$pack/weights
# Processes share what JAX has compiled: the first calls that are told are those of a warm cache.
export JAX_COMPILATION_CACHE_DIR=$work/jax JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0 PYTHONUNBUFFERED=1
workers=${TLBENCH_GPU_WORKERS:-8} seconds=${TLBENCH_GPU_SECONDS:-2}

limited() {  # COMMAND...: for as long as there is time; Ctrl-C keeps finished cells
  if [ -z "${TLBENCH_GPU_LIMIT:-}" ]; then "$@"; return; fi
  local left=$((begun + TLBENCH_GPU_LIMIT - $(date +%s)))
  if [ "$left" -lt 1 ]; then echo "no time is left"; return 124; fi
  timeout --signal=INT --kill-after=20 "$left" "$@"
}

say() { echo "== $(date +%T) $*"; }

suite() {  # NAME BACKEND SECONDS: the suite on that backend, with less time for each step: a GPU's times spread little
  sed "s/max_seconds: [0-9.]*/max_seconds: $3/; /^backend:/d" "suites/$1.yaml" >"$work/suites/$1-$2.yaml"
  echo "backend: $2" >>"$work/suites/$1-$2.yaml"
  echo "$work/suites/$1-$2.yaml"
}

smoke() {
  cat >"$work/suites/smoke-$1.yaml" <<YAML
name: smoke
backend: $1
datasets: [cats_dogs]
backbones: [{name: MobileNet, alpha: 0.25}]
strategies: [frozen, full]
heads: [gap]
image_size: 32
limit: {train: 16, validation: 8, test: 8}
train: {epochs: 1, batch_size: 8, learning_rate: auto}
timing: {protocol: quick}
fallback: {datasets: synthetic, weights: random}
YAML
  limited python3 -m tlbench run "$work/suites/smoke-$1.yaml" --out "$work/runs/smoke-$1" --workers 2 </dev/null
}

stage() {
  IFS=: read -r name backend selection longest <<<"$1"
  case $name in
    smoke)
      nvidia-smi || true
      for backend in torch jax; do
        if ! smoke $backend; then
          cat "$work/runs/smoke-$backend"/logs/* 2>/dev/null
          exit 1
        fi
      done ;;
    loop)
      limited python3 -m benchmarks.gpu_step --backend "$backend" --pairs "${selection:-60}" --calls "${longest:-5}" \
        --kept-busy \
        --out "$work/runs/loop-$backend.json" ;;
    *)
      chosen=()
      if [ -n "$selection" ]; then chosen=(--select "$selection"); fi
      limited python3 -m tlbench run "$(suite "$name" "$backend" "${longest:-$seconds}")" --out "$work/runs/$name-$backend" \
        --workers "$workers" "${chosen[@]}" </dev/null ;;
  esac
}

{
  for one in "$@"; do
    say "$one"
    stage "$one" || say "$one failed with $?"
    tar czf "$out/runs.tar.gz" -C "$work" runs
  done
  say done
} 2>&1 | tee "$out/log.txt"
