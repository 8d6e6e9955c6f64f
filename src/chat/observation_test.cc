#include "chat/observation.h"

#include <gtest/gtest.h>

#include <random>

#include "base/error.h"
#include "base/utf8.h"
#include "chat/final_answer.h"

namespace mathcoder::chat {
namespace {

TEST(Observe, PublishedBehaviour) {
  const struct {
    const char* output;
    const char* seen;
  } cases[] = {
      {"", "<empty_execution>"},
      {" \n", "<empty_execution>"},
      {"180\n", "180"},
      {"0.6631578947368421", "0.663157"},
      {"0.9999999", "0.999999"},
      {"0.123456", "0.123456"},
      {"(0.9785831960461285, 198.0)", "(0.978583, 198.0)"},
      {"36.6005546666667*x", "36.600554*x"},
      {"1.195938368464282e-08", "1.195938e-08"},
      {"(1.123456789+2.987654321j)", "(1.123456+2.987654j)"},
      {"x12.12345678", "x12.123456"},
      {".123456789", ".123456789"},
      {"1234567.1", "1234567.1"},
      {"1.2345678.9", "1.234567.9"},
      {"12345678901234567890", "12345678901234567890"},
      {"\x1b[0;31mNameError\x1b[0m \x1b[38;5;241m= x", "NameError = x"},
      {"a\x1b", "a"},
      {"\x1b]0;title\x07left", "left"},
      {"\x1b(Bplain\x1b=", "plain"},
      {"bad \xff byte", "bad \xef\xbf\xbd byte"},
      {"two\n  lines \n", "two\n  lines"},
  };
  const ObservationPolicy policy = LoadObservationPolicy("mathcoder");
  for (const auto& test : cases) EXPECT_EQ(Observe(policy, test.output), test.seen) << test.output;
}

TEST(Observe, LongOutputKeepsItsHeadAndItsTail) {
  ObservationPolicy policy;
  policy.max_bytes = 60;
  std::string output;
  for (int i = 0; i < 100; ++i) output += "é" + std::to_string(i % 10);
  const std::string seen = Observe(policy, output);
  EXPECT_LE(seen.size(), 60U);
  EXPECT_GE(seen.size(), 50U);
  EXPECT_TRUE(base::IsValidUtf8(seen));
  EXPECT_TRUE(seen.starts_with("é0é1"));
  EXPECT_TRUE(seen.ends_with("é9"));
  std::size_t kept = 0;
  for (const char* part : {"\n... ", " characters left out ...\n"}) ASSERT_NE(seen.find(part), std::string::npos);
  const std::size_t at = seen.find("\n... ");
  const std::size_t left_out = std::stoul(seen.substr(at + 5));
  const std::size_t end = seen.find("...\n", at) + 4;
  for (const char byte : seen.substr(0, at) + seen.substr(end)) kept += (byte & 0xc0) != 0x80;
  EXPECT_EQ(kept + left_out, 200U) << "characters kept and left out are all there were";
  EXPECT_EQ(Observe(LoadObservationPolicy("raw"), std::string(4096, 'x')).size(), 4096U);
  EXPECT_EQ(Observe(LoadObservationPolicy("raw"), std::string(4097, 'x')).size() <= 4096U, true);
}

TEST(Observe, OtherPolicies) {
  const std::string ansi = " \x1b[1m0.12345678\n";
  EXPECT_EQ(Observe(LoadObservationPolicy("raw"), ansi), ansi);
  EXPECT_EQ(Observe(LoadObservationPolicy("raw"), ""), "");
  EXPECT_EQ(Observe(LoadObservationPolicy("tora"), ansi), "0.12345678");
  EXPECT_EQ(Observe(LoadObservationPolicy("tora"),
                    "Traceback (most recent call last):\n  File \"x\", line 1\nZeroDivisionError: division by zero\n"),
            "ZeroDivisionError: division by zero");
  const std::string longest = Observe(LoadObservationPolicy("tora"), std::string(300, 'a') + std::string(300, 'b'));
  EXPECT_EQ(longest, std::string(200, 'a') + "..." + std::string(200, 'b'));
  for (const std::string& name : ObservationPolicies()) EXPECT_EQ(LoadObservationPolicy(name).name, name);
  EXPECT_THROW(LoadObservationPolicy("x"), base::Error);
}

TEST(Observe, IsIdempotentAndNeverTooLong) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::vector<std::string> pieces = {"1",  ".",    "2345678", " ",    "\n", "é", "😀",   "\x1b[3",
                                           "1m", "\x1b", "\xc3",    "e-05", "[",  "m", "text"};
  for (int round = 0; round < 3000; ++round) {
    ObservationPolicy policy = LoadObservationPolicy(round % 2 == 0 ? "mathcoder" : "tora");
    policy.max_bytes = 40 + random() % 60;
    policy.decimals = static_cast<int>(random() % 8) - 1;
    std::string output;
    for (std::size_t i = random() % 40; i > 0; --i) output += pieces[random() % pieces.size()];
    const std::string seen = Observe(policy, output);
    EXPECT_TRUE(base::IsValidUtf8(seen));
    EXPECT_LE(seen.size(), policy.max_bytes);
    EXPECT_EQ(Observe(policy, seen), seen) << output;
  }
}

TEST(ExtractFinalAnswer, TakesTheFirstSourceThatStatesOne) {
  using K = BlockKind;
  const struct {
    std::vector<Block> blocks;
    const char* answer;
  } cases[] = {
      {{{K::kText, "so \\boxed{540} meters"}}, "540"},
      {{{K::kText, "\\boxed{\\frac{1}{2}} and \\boxed{ x_{1} = \\{2\\} }."}}, "x_{1} = \\{2\\}"},
      {{{K::kText, "\\boxed{7}"}, {K::kCode, "\\boxed{9}"}, {K::kText, "put it in \\boxed{}"}}, "7"},
      {{{K::kText, "\\boxed{x}, so write \\boxed{}"}}, "x"},
      {{{K::kText, "\\boxed{1} then \\boxed{2"}}, "1"},
      {{{K::kText, "\\boxed 7."}}, "7"},
      {{{K::kText, "The answer is 42."}}, "42"},
      {{{K::kText, "work\n#### 1,234"}}, "1,234"},
      {{{K::kText, "**Final Answer:** \\(3x+1\\)\nbye 5"}}, "3x+1"},
      {{{K::kText, "It costs $1,200.50 now."}}, "1200.50"},
      {{{K::kText, "x = -3"}, {K::kText, "no numbers here"}}, "-3"},
      {{{K::kText, "from 5-3 to 10/4"}}, "10/4"},
      {{{K::kText, "nothing"}, {K::kCode, "1"}, {K::kExecution, "a\n(6, -2)\n"}}, "(6, -2)"},
      {{}, ""},
      {{{K::kText, ""}}, ""},
  };
  for (const auto& test : cases) EXPECT_EQ(ExtractFinalAnswer(test.blocks), test.answer);
}

TEST(ExtractFinalAnswer, StandsAnyText) {
  std::string deep;
  for (int i = 0; i < 200000; ++i) deep += "\\boxed{";
  EXPECT_EQ(ExtractFinalAnswer({{BlockKind::kText, deep}}), "");
  EXPECT_EQ(ExtractFinalAnswer({{BlockKind::kText, deep + "1" + std::string(200000, '}')}}), "1");
  EXPECT_EQ(ExtractFinalAnswer({{BlockKind::kText, std::string(1000000, '\\')}}), "");
}

}  // namespace
}  // namespace mathcoder::chat
