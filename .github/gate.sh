#!/usr/bin/env bash
# What the action does, and what any other CI can do: run, compare, write the reports, say it in the exit code.
# Reads SUITE, BASELINE, BASE_ENV, OPTIONS, PYTHON and FOLDER; docs/ci.md explains them.
set -uo pipefail
: "${SUITE:?name the suite file}" "${PYTHON:=python}" "${FOLDER:=tlbench-report}"
mkdir -p "$FOLDER"
formats=(--format text --format "markdown=$FOLDER/summary.md" --format "json=$FOLDER/comparison.json"
  --format "junit=$FOLDER/junit.xml")
if [ -n "${GITHUB_ACTIONS:-}" ]; then formats+=(--format github); fi
read -ra options <<<"${OPTIONS:-}"
codes=()

if [ -n "${BASELINE:-}" ]; then
  "$PYTHON" -m tlbench run "$SUITE" --out "$FOLDER/run" "${options[@]}"
  code=$?
  if [ "$code" -eq 0 ] || [ "$code" -eq 2 ]; then
    "$PYTHON" -m tlbench compare "$BASELINE" "$FOLDER/run" "${formats[@]}"
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
  "$PYTHON" -m tlbench ab "$SUITE" --a "$BASE_ENV" --out "$FOLDER/ab" "${formats[@]}" "${options[@]}"
  codes+=("$?")
fi
if [ ${#codes[@]} -eq 0 ]; then
  echo "gate: give a BASELINE, a BASE_ENV, or both" >&2
  codes=(64)
fi

if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then cat "$FOLDER"/summary*.md >>"$GITHUB_STEP_SUMMARY" 2>/dev/null; fi
worst=0
for code in "${codes[@]}"; do
  if [ "$code" -ne 0 ] && { [ "$worst" -eq 0 ] || [ "$code" -lt "$worst" ]; }; then worst=$code; fi
done
if [ -n "${GITHUB_OUTPUT:-}" ]; then echo "exit-code=$worst" >>"$GITHUB_OUTPUT"; fi
exit "$worst"
