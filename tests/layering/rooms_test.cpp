// The rule about rooms: it finds planted circles and lets arrows in one direction pass.
#include "tests/layering/rooms.hpp"

#include <doctest/doctest.h>

using namespace credo::layering;

TEST_CASE("the room of a file is its folder, or itself at the root of a wing") {
  CHECK(room_of("learners/kernels/dispatch.cpp") == "learners/kernels");
  CHECK(room_of("suite/report/page/page_data.hpp") == "suite/report");
  CHECK(room_of("learners/config.hpp") == "learners/config");
  CHECK(room_of("tests/suite/plan_test.cpp").empty());
  CHECK(room_of("README.md").empty());
}

TEST_CASE("a circle of rooms is found, however long") {
  const SourceFile a{"suite/a/x.hpp", "#include \"suite/b/y.hpp\"\n"};
  const SourceFile b{"suite/b/y.hpp", "#include \"suite/c/z.hpp\"\n"};
  const SourceFile c{"suite/c/z.hpp", "#include <vector>\n"};
  const SourceFile back{"suite/c/z.cpp", "#include \"suite/a/x.hpp\"\n"};
  CHECK(check_rooms({a, b, c}).empty());
  CHECK(check_rooms({a, b, c, back}).size() == 3);
  const SourceFile comment{"suite/c/z.cpp", "// #include \"suite/a/x.hpp\"\n"};
  CHECK(check_rooms({a, b, c, comment}).empty());
}

TEST_CASE("includes within a room and of another wing are no arrows") {
  CHECK(room_arrows({{"suite/a/x.cpp", "#include \"suite/a/x.hpp\"\n"},
                     {"suite/a/y.cpp", "#include \"learners/config.hpp\"\n"}})
            .empty());
}

TEST_CASE("an arrow forbidden by name is found without a circle") {
  CHECK(check_rooms({{"learners/replay/episode.hpp", "#include \"learners/nets/agent.hpp\"\n"}})
            .size() == 1);
}
