# A scenario that must fail: for self_test.sh.
# shellcheck shell=bash
equal "one" 1 2
