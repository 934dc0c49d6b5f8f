#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# bench/reshard.sh [SECONDS [RATE]]: feeds RATE (50,000) records a second into a stream that is split and merged ten times in SECONDS (30),
# while the engine that reads it is killed (-9) and started again five times. Then the ledger and the rows in the lake are held
# against a model in plain Python over everything that the stream holds. Ends non-zero when they differ.
# TL_READ=fanout reads by SubscribeToShard, TL_WIRE=cbor in CBOR, TL_FAULTS=throttle=0.02,... adds faults of the broker.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -x build/tapeline ] || make build
exec /usr/bin/python3 bench/reshard.py "$@"
