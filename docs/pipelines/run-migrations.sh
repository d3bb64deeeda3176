#!/usr/bin/env bash
# run-migrations.sh v1.42.0: starts the run of a release, or joins it, and prints its result map once it has succeeded.
# MACHINE_ARN is the machine's. Needs states:StartExecution and states:DescribeExecution. With WAIT=no it only starts.
set -euo pipefail
release=${1//[^0-9A-Za-z_-]/-} # v1-42-0: the logs of executions take no dots
input='{"Comment": "by the pipeline"}' # the history says so
describe() { aws stepfunctions describe-execution --execution-arn "$run" --output text --query "$1"; }
for again in '' -{2..99}; do # a name is never free again: after a failure, v1-42-0-2 goes on
  run=${MACHINE_ARN/:stateMachine:/:execution:}:$release$again
  aws stepfunctions start-execution --state-machine-arn "$MACHINE_ARN" --name "$release$again" --input "$input" >&2 && break
  status=$(describe status)
  [[ $status != RUNNING && $status != SUCCEEDED ]] || break
done
[[ ${WAIT:-yes} != no ]] || exit 0
while sleep "${PAUSE:-10}" && status=$(describe status) && [[ $status = RUNNING ]]; do :; done
describe '[output, error, cause][?@] | join(`"\n"`, @)'
[[ $status = SUCCEEDED ]]
