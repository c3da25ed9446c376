// The hot path allocates nothing. This program counts every allocation of its own thread.
#include <cstdlib>
#include <new>

#include "support.hpp"

namespace {
thread_local std::size_t n_allocations = 0;

void* counted(std::size_t size) {
  ++n_allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
}  // namespace

void* operator new(std::size_t size) { return counted(size); }
void* operator new[](std::size_t size) { return counted(size); }
// std::stable_sort asks for its buffer this way; new and delete must be replaced as one family.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++n_allocations;
  return std::malloc(size == 0 ? 1 : size);
}
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

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
