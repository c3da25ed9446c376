// The fields that the manifests of runs and of suites share: which program ran, and on what.
#pragma once

#include "suite/common/json.hpp"

namespace credo::suite {

template <typename Manifest>
void put_program(Json& out, const Manifest& m) {
  out["threads"] = m.threads;
  out["isa"] = m.isa;
  out["version"] = m.version;
  out["commit"] = m.commit;
  out["compiler"] = m.compiler;
  out["flags"] = m.flags;
}

template <typename Manifest>
void put_machine(Json& out, const Manifest& m) {
  out["cpu"] = m.cpu;
  out["cores"] = m.cores;
}

/// Fields that are not there keep their values.
template <typename Manifest>
void get_program_and_machine(const Json& in, Manifest& m) {
  m.threads = in.value("threads", m.threads);
  m.isa = in.value("isa", m.isa);
  m.version = in.value("version", m.version);
  m.commit = in.value("commit", m.commit);
  m.compiler = in.value("compiler", m.compiler);
  m.flags = in.value("flags", m.flags);
  m.cpu = in.value("cpu", m.cpu);
  m.cores = in.value("cores", m.cores);
}

}  // namespace credo::suite
