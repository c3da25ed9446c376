#!/usr/bin/env python3
"""Reads a TensorBoard event file and compares it with metrics.jsonl: frames, checksums, every value.

Written apart from the C++, from the descriptions of TFRecord, CRC-32C (RFC 3720) and the protobuf
wire format, with Python's standard library alone.
usage: read_events.py RUN_DIR
"""
import json
import math
import struct
import sys
from pathlib import Path


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(data):
    at = 0
    while at < len(data):
        length, length_crc = struct.unpack_from("<QI", data, at)
        assert masked(data[at:at + 8]) == length_crc, f"byte {at}: checksum of the length"
        payload = data[at + 12:at + 12 + length]
        assert len(payload) == length, f"byte {at}: the record ends early"
        (crc,) = struct.unpack_from("<I", data, at + 12 + length)
        assert masked(payload) == crc, f"byte {at}: checksum of the payload"
        yield payload
        at += 16 + length


def varint(data, at):
    value, shift = 0, 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def fields(data):
    """(field number, value) of a protobuf message; numbers stay bytes but for varints."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = varint(data, at)
        else:
            if wire == 2:
                size, at = varint(data, at)
            else:
                size = {1: 8, 5: 4}[wire]
            value = data[at:at + size]
            assert len(value) == size, "a field ends early"
            at += size
        yield number, value


def event_of(payload):
    """wall_time, step, file_version, {tag: value} of an Event."""
    wall_time, step, version, values = 0.0, 0, None, {}
    for number, value in fields(payload):
        if number == 1:
            (wall_time,) = struct.unpack("<d", value)
        elif number == 2:
            step = value
        elif number == 3:
            version = value.decode()
        elif number == 5:
            for inner, summary_value in fields(value):
                assert inner == 1, f"field {inner} of Summary"
                parts = dict(fields(summary_value))
                assert sorted(parts) == [1, 2], f"fields {sorted(parts)} of Summary.Value"
                tag = parts[1].decode()
                assert tag not in values, f"{tag} twice"
                (values[tag],) = struct.unpack("<f", parts[2])
        else:
            raise AssertionError(f"field {number} of Event")
    return wall_time, step, version, values


def float32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def main():
    # Known answers first: RFC 3720 B.4, and the checksum's usual test string.
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA
    folder = Path(sys.argv[1])
    files = [path for path in folder.iterdir() if "tfevents" in path.name]
    assert len(files) == 1, f"{len(files)} event files"
    events = [event_of(payload) for payload in records(files[0].read_bytes())]
    assert events[0] == (0.0, 0, "brain.Event:2", {}), f"begins with {events[0]}"
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert len(events) == 1 + len(lines), f"{len(events)} records, {len(lines)} lines"
    n_values = 0
    for (wall_time, step, version, values), line in zip(events[1:], lines):
        expected = {f"{line['event']}/{name}": float32(value)
                    for name, value in line["metrics"].items() if value is not None}
        assert version is None and step == line["t_env"] and wall_time == line["t_env"], line
        assert values == expected and list(values) == list(expected), (values, expected)
        assert all(math.isfinite(value) for value in values.values())
        n_values += len(values)
    print(f"{len(lines)} events, {n_values} values")


main()
