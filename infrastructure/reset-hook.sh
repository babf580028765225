#!/usr/bin/env bash
# Terraform runs this once a new cluster can be reached: kafka:wait, then kafka:reset. Bounded in time, asks nothing, and says
# what to do by hand when it fails. The connection comes in the environment, from Terraform; DATABASE_URL from the project's
# .env, as for every command.
#   RESET_STACK                folder of the stack, for the advice
#   RESET_DEADLINE             seconds for all of it
#   KAFKA_SASL_PASSWORD_SSM    name of the SSM parameter that holds the password (none for IAM)
set -u
deadline="${RESET_DEADLINE:-900}"
wait_s=$((deadline * 2 / 3))
root="$(cd "$(dirname "$0")/.." && pwd)"
# Set, but empty, so that lines of .env that belong to another cluster do not count.
export KAFKA_SASL_USERNAME="${KAFKA_SASL_USERNAME:-}" KAFKA_SASL_PASSWORD="" KAFKA_SASL_PASSWORD_FILE="" KAFKA_SASL_USERNAME_FILE=""
export KAFKA_SSL_CA_FILE="${KAFKA_SSL_CA_FILE:-}" KAFKA_SSL_CERT_FILE="" KAFKA_SSL_KEY_FILE=""

step() { (cd "$root" && npm run --silent "$@" < /dev/null); }

# The secret is read here, so that it is in no file of Terraform.
read_password() {
  [ -n "${KAFKA_SASL_PASSWORD_SSM:-}" ] || return 0
  KAFKA_SASL_PASSWORD="$(aws ssm get-parameter --region "$AWS_REGION" --with-decryption --name "$KAFKA_SASL_PASSWORD_SSM" \
    --query Parameter.Value --output text)"
}

# Where no database is known there is no ledger, so there is nothing to reset: only the command itself knows which count.
reset() {
  local said rc
  said="$(step kafka:reset -- --if-cluster-changed --yes 2>&1)"; rc=$?
  [ -n "$said" ] && printf '%s\n' "$said"
  [ "$rc" -eq 0 ] && return 0
  [[ "$said" == *"no database:"* ]] || return "$rc"
  cat << EOT

NOTHING WAS RESET: this machine names no database (DATABASE_URL), so the ledger is elsewhere. The cluster itself is ready.
Where the pipeline runs, put the lines of "terraform output -raw dotenv" into .env and run, in the project:
    npm run kafka:reset -- --if-cluster-changed
A pipeline that starts with these lines also notices the new cluster by itself.
EOT
}

work() { read_password && step kafka:wait -- --timeout "$wait_s" && reset; }

# A process group of its own: at the deadline the whole tree ends. (A grandchild that keeps stdout open makes Terraform wait.)
set -m
work &
worker=$!
(
  sleep "$deadline"
  echo "reset-hook: no end after $deadline s, giving up" >&2
  kill -TERM -- "-$worker" 2> /dev/null
  sleep 5
  kill -KILL -- "-$worker" 2> /dev/null
) &
watch=$!
disown "$watch"
trap 'kill -KILL -- "-$watch" "-$worker" 2> /dev/null; exit 130' INT TERM
wait "$worker" 2> /dev/null
rc=$?
kill -KILL -- "-$watch" "-$worker" 2> /dev/null

[ "$rc" -eq 0 ] && exit 0
cat >&2 << EOT

Terraform's own work is done and kept; only the reset of the pipeline's bookkeeping did not finish (exit $rc). Nothing is lost.
Run the same "terraform apply" again: it repeats this step alone. Or by hand, in the project's folder:
    terraform -chdir=infrastructure/${RESET_STACK:-msk} output -raw dotenv      # these lines belong into .env
    npm run kafka:wait -- --timeout $wait_s
    npm run kafka:reset -- --if-cluster-changed --yes
A name that does not resolve, or leads to an address of before: infrastructure/README.md, "Stale DNS".
EOT
exit "$rc"
