#!/usr/bin/env bash
# After the scenario, however it ended: what helps to understand a failure. The machine's start is of no interest.
journalctl --no-pager -q -o short-precise | sed '1,/Starting uakv-test\.service/d' >/uakv-test/out/journal 2>&1
