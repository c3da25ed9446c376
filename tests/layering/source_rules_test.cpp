// The rules themselves: each finds a planted fault and lets clean code pass.
#include "tests/layering/source_rules.hpp"

#include <doctest/doctest.h>
#include <string>

using namespace credo::layering;

TEST_CASE("comments and strings are not code") {
  CHECK(code_only("a; // b\nc") == "a;     \nc");
  CHECK(code_only("a /* b\nc */ d") == "a     \n     d");
  CHECK(code_only(R"(f("std::rand", 'x', 1'000);)") == R"(f("         ", ' ', 1'000);)");
  CHECK(code_only(R"(f("a\"b", c);)") == R"(f("    ", c);)");
  CHECK(code_only("f(R\"x(a\"b)x\", c);") == "f(R\"     )x\", c);");
  CHECK(code_only("#include \"envs/core/env.hpp\"  // why") ==
        "#include \"envs/core/env.hpp\"        ");
}

TEST_CASE("an include up the wings is found") {
  CHECK(check_includes("envs/two_step.cpp", "#include \"learners/config.hpp\"\n").size() == 1);
  CHECK(check_includes("envs/two_step.cpp", "#include \"suite/plan/plan.hpp\"\n").size() == 1);
  CHECK(check_includes("envs/two_step.cpp", "#include <tbb/parallel_for.h>\n").size() == 1);
  CHECK(check_includes("envs/core/env.cpp", "#include \"envs/two_step.hpp\"\n").size() == 1);
  CHECK(
      check_includes("learners/rollout/rollout.cpp", "#include \"suite/plan/plan.hpp\"\n").size() ==
      1);
  CHECK(check_includes("learners/rollout/rollout.cpp", "#include \"envs/two_step.hpp\"\n").size() ==
        1);
  CHECK(check_includes("learners/rollout/rollout.cpp", "#include \"tests/x.hpp\"\n").size() == 1);
  CHECK(check_includes("suite/plan/plan.cpp", "#include \"plan.hpp\"\n").size() == 1);
  for (const std::string path : {"envs/a.cpp", "learners/a.cpp", "suite/a.cpp", "tests/a.cpp"})
    CHECK(check_includes(path, "#include \"python/src/support.hpp\"\n").size() == 1);
  CHECK(check_includes("python/src/a.cpp", "#include <suite/plan/plan.hpp>\n").size() == 1);
  CHECK(check_includes("suite/plan/plan.cpp", "#include <envs/core/env.hpp>\n").size() == 1);
  CHECK(check_includes("learners/a.cpp", "\n\n  #  include \"suite/b.hpp\"\n")
            .front()
            .starts_with("learners/a.cpp:3: suite/b.hpp"));
}

TEST_CASE("an include down the wings passes") {
  CHECK(check_includes("envs/two_step.cpp", "#include \"envs/core/env.hpp\"\n").empty());
  CHECK(check_includes("learners/a.cpp", "#include \"envs/core/env.hpp\"\n").empty());
  CHECK(check_includes("learners/a.cpp", "#include <tbb/parallel_for.h>\n").empty());
  CHECK(check_includes("learners/a.cpp", "// #include \"suite/b.hpp\"\n").empty());
  CHECK(check_includes("suite/a.cpp", "#include \"envs/two_step.hpp\"\n").empty());
  CHECK(check_includes("tests/a.cpp", "#include \"suite/plan/plan.hpp\"\n").empty());
  CHECK(check_includes("python/src/a.cpp", "#include \"suite/plan/plan.hpp\"\n").empty());
  CHECK(check_includes("python/src/a.cpp", "#include \"python/src/support.hpp\"\n").empty());
  CHECK(check_includes("tests/envs/a.cpp", "#include \"support.hpp\"\n").empty());
}

TEST_CASE("the reference learners may use Eigen and libm, and no learner may use them") {
  const std::string include = "#include \"learners/reference/tape.hpp\"\n";
  CHECK(check_includes("learners/trainer.cpp", include).size() == 1);
  CHECK(check_includes("learners/reference/coma.cpp", include).empty());
  CHECK(check_includes("suite/check/learner_check.cpp", include).empty());
  CHECK(check_includes("learners/nets/agent.cpp", "#include <Eigen/Dense>\n").size() == 1);
  CHECK(check_includes("learners/reference/tape.hpp", "#include <Eigen/Dense>\n").empty());
  CHECK(check_tokens("learners/reference/tape.cpp", "x = std::exp(y);").empty());
  CHECK(check_tokens("learners/reference/tape.cpp", "std::chrono::seconds s;").size() == 1);
  CHECK(check_links("learners/reference/CMakeLists.txt", "f(Eigen3::Eigen)").empty());
  CHECK(check_links("learners/CMakeLists.txt", "f(Eigen3::Eigen)").size() == 1);
}

TEST_CASE("a forbidden name is found as a whole word only") {
  CHECK(check_tokens("learners/a.cpp", "x = std::exp(y);").size() == 1);
  CHECK(check_tokens("learners/a.cpp", "auto t = std::chrono::steady_clock::now();").size() == 1);
  CHECK(check_tokens("envs/a.cpp", "const char* v = getenv(\"HOME\");").size() == 1);
  CHECK(check_tokens("suite/a.cpp", "std::random_device device;").size() == 1);
  CHECK(check_tokens("envs/a.hpp", "using namespace std;").size() == 1);
  CHECK(check_tokens("learners/a.cpp", "x = std::exp_fixed(y); // std::exp(y)").empty());
  CHECK(check_tokens("learners/a.cpp", "throw Error(\"std::exp is banned\");").empty());
  CHECK(check_tokens("suite/a.cpp", "auto t = std::chrono::steady_clock::now();").empty());
}

TEST_CASE("a long or untidy file is found") {
  std::string text;
  for (int i = 0; i < 600; ++i) text += "x\n";
  CHECK(check_shape("envs/a.cpp", text).empty());
  CHECK(check_shape("envs/a.cpp", text + "x\n").size() == 1);
  CHECK(check_shape("envs/a.cpp", "x \n").size() == 1);
  CHECK(check_shape("envs/a.cpp", "\tx\n").size() == 1);
  CHECK(check_shape("envs/a.cpp", "x").size() == 1);
  CHECK(check_shape("envs/a.hpp", "int x;\n").size() == 1);
  CHECK(check_shape("envs/a.hpp", "#pragma once\n").empty());
}

TEST_CASE("a test name that CTest would split is found") {
  // Built from pieces: a literal of this shape would be found in this very file.
  const std::string test = std::string("TEST_") + "CASE(";
  CHECK(check_test_names("tests/a.cpp", test + "\"a; b\") {}").size() == 1);
  CHECK(check_test_names("tests/a.cpp", test + "\"a\") {}\n" + test + "\"a\") {}").size() == 1);
  CHECK(check_test_names("tests/a.cpp", test + "\"\") {}").size() == 1);
  CHECK(check_test_names("tests/a.cpp", test + "\"a, b\") { f(\";\"); }").empty());
}

TEST_CASE("a link up the wings is found") {
  CHECK(check_links("envs/CMakeLists.txt", "target_link_libraries(a PRIVATE TBB::tbb)").size() ==
        1);
  CHECK(check_links("learners/CMakeLists.txt", "target_link_libraries(a credo_suite)").size() == 1);
  CHECK(check_links("suite/CMakeLists.txt", "target_link_libraries(a credo_python)").size() == 1);
  CHECK(check_links("learners/CMakeLists.txt", "# credo_suite links this").empty());
  CHECK(check_links("suite/CMakeLists.txt", "target_link_libraries(a credo_learners)").empty());
}

TEST_CASE("a link to a missing page is found") {
  const std::string root = CREDO_SOURCE_DIR;
  CHECK(check_page_links(root, "docs/a.md", "see [b](no-such-page.md)").size() == 1);
  CHECK(check_page_links(root, "docs/a.md", "see [b](../README.md#map)").empty());
  CHECK(
      check_page_links(root, "docs/a.md", "see [b](https://example.org/x.md), [c](#here)").empty());
}

TEST_CASE("a comment naming a missing page is found") {
  const std::string root = CREDO_SOURCE_DIR;
  CHECK(check_page_names(root, "envs/a.cpp", "// see docs/no-such-page.md.").size() == 1);
  CHECK(check_page_names(root, "envs/a.cpp", "// see README.md.").empty());
}
