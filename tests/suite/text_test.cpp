#include "suite/common/text.hpp"

#include <doctest/doctest.h>

#include "tests/suite/support.hpp"

using namespace credo::suite;
using namespace credo::suite::testing;

TEST_CASE("integers are whole texts") {
  CHECK(parse_int("0") == 0);
  CHECK(parse_int("-17") == -17);
  CHECK(parse_int("9223372036854775807") == INT64_MAX);
  for (const char* bad : {"", " 1", "1 ", "+1", "1.0", "abc", "0x10", "9223372036854775808", "-"})
    CHECK_MESSAGE(!parse_int(bad), bad);
}

TEST_CASE("an integer option names itself, its value and its range") {
  CHECK(parse_option_int("--episodes", "5", 1, 10) == 5);
  const std::string range = user_error([] { parse_option_int("--episodes", "0", 1, 10); });
  CHECK(range == "--episodes = '0': out of range; allowed: an integer in [1, 10]");
  CHECK(contains(user_error([] { parse_option_int("--seed", "abc", 0, 9); }), "not an integer"));
}

TEST_CASE("an integer option may have an exponent") {
  CHECK(parse_option_int("--t-max", "1e5", 1, 1000000) == 100000);
  CHECK(user_error([] { parse_option_int("--t-max", "1.5e0", 1, 10); }) ==
        "--t-max = '1.5e0': not an integer; allowed: an integer in [1, 10]");
}

TEST_CASE("text is wrapped at words, by paragraphs") {
  CHECK(wrapped("one two three four", 9) == "one two\nthree\nfour\n");
  CHECK(wrapped("one two three", 9, 2) == "  one two\n  three\n");
  CHECK(wrapped("a b\n\nc", 80) == "a b\n\nc\n");
  CHECK(wrapped("a\n  as it is\nb", 80) == "a\n  as it is\nb\n");
  CHECK(wrapped("unbreakable", 4) == "unbreakable\n");
  CHECK(wrapped("", 4).empty());
}

TEST_CASE("seed lists") {
  using Seeds = std::vector<std::uint64_t>;
  CHECK(parse_seed_list("--seeds", "3") == Seeds{3});
  CHECK(parse_seed_list("--seeds", "0-4") == Seeds{0, 1, 2, 3, 4});
  CHECK(parse_seed_list("--seeds", "5,0,2") == Seeds{5, 0, 2});
  CHECK(parse_seed_list("--seeds", "0-2,7,9-10") == Seeds{0, 1, 2, 7, 9, 10});
  CHECK(parse_seed_list("--seeds", "9223372036854775807") == Seeds{INT64_MAX});
  for (const char* bad :
       {"", ",", "1,", "a", "-3", "1-", "-", "4-2", "1.5", "1,,2", " 1", "0-99999999999"})
    CHECK_MESSAGE(contains(user_error([&] { parse_seed_list("--seeds", bad); }), "--seeds = '"),
                  bad);
  CHECK(contains(user_error([] { parse_seed_list("--seeds", "1,0-2"); }), "seed 1 appears twice"));
}

TEST_CASE("the text of a seed list reads back") {
  for (const char* text : {"3", "0-4", "5,0,2", "0-2,7,9-10", "0-1"}) {
    const auto seeds = parse_seed_list("--seeds", text);
    CHECK(parse_seed_list("--seeds", seed_list_text(seeds)) == seeds);
  }
  CHECK(seed_list_text({0, 1, 2, 7}) == "0-2,7");
}

TEST_CASE("name patterns") {
  CHECK(glob_match("*", ""));
  CHECK(glob_match("matrix/*", "matrix/qtran"));
  CHECK(glob_match("*/qmix/*", "predator_prey/5x5/qmix/seed_0"));
  CHECK(glob_match("switch/?", "switch/2"));
  CHECK(glob_match("a*b*c", "aXbXbc"));
  CHECK(!glob_match("matrix/*", "matrices/qtran"));
  CHECK(!glob_match("switch/?", "switch/22"));
  CHECK(!glob_match("", "a"));
  CHECK(!glob_match("a", ""));
  // A pattern that would take exponential time by backtracking over every star.
  CHECK(!glob_match("*a*a*a*a*a*a*a*a*b", std::string(2000, 'a')));
}

TEST_CASE("messages are one line of good UTF-8") {
  CHECK(one_line("a\nb\tc\x1b[0m") == "a\\nb\\x09c\\x1b[0m");
  CHECK(one_line("na\xC3\xAFve \xFF") == "na\xC3\xAFve ?");
}

TEST_CASE("malformed UTF-8 is found") {
  CHECK(!find_invalid_utf8("plain, na\xC3\xAFve, \xE2\x82\xAC, \xF0\x9F\x98\x80"));
  CHECK(find_invalid_utf8("ab\xFF") == 2U);
  CHECK(find_invalid_utf8("\xC0\xAF") == 0U);          // overlong
  CHECK(find_invalid_utf8("\xE0\x80\xAF") == 0U);      // overlong
  CHECK(find_invalid_utf8("x\xED\xA0\x80") == 1U);     // surrogate
  CHECK(find_invalid_utf8("\xF4\x90\x80\x80") == 0U);  // beyond the last code point
  CHECK(find_invalid_utf8("\xE2\x82") == 0U);          // cut short
}

TEST_CASE("thousands") {
  CHECK(with_thousands(0) == "0");
  CHECK(with_thousands(999) == "999");
  CHECK(with_thousands(1000) == "1,000");
  CHECK(with_thousands(-1234567) == "-1,234,567");
}
