#!/usr/bin/env bash
# Writes the golden files anew: bazel run //tests/contract:update
set -euo pipefail
for file; do
  cp --no-preserve=mode "$file" "$BUILD_WORKSPACE_DIRECTORY/testdata/contract/"
done
