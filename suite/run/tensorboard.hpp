// TensorBoard event files, the optional sink of run.tensorboard: TFRecord frames around protobuf
// messages, written by hand because there are four small ones (docs/file-formats.md). An event file
// is a function of metrics.jsonl, so a resumed run writes the same bytes as one left alone.
#pragma once

#include <string>
#include <string_view>

#include "suite/run/metrics.hpp"

namespace credo::suite {

/// TensorBoard looks for "tfevents" in file names.
inline constexpr std::string_view kEventFile = "events.out.tfevents.0.credo";

/// A record: u64 length, masked CRC-32C of it, payload, masked CRC-32C of that; little endian.
std::string tf_record(std::string_view payload);

/// The record every event file begins with: file_version "brain.Event:2".
std::string event_file_header();

/// One record: a scalar "EVENT/METRIC" (such as "eval/test_return_mean") for each metric, with
/// step and wall_time = t_env; no clock is read. "" when no metric is finite.
std::string event_record(const MetricsEvent& event);

}  // namespace credo::suite
