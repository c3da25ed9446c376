// The hot path allocates nothing. This program counts every allocation of its own thread.
#include "support.hpp"
#include "tests/allocation_counter.hpp"

TEST_CASE("conformance: the allocation counter counts") {
  const std::size_t before = n_allocations;
  const std::vector<int> values(1000);
  CHECK(values.size() == 1000);
  CHECK(n_allocations == before + 1);
}

TEST_CASE("conformance: reset, step and the writes allocate nothing") {
  for (const std::string& id : conformance::env_ids()) {
    CAPTURE(id);
    conformance::Walker walker(credo::make_env(id), 20);
    credo::Stream stream(20, credo::purpose("actions"), 0, 0);
    walker.reset();
    std::size_t allocated = 0;
    for (int step = 0; step < 300; ++step) {
      stream.seek(static_cast<std::uint64_t>(step));
      walker.choose_random(stream);
      const std::size_t before = n_allocations;
      walker.read();
      walker.env().step(walker.actions);
      walker.read();
      if (walker.env().done()) walker.reset();
      allocated += n_allocations - before;
    }
    CHECK(allocated == 0);
  }
}
