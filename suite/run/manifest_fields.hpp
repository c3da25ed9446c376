// The fields of the manifests of runs and of suites, each named once for writing and reading:
//   template <class M, class Io> void fields(M& m, const Io& io) { io("seed", m.seed); ... }
#pragma once

#include "suite/common/build_info.hpp"
#include "suite/common/json.hpp"

namespace credo::suite {

struct FieldWriter {
  static constexpr bool kReads = false;
  Json& out;

  template <typename T>
  void operator()(const char* name, const T& value) const {
    out[name] = value;
  }
  template <typename T>
  void required(const char* name, const T& value) const {
    out[name] = value;
  }
};

struct FieldReader {
  static constexpr bool kReads = true;
  const Json& in;

  /// A field that is not there keeps its value.
  template <typename T>
  void operator()(const char* name, T& value) const {
    value = in.value(name, value);
  }
  /// Errors: nlohmann::json::exception when it is missing.
  template <typename T>
  void required(const char* name, T& value) const {
    value = in.at(name).template get<T>();
  }
};

/// The program that is running, and the machine.
template <class M>
void record_program(M& m) {
  const BuildInfo& build = build_info();
  m.version = build.version;
  m.commit = build.commit;
  m.compiler = build.compiler;
  m.flags = build.flags;
  const MachineInfo machine = machine_info();
  m.cpu = machine.cpu;
  m.cores = machine.cores;
}

template <class M, class Io>
void program_fields(M& m, const Io& io) {
  io("threads", m.threads);
  io("isa", m.isa);
  io("version", m.version);
  io("commit", m.commit);
  io("compiler", m.compiler);
  io("flags", m.flags);
}
template <class M, class Io>
void machine_fields(M& m, const Io& io) {
  io("cpu", m.cpu);
  io("cores", m.cores);
}

}  // namespace credo::suite
