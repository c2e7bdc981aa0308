#!/usr/bin/env bash
# What the action does, and what any other CI can do: run, compare, write the reports, say it in the exit code.
# Reads SUITE, BASELINE, BASE_ENV, OPTIONS, PYTHON and FOLDER; docs/ci.md explains them.
set -uo pipefail
: "${SUITE:=}" "${PYTHON:=python}" "${FOLDER:=tlbench-report}"
refuse() { # what is not set up is no regression (1)
  echo "gate: $1" >&2
  if [ -n "${GITHUB_OUTPUT:-}" ]; then echo "exit-code=64" >>"$GITHUB_OUTPUT"; fi
  exit 64
}
if [ -z "$SUITE" ]; then refuse "SUITE is not set; name the suite file"; fi
if [ -z "${BASELINE:-}${BASE_ENV:-}" ]; then refuse "give a BASELINE, a BASE_ENV, or both"; fi
if [ -n "${BASELINE:-}" ] && [ ! -e "$BASELINE" ]; then
  refuse "there is no BASELINE $BASELINE; \`tlbench baseline save\` makes one"
fi
if ! said=$("$PYTHON" -m tlbench --version 2>&1); then
  refuse "$PYTHON cannot run tlbench (${said##*$'\n'}); install tlbench there, or name another PYTHON"
fi
formats=(--format text --format "markdown=$FOLDER/summary.md" --format "json=$FOLDER/comparison.json"
  --format "junit=$FOLDER/junit.xml")
if [ -n "${GITHUB_ACTIONS:-}" ]; then formats+=(--format github); fi
read -r -d '' -a options <<<"${OPTIONS:-}" # every line of it
codes=()
both=() # what compare has to know as well: the cells that are not run are not missing, and plugins have metrics
for place in ${options[@]+"${!options[@]}"}; do
  word=${options[$place]}
  case "$word" in
  --select | --shard | --plugin) both+=("$word" "${options[$((place + 1))]:-}") ;;
  --select=* | --shard=* | --plugin=*) both+=("$word") ;;
  esac
  case "$word" in
  --shard | --shard=*)
    if [ -n "${BASE_ENV:-}" ]; then refuse "BASE_ENV cannot be measured in shards; give parts of the suite by --select"; fi
    both+=(--suite "$SUITE")
    ;;
  esac
done

for left in "$FOLDER/run" "$FOLDER/ab"; do # a finished run is not trained again, and the code may have changed since
  if [ -e "$left" ]; then
    refuse "$left was made by an earlier call; remove it, or name another FOLDER"
  fi
done
mkdir -p "$FOLDER" || refuse "the folder $FOLDER cannot be made; name another FOLDER"
if [ -n "${BASELINE:-}" ]; then
  # Not just "${options[@]}": before Bash 4.4 (macOS has 3.2), an empty array counts as unset there.
  "$PYTHON" -m tlbench run "$SUITE" --out "$FOLDER/run" ${options[@]+"${options[@]}"}
  code=$?
  if [ "$code" -eq 0 ] || [ "$code" -eq 2 ]; then
    "$PYTHON" -m tlbench compare "$BASELINE" "$FOLDER/run" "${formats[@]}" ${both[@]+"${both[@]}"}
    code=$?
  fi
  codes+=("$code")
fi
if [ -n "${BASE_ENV:-}" ]; then
  if [ ${#codes[@]} -gt 0 ]; then
    formats=("${formats[@]/summary.md/summary-ab.md}")
    formats=("${formats[@]/comparison.json/comparison-ab.json}")
    formats=("${formats[@]/junit.xml/junit-ab.xml}")
  fi
  "$PYTHON" -m tlbench ab "$SUITE" --a "$BASE_ENV" --out "$FOLDER/ab" "${formats[@]}" ${options[@]+"${options[@]}"}
  codes+=("$?")
fi

if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then cat "$FOLDER"/summary*.md >>"$GITHUB_STEP_SUMMARY" 2>/dev/null; fi
worst=0
for code in "${codes[@]}"; do
  if [ "$code" -ne 0 ] && { [ "$worst" -eq 0 ] || [ "$code" -lt "$worst" ]; }; then worst=$code; fi
done
if [ -n "${GITHUB_OUTPUT:-}" ]; then echo "exit-code=$worst" >>"$GITHUB_OUTPUT"; fi
exit "$worst"
