# A scenario that must fail: for self_test.sh.
# shellcheck shell=bash
say "it hangs"
trap '' TERM
while :; do sleep 1000; done
